"""Invoices and their lines."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, exists, func, or_, select, update

from app.db.bulk import among
from app.db.listing import among_given, one_of, page_of
from app.db.reading import Reads
from app.db.session import Session
from app.db.sync_tables import InvoiceSyncMapping
from app.db.tables import Client, Firm, Invoice, InvoiceLine, Payment, PaymentAllocation
from app.errors import NotFound

InvoiceRow = Row[*tuple[Any, ...]]
LineRow = Row[*tuple[Any, ...]]

_OPEN = ("approved", "partially_paid")
_CHANGED = exists().where(
    InvoiceSyncMapping.firm_id == Invoice.firm_id,
    InvoiceSyncMapping.invoice_id == Invoice.id,
    InvoiceSyncMapping.external_id.is_not(None),
    InvoiceSyncMapping.base_revision < Invoice.revision,
)
_TODAY = func.date(func.timezone(Firm.time_zone, func.now()))
_OVERDUE = and_(among(Invoice.status, _OPEN), Invoice.due_date < _TODAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of invoices may be narrowed by; bounds are inclusive."""

    external_ref: str | None = None
    number: str | None = None
    status: str | None = None
    overdue: bool | None = None
    client_id: int | None = None
    client_ref: str | None = None
    issued_from: date | None = None
    issued_to: date | None = None
    due_from: date | None = None
    due_to: date | None = None
    updated_since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filters that are set, as SQL."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return [_NARROW[name](value) for name, value in given.items() if value is not None]


_NARROW: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "external_ref": lambda ref: Invoice.external_ref == ref,
    "number": lambda number: Invoice.number == number,
    "status": lambda status: Invoice.status == status,
    "overdue": _OVERDUE.is_,
    "client_id": lambda client_id: Invoice.client_id == client_id,
    "client_ref": lambda ref: Client.external_ref == ref,
    "issued_from": lambda day: Invoice.issue_date >= day,
    "issued_to": lambda day: Invoice.issue_date <= day,
    "due_from": lambda day: Invoice.due_date >= day,
    "due_to": lambda day: Invoice.due_date <= day,
    "updated_since": lambda moment: Invoice.updated_at >= moment,
}


_SELECT = (
    select(
        Invoice,
        Client.external_ref.label("client_ref"),
        _OVERDUE.label("overdue"),
        _CHANGED.label("changed_since_sync"),
    )
    .join(Client, and_(Client.firm_id == Invoice.firm_id, Client.id == Invoice.client_id))
    .join(Firm, Firm.id == Invoice.firm_id)
)
_ONE, _PAGE = one_of(_SELECT, Invoice), page_of(_SELECT, Invoice)
_LINES = (
    select(InvoiceLine)
    .where(InvoiceLine.firm_id == bindparam("firm"), among_given(InvoiceLine.invoice_id))
    .order_by(InvoiceLine.invoice_id, InvoiceLine.position)
)


async def get(session: Reads, firm_id: int, invoice_id: int) -> InvoiceRow:
    """One invoice, without its lines. Raises NotFound."""
    row = (await session.execute(_ONE, {"firm": firm_id, "id": invoice_id})).one_or_none()
    if row is None:
        raise NotFound("There is no such invoice.", record={"kind": "invoice", "id": invoice_id})
    return row


async def page(
    session: Reads, firm_id: int, filters: Filters, *, after: int | None, limit: int
) -> Sequence[InvoiceRow]:
    """Invoices in order of id, without their lines."""
    conditions = filters.conditions()
    query = _PAGE.where(*conditions) if conditions else _PAGE
    return (await session.execute(query, {"firm": firm_id, "after": after or 0, "limit": limit})).all()


async def lines_of(session: Reads, firm_id: int, invoice_ids: Collection[int]) -> Mapping[int, list[LineRow]]:
    """The lines of several invoices, in their order; an invoice without lines maps to an empty list."""
    lines: defaultdict[int, list[LineRow]] = defaultdict(list)
    for row in await session.execute(_LINES, {"firm": firm_id, "ids": list(invoice_ids)}):
        lines[row.invoice_id].append(row)
    return lines


async def named(session: Session, firm_id: int, ids: Collection[int], refs: Collection[str]) -> Sequence[InvoiceRow]:
    """The invoices with these ids or external refs, locked until the transaction ends."""
    wanted = or_(among(Invoice.id, ids), among(Invoice.external_ref, refs))
    query = select(Invoice).where(Invoice.firm_id == firm_id, wanted).order_by(Invoice.id).with_for_update()
    return (await session.execute(query)).all()


async def holders(session: Session, firm_id: int, numbers: Collection[str]) -> dict[str, int]:
    """Which invoice has which of these numbers."""
    query = select(Invoice.number, Invoice.id).where(Invoice.firm_id == firm_id, among(Invoice.number, numbers))
    return {row.number: row.id for row in await session.execute(query)}


async def drop_lines(session: Session, firm_id: int, invoice_ids: Sequence[int]) -> None:
    """Remove the lines of invoices that are about to get new ones."""
    await session.execute(
        delete(InvoiceLine).where(InvoiceLine.firm_id == firm_id, among(InvoiceLine.invoice_id, invoice_ids))
    )


async def has_allocations(session: Session, firm_id: int, invoice_id: int) -> bool:
    """Whether money or credit is set against an invoice."""
    same_firm = and_(Payment.firm_id == PaymentAllocation.firm_id, Payment.id == PaymentAllocation.payment_id)
    query = (
        select(PaymentAllocation.id)
        .join(Payment, same_firm)
        .where(
            PaymentAllocation.firm_id == firm_id,
            PaymentAllocation.invoice_id == invoice_id,
            PaymentAllocation.amount != 0,
            Payment.active,
        )
        .limit(1)
    )
    return (await session.execute(query)).one_or_none() is not None


async def void(session: Session, firm_id: int, invoice_id: int) -> None:
    """Mark as void, as a change that the provider must learn."""
    await session.execute(
        update(Invoice)
        .where(Invoice.firm_id == firm_id, Invoice.id == invoice_id)
        .values(status="void", revision=Invoice.revision + 1, updated_at=func.now())
    )
