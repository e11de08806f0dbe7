"""Amounts and dates as files write them. A column decides what a single value leaves open."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

_BLANKS = str.maketrans("", "", " \u00a0\u202f\u2009'’")
_SYMBOL = re.compile(r"^[$€£¥]|[$€£¥]$|^(?:USD|EUR|GBP|AUD|NZD|CAD)|(?:USD|EUR|GBP|AUD|NZD|CAD)$")
_POINT = re.compile(r"(?:\d{1,13}|\d{1,3}(?:,\d{2,3})+)?(?:\.\d{0,9})?", re.ASCII)
_COMMA = re.compile(r"(?:\d{1,13}|\d{1,3}(?:\.\d{3})+)?(?:,\d{0,9})?", re.ASCII)
_PROVES_COMMA = re.compile(r"\d,(?:\d{1,2}|\d{4,})$|\d\.\d{3},\d+$|\d\.\d{3}\.\d{3}$", re.ASCII)
_PROVES_POINT = re.compile(r"\.(?:\d{1,2}|\d{4,})$|\d,\d{3}\.\d*$|\d,\d{3},\d{3}$", re.ASCII)
_AMBIGUOUS = re.compile(r"\d{1,3}\.\d{3}", re.ASCII)
_MONTHS = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)}
_NUMERIC = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{2})(?: 0?0:00(?::00)?)?", re.ASCII)
_ISO = re.compile(r"(\d{4})[/.\-](\d{1,2})[/.\-](\d{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
_WORDS = re.compile(
    r"(?:(\d{1,2})[ \-]([a-z]{3})[a-z]*|([a-z]{3})[a-z]* (\d{1,2}),?)[ \-](\d{4}|\d{2})", re.ASCII | re.IGNORECASE
)
MDY, DMY = "mdy", "dmy"
_OLDEST, _NEWEST = date(1900, 1, 1), date(2199, 12, 31)


def decimal_mark(values: Iterable[str]) -> str:
    """`,` where the column proves it and nothing speaks against it, else `.`."""
    comma = False
    for value in values:
        bare, _ = _bare(value)
        if _PROVES_POINT.search(bare):
            return "."
        comma = comma or bool(_PROVES_COMMA.search(bare))
    return "," if comma else "."


def amount_of(value: str, mark: str = ".") -> Decimal:
    """`1,234.56`, `(1,234.56)`, `$5`, `5-`; with the mark `,` also `1.234,56`. Raises ValueError saying why not.

    An empty cell is zero.
    """
    bare, negative = _bare(value)
    if not bare:
        return Decimal(0)
    if mark == "," and _COMMA.fullmatch(bare):
        plain = bare.replace(".", "").replace(",", ".")
    elif mark == "." and _AMBIGUOUS.fullmatch(bare):
        raise ValueError("it may be a whole number with a thousands point or a number with three decimals")
    elif mark == "." and _POINT.fullmatch(bare):
        plain = bare.replace(",", "")
    else:
        raise ValueError("it is not a number")
    if not any(char.isdigit() for char in plain):
        raise ValueError("it is not a number")
    amount = Decimal(plain)
    return -amount if negative else amount


def _bare(value: str) -> tuple[str, bool]:
    """The digits and separators alone, and whether the amount is negative."""
    text = value.translate(_BLANKS)
    negative = False
    if text.startswith("(") and text.endswith(")"):
        text, negative = text[1:-1], True
    for _ in range(2):  # -$5 and $-5
        text = _SYMBOL.sub("", text)
        if not negative and text[:1] in ("-", "\u2212", "+"):
            text, negative = text[1:], text[0] != "+"
        elif not negative and text.endswith("-"):
            text, negative = text[:-1], True
        text = _SYMBOL.sub("", text)
    return text, negative


@dataclass(frozen=True, slots=True)
class DateOrder:
    """In which order a column writes day and month, and whether it proves it; `row`-less: a person is told once."""

    order: str
    proved: bool
    contradicted: bool = False


def date_order(values: Iterable[str], preferred: str) -> DateOrder:
    """`mdy` or `dmy`: what a day above 12 proves, else what is preferred; dates with points have the day first."""
    day_first = month_first = False
    for value in values:
        found = _NUMERIC.fullmatch(value.strip())
        if found:
            preferred = DMY if found[0].count(".") == 2 else preferred
            day_first |= int(found[1]) > 12
            month_first |= int(found[2]) > 12
    if day_first and month_first:
        return DateOrder(preferred, proved=False, contradicted=True)
    if day_first or month_first:
        return DateOrder(DMY if day_first else MDY, proved=True)
    return DateOrder(preferred, proved=False)


def date_of(value: str, order: str) -> date:
    """A date in figures by the order, in ISO, or with the month as a word. Raises ValueError saying why not."""
    text = value.strip()
    if found := _ISO.fullmatch(text):
        year, month, day = int(found[1]), int(found[2]), int(found[3])
    elif found := _NUMERIC.fullmatch(text):
        first, second, year = int(found[1]), int(found[2]), _year(found[3])
        month, day = (first, second) if order == MDY else (second, first)
    elif found := _WORDS.fullmatch(text):
        month = _MONTHS.get((found[2] or found[3]).lower(), 0)
        day, year = int(found[1] or found[4]), _year(found[5])
    else:
        raise ValueError("it is not a date")
    try:
        read = date(year, month, day)
    except ValueError:
        raise ValueError("there is no such day") from None
    if not _OLDEST <= read <= _NEWEST:
        raise ValueError("the year is out of range")
    return read


def is_ambiguous(value: str) -> bool:
    """Whether day and month of a date could be exchanged."""
    found = _NUMERIC.fullmatch(value.strip())
    return found is not None and int(found[1]) <= 12 and int(found[2]) <= 12 and found[1] != found[2]


def _year(digits: str) -> int:
    """Two digits are of this century up to 69, as spreadsheets read them."""
    year = int(digits)
    return year if len(digits) == 4 else 1900 + year if year >= 70 else 2000 + year


def date_text(iso: str, order: str) -> str:
    """`2026-11-02` as `11/02/2026` or `02/11/2026`."""
    year, month, day = iso[:4], iso[5:7], iso[8:]
    return f"{month}/{day}/{year}" if order == MDY else f"{day}/{month}/{year}"
