"""Account mappings as a CSV: down for people with a spreadsheet, and up again."""

import asyncio
import csv
import io
from collections.abc import Sequence, Set

from pydantic import TypeAdapter, ValidationError

from app.books.inputs import Code, Line, Word
from app.db import code_mappings, file_codes
from app.db.code_mappings import CodeKind
from app.db.cures import Cure, cured
from app.db.session import Session
from app.errors import Unsupported
from app.files.batches import Outcome, Sent, log_batch
from app.files.formats.escaping import escape, unescape
from app.files.formats.model import Format, Trouble, Unreadable, crooked
from app.files.formats.reading import table_of
from app.files.formats.tables import Shape, Table, moved, one_of
from app.files.planning import Place

COLUMNS = ("internal_code", "internal_name", "type", "external_code", "external_name")
SHAPE = Shape(
    Format.account_mappings,
    {"internal_code": one_of("internalcode"), "external_code": one_of("externalcode", "xerocode")},
    {"external_name": one_of("externalname"), "internal_name": one_of("internalname"), "type": one_of("type")},
)
_AT_ONCE = 1000
_CODE, _TARGET, _NAME = TypeAdapter(Code), TypeAdapter(Word), TypeAdapter(Line)


async def down(session: Session, firm_id: int, place: Place) -> bytes:
    """Every account of ours and every mapping, a row each; the codes there are empty where none is mapped."""
    chart = {row.code: row for row in await file_codes.chart(session, firm_id)}
    mapped = await file_codes.mapped(session, firm_id, CodeKind.account, place.provider, place.connection_id)
    file = io.StringIO(newline="")
    write = csv.writer(file).writerow
    write(COLUMNS)
    for code in sorted({*chart, *mapped}):
        row = chart.get(code)
        external_code, external_name = mapped.get(code, ("", ""))
        names = (row.name, row.type) if row is not None else ("", "")
        write([code, escape(names[0]), names[1], external_code, escape(external_name)])
    return file.getvalue().encode()


async def up(session: Session, firm_id: int, place: Place, sent: Sent, *, override: bool) -> Outcome:
    """Set what a CSV says; rows without a code there are left as they are. Any wrong row: nothing is set.

    `override`: for the place's connection alone. Raises Unsupported where the file has no such columns.
    """
    try:
        table, parsed = await asyncio.to_thread(table_of, sent.data, SHAPE)
    except Unreadable as error:
        raise Unsupported(str(error), code=error.code, who="bookkeeper", fix=error.fix) from error
    targets, troubles = _targets(table, moved(table, own=True))
    known = await file_codes.mapped(session, firm_id, CodeKind.account, place.provider, place.connection_id)
    changed = [one for one in targets if known.get(one[0]) != (one[1], one[2] or known.get(one[0], ("", ""))[1])]
    outcome = Outcome(
        message=f"Successfully set {len(changed)} mappings",
        format=Format.account_mappings,
        encoding=parsed.encoding,
        state="imported",
        errors=troubles,
        notes=parsed.notes,
        rejected=len(troubles),
    )
    if troubles:
        outcome.state, outcome.message = "refused", f"Nothing was set: {len(troubles)} rows are wrong"
    else:
        outcome.imported = sum(one[0] not in known for one in changed)
        outcome.updated = len(changed) - outcome.imported
        outcome.unchanged = len(targets) - len(changed)
        outcome.woken = await _set(session, firm_id, place, changed, override=override)
    outcome.import_id = await log_batch(session, firm_id, sent, outcome, parsed)
    return outcome


async def _set(
    session: Session, firm_id: int, place: Place, targets: Sequence[tuple[str, str, str]], *, override: bool
) -> set[int]:
    for start in range(0, len(targets), _AT_ONCE):
        await code_mappings.put(
            session,
            firm_id,
            CodeKind.account,
            provider=place.provider,
            connection_id=place.connection_id if override else None,
            targets=targets[start : start + _AT_ONCE],
        )
    return await cured(session, firm_id, [Cure.account_mapped], provider=place.provider) if targets else set()


def _targets(table: Table, crooked_rows: Set[int]) -> tuple[list[tuple[str, str, str]], list[Trouble]]:
    targets: list[tuple[str, str, str]] = []
    troubles: list[Trouble] = []
    seen: dict[str, int] = {}
    for row in table.rows:
        if row.row in crooked_rows:
            troubles.append(crooked(row.row, (row.row,), row.cells[0]))
            continue
        cells = {name: row.cells[at].strip() if at < len(row.cells) else "" for name, at in table.places.items()}
        ours, theirs = cells["internal_code"], cells["external_code"]
        name = unescape(cells.get("external_name", ""))
        if ours and not theirs and not name:
            continue
        found = _wrong(ours, theirs, name, seen)
        if found is not None:
            column, reason = found
            fix = "Correct the row and send the file again."
            troubles.append(
                Trouble(row=row.row, column=column, value=cells.get(column, ""), code="invalid_value",
                        reason=reason, fix=fix, records=(row.row,))
            )  # fmt: skip
            continue
        seen[ours] = row.row
        targets.append((ours, theirs, name))
    return targets, troubles


def _wrong(ours: str, theirs: str, name: str, seen: dict[str, int]) -> tuple[str, str] | None:
    if ours in seen:
        return "internal_code", f"The code {ours!r} stands in line {seen[ours]} already."
    if not theirs:
        return "external_code", "A name there without a code there maps nothing."
    for column, adapter, value in (
        ("internal_code", _CODE, ours),
        ("external_code", _TARGET, theirs),
        ("external_name", _NAME, name),
    ):
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            return column, str(error.errors()[0]["msg"])
    return None
