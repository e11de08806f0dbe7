"""Journeys, grants and the inbox where two things happen at once, or in an order nobody planned."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.canonical import ProviderName
from app.connections import attaching, begin, complete, disconnect
from app.connections.consent import Caller
from app.crypto import generate_key
from app.db import wakeups
from app.db.inbox import Delivery
from app.db.session import Database
from app.edge.ingest import Ingest
from app.errors import Conflict, Misconfigured, NeedsReauth
from app.settings import Settings
from app.vault import Vault
from tests.support.journeys import REALM, XERO, Desk, open_desk


@pytest.fixture
async def desk(settings: Settings, database_url: str) -> AsyncIterator[Desk]:
    async with open_desk(settings, database_url) as opened:
        yield opened


class TestSharedGrant:
    """Two firms, one accountant: one connects while the other, the grant's only user so far, disconnects."""

    @pytest.fixture
    async def acme(self, desk: Desk) -> tuple[Caller, int]:
        caller = desk.firm()
        connection_id = await desk.connect(caller, XERO, "user-1")
        desk.vendors.tenants["user-1"] = {"t-2": "Globex Pty"}
        return caller, connection_id

    async def test_a_grant_that_ends_before_it_is_used_is_told_and_leaves_nothing(
        self, desk: Desk, acme: tuple[Caller, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store, globex = Vault.store, desk.firm("Globex", "bob")

        async def then_the_other_ends(*args: Any) -> int:
            monkeypatch.undo()
            grant_id = await store(*args)
            await disconnect(desk.runtime, acme[0].firm_id, acme[1])
            return grant_id

        monkeypatch.setattr(Vault, "store", then_the_other_ends)
        with pytest.raises(Conflict) as refused:
            await desk.connect(globex, XERO, "user-1")
        assert refused.value.public_code == "consent_ended"
        assert desk.sql("SELECT count(*) FROM connections WHERE status = 'active'") == [(0,)]
        assert await desk.connect(globex, XERO, "user-1")

    async def test_a_consent_given_during_a_disconnect_is_not_erased_with_the_old_one(
        self, desk: Desk, acme: tuple[Caller, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        globex = desk.firm("Globex", "bob")
        connected: list[int] = []
        revoke = desk.runtime.oauth[XERO].revoke

        async def meanwhile(token: str) -> None:
            monkeypatch.undo()
            await revoke(token)
            monkeypatch.setattr(attaching, "_write", after_the_erasure)
            connecting.set_result(asyncio.create_task(desk.connect(globex, XERO, "user-1")))
            await stored.wait()

        async def after_the_erasure(*args: Any) -> Any:
            stored.set()
            await erased.wait()
            return await write(*args)

        write = attaching._write
        stored, erased = asyncio.Event(), asyncio.Event()
        connecting: asyncio.Future[asyncio.Task[int]] = asyncio.get_running_loop().create_future()
        monkeypatch.setattr(desk.runtime.oauth[XERO], "revoke", meanwhile)
        await disconnect(desk.runtime, acme[0].firm_id, acme[1])
        erased.set()
        connected.append(await (await connecting))
        row = await desk.row(globex, connected[0])
        assert row.status == "active"
        assert await desk.runtime.vault.access_token(row.grant_id)


async def test_only_who_can_open_a_company_learns_that_somebody_is_connected_to_it(desk: Desk) -> None:
    await desk.connect(desk.firm())
    curious = desk.firm("Globex")
    begun = await begin(desk.runtime, curious, ProviderName.quickbooks)
    desk.vendors.realms["4"] = "Mine"
    with pytest.raises(Exception) as refused:  # noqa: PT011  the code is what matters
        await complete(desk.runtime, curious, desk.back(begun, "4", realm_id=REALM))
    assert getattr(refused.value, "public_code", "") == "company_mismatch"


async def test_a_journey_sealed_with_a_key_that_was_taken_away_is_the_operators_fault(
    desk: Desk, make_settings: Any, database_url: str
) -> None:
    caller = desk.firm()
    begun = await begin(desk.runtime, caller, ProviderName.quickbooks)
    async with open_desk(make_settings(encryption_keys=f"k2:{generate_key()}"), database_url, desk.vendors) as other:
        with pytest.raises(Misconfigured):
            await complete(other.runtime, caller, desk.back(begun))


async def test_keep_alive_of_several_workers_renews_each_grant_once(desk: Desk) -> None:
    for number in range(8):
        desk.vendors.realms[f"{number + 1000}"] = f"Company {number}"
        await desk.connect(desk.firm(f"Firm {number}"), who=f"{number + 1000}")
    desk.vendors.clock.advance(hours=25)
    runtime = desk.runtime
    vaults = [Vault(runtime.db, runtime.keys, runtime.oauth, runtime.clock) for _ in range(3)]
    renewed = await asyncio.gather(*(vault.keep_alive(runtime.clock()) for vault in vaults))
    assert desk.vendors.refreshes == 8
    assert len({grant_id for ids in renewed for grant_id in ids}) == 8
    assert await vaults[0].keep_alive(runtime.clock() + timedelta(hours=1)) == []


async def test_the_lease_is_renewed_before_every_token_that_is_tried(desk: Desk) -> None:
    """Three slow refusals last longer than one lease; a second process must not start between them."""
    caller = desk.firm()
    row = await desk.row(caller, await desk.connect(caller, XERO, "user-1"))
    desk.vendors.clock.advance(hours=1)
    await desk.runtime.vault.access_token(row.grant_id)
    desk.vendors.clock.advance(minutes=29)
    desk.vendors.kill()
    left: list[float] = []

    def slow(_: dict[str, str]) -> None:
        left.extend(float(found[0]) for found in desk.sql("SELECT extract(epoch FROM lease_until - now()) FROM grants"))
        desk.sql("UPDATE grants SET lease_until = now() + interval '10 seconds'")  # what a call of 20 seconds leaves

    desk.vendors.on_token = slow
    with pytest.raises(NeedsReauth):
        await desk.runtime.vault.access_token(row.grant_id)
    assert [seconds > 20 for seconds in left] == [True, True, True], left


async def test_a_delivery_is_stored_though_the_bell_for_the_one_before_it_broke(
    desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.connect(desk.firm())
    ingest = Ingest(database)
    ringing, go_on = asyncio.Event(), asyncio.Event()

    async def broken(*_: object) -> None:
        ringing.set()
        await go_on.wait()
        raise ConnectionError("the database went away")

    monkeypatch.setattr(wakeups, "wake", broken)
    await ingest.store(_delivery("1"))
    await ringing.wait()
    second = asyncio.create_task(ingest.store(_delivery("2")))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait_for(second, 5)
    assert desk.sql("SELECT count(*) FROM webhook_deliveries") == [(2,)]


def _delivery(key: str) -> Delivery:
    event = {
        **dict.fromkeys(("kind", "external_id", "operation", "label"), ""),
        "provider": "quickbooks",
        "event_key": key,
        "company_id": REALM,
        "occurred_at": None,
    }
    return Delivery("quickbooks", "", (event,))
