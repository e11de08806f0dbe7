"""Nothing waits for ever, and nothing spins: poison records, dead grants, silent providers, switches, crashes."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.canonical import Kind
from app.connections import disconnect
from app.db import leases, outgoing, runs, work
from app.db.sync_tables import CustomerSyncMapping, SyncRun, WebhookDelivery, WebhookEvent, WriteCall
from app.db.tables import Connection
from app.errors import ProviderUnavailable
from app.providers.http import ProviderHttp
from app.sync import requests, resolve, runner
from tests.support.world import World

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])
PAST = "now() - interval '1 hour'"


async def sql(world: World, firm: int, statement: str) -> None:
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(statement)


async def connected(world: World, provider: str = "quickbooks") -> tuple[int, int]:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    await world.work(connection)
    return firm, connection


async def unsettled(world: World, firm: int, connection: int, provider: str = "quickbooks") -> int:
    """A client whose write was lost, twice: only looking can tell now. It is due at once."""
    client = await world.client(firm, "Lost & Found")
    await world.ask(firm, connection, Kind.customer, [client])
    method = "PUT" if provider == "xero" else "POST"
    world.fault(connection, "/customer|/Contacts", "lost_answer", method=method, times=2)
    await world.work(connection)
    await sql(world, firm, "UPDATE write_calls SET next_due_at = now() WHERE state <> 'done'")
    await world.work(connection)
    await sql(world, firm, "UPDATE write_calls SET next_due_at = now() WHERE state <> 'done'")
    assert (await world.mapping(firm, Kind.customer, connection, client)).state == "unknown"
    return client


@pytest.mark.parametrize(
    "change",
    [
        {"status": "expired"},
        {"status": "error"},
        {"payment_sync_enabled": False},
        {"sync_enabled": False},
        {"throttled_until": "soon"},
    ],
)
async def test_a_schedule_that_cannot_be_followed_does_not_spin(world: World, change: dict[str, Any]) -> None:
    firm, connection = await connected(world)
    await sql(world, firm, f"UPDATE connections SET next_sync_at = {PAST}")
    if "throttled_until" in change:
        await sql(world, firm, "UPDATE connections SET throttled_until = now() + interval '1 hour'")
    else:
        await world.set(firm, Connection, connection, **change)
    assert await runner.work_on(world.runtime, connection) is False
    row = await world.row(firm, Connection, connection)
    soonest = row.throttled_until or row.created_at + timedelta(hours=20)  # the daily sweep, where nothing else is due
    assert row.next_due_at is None or row.next_due_at >= soonest


@pytest.mark.parametrize("status", ["expired", "revoked"])
async def test_a_write_of_unknown_outcome_waits_for_the_reconnect(world: World, status: str) -> None:
    firm, connection = await connected(world)
    client = await unsettled(world, firm, connection)
    if status == "revoked":
        await disconnect(world.runtime, firm, connection)
    else:
        await world.set(firm, Connection, connection, status="expired")
    assert await runner.work_on(world.runtime, connection) is False
    row = await world.row(firm, Connection, connection)
    assert (row.lease_owner, row.next_due_at) == ("", None)
    assert await world.connect(firm, "quickbooks") == connection
    await world.work(connection)
    assert (await world.mapping(firm, Kind.customer, connection, client)).state == "synced"
    names = [one["name"] for one in (await world.ledger(connection))["customers"]]
    assert names.count("Lost & Found") == 1


async def test_a_record_that_cannot_be_translated_blocks_no_other(world: World, monkeypatch: Any) -> None:
    firm, connection = await connected(world)
    clients = [await world.client(firm, name) for name in ("Before", "Poison", "After")]
    translate = resolve.customer

    def breaks(row: Any) -> Any:
        if row.name == "Poison":
            raise KeyError("a bug of ours")
        return translate(row)

    monkeypatch.setattr(resolve, "customer", breaks)
    await world.ask(firm, connection, Kind.customer, clients)
    await world.work(connection)
    found = [await world.mapping(firm, Kind.customer, connection, one) for one in clients]
    assert [one.state for one in found] == ["synced", "error", "synced"]
    assert found[1].fault["code"] == "cannot_be_prepared"
    assert found[1].fault["who"] == "operator"


@BOTH
async def test_a_record_that_cannot_be_put_into_a_call_blocks_no_other(
    world: World, monkeypatch: Any, provider: str
) -> None:
    firm, connection = await connected(world, provider)
    clients = [await world.client(firm, name) for name in ("Before", "Poison", "After")]
    where = f"app.providers.{provider}.adapter." + ("prepare" if provider == "quickbooks" else "writing.prepare")
    prepare = import_module(f"app.providers.{provider}.writing").prepare

    def breaks(items: Any, key: str, company: Any) -> Any:
        if any(item.record.name == "Poison" for item in items):
            raise ValueError("no request for this")
        return prepare(items, key, company)

    monkeypatch.setattr(where, breaks)
    await world.ask(firm, connection, Kind.customer, clients)
    await world.work(connection)
    states = [(await world.mapping(firm, Kind.customer, connection, one)).state for one in clients]
    assert states == ["synced", "error", "synced"]


@BOTH
@pytest.mark.parametrize("status", [400, 503])
async def test_a_look_up_that_fails_blocks_nothing_else(world: World, provider: str, status: int) -> None:
    firm, connection = await connected(world, provider)
    lost = await unsettled(world, firm, connection, provider)
    method = "POST" if provider == "quickbooks" else "GET"
    world.fault(connection, "/query|/Contacts", "status", method=method, status=status, times=1000)
    other = await world.client(firm, "Somebody else")
    await world.ask(firm, connection, Kind.customer, [other])
    for _ in range(2):
        await world.work(connection)
        await world.hurry(firm, connection)
    assert (await world.mapping(firm, Kind.customer, connection, other)).state == "synced"
    assert (await world.mapping(firm, Kind.customer, connection, lost)).state == "unknown"
    world.sims.faults.clear()
    await sql(world, firm, "UPDATE write_calls SET next_due_at = now() WHERE state <> 'done'")
    await world.work(connection)
    assert (await world.mapping(firm, Kind.customer, connection, lost)).state == "synced"


async def event(world: World, firm: int, connection: int, key: str, external_id: str) -> int:
    async with world.runtime.db.system() as session:
        stored = insert(WebhookDelivery).values(provider="quickbooks", body=b"{}", events=1)
        delivery = (await session.execute(stored.returning(WebhookDelivery.id))).scalar_one()
        values = {
            "firm_id": firm,
            "connection_id": connection,
            "delivery_id": delivery,
            "provider": "quickbooks",
            "event_key": key,
            "company_id": "c",
            "kind": "payment",
            "external_id": external_id,
            "operation": "update",
        }
        return int((await session.execute(insert(WebhookEvent).values(values).returning(WebhookEvent.id))).scalar_one())


async def test_an_event_that_cannot_be_looked_at_does_not_starve_the_bulk(world: World) -> None:
    firm, connection = await connected(world)
    event_id = await event(world, firm, connection, "k1", "4711")
    world.fault(connection, "/query", "status", method="POST", status=503, times=1000)
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    for _ in range(2):
        await world.work(connection)
        await world.hurry(firm, connection)
    assert (await world.mapping(firm, Kind.customer, connection, client)).state == "synced"
    row = await world.row(firm, WebhookEvent, event_id)
    assert (row.state, row.failures) == ("pending", 1)


async def test_an_event_whose_record_breaks_us_blocks_nothing(world: World, monkeypatch: Any) -> None:
    firm, connection = await connected(world)
    event_id = await event(world, firm, connection, "k1", "4711")

    async def breaks(*_: Any) -> Any:
        raise KeyError("a bug of ours")

    monkeypatch.setattr("app.sync.inbox.apply", breaks)
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    assert (await world.mapping(firm, Kind.customer, connection, client)).state == "synced"
    row = await world.row(firm, WebhookEvent, event_id)
    assert (row.state, row.failures) == ("pending", 1)


async def test_a_pull_that_breaks_us_is_retried_and_then_fails(world: World, monkeypatch: Any) -> None:
    firm, connection = await connected(world)

    async def breaks(*_: Any) -> Any:
        raise KeyError("a bug of ours")

    monkeypatch.setattr("app.sync.pull.apply", breaks)
    async with world.runtime.db.firm(firm) as session:
        later = await runs.request(session, firm, connection, "pull", priority=runs.BACKFILL)
        now = await runs.request(session, firm, connection, "pull", priority=runs.INTERACTIVE)
    await world.work(connection)
    assert (await world.row(firm, SyncRun, now)).state == "failed"
    waiting = await world.row(firm, SyncRun, later)
    assert (waiting.state, waiting.error["code"]) == ("queued", "internal_error")
    assert (await world.row(firm, Connection, connection)).lease_owner == ""


async def test_interactive_work_for_a_dead_grant_ends(world: World) -> None:
    firm, connection = await connected(world)
    asked = await requests.pull(
        world.runtime.db, firm, connection, kinds=None, date_from=None, date_to=None, requested_by="alice"
    )
    async with world.runtime.db.firm(firm) as session:
        scheduled = await runs.request(session, firm, connection, "pull", priority=runs.BACKFILL)
    await world.set(firm, Connection, connection, status="expired", error_code="needs_reauth", error_message="Gone.")
    await world.work(connection)
    run = await world.row(firm, SyncRun, asked)
    assert (run.state, run.error["code"], run.error["detail"]) == ("failed", "needs_reauth", "Gone.")
    assert (await world.row(firm, SyncRun, scheduled)).state == "queued"


async def test_after_a_disconnect_nothing_stays_in_a_queue_for_ever(world: World) -> None:
    firm, connection = await connected(world)
    client = await world.client(firm)
    await world.set(firm, Connection, connection, status="expired")
    event_id = await event(world, firm, connection, "k1", "4711")
    async with world.runtime.db.firm(firm) as session:
        pulled = await runs.request(session, firm, connection, "pull", priority=runs.BACKFILL)
        pushed = await runs.request(session, firm, connection, "push")
    await world.ask(firm, connection, Kind.customer, [client])
    await sql(world, firm, f"UPDATE customer_sync_mappings SET run_id = {pushed}")
    await disconnect(world.runtime, firm, connection)
    async with world.runtime.db.system() as session:
        from_sweep = await work.forgotten(session)
    assert from_sweep == [connection]
    await world.work(connection)
    for run_id in (pulled, pushed):
        run = await world.row(firm, SyncRun, run_id)
        assert (run.state, run.error["code"]) == ("failed", "not_connected")
    assert (await world.row(firm, WebhookEvent, event_id)).state == "ignored"
    mapping = await world.mapping(firm, Kind.customer, connection, client)
    assert mapping.state == "pending"
    assert "disconnected" in mapping.sync_error
    async with world.runtime.db.system() as session:
        assert await work.forgotten(session) == []
    assert await world.connect(firm, "quickbooks") == connection
    await world.work(connection)
    assert (await world.mapping(firm, Kind.customer, connection, client)).state == "synced"


@pytest.mark.parametrize("hindered", ["paused", "throttled", "expired"])
async def test_the_sweep_wakes_nobody_in_vain(world: World, hindered: str) -> None:
    firm, connection = await connected(world)
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    async with world.runtime.db.firm(firm) as session:
        await runs.request(session, firm, connection, "pull", priority=runs.BACKFILL)
    await sql(world, firm, "UPDATE sync_runs SET state = 'done'" if hindered == "paused" else "SELECT 1")
    change = {
        "paused": "sync_enabled = false",
        "throttled": "throttled_until = now() + interval '1 hour'",
        "expired": "status = 'expired'",
    }[hindered]
    await sql(world, firm, f"UPDATE connections SET {change}, next_due_at = NULL")
    async with world.runtime.db.system() as session:
        assert await work.forgotten(session) == []


async def test_what_crashes_the_worker_again_and_again_is_parked_alone(world: World) -> None:
    firm, connection = await connected(world)
    clients = [await world.client(firm) for _ in range(3)]
    await world.ask(firm, connection, Kind.customer, clients)
    event_id = await event(world, firm, connection, "k1", "4711")
    await sql(world, firm, "UPDATE webhook_events SET next_due_at = now() + interval '1 hour'")
    await sql(
        world,
        firm,
        f"UPDATE connections SET crashes = {runner.MAX_CRASHES - 1}, lease_owner = 'dead', lease_until = {PAST}",
    )
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        found = (await session.execute(select(CustomerSyncMapping).order_by(CustomerSyncMapping.id))).all()
    assert [one.state for one in found] == ["parked", "synced", "synced"]
    assert found[0].fault["code"] == "worker_died"
    assert (await world.row(firm, WebhookEvent, event_id)).state == "pending"
    assert (await world.row(firm, Connection, connection)).crashes == 0


async def test_a_settling_that_crashes_the_worker_waits_for_a_person(world: World) -> None:
    firm, connection = await connected(world)
    lost = await unsettled(world, firm, connection)
    other = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [other])
    await sql(
        world,
        firm,
        f"UPDATE connections SET crashes = {runner.MAX_CRASHES - 1}, lease_owner = 'dead', lease_until = {PAST}",
    )
    await world.work(connection)
    assert (await world.mapping(firm, Kind.customer, connection, lost)).state == "unknown"
    assert (await world.mapping(firm, Kind.customer, connection, other)).state == "synced"


async def test_an_outage_costs_one_call_and_parks_nothing(world: World, monkeypatch: Any) -> None:
    firm, connection = await connected(world)
    clients = [await world.client(firm) for _ in range(2)]
    await world.ask(firm, connection, Kind.customer, clients)
    await sql(world, firm, "UPDATE customer_sync_mappings SET failures = 40")
    monkeypatch.setattr(outgoing, "owed", one_at_a_time(outgoing.owed))
    calls = 0

    async def away(*_: Any, **__: Any) -> Any:
        nonlocal calls
        calls += 1
        raise ProviderUnavailable("away")

    monkeypatch.setattr(ProviderHttp, "write", away)
    await world.work(connection)
    assert calls == 1
    states = [(await world.mapping(firm, Kind.customer, connection, one)).state for one in clients]
    assert states == ["pending", "pending"]


def one_at_a_time(owed: Any) -> Any:
    async def limited(session: Any, firm_id: int, scope: Any, kind: Kind, _limit: int) -> Any:
        return await owed(session, firm_id, scope, kind, 1)

    return limited


async def test_a_call_that_is_not_settled_in_this_turn_is_settled_in_another(world: World, monkeypatch: Any) -> None:
    """Whatever breaks while settling, the call stays findable, and the lease is given back."""
    firm, connection = await connected(world)
    lost = await unsettled(world, firm, connection)

    def breaks(*_: Any) -> Any:
        raise KeyError("a bug of ours")

    with monkeypatch.context() as patched:
        patched.setattr("app.sync.ledger.thaw", breaks)
        await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        calls = (await session.execute(select(WriteCall).where(WriteCall.state != "done"))).all()
    assert [call.state for call in calls] == ["unknown"]
    assert (await world.row(firm, Connection, connection)).lease_owner == ""
    await sql(world, firm, "UPDATE write_calls SET next_due_at = now() WHERE state <> 'done'")
    await world.work(connection)
    assert (await world.mapping(firm, Kind.customer, connection, lost)).state == "synced"


async def test_a_lease_that_was_left_is_not_given_back_by_its_old_holder(world: World) -> None:
    _, connection = await connected(world)
    async with world.runtime.db.system() as session:
        old = await leases.claim(session, connection, "old", 0)
    async with world.runtime.db.system() as session:
        new = await leases.claim(session, connection, "new", 60)
    assert old is not None
    assert new is not None
    async with world.runtime.db.firm(old.firm_id) as session:
        assert await leases.release(session, old, {}, None) is False
        await leases.hold(session, new, 60)


@pytest.mark.parametrize("stored", ["{}", '{"external_id": "1", "words": "of another version"}'])
async def test_a_company_that_is_not_known_is_looked_at_first(world: World, stored: str) -> None:
    firm, connection = await connected(world)
    await sql(world, firm, f"UPDATE connections SET company = '{stored}'::jsonb")
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    assert (await world.mapping(firm, Kind.customer, connection, client)).state == "synced"
