"""The database goes away and comes back: the same worker goes on, and what was under way is settled."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from app.settings import Settings
from tests.faults.scene import QUICK, WORKER, all_synced, opened, quiet, started, system_sql
from tests.faults.server import Server
from tests.support.processes import Cast, RemoteWorld, environment, remote_world

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


@pytest.fixture
def away_settings(mortal: Server, make_settings: Callable[..., Settings], simulator: str) -> Settings:
    return make_settings(
        sim_url=simulator, lease_seconds=2, sync_slice_seconds=2, db_pool_size=3, database_url=mortal.migrated()
    )


@pytest.fixture
async def away_world(away_settings: Settings, simulator: str) -> AsyncIterator[RemoteWorld]:
    async with remote_world(away_settings, simulator) as world:
        yield world


async def test_a_worker_survives_the_database(
    away_world: RemoteWorld, away_settings: Settings, mortal: Server, cast: Cast
) -> None:
    assert away_settings.database_url is not None
    sql = system_sql(away_settings.database_url.get_secret_value())
    books = await opened(away_world)
    worker = await started(cast, sql, WORKER, *QUICK, "--pool-timeout", "1", env=environment(away_settings))
    for one in books:
        await one.more(2)
    await all_synced(books, 20)
    faults = [await one.hit("slow", delay=2) for one in books]
    for one in books:
        await one.more(2)
    for fault in faults:
        await away_world.taken(fault)
    # The answers of both calls arrive while nobody can store them.
    await asyncio.to_thread(mortal.stop)
    await asyncio.sleep(2.5)
    assert worker.process.returncode is None, worker.tail()
    await asyncio.to_thread(mortal.start)
    await all_synced(books, 40)
    for one in books:
        await one.tied_out()
    for one in books:
        await one.more(1)
    await all_synced(books, 20)
    for one in books:
        await one.tied_out()
    await quiet(sql)
    # Another worker took it for dead and removed its registration: it registers anew.
    sql("DELETE FROM procrastinate_workers")
    for one in books:
        await one.more(1)
    await all_synced(books, 20)
    assert worker.log.read_text().count('"worker_restarts"') >= 2
    assert await worker.stop(20) == 0
