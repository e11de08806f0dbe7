"""What an operator can change: each act is the use case that routes and pages call, in the firm of the record."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from app import connections as journeys
from app.canonical import Kind
from app.db import api_keys, audit, runs, wakeups
from app.db.mending import Choice
from app.errors import Invalid
from app.runtime import Runtime
from app.sync import mending, replaying, requests
from app.sync.controlling import Act, control

Doing = Callable[[Runtime, Any, str], Awaitable[object]]
KINDS: Final[Mapping[str, Kind]] = {
    "invoice-mappings": Kind.invoice,
    "customer-mappings": Kind.customer,
    "journal-mappings": Kind.journal_entry,
}


async def look(runtime: Runtime, row: Any, actor: str) -> None:
    """Let a worker look at the company."""
    await _ask(runtime, row, "check", actor)


async def disconnect(runtime: Runtime, row: Any, actor: str) -> None:
    """Let a worker give the access back and erase it."""
    await _ask(runtime, row, "disconnect", actor)


async def sync(runtime: Runtime, row: Any, actor: str) -> None:
    """Send what is owed and fetch what changed."""
    asked = (runtime.db, row.firm_id, row.id)
    await requests.push_many(*asked, None, None, requested_by=actor)
    await requests.pull(*asked, kinds=None, date_from=None, date_to=None, requested_by=actor)
    await _note(runtime, row, actor, "connection.sync_asked", f"connection:{row.id}")


async def pause(runtime: Runtime, row: Any, actor: str) -> None:
    """Stop automatic work."""
    await _switch(runtime, row, actor, on=False)


async def resume(runtime: Runtime, row: Any, actor: str) -> None:
    """Let automatic work go on."""
    await _switch(runtime, row, actor, on=True)


async def revoke(runtime: Runtime, row: Any, actor: str) -> None:
    """Make a key useless."""
    async with runtime.db.firm(row.firm_id) as session:
        await api_keys.revoke(session, row.firm_id, row.id)
        await audit.record(session, row.firm_id, actor=actor, action="api_key.revoked", subject=f"api_key:{row.id}")


async def replay(runtime: Runtime, row: Any, actor: str) -> None:
    """Look again at what an event was about. Raises Invalid for those of companies that nobody connected."""
    if row.firm_id is None:
        raise Invalid("No firm has connected this company.", code="event_of_nobody")
    async with runtime.db.firm(row.firm_id) as session:
        _, woken = await replaying.replay(session, row.firm_id, ids=[row.id], actor=actor)
    for connection_id in woken:
        await wakeups.wake(runtime.db, connection_id)


def mend(kind: Kind, word: str) -> Doing:
    """Retry or skip a record."""
    decide = mending.retry if word == "retry" else mending.skip

    async def act(runtime: Runtime, row: Any, actor: str) -> None:
        await decide(runtime.db, row.firm_id, kind, Choice(ids=[row.id]), actor=actor)

    return act


def steer(act: Act) -> Doing:
    """Pause, resume or cancel a run."""

    async def do(runtime: Runtime, row: Any, actor: str) -> None:
        await control(runtime.db, row.firm_id, row.id, act, actor=actor)

    return do


async def _ask(runtime: Runtime, row: Any, action: str, actor: str) -> None:
    async with runtime.db.firm(row.firm_id) as session:
        await runs.request(session, row.firm_id, row.id, action, priority=runs.INTERACTIVE, requested_by=actor)
        subject = f"connection:{row.id}"
        await audit.record(session, row.firm_id, actor=actor, action=f"connection.{action}_asked", subject=subject)
    await wakeups.wake(runtime.db, row.id)


async def _switch(runtime: Runtime, row: Any, actor: str, *, on: bool) -> None:
    async with runtime.db.firm(row.firm_id) as session:
        await journeys.update_settings(session, row.firm_id, row.id, {"sync_enabled": on}, actor=actor)
    await wakeups.wake(runtime.db, row.id)


async def _note(runtime: Runtime, row: Any, actor: str, action: str, subject: str) -> None:
    async with runtime.db.firm(row.firm_id) as session:
        await audit.record(session, row.firm_id, actor=actor, action=action, subject=subject)
