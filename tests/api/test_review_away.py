"""A database that is not there, goes away, or takes too long: a 503 that says so, never an unexplained 500."""

import asyncio
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db.session import Database, Unavailable
from tests.support.api import BOOKS, Api

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


async def ask(database: Database, *queries: str) -> None:
    async with database.firm(1) as session:
        for query in queries or ("SELECT 1",):
            await session.execute(text(query))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@/tieout?host=/nonexistent",
        "postgresql://nobody@127.0.0.1:1/tieout",
        "postgresql://nobody@no-such-host.invalid/tieout",
    ],
    ids=["no socket", "nobody listens", "no such host"],
)
async def test_a_server_that_is_not_there(url: str) -> None:
    database = Database(url, pool_size=1)
    with pytest.raises(Unavailable):
        await ask(database)
    await database.dispose()


async def test_a_statement_that_takes_too_long(database: Database) -> None:
    with pytest.raises(Unavailable):
        await ask(database, "DO $$ BEGIN SET LOCAL statement_timeout = 50; END $$", "SELECT pg_sleep(5)")


@pytest.mark.parametrize("query", ["SELECT nonsense", "SELECT 1/0", "SELECT * FROM grants"])
async def test_our_own_mistakes_are_not_called_an_outage(database: Database, query: str) -> None:
    with pytest.raises(DBAPIError):
        await ask(database, query)


async def test_a_connection_cut_in_the_middle_of_a_request(api: Api, owner_url: str, database_url: str) -> None:
    http = await api.caller(await api.world.firm())
    await http.get(f"{BOOKS}/firm")
    with psycopg.connect(owner_url) as owner:
        owner.execute("LOCK TABLE clients IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(http.post(f"{BOOKS}/clients", json={"name": "A"}))
        await _cut(database_url)
        answer = await asking
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable"), answer.text
    assert answer.headers["retry-after"]
    assert (await http.post(f"{BOOKS}/clients", json={"name": "A"})).status_code == 201


async def _cut(database_url: str) -> None:
    """End the sessions of the service that wait for a lock, as soon as there is one."""
    query: Any = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        async with asyncio.timeout(10):
            while not (await (await connection.execute(query)).fetchall()):  # noqa: ASYNC110  another process's state
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("wish", ["sslmode=prefer", "sslmode=disable&target_session_attrs=read-write"])
async def test_an_address_may_say_what_libpq_understands(database_url: str, wish: str) -> None:
    """Managed servers hand out addresses with `sslmode`, and the queue's driver reads the same address."""
    together = f"{database_url}{'&' if '?' in database_url else '?'}{wish}"
    database = Database(together.replace("postgresql://", "postgresql+asyncpg://"), pool_size=1)
    await ask(database)
    async with await psycopg.AsyncConnection.connect(database.conninfo) as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
    await database.dispose()


async def test_a_server_that_must_speak_tls_is_not_spoken_to_in_clear() -> None:
    heard: list[bytes] = []
    hung_up = asyncio.Event()

    async def without_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(64))
        writer.write(b"N")
        heard.append(await reader.read(64))
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    async with await asyncio.start_server(without_tls, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        strict = Database(f"postgresql://x:secret@127.0.0.1:{port}/tieout?sslmode=require", pool_size=1)
        with pytest.raises(Unavailable):
            await ask(strict)
        await strict.dispose()
        await asyncio.wait_for(hung_up.wait(), 10)
    assert heard == [SSL_REQUEST, b""]
