"""Entity fields as data, and the one parser that checks a request body against them.

A body is checked for unknown properties (2010), wrong JSON types (2010), lengths (2050), characters (2040),
dates (2060), numbers (2070), enumerations (2170) and e-mail addresses (2210). Empty strings and nulls count
as not given, because the vendors' own clients send them everywhere (reference 7). Read-only fields are taken
and dropped, because clients echo whole objects back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Literal

from simulators.core.http import Json
from simulators.core.money import js
from simulators.intuit.faults import NotSimulated, QboFault, bad_characters, bad_value, too_long, unknown_property

Kind = Literal[
    "text",
    "number",
    "flag",
    "day",
    "ref",
    "typed_ref",
    "object",
    "rows",
    "choice",
    "email",
    "ignored",
    "absent",
    "as_is",
]
_MAX_NUMBER = Decimal(10) ** 15
# A power of ten: below it no field has a digit.
_SMALLEST = -20
# Where adding the days of a term stays within the calendar.
_YEARS = range(1000, 9000)
_ADDRESS = r"[^@\s,]+@[^@\s,]+\.[^@\s,]+"
# A list separated by commas is tolerated in the one address field (reference 3.2).
_EMAIL = re.compile(rf"{_ADDRESS}(\s*,\s*{_ADDRESS})*")


@dataclass(frozen=True)
class Field:
    """One property: its kind, longest text, banned characters, sub-fields or choices; for "absent" what is missing."""

    kind: Kind
    most: int = 0
    banned: str = ""
    fields: "Schema | None" = None
    choices: tuple[str, ...] = ()
    what: str = ""


Schema = Mapping[str, Field]

NUMBER = Field("number")
FLAG = Field("flag")
DAY = Field("day")
REF = Field("ref")
TYPED_REF = Field("typed_ref")
IGNORED = Field("ignored")
AS_IS = Field("as_is")


def text(most: int, banned: str = "") -> Field:
    """A string of at most `most` characters without any of `banned`."""
    return Field("text", most, banned)


def choice(*choices: str) -> Field:
    """One of a closed list of words."""
    return Field("choice", choices=choices)


def absent(what: str) -> Field:
    """A property QuickBooks has and this simulator does not: anything but an empty value is answered 501."""
    return Field("absent", what=what)


def nested(fields: Schema) -> Field:
    """An object with its own fields."""
    return Field("object", fields=fields)


def rows(fields: Schema) -> Field:
    """An array of objects."""
    return Field("rows", fields=fields)


def names(words: str, field: Field) -> dict[str, Field]:
    """The same field under several names, given in one string."""
    return dict.fromkeys(words.split(), field)


@dataclass(frozen=True)
class Parser:
    """Reads bodies for one company. `narrow` companies (US) refuse characters beyond the basic plane."""

    narrow: bool

    def read(self, schema: Schema, body: Json, path: str = "") -> Json:
        """The given, writable fields in their canonical types. Raises QboFault."""
        out: Json = {}
        for name, value in body.items():
            field = schema.get(name)
            where = f"{path}{name}"
            if field is None:
                raise unknown_property(where)
            if field.kind == "ignored" or value is None or value == "":
                continue
            if field.kind == "absent":
                if not _says_nothing(value):
                    raise NotSimulated(f"{field.what} ({where}) are not simulated")
                continue
            parsed = self._value(field, value, where)
            if parsed is not None:
                out[name] = parsed
        return out

    def _value(self, field: Field, value: object, where: str) -> object:
        match field.kind:
            case "text" | "email" | "choice":
                return self._text(field, value, where)
            case "number":
                return _number(value, where)
            case "flag":
                return _flag(value, where)
            case "day":
                return _day(value, where)
            case "ref" | "typed_ref":
                return self._ref(value, where, typed=field.kind == "typed_ref")
            case "object":
                if not isinstance(value, dict):
                    raise unknown_property(where)
                return self.read(field.fields or {}, value, f"{where}.") or None
            case "rows":
                if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
                    raise unknown_property(where)
                return [self.read(field.fields or {}, row, f"{where}.") for row in value]
            case _:
                return value

    def _text(self, field: Field, value: object, where: str) -> str | None:
        if isinstance(value, bool | dict | list):
            raise unknown_property(where)
        said = str(value).strip()
        if not said:
            return None
        if field.most and len(said) > field.most:
            raise too_long(where, field.most, len(said))
        if any(mark in said for mark in field.banned) or (self.narrow and any(ord(mark) > 0xFFFF for mark in said)):
            raise bad_characters(where)
        if field.kind == "choice" and said not in field.choices:
            raise bad_value("2170", where, "enumeration")
        if field.kind == "email" and not _EMAIL.fullmatch(said):
            raise QboFault("2210", "Invalid Email Address format", f"{where} must contain '@' and '.'", where)
        return said

    def _ref(self, value: object, where: str, typed: bool) -> Json | None:
        if not isinstance(value, dict):
            raise unknown_property(where)
        key = value.get("value")
        if key is None or key == "":
            return None
        if isinstance(key, bool | dict | list):
            raise unknown_property(f"{where}.value")
        kind = value.get("type")
        return {"value": str(key)} | ({"type": kind} if typed and isinstance(kind, str) and kind else {})


def _says_nothing(value: object) -> bool:
    """Zeros, empty texts and structures made of nothing else: how clients write a property they do not use."""
    if isinstance(value, dict):
        return all(_says_nothing(inner) for inner in value.values())
    if isinstance(value, list):
        return all(_says_nothing(inner) for inner in value)
    return value in (None, "", "0", 0, False)


def _number(value: object, where: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise unknown_property(where)
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise bad_value("2070", where, "number") from error
    if not number.is_finite() or abs(number) >= _MAX_NUMBER or (number and number.adjusted() < _SMALLEST):
        raise bad_value("2070", where, "number")
    return js(number)


def _flag(value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise unknown_property(where)


def _day(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise unknown_property(where)
    try:
        day = date.fromisoformat(value[:10])
    except ValueError as error:
        raise bad_value("2060", where, "date") from error
    if day.year not in _YEARS:
        raise bad_value("2060", where, "date")
    return day.isoformat()
