"""Where failures are played within one process: a firm with both companies, and runners that may die at any step."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.canonical import Kind
from app.db import runs
from app.main import create_app
from app.settings import Settings
from app.sync import requests, runner
from tests.faults.comparing import Affair, mend, owed, why
from tests.faults.steps import announced
from tests.support.world import SIM, World, open_world

VENDOR = {"quickbooks": "intuit", "xero": "xero"}
# Where a write may be hit; reads are hit by the same faults under `ANY`.
WRITES = {
    "quickbooks": "/(customer|invoice|journalentry|batch)$",
    "xero": "/(Contacts|Invoices|ManualJournals)(/[^/]+)?$",
}
ANY = "/v3/company/|/api.xro/"
DOORS = {"quickbooks": "qbo", "xero": "xero"}
KEYS = {"quickbooks": "intuit-verifier-old", "xero": "xero-key-new"}
MOST_ROUNDS = 60
_FORGOTTEN = (
    "webhook_events write_attempts write_calls payment_allocations payments bank_transactions remote_records"
    " sync_cursors customer_sync_mappings invoice_sync_mappings journal_entry_sync_mappings invoice_lines invoices"
    " journal_lines journal_entries clients sync_runs audit_events"
).split()


class Killed(BaseException):
    """The process is gone: no handler of the service may see this."""


@dataclass
class Reaper:
    """Kills the runner at its n-th step. A dead process does nothing more until the next one begins."""

    steps: int = 0
    at: int | None = None
    dead: bool = False

    def arm(self, at: int) -> None:
        self.steps, self.at, self.dead = 0, at, False

    def reborn(self) -> None:
        self.at, self.dead = None, False

    def step(self) -> None:
        """One moment at which a process may die."""
        self.steps += 1
        if self.dead or (self.at is not None and self.steps >= self.at):
            self.dead = True
            raise Killed


@dataclass
class Stage:
    """One firm with both companies, for many plays in a row."""

    world: World
    firm: int
    connections: dict[str, int]
    reaper: Reaper
    app: FastAPI
    done: int = 0

    def hooks(self, provider: str) -> Any:
        """What sends the vendor's webhooks."""
        return self.world.sims.intuit.webhooks if provider == "quickbooks" else self.world.sims.xero.webhooks

    def feed(self, provider: str) -> Any:
        """What gathers the vendor's events."""
        return self.world.sims.intuit.feed if provider == "quickbooks" else self.world.sims.xero.events


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Stage]:
    """A stage whose runners may be killed."""
    reaper = Reaper()
    with pytest.MonkeyPatch.context() as patched:
        announced(reaper.step, patched.setattr)
        async with open_world(settings) as world:
            firm = await world.firm()
            connections = {name: await world.connect(firm, name) for name in VENDOR}
            stage = Stage(world, firm, connections, reaper, create_app(runtime=world.runtime))
            for name in VENDOR:
                hooks = stage.hooks(name)
                hooks.transport = httpx.ASGITransport(app=stage.app)
                hooks.batch_window = 0.0
                hooks.target(f"http://localhost:8000/api/webhooks/{DOORS[name]}", KEYS[name])
            # Minutes pass in a moment here, so the limit per minute must not; it has tests of its own.
            answer = await world.http.post(f"{SIM}/_sim/xero/limits", json={"minute": 1_000_000, "day": 10_000_000})
            assert answer.status_code == 200, answer.text
            yield stage


async def cleaned(stage: Stage) -> None:
    """Companies as they were seeded, and no book record: external ids begin anew on both sides."""
    for connection in stage.connections.values():
        vendor, company = stage.world.companies[connection]
        answer = await stage.world.http.post(f"{SIM}/_sim/{vendor}/companies/{company}/reset", json={})
        assert answer.status_code == 200, answer.text
    async with stage.world.runtime.db.firm(stage.firm) as session:
        for table in _FORGOTTEN:
            await session.exec_driver_sql(f"DELETE FROM {table}")
        await session.exec_driver_sql("UPDATE connections SET next_sync_at = now() + interval '1 day'")


async def turn(stage: Stage, connection: int) -> bool:
    """One turn of a runner, who may die in it; whether he lived. His lease runs out before the next one comes."""
    try:
        await runner.work_on(stage.world.runtime, connection)
    except Killed:
        stage.reaper.reborn()
        async with stage.world.runtime.db.system() as session:
            await session.exec_driver_sql(
                "UPDATE connections SET lease_until = now() - interval '1 second' WHERE lease_owner <> ''"
            )
        return False
    return True


async def quieted(stage: Stage, of: Affair) -> None:
    """Nothing fails any more, and all that is owed gets done. Raises AssertionError with what is left."""
    stage.reaper.reborn()
    stage.world.sims.faults.clear()
    for _ in range(MOST_ROUNDS):
        await mend(of)
        await turn(stage, of.connection)
        if not await owed(of):
            return
    raise AssertionError(f"not quiet after {MOST_ROUNDS} rounds: {await owed(of)} {await why(of)}")


async def read_again(of: Affair, kinds: Sequence[Kind] | None = None) -> None:
    """Pull what changed there; a consent that turns out to be gone is renewed first. Raises AssertionError."""
    given: dict[str, Any] = {"kinds": kinds, "date_from": None, "date_to": None, "requested_by": "play"}
    for _ in range(3):
        await mend(of)
        run_id = await requests.pull(of.world.runtime.db, of.firm, of.connection, **given)
        for _ in range(10):
            if not await runner.work_on(of.world.runtime, of.connection) and not await owed(of):
                break
            await mend(of)
        async with of.world.runtime.db.firm(of.firm) as session:
            if (await runs.get(session, of.firm, run_id)).state == "done":
                return
    raise AssertionError("the last pull does not end well")
