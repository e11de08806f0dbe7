"""Pull: what changed at the provider, page by page; one page and its cursor are one transaction."""

from datetime import date
from typing import Any

from app.canonical import Kind, RemoteBankTransaction, RemoteInvoice, RemoteJournal, RemotePayment, RemoteRecord
from app.db import cursors, listings, outgoing, remote_records, runs, settlements, work
from app.db.cures import Cure, cured
from app.errors import ProviderRejected
from app.sync.applying import Tally, apply, only, unknown_yet
from app.sync.calendar import followed
from app.sync.stale import look_at
from app.sync.turn import Turn

_SYNCED_AT = {
    Kind.payment: "last_payment_sync_at",
    Kind.invoice: "last_invoice_sync_at",
    Kind.customer: "last_customer_sync_at",
}

# Another list there may be what a refused record wants; the connection's own runner takes what becomes owed.
_CURES = {
    Kind.account: Cure.lists_changed,
    Kind.item: Cure.lists_changed,
    Kind.tax_rate: Cure.lists_changed,
    Kind.customer: Cure.customers_changed,
}


async def pull(turn: Turn, run: Any) -> None:
    """Carry out one pull run. It gives way between pages, or kinds, to what is more urgent, and goes on later.

    What the provider refuses for one kind is raised once all others are read. Raises ProviderError.
    """
    asked = run.params.get("kinds")
    kinds = [Kind(kind) for kind in asked] if asked else followed(turn.provider.capabilities)
    done = set(run.params.get("done", ()))
    tally = Tally(**{name: run.counts.get(name, 0) for name in Tally().counts()})
    refused: ProviderRejected | None = None
    for kind in kinds:
        if kind.value in done:
            continue
        try:
            through = await _pull_kind(turn, run, kind, tally)
        except ProviderRejected as error:  # a permission may be missing for this kind alone
            refused = refused or error
            continue
        done |= {kind.value} if through else set()
        async with turn.effects() as session:
            # What reads some days has no cursor, but what it is through with it need not read again.
            if not through or (len(done) < len(kinds) and await work.outranked(session, turn.scope, run.priority)):
                await runs.give_way(session, turn.firm_id, run.id, counts=tally.counts(), done=sorted(done))
                return
            await runs.count(session, turn.firm_id, run.id, tally.counts(), sorted(done))
    if refused is not None:
        raise refused
    async with turn.effects() as session:
        await runs.finish(session, turn.firm_id, run.id, tally.counts())


async def _pull_kind(turn: Turn, run: Any, kind: Kind, tally: Tally) -> bool:
    """Read one kind to its end. False: something more urgent came, or a person stopped it; the cursor remembers."""
    start, end = _day(run.params.get("date_from")), _day(run.params.get("date_to"))
    windowed = start is not None or end is not None
    async with turn.db.firm(turn.firm_id) as session:
        cursor = None if windowed else await cursors.get(session, turn.firm_id, turn.connection_id, kind)
        since = start or turn.connection.sync_from
        since = since or await settlements.earliest_invoice_date(session, turn.firm_id, turn.connection_id)
    before, listed = tally.changed, set[str]()
    async for page in turn.provider.changes(kind, cursor, since):
        wanted = [record for record in page.records if _within(record, start, end)]
        listed.update(record.external_id for record in page.records)
        async with turn.effects() as session:
            # A copy and what follows from it are stored together: what is as we know it needs no second look.
            news = wanted if windowed else await unknown_yet(session, turn, kind, wanted)
            tally.seen += len(wanted) - len(news)
            tally.add(await apply(session, turn, news))
            if page.complete:
                tally.changed += await only(session, turn, kind, page.records)
            if not windowed:
                await cursors.save(session, turn.firm_id, turn.connection_id, kind, page.cursor)
            stop = not await runs.count(session, turn.firm_id, run.id, tally.counts())
            stop = stop or (not windowed and await work.outranked(session, turn.scope, run.priority))
        if stop:
            return False
    missing = await _missing(turn, kind, listed, since, end, windowed=windowed)
    if not await _look_at_missing(turn, run, kind, missing, tally, gives_way=windowed):
        return False
    async with turn.effects() as session:
        if not windowed:
            await cursors.looked_at_missing(session, turn.firm_id, turn.connection_id, kind)
        if kind in _CURES and tally.changed > before:
            await cured(session, turn.firm_id, [_CURES[kind]], connection_id=turn.connection_id)
        if kind in _SYNCED_AT:
            stamp = {_SYNCED_AT[kind]: outgoing.now()}
            await outgoing.touch_connection(session, turn.firm_id, turn.connection_id, stamp)
    return True


async def _missing(
    turn: Turn, kind: Kind, listed: set[str], since: date | None, until: date | None, *, windowed: bool
) -> list[str]:
    """What a whole list should have shown and did not: one of some days, or the first one of all.

    QuickBooks leaves out what was deleted, and its change feed tells of that only what came after our first look. The
    first list may have been read by several runs and workers; what they stored has been in it.
    """
    if kind not in listings.KINDS:
        return []
    async with turn.db.firm(turn.firm_id) as session:
        if not windowed:
            begun = await cursors.missing_due(session, turn.firm_id, turn.connection_id, kind)
            if begun is None:
                return []
            listed |= await remote_records.stored_since(session, turn.firm_id, turn.connection_id, kind, begun)
        there = await listings.expected(session, turn.firm_id, turn.connection_id, kind, since, until)
    return [external_id for external_id in there if external_id not in listed]


async def _look_at_missing(
    turn: Turn, run: Any, kind: Kind, missing: list[str], tally: Tally, *, gives_way: bool
) -> bool:
    """Read these by their ids. False: something more urgent came, or a person stopped it.

    The first list does not give way here: whoever comes back to it begins with all that is missing again.
    """
    size = turn.provider.capabilities.fetch_size
    for start in range(0, len(missing), size):
        if start:
            async with turn.effects() as session:
                stop = not await runs.count(session, turn.firm_id, run.id, tally.counts())
                stop = stop or (gives_way and await work.outranked(session, turn.scope, run.priority))
            if stop:
                return False
        tally.add(await look_at(turn, kind, missing[start : start + size]))
    return True


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _within(record: RemoteRecord, start: date | None, end: date | None) -> bool:
    """Whether a record's business date lies within the asked days, both inclusive; undated records do."""
    day = record.on if isinstance(record, RemotePayment | RemoteJournal | RemoteBankTransaction) else None
    day = record.issue_date if isinstance(record, RemoteInvoice) else day
    return day is None or ((start is None or day >= start) and (end is None or day <= end))
