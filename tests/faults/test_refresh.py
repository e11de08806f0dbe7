"""A token is refreshed once for everybody, and no death on the way costs the connection: processes of their own."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from app.canonical import ProviderName
from app.providers.http import Meter
from tests.faults.scene import Sql
from tests.support.processes import Cast, RemoteWorld, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

PROVIDERS = ("quickbooks", "xero")
VENDOR = {"quickbooks": "intuit", "xero": "xero"}
TOKEN_PATH = {"quickbooks": "/tokens/bearer", "xero": "/connect/token"}
LEASE = 2.0
TOKENS = "tests.faults.actors.tokens"


async def connected(world: RemoteWorld, sql: Sql) -> dict[str, int]:
    """A firm with both connections; the grants by provider."""
    firm = await world.firm()
    for provider in PROVIDERS:
        await world.connect(firm, provider)
    return {str(row[0]): int(row[1]) for row in sql("SELECT provider, grant_id FROM connections")}


def expire(sql: Sql, grant_id: int) -> None:
    sql("UPDATE grants SET access_expires_at = now() - interval '1 hour' WHERE id = %s", grant_id)


async def company_of(world: RemoteWorld, sql: Sql, provider: str, grant_id: int) -> str:
    """What the vendor says when asked with the token that the vault gives now: proof that it lives."""
    ((company,),) = sql("SELECT company_id FROM connections WHERE grant_id = %s", grant_id)
    tokens = world.runtime.vault.tokens(grant_id)
    return (await world.runtime.company(ProviderName(provider), company, tokens, Meter()).company()).external_id


class TestSingleFlight:
    """60 callers in 3 processes want the token of one grant that has expired."""

    @pytest.mark.parametrize("provider", PROVIDERS)
    async def test_one_refresh_serves_all(
        self, remote: RemoteWorld, cast: Cast, sql: Sql, env: dict[str, str], provider: str
    ) -> None:
        await remote.control("intuit/tokens/mode", strict_rotation=True, kill_on_parallel=True, refresh_latency=0.3)
        grant_id = (await connected(remote, sql))[provider]
        actors = [await cast.start(TOKENS, env=env) for _ in range(3)]
        for actor in actors:
            await actor.hear("ready")
        # First one vault in each process, as in the service; then a vault for each caller: 60 rivals for the lease.
        for refreshes, vaults in enumerate((1, 20), start=1):
            expire(sql, grant_id)
            await remote.arm(VENDOR[provider], TOKEN_PATH[provider], "slow", delay=0.4)
            await asyncio.gather(*(actor.tell(grant=grant_id, callers=20, vaults=vaults) for actor in actors))
            answers = [await actor.hear("answered_all") for actor in actors]
            assert [answer["errors"] for answer in answers] == [[], [], []]
            tokens = [token for answer in answers for token in answer["tokens"]]
            assert len(tokens) == 60
            assert set(tokens) == {await remote.runtime.vault.access_token(grant_id)}
            counters = await remote.look(f"{VENDOR[provider]}/tokens")
            assert (counters["refreshes"], counters["refresh_failures"]) == (refreshes, 0)
        assert await company_of(remote, sql, provider, grant_id)
        assert await remote.refreshes(VENDOR[provider]) == 2
        assert sql("SELECT version, status, lease_owner FROM grants WHERE id = %s", grant_id) == [(3, "active", "")]


@contextmanager
def row_held(database_url: str, grant_id: int) -> Iterator[None]:
    """Whoever wants to change the grant waits meanwhile."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE tieout_system")
        connection.execute("SELECT 1 FROM grants WHERE id = %s FOR UPDATE", [grant_id])
        yield
        connection.rollback()


@pytest.mark.parametrize("provider", PROVIDERS)
class TestKilled:
    """SIGKILL at each step of a refresh; then another process (this one) needs the token."""

    @pytest.fixture
    async def grant_id(self, remote: RemoteWorld, sql: Sql, provider: str) -> int:
        grant_id = (await connected(remote, sql))[provider]
        # Intuit gives another refresh token only a day after the last one: now every refresh rotates at both vendors.
        await remote.control("clock", advance_seconds=25 * 3600)
        expire(sql, grant_id)
        return grant_id

    async def usable(self, world: RemoteWorld, sql: Sql, provider: str, grant_id: int) -> float:
        """The connection works, and keeps working: seconds until the first token, then a call and one more refresh."""
        started = time.monotonic()
        await world.runtime.vault.access_token(grant_id)
        waited = time.monotonic() - started
        assert await company_of(world, sql, provider, grant_id)
        await world.control("clock", advance_seconds=25 * 3600)
        expire(sql, grant_id)
        before = await world.refreshes(VENDOR[provider])
        assert await company_of(world, sql, provider, grant_id)
        assert await world.refreshes(VENDOR[provider]) == before + 1
        assert sql("SELECT status, lease_owner FROM grants WHERE id = %s", grant_id) == [("active", "")]
        assert sql("SELECT status FROM connections") == [("active",)] * 2
        return waited

    async def died_at(self, cast: Cast, env: dict[str, str], grant_id: int, step: str) -> None:
        actor = await cast.start(TOKENS, "--halt", step, "--lease", str(LEASE), env=env)
        await actor.hear("ready")
        await actor.tell(grant=grant_id, callers=3, vaults=1)
        await actor.hear(step)
        await actor.kill()

    async def test_before_the_lease(
        self, remote: RemoteWorld, cast: Cast, sql: Sql, env: dict[str, str], provider: str, grant_id: int
    ) -> None:
        await self.died_at(cast, env, grant_id, "before_lease")
        assert sql("SELECT version, lease_owner, attempt_at FROM grants WHERE id = %s", grant_id) == [(1, "", None)]
        assert await self.usable(remote, sql, provider, grant_id) < 1

    async def test_with_the_lease_before_the_call(
        self, remote: RemoteWorld, cast: Cast, sql: Sql, env: dict[str, str], provider: str, grant_id: int
    ) -> None:
        await self.died_at(cast, env, grant_id, "after_lease")
        written_ahead = sql(
            "SELECT version, lease_owner <> '', attempt_at IS NOT NULL FROM grants WHERE id = %s", grant_id
        )
        assert written_ahead == [(1, True, True)]
        assert await remote.refreshes(VENDOR[provider]) == 0
        assert await self.usable(remote, sql, provider, grant_id) < LEASE + 1

    async def test_while_the_provider_is_asked(
        self, remote: RemoteWorld, cast: Cast, sql: Sql, env: dict[str, str], provider: str, grant_id: int
    ) -> None:
        vendor = VENDOR[provider]
        await remote.arm(vendor, TOKEN_PATH[provider], "lost_answer", delay=5)
        actor = await cast.start(TOKENS, "--lease", str(LEASE), env=env)
        await actor.hear("ready")
        await actor.tell(grant=grant_id, callers=3, vaults=1)

        async def carried_out() -> bool:
            return await remote.refreshes(vendor) == 1

        await until("the vendor has rotated, and its answer is on the way", carried_out)
        await actor.kill()
        assert sql("SELECT version, lease_owner <> '' FROM grants WHERE id = %s", grant_id) == [(1, True)]
        assert await self.usable(remote, sql, provider, grant_id) < LEASE + 1

    async def test_with_the_answer_before_it_is_stored(
        self,
        remote: RemoteWorld,
        cast: Cast,
        sql: Sql,
        env: dict[str, str],
        provider: str,
        grant_id: int,
        database_url: str,
    ) -> None:
        fault = await remote.arm(VENDOR[provider], TOKEN_PATH[provider], "slow", delay=1.0)
        actor = await cast.start(TOKENS, "--halt", "answered", "--lease", str(LEASE), env=env)
        await actor.hear("ready")
        await actor.tell(grant=grant_id, callers=3, vaults=1)
        await remote.taken(fault)
        with row_held(database_url, grant_id):
            await actor.hear("answered")

            async def blocked() -> bool:
                waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
                return sql(waiting) != [(0,)]

            await until("storing the tokens waits for the row", blocked)
            await actor.kill()
        assert await remote.refreshes(VENDOR[provider]) == 1
        assert sql("SELECT version, lease_owner <> '' FROM grants WHERE id = %s", grant_id) == [(1, True)]
        assert await self.usable(remote, sql, provider, grant_id) < LEASE + 1

    async def test_after_it_is_stored(
        self, remote: RemoteWorld, cast: Cast, sql: Sql, env: dict[str, str], provider: str, grant_id: int
    ) -> None:
        await self.died_at(cast, env, grant_id, "stored")
        stored = sql("SELECT version, lease_owner, sealed_previous <> '' FROM grants WHERE id = %s", grant_id)
        assert stored == [(2, "", True)]
        token = await remote.runtime.vault.access_token(grant_id)
        assert token == await remote.runtime.vault.access_token(grant_id)
        assert await remote.refreshes(VENDOR[provider]) == 1
        # The simulator's clock ran ahead of ours, but its tokens live: the one that was stored is the one it knows.
        assert await self.usable(remote, sql, provider, grant_id) < 1
