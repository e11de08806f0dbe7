import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import httpx
import psycopg
import pytest

from app.canonical import ProviderName
from app.crypto import KeyRing, generate_key
from app.db import grants
from app.db.session import Database
from app.errors import Misconfigured, NeedsReauth, ProviderUnavailable
from app.guards import HttpInsideTransaction
from app.logs import configure_logs
from app.providers.base import Identity
from app.providers.oauth import TokenSet
from app.runtime import Runtime, open_runtime
from app.settings import Settings
from app.vault import Vault, renewal
from tests.support.vendors import Vendors

XERO, QUICKBOOKS = ProviderName.xero, ProviderName.quickbooks
NOBODY = Identity(provider_user="", consent_id="", companies=())
USER = Identity(provider_user="user-1", consent_id="event", companies=())


@pytest.fixture
def vendors() -> Vendors:
    return Vendors()


@pytest.fixture
async def runtime(settings: Settings, vendors: Vendors) -> AsyncIterator[Runtime]:
    async with open_runtime(settings, transport=httpx.MockTransport(vendors), clock=vendors.clock) as opened:
        yield opened


@pytest.fixture
def vault(runtime: Runtime) -> Vault:
    return runtime.vault


@pytest.fixture
def sql(database_url: str) -> Callable[..., list[tuple[Any, ...]]]:
    """SQL under the system role, as a person looking into the database would run it."""

    def run(query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SET ROLE tieout_system")
            found = connection.execute(query, values)
            return found.fetchall() if found.description else []

    return run


async def consent(runtime: Runtime, provider: ProviderName = XERO, owner: str = "user-1") -> TokenSet:
    """A fresh consent's tokens from the vendor."""
    return await runtime.oauth_of(provider).exchange(
        code=f"code-{owner}", redirect_uri="http://localhost:8000/cb", code_verifier="v" * 43
    )


async def stored(runtime: Runtime, provider: ProviderName = XERO, identity: Identity = USER) -> int:
    return await runtime.vault.store(await consent(runtime, provider), identity, provider)


async def firm_with_connection(database: Database, grant_id: int, company: str = "t-1") -> tuple[int, int]:
    """A firm whose Xero connection uses the grant."""
    # The insert is the fixture's own: the use cases are proved elsewhere.
    async with database.system() as session:
        firm_id = (await session.exec_driver_sql("INSERT INTO firms (name) VALUES ('Acme') RETURNING id")).scalar_one()
    async with database.firm(firm_id) as session:
        connection_id = (
            await session.exec_driver_sql(
                "INSERT INTO connections (firm_id, provider, grant_id, subject, company_id)"
                f" VALUES ({firm_id}, 'xero', {grant_id}, 'ann', '{company}') RETURNING id"
            )
        ).scalar_one()
    return int(firm_id), int(connection_id)


class TestServing:
    async def test_a_fresh_token_is_served_without_a_call(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime)
        first = await vault.access_token(grant_id)
        assert vendors.access[first] == "user-1"
        assert await vault.tokens(grant_id).access_token() == first
        assert vendors.calls == ["exchange"]

    async def test_less_than_five_minutes_left_renews(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime)
        first = await vault.access_token(grant_id)
        vendors.clock.advance(minutes=24, seconds=59)
        assert await vault.access_token(grant_id) == first
        vendors.clock.advance(seconds=2)
        second = await vault.access_token(grant_id)
        assert second != first
        assert vendors.refreshes == 1

    async def test_only_the_current_token_can_be_rejected(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime)
        first = await vault.access_token(grant_id)
        second = await vault.access_token(grant_id, rejected=first)
        assert second != first
        assert await vault.access_token(grant_id, rejected=first) == second
        assert vendors.refreshes == 1

    async def test_a_thousand_callers_renew_once(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        vendors.delay = lambda: asyncio.sleep(0.05)
        tokens = await asyncio.gather(*(vault.access_token(grant_id) for _ in range(1000)))
        assert len(set(tokens)) == 1
        assert vendors.refreshes == 1

    async def test_two_vaults_share_one_renewal(self, runtime, vault, vendors) -> None:
        """Two vaults over one database stand for two processes."""
        other = Vault(runtime.db, runtime.keys, runtime.oauth, vendors.clock)
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        vendors.delay = lambda: asyncio.sleep(0.2)
        tokens = await asyncio.gather(*(one.access_token(grant_id) for one in (vault, other) for _ in range(20)))
        assert len(set(tokens)) == 1
        assert vendors.refreshes == 1

    async def test_a_token_that_still_lives_is_served_while_another_process_renews(
        self, runtime, vault, vendors
    ) -> None:
        other = Vault(runtime.db, runtime.keys, runtime.oauth, vendors.clock)
        grant_id = await stored(runtime)
        first = await vault.access_token(grant_id)
        vendors.clock.advance(minutes=27)
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def held() -> None:
            asked.set()
            await go_on.wait()

        vendors.delay = held
        renewing = asyncio.create_task(vault.access_token(grant_id))
        await asked.wait()
        assert await other.access_token(grant_id) == first
        go_on.set()
        assert await renewing != first

    async def test_never_inside_a_transaction(self, runtime, vault) -> None:
        grant_id = await stored(runtime)
        async with runtime.db.system():
            with pytest.raises(HttpInsideTransaction):
                await vault.access_token(grant_id)

    async def test_an_erased_grant_needs_a_person(self, runtime, vault) -> None:
        grant_id = await stored(runtime)
        await vault.erase_unused(grant_id)
        with pytest.raises(NeedsReauth):
            await vault.access_token(grant_id)


class TestNothingIsLost:
    async def test_the_attempt_is_committed_before_the_call(self, runtime, vault, vendors, sql) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        seen: list[tuple[Any, ...]] = []
        vendors.on_token = lambda _: seen.extend(sql("SELECT attempt_at, lease_owner <> '' FROM grants"))
        await vault.access_token(grant_id)
        assert seen == [(vendors.clock(), True)]
        assert sql("SELECT lease_owner, lease_until, version FROM grants") == [("", None, 2)]

    async def test_both_tokens_are_stored_before_anybody_uses_them(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        renewed = await vault.access_token(grant_id)
        fresh = Vault(runtime.db, runtime.keys, runtime.oauth, vendors.clock)
        assert await fresh.access_token(grant_id) == renewed
        vendors.clock.advance(hours=1)
        vendors.grace = timedelta(0)
        assert await fresh.access_token(grant_id) != renewed

    async def test_an_answer_lost_on_the_way_is_asked_for_again_with_the_stored_token(
        self, runtime, vault, vendors, sql
    ) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)

        def rotate_and_hang_up(form: dict[str, str]) -> None:
            vendors.on_token = None
            vendors.spent[form["refresh_token"]] = vendors.clock()
            raise httpx.ReadTimeout("gone")

        vendors.on_token = rotate_and_hang_up
        with pytest.raises(ProviderUnavailable):
            await vault.access_token(grant_id)
        assert sql("SELECT status, lease_owner, version FROM grants") == [("active", "", 1)]
        vendors.clock.advance(seconds=3)
        assert vendors.access[await vault.access_token(grant_id)] == "user-1"

    async def test_a_crash_between_answer_and_store_leaves_a_usable_grant(
        self, runtime, vault, vendors, sql, monkeypatch
    ) -> None:
        class Died(BaseException):
            """Stands for kill -9: nothing of ours runs afterwards."""

        async def die(*_: object) -> bool:
            raise Died

        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        with monkeypatch.context() as patch:
            patch.setattr(renewal.Renewals, "_persist", die)
            dying = Vault(runtime.db, runtime.keys, runtime.oauth, vendors.clock)
            answer = await asyncio.gather(dying.access_token(grant_id), return_exceptions=True)
        assert isinstance(answer[0], Died)
        assert sql("SELECT lease_owner <> '', version FROM grants") == [(True, 1)]
        sql("UPDATE grants SET lease_until = now() - interval '1 second'")  # the dead process's lease ran out
        assert vendors.access[await vault.access_token(grant_id)] == "user-1"
        assert vendors.refreshes == 2

    async def test_a_hiccup_of_the_database_does_not_lose_the_new_tokens(
        self, runtime, vault, vendors, monkeypatch
    ) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        real, failures = grants.settle_lease, [ConnectionError("away"), ConnectionError("still away")]

        async def hiccup(*args: Any, **kwargs: Any) -> bool:
            if failures:
                raise failures.pop()
            return await real(*args, **kwargs)

        monkeypatch.setattr(grants, "settle_lease", hiccup)
        vendors.grace = timedelta(0)
        await vault.access_token(grant_id)
        assert failures == []
        assert vendors.refreshes == 1
        vendors.clock.advance(hours=1)
        await vault.access_token(grant_id)

    async def test_a_runner_that_lost_its_lease_does_not_overwrite_newer_tokens(
        self, runtime, vault, vendors, sql
    ) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        fresh = await consent(runtime)

        async def reconnect_meanwhile() -> None:
            vendors.delay = None
            await vault.store(fresh, USER, XERO)

        vendors.delay = reconnect_meanwhile
        assert await vault.access_token(grant_id) == fresh.access_token
        assert sql("SELECT version FROM grants") == [(2,)]

    async def test_a_cancelled_caller_does_not_cancel_the_renewal(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        asked = asyncio.Event()

        async def slow() -> None:
            asked.set()
            await asyncio.sleep(0.1)

        vendors.delay = slow
        caller = asyncio.create_task(vault.access_token(grant_id))
        await asked.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await vault.close()
        vendors.grace = timedelta(0)
        await vault.access_token(grant_id)
        assert vendors.refreshes == 1

    async def test_the_previous_token_still_buys_new_ones_within_the_grace(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        await vault.access_token(grant_id)
        newest = "secret-refresh-2"
        del vendors.live[newest]  # the vendor lost what it had just given
        vendors.clock.advance(minutes=29)
        assert vendors.access[await vault.access_token(grant_id)] == "user-1"
        assert vendors.calls[-3:] == ["refresh"] * 3

    async def test_after_the_grace_the_previous_token_is_not_even_tried(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        await vault.access_token(grant_id)
        del vendors.live["secret-refresh-2"]
        vendors.clock.advance(minutes=31)
        with pytest.raises(NeedsReauth):
            await vault.access_token(grant_id)
        assert vendors.calls[-2:] == ["refresh"] * 2
        assert vendors.refreshes == 3


class TestFailures:
    async def test_invalid_grant_marks_every_connection_expired_and_says_so(
        self, runtime, vault, vendors, database, sql
    ) -> None:
        grant_id = await stored(runtime)
        firms = [await firm_with_connection(database, grant_id, company) for company in ("t-1", "t-2")]
        vendors.clock.advance(hours=1)
        vendors.kill()
        with pytest.raises(NeedsReauth):
            await vault.access_token(grant_id)
        rows = sql("SELECT status, error_code, error_message <> '' FROM connections")
        assert rows == [("expired", "needs_reauth", True)] * 2
        events = sql("SELECT firm_id, action, subject FROM audit_events ORDER BY id")
        assert events == [(firm, "connection.expired", f"connection:{number}") for firm, number in firms]

    async def test_an_expired_grant_is_not_asked_for_again(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        vendors.kill()
        for _ in range(3):
            with pytest.raises(NeedsReauth):
                await vault.access_token(grant_id)
        assert vendors.refreshes == 2

    async def test_one_invalid_grant_is_not_believed(self, runtime, vault, vendors, sql) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        vendors.fail = [httpx.Response(400, json={"error": "invalid_grant"})]
        await vault.access_token(grant_id)
        assert vendors.refreshes == 2
        assert sql("SELECT status FROM grants") == [("active",)]

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (httpx.Response(503), ProviderUnavailable),
            (httpx.ConnectError("no route"), ProviderUnavailable),
            (httpx.Response(200, html="<h1>maintenance</h1>"), ProviderUnavailable),
            (httpx.Response(401, json={"error": "invalid_client"}), Misconfigured),
        ],
    )
    async def test_other_failures_never_expire_anything(
        self, runtime, vault, vendors, database, sql, answer, error
    ) -> None:
        grant_id = await stored(runtime)
        await firm_with_connection(database, grant_id)
        vendors.clock.advance(hours=1)
        vendors.fail = [answer]
        with pytest.raises(error):
            await vault.access_token(grant_id)
        assert sql("SELECT status FROM grants UNION ALL SELECT status FROM connections") == [("active",)] * 2
        vendors.clock.advance(seconds=3)
        await vault.access_token(grant_id)

    async def test_a_failing_endpoint_is_left_alone_for_longer_each_time(self, runtime, vault, vendors, sql) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        vendors.fail = [httpx.Response(503) for _ in range(3)]
        pauses = []
        for _ in range(3):
            with pytest.raises(ProviderUnavailable):
                await vault.access_token(grant_id)
            with pytest.raises(ProviderUnavailable) as waiting:
                await vault.access_token(grant_id)  # no call
            pauses.append(waiting.value.retry_after)
            vendors.clock.now += waiting.value.retry_after
        assert pauses == [timedelta(seconds=2), timedelta(seconds=4), timedelta(seconds=8)]
        assert vendors.refreshes == 3
        await vault.access_token(grant_id)
        assert sql("SELECT retry_at, error_message FROM grants") == [(None, "")]

    async def test_while_renewing_fails_the_old_token_serves_to_its_end(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime)
        first = await vault.access_token(grant_id)
        vendors.clock.advance(minutes=27)
        vendors.fail = [httpx.Response(503)]
        assert await vault.access_token(grant_id) == first
        assert vendors.refreshes == 1

    async def test_keys_that_do_not_fit_are_the_operators_fault(self, runtime, vendors, sql) -> None:
        grant_id = await stored(runtime)
        stranger = Vault(runtime.db, KeyRing.parse(f"k9:{generate_key()}"), runtime.oauth, vendors.clock)
        with pytest.raises(Misconfigured):
            await stranger.access_token(grant_id)
        assert sql("SELECT status FROM grants") == [("active",)]

    async def test_waiting_for_another_process_ends(self, runtime, vault, vendors, sql, monkeypatch) -> None:
        monkeypatch.setattr(renewal, "_WAIT_SECONDS", 0.3)
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        sql("UPDATE grants SET lease_owner = 'elsewhere', lease_until = now() + interval '1 minute'")
        with pytest.raises(ProviderUnavailable):
            await vault.access_token(grant_id)
        assert vendors.refreshes == 0


class TestStore:
    async def test_a_xero_user_has_one_grant(self, runtime, vault, sql) -> None:
        assert await stored(runtime) == await stored(runtime)
        assert sql("SELECT provider_user, version FROM grants") == [("user-1", 2)]

    async def test_two_consents_at_the_same_moment_are_one_grant(self, runtime, vault, sql) -> None:
        tokens = [await consent(runtime) for _ in range(4)]
        ids = await asyncio.gather(*(vault.store(one, USER, XERO) for one in tokens))
        assert len(set(ids)) == 1
        assert sql("SELECT count(*) FROM grants") == [(1,)]

    async def test_every_quickbooks_consent_is_a_grant(self, runtime, vault) -> None:
        assert await stored(runtime, QUICKBOOKS, NOBODY) != await stored(runtime, QUICKBOOKS, NOBODY)

    async def test_a_new_consent_revives_what_the_old_ones_end_had_expired(
        self, runtime, vault, vendors, database, sql
    ) -> None:
        grant_id = await stored(runtime)
        await firm_with_connection(database, grant_id)
        vendors.clock.advance(hours=1)
        vendors.kill()
        with pytest.raises(NeedsReauth):
            await vault.access_token(grant_id)
        assert await stored(runtime) == grant_id
        assert sql("SELECT status, error_code, error_message FROM connections") == [("active", "", "")]
        assert vendors.access[await vault.access_token(grant_id)] == "user-1"

    async def test_facts_are_shown_and_tokens_are_not(self, runtime, vault, vendors) -> None:
        grant_id = await stored(runtime, QUICKBOOKS, NOBODY)
        facts = (await vault.facts([grant_id, 999]))[grant_id]
        assert facts.scope == "com.intuit.quickbooks.accounting"
        assert facts.access_expires_at == vendors.clock() + timedelta(hours=1)
        assert facts.hard_expires_at == vendors.clock() + timedelta(seconds=157680000)
        assert "secret" not in repr(facts)


class TestGivingUp:
    async def test_release_revokes_and_erases(self, runtime, vault, vendors, sql) -> None:
        grant_id = await stored(runtime)
        assert await vault.release(grant_id)
        assert vendors.revoked == ["user-1"]
        assert sql("SELECT count(*) FROM grants") == [(0,)]

    async def test_release_leaves_a_grant_that_any_firm_still_uses(self, runtime, vault, vendors, database) -> None:
        grant_id = await stored(runtime)
        await firm_with_connection(database, grant_id)
        assert not await vault.release(grant_id)
        assert vendors.revoked == []
        await vault.access_token(grant_id)

    async def test_a_provider_that_does_not_answer_does_not_keep_the_tokens(
        self, runtime, vault, vendors, sql, monkeypatch
    ) -> None:
        async def silent(_: str) -> None:
            raise ProviderUnavailable("no answer")

        grant_id = await stored(runtime)
        monkeypatch.setattr(runtime.oauth[XERO], "revoke", silent)
        assert await vault.release(grant_id)
        assert sql("SELECT count(*) FROM grants") == [(0,)]

    async def test_tidy_finishes_what_a_crash_left_and_forgets_what_never_connected(
        self, runtime, vault, vendors, sql
    ) -> None:
        closing, orphan = await stored(runtime), await stored(runtime, QUICKBOOKS, NOBODY)
        sql("UPDATE grants SET status = 'closing' WHERE id = %s", closing)
        now = vendors.clock()
        sql("UPDATE grants SET updated_at = %s", now - timedelta(minutes=59))
        assert await vault.tidy(now) == 0
        sql("UPDATE grants SET updated_at = %s", now - timedelta(minutes=61))
        assert await vault.tidy(now) == 2
        assert vendors.revoked == ["user-1"]
        assert orphan != closing
        assert sql("SELECT count(*) FROM grants") == [(0,)]


class TestUpkeep:
    async def test_keep_alive_renews_what_was_not_renewed_for_a_day(self, runtime, vault, vendors, database) -> None:
        grant_id = await stored(runtime)
        await firm_with_connection(database, grant_id)
        await stored(runtime, QUICKBOOKS, NOBODY)  # no connection uses it
        vendors.clock.advance(hours=23)
        assert await vault.keep_alive(vendors.clock()) == []
        vendors.clock.advance(hours=2)
        vendors.grace = timedelta(days=60)
        assert await vault.keep_alive(vendors.clock()) == [grant_id]
        assert await vault.keep_alive(vendors.clock()) == []
        assert vendors.refreshes == 1

    async def test_keep_alive_survives_a_grant_that_fails(self, runtime, vault, vendors, database) -> None:
        first = await stored(runtime)
        await firm_with_connection(database, first)
        vendors.clock.advance(days=2)
        vendors.fail = [httpx.Response(503)]
        assert await vault.keep_alive(vendors.clock()) == []

    async def test_keys_are_replaced_while_everything_keeps_working(self, runtime, vault, vendors, sql) -> None:
        grant_id = await stored(runtime)
        vendors.clock.advance(hours=1)
        token = await vault.access_token(grant_id)  # a previous refresh token is sealed too
        old_text = runtime.settings.encryption_keys.get_secret_value()
        both = KeyRing.parse(f"k2:{generate_key()},{old_text}")
        rotating = Vault(runtime.db, both, runtime.oauth, vendors.clock)
        assert await rotating.rotate_keys() == {
            "grants": 1,
            "pending_connections": 0,
            "oauth_states": 0,
            "unreadable": 0,
        }
        assert (await rotating.rotate_keys())["grants"] == 0
        sealed = sql("SELECT sealed_access, sealed_refresh, sealed_previous FROM grants")[0]
        assert all(value.startswith("v1.k2.") for value in sealed)
        assert await rotating.access_token(grant_id) == token
        vendors.clock.advance(hours=1)
        await rotating.access_token(grant_id)

    async def test_a_value_no_key_opens_is_counted_and_left(self, runtime, vault, vendors, sql) -> None:
        await stored(runtime)
        stranger = Vault(runtime.db, KeyRing.parse(f"k9:{generate_key()}"), runtime.oauth, vendors.clock)
        before = sql("SELECT sealed_access FROM grants")
        assert (await stranger.rotate_keys())["unreadable"] == 1
        assert sql("SELECT sealed_access FROM grants") == before


class TestSecrecy:
    async def test_no_token_in_logs_errors_repr_or_database(self, runtime, vault, vendors, database, sql) -> None:
        stream = StringIO()
        configure_logs("DEBUG", stream=stream)
        try:
            grant_id = await stored(runtime)
            await firm_with_connection(database, grant_id)
            vendors.clock.advance(hours=1)
            vendors.fail = [httpx.Response(503)]
            with pytest.raises(ProviderUnavailable) as unavailable:
                await vault.access_token(grant_id)
            vendors.clock.advance(seconds=3)
            token = await vault.access_token(grant_id)
            vendors.kill()
            with pytest.raises(NeedsReauth) as gone:
                await vault.access_token(grant_id, rejected=token)
        finally:
            logging.getLogger().handlers = []
        texts = [stream.getvalue(), repr(vault), repr(vault.tokens(grant_id)), repr(runtime)]
        texts += [repr(error.value) + str(error.value.__cause__) for error in (unavailable, gone)]
        texts.append(str(sql("SELECT * FROM grants") + sql("SELECT * FROM audit_events")))
        for text in texts:
            assert "secret-" not in text
            assert token not in text

    async def test_a_sealed_token_does_not_open_in_another_row(self, runtime, vault, sql) -> None:
        first, second = await stored(runtime, QUICKBOOKS, NOBODY), await stored(runtime, QUICKBOOKS, NOBODY)
        sql("UPDATE grants SET sealed_access = (SELECT sealed_access FROM grants WHERE id = %s)", first)
        await vault.access_token(first)
        with pytest.raises(Misconfigured):
            await vault.access_token(second)
