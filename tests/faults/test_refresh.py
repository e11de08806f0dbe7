"""A token is refreshed once for everybody, and no death on the way costs the connection: processes of their own."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from app.canonical import ProviderName
from app.providers.http import Meter
from tests.faults.scene import TOKEN_PATH, VENDOR, Sql
from tests.support.processes import Actor, Cast, RemoteWorld, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

TOKENS = "tests.faults.actors.tokens"
LEASE = 2.0
DAY = 25 * 3600
HELD = "SELECT version, lease_owner <> '' FROM grants"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_blocking_pids(pid) @> ARRAY[%s]::int[]"


@pytest.fixture
async def grants(remote: RemoteWorld, sql: Sql) -> dict[str, int]:
    """A firm with both connections; their grants, whose access tokens have expired."""
    firm = await remote.firm()
    for provider in VENDOR:
        await remote.connect(firm, provider)
    expire(sql)
    return {str(row[0]): int(row[1]) for row in sql("SELECT provider, grant_id FROM connections ORDER BY id")}


def expire(sql: Sql) -> None:
    """Our copies of the access tokens are past their time."""
    sql("UPDATE grants SET access_expires_at = now() - interval '1 hour'")


async def companies_answer(world: RemoteWorld, sql: Sql) -> None:
    """Both vendors answer to the tokens that the vault gives now: the proof that these live."""
    for provider, company, grant_id in sql("SELECT provider, company_id, grant_id FROM connections"):
        tokens = world.runtime.vault.tokens(grant_id)
        asked = world.runtime.company(ProviderName(provider), company, tokens, Meter())
        assert (await asked.company()).external_id == company


async def refreshes(world: RemoteWorld) -> list[int]:
    """How many refreshes each vendor has carried out."""
    return [await world.refreshes(vendor) for vendor in VENDOR.values()]


async def refused(world: RemoteWorld) -> list[int]:
    """How many refreshes each vendor has refused."""
    return [(await world.look(f"{vendor}/tokens"))["refresh_failures"] for vendor in VENDOR.values()]


async def test_one_refresh_serves_60_callers_in_3_processes(
    remote: RemoteWorld, grants: dict[str, int], cast: Cast, sql: Sql, env: dict[str, str]
) -> None:
    mode = {"strict_rotation": True, "kill_on_parallel": True, "refresh_latency": 0.3}
    await remote.control("intuit/tokens/mode", **mode)
    actors = [await cast.start(TOKENS, env=env) for _ in range(3)]
    for actor in actors:
        await actor.hear("ready")
    # First one vault in each process, as in the service; then a vault for each caller: 60 rivals for the lease.
    for renewal, vaults in enumerate((1, 20), start=1):
        expire(sql)
        for provider, grant_id in grants.items():
            await remote.arm(VENDOR[provider], TOKEN_PATH[provider], "slow", delay=0.3)
            await asyncio.gather(*(actor.tell(grant=grant_id, callers=20, vaults=vaults) for actor in actors))
            answers = [await actor.hear("answered_all") for actor in actors]
            assert [answer["errors"] for answer in answers] == [[], [], []]
            tokens = [token for answer in answers for token in answer["tokens"]]
            assert len(tokens) == 60
            assert set(tokens) == {await remote.runtime.vault.access_token(grant_id)}
        assert await refreshes(remote) == [renewal, renewal]
    await companies_answer(remote, sql)
    assert (await refreshes(remote), await refused(remote)) == ([2, 2], [0, 0])
    assert sql("SELECT version, status, lease_owner FROM grants") == [(3, "active", "")] * 2


@contextmanager
def rows_held(database_url: str) -> Iterator[int]:
    """Whoever wants to change a grant waits meanwhile: for the backend whose process id is yielded."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE tieout_system")
        connection.execute("SELECT 1 FROM grants FOR UPDATE")
        yield connection.info.backend_pid
        connection.rollback()


class TestKilled:
    """SIGKILL at each step of a refresh, at both vendors; then another process (this one) needs the tokens."""

    @pytest.fixture(autouse=True)
    async def a_day_later(self, remote: RemoteWorld, grants: dict[str, int]) -> None:
        """Intuit gives another refresh token a day after the last: from here on each refresh rotates at both."""
        await remote.control("clock", advance_seconds=DAY)

    async def usable(self, world: RemoteWorld, sql: Sql) -> float:
        """Both connections work, and go on working after another refresh. Seconds until the first tokens."""
        begun = time.monotonic()
        ids = [row[0] for row in sql("SELECT id FROM grants")]
        await asyncio.gather(*(world.runtime.vault.access_token(one) for one in ids))
        waited = time.monotonic() - begun
        await companies_answer(world, sql)
        await world.control("clock", advance_seconds=DAY)
        expire(sql)
        before = await refreshes(world)
        await companies_answer(world, sql)
        assert await refreshes(world) == [count + 1 for count in before]
        assert sql("SELECT status, lease_owner FROM grants") == [("active", "")] * 2
        assert sql("SELECT status FROM connections") == [("active",)] * 2
        return waited

    async def actor(self, cast: Cast, env: dict[str, str], grants: dict[str, int], halt: str = "") -> Actor:
        """A process in which three callers want each token."""
        actor = await cast.start(TOKENS, "--lease", str(LEASE), "--halt", halt, env=env)
        await actor.hear("ready")
        for grant_id in grants.values():
            await actor.tell(grant=grant_id, callers=3, vaults=1)
        return actor

    async def died_at(self, cast: Cast, env: dict[str, str], grants: dict[str, int], step: str) -> None:
        actor = await self.actor(cast, env, grants, halt=step)
        for _ in grants:
            await actor.hear(step)
        await actor.kill()

    async def test_before_the_lease(
        self, remote: RemoteWorld, cast: Cast, sql: Sql, env: dict[str, str], grants: dict[str, int]
    ) -> None:
        await self.died_at(cast, env, grants, "before_lease")
        assert sql("SELECT version, lease_owner, attempt_at FROM grants") == [(1, "", None)] * 2
        assert await self.usable(remote, sql) < LEASE

    async def test_with_the_lease_before_the_call(
        self, remote: RemoteWorld, cast: Cast, sql: Sql, env: dict[str, str], grants: dict[str, int]
    ) -> None:
        await self.died_at(cast, env, grants, "after_lease")
        assert sql("SELECT version, lease_owner <> '', attempt_at IS NOT NULL FROM grants") == [(1, True, True)] * 2
        assert await refreshes(remote) == [0, 0]
        assert await self.usable(remote, sql) < LEASE + 3

    async def test_while_the_provider_is_asked(
        self, remote: RemoteWorld, cast: Cast, sql: Sql, env: dict[str, str], grants: dict[str, int]
    ) -> None:
        for provider, vendor in VENDOR.items():
            await remote.arm(vendor, TOKEN_PATH[provider], "lost_answer", delay=5)
        actor = await self.actor(cast, env, grants)

        async def carried_out() -> bool:
            return await refreshes(remote) == [1, 1]

        await until("the vendors have rotated, and their answers are on the way", carried_out)
        await actor.kill()
        assert sql(HELD) == [(1, True)] * 2
        assert await self.usable(remote, sql) < LEASE + 3

    async def test_with_the_answer_before_it_is_stored(
        self,
        remote: RemoteWorld,
        cast: Cast,
        sql: Sql,
        env: dict[str, str],
        grants: dict[str, int],
        database_url: str,
    ) -> None:
        faults = [await remote.arm(VENDOR[one], TOKEN_PATH[one], "slow", delay=1.0) for one in grants]
        actor = await self.actor(cast, env, grants, halt="answered")
        for fault in faults:
            await remote.taken(fault)
        with rows_held(database_url) as holder:
            for _ in grants:
                await actor.hear("answered")

            async def blocked() -> bool:
                return sql(WAITING, holder) == [(2,)]

            await until("storing the tokens waits for the rows", blocked)
            await actor.kill()
        assert await refreshes(remote) == [1, 1]
        assert sql(HELD) == [(1, True)] * 2
        assert await self.usable(remote, sql) < LEASE + 3

    async def test_after_it_is_stored(
        self, remote: RemoteWorld, cast: Cast, sql: Sql, env: dict[str, str], grants: dict[str, int]
    ) -> None:
        await self.died_at(cast, env, grants, "stored")
        stored = "SELECT version, lease_owner, sealed_previous <> '' FROM grants"
        assert sql(stored) == [(2, "", True)] * 2
        await companies_answer(remote, sql)
        assert await refreshes(remote) == [1, 1]
        assert await self.usable(remote, sql) < LEASE
