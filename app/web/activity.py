"""`/activity`: runs as they go, and our documents with what became of each."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from app.canonical import Kind
from app.db import connections, documents, progress, runs
from app.db.documents import Sought
from app.db.kinds import PUSHED
from app.db.reading import Reads
from app.edge.deps import RuntimeDep
from app.edge.models import PathId, number
from app.edge.principals import Role
from app.errors import NotFound
from app.runtime import Runtime
from app.sync.controlling import Act, control
from app.web import tables
from app.web.pages import PageRoute, go, headers, page
from app.web.sessions import FormDep, Visitor, VisitorDep
from app.web.words import plural, word

router = APIRouter(route_class=PageRoute, include_in_schema=False)
OPEN: Final = ("queued", "running")
STATES: Final = ("queued", "running", "paused", "done", "failed", "cancelled")
ACTIONS: Final = ("push", "pull", "check", "refresh", "disconnect")
STATUSES: Final = ("synced", "pending", "error")
_LIVE_SECONDS: Final = 300.0  # after that the browser asks anew, with whatever session it then has
_LOOK_EVERY: Final = 0.7


@router.get("/activity")
async def show_runs(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """Runs, newest first; those under way move by themselves."""
    reads = runtime.db.reads(visitor.firm_id)
    rows, following = await tables.page_of(reads, request, _runs(request, visitor))
    counted = [row.id for row in rows if row.action == "push"]
    found = await progress.of_runs(reads, visitor.firm_id, counted) if counted else []
    companies = {row.id: row for row in await connections.names(reads, visitor.firm_id)}
    how_far = {one.id: one for one in found}
    told = [(row, how_far.get(row.id), companies[row.connection_id]) for row in rows]
    return page(
        request,
        "runs.html",
        visitor,
        rows=[(row, far, said(row, far), company) for row, far, company in told],
        following=following,
        open=any(row.state in OPEN for row in rows),
        companies=companies.values(),
        states=STATES,
        actions=ACTIONS,
    )


@router.get("/activity/runs.csv")
async def runs_csv(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The same list for a spreadsheet."""
    columns = [(name, _reader(name)) for name in ("id", "connection_id", "action", "trigger", "state", "requested_by")]
    columns += [(name, _reader(name)) for name in ("created_at", "started_at", "finished_at")]
    columns += [
        ("counts", lambda row: json.dumps(row.counts, sort_keys=True)),
        ("error", lambda row: row.error.get("detail", "")),
    ]
    return tables.as_csv("runs", columns, runtime.db, visitor.firm_id, _runs(request, visitor))


@router.post("/activity/runs/{run_id}/{act}")
async def steer(run_id: PathId, act: str, runtime: RuntimeDep, visitor: VisitorDep, _form: FormDep) -> Response:
    """Pause, resume or cancel a run."""
    visitor.principal.require(Role.member)
    if act not in Act.__members__:
        raise NotFound("There is no such act.")
    await control(runtime.db, visitor.firm_id, run_id, Act(act), actor=visitor.subject)
    return go("/activity", "saved")


@router.get("/activity/live")
async def live(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """Progress of the open runs as server-sent events, until none is open."""
    return StreamingResponse(
        _events(request, runtime, visitor),
        media_type="text/event-stream",
        headers=headers() | {"X-Accel-Buffering": "no"},
    )


@router.get("/activity/documents")
async def show_documents(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """Documents of one kind, the last made first."""
    kind, sought = _sought(request, visitor)
    reads = runtime.db.reads(visitor.firm_id)
    rows, following = await tables.page_of(reads, request, _documents(visitor, kind, sought))
    companies = await connections.names(reads, visitor.firm_id)
    return page(
        request,
        "documents.html",
        visitor,
        rows=rows,
        following=following,
        kind=kind,
        kinds=tuple(PUSHED),
        statuses=STATUSES,
        companies=companies,
        sought=sought,
    )


@router.get("/activity/documents.csv")
async def documents_csv(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The same list for a spreadsheet."""
    kind, sought = _sought(request, visitor)
    names = ["id", "provider", "company_name", "record_id", "label", "party", "dated", "total", "currency"]
    names += ["record_status", "state", "sync_status", "sync_error", "external_id", "external_label", "external_total"]
    columns = [(name, _reader(name)) for name in (*names, "accepted_at", "synced_at", "updated_at")]
    columns.insert(12, ("code", lambda row: row.fault.get("code", "")))
    return tables.as_csv(f"{kind}s", columns, runtime.db, visitor.firm_id, _documents(visitor, kind, sought))


def said(run: Any, far: Any = None) -> str:
    """What a run has done, in words; `far` is its progress, where records are counted to it."""
    counts = {name: value for name, value in run.counts.items() if isinstance(value, int) and value}
    if run.state == "failed":
        return str(run.error.get("detail") or "It failed.")
    if far is not None and far.total:
        done = f"{far.done:,} of {plural(far.total, 'record')}"
        return f"{done}, {far.failed:,} {'needs' if far.failed == 1 else 'need'} you" if far.failed else done
    if counts:
        return ", ".join(f"{value:,} {word(name)}" for name, value in sorted(counts.items()))
    return {"done": "nothing had changed", "queued": "waiting for a worker", "running": "reading"}.get(run.state, "")


async def _events(request: Request, runtime: Runtime, visitor: Visitor) -> AsyncIterator[str]:
    until = time.monotonic() + _LIVE_SECONDS
    followed: set[int] = set()
    while time.monotonic() < until and not await request.is_disconnected():
        async with runtime.db.firm(visitor.firm_id) as session:
            for state in OPEN:
                rows = await runs.page(session, visitor.firm_id, after=None, limit=tables.PAGE, state=state)
                followed |= {row.id for row in rows}
            found = await progress.of_runs(session, visitor.firm_id, sorted(followed))
        shown = [
            {
                "id": run.id,
                "state": run.state,
                "word": word(run.state),
                "total": run.total,
                "done": run.done if run.state in OPEN else max(run.total, 1),
                "said": said(run, run),
            }
            for run in found
        ]
        yield f"event: runs\ndata: {json.dumps(shown)}\n\n"
        if not any(run.state in OPEN for run in found):
            yield "event: over\ndata: {}\n\n"
            return
        await asyncio.sleep(_LOOK_EVERY)


def _documents(visitor: Visitor, kind: Kind, sought: Sought) -> tables.Fetch:
    async def fetch(session: Reads, after: int | None, limit: int) -> Sequence[Any]:
        return await documents.page(session, visitor.firm_id, kind, sought, after=after, limit=limit)

    return fetch


def _runs(request: Request, visitor: Visitor) -> tables.Fetch:
    chosen = _run_filter(request, visitor)

    async def fetch(session: Reads, after: int | None, limit: int) -> Sequence[Any]:
        return await runs.page(session, visitor.firm_id, after=after, limit=limit, **chosen)

    return fetch


def _run_filter(request: Request, visitor: Visitor) -> dict[str, Any]:
    since, until = tables.wanted_moments(request, visitor.zone)
    return {
        "connection_id": tables.wanted_id(request, "connection"),
        "action": tables.wanted_word(request, "action", ACTIONS),
        "state": tables.wanted_word(request, "state", STATES),
        "since": since,
        "until": until,
    }


def _sought(request: Request, visitor: Visitor) -> tuple[Kind, Sought]:
    kind = Kind(tables.wanted_word(request, "kind", [one.value for one in PUSHED]) or Kind.invoice)
    since, until = tables.wanted_moments(request, visitor.zone)
    return kind, Sought(
        text=tables.wanted(request, "q"),
        status=tables.wanted_word(request, "status", STATUSES),
        state=tables.wanted(request, "state"),
        code=tables.wanted(request, "code"),
        connection_id=tables.wanted_id(request, "connection"),
        run_id=tables.wanted_id(request, "run"),
        since=since,
        until=until,
    )


def _reader(name: str) -> Any:
    def read(row: Any) -> object:
        value = getattr(row, name)
        return number(value) if name in ("total", "external_total") and value is not None else value

    return read
