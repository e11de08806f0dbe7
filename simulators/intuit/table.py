"""In-memory rows of one entity with indexes, times and the memory of what was deleted."""

from collections.abc import Iterable
from datetime import datetime

from simulators.core.http import Json
from simulators.intuit.faults import not_found


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
        self.updated[key] = at
        for name, index in self._indexes.items():
            if name in row:
                index.setdefault(key_of(row[name]), {})[key] = None

    def remove(self, key: str, at: datetime) -> None:
        """Delete for good; CDC still tells of it."""
        self._unindex(key)
        del self.rows[key]
        self.removed[key] = at

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
