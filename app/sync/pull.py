"""Pull: what changed at the provider, page by page; one page and its cursor are one transaction."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import structlog

from app.canonical import Kind, RemoteBankTransaction, RemoteInvoice, RemoteJournal, RemotePayment, RemoteRecord
from app.db import cursors, outgoing, runs, settlements, work
from app.db.cures import Cure, cured
from app.db.session import Session, Unavailable
from app.errors import ProviderError, ProviderRejected, ProviderUnavailable, StaleLease
from app.providers.base import Page
from app.sync.applying import Tally, apply, only, unknown_yet
from app.sync.calendar import followed
from app.sync.missing import look_at_missing, missing, note
from app.sync.turn import Turn

log = structlog.get_logger(__name__)

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


@dataclass(frozen=True, slots=True)
class Days:
    """The days that a pull was asked for, both inclusive; without any it reads what changed since it last did."""

    start: date | None
    end: date | None

    @property
    def limited(self) -> bool:
        """Whether it was asked for some days alone."""
        return self.start is not None or self.end is not None

    def hold(self, record: RemoteRecord) -> bool:
        """Whether a record's business date is one of them; undated records always are."""
        day = record.on if isinstance(record, RemotePayment | RemoteJournal | RemoteBankTransaction) else None
        day = record.issue_date if isinstance(record, RemoteInvoice) else day
        return day is None or ((self.start is None or day >= self.start) and (self.end is None or day <= self.end))


async def pull(turn: Turn, run: Any) -> None:
    """Carry out one pull run. It gives way between pages, or kinds, to what is more urgent, and goes on later.

    What goes wrong with one kind alone is raised once all others are read. Raises ProviderError, or whatever broke us.
    """
    asked = run.params.get("kinds")
    kinds = [Kind(kind) for kind in asked] if asked else followed(turn.provider.capabilities)
    days = Days(_day(run.params.get("date_from")), _day(run.params.get("date_to")))
    done = set(run.params.get("done", ()))
    tally = Tally(**{name: run.counts.get(name, 0) for name in Tally().counts()})
    failures: list[Exception] = []
    for kind in kinds:
        if kind.value in done:
            continue
        mine = replace(tally)
        through, failure = await _one_kind(turn, run, kind, days, mine)
        unread = mine.unread - tally.unread
        tally = mine if through or not days.limited else tally  # days begin anew where they are broken off
        if failure is not None:
            failures.append(failure)
            continue
        done |= {kind.value} if through else set()
        async with turn.effects() as session:
            if through and not days.limited and not unread:
                await cursors.looked_at_missing(session, turn.firm_id, turn.connection_id, kind)
            stop = not through or not await runs.is_open(session, turn.firm_id, run.id)
            more = len(done) + len(failures) < len(kinds)
            stop = stop or (more and await work.outranked(session, turn.scope, run.priority))
            if stop:
                counts, failed = tally.counts(), bool(failures)
                await runs.give_way(session, turn.firm_id, run.id, counts=counts, done=sorted(done), failed=failed)
                return
            # What reads some days has no cursor: what it is through with it need not read again should it fail.
            await runs.count(session, turn.firm_id, run.id, tally.counts(), sorted(done) if days.limited else None)
    async with turn.effects() as session:
        if not failures:
            await runs.finish(session, turn.firm_id, run.id, tally.counts())
            return
        await runs.count(session, turn.firm_id, run.id, tally.counts())
    raise next((one for one in failures if not isinstance(one, ProviderRejected)), failures[0])


async def _one_kind(turn: Turn, run: Any, kind: Kind, days: Days, tally: Tally) -> tuple[bool, Exception | None]:
    """Read one kind and look at what its list lacks: whether all of it was done, and what went wrong with it alone.

    Raises what the other kinds would meet with too.
    """
    lacking: list[str] | None = None
    try:
        lacking = await _read(turn, run, kind, days, tally)
        return lacking is not None and await look_at_missing(turn, run, kind, lacking, tally), None
    except (StaleLease, Unavailable):
        raise
    except Exception as error:  # a permission that is missing, or a record that breaks us, is about this kind alone
        if isinstance(error, ProviderUnavailable) and lacking is not None:
            return False, error  # it has just shown its list: there are records that it cannot show
        if isinstance(error, ProviderError) and not isinstance(error, ProviderRejected):
            raise
        log.warning("kind_not_read", connection_id=turn.connection_id, kind=kind.value, exc_info=True)
        return False, error


async def _read(turn: Turn, run: Any, kind: Kind, days: Days, tally: Tally) -> list[str] | None:
    """Read one kind to its end; returns what its list should have shown and did not.

    None: something more urgent came, or a person stopped it; the cursor remembers how far it came.
    """
    async with turn.db.firm(turn.firm_id) as session:
        cursor = None if days.limited else await cursors.get(session, turn.firm_id, turn.connection_id, kind)
        since = days.start or turn.connection.sync_from
        since = since or await settlements.earliest_invoice_date(session, turn.firm_id, turn.connection_id)
    before, listed = tally.changed, set[str]() if days.limited else None
    async for page in turn.provider.changes(kind, cursor, since):
        if listed is not None:
            listed.update(record.external_id for record in page.records)
        async with turn.effects() as session:
            await _store_page(session, turn, kind, days, page, tally)
            stop = not await runs.is_open(session, turn.firm_id, run.id)
            if not days.limited:  # days begin anew where they are broken off, and so are counted at their end
                await runs.count(session, turn.firm_id, run.id, tally.counts())
                stop = stop or await work.outranked(session, turn.scope, run.priority)
        if stop:
            return None
    async with turn.effects() as session:
        if kind in _CURES and tally.changed > before:
            await cured(session, turn.firm_id, [_CURES[kind]], connection_id=turn.connection_id)
        if kind in _SYNCED_AT:
            stamp = {_SYNCED_AT[kind]: outgoing.now()}
            await outgoing.touch_connection(session, turn.firm_id, turn.connection_id, stamp)
    return await missing(turn, kind, listed, since, days.end)


async def _store_page(session: Session, turn: Turn, kind: Kind, days: Days, page: Page, tally: Tally) -> None:
    """A copy and what follows from it are stored together: what is as we know it needs no second look."""
    wanted = [record for record in page.records if days.hold(record)]
    news = wanted if days.limited else await unknown_yet(session, turn, kind, wanted)
    tally.seen += len(wanted) - len(news)
    tally.add(await apply(session, turn, news))
    if page.complete:
        tally.changed += await only(session, turn, kind, page.records)
    if not days.limited:
        await cursors.save(session, turn.firm_id, turn.connection_id, kind, page.cursor)
        await note(session, turn, kind, {one.external_id for one in wanted} - {one.external_id for one in news})


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
