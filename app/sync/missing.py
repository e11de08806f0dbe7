"""What a whole list of a company should have shown and did not: it is read by its id, as it may have been deleted.

QuickBooks leaves out what was deleted, and its change feed tells of that only what came after our first look. So the
first list of a kind is compared with what we know, and so is every list of some days.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from app.canonical import Kind
from app.db import cursors, listings, remote_records, runs, work
from app.db.session import Session
from app.errors import ProviderUnavailable
from app.sync.applying import Tally
from app.sync.stale import look_at_each
from app.sync.turn import Turn

MOST_SILENT = 3  # so often in a row it is not about records: the provider is away


async def missing(
    turn: Turn, kind: Kind, listed: Collection[str] | None, since: date | None, until: date | None
) -> list[str]:
    """The ids to look at now that a kind has been read to its end.

    `listed`: what a list of these days has shown. None: it was read by its cursor, and only its first list is whole; it
    may have been read by several runs and workers, and what they stored or noted has been in it.
    """
    if kind not in listings.KINDS:
        return []
    async with turn.db.firm(turn.firm_id) as session:
        if listed is None:
            begun = await cursors.missing_due(session, turn.firm_id, turn.connection_id, kind)
            if begun is None:
                return []
            listed = await remote_records.stored_since(session, turn.firm_id, turn.connection_id, kind, begun)
        there = await listings.expected(session, turn.firm_id, turn.connection_id, kind, since, until)
    return [external_id for external_id in there if external_id not in listed]


async def note(session: Session, turn: Turn, kind: Kind, external_ids: Collection[str]) -> None:
    """While the first list is being compared: these were in it, or have been looked at, and are as we know them."""
    if external_ids and await cursors.missing_due(session, turn.firm_id, turn.connection_id, kind) is not None:
        await remote_records.touch(session, turn.firm_id, turn.connection_id, kind, external_ids)


async def look_at_missing(turn: Turn, run: Any, kind: Kind, external_ids: Sequence[str], tally: Tally) -> bool:
    """Read these by their ids. False: something more urgent came, or a person stopped it; the rest is due still.

    What cannot be read is counted and left out. Raises ProviderUnavailable once the others are read, when the provider
    could not show some. Every further attempt asks for a quarter as many at a time, so that those come apart.
    """
    size = max(1, turn.provider.capabilities.fetch_size_of(kind) >> 2 * run.attempts)
    silence: ProviderUnavailable | None = None
    in_a_row = 0
    for start in range(0, len(external_ids), size):
        if start:
            async with turn.effects() as session:
                stop = not await runs.is_open(session, turn.firm_id, run.id)
                stop = stop or await work.outranked(session, turn.scope, run.priority)
            if stop:
                return False
        asked = external_ids[start : start + size]
        try:
            found, faults = await look_at_each(turn, kind, asked)
        except ProviderUnavailable as error:
            silence, in_a_row = error, in_a_row + 1
            if in_a_row == MOST_SILENT:
                raise
            continue
        in_a_row = 0
        tally.add(found)
        tally.unread += len(faults)
        async with turn.effects() as session:
            await note(session, turn, kind, [one for one in asked if one not in faults])
    if silence is not None:
        raise silence
    return True
