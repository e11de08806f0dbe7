"""Writing the books into a file: printed, checked, counted and logged before its first byte is served."""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import IO

from app.db import audit, exports
from app.db.exports import Part
from app.db.session import Session
from app.errors import Invalid
from app.files import planning
from app.files.copied import Relay
from app.files.formats.journal_printing import Journal
from app.files.formats.print_iif import IifJournal
from app.files.formats.print_tables import QboJournal, XeroJournal
from app.files.formats.printing import checksum
from app.files.formats.targets import Findings, Plan
from app.files.lists import print_list, refuse_many
from app.files.planning import Place
from app.files.wishes import Counted, Wish
from app.runtime import Runtime

MEDIA_TYPES = {"iif": "text/plain; charset=windows-1252", "csv": "text/csv", "zip": "application/zip"}
_JOURNALS: Mapping[tuple[str, str], type[Journal]] = {
    ("quickbooks", "iif"): IifJournal,
    ("quickbooks", "csv"): QboJournal,
    ("xero", "csv"): XeroJournal,
}
_MOST_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file that is ready to be served, and its log."""

    file: IO[bytes]
    log_id: int
    file_name: str
    media_type: str
    size: int
    checksum: str
    records: int
    exported_before: int
    altered: int


async def export(runtime: Runtime, firm_id: int, wish: Wish, *, actor: str) -> Export:
    """Write the file and its log. Raises Invalid naming all that the format cannot hold; then nothing is logged.

    The file is the caller's to close.
    """
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  it outlives this function
    try:
        async with runtime.db.snapshot(firm_id) as session:
            await exports.take_time(session)
            place = await planning.place_of(session, firm_id, wish.provider, wish.connection_id, wish.region)
            write = _journals if wish.kind == "journal_entries" else print_list
            counted = await write(session, firm_id, wish, place, file)
            _refuse(counted.findings)
            size, digest = await asyncio.to_thread(checksum, file)
            return await _logged(session, firm_id, wish, counted, (file, size, digest), actor)
    except BaseException:  # closed whatever ended it, then passed on
        file.close()
        raise


async def _journals(session: Session, firm_id: int, wish: Wish, place: Place, file: IO[bytes]) -> Counted:
    printing = _JOURNALS[wish.provider, wish.format]
    part = Part(
        status=wish.status, date_from=wish.date_from, date_to=wish.date_to, ids=wish.ids, currency=wish.currency
    )
    out = await exports.exported(session, firm_id, wish.provider, wish.format)
    if not wish.include_exported:
        part = replace(part, without=out)
    before = await exports.count_among(session, firm_id, part, out) if out != "{}" else 0
    if printing.limit and wish.split is None:
        _, lines = await exports.count(session, firm_id, part)
        if lines > printing.limit:
            refuse_many(lines, printing.limit)
    accounts = await planning.accounts(session, firm_id, place)
    plan = Plan(
        region=place.region,
        accounts=accounts,
        taxes=await planning.taxes(session, firm_id, place),
        currency=wish.currency or place.currency,
    )
    printer = printing(file, plan, zipped=wish.split is not None)
    relay = Relay(printer.feed)
    try:
        await exports.copy_journals(session, firm_id, part, relay.take)
        await relay.finish()
        await asyncio.to_thread(printer.close)
    finally:
        await relay.stop()
        printer.discard()
    return Counted(printer.findings, printer.entries, printer.lines, printer.totals, printer.ids, before)


def _refuse(findings: Findings) -> None:
    """Raise Invalid with what the format cannot hold."""
    if not findings.refused_count:
        return
    first = findings.refused[0]
    codes = {found.code for found in findings.refused}
    more = f" (and {findings.refused_count - 1} more)" if findings.refused_count > 1 else ""
    raise Invalid(
        f"{first.record}, {first.field}: {first.message}{more}",
        code=codes.pop() if len(codes) == 1 else "not_representable",
        who="bookkeeper",
        fix="Correct what errors names, map the codes, or leave the entries out; no file was written.",
        errors=[
            {
                "pointer": f"/{found.field}",
                "code": found.code,
                "message": found.message,
                "entry": found.record,
                "field": found.field,
                "value": found.value,
            }
            for found in findings.refused[:_MOST_SHOWN]
        ],
        extra={"refused": findings.refused_count},
    )


async def _logged(
    session: Session, firm_id: int, wish: Wish, counted: Counted, made: tuple[IO[bytes], int, str], actor: str
) -> Export:
    file, size, digest = made
    suffix = "zip" if wish.split else wish.format
    stem = "export" if wish.kind == "journal_entries" else wish.kind
    name = f"{wish.provider}_{stem}.{suffix}"
    values = {
        "provider": wish.provider,
        "format": wish.format,
        "kind": wish.kind,
        "connection_id": wish.connection_id,
        "filter": wish.described(),
        "requested_by": actor,
        "file_name": name,
        "size": size,
        "checksum": digest,
        "records": counted.records,
        "lines": counted.lines,
        "totals": {currency: f"{total}" for currency, total in sorted(counted.totals.items())},
        "exported_before": counted.before,
        "altered": counted.findings.altered_count,
        "alterations": [asdict(found) for found in counted.findings.altered],
    }
    log_id = await exports.log(session, firm_id, values, counted.ids)
    details = {"provider": wish.provider, "kind": wish.kind, "records": counted.records}
    await audit.record(
        session, firm_id, actor=actor, action="file.exported", subject=f"export_log:{log_id}", details=details
    )
    return Export(
        file=file,
        log_id=log_id,
        file_name=name,
        media_type=MEDIA_TYPES[suffix],
        size=size,
        checksum=digest,
        records=counted.records,
        exported_before=counted.before,
        altered=counted.findings.altered_count,
    )
