"""Waiting briefly for background work, without holding a database connection while waiting."""

import asyncio
import time

from app.db import runs
from app.db.runs import RunRow
from app.db.session import Database

_FIRST_LOOK = 0.02
_SLOWEST_LOOK = 0.25
CLOSED = ("done", "failed", "cancelled")


async def wait_for_run(database: Database, firm_id: int, run_id: int, seconds: float) -> RunRow | None:
    """The finished run, or None when it still goes on after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = _FIRST_LOOK
    while True:
        async with database.firm(firm_id) as session:
            run = await runs.get(session, firm_id, run_id)
        if run.state in CLOSED:
            return run
        if time.monotonic() + pause > deadline:
            return None
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _SLOWEST_LOOK)
