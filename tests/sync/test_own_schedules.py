"""Kinds that are read by a schedule of their own."""

from typing import Any

import pytest

from app.db.tables import Connection
from app.sync import runner
from tests.support.world import World


async def asked(world: World, firm: int) -> list[Any]:
    """State and kinds of the pulls that the schedule asked for."""
    async with world.runtime.db.firm(firm) as session:
        found = await session.exec_driver_sql(
            "SELECT state, params -> 'kinds' AS kinds FROM sync_runs WHERE trigger = 'schedule' ORDER BY id"
        )
        return [(row.state, row.kinds) for row in found]


@pytest.fixture
async def place(world: World) -> tuple[int, int]:
    firm = await world.firm()
    connection = await world.connect(firm)
    await world.work(connection)
    return firm, connection


async def test_what_waits_for_another_try_is_asked_for_no_second_time_and_lets_the_worker_rest(
    world: World, place: tuple[int, int]
) -> None:
    firm, connection = place
    old = {"account": "2026-01-01T00:00:00+00:00"}
    await world.set(firm, Connection, connection, frequencies={"account": 5}, kind_pulled=old)
    world.fault(connection, "/query", "status", method="POST", times=100)
    await runner.work_on(world.runtime, connection)
    assert await asked(world, firm) == [("queued", ["account"])]
    await world.set(firm, Connection, connection, kind_pulled=old)
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("UPDATE sync_runs SET next_due_at = now() + interval '9 minutes'")
    await world.hurry(firm, connection)
    assert not await runner.work_on(world.runtime, connection)
    assert await asked(world, firm) == [("queued", ["account"])]


async def test_a_kind_that_is_switched_off_is_not_read_by_its_schedule(world: World, place: tuple[int, int]) -> None:
    firm, connection = place
    old = dict.fromkeys(("customer", "account"), "2026-01-01T00:00:00+00:00")
    await world.set(
        firm,
        Connection,
        connection,
        frequencies={"customer": 5, "account": 5},
        kind_pulled=old,
        customer_sync_enabled=False,
    )
    await world.work(connection)
    assert await asked(world, firm) == [("done", ["account"])]
    await world.set(firm, Connection, connection, customer_sync_enabled=True)
    await world.work(connection)
    assert await asked(world, firm) == [("done", ["account"]), ("done", ["customer"])]
