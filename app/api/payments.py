"""`/api/v1/accounting/payments`: money and credit received, as the providers tell it. Read-only."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.books.inputs import Day, Id
from app.db import payments
from app.db.reading import Reads
from app.edge import paging
from app.edge.deps import FirmReads, Viewer
from app.edge.lean import LeanRoute
from app.edge.models import Answer, Moment, PageQuery, PathId, check_order, money
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting/payments",
    tags=["books"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class AllocationAnswer(Answer):
    """What was set against one invoice; `invoice_id` is null where the invoice is not ours."""

    invoice_id: int | None
    invoice_external_id: str
    amount: str
    applied_on: date | None


class PaymentAnswer(Answer):
    """A payment or credit: `amount` = what was set against documents + `unapplied`. Voided ones are not `active`."""

    id: int
    connection_id: int
    provider: str
    source_kind: str
    external_id: str
    client_id: int | None
    customer_external_id: str
    paid_on: date | None
    currency: str
    amount: str
    unapplied: str
    active: bool
    reference: str
    allocations: list[AllocationAnswer]
    created_at: Moment
    updated_at: Moment


class PaymentPage(Answer):
    """One page of payments."""

    items: list[PaymentAnswer]
    next: str | None


class PaymentQuery(PageQuery):
    """Which payments; bounds are inclusive."""

    connection_id: Id | None = None
    client_id: Id | None = None
    invoice_id: Id | None = None
    paid_from: Day | None = None
    paid_to: Day | None = None
    active: bool | None = None

    def filters(self) -> payments.Filters:
        """The same without the page. Raises Invalid with code `dates_reversed`."""
        check_order("paid_from", self.paid_from, "paid_to", self.paid_to)
        return payments.Filters(**self.model_dump(exclude={"cursor", "limit"}))


@router.get("", operation_id="payment_list")
async def list_payments(session: FirmReads, principal: Viewer, query: Annotated[PaymentQuery, Query()]) -> PaymentPage:
    """Payments in order of id."""
    after = paging.decode(query.cursor)
    rows = await payments.page(session, principal.firm_id, query.filters(), after=after, limit=query.limit + 1)
    shown, following = paging.split(rows, query.limit)
    return PaymentPage(items=await _answers(session, principal.firm_id, shown), next=following)


@router.get("/{payment_id}", operation_id="payment_get", responses=may_raise(NotFound))
async def get(payment_id: PathId, session: FirmReads, principal: Viewer) -> PaymentAnswer:
    """One payment with what it was set against."""
    row = await payments.get(session, principal.firm_id, payment_id)
    return (await _answers(session, principal.firm_id, [row]))[0]


async def _answers(session: Reads, firm_id: int, rows: Sequence[Any]) -> list[PaymentAnswer]:
    allocations = await payments.allocations_of(session, firm_id, [row.id for row in rows])
    return [_answer(row, allocations[row.id]) for row in rows]


def _answer(row: Any, allocations: Sequence[Any]) -> PaymentAnswer:
    return PaymentAnswer.model_validate(
        {
            **row._mapping,  # noqa: SLF001  SQLAlchemy's own name for it
            "amount": money(row.amount, row.currency),
            "unapplied": money(row.unapplied, row.currency),
            "allocations": [{**one._mapping, "amount": money(one.amount, row.currency)} for one in allocations],  # noqa: SLF001
        }
    )
