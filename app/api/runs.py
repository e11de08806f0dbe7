"""`/api/v1/accounting/runs`: what background work was asked for, and what came of it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from app.books.inputs import Id
from app.db import runs
from app.edge import paging
from app.edge.deps import FirmReads, Member, RuntimeDep, Viewer
from app.edge.lean import LeanRoute
from app.edge.models import Answer, PageQuery, PathId
from app.edge.principals import Principal
from app.edge.problems import may_raise
from app.edge.sync_answers import RunAnswer, run_answer
from app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from app.runtime import Runtime
from app.sync.controlling import Act, control

router = APIRouter(
    prefix="/api/v1/accounting/runs",
    tags=["sync"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class RunPage(Answer):
    """One page of runs."""

    items: list[RunAnswer]
    next: str | None


class RunQuery(PageQuery):
    """Which runs."""

    connection_id: Id | None = None
    action: Literal["push", "pull", "check", "refresh", "disconnect"] | None = None
    state: Literal["queued", "running", "paused", "done", "failed", "cancelled"] | None = None


@router.get("", operation_id="run_list")
async def list_runs(session: FirmReads, principal: Viewer, query: Annotated[RunQuery, Query()]) -> RunPage:
    """Runs, newest first."""
    rows = await runs.page(
        session,
        principal.firm_id,
        after=paging.decode(query.cursor),
        limit=query.limit + 1,
        **query.model_dump(exclude={"cursor", "limit"}),
    )
    shown, following = paging.split(rows, query.limit)
    return RunPage(items=[run_answer(row) for row in shown], next=following)


@router.post("/{run_id}/pause", operation_id="run_pause", responses=may_raise(NotFound, Conflict))
async def pause(run_id: PathId, runtime: RuntimeDep, principal: Member) -> RunAnswer:
    """Stop a push or pull where it is; calls in flight end. It can be resumed."""
    return await _control(runtime, principal, run_id, Act.pause)


@router.post("/{run_id}/resume", operation_id="run_resume", responses=may_raise(NotFound, Conflict))
async def resume(run_id: PathId, runtime: RuntimeDep, principal: Member) -> RunAnswer:
    """Go on with a paused run."""
    return await _control(runtime, principal, run_id, Act.resume)


@router.post("/{run_id}/cancel", operation_id="run_cancel", responses=may_raise(NotFound, Conflict))
async def cancel(run_id: PathId, runtime: RuntimeDep, principal: Member) -> RunAnswer:
    """End a push or pull. What it has not pushed yet is left out with the rule `cancelled`."""
    return await _control(runtime, principal, run_id, Act.cancel)


async def _control(runtime: Runtime, principal: Principal, run_id: int, act: Act) -> RunAnswer:
    return run_answer(await control(runtime.db, principal.firm_id, run_id, act, actor=principal.subject))


@router.get("/{run_id}", operation_id="run_get", responses=may_raise(NotFound))
async def get(run_id: PathId, session: FirmReads, principal: Viewer) -> RunAnswer:
    """One run."""
    return run_answer(await runs.get(session, principal.firm_id, run_id))
