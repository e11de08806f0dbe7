"""In-memory rows of one entity with indexes, times and the memory of what was deleted."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from simulators.core.http import Json
from simulators.intuit.faults import not_found
from simulators.intuit.index import Reader, SortedIndex


def key_of(value: object) -> str:
    """How a value is compared: references by their id, text without regard to case."""
    if isinstance(value, dict):
        value = value.get("value", "")
    return str(value).casefold()


class Table:
    """Rows by Id (in the order of creation). A row is replaced on change, never edited in place."""

    def __init__(self, indexed: Iterable[str] = ()) -> None:
        self.rows: dict[str, Json] = {}
        self.created: dict[str, datetime] = {}
        self.updated: dict[str, datetime] = {}
        self.removed: dict[str, datetime] = {}
        # Every change as (moment, id), in order of time; an id's latest one is the one that counts.
        self._log: list[tuple[datetime, str]] = []
        self._sorted: dict[str, SortedIndex] = {}
        self._indexes: dict[str, dict[str, dict[str, None]]] = {name: {} for name in indexed}

    def get(self, key: str) -> Json:
        """The row. Raises QboFault 610 when it is not there."""
        row = self.rows.get(key)
        if row is None:
            raise not_found()
        return row

    def put(self, row: Json, at: datetime) -> None:
        """Insert or replace, at a (rounded) moment."""
        key = row["Id"]
        self._unindex(key)
        self.rows[key] = row
        self.created.setdefault(key, at)
        if self.updated.get(key) != at:
            self.updated[key] = at
            entry = (at, key)
            if self._log and entry < self._log[-1]:
                insort(self._log, entry)
            else:
                self._log.append(entry)
        for name, index in self._indexes.items():
            if name in row:
                index.setdefault(key_of(row[name]), {})[key] = None
        for ordered in self._sorted.values():
            ordered.put(key, row)

    def remove(self, key: str, at: datetime) -> None:
        """Delete for good; CDC still tells of it."""
        self._unindex(key)
        del self.rows[key]
        for ordered in self._sorted.values():
            ordered.drop(key)
        self.removed[key] = at

    def changed_since(self, moment: datetime, most: int | None = None) -> list[Json]:
        """The living rows changed at or after a moment, oldest change first, without a look at the others."""
        start = bisect_left(self._log, (moment, ""))
        current = ((at, key) for at, key in self._log[start:] if key in self.rows and self.updated[key] == at)
        return [self.rows[key] for _, key in dict.fromkeys(islice(current, most))]

    def ordered(self, name: str, read: Reader) -> SortedIndex:
        """The rows by a property that `read` reads: sorted once, when it is first asked for, and kept so."""
        index = self._sorted.get(name)
        if index is None:
            index = self._sorted[name] = SortedIndex(read, self.rows)
        return index

    def refresh(self, name: str, key: str) -> None:
        """A property that is no part of the row has changed."""
        index = self._sorted.get(name)
        if index is not None and key in self.rows:
            index.put(key, self.rows[key])

    def indexed(self, name: str) -> bool:
        """Whether `find` works for this property."""
        return name in self._indexes

    def find(self, name: str, value: object) -> list[Json]:
        """The rows whose indexed property has this value, oldest first."""
        return [self.rows[key] for key in self._indexes[name].get(key_of(value), ())]

    def _unindex(self, key: str) -> None:
        old = self.rows.get(key)
        if old is None:
            return
        for name, index in self._indexes.items():
            if name in old:
                index[key_of(old[name])].pop(key, None)
