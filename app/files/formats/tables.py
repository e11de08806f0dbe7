"""Tables in text: which character divides the cells, where the header stands, what is under it.

Decided by content: the divider is the one under which a row of known column names appears.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

from app.files.formats.model import Cells, Format, Unreadable
from app.files.formats.text import lines_of

MAX_ROWS = 500_000
MAX_COLUMNS = 200
MAX_CELL = 32_767  # what a spreadsheet's cell can hold
_DIVIDERS = (",", ";", "\t", "|")
_SEARCHED = 25
NOTHING = frozenset({"nan", "#n/a", "none", "null", "#ref!", "#value!"})  # what spreadsheets write for nothing
_HEAD, _TAIL = re.compile(r"[-+($]{0,2}[1-9]\d{0,2}", re.ASCII), re.compile(r"\d{3}(?:\.\d+)?\)?", re.ASCII)
_TOTAL = re.compile(r"total(?: for .*)?", re.IGNORECASE)
_FOOTER = re.compile(
    r"(?:(?:accrual|cash) basis\b.*|\s*(?:mon|tues|wednes|thurs|fri|satur|sun)day,.*\d{4}.*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Shape:
    """A format's columns: our name → the headings that mean it, written as `heading` leaves them."""

    format: Format
    required: Mapping[str, frozenset[str]]
    optional: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def places(self, headings: Sequence[str]) -> dict[str, int] | None:
        """Where each known column stands; None where a required one is missing. The first of equals counts."""
        found: dict[str, int] = {}
        for names in (self.required, self.optional):
            for name, spellings in names.items():
                at = next((n for n, word in enumerate(headings) if word in spellings and n not in found.values()), None)
                if at is not None:
                    found[name] = at
                elif names is self.required:
                    return None
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its header found. `skipped` says what was passed over."""

    shape: Shape
    places: Mapping[str, int]
    header: Sequence[str]
    rows: Sequence[Cells]
    divider: str
    skipped: tuple[str, ...]


def one_of(*words: str) -> frozenset[str]:
    """Headings that mean the same."""
    return frozenset(words)


def heading(cell: str) -> str:
    """A column's name without case, blanks, stars and punctuation: `*Account Name` is `accountname`."""
    return re.sub(r"[^a-z0-9#]", "", cell.casefold())


def find_table(text: str, shapes: Sequence[Shape]) -> Table:
    """The table of one of these shapes. Raises Unreadable where there is none, naming the product it may be from."""
    first = "\n".join(lines_of(text)[:_SEARCHED])
    best: tuple[int, int, Shape, str] | None = None
    for divider in _DIVIDERS:
        for at, row in enumerate(_some(first, divider)):
            for shape in shapes:
                places = shape.places([heading(cell) for cell in row.cells])
                if places is not None and (best is None or len(places) > best[0]):
                    best = (len(places), at, shape, divider)
    if best is None:
        raise _stranger([row.cells for divider in _DIVIDERS for row in _some(first, divider)])
    _, at, shape, divider = best
    _refuse_stranger(_some(first, divider)[at].cells)
    return under_header(list(read_rows(text, divider)), at, shape, divider)


def under_header(rows: Sequence[Cells], at: int, shape: Shape, divider: str) -> Table:
    """The table whose header is row `at`; blank rows, totals and what follows the total are left out and told."""
    header = [cell.strip() for cell in rows[at].cells]
    places = shape.places([heading(cell) for cell in header]) or {}
    skipped = [f"{at} title rows above the header"] if at else []
    kept: list[Cells] = []
    totals = 0
    for n, row in enumerate(rows[at + 1 :], start=at + 1):
        filled = [cell for cell in row.cells if cell.strip() and cell.strip().casefold() not in NOTHING]
        if not filled or (len(filled) == 1 and _FOOTER.fullmatch(filled[0].strip())):
            continue
        first = filled[0].strip()
        if _TOTAL.fullmatch(first) and not _is_record(row, places, first):
            totals += 1
            if first.upper() == first and n + 1 < len(rows):
                skipped.append(f"everything from the {first} in line {row.row} on")
                totals -= 1
                break
            continue
        kept.append(row)
    if totals:
        skipped.append(f"{totals} total rows")
    return Table(shape, places, header, kept, divider, tuple(skipped))


def moved(table: Table, *, own: bool = False) -> frozenset[int]:
    """Rows that have more cells than there are columns, because a divider stands unquoted in one of them.

    Rows that all end with the same blank cells are how some programs write, though we do not (`own`). A workbook's
    cells cannot move.
    """
    if not table.divider:
        return frozenset()
    named = max(n for n, name in enumerate(table.header, start=1) if name)
    full = {row.row for row in table.rows if any(cell.strip() for cell in row.cells[named:])}
    longer = [row for row in table.rows if len(row.cells) > len(table.header)]
    if not own and len({len(row.cells) for row in longer}) == 1 and len(longer) == len(table.rows):
        longer = [row for row in longer if table.divider == "," and has_cut_number(row.cells)]
    return frozenset(full | {row.row for row in longer})


def has_cut_number(cells: Sequence[str]) -> bool:
    """Whether `1,234.56` stands in two cells."""
    return any(_HEAD.fullmatch(one) and _TAIL.fullmatch(two) for one, two in pairwise(cells))


def _is_record(row: Cells, places: Mapping[str, int], first: str) -> bool:
    """Whether a row that begins with “Total” is an account of that name: it has a type then."""
    at = places.get("type")
    return at is not None and at < len(row.cells) and row.cells[at].strip() not in ("", first)


def find_header(rows: Sequence[Cells], shapes: Sequence[Shape]) -> tuple[int, Shape]:
    """Header and shape among rows that are divided already. Raises Unreadable."""
    best: tuple[int, int, Shape] | None = None
    for at, row in enumerate(rows[:_SEARCHED]):
        for shape in shapes:
            places = shape.places([heading(cell) for cell in row.cells])
            if places is not None and (best is None or len(places) > best[0]):
                best = (len(places), at, shape)
    if best is None:
        raise _stranger([row.cells for row in rows[:_SEARCHED]])
    _refuse_stranger(rows[best[1]].cells)
    return best[1], best[2]


def read_rows(text: str, divider: str) -> Iterator[Cells]:
    """All rows with the lines they begin in. Raises Unreadable where there are too many, or a cell is too long."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=divider)
    line = 1
    count = 0
    try:
        for cells in reader:
            count += 1
            if count > MAX_ROWS:
                raise Unreadable(
                    f"The file has more than {MAX_ROWS:,} rows.", code="too_many_rows", fix="Send it in parts."
                )
            if len(cells) > MAX_COLUMNS:
                raise Unreadable(f"Line {line} has more than {MAX_COLUMNS} columns.", code="too_many_columns")
            yield Cells(line, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(
            f"The table cannot be read from line {line} on: {error}.",
            code="damaged_table",
            fix="Look for a quotation mark that is opened and never closed.",
        ) from error


def _some(text: str, divider: str) -> list[Cells]:
    """The first rows, as far as they can be read: one of the other dividers may make no sense of the file."""
    rows: list[Cells] = []
    with suppress(Unreadable):
        for row in read_rows(text, divider):
            rows.append(row)  # noqa: PERF402  what was read before an error counts
    return rows


_STRANGERS: Sequence[tuple[str, frozenset[str]]] = (
    ("Zoho Books", one_of("accountid", "accountname", "accountcode", "accounttype")),
    ("Odoo", one_of("code", "name", "usertypeid")),
    ("Odoo", one_of("code", "name", "accounttype")),
    ("Odoo", one_of("code", "accountname", "allowreconciliation")),
    ("MYOB", one_of("accountnumber", "accountname", "header")),
    ("Sage", one_of("nominalcode", "name")),
    ("FreshBooks", one_of("accountname", "accounttype", "accountsubtype")),
    ("Wave", one_of("accountname", "accountgroup", "accounttype")),
)


def _refuse_stranger(cells: Sequence[str]) -> None:
    """Raise Unreadable where the columns are another product's, though ours may be among them."""
    words = {heading(cell) for cell in cells}
    for product, columns in _STRANGERS:
        if columns <= words:
            raise Unreadable(
                f"This looks like a file of {product}, which is not read here.",
                code="other_product",
                fix="Export the chart of accounts or the journals from QuickBooks or Xero.",
            )


def _stranger(rows: Sequence[Sequence[str]]) -> Unreadable:
    for row in rows:
        _refuse_stranger(row)
    return Unreadable(
        "No header of a known file was found in the first rows.",
        fix="Send QuickBooks' IIF, its Account List or journal import file, or Xero's chart of accounts or manual "
        "journal file, with the row of column names in it.",
    )
