"""Runs paused, resumed and cancelled; kinds read by their own schedule; the daily sweep; forgetting."""

from typing import Any

import pytest

from app import jobs
from app.canonical import Kind
from app.db import analytics, runs
from app.errors import Conflict
from app.sync import requests
from app.sync.controlling import Act, control
from tests.support.world import World
from tests.sync.test_dispositions import changed, settings, state
from tests.sync.test_inbox import pull, pushed, remote_id

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])


@pytest.fixture
async def place(world: World) -> tuple[int, int]:
    firm = await world.firm()
    return firm, await world.connect(firm)


async def run_state(world: World, firm: int, run_id: int) -> str:
    async with world.runtime.db.firm(firm) as session:
        return str((await runs.get(session, firm, run_id)).state)


async def asked(world: World, firm: int, connection: int) -> tuple[int, int]:
    """A client that a push run carries, not begun yet; its id and the run's."""
    await settings(world, firm, connection, sync_enabled=False)
    client = await changed(world, firm, external_ref="a", name="Slow & Steady")
    run = await requests.push_many(world.runtime.db, firm, connection, None, None, requested_by="test")
    assert run.run_id is not None
    return client, run.run_id


async def test_a_paused_push_waits_and_goes_on_when_resumed(world: World, place: tuple[int, int]) -> None:
    firm, connection = place
    client, run_id = await asked(world, firm, connection)
    await control(world.runtime.db, firm, run_id, Act.pause, actor="test")
    before = world.calls(connection)
    await world.work(connection)
    assert world.calls(connection) == before
    assert await state(world, firm, Kind.customer, connection, client) == ("pending", "run_paused")
    await control(world.runtime.db, firm, run_id, Act.pause, actor="test")
    assert await run_state(world, firm, run_id) == "paused"
    await control(world.runtime.db, firm, run_id, Act.resume, actor="test")
    await world.work(connection)
    assert await state(world, firm, Kind.customer, connection, client) == ("synced", "")
    assert await run_state(world, firm, run_id) == "done"


async def test_a_cancelled_push_leaves_its_records_out_and_says_so(world: World, place: tuple[int, int]) -> None:
    firm, connection = place
    client, run_id = await asked(world, firm, connection)
    await control(world.runtime.db, firm, run_id, Act.cancel, actor="test")
    await world.work(connection)
    assert await state(world, firm, Kind.customer, connection, client) == ("excluded", "cancelled")
    assert await run_state(world, firm, run_id) == "cancelled"
    with pytest.raises(Conflict) as refused:
        await control(world.runtime.db, firm, run_id, Act.resume, actor="test")
    assert refused.value.public_code == "run_not_open"
    await requests.push_many(world.runtime.db, firm, connection, None, None, requested_by="test")
    await world.work(connection)
    assert await state(world, firm, Kind.customer, connection, client) == ("synced", "")


async def test_a_paused_pull_goes_on_when_resumed(world: World, place: tuple[int, int]) -> None:
    firm, connection = place
    run_id = await requests.pull(
        world.runtime.db,
        firm,
        connection,
        kinds=[Kind.customer, Kind.account],
        date_from=None,
        date_to=None,
        requested_by="test",
    )
    await control(world.runtime.db, firm, run_id, Act.pause, actor="test")
    await world.work(connection)
    assert await run_state(world, firm, run_id) == "paused"
    await control(world.runtime.db, firm, run_id, Act.resume, actor="test")
    await world.work(connection)
    assert await run_state(world, firm, run_id) == "done"


async def test_a_kind_with_its_own_frequency_is_read_when_its_time_comes(world: World, place: tuple[int, int]) -> None:
    firm, connection = place
    await settings(world, firm, connection, frequencies={"account": 30})
    await world.work(connection)
    assert await _scheduled(world, firm) == []
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("UPDATE connections SET connected_at = now() - interval '31 minutes'")
    await world.work(connection)
    assert ["account"] in await _scheduled(world, firm)
    once = len(await _scheduled(world, firm))
    await world.work(connection)
    assert len(await _scheduled(world, firm)) == once


async def _scheduled(world: World, firm: int) -> list[Any]:
    async with world.runtime.db.firm(firm) as session:
        rows = await session.exec_driver_sql("SELECT params -> 'kinds' AS k FROM sync_runs WHERE trigger = 'schedule'")
        return [row.k for row in rows if row.k]


@BOTH
async def test_the_daily_sweep_finds_what_no_webhook_told(world: World, provider: str) -> None:
    firm, connection, (invoice,) = await pushed(world, provider)
    await pull(world, firm, connection)
    await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, invoice))
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(
            "UPDATE connections SET next_nightly_at = now() - interval '1 second',"
            " next_sync_at = now() + interval '1 day'"
        )
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        found = await session.exec_driver_sql("SELECT state, counts FROM sync_runs WHERE trigger = 'nightly'")
        (nightly,) = found.all()
        told = await analytics.webhooks(session, firm)
    assert (nightly.state, nightly.counts["payments"]) == ("done", 1)
    assert told["payments_found_only_by_reading"] == 1


async def test_forgetting_takes_what_is_old_and_nothing_else(world: World) -> None:
    firm, connection, _ = await pushed(world, "quickbooks")
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(
            "UPDATE write_calls SET settled_at = now() - interval '500 days' WHERE kind = 'customer'"
        )
        old = await runs.request(session, firm, connection, "pull")
        await runs.finish(session, firm, old, {})
        await session.exec_driver_sql(
            f"UPDATE sync_runs SET finished_at = now() - interval '500 days' WHERE id = {old}"
        )
        young = await runs.request(session, firm, connection, "pull")
    await jobs.forget(world.runtime)
    async with world.runtime.db.firm(firm) as session:
        calls = await session.exec_driver_sql("SELECT array_agg(DISTINCT kind) FROM write_calls")
        left = await session.exec_driver_sql("SELECT array_agg(id) FROM sync_runs WHERE action = 'pull'")
        assert calls.scalar_one() == ["invoice"]
        assert old not in left.scalar_one()
    assert await run_state(world, firm, young) == "queued"
