"""What a written file must be like: regions, limits, accounts by their names there; and what writing it found."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.files.formats.escaping import SIGNS, escape, looks_like_formula
from app.files.formats.values import DMY, MDY

MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Region:
    """How a country's edition writes dates, and what it calls a line without tax and the tax it keeps itself."""

    dates: str
    no_tax: str
    tax_account: str


REGIONS: Mapping[str, Region] = {
    "us": Region(MDY, "Tax Exempt (0%)", "Sales Tax"),
    "ca": Region(DMY, "Tax Exempt", "GST"),
    "gb": Region(DMY, "No VAT", "VAT"),
    "ie": Region(DMY, "No VAT", "VAT"),
    "au": Region(DMY, "BAS Excluded", "GST"),
    "nz": Region(DMY, "No GST", "GST"),
    "sg": Region(DMY, "No Tax", "GST"),
    "za": Region(DMY, "No VAT", "VAT"),
    "global": Region(DMY, "Tax Exempt", "Sales Tax"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One of our accounts as the file must name it. `type` is ours, empty where our chart does not know the account.

    `name` is the whole name with its levels, `code` the provider's code. `mapped`: a mapping says so, not our chart.
    """

    code: str
    name: str
    type: str = ""
    mapped: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """What cannot be written, or was altered: which record, which field, what it was, why."""

    record: str
    field: str
    code: str
    message: str
    value: str = ""
    written: str = ""


@dataclass(slots=True)
class Findings:
    """All findings of one export; beyond a thousand they are only counted."""

    refused: list[Finding] = field(default_factory=list)
    altered: list[Finding] = field(default_factory=list)
    refused_count: int = 0
    altered_count: int = 0
    once: set[tuple[str, str]] = field(default_factory=set)

    def refuse(self, record: str, field_: str, code: str, message: str, value: str = "") -> None:
        """A record that cannot be written."""
        self.refused_count += 1
        if len(self.refused) < MOST_LISTED:
            self.refused.append(Finding(record, field_, code, message, value[:200]))

    def refuse_once(self, what: str, field_: str, code: str, message: str) -> None:
        """A cause that many lines share, named once by what causes it."""
        if (code, what) not in self.once:
            self.once.add((code, what))
            self.refuse(what, field_, code, message, what)

    def alter(self, record: str, field_: str, message: str, value: str, written: str) -> None:
        """A text that had to be changed."""
        self.altered_count += 1
        if len(self.altered) < MOST_LISTED:
            self.altered.append(Finding(record, field_, "altered", message, value[:200], written[:200]))


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# What typewriters had: QuickBooks' newer importer shows anything else as a question mark.
_PLAIN = {
    0x2018: "'", 0x2019: "'", 0x201A: "'", 0x201C: "'", 0x201D: "'", 0x201E: "'", 0x2013: "-", 0x2014: "-",
    0x2012: "-", 0x2212: "-", 0x2026: "...", 0x00A0: " ", 0x202F: " ", 0x2022: "*",
}  # fmt: skip
_CSV_FINE = re.compile(rf"(?!\s|'*[{SIGNS}])[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*(?<!\s)\Z").match
_IIF_FINE = re.compile(r"(?!\s|'*[=+\-@])[ !#-:<-~]*(?<!\s)\Z").match
CSV, IIF = "csv", "iif"
_MAY_SHOW = "QuickBooks Desktop of 2019 and later may show letters beyond ASCII as question marks"


class Texts:
    """Texts as a target can hold them. Fine ones pass unchanged and quickly; others are changed and listed."""

    def __init__(self, findings: Findings, kind: str, *, limit: int) -> None:
        self._findings = findings
        self._iif = kind == IIF
        self._limit = limit
        self.fine = _IIF_FINE if self._iif else _CSV_FINE

    def clean(self, text: str, record: str, field_: str, *, limit: int | None = None) -> str:
        """The text as it is written; a change is listed."""
        most = limit or self._limit
        if not text or (len(text) <= most and self.fine(text)):
            return text
        flat = _CONTROL.sub(" ", text)
        why = ["line ends, tabs and control characters became blanks"] if flat != text else []
        if self._iif:
            plain = iif_text(flat)
            why += ["characters that QuickBooks Desktop does not read were replaced"] if plain != flat else []
            flat = plain
        trimmed = flat.encode("utf-8", "replace").decode().strip()
        why += ["blanks at its ends were removed"] if flat.strip() != flat else []
        safe = escape(trimmed)
        why += ["an apostrophe keeps spreadsheets from computing it"] if safe != trimmed else []
        why += [f"cut to {most} characters"] if len(safe) > most else []
        written = safe[:most].rstrip()
        why += [_MAY_SHOW] if self._iif and not written.isascii() else []
        if why:
            self._findings.alter(field_=field_, record=record, message="; ".join(why), value=text, written=written)
        return written

    def name(self, text: str, record: str, field_: str, *, limit: int) -> str:
        """A name, which must stay as it is to be found there; refused where the target cannot hold it."""
        if len(text) > limit:
            self._findings.refuse(record, field_, "too_long", f"At most {limit} characters are possible.", text)
        elif looks_like_formula(text) and not text.lstrip().startswith("'"):
            message = "A name that begins with = + - or @ would be taken for a formula."
            self._findings.refuse(record, field_, "formula", message, text)
        elif _CONTROL.search(text) or (self._iif and ('"' in text or not _in_cp1252(text) or _looks_like_utf8(text))):
            message = "The name has characters that the file cannot hold."
            self._findings.refuse(record, field_, "unsupported_characters", message, text)
        elif self._iif and not text.isascii():
            self._findings.alter(record, field_, f"not altered, but {_MAY_SHOW}", text, text)
        return text


def iif_text(text: str) -> str:
    """The text in Windows-1252 without quotation marks and semicolons, at which the importer would cut the line."""
    plain = text.translate(_PLAIN).replace('"', "'").replace(";", ",")
    if not _in_cp1252(plain):
        plain = "".join(char if _in_cp1252(char) else _nearest(char) for char in plain)
    return "".join(map(_nearest, plain)) if _looks_like_utf8(plain) else plain


def _nearest(char: str) -> str:
    """The letter without its accents, else a question mark."""
    if char.isascii():
        return char
    base = unicodedata.normalize("NFKD", char)[:1]
    return base if base.isascii() and base.isprintable() and base not in '";' else "?"


def _in_cp1252(text: str) -> bool:
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _looks_like_utf8(text: str) -> bool:
    """Whether the Windows-1252 bytes of a text would be taken for UTF-8 by whoever reads them, as those of “Ã©” are."""
    if text.isascii():
        return False
    try:
        text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the printers of journals need to know before the first row.

    `accounts` by our code; `taxes` our tax code → its display name there; `currency`: the file's one, empty where the
    first entry decides.
    """

    region: Region
    accounts: Mapping[str, Target]
    taxes: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
