"""Lists: index look-up, filter, order and page."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from simulators.xero.books import Table
from simulators.xero.where import Filter, Getter, QueryError, Value, parse

DEFAULT_PAGE, LARGEST_PAGE = 100, 1000


class Dated(Protocol):
    """What a list needs of a record."""

    @property
    def id(self) -> str: ...


D = TypeVar("D", bound=Dated)
_Sortable = tuple[int, str | Decimal | datetime]


@dataclass(frozen=True)
class Query:
    """The query part of a list request, names in lower case."""

    parameters: Mapping[str, str]
    since: datetime | None

    def names(self, key: str) -> list[str]:
        """A comma list; empty when absent."""
        return [part.strip() for part in self.parameters.get(key, "").split(",") if part.strip()]

    def flag(self, key: str) -> bool:
        """A boolean in any case (the SDKs send `True`)."""
        return self.parameters.get(key, "").lower() == "true"

    @property
    def paged(self) -> bool:
        """Whether the answer is a page; summaryOnly forces paging."""
        return "page" in self.parameters or self.flag("summaryonly")

    def page(self) -> tuple[int, int]:
        """Page number from 1 and page size, clamped into 1..1000."""
        number = _integer(self.parameters.get("page"), 1)
        size = _integer(self.parameters.get("pagesize"), DEFAULT_PAGE)
        return max(number, 1), min(max(size, 1), LARGEST_PAGE)

    def where(self) -> Filter | None:
        """The parsed filter. Raises QueryError."""
        text = self.parameters.get("where", "").strip()
        return parse(text) if text else None


@dataclass(frozen=True)
class Listing(Generic[D]):
    """The records to show, and the pagination object when the list was paged."""

    records: list[D]
    pagination: dict[str, int] | None


def run(
    query: Query,
    candidates: Iterable[D],
    fields: Mapping[str, Getter[D]],
    keep: Callable[[D], bool] = lambda _: True,
    *,
    pageable: bool = True,
) -> Listing[D]:
    """Filter, order and page the candidates. Raises QueryError."""
    condition = query.where()
    updated = fields.get("updateddateutc")
    found = [
        record
        for record in candidates
        if keep(record)
        and (query.since is None or updated is None or _newer(updated(record), query.since))
        and (condition is None or condition.matches(record, fields))
    ]
    order = query.parameters.get("order", "")
    if order or pageable:
        found = _ordered(found, order, fields)
    if not pageable or not query.paged:
        return Listing(found, None)
    number, size = query.page()
    pagination = {
        "page": number, "pageSize": size, "pageCount": -(-len(found) // size), "itemCount": len(found),
    }  # fmt: skip
    return Listing(found[(number - 1) * size : number * size], pagination)


def indexed(query: Query, table: Table[D], shortcuts: Mapping[str, str]) -> Iterable[D]:
    """The records that can match, through an index when the filter pins one of its fields.

    `shortcuts` maps a field in lower case to the table's index, "" being the id itself.
    """
    condition = query.where()
    for field, index in shortcuts.items():
        wanted = condition.equals.get(field) if condition else None
        if wanted is None:
            continue
        if index:
            return table.find(index, wanted.lower())
        one = table.get(wanted.lower())
        return [one] if one is not None else []
    return table.rows.values()


def _newer(value: Value, since: datetime) -> bool:
    return isinstance(value, datetime) and value > since


def _ordered(records: list[D], order: str, fields: Mapping[str, Getter[D]]) -> list[D]:
    ordered = sorted(records, key=lambda record: record.id)
    terms = [term.split() for term in order.split(",") if term.strip()]
    if not terms and "updateddateutc" in fields:
        terms = [["updateddateutc"]]
    for name, *direction in reversed(terms):
        getter = fields.get(name.lower())
        if getter is None or (direction and direction[0].lower() not in ("asc", "desc")):
            raise QueryError(f"No property or field '{name}' exists")
        down = bool(direction) and direction[0].lower() == "desc"
        ordered.sort(key=_key(getter), reverse=down)
    return ordered


def _key(getter: Getter[D]) -> Callable[[D], _Sortable]:
    def key(record: D) -> _Sortable:
        value = getter(record)
        if value is None:
            return 0, ""
        if isinstance(value, bool):
            return 1, Decimal(int(value))
        if isinstance(value, date) and not isinstance(value, datetime):
            return 1, datetime(value.year, value.month, value.day, tzinfo=UTC)
        return 1, value.lower() if isinstance(value, str) else value

    return key


def _integer(text: str | None, default: int) -> int:
    try:
        return int(text) if text else default
    except ValueError as error:
        raise QueryError(f"'{text}' is not a number") from error
