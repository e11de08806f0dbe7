"""Reads by the driver alone: behind the same wall, the rows of SQLAlchemy's sessions, over connections that die."""

import asyncio
import os
import signal
from datetime import date
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy import func, literal, select, text
from sqlalchemy.exc import MultipleResultsFound

from app.canonical import Kind
from app.db import accounts, clients, invoices, journals, mappings, payments, read_pool, runs
from app.db.read_pool import ReadPool
from app.db.reading import Reads
from app.db.session import Database, Unavailable
from app.db.tables import Client
from tests.support.world import World

_WHOSE: Any = select(Client.firm_id, func.current_setting("app.firm_id", literal(True)).label("is_set"))


async def _firms(world: World, *names: str) -> list[int]:
    firms = [await world.firm(name) for name in names]
    for firm in firms:
        await world.client(firm)
    return firms


class TestTheWall:
    async def test_without_any_condition_only_the_firms_own_rows_are_found(self, world: World) -> None:
        firms = await _firms(world, "A", "B")
        for _ in range(8):  # PostgreSQL plans anew until it knows better
            for firm in firms:
                rows = (await world.runtime.db.reads(firm).execute(_WHOSE)).all()
                assert [(row.firm_id, row.is_set) for row in rows] == [(firm, str(firm))]

    async def test_at_once_over_few_connections_nobody_sees_another_firms_rows(self, world: World) -> None:
        firms = await _firms(world, *"ABCDEFGH")

        async def look(firm: int) -> None:
            for _ in range(10):
                rows = (await world.runtime.db.reads(firm).execute(_WHOSE)).all()
                assert [row.firm_id for row in rows] == [firm]

        await asyncio.gather(*(look(firm) for firm in firms for _ in range(4)))

    async def test_the_firm_is_set_for_its_statement_alone(self, world: World) -> None:
        (firm,) = await _firms(world, "A")
        pool: ReadPool = world.runtime.db._reads
        assert (await world.runtime.db.reads(firm).execute(_WHOSE)).all()
        (after,) = await pool.run("SELECT current_setting('app.firm_id', true) AS firm, current_user AS role", [])
        assert (after.firm or "", after.role) == ("", "tieout_app")
        assert await pool.run("SELECT id FROM clients", []) == []

    async def test_the_plan_sets_the_firm_before_it_looks_at_a_table(self, world: World) -> None:
        """What the statement is wrapped in keeps its promise: the firm is the outer side of a nested loop."""
        for query in (clients._PAGE, invoices._PAGE, journals._PAGE, payments._PAGE, accounts._PAGE, _WHOSE):
            wrapped, values = read_pool._WALLED.ready(query, {"firm": 1, "after": 0, "limit": 50})
            lines = await world.runtime.db._reads.run(f"EXPLAIN (COSTS OFF) {wrapped}", [*values, "1"])
            plan = [row[0] for row in lines]
            assert plan[:2] == ["Nested Loop", "  ->  Result"]
            assert all(line.startswith("   ") or "Result" in line or "Subquery" in line for line in plan[1:])

    async def test_nothing_can_be_written(self, world: World) -> None:
        (firm,) = await _firms(world, "A")
        pool: ReadPool = world.runtime.db._reads
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await pool.run("UPDATE clients SET name = 'x' WHERE firm_id = $1", [firm])


class TestRows:
    async def test_they_are_the_same_as_a_sessions(self, world: World) -> None:
        firm = await world.firm()
        connection = await world.connect(firm)
        client = await world.client(firm, billing_address={"city": "Zürich", "line1": '"'})
        await world.invoice(firm, client, due_date=date(2126, 12, 2))
        every: dict[str, Any] = {"after": None, "limit": 10}
        async with world.runtime.db.firm(firm) as session:
            await runs.request(session, firm, connection, "pull", params={"a": [1, 2.5, None]})

        async def look(reads: Reads) -> list[Any]:
            return [
                await clients.page(reads, firm, clients.Filters(search="client", active=True), **every),
                await invoices.page(reads, firm, invoices.Filters(overdue=False), **every),
                (await invoices.lines_of(reads, firm, [1]))[1],
                await journals.page(reads, firm, journals.Filters(), **every),
                await payments.page(reads, firm, payments.Filters(), **every),
                await accounts.page(reads, firm, accounts.Filters(), **every),
                await mappings.page(reads, firm, Kind.customer, **every),
                await runs.page(reads, firm, **every),
            ]

        async with world.runtime.db.firm(firm) as session:
            expected = await look(session)
        found = await look(world.runtime.db.reads(firm))
        assert [len(rows) for rows in found][:3] == [1, 1, 2]
        for mine, theirs in zip(found, expected, strict=True):
            assert [{**row._mapping} for row in mine] == [{**row._mapping} for row in theirs]
            assert [list(row._mapping.keys()) for row in mine] == [list(row._mapping.keys()) for row in theirs]
            assert [tuple(row) for row in mine] == [tuple(row) for row in theirs]

    async def test_one_is_one(self, world: World) -> None:
        firm = await world.firm()
        reads = world.runtime.db.reads(firm)
        assert (await reads.execute(select(Client.id))).one_or_none() is None
        await world.client(firm)
        row = (await reads.execute(select(Client.id))).one()
        with pytest.raises(AttributeError):
            _ = row.nothing_of_the_kind
        await world.client(firm)
        with pytest.raises(MultipleResultsFound):
            (await reads.execute(select(Client.id))).one_or_none()

    async def test_a_statement_that_differs_by_its_values_is_refused(self, database: Database) -> None:
        with pytest.raises(TypeError, match="among"):
            await database.reads(1).execute(select(Client.id).where(Client.id.in_([1, 2])))


class TestConnections:
    async def test_one_that_died_while_it_rested_is_replaced(self, database: Database, database_url: str) -> None:
        reads = database.reads(1)
        await reads.execute(select(Client.id))
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as owner:
            pid: Any = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tieout/tieout_app'"
            )
            assert await (await owner.execute(pid)).fetchall()
        assert (await reads.execute(select(Client.id))).all() == []

    async def test_one_that_knows_an_older_schema_is_replaced(self, database: Database, owner_url: str) -> None:
        every: Any = text("SELECT * FROM api_keys")
        reads = database.reads(1)
        await reads.execute(every)
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
            await owner.execute("ALTER TABLE api_keys ADD COLUMN passing int")
            try:
                assert (await reads.execute(every)).all() == []
            finally:
                await owner.execute("ALTER TABLE api_keys DROP COLUMN passing")

    async def test_a_failed_one_is_not_used_again(self, database: Database) -> None:
        pool = database._reads
        with pytest.raises(asyncpg.DivisionByZeroError):
            await pool.run("SELECT 1 / 0", [])
        assert pool._rested == []
        assert (await pool.run("SELECT 1", []))[0][0] == 1

    async def test_one_that_has_fallen_silent_is_replaced(self, database: Database) -> None:
        """A server that was taken away without a word: nothing is heard of the connection ever again."""
        pid: Any = text("SELECT pg_backend_pid() AS pid")
        for reads, pool in ((database.glances, database._glances), (database.reads(1), database._reads)):
            silent = (await reads.execute(pid)).one().pid
            pool._lost_after = 0.2
            os.kill(silent, signal.SIGSTOP)
            try:
                async with asyncio.timeout(5):
                    assert (await reads.execute(pid)).one().pid != silent
            finally:
                os.kill(silent, signal.SIGCONT)

    async def test_those_that_rest_beside_a_silent_one_are_not_waited_for_in_turn(self, database: Database) -> None:
        pid, reads, pool = "SELECT pg_backend_pid() AS pid, pg_sleep(0.1)", database.reads(1), database._reads
        silent = [rows[0].pid for rows in await asyncio.gather(*(pool.run(pid, []) for _ in range(3)))]
        assert len(set(silent)) == 3
        pool._lost_after = 0.2
        for one in silent:
            os.kill(one, signal.SIGSTOP)
        try:
            await reads.execute(select(Client.id))
            assert [one.get_server_pid() in silent for one in pool._rested] == [False]
        finally:
            for one in silent:
                os.kill(one, signal.SIGCONT)

    async def test_who_is_cancelled_leaves_room_and_no_connection(self, database: Database, owner_url: str) -> None:
        pool = database._reads
        for pause in (0, 0.001, 0.02, 0.1):
            asking = [asyncio.create_task(pool.run("SELECT pg_sleep(1)", [])) for _ in range(12)]
            await asyncio.sleep(pause)
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        assert [rows[0][0] for rows in await asyncio.gather(*(pool.run("SELECT 1", []) for _ in range(12)))] == [1] * 12
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tieout/tieout_app'"
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
            async with asyncio.timeout(10):
                while (await (await owner.execute(query)).fetchone() or (99,))[0] > 5:  # noqa: ASYNC110  the server's state
                    await asyncio.sleep(0.05)

    async def test_a_mistake_of_the_drivers_is_an_outage(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def lost(*_: Any, **__: Any) -> Any:
            raise asyncpg.InternalClientError("got result for unknown protocol state")

        monkeypatch.setattr(asyncpg.Connection, "fetch", lost)
        with pytest.raises(Unavailable):
            await database.reads(1).execute(select(Client.id))

    async def test_whoever_finds_none_free_is_told_so(self, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(read_pool, "PATIENCE_SECONDS", 0.1)
        pool = ReadPool(database_url, {}, 1)
        slow = asyncio.create_task(pool.run("SELECT pg_sleep(1)", []))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await pool.run("SELECT 1", [])
        await slow
        assert (await pool.run("SELECT 2", []))[0][0] == 2
        await pool.close()

    async def test_a_server_that_is_away_is_unavailable(self) -> None:
        nowhere = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
        with pytest.raises(Unavailable):
            await nowhere.reads(1).execute(select(Client.id))
        await nowhere.dispose()
