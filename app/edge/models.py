"""Wire types that several resources share."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.canonical import ProviderName, minor_digits
from app.edge.paging import MAX_ID, MAX_LIMIT
from app.errors import Invalid

_ALIASES = {"qbo": ProviderName.quickbooks}


def _provider(word: object) -> ProviderName:
    if isinstance(word, str):
        if word in _ALIASES:
            return _ALIASES[word]
        if word in ProviderName.__members__:
            return ProviderName(word)
    raise PydanticCustomError("unknown_provider", "The provider must be quickbooks (or qbo) or xero.")


Provider = Annotated[
    ProviderName,
    BeforeValidator(_provider, json_schema_input_type=str),
    Field(description="`quickbooks` (or `qbo`) or `xero`.", examples=["xero"]),
]
"""A provider as callers may write it; an unknown one is refused with the code `unknown_provider`."""

PathId = Annotated[int, Path(ge=1, le=MAX_ID)]


Since = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(9000, 1, 1, tzinfo=UTC))]
"""A moment in a filter, within what PostgreSQL and Python both hold in every zone."""

Moment = datetime
"""A moment in an answer: aware, in UTC, written with a Z."""


def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency's minor digits: `12.00`, `1500` for JPY. Amounts stored finer keep their digits."""
    plain = amount.normalize()
    exponent = plain.as_tuple().exponent
    digits = max(minor_digits(currency), -exponent if isinstance(exponent, int) else 0)
    return f"{plain:.{digits}f}"


def number(value: Decimal) -> str:
    """A quantity, unit price or percentage without trailing zeros: `2`, `0.125`."""
    return f"{value.normalize():f}"


class Answer(BaseModel):
    """Base of what we answer."""

    model_config = ConfigDict(from_attributes=True)


class PageQuery(BaseModel):
    """Base of a list's query; a filter that does not exist is a mistake, not something to ignore."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(None, max_length=64, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=MAX_LIMIT, description="How many at most.")


class FieldError(Answer):
    """One thing wrong with the input. `pointer` is a JSON pointer into the body, or `/query/<name>`, `/path/<name>`."""

    pointer: str
    code: str
    message: str
    index: int | None = None
    external_ref: str | None = None


class Problem(Answer):
    """An RFC 9457 problem document. `code` is stable; `who` can cure it; `retries_itself` says whether we try again."""

    type: str = Field(examples=["urn:tieout:problem:not_found"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["not_found"])
    errors: list[FieldError] = []
    record: dict[str, Any] | None = None
    who: str = ""
    fix: str = ""
    retries_itself: bool = False
    request_id: str | None = None


def check_order(first_name: str, first: date | None, last_name: str, last: date | None) -> None:
    """Raise Invalid with code `dates_reversed` where a range of dates, both inclusive, runs backwards."""
    if first is not None and last is not None and last < first:
        raise Invalid(
            f"{last_name} ({last}) is before {first_name} ({first}).",
            code="dates_reversed",
            errors=[{"pointer": f"/query/{last_name}", "code": "dates_reversed", "message": f"before {first_name}"}],
        )
