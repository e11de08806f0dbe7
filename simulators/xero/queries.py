"""Lists: index look-up, filter, order and page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Generic, TypeVar

from simulators.xero.table import HasId, Table, View
from simulators.xero.where import Filter, Getter, QueryError, Value, check_known, parse

DEFAULT_PAGE, LARGEST_PAGE = 100, 1000


TOO_MANY = (
    "Your request is not filtering {0} efficiently, given the extremely high volume for this organisation. "
    "Narrow it with If-Modified-Since or an optimised field."
)


class VolumeError(Exception):
    """The filter would touch too many records; answered 400."""


D = TypeVar("D")
H = TypeVar("H", bound=HasId)
_Sortable = tuple[int, str | Decimal | datetime]


@dataclass(frozen=True)
class Query:
    """The query part of a list request, names in lower case.

    `volume`: a filter or an order that would touch more records than this is refused.
    """

    parameters: Mapping[str, str]
    since: datetime | None
    volume: int = 100_000

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
    keep: Callable[[D], bool] | None = None,
    *,
    pageable: bool = True,
    plural: str = "records",
    fast: frozenset[str] = frozenset(),
    covered: bool = False,
) -> Listing[D]:
    """Filter, order and page the candidates. Raises QueryError.

    A View is in the usual order already, and a page of it is cut out without touching the rest. `fast` are the
    fields that may be filtered by whatever the volume; `covered` says that the candidates are what the filter wants.
    """
    condition = None if covered else query.where()
    order = query.parameters.get("order", "")
    if condition is not None:
        check_known(condition.fields, fields)
    usual = isinstance(candidates, View) and _usual(order)
    slow = (order != "" and not usual) or (condition is not None and not condition.fields <= fast)
    if slow and isinstance(candidates, View) and len(candidates) > query.volume:
        raise VolumeError(TOO_MANY.format(plural))
    found: Sequence[D] = candidates if isinstance(candidates, Sequence) else list(candidates)
    if condition is not None or keep is not None or not isinstance(candidates, View):
        updated = fields.get("updateddateutc")
        found = [
            record
            for record in found
            if (keep is None or keep(record))
            and (query.since is None or updated is None or _newer(updated(record), query.since))
            and (condition is None or condition.matches(record, fields))
        ]
    if not usual and (order or pageable):
        found = _ordered(list(found), order, fields)
    if not pageable or not query.paged:
        return Listing(list(found), None)
    number, size = query.page()
    pagination = {
        "page": number, "pageSize": size, "pageCount": -(-len(found) // size), "itemCount": len(found),
    }  # fmt: skip
    return Listing(list(found[(number - 1) * size : number * size]), pagination)


def indexed(query: Query, table: Table[H], shortcuts: Mapping[str, str], group: str = "") -> Iterable[H]:
    """The records that can match, through an index when the filter pins one of its fields.

    `shortcuts` maps a field in lower case to the table's index, "" being the id itself. Without one: the records
    of the group that changed since the moment asked for, in the usual order.
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
    return table.changed_after(group, query.since)


def _usual(order: str) -> bool:
    """Whether this is the order of change, with the id to break ties or nothing."""
    terms = [term.split() for term in order.lower().split(",") if term.strip()]
    ascending = all(len(term) == 1 or term[1:] == ["asc"] for term in terms)
    names = [term[0] for term in terms]
    tied = len(names) < 2 or (len(names) == 2 and names[1].endswith("id") and "." not in names[1])
    return ascending and tied and names[:1] in ([], ["updateddateutc"])


def _newer(value: Value, since: datetime) -> bool:
    return isinstance(value, datetime) and value > since


def _ordered(records: list[D], order: str, fields: Mapping[str, Getter[D]]) -> list[D]:
    ordered = sorted(records, key=lambda record: str(getattr(record, "id", record)))
    terms = [term.split() for term in order.split(",") if term.strip()]
    if not terms and "updateddateutc" in fields:
        terms = [["updateddateutc"]]
    for name, *direction in reversed(terms):
        check_known([name.lower()], fields)
        getter = fields[name.lower()]
        if direction and direction[0].lower() not in ("asc", "desc"):
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
