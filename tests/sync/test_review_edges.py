"""Clocks that jump, news that come twice, deliveries that cannot be stored, payments in any order."""

import asyncio
import base64
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app.canonical import Kind, ProviderName, RemotePayment, Settlement
from app.db import owners, remote_records, settlements
from app.db.inbox import Delivery
from app.db.sync_tables import WebhookDelivery
from app.db.tables import Connection, Invoice
from app.edge.ingest import Ingest
from app.errors import RateLimited
from app.governor import SAFETY, Governor
from app.providers.registry import SPECS
from tests.support.world import World

XERO = SPECS[ProviderName.xero].capabilities.limits


@pytest.mark.parametrize("back", [30.0, 3600.0])
async def test_a_clock_that_is_set_back_stops_nobody_for_longer_than_a_minute(back: float) -> None:
    now = 1_800_000_000.0
    governor = Governor(XERO, {}, clock=lambda: now)
    for _ in range(int(XERO.per_minute * SAFETY)):
        await governor.admit("/Invoices")
    saved = governor.saved()
    now -= back
    after = Governor(XERO, saved, clock=lambda: now)
    with pytest.raises(RateLimited) as refused:
        await after.admit("/Invoices")
    assert refused.value.retry_after is not None
    assert refused.value.retry_after.total_seconds() <= 60
    now += 60.5
    await after.admit("/Invoices")


async def test_a_deletion_that_is_told_again_is_no_news(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    live: dict[str, Any] = {"version": "3", "record": {"number": "T-1"}, "updated_at": None}
    gone: dict[str, Any] = {"version": "", "record": {}, "updated_at": None, "gone": True}
    changed = []
    for copy in (live, live, gone, gone):
        async with world.runtime.db.firm(firm) as session:
            changed.append(await remote_records.save(session, firm, connection, Kind.invoice, "4711", **copy))
    assert changed == [True, False, True, False]


async def test_a_delivery_that_cannot_be_stored_fails_alone(world: World) -> None:
    ingest = Ingest(world.runtime.db)
    body = base64.b64encode(b"{}").decode()

    def delivery(key: str) -> Delivery:
        words = ("company_id", "kind", "external_id", "operation", "label")
        event: dict[str, Any] = {**dict.fromkeys(words, "x"), "provider": "xero", "event_key": key, "occurred_at": None}
        return Delivery("xero", body, (event,))

    # PostgreSQL's text has no room for this character, whoever sends it.
    keys = ["a", "b\0", "c", "d"]
    done = await asyncio.gather(*(ingest.store(delivery(key)) for key in keys), return_exceptions=True)
    assert [isinstance(one, Exception) for one in done] == [False, True, False, False]
    async with world.runtime.db.system() as session:
        assert (await session.execute(select(func.count()).select_from(WebhookDelivery))).scalar_one() == 3


def payment(external_id: str, day: int, amount: str, invoice: str) -> RemotePayment:
    on = date(2026, 11, day)
    return RemotePayment(
        external_id=external_id,
        version="1",
        customer_id="77",
        on=on,
        currency="USD",
        amount=Decimal(amount),
        unapplied=Decimal(0),
        active=True,
        settlements=(Settlement(source_id=external_id, invoice_id=invoice, amount=Decimal(amount), on=on),),
    )


async def apply(world: World, firm: int, connection: int, *payments: RemotePayment) -> list[bool]:
    async with world.runtime.db.firm(firm) as session:
        return [await settlements.apply_payment(session, firm, connection, one) for one in payments]


async def state(world: World, firm: int, invoice: int) -> tuple[str, Decimal, date | None]:
    row = await world.row(firm, Invoice, invoice)
    return row.status, row.amount_paid, row.paid_date


async def test_money_that_came_before_the_link_counts_once_it_is_linked(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    client = await world.client(firm)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    await world.work(connection)
    external = (await world.mapping(firm, Kind.invoice, connection, invoice)).external_id
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(
            "UPDATE invoice_sync_mappings SET external_id = NULL, state = 'pending', attempt = 9"
        )
    await apply(world, firm, connection, payment("p1", 5, "231.50", external))
    assert await state(world, firm, invoice) == ("approved", Decimal(0), None)
    await world.work(connection)
    assert await state(world, firm, invoice) == ("paid", Decimal("231.50"), date(2026, 11, 5))


async def test_a_payment_that_is_deleted_and_entered_anew_counts_once(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    client = await world.client(firm)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    await world.work(connection)
    external = (await world.mapping(firm, Kind.invoice, connection, invoice)).external_id
    part, rest = payment("p1", 5, "200.00", external), payment("p2", 5, "31.50", external)
    assert await apply(world, firm, connection, part, rest) == [True, True]
    assert await state(world, firm, invoice) == ("paid", Decimal("231.50"), date(2026, 11, 5))
    async with world.runtime.db.firm(firm) as session:
        assert await settlements.remove_payment(session, firm, connection, "p1")
        assert not await settlements.remove_payment(session, firm, connection, "p1")
    assert await state(world, firm, invoice) == ("partially_paid", Decimal("31.50"), None)
    await apply(world, firm, connection, payment("p3", 9, "200.00", external))
    assert await state(world, firm, invoice) == ("paid", Decimal("231.50"), date(2026, 11, 9))
    assert await apply(world, firm, connection, payment("p3", 9, "200.00", external)) == [False]


async def test_a_longer_pause_is_not_cut_short_by_a_shorter_one(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    for wait in (timedelta(hours=1), timedelta(seconds=5)):
        async with world.runtime.db.firm(firm) as session:
            await owners.throttle(session, firm, connection, wait)
    async with world.runtime.db.firm(firm) as session:
        query = select(Connection.throttled_until > func.now() + timedelta(minutes=59))
        assert (await session.execute(query.where(Connection.id == connection))).scalar_one() is True
