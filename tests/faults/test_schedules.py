"""A few hundred randomized schedules in the suite, ten thousand in `make faults`."""

import os
from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.faults.schedules import played
from tests.faults.stage import Stage, opened

BLOCK = 25
FIRST = int(os.environ.get("FAULT_SEED", "1"))
LONG_FIRST, LONG_BLOCKS, LONG_BLOCK = 1_000, 20, 500


@pytest.fixture
async def stage(chosen: Settings) -> AsyncIterator[Stage]:
    async with opened(chosen) as ready:
        yield ready


async def run(stage: Stage, seeds: range) -> int:
    """Play them all; every failure is told before the test fails."""
    failures = []
    for seed in seeds:
        try:
            await played(stage, seed)
        except AssertionError as error:
            failures.append(str(error))
            stage.done = 0
    assert not failures, f"{len(failures)} of {len(seeds)} failed:\n" + "\n".join(failures)
    return len(seeds)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", range(1 if "FAULT_SEED" in os.environ else 10))
async def test_schedules_of_failures_end_tied_out(stage: Stage, block: int) -> None:
    size = 1 if "FAULT_SEED" in os.environ else BLOCK
    first = FIRST + block * BLOCK
    assert await run(stage, range(first, first + size)) == size


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("block", range(LONG_BLOCKS))
async def test_ten_thousand_schedules_end_tied_out(stage: Stage, block: int) -> None:
    first = LONG_FIRST + block * LONG_BLOCK
    assert await run(stage, range(first, first + LONG_BLOCK)) == LONG_BLOCK
