"""Deletions that nothing told us of: what a whole list does not show, and we know, is looked at by its id.

Xero lists what was voided or deleted; QuickBooks leaves out what was deleted.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.canonical import Kind
from app.db import bank_transactions, inbox, runs
from app.db.bank_transactions import Filters
from app.db.ledger_tables import BankTransaction
from app.db.tables import Connection, Invoice
from app.providers.quickbooks.adapter import QuickBooks
from app.sync import requests
from app.sync.controlling import Act, control
from tests.support.world import World

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])
DAY = date(2026, 11, 2)


async def pushed(world: World, provider: str, count: int) -> tuple[int, int, list[int]]:
    """Invoices of one client at a company that was never read."""
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    client = await world.client(firm)
    invoices = [await world.invoice(firm, client, issue_date=DAY) for _ in range(count)]
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("DELETE FROM sync_runs WHERE action = 'pull'")
    await world.set(firm, Connection, connection, payment_sync_enabled=False)
    await world.ask(firm, connection, Kind.invoice, invoices)
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        assert (await session.exec_driver_sql("SELECT count(*) FROM sync_cursors")).scalar_one() == 0
    await world.set(firm, Connection, connection, payment_sync_enabled=True)
    return firm, connection, invoices


async def pull(
    world: World, firm: int, connection: int, kinds: list[Kind], *, state: str = "done", **days: str
) -> dict[str, int]:
    """The counts of a pull that ends so."""
    given: dict[str, Any] = {"kinds": kinds, "date_from": None, "date_to": None, "requested_by": "alice", **days}
    asked = await requests.pull(world.runtime.db, firm, connection, **given)
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        run = await runs.get(session, firm, asked)
    assert run.state == state, run.error
    return {name: count for name, count in run.counts.items() if count}


async def told(world: World, provider: str, connection: int, payment: str) -> None:
    """The vendor's word that a payment came."""
    event: dict[str, Any] = {"provider": provider, "event_key": payment, "company_id": world.companies[connection][1]}
    event |= {"kind": "payment", "external_id": payment, "operation": "created", "label": "", "occurred_at": None}
    async with world.runtime.db.system() as session:
        await inbox.store(session, [inbox.Delivery(provider, "", (event,))])


async def there(world: World, firm: int, connection: int, invoice: int) -> str:
    return str((await world.mapping(firm, Kind.invoice, connection, invoice)).external_id)


async def states(world: World, firm: int, connection: int, invoices: list[int]) -> list[str]:
    return [(await world.mapping(firm, Kind.invoice, connection, one)).state for one in invoices]


async def test_the_first_look_finds_what_was_deleted_before_it(world: World) -> None:
    firm, connection, invoices = await pushed(world, "quickbooks", 2)
    await world.act(connection, "delete_invoice", invoice_id=await there(world, firm, connection, invoices[0]))
    await pull(world, firm, connection, [Kind.invoice])
    assert await states(world, firm, connection, invoices) == ["conflict", "synced"]


@BOTH
async def test_the_first_look_takes_back_a_payment_that_was_deleted_before_it(world: World, provider: str) -> None:
    firm, connection, (invoice,) = await pushed(world, provider, 1)
    document = await there(world, firm, connection, invoice)
    paid = await world.act(connection, "pay", invoice_id=document)
    await told(world, provider, connection, paid["payment_id"])
    await world.work(connection)
    assert (await world.row(firm, Invoice, invoice)).status == "paid"
    await world.act(connection, "delete_payment", payment_id=paid["payment_id"])
    await pull(world, firm, connection, [Kind.payment])
    assert (await world.row(firm, Invoice, invoice)).status == "approved"


async def test_a_read_of_some_days_finds_what_the_feed_did_not_tell(world: World) -> None:
    firm, connection, invoices = await pushed(world, "quickbooks", 3)
    await pull(world, firm, connection, [Kind.invoice])
    for invoice in invoices[:2]:
        await world.act(connection, "delete_invoice", invoice_id=await there(world, firm, connection, invoice))
    await world.set(firm, Invoice, invoices[1], issue_date=date(2026, 9, 1))
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(
            'UPDATE remote_records SET record = record || \'{"issue_date": "2026-09-01"}\''
            f" WHERE external_id = '{await there(world, firm, connection, invoices[1])}'"
        )
    await pull(world, firm, connection, [Kind.invoice], date_from=f"{DAY}", date_to=f"{DAY}")
    found = await states(world, firm, connection, invoices)
    assert found == ["conflict", "synced", "synced"]


async def test_what_is_listed_or_known_to_have_ended_costs_no_look(world: World) -> None:
    firm, connection, invoices = await pushed(world, "quickbooks", 3)
    deleted, voided, _ = [await there(world, firm, connection, one) for one in invoices]
    await world.act(connection, "delete_invoice", invoice_id=deleted)
    await world.act(connection, "void_invoice", invoice_id=voided)
    await pull(world, firm, connection, [Kind.invoice])
    before = world.calls(connection)
    await pull(world, firm, connection, [Kind.invoice, Kind.customer], date_from=f"{DAY}")
    assert world.calls(connection) - before == 2
    assert await states(world, firm, connection, invoices) == ["conflict", "conflict", "synced"]


async def test_a_transfer_at_xero_is_looked_at_where_transfers_are(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, "xero")
    fields = {"FromBankAccount": {"Code": "090"}, "ToBankAccount": {"Code": "091"}, "Amount": 500, "Date": f"{DAY}"}
    await world.act(connection, "create_document", entity="BankTransfer", **fields)
    kinds, day, later = [Kind.bank_transaction], {"date_from": f"{DAY}", "date_to": f"{DAY}"}, "2026-11-20"
    await pull(world, firm, connection, kinds, **day)
    async with world.runtime.db.firm(firm) as session:
        (moved,) = await bank_transactions.page(session, firm, Filters(type="transfer"), after=None, limit=9)
        await session.exec_driver_sql(f'UPDATE remote_records SET record = record || \'{{"on": "{later}"}}\'')
    await pull(world, firm, connection, kinds, date_from=later)  # moved to a day before: not listed, but not gone
    assert (await world.row(firm, BankTransaction, moved.id)).state == "open"
    await world.act(connection, "delete_document", entity="BankTransfer", id=moved.external_id)
    assert (await pull(world, firm, connection, kinds, **day))["transactions"] == 1
    assert (await world.row(firm, BankTransaction, moved.id)).state == "deleted"
    before = world.calls(connection)
    await pull(world, firm, connection, kinds, **day)
    assert world.calls(connection) - before == 2  # the two lists


@BOTH
async def test_what_was_moved_there_to_a_day_outside_costs_no_look(world: World, provider: str) -> None:
    firm, connection, (invoice,) = await pushed(world, provider, 1)
    await pull(world, firm, connection, [Kind.invoice])
    word = "TxnDate" if provider == "quickbooks" else "Date"
    document = await there(world, firm, connection, invoice)
    await world.act(connection, "edit_invoice", invoice_id=document, **{word: "2026-10-01"})
    for calls in (2, 1):  # the list, and once a look at what is not in it any more
        before = world.calls(connection)
        await pull(world, firm, connection, [Kind.invoice], date_from=f"{DAY}")
        assert world.calls(connection) - before == calls
    assert await states(world, firm, connection, [invoice]) == ["synced"]


@pytest.mark.parametrize("act", [Act.pause, Act.cancel])
async def test_looking_at_what_is_missing_stops_when_its_run_does(
    world: World, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    firm, connection, invoices = await pushed(world, "quickbooks", 3)
    for invoice in invoices:
        await world.act(connection, "delete_invoice", invoice_id=await there(world, firm, connection, invoice))
    fetch = QuickBooks.fetch
    seen: list[str] = []
    asked = await requests.pull(
        world.runtime.db,
        firm,
        connection,
        kinds=[Kind.invoice],
        date_from=f"{DAY}",
        date_to=None,
        requested_by="alice",
    )

    async def stopping(company: QuickBooks, kind: Kind, ids: Sequence[str]) -> Any:
        seen.extend(ids)
        if len(seen) == 1:
            await control(world.runtime.db, firm, asked, act, actor="alice")
        return await fetch(company, kind, ids)

    monkeypatch.setattr(QuickBooks, "capabilities", replace(QuickBooks.capabilities, fetch_size=1))
    monkeypatch.setattr(QuickBooks, "fetch", stopping)
    await world.work(connection)
    assert len(seen) == 1
    assert sorted(await states(world, firm, connection, invoices)) == ["conflict", "synced", "synced"]
    if act is Act.pause:
        await control(world.runtime.db, firm, asked, Act.resume, actor="alice")
        await world.work(connection)
        assert len(seen) == 3
        assert await states(world, firm, connection, invoices) == ["conflict"] * 3


async def test_an_overpayment_that_is_nowhere_any_more_is_taken_back(world: World) -> None:
    firm, connection, (invoice,) = await pushed(world, "xero", 1)
    document = await there(world, firm, connection, invoice)
    paid = await world.act(connection, "pay", invoice_id=document, amount="251.50", overpay=True)
    await pull(world, firm, connection, [Kind.payment])
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql('UPDATE remote_records SET record = record || \'{"on": "2999-01-01"}\'')
    world.fault(connection, f"/Overpayments/{paid['overpayment_id']}", "status", method="GET", status=404)
    await pull(world, firm, connection, [Kind.payment], date_from="2999-01-01")  # where nothing is listed
    async with world.runtime.db.firm(firm) as session:
        found = await session.exec_driver_sql("SELECT source_kind, active, unapplied FROM payments ORDER BY id")
        assert [tuple(row) for row in found] == [("payment", True, 0), ("overpayment", False, 0)]
