"""The books of one organisation: indexed tables, a double-entry ledger, and undo for a refused request."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from simulators.core.clock import Clock
from simulators.xero import postings
from simulators.xero.keys import (
    account_keys,
    bank_keys,
    contact_groups,
    contact_keys,
    document_groups,
    document_keys,
    journal_keys,
    payment_keys,
)
from simulators.xero.ledger import Entry, Ledger
from simulators.xero.model import Account, Contact, Document, Item, TaxRate
from simulators.xero.model_cash import Allocation, BankTransaction, BankTransfer, Credit, ManualJournal, Payment
from simulators.xero.model_lists import ContactGroup, TrackingCategory
from simulators.xero.table import Table

R = TypeVar("R")


@dataclass(frozen=True)
class Tenant:
    """Who the organisation is. `rates` are the day rates: foreign units for one unit of base currency.

    An organisation without rates has no multicurrency plan.
    """

    id: str
    name: str
    currency: str
    country: str
    timezone: str
    xero_timezone: str
    short_code: str
    rates: dict[str, Decimal]
    default_sales_tax: str
    lock_date: date | None = None
    year_lock_date: date | None = None


class Books:
    """One organisation's records. Every change goes through the tables, so it can be undone and is posted."""

    def __init__(self, tenant: Tenant, clock: Clock) -> None:
        self.tenant = tenant
        self.clock = clock
        self.created = clock.now()
        self.ledger = Ledger()
        self.currencies: dict[str, str] = {}
        self.changes: list[tuple[str, str, str]] = []
        self.warnings: list[str] = []
        self.client = ""
        self._undo: list[Callable[[], None]] = []
        undo = self._undo
        self.accounts: Table[Account] = Table(undo, account_keys)
        self.taxes: Table[TaxRate] = Table(undo)
        self.items: Table[Item] = Table(undo, lambda i: [("code", i.code.lower())])
        self.tracking: Table[TrackingCategory] = Table(undo)
        self.groups: Table[ContactGroup] = Table(undo, lambda g: [("contact", c) for c in g.contacts])
        self.contacts: Table[Contact] = Table(undo, contact_keys, moment=lambda c: c.updated, groups=contact_groups)
        self.documents: Table[Document] = Table(
            undo,
            document_keys,
            self._posting(postings.document_entries, lambda d: d.posted),
            moment=lambda d: d.updated,
            groups=document_groups,
        )
        self.payments: Table[Payment] = Table(
            undo,
            payment_keys,
            self._posting(postings.payment_entries, lambda p: p.status == "AUTHORISED"),
            moment=lambda p: p.updated,
        )
        self.allocations: Table[Allocation] = Table(
            undo,
            lambda a: [("invoice", a.invoice_id), ("source", a.source_id)],
            self._posting(postings.allocation_entries, lambda _: True),
        )
        self.overpayments = self._credits()
        self.prepayments = self._credits()
        self.bank: Table[BankTransaction] = Table(
            undo,
            bank_keys,
            self._posting(postings.bank_entries, lambda t: t.posted),
            moment=lambda t: t.updated,
        )
        self.transfers: Table[BankTransfer] = Table(
            undo,
            lambda t: [("account", t.from_id), ("account", t.to_id)],
            self._posting(lambda _, t: postings.transfer_entries(t), lambda t: t.status == "AUTHORISED"),
            moment=lambda t: t.updated,
        )
        self.journals: Table[ManualJournal] = Table(
            undo,
            journal_keys,
            self._posting(postings.journal_entries, lambda j: j.status == "POSTED"),
            moment=lambda j: j.updated,
        )
        self._next_number = {"invoice": 1, "creditnote": 1}

    @property
    def now(self) -> datetime:
        """The simulated moment, cut to the millisecond that Xero keeps."""
        moment = self.clock.now()
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    @property
    def today(self) -> date:
        """Today where the organisation is."""
        return self.clock.now().astimezone(ZoneInfo(self.tenant.timezone)).date()

    def mark(self) -> tuple[int, int]:
        """A point to return to with `rollback`."""
        return len(self._undo), len(self.changes)

    def rollback(self, mark: tuple[int, int]) -> None:
        """Undo every change after the mark, newest first."""
        while len(self._undo) > mark[0]:
            self._undo.pop()()
        del self.changes[mark[1] :]

    def commit(self) -> list[tuple[str, str, str]]:
        """Keep the changes; returns what happened as (category, CREATE|UPDATE, id)."""
        self._undo.clear()
        changes, self.changes[:] = list(self.changes), []
        return changes

    def changed(self, category: str, resource_id: str, *, created: bool = False) -> None:
        """Note an event for the webhooks."""
        self.changes.append((category, "CREATE" if created else "UPDATE", resource_id))

    def account(self, code: str) -> Account | None:
        """The account with this code."""
        found = self.accounts.find("code", code.lower()) if code else []
        return found[0] if found else None

    def system_account(self, marker: str) -> Account:
        """The account with this SystemAccount marker; every seed has them."""
        return self.accounts.find("system", marker)[0]

    def day_rate(self, currency: str) -> Decimal:
        """Foreign units per unit of base currency."""
        return self.tenant.rates.get(currency, Decimal(1))

    def next_number(self, kind: str) -> str:
        """The next free automatic number, INV-0001 or CN-0001 style; a refused document gives it back."""
        prefix = "INV" if kind == "invoice" else "CN"
        start = self._next_number[kind]
        self._undo.append(lambda: self._next_number.update({kind: start}))
        while True:
            number = f"{prefix}-{self._next_number[kind]:04d}"
            self._next_number[kind] += 1
            if not self.documents.find(f"{kind}-number", number.lower()):
                return number

    def lock(self, period: date | None, year: date | None) -> None:
        """Set or lift the lock dates."""
        self.tenant = replace(self.tenant, lock_date=period, year_lock_date=year)

    def warn(self, message: str) -> None:
        """Note something that the answer tells although the element was saved."""
        self.warnings.append(message)

    def target_of(self, payment: Payment) -> Document | Credit:
        """What a payment pays."""
        return self._money(payment.target_kind, payment.target_id)

    def source_of(self, allocation: Allocation) -> Document | Credit:
        """What an allocation uses."""
        return self._money(allocation.source_kind, allocation.source_id)

    def account_used(self, account_id: str) -> bool:
        """Whether any record, draft or voided ones too, names the account."""
        tables = (self.documents, self.payments, self.bank, self.transfers, self.journals)
        return any(table.used("account", account_id) for table in tables)

    def option_used(self, option_id: str) -> bool:
        """Whether any record carries the tracking option."""
        return any(table.used("option", option_id) for table in (self.documents, self.bank, self.journals))

    def _money(self, kind: str, key: str) -> Document | Credit:
        if kind == "overpayment":
            return self.overpayments.rows[key]
        return self.prepayments.rows[key] if kind == "prepayment" else self.documents.rows[key]

    def _credits(self) -> Table[Credit]:
        return Table(
            self._undo,
            lambda c: [("contact", c.contact_id)],
            self._posting(postings.credit_entries, lambda c: c.live),
            moment=lambda c: c.updated,
        )

    def _posting(
        self, entries: Callable[["Books", R], Iterable[Entry]], live: Callable[[R], bool]
    ) -> Callable[[R | None, str], None]:
        """Keeps a record's entries in step with it."""

        def post(record: R | None, key: str) -> None:
            self.ledger.post(key, entries(self, record) if record is not None and live(record) else ())

        return post


def new_id() -> str:
    """A fresh lower-case GUID."""
    return str(uuid.uuid4())
