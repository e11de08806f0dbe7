"""Vendors in a process of their own, a runtime in this one, and actors that may be killed."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.faults.scene import Books, Sql, opened, system_sql
from tests.faults.server import Server, mortal_server
from tests.support.processes import Cast, RemoteWorld, environment, remote_world, simulator_process


@pytest.fixture(scope="session")
def simulator() -> Iterator[str]:
    """The address of both vendors."""
    with simulator_process() as base:
        yield base


@pytest.fixture
def loopback(make_settings: Callable[..., Settings], simulator: str) -> Settings:
    """Settings that point at the simulator's process, with a short lease."""
    return make_settings(sim_url=simulator, lease_seconds=2, sync_slice_seconds=2, db_pool_size=3)


@pytest.fixture
def chosen(make_settings: Callable[..., Settings]) -> Settings:
    """Settings of a stage: vendors in this process; turns long enough that only trouble ends them."""
    return make_settings(sim_url="http://localhost:8100", lease_seconds=60, sync_slice_seconds=5)


@pytest.fixture
async def remote(loopback: Settings, simulator: str) -> AsyncIterator[RemoteWorld]:
    """Firms, books and connections over those vendors."""
    async with remote_world(loopback, simulator) as world:
        yield world


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    """Starts actors; ends them all."""
    troupe = Cast(tmp_path)
    yield troupe
    await troupe.end()


@pytest.fixture
def env(loopback: Settings) -> dict[str, str]:
    """What an actor finds in its environment."""
    return environment(loopback)


@pytest.fixture
def sql(database_url: str) -> Sql:
    """Looking into the database."""
    return system_sql(database_url)


@pytest.fixture
async def books(remote: RemoteWorld) -> list[Books]:
    """A firm with both connections and a client at each."""
    return await opened(remote)


@pytest.fixture
def mortal() -> Iterator[Server]:
    """A database server of the test's own, to be stopped and crashed."""
    with mortal_server() as running:
        yield running
