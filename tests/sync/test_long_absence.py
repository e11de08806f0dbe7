"""A company that nothing was read from for longer than the change feed reaches back: all is read again, once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app import connections
from app.canonical import Kind
from app.db.tables import Connection, Invoice
from tests.support.world import World
from tests.sync.test_missing import pull, pushed, there

OLD = date(2026, 6, 1)
TOMORROW = datetime.now(UTC) + timedelta(days=1)


async def absent(world: World, firm: int, days: int) -> None:
    """Let the last reading of everything be so many days ago."""
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(
            f"UPDATE sync_cursors SET last_success_at = now() - interval '{days} days',"
            " cursor = jsonb_set(cursor::jsonb,"
            f" '{{floor}}', to_jsonb(to_char(now() - interval '{days} days', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')))::text"
        )


async def asked(world: World, firm: int) -> list[Any]:
    async with world.runtime.db.firm(firm) as session:
        found = await session.exec_driver_sql(
            "SELECT trigger, params ->> 'date_from' AS since FROM sync_runs WHERE trigger <> 'api' ORDER BY id"
        )
        return [(row.trigger, row.since) for row in found]


async def test_a_payment_deleted_during_a_long_absence_is_taken_back_after_it(world: World) -> None:
    firm, connection, (invoice,) = await pushed(world, "quickbooks", 1)
    await world.set(firm, Invoice, invoice, issue_date=OLD)
    document = await there(world, firm, connection, invoice)
    paid = await world.act(connection, "pay", invoice_id=document, date=f"{OLD}")
    await pull(world, firm, connection, [Kind.payment, Kind.invoice])
    assert (await world.row(firm, Invoice, invoice)).status == "paid"
    await world.act(connection, "delete_payment", payment_id=paid["payment_id"])
    await absent(world, firm, 40)
    await world.set(firm, Connection, connection, status="expired")
    await world.connect(firm, "quickbooks")
    await world.work(connection)
    assert await asked(world, firm) == [("schedule", None), ("nightly", f"{OLD}")]
    assert (await world.row(firm, Invoice, invoice)).status == "approved"
    await world.set(firm, Connection, connection, next_nightly_at=None)
    await world.work(connection)
    assert (await asked(world, firm))[2][1] > f"{OLD}"  # once is enough


async def test_a_short_absence_is_made_good_by_the_feed(world: World) -> None:
    firm, connection, (invoice,) = await pushed(world, "quickbooks", 1)
    await world.set(firm, Invoice, invoice, issue_date=OLD)
    document = await there(world, firm, connection, invoice)
    paid = await world.act(connection, "pay", invoice_id=document, date=f"{OLD}")
    await pull(world, firm, connection, [Kind.payment, Kind.invoice])
    await world.act(connection, "delete_payment", payment_id=paid["payment_id"])
    await absent(world, firm, 20)
    await world.set(firm, Connection, connection, status="expired")
    await world.connect(firm, "quickbooks")
    await world.work(connection)
    assert [(trigger, since == f"{OLD}") for trigger, since in await asked(world, firm)] == [
        ("schedule", False),
        ("nightly", False),
    ]
    assert (await world.row(firm, Invoice, invoice)).status == "approved"


@pytest.mark.parametrize("start", [date(2026, 5, 1), None])
async def test_an_earlier_start_has_what_is_older_read(world: World, start: date | None) -> None:
    firm, connection, (invoice,) = await pushed(world, "quickbooks", 1)
    document = await there(world, firm, connection, invoice)
    await world.act(connection, "pay", invoice_id=document, date=f"{OLD}")
    await world.set(firm, Invoice, invoice, issue_date=OLD)
    await world.set(firm, Connection, connection, sync_from=date(2026, 10, 1), next_sync_at=TOMORROW)
    await pull(world, firm, connection, [Kind.payment, Kind.invoice])
    assert (await world.row(firm, Invoice, invoice)).status == "approved"
    for since in (date(2026, 10, 15), start):
        async with world.runtime.db.firm(firm) as session:
            await connections.update_settings(session, firm, connection, {"sync_from": since}, actor="test")
    await world.work(connection)
    assert (await world.row(firm, Invoice, invoice)).status == "paid"
    assert await asked(world, firm) == [("schedule", start and f"{start}")]
