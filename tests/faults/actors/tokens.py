"""Asks the vault for tokens when told to. `--halt STEP`: reports that step of a refresh and stays there to be killed.

Orders on standard input, one JSON object a line: {"grant": 1, "callers": 20, "vaults": 1}. The answer names the tokens
got and the errors met. The lease of a refresh is shortened to `--lease` seconds.
"""

import argparse
import asyncio
import json
import sys
from typing import Any

from app.db import grants
from app.logs import configure_logs
from app.runtime import Runtime, open_runtime
from app.settings import load_settings
from app.vault import Vault, renewal


def report(event: str, **more: Any) -> None:
    """One line to the test."""
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


async def halted(step: str, grant_id: int) -> None:
    """Report the step and never leave it."""
    report(step, grant=grant_id)
    await asyncio.sleep(3600)


def halt_at(step: str) -> None:
    """Put a stop into the step's place."""
    take_lease, ask, persist = grants.take_lease, renewal.Renewals._ask, renewal.Renewals._persist

    async def before_lease(session: Any, grant_id: int, **given: Any) -> bool:
        await halted(step, grant_id)
        return await take_lease(session, grant_id, **given)

    async def after_lease(self: Any, row: Any, owner: str) -> Any:
        await halted(step, row.id)
        return await ask(self, row, owner)

    async def answered(self: Any, row: Any, *given: Any) -> bool:
        report(step, grant=row.id)  # goes on into the database, where the test holds the row
        return await persist(self, row, *given)

    async def stored(self: Any, row: Any, *given: Any) -> bool:
        done = await persist(self, row, *given)
        await halted(step, row.id)
        return done

    if step == "before_lease":
        grants.take_lease = before_lease
    elif step == "after_lease":
        renewal.Renewals._ask = after_lease  # type: ignore[method-assign]
    elif step == "answered":
        renewal.Renewals._persist = answered  # type: ignore[method-assign,assignment]
    elif step == "stored":
        renewal.Renewals._persist = stored  # type: ignore[method-assign,assignment]


async def obey(runtime: Runtime, order: dict[str, Any]) -> None:
    """Let so many callers ask at once, spread over so many vaults."""
    vaults = [Vault(runtime.db, runtime.keys, runtime.oauth, runtime.clock) for _ in range(order["vaults"])]
    callers = (vaults[n % len(vaults)].access_token(order["grant"]) for n in range(order["callers"]))
    answers = await asyncio.gather(*callers, return_exceptions=True)
    tokens = [answer for answer in answers if isinstance(answer, str)]
    errors = [repr(answer) for answer in answers if not isinstance(answer, str)]
    report("answered_all", tokens=tokens, errors=errors)


async def main() -> None:
    """Obey until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--halt", default="")
    parser.add_argument("--lease", type=float, default=30.0)
    given = parser.parse_args()
    renewal._LEASE_SECONDS = given.lease  # type: ignore[misc]
    configure_logs()
    halt_at(given.halt)
    running = set()
    async with open_runtime(load_settings(env_file=None)) as runtime:
        report("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            running.add(asyncio.create_task(obey(runtime, json.loads(line))))


if __name__ == "__main__":
    asyncio.run(main())
