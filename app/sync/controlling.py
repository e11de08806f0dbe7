"""Pausing, resuming and cancelling runs: what routes and pages call."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum

from app.db import audit, run_control, runs, wakeups
from app.db.runs import RunRow
from app.db.session import Database, Session
from app.errors import Conflict


class Act(StrEnum):
    """What may be done to a run that is not over."""

    pause = "pause"
    resume = "resume"
    cancel = "cancel"


_DO: Mapping[Act, Callable[[Session, int, int], Awaitable[bool]]] = {
    Act.pause: run_control.pause,
    Act.resume: run_control.resume,
    Act.cancel: run_control.cancel,
}
_PAST = {Act.pause: "paused", Act.resume: "resumed", Act.cancel: "cancelled"}


async def control(database: Database, firm_id: int, run_id: int, act: Act, *, actor: str) -> RunRow:
    """Do this to a run; returns it. Doing the same twice is doing it once. Raises NotFound, Conflict."""
    async with database.firm(firm_id) as session:
        run = await runs.get(session, firm_id, run_id)
        done = await _DO[act](session, firm_id, run_id)
        if done:
            await audit.record(session, firm_id, actor=actor, action=f"run.{_PAST[act]}", subject=f"run:{run_id}")
        elif run.state != {Act.pause: "paused", Act.cancel: "cancelled"}.get(act):
            raise Conflict(
                f"This run is {run.state} and cannot be {_PAST[act]}.",
                code="run_not_open",
                record={"kind": "run", "id": run_id},
            )
        run = await runs.get(session, firm_id, run_id)
    await wakeups.wake(database, run.connection_id)
    return run
