"""Connections to PostgreSQL: one pool per database role, and transactions that carry the firm.

A transaction is opened by the edge or by a job, handed down, and never open while a provider is called (`guards`).
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.read_pool import OfFirm, OfRole, ReadPool
from app.db.reading import Reads
from app.db.unavailable import UNAVAILABLE, Unavailable, is_passing
from app.guards import transaction_open

__all__ = ["UNAVAILABLE", "Database", "Session", "Unavailable"]

Session = AsyncConnection
"""What query functions take first: an open transaction."""

STATEMENT_TIMEOUT_MS = 30_000
GLANCE_TIMEOUT_MS = 5_000  # every request of the process may be waiting for one
PING_AFTER_SECONDS = 2.0
_RESTED = "rested_since"
_SET_FIRM = text("SELECT set_config('app.firm_id', :firm, true)")


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not belong in a JSON column")


def dump_json(value: object) -> str:
    """JSON for jsonb columns; a Decimal becomes its exact text."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def plain_url(url: str) -> str:
    """The same address without SQLAlchemy's driver name, as libpq and asyncpg read it, `sslmode` and all."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class Database:
    """Pools, each of one role: the firm's own, the system's (named tables only) and the operator's (read-only).

    `conninfo` is the address with its password, for the queue's own driver: a secret.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.conninfo = url = plain_url(url)
        self._app = _engine(url, "tieout_app", pool_size)
        self._system = _engine(url, "tieout_system", pool_size)
        self._operator = _engine(url, "tieout_operator", 2)
        self._reads = ReadPool(url, _settings("tieout_app") | {"default_transaction_read_only": "on"}, pool_size)
        quick = _settings("tieout_system") | {"statement_timeout": str(GLANCE_TIMEOUT_MS)}
        self._glances = ReadPool(url, quick, 2, lost_after=2 * GLANCE_TIMEOUT_MS / 1000)
        self.glances: Reads = OfRole(self._glances)
        """Single statements of the system role that are harmless twice, such as the key look-up."""

    @asynccontextmanager
    async def firm(self, firm_id: int) -> AsyncIterator[Session]:
        """A transaction that sees and writes this firm's rows only; commits on leaving, rolls back on an error."""
        async with _transaction(self._app) as session:
            await session.execute(_SET_FIRM, {"firm": str(firm_id)})
            yield session

    @asynccontextmanager
    async def snapshot(self, firm_id: int) -> AsyncIterator[Session]:
        """As `firm`, but all its queries see the books as they are at the first."""
        async with _transaction(self._app.execution_options(isolation_level="REPEATABLE READ")) as session:
            await session.execute(_SET_FIRM, {"firm": str(firm_id)})
            yield session

    @asynccontextmanager
    async def no_firm(self) -> AsyncIterator[Session]:
        """A transaction under the firm's role with no firm set: it sees nothing. For tests of the wall."""
        async with _transaction(self._app) as session:
            yield session

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Session]:
        """A transaction under the system role: key look-up, OAuth states, grants, webhook ingest, ticker, sweep."""
        async with _transaction(self._system) as session:
            yield session

    def reads(self, firm_id: int) -> Reads:
        """Reads of this firm's rows only, each statement a transaction of its own. Much cheaper than `firm`."""
        return OfFirm(self._reads, firm_id)

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Session]:
        """A read-only transaction across firms."""
        async with _transaction(self._operator) as session:
            yield session

    @property
    def operator_engine(self) -> AsyncEngine:
        """For the operator's admin, whose views open sessions of their own. Its role only reads."""
        return self._operator

    def __repr__(self) -> str:
        return "Database()"

    async def dispose(self) -> None:
        """Close every pool."""
        for engine in (self._app, self._system, self._operator):
            await engine.dispose()
        for pool in (self._reads, self._glances):
            await pool.close()


def _settings(role: str) -> dict[str, str]:
    return {
        "role": role,
        # The queue's functions name their tables without a schema; only the system role may use them.
        "search_path": "public, procrastinate" if role == "tieout_system" else "public",
        "application_name": f"tieout/{role}",
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(STATEMENT_TIMEOUT_MS),
    }


def _engine(url: str, role: str, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        pool_size=pool_size,
        max_overflow=5,
        pool_timeout=10,
        json_serializer=dump_json,
        hide_parameters=True,
        # asyncpg reads the address itself: SQLAlchemy would pass `sslmode` and its kin on as unknown arguments.
        connect_args={"dsn": url, "server_settings": _settings(role)},
    )
    _ping_after_rest(engine)
    return engine


def _ping_after_rest(engine: AsyncEngine) -> None:
    """Look whether a connection still lives before it is used, unless it was used a moment ago.

    A busy service would else spend a round trip per transaction on it.
    """

    def rested(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[_RESTED] = time.monotonic()

    def ping(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        since = record.info.get(_RESTED)
        if since is None or time.monotonic() - since < PING_AFTER_SECONDS:
            return
        try:
            alive = engine.dialect.do_ping(connection)
        except Exception as error:  # the driver's own errors and SQLAlchemy's alike: the connection is of no use
            raise DisconnectionError(type(error).__name__) from error
        if not alive:
            raise DisconnectionError("no answer")

    event.listen(engine.sync_engine, "checkin", rested)
    event.listen(engine.sync_engine, "checkout", ping)


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[Session]:
    """Raises Unavailable for what is nobody's mistake; other errors of the database pass as they are."""
    with transaction_open():
        try:
            async with engine.begin() as session:
                yield session
        except (PoolTimeout, OSError) as error:
            raise Unavailable(type(error).__name__) from error
        except DBAPIError as error:
            if error.connection_invalidated or is_passing(error.orig):
                raise Unavailable(type(error.orig).__name__) from error
            raise
