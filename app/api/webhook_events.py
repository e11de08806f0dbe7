"""`/api/v1/accounting/webhook-events`: what the vendors told us, what came of it, and looking again."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from app.books.inputs import Id, Input, Word
from app.db import analytics, inbox
from app.edge import paging
from app.edge.deps import Admin, BellDep, FirmReads, FirmSession, Viewer
from app.edge.lean import LeanRoute
from app.edge.models import Answer, Moment, PageQuery
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, Unauthenticated
from app.sync import replaying

router = APIRouter(
    prefix="/api/v1/accounting/webhook-events",
    tags=["sync"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)
EventState = Literal["pending", "done", "ignored", "parked"]


class EventAnswer(Answer):
    """One event. `duplicates`: how often the vendor sent it again; `reason`: why it was ignored or has failed."""

    id: int
    connection_id: int | None
    provider: str
    company_id: str
    kind: str
    external_id: str
    operation: str
    state: EventState
    reason: str
    failures: int
    duplicates: int
    occurred_at: Moment | None
    created_at: Moment
    handled_at: Moment | None


class EventPage(Answer):
    """One page of events."""

    items: list[EventAnswer]
    next: str | None


class EventQuery(PageQuery):
    """Which events."""

    connection_id: Id | None = None
    kind: Word | None = None
    state: EventState | None = None
    external_id: Word | None = None


class EventSummary(Answer):
    """The last thirty days. `late`: told more than five minutes after it happened."""

    window_days: int
    received: int
    duplicates: int
    late: int
    done: int
    ignored: int
    pending: int
    parked: int
    median_seconds: float | None
    p95_seconds: float | None
    payments_found_only_by_reading: int


class ReplayIn(Input):
    """Which events to look at again; at least one condition."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=10_000)] | None = None
    connection_id: Id | None = None
    state: EventState | None = None


class Replayed(Answer):
    """How many events are looked at again."""

    count: int


@router.get("", operation_id="webhook_event_list")
async def list_events(session: FirmReads, principal: Viewer, query: Annotated[EventQuery, Query()]) -> EventPage:
    """Events, newest first."""
    rows = await inbox.page(
        session,
        principal.firm_id,
        after=paging.decode(query.cursor),
        limit=query.limit + 1,
        **query.model_dump(exclude={"cursor", "limit"}),
    )
    shown, following = paging.split(rows, query.limit)
    return EventPage(items=[EventAnswer.model_validate(row) for row in shown], next=following)


@router.get("/summary", operation_id="webhook_event_summary")
async def summary(session: FirmSession, principal: Viewer) -> EventSummary:
    """How many came, how late, how often twice, and what only our own reading found."""
    return EventSummary.model_validate(await analytics.webhooks(session, principal.firm_id))


@router.post("/replay", operation_id="webhook_event_replay")
async def replay(body: ReplayIn, session: FirmSession, principal: Admin, bell: BellDep) -> Replayed:
    """Look again at what these events were about, even where we seem to know it."""
    if not body.model_fields_set:
        raise Invalid("Say which events: by ids, connection or state.", code="filter_missing")
    count, woken = await replaying.replay(session, principal.firm_id, **body.model_dump(), actor=principal.subject)
    bell |= woken
    return Replayed(count=count)
