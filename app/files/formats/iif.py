"""Reading IIF, QuickBooks Desktop's interchange format: lists and general journals.

One record per line, columns named by the last line that begins with `!` and the same keyword. Writers differ in much:
trailing tabs, quoted keywords, commas instead of tabs, rows longer or shorter than their header, headers that differ
between TRNS and SPL.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.files.formats import charts, types
from app.files.formats.escaping import split_number, unescape
from app.files.formats.journals import Group, Side, build
from app.files.formats.model import FileAccount, Format, Parsed, Trouble, Unreadable
from app.files.formats.tables import has_cut_number
from app.files.formats.text import Decoded, lines_of
from app.files.formats.values import MDY, date_order, decimal_mark

MAX_LINES = 2_000_000
_COMMA_LINE = re.compile(r'^"?!?[A-Z0-9]+"?,')
_KEYWORD = re.compile(
    r'^\s*"?!(?:HDR|ACCNT|TRNS|SPL|ENDTRNS|CUST|VEND|CLASS|INVITEM|EMP|OTHERNAME|BUD|TERMS)\b', re.MULTILINE
)
_DATA = re.compile(r'^\s*"?(?:ACCNT|TRNS|SPL)"?[\t,]', re.MULTILINE)
_LOST_TABS = re.compile(r"^!?(?:TRNS|SPL|ACCNT)\s{2,}\S")
_DOCNUM = 11
_JOURNALS = frozenset({"GENERAL JOURNAL", ""})
_TYPE_COLUMNS = ("TRNSTYPE", "TRANSTYPE")


def looks_like_iif(text: str) -> bool:
    """Whether a text has IIF's keywords, whatever the file is called."""
    return _KEYWORD.search(text) is not None or _DATA.match(text) is not None


@dataclass(slots=True)
class _Reading:
    headers: dict[str, list[str]] = field(default_factory=dict)
    accounts: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    group: Group | None = None
    group_type: str = ""
    foreign: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)
    troubles: list[Trouble] = field(default_factory=list)
    crooked: set[int] = field(default_factory=set)


def read(decoded: Decoded, *, order: str = MDY) -> Parsed:
    """Accounts and general journals of an IIF file."""
    lines = lines_of(decoded.text)
    if len(lines) > MAX_LINES:
        raise Unreadable(f"The file has more than {MAX_LINES:,} lines.", code="too_many_rows", fix="Send it in parts.")
    parsed = Parsed(Format.iif, decoded.encoding, "\t", notes=list(decoded.notes))
    reading = _Reading()
    commas = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        commas += "\t" not in line and _COMMA_LINE.match(line) is not None
        cells = split(line)
        parsed.rows[number] = cells
        _take(reading, number, cells, line)
    _close(reading)
    if commas and not any("\t" in line for line in lines):
        parsed.delimiter = ","
    parsed.troubles += reading.troubles
    _accounts(reading, parsed)
    _entries(reading, parsed, order)
    _note_the_rest(reading, parsed)
    return parsed


def split(line: str) -> list[str]:
    """The cells of a line: tabs first, then one pair of quotes around a cell; commas where there is no tab."""
    if "\t" not in line and _COMMA_LINE.match(line):
        try:
            return next(csv.reader([line]))
        except (csv.Error, StopIteration):
            return line.split(",")
    return [_unquoted(cell.strip(" ")) for cell in line.split("\t")]


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell.startswith('"') and cell.endswith('"'):
        return cell[1:-1].replace('""', '"')
    return cell


def _take(reading: _Reading, number: int, cells: list[str], line: str) -> None:
    keyword = cells[0].strip().upper()
    if keyword.startswith("!"):
        reading.headers[keyword[1:]] = [cell.strip().upper() for cell in cells[1:]]
    elif keyword == "ACCNT":
        row = _named(reading, keyword, number, cells, line)
        if row is not None:
            reading.accounts.append((number, row))
    elif keyword in ("TRNS", "SPL"):
        row = _named(reading, keyword, number, cells, line)
        if row is not None:
            _side(reading, keyword, number, row)
    elif keyword == "ENDTRNS":
        _close(reading)
    elif _LOST_TABS.match(line.strip()):
        fix = "Export the file again; do not copy it through an editor that replaces tabs."
        _report(reading, number, ("", line[:40], "tabs_lost"), "The tabs between the columns were lost.", fix)
    elif not cells[0].startswith("END") and keyword != "HDR":
        reading.other[keyword[:20]] += 1


def _named(reading: _Reading, keyword: str, number: int, cells: Sequence[str], line: str) -> dict[str, str] | None:
    """A row's cells by column. A column that stands twice counts where it stands first.

    Rows that are longer than their header are common; among commas they mean that an amount or a text was cut in two.
    """
    header = reading.headers.get(keyword)
    if header is None:
        header = reading.headers.get("TRNS" if keyword == "SPL" else "SPL" if keyword == "TRNS" else "")
    if header is None:
        fix = f"Put the line that begins with !{keyword} above it."
        reason = f"No !{keyword} line says what the columns of this row are."
        _report(reading, number, ("", keyword, "header_missing"), reason, fix)
        return None
    beyond = cells[1 + len(header) :]
    if "\t" not in line and beyond and (any(cell.strip() for cell in beyond) or has_cut_number(cells)):
        reading.crooked.add(number)
    named: dict[str, str] = {}
    for column, cell in zip(header, cells[1:], strict=False):
        if column:
            named.setdefault(column, cell.strip())
    return named


def _side(reading: _Reading, keyword: str, number: int, row: dict[str, str]) -> None:
    kind = next((row[column] for column in _TYPE_COLUMNS if column in row), "").upper()
    if keyword == "TRNS" or reading.group is None:
        _close(reading)
        reading.group = Group(row=number, date=row.get("DATE", ""), number=row.get("DOCNUM", ""))
        reading.group.narration = unescape(row.get("MEMO", ""))
        reading.group_type = kind
    group = reading.group
    memo = unescape(row.get("MEMO", ""))
    classes = row.get("CLASS", "")
    group.sides.append(
        Side(
            row=number,
            account=row.get("ACCNT", ""),
            amount=row.get("AMOUNT", ""),
            description="" if memo == group.narration else memo,
            name=row.get("NAME", ""),
            tracking=(("Class", classes),) if classes else (),
        )
    )


def _close(reading: _Reading) -> None:
    group, reading.group = reading.group, None
    if group is None:
        return
    if reading.group_type not in _JOURNALS:
        reading.foreign[reading.group_type] += 1
        return
    narration, number = split_number(group.narration)
    # Our own numbers that are too long for DOCNUM stand whole in the memo.
    if len(number) > _DOCNUM and number.endswith(group.number):
        group.number = number
        for side in group.sides:
            side.description = "" if side.description == narration else side.description
        group.narration = narration
    reading.groups.append(group)


def _accounts(reading: _Reading, parsed: Parsed) -> None:
    left = 0
    rows: list[FileAccount] = []
    for number, row in reading.accounts:
        kind, path = row.get("ACCNTTYPE", "").upper(), charts.path_of(row.get("NAME", ""))
        if kind == types.NONPOSTING:
            left += 1
            continue
        ours = types.from_iif(kind, row.get("EXTRA", "").upper())
        if ours is None:
            parsed.troubles.append(charts.unknown_type(number, "ACCNTTYPE", kind, ", ".join(types.IIF)))
            continue
        hidden = row.get("HIDDEN", "").upper()
        rows.append(
            FileAccount(
                row=number,
                code=charts.code_of(row.get("ACCNUM", "")),
                name=path.rpartition(":")[2],
                path=path,
                parent=path.rpartition(":")[0],
                type=ours,
                vendor_type=kind,
                description=unescape(row.get("DESC", "")),
                currency=row.get("CURRENCY", ""),
                active=None if not hidden else hidden != "Y",
            )
        )
    if left:
        parsed.notes.append(f"{left} accounts that post nothing (estimates, orders) were left out.")
    parsed.accounts += charts.checked(rows, parsed.troubles, by_path=True, moved=reading.crooked)


def _entries(reading: _Reading, parsed: Parsed, order: str) -> None:
    dates = date_order((group.date for group in reading.groups), order)
    mark = decimal_mark(side.amount for group in reading.groups for side in group.sides)
    built = build(reading.groups, order=dates, mark=mark, moved=reading.crooked)
    parsed.entries += built.entries
    parsed.troubles += built.troubles
    parsed.notes += built.notes()
    if dates.order != MDY and reading.groups:
        parsed.notes.append("Dates are read as day/month/year.")


def _note_the_rest(reading: _Reading, parsed: Parsed) -> None:
    for kind, count in sorted(reading.foreign.items()):
        parsed.notes.append(f"{count} transactions of the type {kind or '(none)'} are no general journals; left out.")
    for keyword, count in sorted(reading.other.items())[:20]:
        parsed.notes.append(f"{count} rows of the list {keyword or '(none)'} are not read here; left out.")
    if not parsed.accounts and not parsed.entries and not parsed.troubles:
        parsed.notes.append("The file holds neither accounts nor general journals.")


def _report(reading: _Reading, number: int, what: tuple[str, str, str], reason: str, fix: str) -> None:
    column, value, code = what
    reading.troubles.append(
        Trouble(row=number, column=column, value=value, code=code, reason=reason, fix=fix, records=(number,))
    )
