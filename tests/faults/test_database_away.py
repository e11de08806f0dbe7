"""The database goes away and comes back: the same worker goes on, and what was under way is settled."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from app.db.embedded import LOGIN, OWNER, EmbeddedPostgres
from app.db.migrating import upgrade
from app.settings import Settings
from tests.faults.scene import QUICK, WORKER, all_synced, opened, quiet, started, system_sql
from tests.support.processes import Cast, RemoteWorld, environment, free_port, remote_world

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


@pytest.fixture
def port() -> int:
    """Where the database listens: a server that is started anew keeps its address, as one in production does."""
    return free_port()


@pytest.fixture
def postgres(port: int) -> Iterator[EmbeddedPostgres]:
    """A server of our own, to be stopped and started."""
    directory = Path(tempfile.mkdtemp(prefix="tieout-away-"))
    directory.chmod(0o711)
    server = EmbeddedPostgres(directory, settings={"fsync": "off", "listen_addresses": "127.0.0.1", "port": str(port)})
    try:
        with server:
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def away_settings(
    postgres: EmbeddedPostgres, port: int, make_settings: Callable[..., Settings], simulator: str
) -> Settings:
    upgrade(postgres.url(user=OWNER), LOGIN)
    url = make_url(postgres.url(user=LOGIN)).set(host="127.0.0.1", port=port, query={})
    return make_settings(
        sim_url=simulator,
        lease_seconds=2,
        sync_slice_seconds=2,
        db_pool_size=3,
        database_url=url.render_as_string(hide_password=False),
    )


@pytest.fixture
async def away_world(away_settings: Settings, simulator: str) -> AsyncIterator[RemoteWorld]:
    async with remote_world(away_settings, simulator) as world:
        yield world


async def test_a_worker_survives_the_database(
    away_world: RemoteWorld, away_settings: Settings, postgres: EmbeddedPostgres, cast: Cast
) -> None:
    assert away_settings.database_url is not None
    sql = system_sql(away_settings.database_url.get_secret_value())
    books = await opened(away_world)
    worker = await started(cast, sql, WORKER, *QUICK, env=environment(away_settings))
    for one in books:
        await one.more(2)
    await all_synced(books, 20)
    faults = [await one.hit("slow", delay=2) for one in books]
    for one in books:
        await one.more(2)
    for one, fault in zip(books, faults, strict=True):
        await away_world.taken(fault)
    # The answers of both calls arrive while nobody can store them.
    await asyncio.to_thread(postgres.stop)
    await asyncio.sleep(2.5)
    assert worker.process.returncode is None, worker.tail()
    await asyncio.to_thread(postgres.start)
    await all_synced(books, 40)
    for one in books:
        await one.tied_out()
    for one in books:
        await one.more(1)
    await all_synced(books, 20)
    for one in books:
        await one.tied_out()
    await quiet(sql)
    assert await worker.stop(20) == 0
