"""Storing what a provider made of each written record, and adopting what turns out to be ours already."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeGuard

import structlog

from app.canonical import Customer, Invoice, JournalEntry, Kind, Operation
from app.db import mappings, outgoing, run_control, settlements, writes
from app.db.kinds import PUSHED
from app.db.session import Session, Unavailable
from app.errors import Fault, ProviderError, ProviderRejected, StaleLease
from app.providers.base import Match, NotWritten, Outcome, Refused, Unknown, WriteItem, Written
from app.sync import ledger
from app.sync.merging import base_after
from app.sync.turn import Turn

log = structlog.get_logger(__name__)

TAKEN = frozenset({"name_taken", "number_taken"})
FIRST_RETRY = timedelta(seconds=5)
SLOWEST_RETRY = timedelta(minutes=10)
MAX_FAILURES = 12
MAX_STALE = 5  # so often somebody may be quicker than us
LOOK_AGAIN = timedelta(seconds=2)


def backoff(failures: int) -> timedelta:
    """5 s, 10 s, 20 s … at most 10 minutes."""
    return min(FIRST_RETRY * (1 << min(failures, 10)), SLOWEST_RETRY)


async def adopted(turn: Turn, call_id: int, answers: Sequence[Outcome]) -> tuple[list[Outcome], ProviderError | None]:
    """The answers, with every "that name or number exists" looked up: if the holder is our own record, it counts.

    Once the provider does not let us look any more, the rest stays unknown; that error comes back, to be raised after
    the outcomes are stored.
    """
    if not any(_is_taken(answer) for answer in answers):
        return list(answers), None
    items = {item.item_id: item for item in await items_of(turn, call_id)}
    settled: list[Outcome] = []
    silent: ProviderError | None = None
    for answer in answers:
        item = items.get(answer.item_id)
        if not _is_taken(answer) or item is None or item.operation is not Operation.create:
            settled.append(answer)
            continue
        try:
            if silent is not None:
                raise silent
            settled.append(await _look_up(turn, item, answer))
        except ProviderError as error:
            reason = f"{answer.fault.message} Looking up the holder failed."
            settled.append(Unknown(item_id=item.item_id, reason=reason))
            silent = None if isinstance(error, ProviderRejected) else error
    return settled, silent


def _is_taken(answer: Outcome) -> TypeGuard[Refused]:
    return isinstance(answer, Refused) and answer.fault.code in TAKEN


async def _look_up(turn: Turn, item: WriteItem, refused: Refused) -> Outcome:
    match = await turn.provider.find(item)
    if match is not None and match.equal:
        return replace(as_written(item, match), answer=refused.answer)
    if match is None or not match.difference:
        return refused
    return replace(refused, fault=replace(refused.fault, message=f"{refused.fault.message} {match.difference}"))


def as_written(item: WriteItem, match: Match) -> Written:
    """A record found at the provider that is ours and equal counts as written."""
    return Written(
        item_id=item.item_id,
        external_id=match.external_id,
        version=match.version,
        label=match.label,
        total=match.total,
    )


async def items_of(turn: Turn, call_id: int) -> list[WriteItem]:
    """The open items of a stored call, as they were sent."""
    async with turn.db.firm(turn.firm_id) as session:
        attempts = await writes.open_attempts(session, turn.firm_id, call_id)
    return [
        WriteItem(
            item_id=attempt.item_id,
            kind=Kind(attempt.mapping_kind),
            operation=Operation(attempt.operation),
            record=ledger.thaw(Kind(attempt.mapping_kind), attempt.record),
            external_id=attempt.external_id,
        )
        for attempt in attempts
    ]


async def store(turn: Turn, call_id: int, kind: Kind, answers: Sequence[Outcome], *, look: bool = False) -> None:
    """Commit all outcomes of a call at once, or each alone where one of them cannot be: that one stays unknown.

    With `look`, what the call wrote is owed a look before the call is closed.
    """
    try:
        await _store(turn, call_id, kind, answers, look)
    except (StaleLease, Unavailable):
        raise
    except Exception:  # what was written must not be forgotten because of what stood beside it
        if len(answers) == 1:
            raise
        for answer in answers:
            await _store_alone(turn, call_id, kind, answer, look)


async def _store_alone(turn: Turn, call_id: int, kind: Kind, answer: Outcome, look: bool) -> None:
    try:
        await _store(turn, call_id, kind, [answer], look)
    except (StaleLease, Unavailable):
        raise
    except Exception:  # it stays unknown, and settling it comes back to it
        log.exception("outcome_not_stored", connection_id=turn.connection_id, call_id=call_id, item=answer.item_id)


async def _store(turn: Turn, call_id: int, kind: Kind, answers: Sequence[Outcome], look: bool) -> None:
    by_item = {answer.item_id: answer for answer in answers}
    async with turn.effects() as session:
        released: list[int] = []
        attempts = await writes.open_attempts(session, turn.firm_id, call_id)
        # Whoever edits a record now waits for us, or was first and then its newer revision is seen below.
        await outgoing.lock(session, turn.firm_id, kind, [attempt.mapping_id for attempt in attempts])
        for attempt in attempts:
            answer = by_item.get(attempt.item_id) or Unknown(item_id=attempt.item_id, reason="not in the answer")
            mapping = await mappings.get(session, turn.firm_id, kind, attempt.mapping_id)
            await _store_one(session, turn, kind, attempt, mapping, answer)
            if isinstance(answer, Written) and kind is Kind.customer:
                released.append(mapping.client_id)
        await outgoing.release_waiting(session, turn.firm_id, turn.connection_id, released)
        await writes.close(session, turn.firm_id, call_id, wait=LOOK_AGAIN, look=look)
        if any(isinstance(answer, Written) for answer in answers):
            stamp = {PUSHED[kind].synced_at: outgoing.now()}
            await outgoing.touch_connection(session, turn.firm_id, turn.connection_id, stamp)


async def _store_one(session: Session, turn: Turn, kind: Kind, attempt: Any, mapping: Any, answer: Outcome) -> None:
    values: dict[str, Any]
    external_id, reason = attempt.external_id, ""
    if isinstance(answer, Written):
        outcome, external_id = "written", answer.external_id
        values = await _written(session, turn, kind, attempt, mapping, answer)
    elif isinstance(answer, Refused):
        outcome, reason = "refused", answer.fault.code
        values = _stale(mapping, answer.fault) if answer.stale else _failed(mapping, answer.fault, "error")
    elif isinstance(answer, NotWritten):
        outcome, reason = "not_written", answer.fault.code
        values = _again(mapping, answer)
    else:
        outcome, reason = "unknown", answer.reason
        values = {"state": "unknown", "sync_error": "The provider did not confirm the write; it is being looked up."}
    await writes.conclude(session, turn.firm_id, attempt.id, outcome, external_id, reason, dict(answer.answer))
    await outgoing.mark(session, turn.firm_id, kind, mapping.id, **values)
    if values["state"] == "pending":
        await run_control.hold(session, turn.firm_id, kind, [mapping.id])
    if isinstance(answer, Written) and kind is Kind.invoice:
        await settlements.adopt_allocations(
            session, turn.firm_id, turn.connection_id, answer.external_id, mapping.invoice_id
        )
    if isinstance(answer, Unknown) or await mappings.revision_of(session, turn.firm_id, kind, mapping) <= (
        attempt.revision
    ):
        return
    # It was edited, voided or archived meanwhile: what that asks for is decided as for any other change.
    record_id = getattr(mapping, mappings.RECORD_COLUMN[kind])
    await mappings.ask(
        session,
        turn.firm_id,
        kind,
        turn.connection_id,
        [record_id],
        priority=mapping.priority,
        run_id=mapping.run_id,
    )


async def _written(
    session: Session, turn: Turn, kind: Kind, attempt: Any, mapping: Any, answer: Written
) -> dict[str, Any]:
    """Linked; synced unless the provider's total is another or the id is taken."""
    if await outgoing.taken_by_other(session, turn.firm_id, kind, turn.connection_id, answer.external_id, mapping.id):
        fault = Fault(
            code="already_linked",
            message=f"{answer.label} is already linked to another of our records.",
            fix="Merge the two records here, or rename one.",
        )
        return _failed(mapping, fault, "conflict")
    values: dict[str, Any] = {
        "external_id": answer.external_id,
        "version": answer.version,
        "external_metadata": dict(answer.metadata or {}),
        "base_revision": attempt.revision,
        "attempt": mapping.attempt + 1,
        "failures": 0,
        "sync_error": "",
        "fault": {},
        "state": "synced",
        "wanted": "update",
        "synced_at": outgoing.now(),
    }
    values[PUSHED[kind].label] = answer.label
    record = ledger.thaw(kind, attempt.record)
    if isinstance(record, Customer):
        values["base"] = base_after(turn.provider.capabilities, mapping.base, record)
    else:
        values |= _compare_total(record, attempt, answer)
    return values


def _compare_total(record: Invoice | JournalEntry, attempt: Any, answer: Written) -> dict[str, Any]:
    ours = record.total
    if attempt.operation == Operation.void:
        ours = Decimal(0)
    if answer.total is None or attempt.operation == Operation.void:
        return {"external_total": ours}
    if answer.total == ours:
        return {"external_total": answer.total}
    fault = Fault(
        code="total_differs",
        message=f"{answer.label} comes to {answer.total} there and to {ours} here.",
        fix="Compare the lines and taxes of both, then correct one of them.",
        field="total",
    )
    return {"external_total": answer.total, **outgoing.with_fault("conflict", fault)}


def _failed(mapping: Any, fault: Fault, state: str) -> dict[str, Any]:
    return {"attempt": mapping.attempt + 1, **outgoing.with_fault(state, fault)}


def _stale(mapping: Any, fault: Fault) -> dict[str, Any]:
    """It was changed there since we read it: owed again, once it has been read and merged."""
    if mapping.failures >= MAX_STALE:
        return _failed(mapping, fault, "conflict")
    return {
        **outgoing.with_fault("pending", fault),
        "attempt": mapping.attempt + 1,
        "failures": mapping.failures + 1,
        "next_due_at": outgoing.now(),
    }


def _again(mapping: Any, answer: NotWritten) -> dict[str, Any]:
    """Owed again later; too many failures end in `parked`.

    Waiting for a call limit or a reconnect is no failure, and while nobody can reach the provider no record is at
    fault, however long that takes.
    """
    code = answer.fault.code
    innocent = code in ("rate_limited", "needs_reauth", "provider_misconfigured")
    failures = mapping.failures if innocent else mapping.failures + 1
    if failures >= MAX_FAILURES and not innocent and code != "provider_unavailable":
        return {**_failed(mapping, answer.fault, "parked"), "failures": failures}
    wait = answer.retry_after or backoff(mapping.failures)
    return {
        **outgoing.with_fault("pending", answer.fault),
        "attempt": mapping.attempt + 1,
        "failures": failures,
        "next_due_at": outgoing.in_future(wait),
    }
