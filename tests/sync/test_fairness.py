"""One connection with a long backlog delays neither what is more urgent on it nor any other connection."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from procrastinate.manager import JobManager

from app import jobs
from app.canonical import Kind
from app.db import wakeups
from app.errors import ProviderUnavailable
from app.providers.quickbooks.adapter import QuickBooks
from app.settings import Settings
from app.sync import runner
from tests.support.crowd import crowd, customers, told
from tests.support.processes import until
from tests.support.world import SIM, World, open_world

PAGE = 100  # ids that one call to QuickBooks reads
BACKLOG, OTHERS = 500, 20


async def silence(world: World) -> None:
    """Forget the bells that connecting rang."""
    async with world.runtime.db.system() as session:
        await session.exec_driver_sql("DELETE FROM procrastinate.procrastinate_jobs")


async def handled(world: World) -> list[Any]:
    """Connections of the events that are handled, in that order."""
    async with world.runtime.db.system() as session:
        found = await session.exec_driver_sql(
            "SELECT connection_id FROM webhook_events WHERE state = 'done' ORDER BY handled_at, id"
        )
        return list(found.scalars().all())


async def test_a_backlog_of_events_gives_way_after_every_call(make_settings: Callable[..., Settings]) -> None:
    async with open_world(make_settings(sim_url=SIM, sync_slice_seconds=0.001)) as world:
        (one,) = await crowd(world, 1)
        await told(world, one.company, customers(world, one.company, 2 * PAGE + 50))
        seen = []
        for _ in range(3):
            before = world.calls(one.connection)
            more = await runner.work_on(world.runtime, one.connection)
            seen.append((len(await handled(world)), world.calls(one.connection) - before, more))
    assert seen == [(PAGE, 1, True), (2 * PAGE, 1, True), (2 * PAGE + 50, 1, False)]


async def test_several_events_of_a_record_cost_one_look(make_settings: Callable[..., Settings]) -> None:
    async with open_world(make_settings(sim_url=SIM)) as world:
        (one,) = await crowd(world, 1)
        keys = customers(world, one.company, 2)
        await told(world, one.company, keys)
        async with world.runtime.db.system() as session:
            await session.exec_driver_sql(
                "INSERT INTO webhook_events (firm_id, connection_id, delivery_id, provider, event_key, company_id,"
                " kind, external_id, operation) SELECT firm_id, connection_id, delivery_id, provider,"
                " event_key || '-' || n, company_id, kind, external_id, operation"
                " FROM webhook_events, generate_series(1, 3) n"
            )
        before = world.calls(one.connection)
        await world.work(one.connection)
        assert (len(await handled(world)), world.calls(one.connection) - before) == (8, 1)


async def test_a_steady_flow_of_one_kind_starves_no_other(make_settings: Callable[..., Settings]) -> None:
    async with open_world(make_settings(sim_url=SIM, sync_slice_seconds=0.001)) as world:
        (one,) = await crowd(world, 1)
        await told(world, one.company, customers(world, one.company, 1))
        await waited(world, 60)
        await told(world, one.company, ["9001", "9002"], kind="payment")  # and there are always more of them
        await runner.work_on(world.runtime, one.connection)
        assert await handled_kinds(world) == ["customer"]
        await runner.work_on(world.runtime, one.connection)
        assert await handled_kinds(world) == ["customer", "payment", "payment"]


async def test_money_goes_first_while_nothing_waits_for_long(make_settings: Callable[..., Settings]) -> None:
    async with open_world(make_settings(sim_url=SIM, sync_slice_seconds=0.001)) as world:
        (one,) = await crowd(world, 1)
        await told(world, one.company, customers(world, one.company, 1))
        await told(world, one.company, ["9001"], kind="payment")
        await runner.work_on(world.runtime, one.connection)
        assert await handled_kinds(world) == ["payment"]


async def test_money_overtakes_a_backlog_of_any_length(make_settings: Callable[..., Settings]) -> None:
    async with open_world(make_settings(sim_url=SIM, sync_slice_seconds=0.001)) as world:
        (one,) = await crowd(world, 1)
        await told(world, one.company, [str(10_000 + n) for n in range(2_000)])
        await told(world, one.company, ["9001"], kind="payment")
        await runner.work_on(world.runtime, one.connection)
        assert await handled_kinds(world) == ["payment"]


async def test_one_record_that_cannot_be_shown_holds_up_no_others(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor answers every look at it with an error of its own: what is looked at beside it comes apart from it."""
    fetch = QuickBooks.fetch

    async def refusing(company: QuickBooks, kind: Kind, ids: Sequence[str]) -> Any:
        if keys[3] in ids:
            raise ProviderUnavailable("The provider answered with an error.")
        return await fetch(company, kind, ids)

    monkeypatch.setattr(QuickBooks, "fetch", refusing)
    async with open_world(make_settings(sim_url=SIM)) as world:
        (one,) = await crowd(world, 1)
        keys = customers(world, one.company, 16)
        await told(world, one.company, keys)
        for _ in range(24):
            if len(await handled(world)) == len(keys) - 1:
                break
            await world.hurry(one.firm, one.connection)
            await soonest(world)
            await world.work(one.connection)
        async with world.runtime.db.system() as session:
            found = await session.exec_driver_sql(
                "SELECT external_id, state, failures FROM webhook_events WHERE state <> 'done'"
            )
            left = found.one()
    assert (left.external_id, left.state) == (keys[3], "pending")
    assert left.failures <= 6  # so that the others waited for half an hour at most


async def waited(world: World, seconds: int) -> None:
    """What came, came so many seconds ago."""
    async with world.runtime.db.system() as session:
        await session.exec_driver_sql(
            f"UPDATE webhook_events SET next_due_at = next_due_at - interval '{seconds} seconds'"
        )


async def soonest(world: World) -> None:
    """Time passes until the next event is due."""
    async with world.runtime.db.system() as session:
        await session.exec_driver_sql(
            "UPDATE webhook_events SET next_due_at = next_due_at - greatest(interval '0', ("
            "SELECT min(next_due_at) - now() FROM webhook_events WHERE state = 'pending')) WHERE state = 'pending'"
        )


async def handled_kinds(world: World) -> list[str]:
    """Kinds of the events that are handled, in that order."""
    async with world.runtime.db.system() as session:
        found = await session.exec_driver_sql(
            "SELECT kind FROM webhook_events WHERE state = 'done' ORDER BY handled_at, id"
        )
        return [str(kind) for kind in found.scalars()]


@pytest.mark.timeout(120)
async def test_others_do_not_wait_for_a_backlog(make_settings: Callable[..., Settings]) -> None:
    """The hardest case: a single place to work in, taken by the connection with the backlog."""
    settings = make_settings(sim_url=SIM, sync_slice_seconds=0.001, worker_concurrency=1)
    async with open_world(settings) as world:
        busy, *others = await crowd(world, 1 + OTHERS)
        await silence(world)
        await told(world, busy.company, customers(world, busy.company, BACKLOG))
        for member in others:
            await told(world, member.company, ["1"])
        for member in (busy, *others):
            await wakeups.wake(world.runtime.db, member.connection)
        order, _ = await worked_off(world, BACKLOG + OTHERS)
    last = max(place for place, connection in enumerate(order) if connection != busy.connection)
    assert order[:last].count(busy.connection) <= PAGE
    assert sorted(set(order)) == sorted(member.connection for member in (busy, *others))


async def test_a_bell_that_rings_while_the_worker_looks_is_heard(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue forgets a notification that comes between its look and the end of it: looking often makes up for it."""

    async def nothing(_runtime: Any) -> None:
        """The ticker, the reaper and the sweep would ring too."""

    for what in ("_tick", "_reap", "_sweep"):
        monkeypatch.setattr(jobs, what, nothing)
    async with open_world(make_settings(sim_url=SIM)) as world:
        (one,) = await crowd(world, 1)
        await silence(world)
        seconds = []
        for number in range(1, 4):  # the machine may be busy; one of them is enough
            await told(world, one.company, [str(number)])
            seconds.append(await heard_after(world, one.connection, number, monkeypatch))
    assert min(seconds) < 0.8


async def heard_after(world: World, connection: int, count: int, monkeypatch: pytest.MonkeyPatch) -> float:
    """Ring at the end of a look that found nothing; the seconds until the `count`-th event is handled."""
    looked = JobManager.fetch_job
    rung: list[float] = []

    async def look(manager: JobManager, **given: Any) -> Any:
        found = await looked(manager, **given)
        if found is None and not rung:
            await wakeups.wake(world.runtime.db, connection)
            await asyncio.sleep(0.2)  # the notification is here by now
            rung.append(time.monotonic())
        return found

    with monkeypatch.context() as patched:
        patched.setattr(JobManager, "fetch_job", look)
        _, done = await worked_off(world, count)
    return done - rung[0]


async def worked_off(world: World, count: int) -> tuple[list[Any], float]:
    """Let a worker run until so many events are handled; their connections in that order, and when it was done."""
    stop = asyncio.Event()
    running = asyncio.create_task(jobs.run_worker(world.runtime, stop))
    try:

        async def all_of_them() -> list[Any]:
            order = await handled(world)
            return order if len(order) == count else []

        found: list[Any] = await until("all events are handled", all_of_them, 100)
        done = time.monotonic()
    finally:
        stop.set()
        await running
    return found, done
