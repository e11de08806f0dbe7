"""Settling writes whose outcome nobody knows, before anything else is written for their records.

First the identical call again, while the vendor surely still answers a replay with the first answer. Then a look-up:
what is found as we wanted it is ours; a new record that is found different is refused with both named; only a proven
absence permits a new attempt. An update or void that did not take effect may be sent again: it names what it changes.
What turns out to be written is read once more before its call is closed.
"""

from datetime import timedelta
from typing import Any

import structlog

from app.canonical import Kind, Operation
from app.db import outgoing, writes
from app.errors import Fault, OutcomeUnknown, ProviderError, ProviderRejected
from app.providers.base import NotWritten, Outcome, Refused, Unknown, WriteItem
from app.sync import ledger, outcomes, stale
from app.sync.turn import Turn

log = structlog.get_logger(__name__)

MAX_SENDS = 2  # the call itself and one replay; then looking up tells more than asking again
STILL_UNKNOWN = timedelta(minutes=1)
SLOWEST_LOOK = timedelta(hours=1)
NOT_SETTLED = "The provider did not confirm the write, and looking it up goes wrong on our side."


async def settle(turn: Turn) -> None:
    """Settle the oldest unsettled call of the connection."""
    async with turn.effects() as session:
        row = await writes.unsettled(session, turn.firm_id, turn.connection_id, turn.claimed.epoch)
        if row is None:
            return
        attempts = await writes.open_attempts(session, turn.firm_id, row.id)
        for attempt in attempts:
            await outgoing.mark(session, turn.firm_id, Kind(row.kind), attempt.mapping_id, state="unknown")
        replay = bool(attempts) and row.sends < MAX_SENDS and row.age < turn.provider.capabilities.replay_window
        if replay:
            await writes.resent(session, turn.firm_id, row.id, turn.claimed.epoch)
    if not attempts:
        await _look_once_more(turn, row)
    elif replay:
        await _replay(turn, row, tuple(attempt.item_id for attempt in attempts))
    else:
        await _look_up(turn, row)


async def postpone(turn: Turn, wait: timedelta) -> None:
    """Leave the oldest unsettled call alone for a while, as settling it broke us; its records stay unknown.

    Where only the last look at it broke us, the nightly sweep has to do.
    """
    async with turn.effects() as session:
        row = await writes.oldest_open(session, turn.firm_id, turn.connection_id)
        if row is None:
            return
        for attempt in await writes.open_attempts(session, turn.firm_id, row.id):
            await outgoing.mark(
                session, turn.firm_id, Kind(row.kind), attempt.mapping_id, state="unknown", sync_error=NOT_SETTLED
            )
        await writes.close(session, turn.firm_id, row.id, wait=wait)


async def _replay(turn: Turn, row: Any, open_items: tuple[str, ...]) -> None:
    every_item = await _all_items(turn, row.id)
    call = ledger.call_of(row, every_item)
    answers: list[Outcome]
    try:
        with turn.sending():
            answers = await turn.provider.write(call)
    except OutcomeUnknown as error:
        answers = [Unknown(item_id=item_id, reason=error.detail) for item_id in open_items]
    except ProviderError as error:
        # The replay was not carried out, which says nothing about the first sending: it stays unknown.
        unknown = [Unknown(item_id=item_id, reason=error.detail) for item_id in open_items]
        await outcomes.store(turn, row.id, Kind(row.kind), unknown, look=True)
        raise
    # "Not carried out" now is no proof that the first sending was not.
    kept = [
        Unknown(item_id=answer.item_id, reason=answer.fault.message) if isinstance(answer, NotWritten) else answer
        for answer in answers
        if answer.item_id in open_items
    ]
    settled, silent = await outcomes.adopted(turn, row.id, kept)
    await outcomes.store(turn, row.id, Kind(row.kind), settled, look=True)
    if silent is not None:
        raise silent


async def _look_once_more(turn: Turn, row: Any) -> None:
    """Read what a settled call wrote, as the last thing that is done about it.

    Somebody may have changed it since, and that may have been read while we did not know that the record is ours; no
    feed tells of it twice.
    """
    async with turn.db.firm(turn.firm_id) as session:
        external_ids = await writes.written_ids(session, turn.firm_id, row.id)
    try:
        await stale.look_at_each(turn, Kind(row.kind), external_ids)  # for what cannot be read, the sweep has to do
    except ProviderError:
        # Later and later, so that one record which the provider cannot show holds up nothing else.
        wait = min(max(STILL_UNKNOWN, row.quiet / 4), SLOWEST_LOOK)
        async with turn.effects() as session:
            await writes.postpone(session, turn.firm_id, row.id, wait)
        raise
    async with turn.effects() as session:
        await writes.close(session, turn.firm_id, row.id)


async def _look_up(turn: Turn, row: Any) -> None:
    """Look for every open item. What cannot be looked up stays unknown for a while and holds up nothing else."""
    answers: list[Outcome] = []
    silent: ProviderError | None = None
    for item in await outcomes.items_of(turn, row.id):
        try:
            if silent is not None:
                raise silent
            answers.append(await _found(turn, row, item))
        except ProviderError as error:
            answers.append(Unknown(item_id=item.item_id, reason=error.detail))
            silent = None if isinstance(error, ProviderRejected) else error
    await outcomes.store(turn, row.id, Kind(row.kind), answers, look=True)
    if any(isinstance(answer, Unknown) for answer in answers):
        async with turn.effects() as session:
            wait = max(turn.provider.capabilities.settle_after - row.quiet, STILL_UNKNOWN)
            await writes.close(session, turn.firm_id, row.id, wait=wait, look=True)
    if silent is not None:
        raise silent


async def _found(turn: Turn, row: Any, item: WriteItem) -> Outcome:
    absent = Fault(code="proven_absent", message="The unconfirmed write never arrived.", retries_itself=True)
    again = NotWritten(item_id=item.item_id, fault=absent, retry_after=timedelta())
    match = await turn.provider.find(item)
    if match is not None and match.equal:
        return outcomes.as_written(item, match)
    if item.operation is not Operation.create:
        return again
    if match is not None:
        fault = Fault(
            code="found_different",
            message=f"After a write that was never confirmed, {match.label} was found there, but not equal to ours. "
            f"{match.difference}",
            fix="Compare the two and correct or remove the one there, then retry.",
        )
        return Refused(item_id=item.item_id, fault=fault)
    if row.quiet < turn.provider.capabilities.settle_after:
        return Unknown(item_id=item.item_id, reason="Not there yet; the provider may still be working on it.")
    return again


async def _all_items(turn: Turn, call_id: int) -> tuple[str, ...]:
    async with turn.db.firm(turn.firm_id) as session:
        return await writes.item_ids(session, turn.firm_id, call_id)
