"""A worker for tests of routes that wait: it takes turns at one connection while the block runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.sync import runner
from tests.support.world import World


@asynccontextmanager
async def working(world: World, connection_id: int) -> AsyncIterator[None]:
    """Do whatever is due on the connection, until the block ends; an error of the runner fails the test.

    The last turn ends by itself: a runner that is broken off leaves its lease behind, for whoever comes next to wait.
    """
    over = asyncio.Event()

    async def work() -> None:
        while not over.is_set():
            await runner.work_on(world.runtime, connection_id)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        over.set()
        await task
