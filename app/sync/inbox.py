"""The inbox: events of one connection, coalesced, looked at in as few calls as possible; our own echoes cost none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from app.canonical import Kind
from app.db import inbox, mappings, remote_records
from app.db.kinds import SWITCHES
from app.db.session import Session, Unavailable
from app.errors import ProviderError, ProviderRejected, ProviderUnavailable, StaleLease
from app.sync.applying import apply
from app.sync.turn import Turn

log = structlog.get_logger(__name__)

WORTH_A_LOOK = (Kind.payment, Kind.invoice, Kind.customer)
AT_ONCE = 250  # events of each kind: more than one call asks for, so that several of a record cost one look
_CREATED = ("create", "created")  # Xero's word and Intuit's
WORKER_DIED = "The worker died several times while handling this."
MAX_FAILURES = 6
PATIENCE = timedelta(seconds=30)
MAX_SILENCES = 24  # about a day of a provider that does not answer
# QuickBooks rounds the stamps of records to the nearest second, so that an older copy may look newer than the event.
BLUR = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class _Known:
    """What we know of some ids: the copies of them, and which of them are records of ours."""

    copies: Mapping[str, Any]
    ours: frozenset[str]


async def drain(turn: Turn) -> None:
    """Handle owed events of the connection with one call at most: then whatever is most urgent has its turn."""
    async with turn.effects() as session:
        chosen = await _chosen(session, turn)
    if chosen:
        ids = list(dict.fromkeys(event.external_id for event in chosen))
        await _look(turn, Kind(chosen[0].kind), ids, chosen)


async def set_aside(turn: Turn) -> None:
    """Park what `drain` would look at next, as looking at it killed the worker; the next pull sees what it is about."""
    async with turn.effects() as session:
        ids = [event.id for event in await _chosen(session, turn)]
        await inbox.handled(session, turn.firm_id, ids, "parked", WORKER_DIED)


async def _chosen(session: Session, turn: Turn) -> list[Any]:
    """The events of one kind that the next call looks at; what needs no look is closed."""
    kinds = [kind.value for kind in WORTH_A_LOOK]
    automatic = turn.scope.automatic
    events = await inbox.owed(session, turn.firm_id, turn.connection_id, kinds, AT_ONCE, automatic=automatic)
    waiting = await _without_call(session, turn, events)
    if not waiting:
        return []
    kind = _next_kind(waiting)
    of_kind = [event for event in waiting if event.kind == kind.value]
    ids = list(dict.fromkeys(event.external_id for event in of_kind))
    asked = frozenset(ids[: turn.provider.capabilities.fetch_size_of(kind)])
    return [event for event in of_kind if event.external_id in asked]


def _next_kind(waiting: Sequence[Any]) -> Kind:
    """Money first; but what has waited for long goes before what is more urgent, or a steady flow would starve it."""
    longest = max(waiting, key=lambda event: event.waited)
    if longest.waited > PATIENCE:
        return Kind(longest.kind)
    kinds = {event.kind for event in waiting}
    return next(kind for kind in WORTH_A_LOOK if kind.value in kinds)


async def _look(turn: Turn, kind: Kind, ids: Sequence[str], events: Sequence[Any]) -> None:
    event_ids = [event.id for event in events]
    try:
        records = await turn.provider.fetch(kind, ids)
        async with turn.effects() as session:
            await apply(session, turn, records)
            await inbox.handled(session, turn.firm_id, event_ids, "done", "")
    except ProviderUnavailable as error:
        await _silence(turn, ids, events, error.detail)
        raise
    except (StaleLease, Unavailable):
        raise
    except Exception as error:  # whatever one record does to us, the others must get through
        if isinstance(error, ProviderError) and not isinstance(error, ProviderRejected):
            raise
        if len(ids) > 1:
            for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
                await _look(turn, kind, half, [event for event in events if event.external_id in half])
            return
        log.exception("event_failed", connection_id=turn.connection_id, events=event_ids)
        reason = error.detail if isinstance(error, ProviderRejected) else "Something went wrong on our side."
        async with turn.effects() as session:
            await inbox.failed(session, turn.firm_id, event_ids, reason, MAX_FAILURES)


async def _silence(turn: Turn, ids: Sequence[str], events: Sequence[Any], reason: str) -> None:
    """Later and later, so that one record which the provider cannot show holds up nothing else.

    Each half at a time of its own, so that it comes apart from what was asked for beside it.
    """
    first = frozenset(ids[: (len(ids) + 1) // 2])
    soon = [event.id for event in events if event.external_id in first]
    late = [event.id for event in events if event.external_id not in first]
    async with turn.effects() as session:
        await inbox.failed(session, turn.firm_id, soon, reason, MAX_SILENCES)
        await inbox.failed(session, turn.firm_id, late, reason, MAX_SILENCES, patience=2)


async def _without_call(session: Session, turn: Turn, events: Sequence[Any]) -> list[Any]:
    """Close what needs no look: foreign kinds, kinds switched off, and echoes of what we already know."""
    waiting: list[Any] = []
    closed: dict[str, list[int]] = {}
    for kind in WORTH_A_LOOK:
        of_kind = [event for event in events if event.kind == kind.value]
        known = await _known(session, turn, kind, of_kind)
        for event in of_kind:
            reason = _reason_not_to(turn, kind, event, known)
            if reason is None:
                waiting.append(event)
            else:
                closed.setdefault(reason, []).append(event.id)
    followed = {kind.value for kind in WORTH_A_LOOK}
    closed["not a kind we follow"] = [event.id for event in events if event.kind not in followed]
    for reason, ids in closed.items():
        await inbox.handled(session, turn.firm_id, ids, "ignored", reason)
    return waiting


async def _known(session: Session, turn: Turn, kind: Kind, events: Sequence[Any]) -> _Known:
    """One query each for all events of a kind: a backlog of thousands is looked through once per call."""
    ids = list({event.external_id for event in events})
    if not ids:
        return _Known({}, frozenset())
    copies = await remote_records.seen(session, turn.firm_id, turn.connection_id, kind, ids)
    ours = await mappings.linked(session, turn.firm_id, kind, turn.connection_id, ids)
    return _Known(copies, ours)


def _reason_not_to(turn: Turn, kind: Kind, event: Any, known: _Known) -> str | None:
    if not getattr(turn.connection, SWITCHES[kind]):
        return "switched off"
    if event.operation == inbox.REPLAYED:
        return None
    copy = known.copies.get(event.external_id)
    if copy and event.occurred_at and copy.remote_updated_at and copy.remote_updated_at > event.occurred_at + BLUR:
        return "already seen"
    if event.operation in _CREATED and event.external_id in known.ours:
        return "our own write"
    return None
