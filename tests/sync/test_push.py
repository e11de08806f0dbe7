"""Push over both simulators: parents first, batches, refusals beside good ones, nothing written twice."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from app.canonical import Kind
from app.db import runs
from app.db.tables import Client
from app.providers.quickbooks.adapter import QuickBooks
from app.providers.xero.adapter import Xero
from app.sync import requests
from tests.support.world import World

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])


@BOTH
async def test_an_invoice_takes_its_customer_along(world: World, provider: str) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    client = await world.client(firm, "O'Brien & Söhne")
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert (mapping.state, mapping.sync_status, mapping.sync_error) == ("synced", "synced", "")
    assert mapping.external_total == Decimal("231.50")
    ledger = await world.ledger(connection)
    ours = [one for one in ledger["invoices"] if one["number"] == "T-0002"]
    assert [(one["total"], one["balance"]) for one in ours] == [("231.50", "231.50")]


async def test_a_push_with_nothing_to_do_is_done(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, "xero")
    asked = await requests.push_many(
        world.runtime.db, firm, connection, [Kind.customer, Kind.invoice], None, requested_by="alice"
    )
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        run = await runs.get(session, firm, asked.run_id or 0)
    assert (run.state, run.counts["pushed"]) == ("done", 0)


@BOTH
async def test_pushing_again_writes_nothing(world: World, provider: str) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    client = await world.client(firm)
    invoices = [await world.invoice(firm, client) for _ in range(3)]
    await world.ask(firm, connection, Kind.invoice, invoices)
    await world.work(connection)
    before = world.calls(connection)
    await world.ask(firm, connection, Kind.invoice, invoices)
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    assert world.calls(connection) == before
    ledger = await world.ledger(connection)
    assert len([one for one in ledger["invoices"] if one["number"].startswith("T-")]) == 3


@BOTH
async def test_a_refused_record_stands_beside_the_good_ones(world: World, provider: str) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    good = await world.client(firm)
    bad = await world.client(firm, "Double  space<br>:tab")
    await world.ask(firm, connection, Kind.customer, [good, bad])
    await world.work(connection)
    assert (await world.mapping(firm, Kind.customer, connection, good)).state == "synced"
    refused = await world.mapping(firm, Kind.customer, connection, bad)
    assert (refused.state, refused.sync_status) == ("error", "error")
    assert refused.sync_error


@BOTH
async def test_an_unmapped_code_is_refused_before_any_call(world: World, provider: str) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    invoice = await world.invoice(firm, client)
    await world.runtime.db.dispose()
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("DELETE FROM tax_mappings")
    before = world.calls(connection)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert mapping.state == "error"
    assert mapping.fault["code"] == "tax_unmapped"
    assert world.calls(connection) == before


@BOTH
async def test_a_changed_client_is_sent_as_an_update(world: World, provider: str) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    client = await world.client(firm, "Before")
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    first = await world.mapping(firm, Kind.customer, connection, client)
    await world.set(firm, Client, client, name="After", revision=2)
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    second = await world.mapping(firm, Kind.customer, connection, client)
    assert (second.state, second.base_revision, second.external_id) == ("synced", 2, first.external_id)
    names = [one["name"] for one in (await world.ledger(connection))["customers"]]
    assert "After" in names
    assert "Before" not in names


@pytest.mark.parametrize("provider", ["quickbooks", "xero"])
async def test_several_calls_are_in_flight_and_all_of_them_count(
    world: World, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    clients = [await world.client(firm) for _ in range(120)]
    await world.ask(firm, connection, Kind.customer, clients)
    owner: Any = QuickBooks if provider == "quickbooks" else Xero
    original, together, arrived = owner.write, asyncio.Event(), 0

    async def write(self: Any, call: Any) -> Any:
        nonlocal arrived
        arrived += 1
        if arrived >= 2:
            together.set()
        await asyncio.wait_for(together.wait(), 10)
        return await original(self, call)

    monkeypatch.setattr(owner, "write", write)
    await world.work(connection)
    states = {(await world.mapping(firm, Kind.customer, connection, one)).state for one in clients}
    assert states == {"synced"}
    assert arrived == {"quickbooks": 4, "xero": 3}[provider]
