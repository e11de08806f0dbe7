"""`ETag` and `If-Match`: nobody overwrites a change he has not seen."""

from datetime import datetime
from typing import Annotated

from fastapi import Header

from app.errors import PreconditionFailed

IfMatch = Annotated[
    str | None, Header(max_length=200, description="The `ETag` of what you read; another state answers 412.")
]


def tag_of(record_id: int, updated_at: datetime) -> str:
    """The entity tag of a record's present state."""
    return f'"{record_id}-{int(updated_at.timestamp() * 1_000_000)}"'


def check(if_match: str | None, record_id: int, updated_at: datetime) -> None:
    """Raise PreconditionFailed where the caller named a state, and it is another by now."""
    if if_match is None or if_match.strip() == "*":
        return
    if tag_of(record_id, updated_at) not in {one.strip() for one in if_match.split(",")}:
        raise PreconditionFailed("It was changed since you read it.", fix="Read it again, then change it.")
