"""Keyset pages: a cursor names the last row seen, so that pages neither skip nor repeat while rows are added."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from fastapi import Request, Response

from app.errors import Invalid

MAX_LIMIT = 200
MAX_ID = 2**63 - 1


class Numbered(Protocol):
    """A row with an id."""

    @property
    def id(self) -> Any:
        """The row's number, which orders pages."""


RowT = TypeVar("RowT", bound=Numbered)


def encode(last_id: int) -> str:
    """The cursor after the row `last_id`."""
    return base64.urlsafe_b64encode(f"id:{last_id}".encode()).decode().rstrip("=")


def decode(cursor: str | None) -> int | None:
    """The id a cursor stands for. Raises Invalid with code `bad_cursor`."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    kind, _, number = text.partition(":")
    if kind != "id" or not number.isdecimal() or int(number) > MAX_ID:
        raise Invalid("The cursor is not one of ours: pass on `next` as it came.", code="bad_cursor")
    return int(number)


def split(rows: Sequence[RowT], limit: int) -> tuple[Sequence[RowT], str | None]:
    """Rows of a query that asked for `limit + 1`, and the cursor of the next page if there is one."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode(rows[limit - 1].id)


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """For lists that are bare arrays: `Link: <…>; rel="next"`, if there is more."""
    if cursor is not None:
        url = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
