"""Reconciliation over both simulators: tied out, and each way of not being so by its own name."""

from datetime import date
from typing import Any

import pytest

from app.canonical import Kind
from app.db.tables import Invoice
from app.sync import requests
from app.sync.reconcile import Reconciliation, reconcile
from tests.support.api import BOOKS, Api
from tests.support.world import World
from tests.sync.test_inbox import pull, pushed, remote_id
from tests.sync.test_journals import entry, saved

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])
START, END = date(2026, 11, 1), date(2026, 11, 30)


async def compared(world: World, firm: int, connection: int) -> Reconciliation:
    async with world.runtime.db.firm(firm) as session:
        return await reconcile(session, firm, connection, START, END)


def causes(found: Reconciliation) -> dict[str, str]:
    """Cause by number, of our own invoices and journals."""
    return {one["number"]: one["cause"] for one in found.differences if one["cause"] != "unknown_to_us"}


async def number(world: World, firm: int, invoice: int) -> str:
    return str((await world.row(firm, Invoice, invoice)).number)


@BOTH
async def test_what_was_pushed_and_paid_ties_out(world: World, provider: str) -> None:
    firm, connection, (first, second) = await pushed(world, provider, 2)
    await saved(world, firm, entry("JE-1"))
    await world.work(connection)
    await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, first))
    await pull(world, firm, connection)
    found = await compared(world, firm, connection)
    assert causes(found) == {}
    (invoices,) = [one for one in found.totals if one["kind"] == "invoice"]
    total = (await world.row(firm, Invoice, first)).total
    assert invoices["here_amount"] == 2 * total
    assert invoices["here_paid"] == total
    own = [one for one in found.clients if one["client_id"] is not None]
    assert [(one["here_amount"], one["there_amount"], one["differences"]) for one in own] == [(2 * total, 2 * total, 0)]
    assert second != first


@BOTH
async def test_each_difference_has_its_cause(world: World, provider: str, api: Api) -> None:
    firm, connection, (fine, gone, unpaid, edited) = await pushed(world, provider, 4)
    client = (await world.row(firm, Invoice, fine)).client_id
    late = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [late])
    failed = await world.invoice(firm, client)
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(f"UPDATE invoice_lines SET account_code = '7777' WHERE invoice_id = {failed}")
    await pull(world, firm, connection)
    entity = "Invoice"
    await world.act(connection, "void_document", entity=entity, id=await remote_id(world, firm, connection, gone))
    await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, unpaid))
    await pull(world, firm, connection)
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(f"UPDATE invoices SET amount_paid = 0, status = 'approved' WHERE id = {unpaid}")
        await session.exec_driver_sql(f"UPDATE invoices SET total = total + 0.01 WHERE id = {edited}")
        await session.exec_driver_sql(
            f"UPDATE invoice_sync_mappings SET state = 'pending', external_id = NULL WHERE invoice_id = {late}"
        )
        await session.exec_driver_sql(
            "DELETE FROM remote_records WHERE kind = 'invoice' AND external_id NOT IN"
            " (SELECT external_id FROM invoice_sync_mappings WHERE external_id IS NOT NULL)"
        )
    await world.ask(firm, connection, Kind.invoice, [failed])
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(
            f"UPDATE invoice_sync_mappings SET state = 'error', external_id = NULL,"
            f' fault = \'{{"code": "account_unmapped", "message": "No account."}}\' WHERE invoice_id = {failed}'
        )
    found = await compared(world, firm, connection)
    expected = {
        gone: "voided_there",
        unpaid: "payment_missing",
        edited: "rounding",
        late: "not_pushed",
        failed: "failed",
    }
    assert causes(found) == {await number(world, firm, one): cause for one, cause in expected.items()}
    assert not found.tied_out
    caller = await api.caller(firm, "viewer")
    query = {"from": "2026-11-01", "to": "2026-11-30"}
    shown = (await caller.get(f"{BOOKS}/connections/{connection}/reconciliation", params=query)).json()
    by_number = {one["number"]: one for one in shown["differences"]}
    told = by_number[await number(world, firm, failed)]
    assert (told["cause"], told["code"], told["message"]) == ("failed", "account_unmapped", "No account.")
    assert all(one["fix"] and one["who"] for one in shown["differences"])


@BOTH
async def test_a_document_that_only_they_have_is_named(world: World, provider: str) -> None:
    firm, connection, (invoice,) = await pushed(world, provider)
    await pull_invoices(world, firm, connection)
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("DELETE FROM invoice_sync_mappings")
    found = await compared(world, firm, connection)
    mine: list[Any] = [one for one in found.differences if one["number"] == await number(world, firm, invoice)]
    assert sorted(one["cause"] for one in mine) == ["not_pushed", "unknown_to_us"]
    stranger = next(one for one in mine if one["cause"] == "unknown_to_us")
    assert stranger["record_id"] is None
    assert stranger["client_id"] == (await world.row(firm, Invoice, invoice)).client_id


async def pull_invoices(world: World, firm: int, connection: int) -> None:
    await requests.pull(
        world.runtime.db,
        firm,
        connection,
        kinds=[Kind.invoice],
        date_from=None,
        date_to=None,
        requested_by="test",
    )
    await world.work(connection)


@BOTH
async def test_what_was_never_read_back_counts_as_there(world: World, provider: str) -> None:
    firm, connection, _ = await pushed(world, provider, 2)
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("DELETE FROM remote_records WHERE kind = 'invoice'")
    found = await compared(world, firm, connection)
    (invoices,) = [one for one in found.totals if one["kind"] == "invoice"]
    assert invoices["there_amount"] == invoices["here_amount"]
    assert (invoices["here_count"], invoices["there_count"]) == (2, 2)
