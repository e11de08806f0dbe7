"""In-memory rows of one entity with indexes, times and the memory of what was deleted."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from simulators.core.http import Json
from simulators.intuit.faults import not_found


def key_of(value: object) -> str:
    """How a value is compared: references by their id, text without regard to case."""
    if isinstance(value, dict):
        value = value.get("value", "")
    return str(value).casefold()


def id_key(key: str) -> tuple[int, str]:
    """How ids are ordered: numbers by value, the few others first."""
    return (int(key), "") if key.isdigit() else (0, key)


class Table:
    """Rows by Id (in the order of creation). A row is replaced on change, never edited in place."""

    def __init__(self, indexed: Iterable[str] = ()) -> None:
        self.rows: dict[str, Json] = {}
        self.created: dict[str, datetime] = {}
        self.updated: dict[str, datetime] = {}
        self.removed: dict[str, datetime] = {}
        # Every change as (moment, id), in order of time; an id's latest one is the one that counts.
        self._log: list[tuple[datetime, str]] = []
        self._ids: list[str] | None = None
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
        if key not in self.rows:
            self._ids = None
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

    def remove(self, key: str, at: datetime) -> None:
        """Delete for good; CDC still tells of it."""
        self._unindex(key)
        del self.rows[key]
        self._ids = None
        self.removed[key] = at

    def changed_since(self, moment: datetime, most: int | None = None) -> list[Json]:
        """The living rows changed at or after a moment, oldest change first, without a look at the others."""
        start = bisect_left(self._log, (moment, ""))
        current = ((at, key) for at, key in self._log[start:] if key in self.rows and self.updated[key] == at)
        return [self.rows[key] for _, key in dict.fromkeys(islice(current, most))]

    def in_id_order(self) -> list[str]:
        """All ids, as numbers; sorted once and again only after rows came or went."""
        if self._ids is None:
            self._ids = sorted(self.rows, key=id_key)
        return self._ids

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
