"""What the state machines share: the stage they play on, and how far Hypothesis goes.

Hypothesis draws the rules and their arguments, shrinks what fails to the shortest story that still fails, and prints
it. All of one test's stories are played on one stage, in one event loop; each begins with empty books and with
companies as they were seeded.
"""

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from app.db.tables import Connection, Firm
from app.errors import AppError
from app.settings import Settings
from tests.faults.comparing import Affair
from tests.faults.stage import ANY, WRITES, Stage, cleaned, opened, turn

T = TypeVar("T")
MOST_STEPS = 24  # after which a runner dies; a turn seldom has more
READS_FAIL = ("status", "lost_answer", "reset", "malformed")
PRESETS = {
    "quickbooks": ("throttled", "application_error", "gateway_timeout", "fault_in_200"),
    "xero": ("rate_minute", "rate_concurrent", "server_error", "organisation_offline"),
}


def effort(stories: int, steps: int) -> settings:
    """So many stories of at most so many steps, every time others; one that fails is printed with its blob."""
    return settings(
        max_examples=stories,
        stateful_step_count=steps,
        deadline=None,  # a step is a runner's turn over a database, and the machine may be busy
        derandomize=False,
        print_blob=True,
        database=None,  # the blob is what is kept
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=[
            HealthCheck.too_slow,  # drawing is quick; what takes its time is the database between two draws
            HealthCheck.data_too_large,  # long stories are the point
            HealthCheck.filter_too_much,  # a rule without a record to act upon is drawn again
        ],
    )


class Machine(RuleBasedStateMachine):
    """A story on the stage. `of` holds the company it is about and the records that were made."""

    stage: ClassVar[Stage]
    loop: ClassVar[asyncio.Runner]
    of: Affair

    def go(self, act: Coroutine[Any, Any, T]) -> T:
        """Do it, in the loop that all stories share."""
        return self.loop.run(act)

    async def opening(self, provider: str) -> None:
        """Empty books, a company as it was seeded, a connection that works and lets every edit out."""
        stage = self.stage
        stage.reaper.reborn()
        stage.world.sims.faults.clear()
        await cleaned(stage)
        connection = stage.connections[provider]
        self.of = Affair(stage.world, stage.firm, provider, connection)
        if (await stage.world.row(stage.firm, Connection, connection)).status != "active" or self.revoked:
            await stage.world.connect(stage.firm, provider)
            type(self).revoked = False
        rested: dict[str, Any] = {"lease_owner": "", "lease_until": None, "crashes": 0, "budget": {}}
        rested |= {"sync_enabled": True}
        rested |= {"throttled_until": None, "next_due_at": None, "frequencies": {}, "kind_pulled": {}}
        rested |= {"next_nightly_at": datetime.now(UTC) + timedelta(days=1)}  # only what a story asks for is read
        await stage.world.set(stage.firm, Connection, connection, **rested)
        await stage.world.set(stage.firm, Firm, stage.firm, update_policy="all", default_connection_id=connection)

    revoked: ClassVar[bool] = False
    """Whether the consent was taken back at the vendor, which a story may end before anybody notices."""

    @rule()
    def the_consent_is_taken_back(self) -> None:
        """A person at the vendor removes us."""
        type(self).revoked = True
        self.go(self.of.world.act(self.of.connection, "disconnect"))

    renewed = False
    """Whether somebody of this story consented again: then the next runner reads what nobody told meanwhile."""

    @rule()
    def somebody_consents_again(self) -> None:
        """A person of the firm consents again; where a call of it fails, another time."""
        with suppress(AppError):
            self.go(self._connected())

    async def _connected(self) -> None:
        await self.of.world.connect(self.of.firm, self.of.provider)
        type(self).revoked = False
        self.renewed = True

    @rule(on=st.booleans())
    def what_happens_by_itself_is_switched(self, on: bool) -> None:
        """A person of the firm pauses what happens by itself, or lets it go on."""
        self.go(self.of.world.set(self.of.firm, Connection, self.of.connection, sync_enabled=on))

    async def all_works(self) -> None:
        """Calls get through, the consent stands, and what happens by itself does."""
        self.of.world.sims.faults.clear()
        await self.of.world.set(self.of.firm, Connection, self.of.connection, sync_enabled=True)
        if type(self).revoked:
            await self._connected()

    def take_turn(self, dies_at: int | None) -> None:
        """A runner works, and may die at one of his steps."""
        if dies_at is not None:
            self.stage.reaper.arm(dies_at)
        self.go(turn(self.stage, self.of.connection))
        self.stage.reaper.reborn()

    @rule()
    def a_runner_works(self) -> None:
        """Every story has one."""
        self.take_turn(None)

    @rule(step=st.integers(1, MOST_STEPS))
    def a_runner_dies(self, step: int) -> None:
        """At one of his steps."""
        self.take_turn(step)

    def break_calls(self, kind: str, *, writes: bool, times: int = 1, skip: int = 0, preset: int = 0) -> None:
        """The next calls of the vendor's API go wrong."""
        path = WRITES[self.of.provider] if writes else ANY
        named = PRESETS[self.of.provider][preset] if kind == "preset" else ""
        self.of.world.fault(self.of.connection, path, kind, times=times, skip=skip, preset=named)

    async def act(self, deed: str, **body: Any) -> Any | None:
        """What a person does in the vendor's pages; None when it is refused, or what it is about is gone."""
        vendor, company = self.of.world.companies[self.of.connection]
        address = f"{self.of.world.base}/_sim/{vendor}/companies/{company}/{deed}"
        answer = await self.of.world.http.post(address, json=body)
        assert answer.status_code in (200, 400, 404), answer.text
        return answer.json() if answer.status_code == 200 else None

    def teardown(self) -> None:
        """What every story ends with, unless a step of it failed or was never played."""
        if sys.exc_info()[0] is None and hasattr(self, "of"):
            self.go(self.ending())

    async def ending(self) -> None:
        """Bring it to quiet and compare. Raises AssertionError."""
        raise NotImplementedError


@contextmanager
def playing(machine: type[Machine], chosen: Settings) -> Iterator[None]:
    """A stage, and one event loop for all stories of the machine."""
    with asyncio.Runner() as loop:
        stack = AsyncExitStack()
        stage = loop.run(stack.enter_async_context(opened(chosen)))
        machine.stage, machine.loop = stage, loop
        try:
            yield
        finally:
            loop.run(stack.aclose())


def play(machine: type[Machine], chosen: Settings, how: settings) -> None:
    """Play stories of a machine until one fails. Raises what it failed with."""
    with playing(machine, chosen):
        run_state_machine_as_test(machine, settings=how)
