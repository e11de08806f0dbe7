"""Single values as Xero writes them: texts, amounts, dates, nested elements. Pure, and lenient about gaps."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

Element = Mapping[str, object]

# `/Date(1789378199160)/` or `/Date(1789344000000+0000)/`: milliseconds of UTC; the offset says nothing more.
_MS_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_ID = "00000000-0000-0000-0000-000000000000"


def text(element: Element, key: str) -> str:
    """The text under `key`, "" where there is none."""
    value = element.get(key)
    return value if isinstance(value, str) else ""


def identifier(element: Element, key: str) -> str:
    """The GUID under `key`; "" also for the zero GUID that stands for a record that was not made."""
    value = text(element, key).lower()
    return "" if value == _NO_ID else value


def amount(element: Element, key: str) -> Decimal:
    """The exact number under `key`, 0 where there is none."""
    value = element.get(key)
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else Decimal(0)


def child(element: Element, key: str) -> Element:
    """The object under `key`, empty where there is none."""
    value = element.get(key)
    return value if isinstance(value, Mapping) else {}


def children(element: Element, key: str) -> list[Element]:
    """The objects of the list under `key`."""
    value = element.get(key)
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [one for one in value if isinstance(one, Mapping)]


def moment(value: object) -> datetime | None:
    """An aware UTC moment from Xero's JSON date or from ISO text, which is UTC with or without a zone."""
    if not isinstance(value, str):
        return None
    found = _MS_DATE.fullmatch(value)
    if found:
        return _EPOCH + timedelta(milliseconds=int(found.group(1)))
    try:
        stamp = datetime.fromisoformat(value)
    except ValueError:
        return None
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)


def day(value: object) -> date | None:
    """A business date. Xero writes it as midnight UTC of the calendar day: never shift it into another zone."""
    stamp = moment(value)
    return None if stamp is None else stamp.date()


def since_text(value: datetime) -> str:
    """A moment for If-Modified-Since; with a zone or milliseconds Xero would ignore the header."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def quoted(value: str) -> str:
    """A text inside a `where` filter."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
