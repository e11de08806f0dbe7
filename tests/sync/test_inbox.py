"""Webhooks and pulls over both simulators: what was paid there becomes paid here, and back again."""

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.canonical import Kind
from app.db import inbox, runs, wakeups
from app.db.tables import Connection, Invoice, Payment
from app.main import create_app
from app.sync import requests
from simulators.core.webhooks import WebhookSender
from tests.support.world import World

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])
KEYS = {"quickbooks": "intuit-verifier-old", "xero": "xero-key-new"}
PATHS = {"quickbooks": "qbo", "xero": "xero"}


def sender(world: World, provider: str) -> WebhookSender:
    return world.sims.intuit.webhooks if provider == "quickbooks" else world.sims.xero.webhooks


async def listening(world: World, provider: str) -> None:
    """Point the simulator's webhooks at our application, in process."""
    app = create_app(runtime=world.runtime)
    hooks = sender(world, provider)
    hooks.transport = httpx.ASGITransport(app=app)
    hooks.batch_window = 0.0
    hooks.target(f"http://localhost:8000/api/webhooks/{PATHS[provider]}", KEYS[provider])


async def pushed(world: World, provider: str, count: int = 1) -> tuple[int, int, list[int]]:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    client = await world.client(firm)
    invoices = [await world.invoice(firm, client) for _ in range(count)]
    await world.ask(firm, connection, Kind.invoice, invoices)
    await world.work(connection)
    return firm, connection, invoices


async def remote_id(world: World, firm: int, connection: int, invoice: int) -> str:
    return str((await world.mapping(firm, Kind.invoice, connection, invoice)).external_id)


async def paid(world: World, firm: int, invoice: int) -> tuple[str, str]:
    row = await world.row(firm, Invoice, invoice)
    return row.status, f"{row.amount_paid:.2f}"


async def deliver(world: World, provider: str, connection: int) -> None:
    hooks = sender(world, provider)
    for _ in range(100):
        feed = world.sims.intuit.feed if provider == "quickbooks" else world.sims.xero.events
        feed.flush()
        if await hooks.settled(1):
            break
    await world.work(connection)


async def pull(world: World, firm: int, connection: int) -> Any:
    run_id = await requests.pull(
        world.runtime.db, firm, connection, kinds=None, date_from=None, date_to=None, requested_by="alice"
    )
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        return await runs.get(session, firm, run_id)


@BOTH
async def test_a_pull_brings_payments_and_their_undoing(world: World, provider: str) -> None:
    firm, connection, (full, part) = await pushed(world, provider, 2)
    await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, full))
    payment = await world.act(
        connection, "pay", invoice_id=await remote_id(world, firm, connection, part), amount="31.50"
    )
    run = await pull(world, firm, connection)
    assert (run.state, run.counts["payments"]) == ("done", 2)
    assert await paid(world, firm, full) == ("paid", "231.50")
    assert await paid(world, firm, part) == ("partially_paid", "31.50")
    assert (await world.row(firm, Invoice, full)).paid_date is not None
    await world.act(connection, "void_payment", payment_id=payment["payment_id"])
    await pull(world, firm, connection)
    assert await paid(world, firm, part) == ("approved", "0.00")


@BOTH
async def test_a_second_pull_changes_nothing(world: World, provider: str) -> None:
    firm, connection, (invoice,) = await pushed(world, provider)
    await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, invoice))
    assert (await pull(world, firm, connection)).counts["payments"] == 1
    assert (await pull(world, firm, connection)).counts["payments"] == 0
    assert await paid(world, firm, invoice) == ("paid", "231.50")


@BOTH
async def test_more_than_the_total_leaves_the_rest_unapplied(world: World, provider: str) -> None:
    firm, connection, (invoice,) = await pushed(world, provider)
    external = await remote_id(world, firm, connection, invoice)
    await world.act(connection, "pay", invoice_id=external, amount="300.00", overpay=True)
    await pull(world, firm, connection)
    assert await paid(world, firm, invoice) == ("paid", "231.50")


@BOTH
async def test_a_webhook_makes_the_invoice_paid(world: World, provider: str) -> None:
    firm, connection, (invoice,) = await pushed(world, provider)
    await listening(world, provider)
    await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, invoice))
    await deliver(world, provider, connection)
    assert await paid(world, firm, invoice) == ("paid", "231.50")
    async with world.runtime.db.firm(firm) as session:
        left = (
            await session.exec_driver_sql("SELECT count(*) FROM webhook_events WHERE state = 'pending'")
        ).scalar_one()
    assert left == 0


@BOTH
async def test_a_payment_voided_there_is_no_money_here_and_news_only_once(world: World, provider: str) -> None:
    firm, connection, (kept, undone) = await pushed(world, provider, 2)
    await listening(world, provider)
    # At the half second QuickBooks' stamps of records are later than the events about what happens to them next.
    world.sims.clock.freeze(world.sims.clock.now().replace(microsecond=500_000))
    await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, kept))
    voided = await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, undone))
    await deliver(world, provider, connection)
    world.sims.clock.advance(timedelta(milliseconds=100))
    await world.act(connection, "void_payment", payment_id=voided["payment_id"])
    await deliver(world, provider, connection)
    async with world.runtime.db.firm(firm) as session:
        known = {row.external_id: row.active for row in await session.execute(select(Payment))}
    assert known.pop(voided["payment_id"]) is False
    assert list(known.values()) == [True]
    run = await pull(world, firm, connection)
    assert run.counts["payments"] == 0


@BOTH
async def test_a_redelivered_event_is_stored_once(world: World, provider: str) -> None:
    firm, connection, (invoice,) = await pushed(world, provider)
    await listening(world, provider)
    sender(world, provider).duplicate = True
    await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, invoice))
    await deliver(world, provider, connection)
    async with world.runtime.db.system() as session:
        deliveries = (await session.exec_driver_sql("SELECT count(*) FROM webhook_deliveries")).scalar_one()
        keys = (await session.exec_driver_sql("SELECT event_key FROM webhook_events")).scalars().all()
    assert deliveries >= 2
    assert len(keys) == len(set(keys)) > 0
    assert await paid(world, firm, invoice) == ("paid", "231.50")


@BOTH
async def test_a_forged_webhook_is_refused_and_leaves_nothing(world: World, provider: str) -> None:
    _, connection, _ = await pushed(world, provider)
    app = create_app(runtime=world.runtime)
    company = world.companies[connection][1]
    body = f'[{{"id":"1","type":"qbo.invoice.updated.v1","intuitentityid":"9","intuitaccountid":"{company}"}}]'.encode()
    header = "intuit-signature" if provider == "quickbooks" else "x-xero-signature"
    genuine = base64.b64encode(hmac.digest(KEYS[provider].encode(), body, hashlib.sha256)).decode()
    forged = [b"", b"nonsense", ("/" + genuine[1:]).encode(), (genuine + "A").encode()]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost:8000") as http:
        for signature in forged:
            answer = await http.post(
                f"/api/webhooks/{PATHS[provider]}", content=body, headers={header: signature.decode()}
            )
            assert (answer.status_code, answer.content) == (401, b"")
            assert "set-cookie" not in answer.headers
        unsigned = await http.post(f"/api/webhooks/{PATHS[provider]}", content=body)
        assert unsigned.status_code == 401
    async with world.runtime.db.system() as session:
        assert (await session.exec_driver_sql("SELECT count(*) FROM webhook_deliveries")).scalar_one() == 0


async def test_intent_to_receive_is_answered_as_xero_wants(world: World) -> None:
    await listening(world, "xero")
    answer = await world.http.post("http://localhost:8100/_sim/xero/webhooks/intent")
    assert answer.json()["ok"] is True


async def test_an_event_of_an_unknown_company_is_kept_and_ignored(world: World) -> None:
    async with world.runtime.db.system() as session:
        event = {
            "provider": "quickbooks",
            "event_key": "e-1",
            "company_id": "404",
            "kind": "invoice",
            "external_id": "1",
            "operation": "updated",
            "label": "Invoice",
            "occurred_at": None,
        }
        woken = await inbox.store(session, [inbox.Delivery("quickbooks", "", (event,))])
        row = (await session.exec_driver_sql("SELECT firm_id, state, reason FROM webhook_events")).one()
    assert woken == set()
    assert tuple(row) == (None, "ignored", "no such company is connected")


async def test_a_failed_commit_is_not_answered_200(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> set[int]:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(inbox, "store", broken)
    app = create_app(runtime=world.runtime)
    body = b"[]"
    signature = base64.b64encode(hmac.digest(b"intuit-verifier-new", body, hashlib.sha256)).decode()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
        answer = await http.post("/api/webhooks/qbo", content=body, headers={"intuit-signature": signature})
    assert answer.status_code >= 500


async def test_waking_twice_is_waking_once(world: World) -> None:
    _, connection, _ = await pushed(world, "quickbooks")
    async with world.runtime.db.system() as session:
        await session.exec_driver_sql("DELETE FROM procrastinate.procrastinate_jobs")
    assert await wakeups.wake(world.runtime.db, connection) is True
    assert await wakeups.wake(world.runtime.db, connection) is False
    async with world.runtime.db.system() as session:
        jobs = await session.exec_driver_sql("SELECT args FROM procrastinate.procrastinate_jobs")
        assert [row.args for row in jobs] == [{"connection_id": connection}]


@BOTH
async def test_our_own_creation_costs_no_look(world: World, provider: str) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    await listening(world, provider)
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    before = world.calls(connection)
    await deliver(world, provider, connection)
    assert world.calls(connection) == before
    async with world.runtime.db.firm(firm) as session:
        rows = (await session.exec_driver_sql("SELECT kind, state, reason FROM webhook_events")).all()
    assert [tuple(row) for row in rows] == [("customer", "ignored", "our own write")]


@BOTH
async def test_what_nobody_told_while_the_consent_was_gone_is_read_once_it_is_back(world: World, provider: str) -> None:
    """Xero tells nothing of companies that are not connected."""
    firm, connection, (invoice,) = await pushed(world, provider)
    await pull(world, firm, connection)
    await world.act(connection, "disconnect")
    await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, invoice))
    await pull(world, firm, connection)
    assert (await world.row(firm, Connection, connection)).status in ("expired", "error")
    await world.connect(firm, provider)
    await world.work(connection)
    assert (await paid(world, firm, invoice))[0] == "paid"
    async with world.runtime.db.firm(firm) as session:
        found = await session.exec_driver_sql("SELECT state FROM sync_runs WHERE trigger = 'nightly'")
        assert [row.state for row in found] == ["done"]
