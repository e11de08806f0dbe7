"""Updates never overwrite an unseen edit: what was changed there is read and merged before it is written.

QuickBooks refuses an update of something that was changed since it was read (error 5010): we read it after the refusal.
Xero takes whatever comes: we read it before each update. A document whose total there is still the one we wrote may be
written again; one that was edited in its amounts, voided or deleted is a conflict for a person.
"""

from collections.abc import Collection, Sequence
from typing import Any

import structlog

from app.canonical import DocumentState, Gone, Kind, RemoteCustomer, RemoteInvoice, RemoteJournal, RemoteRecord
from app.db import mappings, outgoing, run_control, writes
from app.db.session import Session, Unavailable
from app.errors import Fault, ProviderError, ProviderRejected, ProviderUnavailable, StaleLease
from app.providers.base import Outcome, Refused
from app.sync.applying import Tally, apply
from app.sync.outcomes import backoff
from app.sync.turn import Turn

log = structlog.get_logger(__name__)

MISSING = "record_missing_or_inactive"  # it, or something that it uses

NOT_READ = Fault(
    code="cannot_be_read",
    message="What the provider answered about this record could not be read: that is an error of this service.",
    who="operator",
    fix="The log has the details. Nothing was sent.",
)


async def look_before(turn: Turn, kind: Kind, calls: int) -> frozenset[int] | None:
    """Read what is about to be updated, where the vendor itself would not notice an edit of somebody else's.

    Returns the mappings that may be updated now; None where the vendor notices. Raises ProviderError.
    """
    capabilities = turn.provider.capabilities
    if capabilities.guards_updates:
        return None
    async with turn.db.firm(turn.firm_id) as session:
        limit = capabilities.batch_sizes[kind] * calls
        rows = await outgoing.owed(session, turn.firm_id, turn.scope, kind, limit)
    there = [row for row in rows if row.external_id]
    if kind in capabilities.read_one_by_one:
        there = there[: capabilities.fetch_size_of(kind)]
    faults = await _look_or_refuse(turn, kind, there) if there else {}
    return frozenset(row.mapping_id for row in there if row.external_id not in faults)


async def _look_or_refuse(turn: Turn, kind: Kind, rows: Sequence[Any]) -> dict[str, Fault]:
    """Read what these records are there; what cannot be read is not written, and says so. Returns why not, by id.

    It could not be read for ever, and nothing behind it would ever be sent.
    """
    try:
        _, faults = await look_at_each(turn, kind, [row.external_id for row in rows])
    except ProviderUnavailable as error:
        await _put_off(turn, kind, [row.mapping_id for row in rows], error)
        raise
    refused = [row for row in rows if row.external_id in faults]
    if not refused:
        return faults
    async with turn.effects() as session:
        await outgoing.lock(session, turn.firm_id, kind, [row.mapping_id for row in refused])
        for row in refused:
            mapping = await mappings.get(session, turn.firm_id, kind, row.mapping_id)
            if mapping.state == "pending":
                values = outgoing.with_fault("error", faults[row.external_id])
                await outgoing.mark(session, turn.firm_id, kind, mapping.id, **values)
    return faults


async def _put_off(turn: Turn, kind: Kind, mapping_ids: Sequence[int], error: ProviderUnavailable) -> None:
    """Later and later, so that one record which the provider cannot show holds up nothing else.

    Each half at a time of its own, so that it comes apart from what was asked for beside it.
    """
    fault = Fault(code=error.public_code, message=error.detail, who="provider", retries_itself=True)
    half = (len(mapping_ids) + 1) // 2
    async with turn.effects() as session:
        await outgoing.lock(session, turn.firm_id, kind, mapping_ids)
        for place, mapping_id in enumerate(mapping_ids):
            mapping = await mappings.get(session, turn.firm_id, kind, mapping_id)
            if mapping.state != "pending":
                continue
            wait = backoff(mapping.failures) * (1 + (place >= half))
            values = outgoing.with_fault("pending", fault)
            values |= {"failures": mapping.failures + 1, "next_due_at": outgoing.in_future(wait)}
            await outgoing.mark(session, turn.firm_id, kind, mapping_id, **values)
        await run_control.hold(session, turn.firm_id, kind, mapping_ids)  # somebody may have paused their run meanwhile


async def look_after(turn: Turn, call_id: int, answers: Sequence[Outcome]) -> None:
    """Read what the vendor refused to update because somebody had changed it, or because it is not there any more."""
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    late = {answer.item_id for answer in refused if answer.stale or answer.fault.code == MISSING}
    if not late:
        return
    async with turn.db.firm(turn.firm_id) as session:
        behind = await writes.mappings_of(session, turn.firm_id, call_id, late)
        ids = {kind: await outgoing.external_ids(session, turn.firm_id, kind, which) for kind, which in behind.items()}
    for kind, external_ids in ids.items():
        await look_at(turn, kind, external_ids)


async def look_at(turn: Turn, kind: Kind, external_ids: Collection[str]) -> Tally:
    """Read these and take in what was changed there. Raises ProviderError."""
    tally = Tally()
    ids = list(dict.fromkeys(external_ids))
    size = turn.provider.capabilities.fetch_size_of(kind)
    for start in range(0, len(ids), size):
        records = await turn.provider.fetch(kind, ids[start : start + size])
        async with turn.effects() as session:
            tally.add(await apply(session, turn, records))
            for record in records if kind in mappings.TABLES else ():
                await _before_writing(session, turn, kind, record)
    return tally


async def look_at_each(turn: Turn, kind: Kind, external_ids: Sequence[str]) -> tuple[Tally, dict[str, Fault]]:
    """As `look_at`, but what cannot be read hides nothing else: also returns why not, by id.

    Raises ProviderError when it is not about a record.
    """
    try:
        return await look_at(turn, kind, external_ids), {}
    except (StaleLease, Unavailable):
        raise
    except Exception as error:  # whatever one record does to us, the others are to be read
        if isinstance(error, ProviderError) and not isinstance(error, ProviderRejected):
            raise
        if len(external_ids) > 1:
            middle = len(external_ids) // 2
            found, faults = await look_at_each(turn, kind, external_ids[:middle])
            more, others = await look_at_each(turn, kind, external_ids[middle:])
            found.add(more)
            return found, faults | others
        (external_id,) = external_ids
        log.exception("record_not_read", connection_id=turn.connection_id, kind=kind.value, external_id=external_id)
        return Tally(), {external_id: error.fault if isinstance(error, ProviderRejected) else NOT_READ}


async def _before_writing(session: Session, turn: Turn, kind: Kind, record: RemoteRecord) -> None:
    """Take note of a document's version; customers were merged when their record was applied."""
    mapping = await mappings.by_external_id(session, turn.firm_id, kind, turn.connection_id, record.external_id)
    if mapping is None or mapping.state != "pending":
        return
    if isinstance(record, Gone):
        await _conflict(session, turn, kind, mapping, "deleted_there", "It was deleted at the provider; ours is kept.")
    elif isinstance(record, RemoteInvoice | RemoteJournal):
        await _document(session, turn, kind, mapping, record)
    elif isinstance(record, RemoteCustomer):
        await outgoing.mark(session, turn.firm_id, kind, mapping.id, version=record.version)


async def _document(
    session: Session, turn: Turn, kind: Kind, mapping: Any, record: RemoteInvoice | RemoteJournal
) -> None:
    ended = record.state in (DocumentState.voided, DocumentState.deleted)
    if record.version == mapping.version and not ended:
        return
    if ended and mapping.wanted == "void":
        ours = await mappings.document_facts(session, turn.firm_id, kind, mapping)
        values = {"version": record.version, **outgoing.as_wanted(ours.revision)}
        await outgoing.mark(session, turn.firm_id, kind, mapping.id, **values)
    elif ended:
        word = record.state.value
        message = f"{record.number} was {word} at the provider; ours is kept."
        await _conflict(session, turn, kind, mapping, f"{word}_there", message)
    elif mapping.wanted != "void" and record.total != mapping.external_total:
        message = f"{record.number} was edited at the provider and comes to {record.total} there now."
        await outgoing.mark(
            session, turn.firm_id, kind, mapping.id, version=record.version, external_total=record.total
        )
        await _conflict(session, turn, kind, mapping, "changed_in_provider", message)
    else:
        await outgoing.mark(session, turn.firm_id, kind, mapping.id, version=record.version)


async def _conflict(session: Session, turn: Turn, kind: Kind, mapping: Any, code: str, message: str) -> None:
    fixes = {"changed_in_provider": "Retry to push ours over theirs, or correct ours."}
    fault = Fault(
        code=code, message=message, fix=fixes.get(code, "Void ours, or retry to push it again as a new record.")
    )
    await outgoing.mark(session, turn.firm_id, kind, mapping.id, **outgoing.with_fault("conflict", fault))
