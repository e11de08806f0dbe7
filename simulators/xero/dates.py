"""Xero's dates: `/Date(ms+0000)/` with string twins going out; ISO or `/Date(ms)/` coming in."""

import re
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = re.compile(r"^/Date\((-?\d+)(?:[+-]\d{2,4})?\)/$")
_ISO_DAY = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?$")
_SINCE = re.compile(r"^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:[+-]\d\d:\d\d)?)?$")


def moment_out(moment: datetime) -> str:
    """An instant, millisecond precision: `/Date(1789378199160+0000)/`."""
    return f"/Date({(moment - _EPOCH) // timedelta(milliseconds=1)}+0000)/"


def moment_string(moment: datetime) -> str:
    """The twin of UpdatedDateUTC: `2026-09-14T09:29:59Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def day_out(day: date) -> str:
    """A calendar date as midnight UTC of that date."""
    return moment_out(datetime(day.year, day.month, day.day, tzinfo=UTC))


def day_string(day: date) -> str:
    """The twin of a date field: `2026-09-14T00:00:00`, no zone."""
    return f"{day.isoformat()}T00:00:00"


def day_in(text: str) -> date:
    """Read `YYYY-MM-DD[...]` or `/Date(ms)/` as a calendar date. Raises ValueError."""
    if found := _MS.match(text):
        return (_EPOCH + timedelta(milliseconds=int(found[1]))).date()
    if found := _ISO_DAY.match(text):
        return date(int(found[1]), int(found[2]), int(found[3]))
    raise ValueError(f"not a date: {text}")


def since_in(text: str | None) -> datetime | None:
    """If-Modified-Since as an aware instant; None (so: ignored) for forms Xero does not take.

    Milliseconds or a trailing Z make Xero answer with everything (NangoHQ/integration-templates#451).
    """
    if text is None or not _SINCE.match(text.strip()):
        return None
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
