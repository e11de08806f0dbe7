"""Reading any file: what it is, decided by its content, and what it says."""

from collections.abc import Sequence
from dataclasses import replace

from app.canonical import ProviderName
from app.files.formats import iif, qbo, qbo_report, xero, xlsx
from app.files.formats.model import Cells, Format, Parsed, Unreadable
from app.files.formats.tables import MAX_CELL, Shape, Table, find_header, find_table, moved, under_header
from app.files.formats.text import decode
from app.files.formats.values import DMY, MDY

MAX_BYTES = 32_000_000
_EVERY = (xero.ACCOUNTS, xero.JOURNAL, qbo.JOURNAL, qbo_report.JOURNAL, qbo.ACCOUNTS)
_DATED = frozenset({Format.xero_journal, Format.qbo_journal, Format.qbo_report})
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


def read(
    data: bytes, *, provider: ProviderName | None = None, order: str | None = None, usual: str | None = None
) -> Parsed:
    """Everything a file says. `provider`: only its formats.

    `order`: `mdy` or `dmy`, where the file leaves it open; `usual` is the company's own, which IIF does not follow.
    Raises Unreadable with a sentence for a person; never anything else, whatever the bytes are.
    """
    _refuse_size(data)
    if data.startswith(_OLD_EXCEL):
        raise Unreadable("This is a workbook of Excel 97-2003 (XLS).", fix="Save it as XLSX or CSV.")
    if data.startswith(xlsx.MAGIC):
        return _workbook(data, provider, order or usual)
    decoded = decode(data)
    if iif.looks_like_iif(decoded.text):
        _check_provider(Format.iif, provider)
        return iif.read(decoded, order=order or MDY)
    table = find_table(decoded.text, _EVERY)
    parsed = Parsed(table.shape.format, decoded.encoding, table.divider, notes=list(decoded.notes))
    return _filled(parsed, table, provider, order or usual)


def table_of(data: bytes, shape: Shape) -> tuple[Table, Parsed]:
    """A table of our own, from CSV or XLSX. Raises Unreadable."""
    _refuse_size(data)
    if data.startswith(xlsx.MAGIC):
        rows = xlsx.read_sheet(data).rows
        table = under_header(rows, find_header(rows, (shape,))[0], shape, "")
        parsed = Parsed(shape.format, "xlsx", "")
    else:
        decoded = decode(data)
        table = find_table(decoded.text, (shape,))
        parsed = Parsed(shape.format, decoded.encoding, table.divider, notes=list(decoded.notes))
    _refuse_long_cells(table.rows)
    parsed.header = table.header
    parsed.rows = {row.row: row.cells for row in table.rows}
    return table, parsed


def _refuse_size(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise Unreadable(f"The file has more than {MAX_BYTES:,} bytes.", code="file_too_large", fix="Send it in parts.")
    if not data.strip(b" \r\n\t\x00"):
        raise Unreadable("The file is empty.", code="file_empty", fix="Export it again.")


def _workbook(data: bytes, provider: ProviderName | None, order: str | None) -> Parsed:
    rows, epoch = xlsx.read_sheet(data)
    at, shape = find_header(rows, _EVERY)
    table = under_header(rows, at, shape, "")
    if shape.format in _DATED:
        dated = table.places["date"]
        days = [(row, [*row.cells]) for row in table.rows]
        for _, cells in days:
            if dated < len(cells):
                cells[dated] = xlsx.day_of(cells[dated], epoch)
        table = replace(table, rows=[Cells(row.row, cells) for row, cells in days])
    return _filled(Parsed(shape.format, "xlsx", ""), table, provider, order)


def _filled(parsed: Parsed, table: Table, provider: ProviderName | None, order: str | None) -> Parsed:
    _check_provider(parsed.format, provider)
    parsed.header = table.header
    parsed.rows = {row.row: row.cells for row in table.rows}
    parsed.crooked = moved(table)
    parsed.notes += [f"Left out: {what}." for what in table.skipped]
    _refuse_long_cells(table.rows)
    if parsed.format is Format.xero_accounts:
        xero.accounts(table, parsed)
    elif parsed.format is Format.xero_journal:
        xero.journal(table, parsed, order or DMY)
    elif parsed.format is Format.qbo_journal:
        qbo.journal(table, parsed, order or MDY)
    elif parsed.format is Format.qbo_report:
        qbo_report.journal(table, parsed, order or MDY)
    else:
        qbo.accounts(table, parsed)
    return parsed


def _refuse_long_cells(rows: Sequence[Cells]) -> None:
    for row in rows:
        if any(len(cell) > MAX_CELL for cell in row.cells):
            raise Unreadable(
                f"A cell in line {row.row} is longer than {MAX_CELL:,} characters.",
                code="cell_too_long",
                fix="Look for a quotation mark that is opened and never closed.",
            )


def _check_provider(found: Format, provider: ProviderName | None) -> None:
    if provider is not None and found.provider is not provider:
        names = {ProviderName.quickbooks: "QuickBooks", ProviderName.xero: "Xero"}
        raise Unreadable(
            f"This is a file of {names[found.provider]} ({found.value}), not of {names[provider]}.",
            code="other_provider",
            fix=f"Send it to /api/import/{found.provider.value}.",
        )
