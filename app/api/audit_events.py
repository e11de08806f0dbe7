"""`/api/v1/accounting/audit-events`: who did what."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.books.inputs import Word
from app.db import audit
from app.edge import paging
from app.edge.deps import Admin, FirmReads
from app.edge.lean import LeanRoute
from app.edge.models import Answer, Moment, PageQuery, Since
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting/audit-events",
    tags=["audit"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class AuditAnswer(Answer):
    """One act. `actor` is `key:<id>`, a user of your identity provider, `operator` or `system`."""

    id: int
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
    created_at: Moment


class AuditPage(Answer):
    """One page of acts."""

    items: list[AuditAnswer]
    next: str | None


class AuditQuery(PageQuery):
    """Which acts."""

    subject: Word | None = None
    action: Word | None = None
    actor: Word | None = None
    since: Since | None = None


@router.get("", operation_id="audit_event_list")
async def list_events(session: FirmReads, principal: Admin, query: Annotated[AuditQuery, Query()]) -> AuditPage:
    """What was done in this firm, newest first."""
    rows = await audit.page(
        session,
        principal.firm_id,
        after=paging.decode(query.cursor),
        limit=query.limit + 1,
        **query.model_dump(exclude={"cursor", "limit"}),
    )
    shown, following = paging.split(rows, query.limit)
    return AuditPage(items=[AuditAnswer.model_validate(row) for row in shown], next=following)
