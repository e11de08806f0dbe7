"""Rows in the order of one property, kept up to date: ranges, prefixes, counts and pages without a scan."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Any

from simulators.core.http import Json

# (0, "") for a row without the property, which sorts first; else (1, value). Then the id, numbers by value.
Entry = tuple[int, Any, int, str]
Reader = Callable[[str, Json], Any]
_NONE = (0, "")
_DIGITS = 30
_HIGHEST = 10**_DIGITS


def id_key(key: str) -> tuple[int, str]:
    """How ids are ordered: numbers by value, the few others first."""
    return (int(key) if key.isascii() and key.isdigit() and len(key) <= _DIGITS else 0, key)


class SortedIndex:
    """The rows of a table by one property. `read(id, row)` gives its value, None where there is none."""

    def __init__(self, read: Reader, rows: dict[str, Json]) -> None:
        self._read = read
        self._entries: dict[str, Entry] = {key: self._entry(key, row) for key, row in rows.items()}
        self._sorted = sorted(self._entries.values())

    def __len__(self) -> int:
        return len(self._sorted)

    def put(self, key: str, row: Json) -> None:
        """A row is new or was replaced."""
        fresh = self._entry(key, row)
        if self._entries.get(key) == fresh:
            return
        self.drop(key)
        self._entries[key] = fresh
        insort(self._sorted, fresh)

    def drop(self, key: str) -> None:
        """A row went."""
        old = self._entries.pop(key, None)
        if old is not None:
            del self._sorted[bisect_left(self._sorted, old)]

    def value(self, key: str) -> Any:
        """The property of a row, None where there is none."""
        entry = self._entries[key]
        return entry[1] if entry[0] else None

    def span(self, op: str, limit: Any) -> tuple[int, int]:
        """The places (from, to) of the rows that fulfil = < > <= >= against a value of the property's type."""
        low, high = self._edge(limit, after=False), self._edge(limit, after=True)
        first = bisect_left(self._sorted, (1,))
        spans = {
            "=": (low, high),
            "<": (first, low),
            "<=": (first, high),
            ">": (high, len(self)),
            ">=": (low, len(self)),
        }
        return spans[op]

    def prefix(self, start: str) -> tuple[int, int]:
        """The places of the rows whose text starts so."""
        return self._edge(start, after=False), self._edge(start + "\U0010ffff", after=True)

    def keys(self, span: tuple[int, int] | None = None, *, down: bool = False) -> Iterator[str]:
        """The ids in a span (None: all), ascending by value and then id, or the other way round."""
        first, last = span or (0, len(self))
        places = range(last - 1, first - 1, -1) if down else range(first, last)
        return (self._sorted[at][3] for at in places)

    def page(self, span: tuple[int, int], start: int, size: int, *, down: bool) -> list[str]:
        """The ids of one page of a span, `start` counted from 0, without going through those before it."""
        first, last = span
        if down:
            return list(self.keys((max(first, last - start - size), max(first, last - start)), down=True))
        return list(self.keys((min(last, first + start), min(last, first + start + size))))

    def from_equals(self, span: tuple[int, int], start: int, *, down: bool) -> tuple[tuple[int, int], int]:
        """What is left of a span from the first row that equals the one at `start`, and how many rows come before."""
        first, last = span
        if not first <= (at := last - 1 - start if down else first + start) < last:
            return (last, last), start
        rank = self._sorted[at][:2]
        if down:
            end = bisect_left(self._sorted, (*rank, _HIGHEST), at, last)
            return (first, end), last - end
        begin = bisect_left(self._sorted, rank, first, at + 1)
        return (begin, last), begin - first

    def rank(self, key: str) -> tuple[int, Any]:
        """What a row is sorted by, besides its id."""
        return self._entries[key][:2]

    def _edge(self, limit: Any, *, after: bool) -> int:
        return bisect_left(self._sorted, (1, limit, _HIGHEST) if after else (1, limit))

    def _entry(self, key: str, row: Json) -> Entry:
        value = self._read(key, row)
        rank = _NONE if value is None else (1, value)
        return (*rank, *id_key(key))
