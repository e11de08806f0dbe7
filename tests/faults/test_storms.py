"""Processes and the database die at random while work goes on; the suite sees a short storm of it."""

import logging
from collections.abc import AsyncIterator, Callable

import pytest

from app.settings import Settings
from tests.faults.server import Server
from tests.faults.storm import Storm, gathered, weather
from tests.support.processes import Cast, RemoteWorld, remote_world

log = logging.getLogger(__name__)
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


@pytest.fixture
def storm_settings(mortal: Server, make_settings: Callable[..., Settings], simulator: str) -> Settings:
    return make_settings(
        sim_url=simulator,
        lease_seconds=2,
        sync_slice_seconds=2,
        db_pool_size=3,
        database_url=mortal.migrated(),
        rate_limit="1000000/minute",
    )


@pytest.fixture
async def storm_world(storm_settings: Settings, simulator: str) -> AsyncIterator[RemoteWorld]:
    async with remote_world(storm_settings, simulator) as world:
        yield world


async def play(world: RemoteWorld, settings: Settings, server: Server, cast: Cast, seed: int, seconds: float) -> Storm:
    storm = await gathered(world, settings, server, cast, seed)
    try:
        await weather(storm, seconds)
    except* AssertionError as failed:
        raise AssertionError(f"storm {seed}, {dict(storm.deaths)}: {failed.exceptions}") from failed
    made = sum(len(one.invoices) for one in storm.affairs)
    log.info(
        "storm %s: %s, %s parked, %s invoices, %s events", seed, dict(storm.deaths), storm.parked, made, storm.told
    )
    return storm


async def test_a_storm_ends_tied_out(
    storm_world: RemoteWorld, storm_settings: Settings, mortal: Server, cast: Cast
) -> None:
    storm = await play(storm_world, storm_settings, mortal, cast, seed=1, seconds=15)
    assert all(one.invoices for one in storm.affairs)
    assert "worker" in {what.split(",")[0] for what in storm.deaths}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 112))
async def test_storms_with_hundreds_of_deaths_end_tied_out(
    storm_world: RemoteWorld, storm_settings: Settings, mortal: Server, cast: Cast, seed: int
) -> None:
    storm = await play(storm_world, storm_settings, mortal, cast, seed, seconds=60)
    assert sum(storm.deaths.values()) >= 15, storm.deaths
