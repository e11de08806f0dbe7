"""The service's worker with quicker clocks, so that tests of its death need not wait long.

`--pool-timeout`: how long the queue's driver waits for a database that is away before it gives up (30 s by default).
`--fail ID`: the first turn at that connection ends with an error nobody foresaw.
`--die-at N`: SIGKILL at its N-th step (see `tests/faults/steps.py`).
"""

import argparse
import asyncio
import itertools
import os
import signal
from functools import partial
from typing import Any

from procrastinate import PsycopgConnector

from app import jobs
from app.runtime import Runtime
from app.settings import load_settings
from app.sync import runner
from app.vault import renewal
from app.worker import work
from tests.faults.steps import announced


def fail_once(connection_id: int) -> None:
    """Put an error into the first turn at the connection, after its lease was taken."""
    real, left = runner._turn, [1]

    async def turn(runtime: Runtime, claimed: Any, deadline: float) -> Any:
        if claimed.connection_id == connection_id and left:
            left.pop()
            await asyncio.sleep(1)
            raise RuntimeError("nobody foresaw this")
        return await real(runtime, claimed, deadline)

    runner._turn = turn


def die_at(count: int) -> None:
    """Be killed at this step of the work."""
    taken = itertools.count(1)

    def step() -> None:
        if next(taken) >= count:
            os.kill(os.getpid(), signal.SIGKILL)

    announced(step)


def main() -> None:
    """Work until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--heartbeat", type=float, default=jobs.HEARTBEAT)
    parser.add_argument("--stalled", type=float, default=jobs.STALLED)
    parser.add_argument("--drain", type=float, default=jobs.DRAIN)
    parser.add_argument("--grant-lease", type=float, default=renewal._LEASE_SECONDS)
    parser.add_argument("--pool-timeout", type=float, default=30.0)
    parser.add_argument("--fail", type=int, default=0)
    parser.add_argument("--die-at", type=int, default=0)
    given = parser.parse_args()
    jobs.HEARTBEAT, jobs.STALLED, jobs.DRAIN = given.heartbeat, given.stalled, given.drain
    renewal._LEASE_SECONDS = given.grant_lease  # type: ignore[misc]
    vars(jobs)["PsycopgConnector"] = partial(PsycopgConnector, timeout=given.pool_timeout)
    if given.fail:
        fail_once(given.fail)
    if given.die_at:
        die_at(given.die_at)
    asyncio.run(work(load_settings(env_file=None)))


if __name__ == "__main__":
    main()
