"""Lists on pages: filters from the query, pages by cursor, and any list as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import StreamingResponse

from app.db.reading import Reads
from app.db.session import Database
from app.edge import paging
from app.errors import Invalid
from app.web.pages import headers

PAGE: Final = 30
_CSV_PAGE: Final = 1000
_FIRST_DAY: Final = date(1900, 1, 1)
_LAST_DAY: Final = date(2999, 12, 31)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
Fetch = Callable[[Reads, int | None, int], Awaitable[Sequence[Any]]]
Columns = Sequence[tuple[str, Callable[[Any], object]]]


def wanted(request: Request, name: str, longest: int = 200) -> str | None:
    """A filter as it stands in the query, None where it is empty. Raises Invalid for what no filter can be."""
    value = request.query_params.get(name, "").strip()
    if len(value) > longest or not value.isprintable():
        raise Invalid(f"The filter {name} cannot be used.", code="bad_filter")
    return value or None


def wanted_id(request: Request, name: str) -> int | None:
    """A filter that is an id."""
    value = wanted(request, name)
    if value is None:
        return None
    if not value.isdecimal() or int(value) > paging.MAX_ID:
        raise Invalid(f"The filter {name} is no id.", code="bad_filter")
    return int(value)


def wanted_start(request: Request) -> int:
    """Where a page of a list begins that is at hand whole."""
    return min(wanted_id(request, "start") or 0, 1_000_000)


def wanted_day(request: Request, name: str) -> date | None:
    """A filter that is a day; one that no books hold is drawn to the nearest that they may."""
    value = wanted(request, name)
    try:
        return min(max(date.fromisoformat(value), _FIRST_DAY), _LAST_DAY) if value else None
    except ValueError:
        raise Invalid(f"The filter {name} is no date.", code="not_a_date") from None


def wanted_moments(request: Request, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """The filters `since` and `until`, days as the viewer's clock has them: the last one ends where the next begins."""
    since, until = wanted_day(request, "since"), wanted_day(request, "until")
    after = until + timedelta(days=1) if until is not None else None
    return _begins(since, zone), _begins(after, zone)


def wanted_word(request: Request, name: str, known: Sequence[str]) -> str | None:
    """A filter with a few possible values; any other is taken as none."""
    value = wanted(request, name)
    return value if value in known else None


def _begins(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), zone)


async def page_of(session: Reads, request: Request, fetch: Fetch) -> tuple[Sequence[Any], str | None]:
    """The rows of the page that the query's cursor names, and the cursor of the next."""
    rows = await fetch(session, paging.decode(wanted(request, "cursor")), PAGE + 1)
    return paging.split(rows, PAGE)


def as_csv(name: str, columns: Columns, database: Database, firm_id: int, fetch: Fetch) -> StreamingResponse:
    """All rows, fetched page by page, a transaction each, while they are sent."""

    async def rows() -> AsyncIterator[Sequence[Any]]:
        after: int | None = None
        while True:
            async with database.firm(firm_id) as session:
                found = await fetch(session, after, _CSV_PAGE)
            if not found:
                return
            yield found
            after = found[-1].id

    return _streamed(name, columns, rows())


def few_as_csv(name: str, columns: Columns, rows: Sequence[Any]) -> StreamingResponse:
    """Rows that are at hand."""

    async def at_once() -> AsyncIterator[Sequence[Any]]:
        yield rows

    return _streamed(name, columns, at_once())


def _streamed(name: str, columns: Columns, pages: AsyncIterator[Sequence[Any]]) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        yield "\ufeff" + _line([title for title, _ in columns])
        async for rows in pages:
            yield "".join(_line([_cell(read(row)) for _, read in columns]) for row in rows)

    disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers() | disposition)


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _cell(value: object) -> str:
    """Text as a spreadsheet takes it: what would be run as a formula is kept from it by an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdigit()
