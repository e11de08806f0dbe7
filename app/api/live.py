"""`/api/v1/accounting/runs/live`: what runs do, as it happens, by server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from app.db import runs
from app.db.listening import RunNews
from app.edge.deps import RuntimeDep, Viewer
from app.edge.problems import may_raise
from app.edge.sync_answers import run_answer
from app.errors import Forbidden, Invalid, Unauthenticated
from app.runtime import Runtime

router = APIRouter(
    prefix="/api/v1/accounting/runs", tags=["sync"], responses=may_raise(Unauthenticated, Forbidden, Invalid)
)
LONGEST_SECONDS = 600
HEARTBEAT_SECONDS = 15.0
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}, "description": "Events."}}


@router.get("/live", operation_id="run_live", response_class=StreamingResponse, responses=_STREAM)
async def live(
    request: Request,
    runtime: RuntimeDep,
    principal: Viewer,
    seconds: Annotated[int, Query(ge=0, le=LONGEST_SECONDS, description="How long at most.")] = LONGEST_SECONDS,
    last_event_id: Annotated[str | None, Header(max_length=40, pattern=r"^[0-9]{1,16}$")] = None,
) -> StreamingResponse:
    """Every change of a run of the firm: `event: run`, its data a run's answer.

    It begins with the runs that are open, or after `Last-Event-ID` with all that changed since; nothing is missed
    between two streams. It ends after `seconds`; browsers then connect again by themselves.
    """
    since = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(last_event_id)) if last_event_id else None
    news: RunNews = request.app.state.run_news
    return StreamingResponse(
        _events(request, runtime, news, principal.firm_id, since, seconds),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(
    request: Request, runtime: Runtime, news: RunNews, firm_id: int, since: datetime | None, seconds: int
) -> AsyncIterator[str]:
    until = time.monotonic() + seconds
    yield "retry: 2000\n\n"
    with news.of_firm(firm_id) as bell:
        while True:
            bell.clear()
            async with runtime.db.firm(firm_id) as session:
                found = await runs.changed(session, firm_id, since)
            for run in found:
                since = max(since or run.updated_at, run.updated_at)
                moment = int((run.updated_at - datetime.fromtimestamp(0, UTC)) / timedelta(microseconds=1))
                yield f"id: {moment}\nevent: run\ndata: {run_answer(run).model_dump_json()}\n\n"
            left = until - time.monotonic()
            if left <= 0 or await request.is_disconnected():
                return
            try:
                await asyncio.wait_for(bell.wait(), min(left, HEARTBEAT_SECONDS))
            except TimeoutError:
                yield ": still here\n\n"
