"""Events of companies whose connection is paused, does not work just now, or ended: kept until it does, or closed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app import connections
from app.db import inbox, work
from app.db.tables import Connection, Firm
from app.settings import Settings
from app.sync import runner
from tests.support.crowd import crowd, customers, told
from tests.support.world import SIM, World, open_world


async def held(world: World) -> list[tuple[str, str]]:
    """State and reason of each event."""
    async with world.runtime.db.system() as session:
        found = await session.exec_driver_sql("SELECT state, reason FROM webhook_events ORDER BY id")
        return [(row.state, row.reason) for row in found]


async def test_events_wait_for_a_reconnect_and_cost_no_call_until_then(make_settings: Callable[..., Settings]) -> None:
    async with open_world(make_settings(sim_url=SIM)) as world:
        (one,) = await crowd(world, 1)
        await told(world, one.company, customers(world, one.company, 2))
        await world.set(one.firm, Connection, one.connection, status="expired")
        before = world.calls(one.connection)
        await world.work(one.connection)
        assert (await held(world), world.calls(one.connection)) == ([("pending", "")] * 2, before)
        async with world.runtime.db.system() as session:
            assert one.connection not in await work.forgotten(session)  # nobody is woken in vain
        await world.connect(one.firm, "quickbooks", one.company)
        await world.work(one.connection)
        assert await held(world) == [("done", "")] * 2


async def test_events_of_a_company_that_was_disconnected_are_closed(make_settings: Callable[..., Settings]) -> None:
    async with open_world(make_settings(sim_url=SIM)) as world:
        (one,) = await crowd(world, 1)
        await told(world, one.company, customers(world, one.company, 2))
        await connections.disconnect(world.runtime, one.firm, one.connection, actor="test")
        async with world.runtime.db.system() as session:
            assert one.connection in await work.forgotten(session)
        before = world.calls(one.connection)
        await world.work(one.connection)
        assert await held(world) == [("ignored", "disconnected before it was looked at")] * 2
        assert world.calls(one.connection) == before


@pytest.mark.parametrize("table", [Connection, Firm])
async def test_events_wait_while_automatic_work_is_paused_but_for_what_a_person_wants_looked_at(
    make_settings: Callable[..., Settings], table: Any
) -> None:
    async with open_world(make_settings(sim_url=SIM)) as world:
        (one,) = await crowd(world, 1)
        await told(world, one.company, customers(world, one.company, 2))
        row = one.connection if table is Connection else one.firm
        await world.set(one.firm, table, row, sync_enabled=False)
        before = world.calls(one.connection)
        await world.work(one.connection)
        assert (await held(world), world.calls(one.connection)) == ([("pending", "")] * 2, before)
        async with world.runtime.db.system() as session:
            assert one.connection not in await work.forgotten(session)  # nobody is woken in vain
            first = (await session.exec_driver_sql("SELECT min(id) FROM webhook_events")).scalar_one()
            await inbox.replay(session, one.firm, [first], None, None)
            assert one.connection in await work.forgotten(session)
        await world.work(one.connection)
        assert await held(world) == [("done", ""), ("pending", "")]
        await world.set(one.firm, table, row, sync_enabled=True)
        async with world.runtime.db.system() as session:
            assert one.connection in await work.forgotten(session)
        await world.work(one.connection)
        assert await held(world) == [("done", "")] * 2


async def test_after_crashes_only_what_one_call_looks_at_is_set_aside(make_settings: Callable[..., Settings]) -> None:
    async with open_world(make_settings(sim_url=SIM)) as world:
        (one,) = await crowd(world, 1)
        await told(world, one.company, customers(world, one.company, 130))
        past = datetime.now(UTC) - timedelta(seconds=1)
        dead = {"crashes": runner.MAX_CRASHES - 1, "lease_owner": "dead", "lease_until": past}
        await world.set(one.firm, Connection, one.connection, **dead)
        await world.work(one.connection)
        found = await held(world)
    assert found == [("parked", "The worker died several times while handling this.")] * 100 + [("done", "")] * 30
