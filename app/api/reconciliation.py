"""`…/connections/{id}/reconciliation`: whether both sides tie out, and each difference with its cause."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.books.inputs import Day, Id
from app.edge.deps import FirmSession, RuntimeDep, Viewer
from app.edge.models import Answer, Moment, PathId, check_order, money
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated
from app.sync.reconcile import reconcile

router = APIRouter(
    prefix="/api/v1/accounting/connections",
    tags=["sync"],
    responses=may_raise(Unauthenticated, Forbidden, Invalid, NotFound),
)
DEFAULT_PERIOD = timedelta(days=90)
Cause = Literal[
    "unknown_to_us",
    "not_pushed",
    "failed",
    "excluded",
    "deleted_there",
    "voided_there",
    "changed_here",
    "edited_there",
    "rounding",
    "payment_missing",
    "paid_elsewhere",
]


class Side(Answer):
    """How many documents, what they come to, and what of it is paid."""

    count: int
    amount: str
    paid: str


class TotalAnswer(Answer):
    """One kind in one currency."""

    kind: str
    currency: str
    here: Side
    there: Side
    differences: int


class ClientTotalAnswer(Answer):
    """One client's invoices in one currency; `client_id` is null for customers nobody here knows."""

    client_id: int | None
    client_name: str | None
    currency: str
    here: Side
    there: Side
    differences: int


class DifferenceAnswer(Answer):
    """A document that is not the same on both sides. `record_id` is null for one we do not have."""

    kind: str
    record_id: int | None
    mapping_id: int | None
    external_id: str | None
    number: str
    date: date | None
    client_id: int | None
    client_name: str | None
    currency: str
    here: str
    there: str
    here_paid: str
    there_paid: str
    cause: Cause
    code: str | None
    message: str
    who: str
    fix: str


class ReconciliationAnswer(Answer):
    """`as_of`: both kinds of changes there are known at least until then. `truncated`: more than 1,000 differences."""

    connection: int
    date_from: date
    date_to: date
    tied_out: bool
    as_of: Moment | None
    totals: list[TotalAnswer]
    clients: list[ClientTotalAnswer]
    differences: list[DifferenceAnswer]
    truncated: bool


class Period(BaseModel):
    """The period, both days inclusive; without them the last ninety days."""

    model_config = ConfigDict(extra="forbid")

    date_from: Day | None = Field(None, alias="from")
    date_to: Day | None = Field(None, alias="to")
    client_id: Id | None = None


@router.get("/{connection_id}/reconciliation", operation_id="connection_reconciliation")
async def reconciliation(
    connection_id: PathId,
    session: FirmSession,
    runtime: RuntimeDep,
    principal: Viewer,
    period: Annotated[Period, Query()],
) -> ReconciliationAnswer:
    """Compare our documents of a period with the company's as last seen. Asks nothing of the provider."""
    end = period.date_to or runtime.clock().date()
    start = period.date_from or end - DEFAULT_PERIOD
    check_order("from", start, "to", end)
    found = await reconcile(session, principal.firm_id, connection_id, start, end, client_id=period.client_id)
    return ReconciliationAnswer(
        connection=connection_id,
        date_from=start,
        date_to=end,
        tied_out=found.tied_out,
        as_of=found.as_of,
        totals=[TotalAnswer.model_validate(_sides(row)) for row in found.totals],
        clients=[ClientTotalAnswer.model_validate(_sides(row)) for row in found.clients],
        differences=[_difference(row) for row in found.differences],
        truncated=found.truncated,
    )


def _sides(row: dict[str, Any]) -> dict[str, Any]:
    currency = row["currency"] or ""

    def side(name: str) -> Side:
        amount, paid = row[f"{name}_amount"], row[f"{name}_paid"]
        return Side(count=row[f"{name}_count"], amount=money(amount, currency), paid=money(paid, currency))

    return {**row, "currency": currency, "here": side("here"), "there": side("there")}


def _difference(row: dict[str, Any]) -> DifferenceAnswer:
    currency = row["currency"] or ""
    amounts = {name: money(row[name], currency) for name in ("here", "there", "here_paid", "there_paid")}
    return DifferenceAnswer.model_validate({**row, **amounts, "date": row["dated"], "currency": currency})
