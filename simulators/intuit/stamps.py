"""Times the way QuickBooks writes them: Pacific offset, `time` with milliseconds, MetaData rounded to seconds."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")


def answer_time(now: datetime) -> str:
    """The `time` of a response body, e.g. 2026-05-05T02:08:54.543-07:00."""
    return now.astimezone(PACIFIC).isoformat(timespec="milliseconds")


def rounded(now: datetime) -> datetime:
    """To the nearest second: a stamp can be later than the `time` of its own response (observed)."""
    return (now + timedelta(microseconds=500_000)).replace(microsecond=0)


def stamp(moment: datetime) -> str:
    """A MetaData stamp, e.g. 2026-05-05T02:08:55-07:00."""
    return moment.astimezone(PACIFIC).isoformat(timespec="seconds")


def pacific_day(now: datetime) -> date:
    """The calendar day QuickBooks takes when TxnDate is omitted."""
    return now.astimezone(PACIFIC).date()


def parse_moment(text: str) -> datetime:
    """ISO 8601 to aware UTC; without an offset it is Pacific time. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=PACIFIC)
    return moment.astimezone(UTC)
