"""The first sheet of an XLSX workbook as rows of text, read with limits and without any entity.

An XLSX file is a zip of XML, and both can be bombs: what is unpacked is counted while it is unpacked, whatever the
archive's directory claims, and a document type, without which there are no entities, is refused.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple
from xml.parsers import expat

from app.files.formats.model import Cells, Unreadable
from app.files.formats.tables import MAX_CELL, MAX_COLUMNS, MAX_ROWS

MAGIC = b"PK\x03\x04"
MAX_UNPACKED = 64_000_000
MAX_PARTS = 2_000
_CHUNK = 65_536
_STRINGS = "xl/sharedStrings.xml"
_BOOK = "xl/workbook.xml"
_LINKS = "xl/_rels/workbook.xml.rels"
_SHEET = re.compile(r"xl/worksheets/[Ss]heet(\d{0,6})\.xml")
_IN_SHEETS = re.compile(r"xl/worksheets/[^/]+\.xml")
_DAYS = re.compile(r"([1-9]\d{3,4})(?:\.\d+)?", re.ASCII)
_EPOCH, _EPOCH_MAC = date(1899, 12, 30), date(1904, 1, 1)
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_BAD = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class Sheet(NamedTuple):
    """The rows of a sheet, and the day that its dates, which are stored as numbers, count from."""

    rows: list[Cells]
    epoch: date


def read_sheet(data: bytes) -> Sheet:
    """The first sheet. Raises Unreadable for anything else than a plain, sane workbook."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if len(archive.infolist()) > MAX_PARTS:
                raise Unreadable("The workbook has too many parts.", code="file_too_large")
            budget = _Budget(MAX_UNPACKED)
            names = set(archive.namelist())
            book = _Book()
            if _BOOK in names:
                book.read(budget.parts(archive, _BOOK))
            links = _Links()
            if _LINKS in names:
                links.read(budget.parts(archive, _LINKS))
            first = _first(book, links, names)
            if first is None:
                raise Unreadable("The file is a zip archive, but no XLSX workbook.", fix="Send the workbook itself.")
            strings = _Strings()
            if _STRINGS in names:
                strings.read(budget.parts(archive, _STRINGS))
            sheet = _Sheet(strings.all)
            sheet.read(budget.parts(archive, first))
            return Sheet(sheet.rows, book.epoch)
    except _BAD as error:
        raise Unreadable("The workbook is damaged or encrypted.", code="damaged_workbook") from error


def day_of(value: str, epoch: date) -> str:
    """A stored date as `YYYY-MM-DD`; anything that is no number of a day as it is."""
    found = _DAYS.fullmatch(value)
    return (epoch + timedelta(days=int(found[1]))).isoformat() if found else value


def _first(book: "_Book", links: "_Links", names: Collection[str]) -> str | None:
    """The sheet that stands first for a person, which need not be the first by its file's name."""
    for link in book.sheets:
        target = links.targets.get(link, "")
        name = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if _IN_SHEETS.fullmatch(name) and name in names:
            return name
    numbered = sorted((int(found[1] or 0), name) for name in names if (found := _SHEET.fullmatch(name)))
    return numbered[0][1] if numbered else None


class _Budget:
    """How many bytes may still be unpacked."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def parts(self, archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
        with archive.open(name) as part:
            while chunk := part.read(_CHUNK):
                self._left -= len(chunk)
                if self._left < 0:
                    raise Unreadable(
                        f"The workbook unpacks to more than {MAX_UNPACKED:,} bytes.",
                        code="file_too_large",
                        fix="Remove what does not belong to the list, or send it as CSV.",
                    )
                yield chunk


class _Xml:
    """An expat parser that knows no document type; names are taken without their namespace."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parser.StartElementHandler = lambda name, has: self.start(name.rpartition(" ")[2], has)
        self._parser.EndElementHandler = lambda name: self.end(name.rpartition(" ")[2])
        self._parser.CharacterDataHandler = self.text

    def read(self, chunks: Iterator[bytes]) -> None:
        try:
            for chunk in chunks:
                self._parser.Parse(chunk, False)
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise Unreadable(f"The workbook is damaged: {error}.", code="damaged_workbook") from error

    def start(self, name: str, has: dict[str, str]) -> None:
        raise NotImplementedError

    def end(self, name: str) -> None:
        """Nothing, unless an element's end says something."""

    def text(self, data: str) -> None:
        """Nothing, unless there is text to be kept."""

    @staticmethod
    def _refuse(*_declared: object) -> None:
        raise Unreadable("The workbook declares XML entities, which no spreadsheet needs.", code="unsafe_workbook")


class _Book(_Xml):
    """The sheets in the order of their tabs, and how days are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[str] = []
        self.epoch = _EPOCH

    def start(self, name: str, has: dict[str, str]) -> None:
        if name == "sheet" and has.get("state", "visible") == "visible":
            self.sheets += [value for key, value in has.items() if key.rpartition(" ")[2] == "id"]
        elif name == "workbookPr" and has.get("date1904") in ("1", "true"):
            self.epoch = _EPOCH_MAC


class _Links(_Xml):
    """Where each sheet lies in the archive, by its id."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: dict[str, str] = {}

    def start(self, name: str, has: dict[str, str]) -> None:
        if name == "Relationship":
            self.targets[has.get("Id", "")] = has.get("Target", "")


class _Text(_Xml):
    """Collects the text of some elements; `rPh` holds how a word is pronounced, which is no part of it."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[str] = []
        self._length = 0
        self._open = False
        self._silent = 0

    def text(self, data: str) -> None:
        if self._open and not self._silent:
            self._length += len(data)
            if self._length > MAX_CELL:
                raise Unreadable(f"A cell is longer than {MAX_CELL:,} characters.", code="cell_too_long")
            self._pieces.append(data)

    def take(self) -> str:
        taken = "".join(self._pieces)
        self._pieces.clear()
        self._length = 0
        return taken


class _Strings(_Text):
    """The shared strings, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def start(self, name: str, has: dict[str, str]) -> None:  # noqa: ARG002  the attributes say nothing here
        self._silent += name == "rPh"
        self._open = name == "t"
        if name == "si":
            self.take()

    def end(self, name: str) -> None:
        self._silent -= name == "rPh"
        self._open = False
        if name == "si":
            self.all.append(self.take())


class _Sheet(_Text):
    """The rows of a sheet; a formula counts by the value that was stored with it."""

    def __init__(self, strings: list[str]) -> None:
        super().__init__()
        self._strings = strings
        self.rows: list[Cells] = []
        self._cells: list[str] = []
        self._kind = ""
        self._column = 0
        self._row = 0
        self._size = 0

    def start(self, name: str, has: dict[str, str]) -> None:
        self._silent += name == "rPh"
        self._open = name in ("v", "t")
        if name == "row":
            self._cells = []
            given = has.get("r", "")
            self._row = int(given) if given.isdecimal() and len(given) < 9 else self._row + 1
        elif name == "c":
            self._kind = has.get("t", "n")
            self._column = _column(has.get("r", ""), len(self._cells))
            self.take()

    def end(self, name: str) -> None:
        self._silent -= name == "rPh"
        self._open = False
        if name == "c":
            if self._column >= MAX_COLUMNS:
                raise Unreadable(f"Row {self._row} has more than {MAX_COLUMNS} columns.", code="too_many_columns")
            self._cells.extend([""] * (self._column + 1 - len(self._cells)))
            value = self._cells[self._column] = self._value(self.take())
            self._size += len(value)  # a shared string is unpacked once and may stand in every cell
            if self._size > MAX_UNPACKED:
                raise Unreadable(f"The sheet holds more than {MAX_UNPACKED:,} characters.", code="file_too_large")
        elif name == "row":
            if len(self.rows) >= MAX_ROWS:
                raise Unreadable(f"The sheet has more than {MAX_ROWS:,} rows.", code="too_many_rows")
            self.rows.append(Cells(self._row, self._cells))

    def _value(self, text: str) -> str:
        if self._kind == "s":
            at = int(text) if text.isdecimal() and len(text) < 9 else -1
            return self._strings[at] if 0 <= at < len(self._strings) else ""
        return _number(text) if self._kind == "n" else text


def _column(place: str, following: int) -> int:
    """`C7` is column 2; without a place it is the next one."""
    found = _PLACE.fullmatch(place)
    if found is None:
        return following
    number = 0
    for letter in found[1]:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _number(text: str) -> str:
    """A number as a person sees it: spreadsheets store 0.1 + 0.2 as 0.30000000000000004, with 15 digits that count."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    if not value.is_finite() or abs(value.adjusted()) > 20:
        return text
    digits = max(0, 14 - value.adjusted())
    return f"{round(value, min(digits, 20)).normalize():f}"
