"""Payments and credits as the providers told them: read-only here, written by the sync alone."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, select

from app.db.listing import among_given, one_of, page_of
from app.db.reading import Reads
from app.db.tables import Connection, Payment, PaymentAllocation
from app.errors import NotFound

PaymentRow = Row[*tuple[Any, ...]]
AllocationRow = Row[*tuple[Any, ...]]

_SELECT = select(Payment, Connection.provider.label("provider")).join(
    Connection, and_(Connection.firm_id == Payment.firm_id, Connection.id == Payment.connection_id)
)
_ONE, _PAGE = one_of(_SELECT, Payment), page_of(_SELECT, Payment)
_ALLOCATIONS = (
    select(PaymentAllocation)
    .where(PaymentAllocation.firm_id == bindparam("firm"), among_given(PaymentAllocation.payment_id))
    .order_by(PaymentAllocation.payment_id, PaymentAllocation.id)
)


async def get(session: Reads, firm_id: int, payment_id: int) -> PaymentRow:
    """One payment, without its allocations. Raises NotFound."""
    row = (await session.execute(_ONE, {"firm": firm_id, "id": payment_id})).one_or_none()
    if row is None:
        raise NotFound("There is no such payment.", record={"kind": "payment", "id": payment_id})
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of payments may be narrowed by; bounds are inclusive."""

    connection_id: int | None = None
    client_id: int | None = None
    invoice_id: int | None = None
    paid_from: date | None = None
    paid_to: date | None = None
    active: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filters that are set, as SQL."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return [_NARROW[name](value) for name, value in given.items() if value is not None]


def _pays(invoice_id: int) -> ColumnElement[bool]:
    return exists().where(
        PaymentAllocation.firm_id == Payment.firm_id,
        PaymentAllocation.payment_id == Payment.id,
        PaymentAllocation.invoice_id == invoice_id,
    )


_NARROW: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "connection_id": lambda connection_id: Payment.connection_id == connection_id,
    "client_id": lambda client_id: Payment.client_id == client_id,
    "invoice_id": _pays,
    "paid_from": lambda day: Payment.paid_on >= day,
    "paid_to": lambda day: Payment.paid_on <= day,
    "active": lambda active: Payment.active == active,
}


async def page(
    session: Reads, firm_id: int, filters: Filters, *, after: int | None, limit: int
) -> Sequence[PaymentRow]:
    """Payments in order of id, without their allocations."""
    conditions = filters.conditions()
    query = _PAGE.where(*conditions) if conditions else _PAGE
    return (await session.execute(query, {"firm": firm_id, "after": after or 0, "limit": limit})).all()


async def allocations_of(
    session: Reads, firm_id: int, payment_ids: Collection[int]
) -> Mapping[int, list[AllocationRow]]:
    """What several payments were set against; a payment without allocations maps to an empty list."""
    found: defaultdict[int, list[AllocationRow]] = defaultdict(list)
    for row in await session.execute(_ALLOCATIONS, {"firm": firm_id, "ids": list(payment_ids)}):
        found[row.payment_id].append(row)
    return found
