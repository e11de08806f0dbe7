"""What has ended on both sides is no difference, whoever ended it first; what was deleted there can be written anew."""

import pytest

from app.books import journals
from app.canonical import Kind
from app.db import mappings
from app.db.mending import Choice
from app.db.tables import Connection, Invoice
from app.sync import mending
from tests.support.world import World
from tests.sync.test_dispositions import state
from tests.sync.test_journals import entry, saved
from tests.sync.test_missing import pull, pushed, there

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])
END = {"quickbooks": "delete_invoice", "xero": "void_invoice"}


async def changed(world: World, firm: int, invoice: int, **values: object) -> None:
    """A person changes an invoice of ours, and it is owed if the connection pushes that."""
    row = await world.row(firm, Invoice, invoice)
    await world.set(firm, Invoice, invoice, revision=row.revision + 1, **values)
    async with world.runtime.db.firm(firm) as session:
        await mappings.auto_push(session, firm, Kind.invoice, [invoice])


@BOTH
@pytest.mark.parametrize("seen", [True, False])
async def test_ours_is_voided_after_theirs_has_ended(world: World, provider: str, seen: bool) -> None:
    firm, connection, (invoice,) = await pushed(world, provider, 1)
    await world.act(connection, END[provider], invoice_id=await there(world, firm, connection, invoice))
    if seen:
        await pull(world, firm, connection, [Kind.invoice])
        assert (await state(world, firm, Kind.invoice, connection, invoice))[0] == "conflict"
    await changed(world, firm, invoice, status="void")
    await world.work(connection)
    assert await state(world, firm, Kind.invoice, connection, invoice) == ("synced", "")


async def test_what_we_voided_may_be_deleted_there(world: World) -> None:
    firm, connection, (invoice,) = await pushed(world, "quickbooks", 1)
    await pull(world, firm, connection, [Kind.invoice])
    await changed(world, firm, invoice, status="void")
    await world.work(connection)
    await world.act(connection, "delete_invoice", invoice_id=await there(world, firm, connection, invoice))
    await pull(world, firm, connection, [Kind.invoice])
    assert await state(world, firm, Kind.invoice, connection, invoice) == ("synced", "")


@pytest.mark.parametrize("seen", [True, False])
async def test_an_edit_of_what_was_deleted_there_can_be_written_anew(world: World, seen: bool) -> None:
    firm, connection, (invoice,) = await pushed(world, "quickbooks", 1)
    await world.set(firm, Connection, connection, update_policy="all")
    old = await there(world, firm, connection, invoice)
    await world.act(connection, "delete_invoice", invoice_id=old)
    if seen:
        await pull(world, firm, connection, [Kind.invoice])
    await changed(world, firm, invoice, memo="Thank you")
    await world.work(connection)
    assert await state(world, firm, Kind.invoice, connection, invoice) == ("conflict", "deleted_there")
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    await mending.retry(world.runtime.db, firm, Kind.invoice, Choice(ids=[mapping.id]), actor="alice")
    await world.work(connection)
    assert await state(world, firm, Kind.invoice, connection, invoice) == ("synced", "")
    assert await there(world, firm, connection, invoice) != old


@BOTH
async def test_a_journal_deleted_there_can_be_voided_here(world: World, provider: str) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    (entry_id,) = await saved(world, firm, entry("JE-1"))
    await world.work(connection)
    there_id = (await world.mapping(firm, Kind.journal_entry, connection, entry_id)).external_id
    await pull(world, firm, connection, [Kind.journal_entry])
    entity = "JournalEntry" if provider == "quickbooks" else "ManualJournal"
    await world.act(connection, "delete_document", entity=entity, id=there_id)
    await pull(world, firm, connection, [Kind.journal_entry])
    assert (await state(world, firm, Kind.journal_entry, connection, entry_id))[0] == "conflict"
    async with world.runtime.db.firm(firm) as session:
        await journals.void_entry(session, firm, entry_id, actor="alice")
    before = world.calls(connection)
    await world.work(connection)
    assert await state(world, firm, Kind.journal_entry, connection, entry_id) == ("synced", "")
    assert world.calls(connection) - before == (0 if provider == "quickbooks" else 1)
