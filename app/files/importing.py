"""Reading a file into the books: all of it, or nothing, or the good rows; or only saying what would happen."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from app.books import upserts
from app.canonical import Kind, ProviderName
from app.db import code_mappings, exports, file_codes, firms, imports, remote_records
from app.db.code_mappings import CodeKind
from app.db.cures import Cure, cured
from app.db.session import Session
from app.errors import Unsupported
from app.files import charting, planning, posting
from app.files.batches import Outcome, Sent, State, log_batch, refusal
from app.files.charting import ChartPlan
from app.files.formats.model import Parsed, Trouble, Unreadable
from app.files.formats.reading import read
from app.files.planning import Place
from app.files.posting import Drafts
from app.runtime import Runtime

SECONDS = 120
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file and how to take it. `order` is `mdy` or `dmy`, for dates in figures that the file leaves open."""

    provider: ProviderName
    data: bytes
    file_name: str = ""
    partial: bool = False
    dry_run: bool = False
    connection_id: int | None = None
    region: str | None = None
    order: Literal["mdy", "dmy"] | None = None
    currency: str | None = None


@dataclass(slots=True)
class _Work:
    parsed: Parsed
    chart: ChartPlan = field(default_factory=ChartPlan)
    drafts: Drafts = field(default_factory=Drafts)

    def troubles(self) -> list[Trouble]:
        found = [*self.parsed.troubles, *self.chart.troubles, *self.drafts.troubles]
        return sorted(found, key=lambda trouble: trouble.row)


async def import_file(runtime: Runtime, firm_id: int, upload: Upload, *, actor: str) -> Outcome:
    """Take a file. Raises Unsupported for one that is not read here, and Invalid naming every row that is wrong."""
    async with runtime.db.firm(firm_id) as session:
        place = await planning.place_of(session, firm_id, upload.provider, upload.connection_id, upload.region)
    parsed = await _read(upload, place)
    async with runtime.db.firm(firm_id) as session:
        await exports.take_time(session)
        await firms.lock_books(session, firm_id)
        work = await _planned(session, firm_id, upload, place, parsed)
        outcome = _outcome(upload, work)
        if outcome.state in ("imported", "partial"):
            outcome.woken = await _store(session, firm_id, upload.provider, work)
        sent = Sent(upload.provider, upload.data, upload.file_name, actor)
        outcome.import_id = await log_batch(session, firm_id, sent, outcome, parsed)
    if outcome.state == "refused":
        raise refusal(outcome)
    return outcome


async def _read(upload: Upload, place: Place) -> Parsed:
    usual = place.region.dates if place.connection_id or upload.region else None
    try:
        async with asyncio.timeout(SECONDS):
            return await asyncio.to_thread(read, upload.data, provider=upload.provider, order=upload.order, usual=usual)
    except Unreadable as error:
        raise Unsupported(str(error), code=error.code, who="bookkeeper", fix=error.fix) from error
    except TimeoutError as error:
        raise Unsupported(
            f"Reading took longer than {SECONDS} seconds.", code="file_too_slow", fix="Send it in parts."
        ) from error


async def _planned(session: Session, firm_id: int, upload: Upload, place: Place, parsed: Parsed) -> _Work:
    chart = await file_codes.chart(session, firm_id)
    mapped = await file_codes.mapped(session, firm_id, CodeKind.account, upload.provider, place.connection_id)
    known = await asyncio.to_thread(lambda: charting.known_of(chart, planning.paths(chart), mapped))
    work = _Work(parsed)
    work.chart = await asyncio.to_thread(charting.plan, parsed.accounts, parsed.format, known, parsed.blocked)
    if parsed.accounts:
        ids = await _ids_there(session, firm_id, place)
        work.chart.targets = [(ours, code or ids.get(name, ""), name) for ours, code, name in work.chart.targets]
    if parsed.entries:
        taxes = await planning.taxes(session, firm_id, place)
        currency = upload.currency or place.currency or await _only_currency(session, firm_id)
        words = await posting.words_of(session, firm_id, parsed, known, work.chart, (taxes, currency))
        work.drafts = await posting.drafts(session, firm_id, parsed, words)
    return work


async def _ids_there(session: Session, firm_id: int, place: Place) -> dict[str, str]:
    """QuickBooks' id of each account by its whole name, as far as its accounts were pulled: files do not tell it."""
    if place.connection_id is None or place.provider is not ProviderName.quickbooks:
        return {}
    rows = await remote_records.page(
        session, firm_id, connection_id=place.connection_id, kind=Kind.account, gone=False, after=None, limit=100_000
    )
    return {str(row.record.get("name")): row.external_id for row in rows}


async def _only_currency(session: Session, firm_id: int) -> str:
    used = await imports.currencies_used(session, firm_id)
    return used[0] if len(used) == 1 else ""


def _outcome(upload: Upload, work: _Work) -> Outcome:
    troubles = work.troubles()
    rejected = {row for trouble in troubles for row in trouble.records}
    results = [plan.result for plan in work.chart.plans]
    state: State = "imported"
    if rejected:
        state = "partial" if upload.partial else "refused"
    if upload.dry_run:
        state = "dry_run"
    outcome = Outcome(
        message="",
        format=work.parsed.format,
        encoding=work.parsed.encoding,
        state=state,
        rejected=len(rejected),
        errors=troubles,
        notes=[*work.parsed.notes, *work.drafts.notes()],
    )
    if state != "refused":
        outcome.imported = results.count("created") + len(work.drafts.items)
        outcome.updated = results.count("updated")
        outcome.unchanged = results.count("unchanged") + work.drafts.unchanged
    outcome.message = _message(state, work, outcome.imported, len(rejected))
    return outcome


def _message(state: State, work: _Work, imported: int, rejected: int) -> str:
    nouns = [
        noun for noun, found in (("accounts", work.parsed.accounts), ("journal entries", work.parsed.entries)) if found
    ]
    what = " and ".join(nouns) or "accounts"
    if state == "refused":
        return f"Nothing was imported: {rejected} rows are wrong"
    if state == "dry_run":
        return f"Would import {imported} {what}; nothing was stored"
    left = f"; {rejected} rows were left out" if rejected else ""
    return f"Successfully imported {imported} {what}{left}"


async def _store(session: Session, firm_id: int, provider: ProviderName, work: _Work) -> set[int]:
    """Store what was planned; returns the connections whose records wait for one of the new codes."""
    plans, targets = work.chart.plans, work.chart.targets
    changed = [plan for plan in plans if plan.changed]
    for start in range(0, len(changed), _AT_ONCE):
        await upserts.store(session, firm_id, Kind.account, changed[start : start + _AT_ONCE])
    for start in range(0, len(targets), _AT_ONCE):
        portion = targets[start : start + _AT_ONCE]
        await code_mappings.fill(session, firm_id, CodeKind.account, provider=provider, targets=portion)
    await posting.store(session, firm_id, work.drafts)
    if not any(code for _, code, _ in targets):
        return set()
    return await cured(session, firm_id, [Cure.account_mapped], provider=provider)
