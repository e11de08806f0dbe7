"""The books of one organisation: indexed tables, a double-entry ledger, and undo for a refused request."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from simulators.core.clock import Clock
from simulators.xero.ledger import Ledger, document_entries, overpayment_entries, payment_entries
from simulators.xero.model import Account, Allocation, Contact, Document, Item, Overpayment, Payment, TaxRate


class HasId(Protocol):
    """Anything that a table can hold."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=HasId)
Key = tuple[str, str]


class Table(Generic[R]):
    """Records by id, with secondary indexes and postings derived from each record."""

    def __init__(
        self,
        undo: list[Callable[[], None]],
        keys: Callable[[R], Iterable[Key]] = lambda _: (),
        posted: Callable[[R | None, str], None] = lambda _record, _id: None,
    ) -> None:
        self.rows: dict[str, R] = {}
        self._undo = undo
        self._keys = keys
        self._posted = posted
        self._index: dict[Key, dict[str, None]] = {}

    def get(self, key: str | None) -> R | None:
        """The record with this id."""
        return self.rows.get(key) if key else None

    def find(self, index: str, value: str) -> list[R]:
        """Records under one value of an index, oldest first."""
        return [self.rows[key] for key in self._index.get((index, value), ())]

    def put(self, record: R) -> R:
        """Save a record over the one with the same id."""
        old = self.rows.get(record.id)
        self._undo.append(lambda: self._set(record.id, old))
        self._set(record.id, record)
        return record

    def remove(self, key: str) -> None:
        """Take a record out. Raises KeyError."""
        old = self.rows[key]
        self._undo.append(lambda: self._set(key, old))
        self._set(key, None)

    def _set(self, key: str, record: R | None) -> None:
        old = self.rows.get(key)
        if old is not None:
            for index in self._keys(old):
                self._index[index].pop(key, None)
        if record is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = record
            for index in self._keys(record):
                self._index.setdefault(index, {})[key] = None
        self._posted(record, key)


@dataclass(frozen=True)
class Tenant:
    """Who the organisation is. `rates` are the day rates: foreign units for one unit of base currency."""

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
        self._undo: list[Callable[[], None]] = []
        self.accounts: Table[Account] = Table(self._undo, lambda a: [("code", a.code.lower()), ("system", a.system)])
        self.taxes: Table[TaxRate] = Table(self._undo)
        self.items: Table[Item] = Table(self._undo, lambda i: [("code", i.code.lower())])
        self.contacts: Table[Contact] = Table(self._undo, _contact_keys)
        self.documents: Table[Document] = Table(self._undo, _document_keys, self._post_document)
        self.payments: Table[Payment] = Table(self._undo, lambda p: [("target", p.target_id)], self._post_payment)
        self.overpayments: Table[Overpayment] = Table(
            self._undo, lambda o: [("contact", o.contact_id)], self._post_overpayment
        )
        self.allocations: Table[Allocation] = Table(
            self._undo, lambda a: [("invoice", a.invoice_id), ("source", a.source_id)]
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
        """The next free automatic number, INV-0001 or CN-0001 style."""
        prefix = "INV" if kind == "invoice" else "CN"
        while True:
            number = f"{prefix}-{self._next_number[kind]:04d}"
            self._next_number[kind] += 1
            if not self.documents.find(f"{kind}-number", number.lower()):
                return number

    def lock(self, period: date | None, year: date | None) -> None:
        """Set or lift the lock dates."""
        self.tenant = replace(self.tenant, lock_date=period, year_lock_date=year)

    def _post_document(self, record: Document | None, key: str) -> None:
        self.ledger.post(key, document_entries(self, record) if record and record.posted else [])

    def _post_payment(self, record: Payment | None, key: str) -> None:
        live = record is not None and record.status == "AUTHORISED"
        self.ledger.post(key, payment_entries(self, record) if record and live else [])

    def _post_overpayment(self, record: Overpayment | None, key: str) -> None:
        live = record is not None and record.status != "VOIDED"
        self.ledger.post(key, overpayment_entries(self, record) if record and live else [])


def new_id() -> str:
    """A fresh lower-case GUID."""
    return str(uuid.uuid4())


def _contact_keys(contact: Contact) -> list[Key]:
    keys = [("number", contact.number.lower())] if contact.number else []
    if contact.status == "ACTIVE":
        keys.append(("name", contact.name.lower()))
    else:
        keys.append(("archived-name", contact.name.lower()))
    return keys


def _document_keys(document: Document) -> list[Key]:
    keys = [("contact", document.contact_id)]
    if document.number and document.status != "DELETED":
        keys.append((f"{document.kind}-number", document.number.lower()))
        if document.sale:
            # Only sales numbers are unique; bills of two suppliers may share one.
            keys.append((f"{document.kind}-sale-number", document.number.lower()))
    return keys
