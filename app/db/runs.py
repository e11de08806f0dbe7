"""Runs: requests for background work, and what came of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, Text, bindparam, case, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import array

from app.db.base import Json
from app.db.listing import one_of
from app.db.reading import Reads
from app.db.session import Session
from app.db.sync_tables import SyncRun
from app.db.work import Scope
from app.errors import NotFound

INTERACTIVE, WEBHOOK, BULK, BACKFILL = 10, 20, 30, 40
RunRow = Row[Any]

_ONE = one_of(select(SyncRun), SyncRun)
_PAGE = (
    select(SyncRun)
    .where(SyncRun.firm_id == bindparam("firm"), SyncRun.id < bindparam("before"))
    .order_by(SyncRun.id.desc())
    .limit(bindparam("limit", type_=Integer))
)
_AFTER_ALL = 2**63 - 1


async def request(
    session: Session,
    firm_id: int,
    connection_id: int,
    action: str,
    *,
    params: Json | None = None,
    priority: int = BULK,
    trigger: str = "api",
    requested_by: str = "",
) -> int:
    """Ask for work on a connection; returns the run's id. Wake the connection after the commit."""
    values = {
        "firm_id": firm_id,
        "connection_id": connection_id,
        "action": action,
        "params": params or {},
        "priority": priority,
        "trigger": trigger,
        "requested_by": requested_by,
    }
    return int((await session.execute(insert(SyncRun).values(values).returning(SyncRun.id))).scalar_one())


async def get(session: Reads, firm_id: int, run_id: int) -> RunRow:
    """One run of the firm. Raises NotFound."""
    row = (await session.execute(_ONE, {"firm": firm_id, "id": run_id})).one_or_none()
    if row is None:
        raise NotFound("There is no such run.", record={"kind": "run", "id": run_id})
    return row


async def page(  # noqa: PLR0913  (each filter of the list is one argument)
    session: Reads,
    firm_id: int,
    *,
    after: int | None,
    limit: int,
    connection_id: int | None = None,
    action: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[RunRow]:
    """Runs of the firm, newest first, older than `after`, asked for from `since` on and before `until`."""
    query = _PAGE
    for name, value in (("connection_id", connection_id), ("action", action), ("state", state)):
        if value is not None:
            query = query.where(getattr(SyncRun, name) == value)
    if since is not None:
        query = query.where(SyncRun.created_at >= since)
    if until is not None:
        query = query.where(SyncRun.created_at < until)
    before = _AFTER_ALL if after is None else after
    return (await session.execute(query, {"firm": firm_id, "before": before, "limit": limit})).all()


async def changed(session: Session, firm_id: int, since: datetime | None) -> Sequence[RunRow]:
    """Runs that changed after `since`, in that order; without it, those that are open."""
    query = select(SyncRun).where(SyncRun.firm_id == firm_id).order_by(SyncRun.updated_at, SyncRun.id).limit(500)
    if since is None:
        query = query.where(SyncRun.state.in_(("queued", "running", "paused")))
    else:
        query = query.where(SyncRun.updated_at > since)
    return (await session.execute(query)).all()


async def next_queued(session: Session, firm_id: int, scope: Scope) -> RunRow | None:
    """The most urgent open run that is due; housekeeping only where the connection is not usable."""
    excluded = ["push"]
    if not scope.usable:
        excluded += ["pull", "check"] if scope.throttled else ["pull"]
    query = (
        select(SyncRun)
        .where(
            SyncRun.firm_id == firm_id,
            SyncRun.connection_id == scope.connection_id,
            SyncRun.state.in_(("queued", "running")),
            SyncRun.action.not_in(excluded),
            SyncRun.next_due_at <= func.now(),
        )
        .order_by(SyncRun.priority, SyncRun.id)
        .limit(1)
    )
    return (await session.execute(query)).one_or_none()


async def start(session: Session, firm_id: int, run_id: int) -> None:
    """Mark a run as running; attempts count what was begun, so that crashes count too."""
    await session.execute(
        update(SyncRun)
        .where(SyncRun.firm_id == firm_id, SyncRun.id == run_id)
        .values(
            state="running",
            attempts=SyncRun.attempts + 1,
            started_at=func.coalesce(SyncRun.started_at, func.now()),
            updated_at=func.now(),
        )
    )


async def finish(session: Session, firm_id: int, run_id: int, counts: Json) -> None:
    """Close a run that did all it was asked for."""
    await _change_open(session, firm_id, run_id, state="done", counts=counts, error={}, finished_at=func.now())


async def fail(session: Session, firm_id: int, run_id: int, error: Json) -> None:
    """Close a run that cannot be carried out; what it did before stays counted."""
    told = {**error, "retries_itself": False}  # whatever it waited for before: it is not tried again
    await _change_open(session, firm_id, run_id, state="failed", error=told, finished_at=func.now())


async def count(session: Session, firm_id: int, run_id: int, counts: Json, done: Sequence[str] | None = None) -> None:
    """Show what a run has done so far; with `done`, also keep which kinds it is through with."""
    through = {} if done is None else {"params": _with_done(done)}
    await _change_open(session, firm_id, run_id, counts=counts, **through)


async def is_open(session: Session, firm_id: int, run_id: int) -> bool:
    """Whether a run still goes on: nobody has paused or cancelled it."""
    query = select(SyncRun.id).where(
        SyncRun.firm_id == firm_id, SyncRun.id == run_id, SyncRun.state.in_(("queued", "running"))
    )
    return (await session.execute(query)).one_or_none() is not None


async def read_all_again(session: Session, firm_id: int, connection_id: int) -> None:
    """Open pulls of a connection begin with their first kind again."""
    await session.execute(
        update(SyncRun)
        .where(
            SyncRun.firm_id == firm_id,
            SyncRun.connection_id == connection_id,
            SyncRun.action == "pull",
            SyncRun.state.in_(("queued", "running", "paused")),
        )
        .values(params=SyncRun.params.op("-")("done"))
    )


def _with_done(done: Sequence[str]) -> Any:
    """A run's params with the kinds that it is through with."""
    return SyncRun.params.op("||")(func.jsonb_build_object("done", func.to_jsonb(array(done, type_=Text))))


async def _change_open(session: Session, firm_id: int, run_id: int, **values: Any) -> None:
    await session.execute(
        update(SyncRun)
        .where(SyncRun.firm_id == firm_id, SyncRun.id == run_id, SyncRun.state.in_(("queued", "running")))
        .values(updated_at=func.now(), **values)
    )


async def discard(session: Session, firm_id: int, run_id: int) -> None:
    """Forget a run for which nothing had to be done, before anybody saw it."""
    await session.execute(delete(SyncRun).where(SyncRun.firm_id == firm_id, SyncRun.id == run_id))


async def give_way(
    session: Session, firm_id: int, run_id: int, *, counts: Json, done: Sequence[str], failed: bool = False
) -> None:
    """Put a run back in its queue with what it has done so far. A paused one stays paused.

    That was no failure, and its attempts begin anew unless something `failed` before.
    """
    queued = case((SyncRun.state.in_(("queued", "running")), "queued"), else_=SyncRun.state)
    await session.execute(
        update(SyncRun)
        .where(SyncRun.firm_id == firm_id, SyncRun.id == run_id)
        .values(
            state=queued,
            counts=counts,
            attempts=SyncRun.attempts if failed else 0,
            params=_with_done(done),
            updated_at=func.now(),
        )
    )


async def postpone(session: Session, firm_id: int, run_id: int, *, seconds: float, error: Json) -> None:
    """Try again later: the run stays open and says why it waits.

    One that reads from cursors begins with its first kind again: it stands for the scheduled ones meanwhile.
    """
    due = text("now() + make_interval(secs => :seconds)").bindparams(seconds=seconds)
    of_days = func.coalesce(SyncRun.params["date_from"].astext, SyncRun.params["date_to"].astext).is_not(None)
    params = case((of_days, SyncRun.params), else_=SyncRun.params.op("-")("done"))
    await _change_open(session, firm_id, run_id, state="queued", error=error, next_due_at=due, params=params)
