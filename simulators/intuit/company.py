"""One QuickBooks company (realm): its tables, books, counters, preferences and replay memory."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Literal

from simulators.core.clock import Clock
from simulators.core.http import Json
from simulators.intuit.faults import QboFault, bad_reference, inactive
from simulators.intuit.ledger import ZERO, Ledger
from simulators.intuit.schema import Parser
from simulators.intuit.stamps import pacific_day, rounded, stamp
from simulators.intuit.table import Table

Operation = Literal["created", "updated", "deleted", "voided", "merged", "emailed"]
OnChange = Callable[[str, str, str, Operation, str], None]

CURRENCY_NAMES = {
    "AUD": "Australian Dollar",
    "CAD": "Canadian Dollar",
    "EUR": "Euro",
    "GBP": "British Pound Sterling",
    "NZD": "New Zealand Dollar",
    "USD": "United States Dollar",
}

# What QuickBooks calls the kinds of referenced things in a 2500 fault.
_KIND_NAMES = {"Customer": "Names", "Vendor": "Names", "Employee": "Names", "Class": "Klasses", "TaxAgency": "Names"}

INDEXED = {
    "Customer": ("DisplayName", "FullyQualifiedName", "ParentRef"),
    "Vendor": ("DisplayName",),
    "Employee": ("DisplayName",),
    "Class": ("FullyQualifiedName", "ParentRef"),
    "Department": ("FullyQualifiedName", "ParentRef"),
    "Term": ("Name",),
    "PaymentMethod": ("Name",),
    "TaxAgency": ("DisplayName",),
    "JournalEntry": ("DocNumber",),
    "Purchase": ("DocNumber", "EntityRef"),
    "Deposit": (),
    "Transfer": (),
    "Invoice": ("DocNumber", "CustomerRef"),
    "CreditMemo": ("DocNumber", "CustomerRef"),
    "Payment": ("PaymentRefNum", "CustomerRef"),
    "Item": ("Name", "Sku", "FullyQualifiedName", "ParentRef"),
    "Account": ("Name", "FullyQualifiedName", "ParentRef"),
    "TaxCode": ("Name",),
    "TaxRate": ("Name",),
}


class Company:
    """The state of one realm. `roles` gives the account ids of receivable, undeposited, tax and discount."""

    def __init__(self, realm: str, name: str, country: str, currency: str, clock: Clock, on_change: OnChange) -> None:
        self.realm, self.name, self.country, self.currency = realm, name, country, currency
        self._clock = clock
        self._on_change = on_change
        self.tables = {entity: Table(indexed) for entity, indexed in INDEXED.items()}
        self.ledger = Ledger(lambda kind, key: self.tables[kind].refresh("Balance", key))
        # Money applied to an invoice or taken from a credit memo: document id -> payment id -> amount.
        self.applied: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
        self.voided: set[str] = set()
        self.replay: dict[str, tuple[int, Json]] = {}
        self.roles: dict[str, str] = {}
        # Home units for one unit of a foreign currency, where a transaction gives no rate of its own.
        self.rates: dict[str, Decimal] = {}
        # Payments that lie in a deposit: payment id -> deposit id.
        self.deposited: dict[str, str] = {}
        # The books were closed with a password, which no API call can give (6210 instead of 6200).
        self.closing_password = False
        self.info: Json = {}
        self.preferences: Json = {}
        self.parser = Parser(narrow=country == "US")
        self._counters: defaultdict[str, int] = defaultdict(int)
        self._doc_numbers = 1000

    @property
    def us(self) -> bool:
        """US sales-tax rules; otherwise GlobalTaxCalculation."""
        return self.country == "US"

    @property
    def now(self) -> datetime:
        """The simulated moment."""
        return self._clock.now()

    @property
    def multicurrency(self) -> bool:
        """Whether customers, accounts and transactions have currencies of their own."""
        return self.preference("CurrencyPrefs", "MultiCurrencyEnabled") is True

    def today(self) -> str:
        """The Pacific calendar day, used for an omitted TxnDate."""
        return pacific_day(self.now).isoformat()

    def open(self, clock: Clock, on_change: OnChange) -> None:
        """Seeding is over: live by this clock and tell this listener of every change."""
        self._clock, self._on_change = clock, on_change

    def set_preferences(self, group: str, values: Json) -> None:
        """Replace one group of preferences, as the settings page does."""
        at = stamp(rounded(self.now))
        changes = {"SyncToken": str(int(self.preferences["SyncToken"]) + 1)}
        meta = {**self.preferences["MetaData"], "LastUpdatedTime": at}
        self.preferences = {**self.preferences, group: values, **changes, "MetaData": meta}
        self._on_change(self.realm, "Preferences", "1", "updated", "")

    def preference(self, group: str, name: str) -> object:
        """One preference, or None."""
        return self.preferences.get(group, {}).get(name)

    def reserve(self, counter: str, upto: int) -> None:
        """Start new ids of a counter above `upto` (the seeds')."""
        self._counters[counter] = max(self._counters[counter], upto)

    def next_id(self, counter: str) -> str:
        """The next id of a counter: txn, name, item or account."""
        self._counters[counter] += 1
        return str(self._counters[counter])

    def next_number(self) -> str:
        """The next automatic document number (CustomTxnNumbers off)."""
        self._doc_numbers += 1
        while self.tables["Invoice"].find("DocNumber", self._doc_numbers):
            self._doc_numbers += 1
        return str(self._doc_numbers)

    def next_journal_number(self) -> str:
        """The number of a journal entry saved with include=autodocnumber."""
        number = int(self.next_id("journal"))
        while self.tables["JournalEntry"].find("DocNumber", number):
            number = int(self.next_id("journal"))
        return str(number)

    def store(self, entity: str, key: str, fields: Json, operation: Operation) -> Json:
        """Write a row with its identity and stamps, SyncToken + 1, and announce it."""
        table = self.tables[entity]
        old = table.rows.get(key)
        at = rounded(self.now)
        created = table.created.get(key, at)
        row = {
            **fields,
            "domain": "QBO",
            "sparse": False,
            "Id": key,
            "SyncToken": str(int(old["SyncToken"]) + 1) if old else "0",
            "MetaData": {"CreateTime": stamp(created), "LastUpdatedTime": stamp(at)},
        }
        table.put(row, at)
        self._on_change(self.realm, entity, key, operation, "")
        return row

    def announce(self, entity: str, key: str, operation: Operation, other: str = "") -> None:
        """Tell of something that is no write of its own (e-mailed, merged); `other` is the loser of a merge."""
        self._on_change(self.realm, entity, key, operation, other)

    def touch(self, entity: str, key: str, changes: Json) -> Json:
        """Change computed fields of a row, as a linked write does: new SyncToken, new stamp, an update event."""
        return self.store(entity, key, {**self.tables[entity].get(key), **changes}, "updated")

    def erase(self, entity: str, key: str) -> None:
        """Delete a row and announce it."""
        self.tables[entity].remove(key, rounded(self.now))
        self._on_change(self.realm, entity, key, "deleted", "")

    def applied_to(self, document: str, besides: str | None = None) -> Decimal:
        """What payments have put on an invoice or taken from a credit memo, not counting one payment."""
        return sum((a for payment, a in self.applied[document].items() if payment != besides), ZERO)

    def resolve(self, entity: str, ref: Json, field: str, name: str = "Name") -> Json:
        """The row a reference means. Raises 2500 when unknown and 610 when inactive."""
        row = self.tables[entity].rows.get(ref["value"])
        if row is None:
            raise bad_reference(_KIND_NAMES.get(entity, f"{entity}s"), ref["value"])
        if row.get("Active") is False:
            raise inactive(field)
        return {**row, "_ref": {"value": ref["value"], "name": row.get(name, "")}}

    def control_account(self, role: str, currency: str) -> str:
        """The receivable or payable account of a currency; QuickBooks opens one when it is first needed."""
        if currency == self.currency:
            return self.roles[role]
        name = f"{role}:{currency}"
        if name not in self.roles:
            home = self.tables["Account"].get(self.roles[role])
            title = f"{home['Name']} - {currency}"
            kept = {k: home[k] for k in ("AccountType", "AccountSubType", "Classification", "SubAccount", "Active")}
            ref = {"value": currency, "name": CURRENCY_NAMES[currency]}
            fields = {**kept, "Name": title, "FullyQualifiedName": title, "CurrencyRef": ref}
            self.roles[name] = self.store("Account", self.next_id("account"), fields, "created")["Id"]
        return self.roles[name]

    def currency_ref(self, given: Json | None) -> Json:
        """The home currency; another one is refused because multicurrency is off (6000)."""
        if given is not None and given["value"] != self.currency:
            message = "A business validation error has occurred while processing your request"
            raise QboFault("6000", message, "Business Validation Error: Multi-currency is not enabled for this company")
        return {"value": self.currency, "name": CURRENCY_NAMES[self.currency]}
