"""Indexed tables with undo: records by id, by any key, and in the order of their last change."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar, overload

LAST = "\uffff"  # sorts behind every id
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class HasId(Protocol):
    """Anything that a table can hold."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=HasId)
Key = tuple[str, str]


class View(Sequence[R]):
    """Records of one group in the order of their last change, looked up only when touched."""

    def __init__(self, rows: dict[str, R], order: list[tuple[datetime, str]], start: int) -> None:
        self._rows = rows
        self._order = order
        self._start = start

    def __len__(self) -> int:
        return len(self._order) - self._start

    @overload
    def __getitem__(self, at: int) -> R: ...
    @overload
    def __getitem__(self, at: slice) -> list[R]: ...
    def __getitem__(self, at: int | slice) -> R | list[R]:
        if isinstance(at, slice):
            first, last, step = at.indices(len(self))
            return [self[index] for index in range(first, last, step)]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return self._rows[self._order[self._start + at % len(self)][1]]

    def __iter__(self) -> Iterator[R]:
        for at in range(self._start, len(self._order)):
            yield self._rows[self._order[at][1]]


class Table(Generic[R]):
    """Records by id, with secondary indexes, an order of change per group, and postings derived from each record.

    `keys` gives the (index, value) pairs of a record, `groups` the lists it appears in, `moment` its last change.
    """

    def __init__(
        self,
        undo: list[Callable[[], None]],
        keys: Callable[[R], Iterable[Key]] = lambda _: (),
        posted: Callable[[R | None, str], None] = lambda _record, _id: None,
        moment: Callable[[R], datetime] | None = None,
        groups: Callable[[R], Iterable[str]] = lambda _: ("",),
    ) -> None:
        self.rows: dict[str, R] = {}
        self._undo = undo
        self._keys = keys
        self._posted = posted
        self._moment = moment
        self._groups = groups
        self._index: dict[Key, dict[str, None]] = {}
        self._order: dict[str, list[tuple[datetime, str]]] = {}

    def get(self, key: str | None) -> R | None:
        """The record with this id."""
        return self.rows.get(key) if key else None

    def find(self, index: str, value: str) -> list[R]:
        """Records under one value of an index, oldest first."""
        return [self.rows[key] for key in self._index.get((index, value), ())]

    def used(self, index: str, value: str) -> bool:
        """Whether any record stands under that value of an index."""
        return bool(self._index.get((index, value)))

    def changed_after(self, group: str, since: datetime | None) -> View[R]:
        """The records of a group that changed after the moment (None: all), in the order of change, then of id."""
        order = self._order.get(group, [])
        return View(self.rows, order, bisect_right(order, (since or BEGINNING, LAST)))

    def put(self, record: R) -> R:
        """Save a record over the one with the same id."""
        old = self.rows.get(record.id)
        self._undo.append(lambda: self._set(record.id, old))
        self._set(record.id, record)
        return record

    def remove(self, key: str) -> None:
        """Take a record out. Raises KeyError."""
        old = self.rows[key]
        self._undo.append(lambda: self._set(key, old))
        self._set(key, None)

    def _set(self, key: str, record: R | None) -> None:
        old = self.rows.get(key)
        if old is not None:
            self._forget(key, old)
        if record is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = record
            for index in self._keys(record):
                self._index.setdefault(index, {})[key] = None
            if self._moment is not None:
                for group in self._groups(record):
                    insort(self._order.setdefault(group, []), (self._moment(record), key))
        self._posted(record, key)

    def _forget(self, key: str, old: R) -> None:
        for index in self._keys(old):
            self._index[index].pop(key, None)
        if self._moment is not None:
            for group in self._groups(old):
                order = self._order[group]
                del order[bisect_left(order, (self._moment(old), key))]
