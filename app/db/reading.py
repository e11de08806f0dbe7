"""SQLAlchemy's statements carried out by the driver alone: each is compiled once, its rows stay the driver's.

What a query function takes is `Reads`: an open transaction serves as well as what `read_pool` gives.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncpg
from sqlalchemy import Executable, Row
from sqlalchemy.dialects.postgresql.asyncpg import dialect as Dialect  # noqa: N812  it is a class
from sqlalchemy.exc import MultipleResultsFound, NoResultFound

_MOST_STATEMENTS = 500
_DIALECT = Dialect()  # type: ignore[no-untyped-call]
_Bind = Callable[[Any], Any]


AnyRow = Row[*tuple[Any, ...]]


class Found(Protocol):
    """What a statement found, as SQLAlchemy's results give it."""

    def all(self) -> Sequence[AnyRow]:
        """All rows."""

    def one_or_none(self) -> AnyRow | None:
        """The only row, or None. Raises MultipleResultsFound."""

    def one(self) -> AnyRow:
        """The only row. Raises NoResultFound, MultipleResultsFound."""

    def __iter__(self) -> Iterator[AnyRow]:
        """Row by row."""


class Reads(Protocol):
    """What a query that only reads takes first: an open transaction, or a `Reader`."""

    async def execute(self, statement: Executable, parameters: Mapping[str, Any] | None = None, /) -> Found:
        """Run one statement."""


class Record(asyncpg.Record):  # type: ignore[misc]
    """The driver's row, whose columns are attributes too: it serves wherever SQLAlchemy's does."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def _mapping(self) -> "Record":
        """As SQLAlchemy's rows have it; to be spread (`**`) or asked by name, for going through it gives values."""
        return self


@dataclass(frozen=True, slots=True)
class Rows:
    """`Found` over the driver's rows."""

    rows: list[AnyRow]

    def all(self) -> Sequence[AnyRow]:
        """All rows."""
        return self.rows

    def one_or_none(self) -> AnyRow | None:
        """The only row, or None. Raises MultipleResultsFound."""
        if len(self.rows) > 1:
            raise MultipleResultsFound("Multiple rows were found when one or none was required")
        return self.rows[0] if self.rows else None

    def one(self) -> AnyRow:
        """The only row. Raises NoResultFound, MultipleResultsFound."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("No row was found when one was required")
        return row

    def __iter__(self) -> Iterator[AnyRow]:
        return iter(self.rows)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement's text, and how its values become the driver's."""

    compiled: Any
    text: str
    binds: Sequence[tuple[str, _Bind | None]]

    def values(self, parameters: Mapping[str, Any] | None, extracted: Any) -> list[Any]:
        """The values of one execution, in the order of the text's `$n`."""
        given = self.compiled.construct_params(parameters, extracted_parameters=extracted)
        return [given[name] if bind is None else bind(given[name]) for name, bind in self.binds]


@dataclass(slots=True)
class Statements:
    """Compiled statements by SQLAlchemy's own cache key: the statement less its values."""

    wrap: Callable[[str, int], str]
    """Makes the text that is run of a statement's own, and of the number of its values."""
    known: dict[Any, _Compiled] = field(default_factory=dict)

    def ready(self, statement: Any, parameters: Mapping[str, Any] | None) -> tuple[str, list[Any]]:
        """The text and the values to run. Raises TypeError for a statement whose text depends on its values."""
        key = statement._generate_cache_key()  # noqa: SLF001  SQLAlchemy's own name for it
        if key is None:
            raise TypeError(f"This statement cannot be compiled once and for all: {statement}")
        known = self.known.get(key.key)
        if known is None:
            if len(self.known) >= _MOST_STATEMENTS:
                self.known.clear()
            known = self.known[key.key] = _compile(statement, key, self.wrap)
        return known.text, known.values(parameters, key.bindparams)


def _compile(statement: Any, key: Any, wrap: Callable[[str, int], str]) -> _Compiled:
    compiled = statement.compile(dialect=_DIALECT, cache_key=key)
    if compiled.post_compile_params or compiled.literal_execute_params:
        raise TypeError(f"Write `among` for `in_`, whose text depends on how many values there are: {statement}")
    binds = [(name, compiled.binds[name].type.dialect_impl(_DIALECT)) for name in compiled.positiontup or ()]
    text = wrap(str(compiled), len(binds))
    return _Compiled(compiled, text, [(name, kind.bind_processor(_DIALECT)) for name, kind in binds])
