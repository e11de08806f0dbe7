"""How a query finds its rows: through the narrowest index, in the order of another, and no further than its page."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import groupby, islice
from typing import Any

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.entities import Entity
from simulators.intuit.faults import QboFault
from simulators.intuit.index import Reader, SortedIndex, id_key
from simulators.intuit.query import Condition
from simulators.intuit.stamps import parse_moment

TIMES = ("MetaData.CreateTime", "MetaData.LastUpdatedTime")
NUMBERS = frozenset({"Balance", "TotalAmt", "UnitPrice", "RateValue"})
FLAGS = frozenset({"Active", "Taxable", "SubAccount", "TaxGroup"})
EXACT = ("=", "in")
# The order without ORDERBY: nobody promises one; lists were seen by name, transactions latest first.
_UNORDERED = "(usual)"
# So few candidates are sorted by themselves; more only where walking an index in order would take longer.
_FEW = 500
_SORTING = 3
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def invalid(detail: str) -> QboFault:
    """4001 with the detail the service gives."""
    return QboFault("4001", "Invalid query", f"QueryValidationError: {detail}")


@dataclass
class _Filter:
    """One condition: the index that knows its rows, where they are in it, and a test for a single row.

    `exact`: the spans hold nothing else. A pattern that narrows nothing has the whole index for its span.
    """

    index: SortedIndex
    test: Callable[[str], bool]
    spans: list[tuple[int, int]]
    exact: bool = True

    @property
    def count(self) -> int:
        """How many rows it lets through, or may let through."""
        return sum(last - first for first, last in self.spans)

    @property
    def range(self) -> bool:
        """Whether it is one stretch of its index."""
        return self.exact and len(self.spans) == 1

    @property
    def idle(self) -> bool:
        """Whether it lets every row through."""
        return self.exact and self.count == len(self.index)

    def candidates(self) -> Iterator[str]:
        """The rows of its spans."""
        for span in self.spans:
            yield from self.index.keys(span)


class Plan:
    """The conditions of one query against one company. Raises 4001 for values that do not fit."""

    def __init__(self, company: Company, entity: Entity, conditions: list[Condition]) -> None:
        self._company = company
        self._entity = entity
        self._table = company.tables[entity.name]
        if not entity.transaction and not any(c.field == "Active" for c in conditions):
            conditions = [*conditions, Condition("Active", "=", ("true",))]
        filters = _joined([self._filter(condition) for condition in conditions])
        self._filters = sorted((f for f in filters if not f.idle), key=lambda f: f.count)

    def count(self) -> int:
        """How many rows match."""
        if not self._filters:
            return len(self._table.rows)
        if len(self._filters) == 1 and self._filters[0].exact:
            return self._filters[0].count
        return sum(1 for _ in self._matching())

    def page(self, order: list[tuple[str, bool]], start: int, size: int) -> list[str]:
        """The ids of one page, `start` counted from 1; `order` holds (property, descending)."""
        wanted = order or [(_UNORDERED, self._entity.transaction)]
        (first, down), *others = wanted
        index = self._index(first)
        own = next((f for f in self._filters if f.index is index and len(f.spans) == 1), None)
        if own is None and self._few(start + size):
            return self._sorted(self._matching(), wanted)[start - 1 : start - 1 + size]
        span = own.spans[0] if own else (0, len(index))
        tests = [f.test for f in self._filters if not (f is own and f.exact)]
        simple = not others or others == [("Id", down)]
        if simple and not tests:
            return index.page(span, start - 1, size, down=down)
        skipped = 0
        if not tests:
            # Rows keep to the stretch of their equals: everything before the page's first stretch is passed over.
            span, skipped = index.from_equals(span, start - 1, down=down)
        keys: Iterator[str] = (key for key in index.keys(span, down=down) if all(test(key) for test in tests))
        if not simple:
            keys = self._refined(keys, index, others)
        return list(islice(keys, start - 1 - skipped, start - 1 - skipped + size))

    def _few(self, upto: int) -> bool:
        """Whether sorting the candidates costs less than walking an index up to the page."""
        if not self._filters:
            return False
        count = self._filters[0].count
        return count <= _FEW or _SORTING * count * count <= upto * len(self._table.rows)

    def _matching(self) -> Iterator[str]:
        narrow = self._filters[0]
        tests = [f.test for f in self._filters if not (f is narrow and f.exact)]
        return (key for key in narrow.candidates() if all(test(key) for test in tests))

    def _refined(self, keys: Iterator[str], index: SortedIndex, others: list[tuple[str, bool]]) -> Iterator[str]:
        """Rows that are equal in the first property, sorted by the other ones."""
        return (key for _, run in groupby(keys, index.rank) for key in self._sorted(run, others))

    def _sorted(self, keys: Iterable[str], order: list[tuple[str, bool]]) -> list[str]:
        out = sorted(keys, key=id_key)
        for name, down in reversed(order):
            out.sort(key=id_key if name == "Id" else self._index(name).rank, reverse=down)
        return out

    def _index(self, name: str) -> SortedIndex:
        return self._table.ordered(name, self._reader(name))

    def _reader(self, name: str) -> Reader:
        table, entity = self._table, self._entity
        if name == _UNORDERED:
            if entity.transaction:
                return lambda key, row: (row["TxnDate"], table.updated[key])
            return lambda _key, row: str(row.get("DisplayName") or row.get("Name") or "").casefold()
        if name == "Id":
            return lambda key, _row: id_key(key)
        if name in TIMES:
            times = table.created if name.endswith("CreateTime") else table.updated
            return lambda key, _row: times[key]
        if name == "Balance" and not entity.transaction:
            company = self._company
            return lambda _key, row: Decimal(entity.show(company, row)["Balance"])
        return lambda _key, row: _typed(row, name)

    def _filter(self, condition: Condition) -> _Filter:
        index, op = self._index(condition.field), condition.op
        if op == "like":
            return _like(index, condition.values[0])
        wanted = [_wanted(self._company, condition.field, value) for value in condition.values]
        if op in EXACT:
            spans = [index.span("=", value) for value in dict.fromkeys(wanted)]
            return _Filter(index, lambda key: index.value(key) in wanted, spans)
        compare, limit = _COMPARE[op], wanted[0]

        def test(key: str) -> bool:
            value = index.value(key)
            return value is not None and compare(value, limit)

        return _Filter(index, test, [index.span(op, limit)])


def _joined(filters: list[_Filter]) -> list[_Filter]:
    """Ranges of one property, from and to, as one filter with the span that they share."""
    out: list[_Filter] = []
    for one in filters:
        same = next((f for f in out if f.index is one.index and f.range and one.range), None)
        if same is None:
            out.append(one)
        else:
            out[out.index(same)] = _both(same, one)
    return out


def _both(first: _Filter, second: _Filter) -> _Filter:
    (low, high), (other_low, other_high) = first.spans[0], second.spans[0]
    start = max(low, other_low)
    span = (start, max(start, min(high, other_high)))

    def test(key: str) -> bool:
        return first.test(key) and second.test(key)

    return _Filter(first.index, test, [span])


def _like(index: SortedIndex, pattern: str) -> _Filter:
    """Only % is a wildcard. The text before it narrows; a pattern that starts with one reads every value."""
    parts = pattern.casefold().split("%")
    matching = re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)

    def test(key: str) -> bool:
        return matching.fullmatch(index.value(key) or "") is not None

    return _Filter(index, test, [index.prefix(parts[0]) if parts[0] else (0, len(index))], exact=False)


def _typed(row: Json, name: str) -> Any:
    """A property in the type it is compared in; None where the row has none."""
    value = row.get(name, True if name == "Active" else None)
    if isinstance(value, dict):
        value = value.get("value", value.get("Address", ""))
    if value is None or isinstance(value, bool):
        return value
    return Decimal(str(value)) if name in NUMBERS else str(value).casefold()


def _wanted(company: Company, name: str, said: str) -> Any:
    """A value of the statement in the type of its property. Raises 4001."""
    if said.lower() == "current_date":
        said = company.today()
    try:
        if name in TIMES:
            return parse_moment(said)
        if name in NUMBERS:
            return _finite(said)
        if name.endswith("Date"):
            return date.fromisoformat(said[:10]).isoformat()
    except (ValueError, InvalidOperation) as error:
        raise invalid(f"value '{said}' does not fit property '{name}'") from error
    if name == "Id":
        return id_key(said)
    if name in FLAGS:
        if said.lower() not in ("true", "false"):
            raise invalid(f"value '{said}' does not fit property '{name}'")
        return said.lower() == "true"
    return said.casefold()


def _finite(said: str) -> Decimal:
    number = Decimal(said)
    if not number.is_finite():
        raise ValueError(said)
    return number
