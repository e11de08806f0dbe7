"""Reads beside SQLAlchemy's sessions, which cost a short read many times what the read itself costs.

Each statement is a transaction of its own and one round trip; its connection is free again before the answer is made.
A firm's statement sets the firm before it looks at any table: see `_BEHIND_THE_WALL`.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
from asyncpg.exceptions import InvalidCachedStatementError
from pydantic_core import from_json
from sqlalchemy import Executable

from app.db.reading import AnyRow, Record, Rows, Statements
from app.db.unavailable import Unavailable, is_passing

PATIENCE_SECONDS = 10.0
_GOODBYE_SECONDS = 2.0
# `set_config` is a row of `firm`, and LATERAL has what stands behind it evaluated for each such row, so afterwards.
# OFFSET 0 keeps the two apart. Were the order ever another, the wall would show nothing, as where no firm is set.
_BEHIND_THE_WALL = (
    "SELECT found.* FROM (SELECT set_config('app.firm_id', ${place}, true) AS is_set) AS firm,"
    " LATERAL (SELECT * FROM ({text}) AS asked WHERE firm.is_set <> '' OFFSET 0) AS found"
)
_OUTLIVED = (
    InvalidCachedStatementError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # it is being told of its end at this moment
    OSError,
)


class ReadPool:
    """Connections of one role, opened when they are needed and kept; at most `size` at a time.

    The server ends a statement by its own `statement_timeout` (in `settings`, milliseconds). A connection on which
    nothing is heard for `lost_after` seconds, which must be longer, has lost its server without a word.
    """

    def __init__(self, dsn: str, settings: Mapping[str, str], size: int, *, lost_after: float = 35.0) -> None:
        self._dsn, self._settings, self._lost_after = dsn, dict(settings), lost_after
        self._room = asyncio.Semaphore(size)
        self._rested: list[Any] = []

    async def run(self, text: str, values: list[Any]) -> list[AnyRow]:
        """Carry out one statement that is harmless twice. Raises Unavailable for what is nobody's mistake."""
        try:
            await self._enter()
            try:
                return await self._carry_out(text, values)
            finally:
                self._room.release()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            mistake = isinstance(error, ValueError)  # the driver's own opinion of a value
            if is_passing(error) or not (mistake or isinstance(error, asyncpg.PostgresError)):
                raise Unavailable(type(error).__name__) from error
            raise

    async def close(self) -> None:
        """Close the connections that rest."""
        while self._rested:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                await self._rested.pop().close(timeout=_GOODBYE_SECONDS)

    def __repr__(self) -> str:
        return "ReadPool()"

    async def _enter(self) -> None:
        if self._room.locked():
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._room.acquire()
        else:
            await self._room.acquire()

    async def _carry_out(self, text: str, values: list[Any]) -> list[AnyRow]:
        """On a connection that rests; once more, on a new one, where that has died since or knows an older schema."""
        while self._rested:
            connection = self._rested.pop()
            if connection.is_closed():
                continue
            try:
                return await self._on(connection, text, values)
            except TimeoutError:
                self._drop_rested()
            except _OUTLIVED:
                break
        connection = await asyncpg.connect(
            self._dsn, timeout=PATIENCE_SECONDS, server_settings=self._settings, record_class=Record
        )
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=from_json)
        return await self._on(connection, text, values)

    def _drop_rested(self) -> None:
        """Where one fell silent, those beside it have most likely lost the same server: nobody shall wait for each."""
        while self._rested:
            self._rested.pop().terminate()

    async def _on(self, connection: Any, text: str, values: list[Any]) -> list[AnyRow]:
        try:
            rows: list[AnyRow] = await connection.fetch(text, *values, timeout=self._lost_after)
        except BaseException:  # in whatever state the connection is, nobody shall meet it again
            connection.terminate()
            raise
        self._rested.append(connection)
        return rows


class OfRole:
    """`Reads` with the rights of a pool's role. Its statements must be harmless twice."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool
        self._statements = Statements(lambda text, _values: text)

    async def execute(self, statement: Executable, parameters: Mapping[str, Any] | None = None, /) -> Rows:
        """Run one statement."""
        return Rows(await self._pool.run(*self._statements.ready(statement, parameters)))


@dataclass(frozen=True, slots=True)
class OfFirm:
    """`Reads` of one firm's rows, over a pool whose connections only read."""

    pool: ReadPool
    firm_id: int

    async def execute(self, statement: Executable, parameters: Mapping[str, Any] | None = None, /) -> Rows:
        """Run one statement with the firm set for it alone."""
        text, values = _WALLED.ready(statement, parameters)
        return Rows(await self.pool.run(text, [*values, str(self.firm_id)]))


def _wall(text: str, values: int) -> str:
    return _BEHIND_THE_WALL.format(text=text, place=values + 1)


_WALLED = Statements(_wall)
