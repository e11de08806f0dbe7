"""Lists and bank transactions pulled through the engine, over both simulators."""

from typing import Any

import pytest

from app.canonical import Kind
from app.db import bank_transactions, remote_records, runs
from app.db.bank_transactions import Filters
from app.sync import requests
from tests.support.world import World
from tests.sync.test_journals import entry, saved

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])


async def pulled(world: World, firm: int, connection: int, *kinds: Kind, **days: str) -> dict[str, Any]:
    """The counts of a pull of these kinds."""
    run_id = await requests.pull(
        world.runtime.db,
        firm,
        connection,
        kinds=kinds,
        date_from=days.get("date_from"),
        date_to=days.get("date_to"),
        requested_by="alice",
    )
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        run = await runs.get(session, firm, run_id)
    assert (run.state, run.error) == ("done", {})
    return dict(run.counts)


async def spend(world: World, provider: str, connection: int, amount: int, day: str) -> Any:
    """A person pays for stamps there."""
    if provider == "quickbooks":
        line = {
            "Amount": amount,
            "DetailType": "AccountBasedExpenseLineDetail",
            "AccountBasedExpenseLineDetail": {"AccountRef": {"value": "55"}},
        }
        fields: dict[str, Any] = {"PaymentType": "Cash", "AccountRef": {"value": "35"}, "TxnDate": day, "Line": [line]}
        return await world.act(connection, "create_document", entity="Purchase", **fields)
    line = {"Description": "Stamps", "Quantity": 1, "UnitAmount": amount, "AccountCode": "429", "TaxType": "NONE"}
    fields = {"Type": "SPEND", "Contact": {"Name": "Post"}, "BankAccount": {"Code": "090"}, "Date": day}
    return await world.act(connection, "create_document", entity="BankTransaction", LineItems=[line], **fields)


async def copies(world: World, firm: int, kind: Kind) -> list[Any]:
    async with world.runtime.db.firm(firm) as session:
        return list(await remote_records.page(session, firm, after=None, limit=1000, kind=kind.value))


async def moved(world: World, firm: int, **narrow: Any) -> list[Any]:
    async with world.runtime.db.firm(firm) as session:
        return list(await bank_transactions.page(session, firm, Filters(**narrow), after=None, limit=1000))


@BOTH
async def test_lists_come_once_and_what_vanishes_is_gone(world: World, provider: str) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    first = await pulled(world, firm, connection, Kind.account, Kind.item, Kind.tax_rate)
    assert first["changed"] == first["seen"] > 10
    again = await pulled(world, firm, connection, Kind.account, Kind.item, Kind.tax_rate)
    assert again["changed"] == 0
    async with world.runtime.db.firm(firm) as session:
        await remote_records.save(
            session, firm, connection, Kind.tax_rate, "OLD", version="", record={"code": "OLD"}, updated_at=None
        )
    assert (await pulled(world, firm, connection, Kind.tax_rate))["changed"] == 1
    assert [row.external_id for row in await copies(world, firm, Kind.tax_rate) if row.gone] == ["OLD"]


@BOTH
async def test_bank_transactions_are_stored_changed_and_taken_back(world: World, provider: str) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    await pulled(world, firm, connection, Kind.bank_transaction)
    seeded = len(await moved(world, firm))
    await spend(world, provider, connection, 34, "2026-11-10")
    assert (await pulled(world, firm, connection, Kind.bank_transaction))["transactions"] == 1
    assert (await pulled(world, firm, connection, Kind.bank_transaction))["transactions"] == 0
    (new,) = [row for row in await moved(world, firm, type="spend") if row.amount == 34]
    assert (str(new.moved_on), new.state, len(new.lines)) == ("2026-11-10", "open", 1)
    entity = "Purchase" if provider == "quickbooks" else "BankTransaction"
    await world.act(connection, "delete_document", entity=entity, id=new.external_id.rpartition(":")[2])
    assert (await pulled(world, firm, connection, Kind.bank_transaction))["transactions"] == 1
    assert [row.id for row in await moved(world, firm, state="deleted")] == [new.id]
    assert len(await moved(world, firm)) == seeded + 1


@BOTH
async def test_a_window_takes_what_lies_in_it_and_leaves_the_rest_to_the_next_pull(world: World, provider: str) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    for amount, day in ((1, "2026-11-09"), (2, "2026-11-10"), (3, "2026-11-11"), (4, "2026-11-12")):
        await spend(world, provider, connection, amount, day)
    window = {"date_from": "2026-11-10", "date_to": "2026-11-11"}
    counts = await pulled(world, firm, connection, Kind.bank_transaction, **window)
    assert counts["transactions"] == 2
    assert sorted(row.amount for row in await moved(world, firm)) == [2, 3]
    await pulled(world, firm, connection, Kind.bank_transaction)
    assert {1, 2, 3, 4} <= {row.amount for row in await moved(world, firm)}


@BOTH
async def test_a_journal_edited_there_is_shown_as_a_difference(world: World, provider: str) -> None:

    firm = await world.firm()
    connection = await world.connect(firm, provider)
    ids = await saved(world, firm, entry("JE-1"))
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.journal_entry, connection, ids[0])
    await pulled(world, firm, connection, Kind.journal_entry)
    entity = "JournalEntry" if provider == "quickbooks" else "ManualJournal"
    await world.act(connection, "delete_document", entity=entity, id=mapping.external_id)
    await pulled(world, firm, connection, Kind.journal_entry)
    after = await world.mapping(firm, Kind.journal_entry, connection, ids[0])
    assert (after.state, after.fault["code"]) == (
        "conflict",
        "deleted_there" if provider == "quickbooks" else "voided_there",
    )
