"""Asking for background work: what routes call. Every function commits, then rings; none calls a provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.canonical import Kind, ProviderName
from app.db import mappings, owners, runs, wakeups
from app.db.base import Json
from app.db.kinds import SWITCHES
from app.db.mappings import EVERYTHING, Asked, Part
from app.db.session import Database, Session
from app.errors import Conflict, Invalid, NotConnected

ON_ITS_WAY = ("pending", "in_flight", "waiting", "unknown")


@dataclass(frozen=True, slots=True)
class PushAsked:
    """What a request to push came to. `run_id` is None when nothing had to be done."""

    run_id: int | None
    asked: tuple[Asked, ...]


async def push_one(
    database: Database, firm_id: int, connection_id: int, kind: Kind, record_id: int, *, requested_by: str
) -> PushAsked:
    """Make one record owed to one company, most urgently. Raises NotFound, NotConnected, Conflict, Invalid."""
    async with database.firm(firm_id) as session:
        await _usable(session, firm_id, connection_id, kind)
        run_id = await runs.request(
            session,
            firm_id,
            connection_id,
            "push",
            params={"kinds": [kind.value], "ids": [record_id]},
            priority=runs.INTERACTIVE,
            requested_by=requested_by,
        )
        asked = await mappings.ask(
            session, firm_id, kind, connection_id, [record_id], priority=runs.INTERACTIVE, run_id=run_id
        )
        if not asked:
            raise _not_pushable(kind, record_id)
        if asked[0].state not in ON_ITS_WAY:
            await runs.discard(session, firm_id, run_id)
            return PushAsked(None, tuple(asked))
    await wakeups.wake(database, connection_id)
    return PushAsked(run_id, tuple(asked))


async def push_many(
    database: Database,
    firm_id: int,
    connection_id: int,
    kinds: Sequence[Kind] | None,
    record_ids: Sequence[int] | None,
    *,
    part: Part = EVERYTHING,
    requested_by: str,
) -> PushAsked:
    """Make these records owed to one company; without ids those of these kinds whose home it is, or a part of them.

    Without kinds: every kind that the connection does not have switched off.
    """
    asked: list[Asked] = []
    async with database.firm(firm_id) as session:
        if kinds is None:
            row = await _usable(session, firm_id, connection_id, None)
            kinds = [kind for kind in mappings.TABLES if getattr(row, SWITCHES[kind])]
        for kind in kinds:
            await _usable(session, firm_id, connection_id, kind)
        params: Json = {"kinds": [kind.value for kind in kinds]}
        params |= {} if record_ids is None else {"ids": list(record_ids)}
        run_id = await runs.request(session, firm_id, connection_id, "push", params=params, requested_by=requested_by)
        for kind in kinds:
            found = await mappings.ask(
                session, firm_id, kind, connection_id, record_ids, part=part, priority=runs.BULK, run_id=run_id
            )
            if record_ids is not None and len(found) < len(set(record_ids)):
                missing = sorted(set(record_ids) - {one.record_id for one in found})
                raise _not_pushable(kind, missing[0])
            asked += found
    await wakeups.wake(database, connection_id)
    return PushAsked(run_id, tuple(asked))


async def pull(
    database: Database,
    firm_id: int,
    connection_id: int,
    *,
    kinds: Sequence[Kind] | None,
    date_from: str | None,
    date_to: str | None,
    requested_by: str,
) -> int:
    """Ask for a pull at once; returns the run. Without kinds: whatever tells what was paid."""
    async with database.firm(firm_id) as session:
        for kind in kinds or (Kind.payment,):
            await _usable(session, firm_id, connection_id, kind)
        params: Json = {"date_from": date_from, "date_to": date_to}
        params |= {"kinds": [kind.value for kind in kinds]} if kinds else {}
        run_id = await runs.request(
            session,
            firm_id,
            connection_id,
            "pull",
            params=params,
            priority=runs.INTERACTIVE,
            requested_by=requested_by,
        )
    await wakeups.wake(database, connection_id)
    return run_id


async def connection_of(database: Database, firm_id: int, provider: ProviderName) -> int:
    """The firm's live connection to a provider. Raises NotConnected."""
    async with database.firm(firm_id) as session:
        found = await owners.live(session, firm_id, provider)
    if found is None:
        raise NotConnected("The firm is not connected to this provider.", fix="Connect it first.", who="admin")
    return found


async def _usable(session: Session, firm_id: int, connection_id: int, kind: Kind | None) -> Any:
    row = await owners.connection(session, firm_id, connection_id)
    if row.status == "revoked":
        raise NotConnected("This connection was disconnected.", fix="Connect the company again.", who="admin")
    if row.status != "active":
        raise Conflict(
            row.error_message or "The connection does not work at the moment.",
            code="needs_reauth" if row.status == "expired" else "connection_error",
            fix="Reconnect the company." if row.status == "expired" else "",
            who="admin",
            record={"kind": "connection", "id": connection_id},
        )
    switch = SWITCHES.get(kind) if kind is not None else None
    if switch is not None and not getattr(row, switch):
        raise Conflict(
            f"Synchronising {kind} records is switched off for this connection.",
            code="sync_disabled",
            fix=f"Switch {switch} on.",
            who="admin",
        )
    return row


def _not_pushable(kind: Kind, record_id: int) -> Invalid:
    what = {Kind.customer: "client", Kind.invoice: "invoice"}.get(kind, "journal entry")
    return Invalid(
        f"This {what} cannot be pushed: it is a draft, or it is void or inactive and was never there.",
        code="not_pushable",
        record={"kind": what.replace(" ", "_"), "id": record_id},
        fix="Reactivate it first." if kind is Kind.customer else "Approve it first.",
    )
