"""Push: owed records → preflight without I/O → write-ahead → one call → outcomes.

Nothing is sent that is not stored first, exactly as it is sent; nothing is written again while an outcome is unknown.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from app.canonical import Company, Kind, Operation, OwnRecord
from app.db import mappings, outgoing, runs, writes
from app.db.session import Session
from app.errors import Fault
from app.providers.base import WriteCall, WriteItem
from app.sync import ledger, resolve, sending, stale
from app.sync.turn import Turn

log = structlog.get_logger(__name__)

_KEYS = uuid.UUID("6f1c3f0e-64d2-5b0a-9a5e-7d1f2b9c4a10")
IN_FLIGHT = 4  # more gains nothing: the limits per minute are reached with calls of one second
ONE_BY_ONE = frozenset({Operation.void, Operation.deactivate})  # no vendor documents a batch form of these
NO_CUSTOMER = "customer_unmapped"  # no refusal: the customer goes first
PARENT_BLOCKED = ("error", "conflict", "parked", "excluded", "superseded")
NOT_PREPARED = Fault(
    code="cannot_be_prepared",
    message="This record could not be put into the provider's form: that is an error of this service.",
    who="operator",
    fix="The log has the details. Nothing was sent.",
)


@dataclass(frozen=True, slots=True)
class Owed:
    """One record about to be written, with what its outcome must be compared to."""

    row: Any
    item: WriteItem


def idempotency_key(connection_id: int, kind: Kind, owed: Sequence[Owed]) -> str:
    """The vendor's key for one call: fixed by what is written and by how many definite answers each record has had."""
    parts = (f"{o.row.mapping_id}.{o.row.generation}.{o.row.attempt}.{o.item.operation}" for o in owed)
    return str(uuid.uuid5(_KEYS, f"{connection_id}:{kind}:{','.join(parts)}"))


async def push(turn: Turn, kind: Kind) -> None:
    """Write the most urgent owed records of a kind: a few calls, as many as may be in flight at a time."""
    room = calls_at_once(turn)
    looked_at = await stale.look_before(turn, kind, room)
    async with turn.effects() as session:
        ready = await _ready(session, turn, kind, room, looked_at)
        if not ready or turn.company is None:
            return
        stored = []
        for part in _parts(turn, kind, ready):
            call, sent = _prepared(turn, kind, part, turn.company)
            stored.append((await _write_ahead(session, turn, call, sent), call))
    await turn.together([sending.send(turn, call_id, call) for call_id, call in stored])


def calls_at_once(turn: Turn) -> int:
    """How many calls may be in flight now: within the vendor's limit on concurrency, and what the budget has left."""
    return min(turn.provider.capabilities.limits.concurrent - 1, IN_FLIGHT, turn.governor.room(batch=True))


def _parts(turn: Turn, kind: Kind, ready: list[Owed]) -> list[list[Owed]]:
    alone = ready[0].item.operation in ONE_BY_ONE
    size = 1 if alone else turn.provider.capabilities.batch_sizes[kind]
    return [ready[start : start + size] for start in range(0, len(ready), size)]


def _prepared(turn: Turn, kind: Kind, ready: list[Owed], company: Company) -> tuple[WriteCall, list[Owed]]:
    """One call for as many of the records as its size permits; the others are owed still."""
    limit = turn.provider.capabilities.max_body
    while True:
        key = idempotency_key(turn.connection_id, kind, ready)
        call = turn.provider.prepare([owed.item for owed in ready], key, company)
        if limit is None or len(call.body) <= limit or len(ready) == 1:
            return call, ready
        ready = ready[: len(ready) // 2]


async def _ready(session: Session, turn: Turn, kind: Kind, room: int, looked_at: frozenset[int] | None) -> list[Owed]:
    """The owed records that pass preflight, all of one operation; the others get their fault and wait for a person.

    What is there already is taken only if it has been `looked_at` (None: the vendor notices edits itself).
    """
    limit = turn.provider.capabilities.batch_sizes[kind] * room
    rows = await outgoing.owed(session, turn.firm_id, turn.scope, kind, limit)
    if looked_at is not None:
        rows = [row for row in rows if not row.external_id or row.mapping_id in looked_at]
    if turn.company is None:
        return []
    found = await outgoing.codes(session, turn.firm_id, turn.provider_name.value, turn.connection_id)
    lines = await _lines(session, turn, kind, rows)
    if kind is not Kind.customer:
        rows = await outgoing.unchanged(session, turn.firm_id, kind, rows)
    ready: list[Owed] = []
    for row in rows:
        operation = _operation(row, kind)
        if operation is None:
            await outgoing.mark(
                session, turn.firm_id, kind, row.mapping_id, state="superseded", sync_error="", fault={}
            )
            continue
        if operation in ONE_BY_ONE and row.gone:  # and so it need not be ended
            await outgoing.mark(session, turn.firm_id, kind, row.mapping_id, **outgoing.as_wanted(row.revision))
            continue
        item, faults = _checked(
            turn, turn.company, kind, row, operation, str(len(ready) + 1), lines.get(row.record_id, ()), found
        )
        missing = _missing_customer(kind, row, lines.get(row.record_id, ()))
        if missing is not None:
            faults = tuple(fault for fault in faults if fault.code != NO_CUSTOMER)
        if item is None or faults:
            await _refuse(session, turn, kind, row, faults)
        elif missing is not None:
            await _wait_for_customer(session, turn, kind, row, missing)
        elif not ready or ready[0].item.operation is item.operation:
            ready.append(Owed(row, item))
    return ready[:room] if ready and ready[0].item.operation in ONE_BY_ONE else ready


async def _lines(session: Session, turn: Turn, kind: Kind, rows: Sequence[Any]) -> Mapping[int, Sequence[Any]]:
    ids = [row.record_id for row in rows]
    if kind is Kind.invoice:
        return await outgoing.lines_of(session, turn.firm_id, ids)
    if kind is Kind.journal_entry:
        return await outgoing.sides_of(session, turn.firm_id, turn.connection_id, ids)
    return {}


def _missing_customer(kind: Kind, row: Any, lines: Sequence[Any]) -> Any | None:
    """The row that names a customer who is not at this company yet: the invoice, or a line of the journal."""
    if kind is Kind.invoice:
        return None if row.customer_external_id else row
    if kind is Kind.journal_entry:
        return next((line for line in lines if line.client_id is not None and not line.customer_external_id), None)
    return None


def _operation(row: Any, kind: Kind) -> Operation | None:
    """What the record asks for as it is now, whatever was owed first; None: it never was there and need not be."""
    ended = row.status in ("void", "archived")
    if not row.external_id:
        return None if ended else Operation.create
    if not ended:
        return Operation.update
    return Operation.deactivate if kind is Kind.customer else Operation.void


def _checked(
    turn: Turn,
    company: Company,
    kind: Kind,
    row: Any,
    operation: Operation,
    item_id: str,
    lines: Sequence[Any],
    codes: outgoing.Codes,
) -> tuple[WriteItem | None, tuple[Fault, ...]]:
    """The record as an item, with every reason not to send it, also that we cannot put it into a request."""
    try:
        item, faults = _item(row, kind, operation, item_id, lines, codes)
        faults += turn.provider.preflight(item, company)
        if not faults:
            turn.provider.prepare([item], "", company)
    except Exception:  # a record that breaks our translation must not hold up all others
        log.exception("record_not_prepared", connection_id=turn.connection_id, kind=kind.value, id=row.record_id)
        return None, (NOT_PREPARED,)
    return item, faults


def _item(
    row: Any, kind: Kind, operation: Operation, item_id: str, lines: Sequence[Any], codes: outgoing.Codes
) -> tuple[WriteItem, tuple[Fault, ...]]:
    faults: tuple[Fault, ...] = ()
    record: OwnRecord
    if kind is Kind.customer:
        record = resolve.customer(row)
    elif kind is Kind.invoice:
        record, faults = resolve.invoice(row, lines, codes)
    else:
        record, faults = resolve.journal_entry(row, lines, codes)
    item = WriteItem(
        item_id=item_id,
        kind=kind,
        operation=operation,
        record=record,
        external_id=row.external_id or "",
        version=row.version,
    )
    return item, faults


async def _wait_for_customer(session: Session, turn: Turn, kind: Kind, row: Any, naming: Any) -> None:
    """A document goes after its customer: make the customer owed, and the document wait for it by name."""
    what = "invoice" if kind is Kind.invoice else "journal entry"
    from_parent = naming.customer_state in PARENT_BLOCKED
    archived = False
    if not from_parent or row.priority <= runs.INTERACTIVE:
        asked = await mappings.ask(
            session,
            turn.firm_id,
            Kind.customer,
            turn.connection_id,
            [naming.client_id],
            priority=row.priority,
            run_id=row.run_id,
        )
        archived = not asked or asked[0].state == "superseded"
    reason = "could not be written there" if from_parent else "is not there yet"
    fix = f"Mend the customer; this {what} then goes by itself." if from_parent else ""
    if archived:
        reason, fix = "is inactive here and not there", f"Reactivate the customer; this {what} then goes by itself."
    fault = Fault(
        code="customer_not_synced",
        message=f"Waiting for the customer {naming.client_name}, who {reason}.",
        fix=fix,
        retries_itself=True,
    )
    await outgoing.mark(session, turn.firm_id, kind, row.mapping_id, **outgoing.with_fault("waiting", fault))


async def _refuse(session: Session, turn: Turn, kind: Kind, row: Any, faults: Sequence[Fault]) -> None:
    sentence = " ".join(fault.sentence() for fault in faults)
    detail = {**asdict(faults[0]), "all": [asdict(fault) for fault in faults]}
    await outgoing.mark(session, turn.firm_id, kind, row.mapping_id, state="error", sync_error=sentence, fault=detail)


async def _write_ahead(session: Session, turn: Turn, call: WriteCall, ready: Sequence[Owed]) -> int:
    for owed in ready:
        await outgoing.mark(
            session, turn.firm_id, call.kind, owed.row.mapping_id, state="in_flight", sync_error="", fault={}
        )
    stored = {
        "firm_id": turn.firm_id,
        "connection_id": turn.connection_id,
        "key": call.key,
        "kind": call.kind.value,
        "method": call.method,
        "path": call.path,
        "query": [list(pair) for pair in call.query.items()],
        "headers": [list(pair) for pair in call.headers.items()],
        "body": call.body,
        "epoch": turn.claimed.epoch,
    }
    attempts = [
        {
            "firm_id": turn.firm_id,
            "item_id": owed.item.item_id,
            "mapping_kind": call.kind.value,
            "mapping_id": owed.row.mapping_id,
            "operation": owed.item.operation.value,
            "external_id": owed.item.external_id,
            "revision": owed.row.revision,
            "record": ledger.freeze(call.kind, owed.item.record),
        }
        for owed in ready
    ]
    return await writes.record(session, stored, attempts)
