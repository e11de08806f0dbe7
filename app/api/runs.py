"""`/api/v1/accounting/runs`: what background work was asked for, and what came of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.db import runs
from app.edge import paging
from app.edge.deps import FirmSession, Viewer
from app.edge.models import Answer, PageQuery, PathId
from app.edge.problems import may_raise
from app.edge.sync_answers import RunAnswer, run_answer
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting/runs", tags=["sync"], responses=may_raise(Unauthenticated, Forbidden, Invalid)
)


class RunPage(Answer):
    """One page of runs."""

    items: list[RunAnswer]
    next: str | None


@router.get("", operation_id="run_list")
async def list_runs(session: FirmSession, principal: Viewer, query: Annotated[PageQuery, Query()]) -> RunPage:
    """Runs, newest first."""
    rows = await runs.page(session, principal.firm_id, after=paging.decode(query.cursor), limit=query.limit + 1)
    shown, following = paging.split(rows, query.limit)
    return RunPage(items=[run_answer(row) for row in shown], next=following)


@router.get("/{run_id}", operation_id="run_get", responses=may_raise(NotFound))
async def get(run_id: PathId, session: FirmSession, principal: Viewer) -> RunAnswer:
    """One run."""
    return run_answer(await runs.get(session, principal.firm_id, run_id))
