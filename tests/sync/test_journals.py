"""Journal entries through the engine, over both simulators: once, to the cent, whatever gets lost."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.books import journals as books
from app.books.ledger_inputs import JournalEntryIn
from app.canonical import Kind
from app.db import journals
from app.db.mappings import TABLES
from app.db.mending import Choice
from app.errors import Conflict
from app.sync import mending, requests
from tests.support.world import World

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])
WRITE = {"quickbooks": "/(journalentry|batch)$", "xero": "/ManualJournals$"}


def entry(number: str, amount: str = "120.50", **more: Any) -> JournalEntryIn:
    """A posted entry between two mapped accounts."""
    lines = [
        {"account_code": "6000", "debit": amount, "description": "Rent"},
        {"account_code": "4000", "credit": amount},
    ]
    given = {
        "external_ref": f"j-{number}",
        "number": number,
        "date": "2026-11-02",
        "narration": "November rent",
        "currency": "USD",
        "lines": lines,
        "status": "posted",
    }
    return JournalEntryIn.model_validate({**given, **more})


async def saved(world: World, firm: int, *entries: JournalEntryIn) -> list[int]:
    async with world.runtime.db.firm(firm) as session:
        done = await books.save_entries(session, firm, entries)
    return [outcome.id for outcome in done.outcomes]


async def there(world: World, connection: int) -> list[dict[str, Any]]:
    """Our journals in the company's books."""
    found = await world.documents(connection)
    return [one for one in found if one["entity"] in ("JournalEntry", "ManualJournal") and "tieout:j-" in one["note"]]


@pytest.fixture
async def place(world: World, request: pytest.FixtureRequest) -> tuple[int, int]:
    provider = request.node.callspec.params["provider"]
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    return firm, connection


@BOTH
async def test_a_posted_entry_goes_by_itself_and_once(world: World, provider: str, place: tuple[int, int]) -> None:
    firm, connection = place
    ids = await saved(world, firm, entry("JE-1"), entry("JE-2", "0.01"), entry("JE-3", status="draft"))
    await world.work(connection)
    states = [await world.mapping(firm, Kind.journal_entry, connection, one) for one in ids]
    assert [one and (one.state, one.sync_error) for one in states] == [("synced", ""), ("synced", ""), None]
    assert [one.external_total for one in states[:2]] == [Decimal("120.50"), Decimal("0.01")]
    assert [one.external_number for one in states[:2]] == ["JE-1", "JE-2"]
    assert sorted(one["total"] for one in await there(world, connection)) == ["0.01", "120.50"]
    before = world.calls(connection)
    await saved(world, firm, entry("JE-1"), entry("JE-2", "0.01"))
    await world.ask(firm, connection, Kind.journal_entry, ids[:2])
    await world.work(connection)
    assert world.calls(connection) == before


@BOTH
async def test_an_approved_entry_goes_when_a_push_names_it(world: World, provider: str, place: tuple[int, int]) -> None:
    firm, connection = place
    ids = await saved(world, firm, entry("JE-1", status="approved"))
    await world.work(connection)
    assert await world.mapping(firm, Kind.journal_entry, connection, ids[0]) is None
    await requests.push_many(world.runtime.db, firm, connection, [Kind.journal_entry], ids, requested_by="alice")
    await world.work(connection)
    assert (await world.mapping(firm, Kind.journal_entry, connection, ids[0])).state == "synced"


@BOTH
@pytest.mark.parametrize("fault", ["lost_answer", "reset"])
async def test_a_lost_answer_is_settled(world: World, provider: str, place: tuple[int, int], fault: str) -> None:
    firm, connection = place
    world.fault(connection, WRITE[provider], fault, method="POST" if provider == "quickbooks" else "PUT")
    ids = await saved(world, firm, entry("JE-1"), entry("JE-2"))
    for _ in range(3):
        await world.work(connection)
        await world.hurry(firm, connection)
        await world.settle_now(firm, connection)
    assert {(await world.mapping(firm, Kind.journal_entry, connection, one)).state for one in ids} == {"synced"}
    assert len(await there(world, connection)) == 2


@BOTH
async def test_two_lost_answers_are_settled_by_the_marker(world: World, provider: str, place: tuple[int, int]) -> None:
    firm, connection = place
    for _ in range(2):
        world.fault(connection, WRITE[provider], "lost_answer", method="POST" if provider == "quickbooks" else "PUT")
    ids = await saved(world, firm, entry("JE-1"))
    for _ in range(3):
        await world.work(connection)
        await world.hurry(firm, connection)
        await world.settle_now(firm, connection)
    assert (await world.mapping(firm, Kind.journal_entry, connection, ids[0])).state == "synced"
    assert len(await there(world, connection)) == 1


@BOTH
async def test_an_unmapped_account_is_named_before_any_call(
    world: World, provider: str, place: tuple[int, int]
) -> None:
    firm, connection = place
    lines = [{"account_code": "9999", "debit": "1"}, {"account_code": "4000", "credit": "1"}]
    ids = await saved(world, firm, entry("JE-1", lines=lines))
    before = world.calls(connection)
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.journal_entry, connection, ids[0])
    assert (mapping.state, mapping.fault["code"], world.calls(connection)) == ("error", "account_unmapped", before)
    assert "9999" in mapping.sync_error


async def test_an_entry_waits_for_the_customer_it_names(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, "quickbooks")
    client = await world.client(firm, "Maureen O'Brien")
    lines = [
        {"account_code": "1200", "debit": "10", "client_id": client},
        {"account_code": "4000", "credit": "10"},
    ]
    ids = await saved(world, firm, entry("JE-1", lines=lines))
    await world.work(connection)
    assert (await world.mapping(firm, Kind.journal_entry, connection, ids[0])).state == "synced"
    assert (await world.mapping(firm, Kind.customer, connection, client)).state == "synced"


async def test_xero_voids_an_entry_with_ours(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, "xero")
    ids = await saved(world, firm, entry("JE-1"))
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        await books.void_entry(session, firm, ids[0], actor="alice")
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.journal_entry, connection, ids[0])
    assert (mapping.state, mapping.external_total) == ("synced", 0)
    assert [one["status"] for one in await there(world, connection)] == ["VOIDED"]


async def test_quickbooks_voids_no_journal_so_it_is_reversed(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, "quickbooks")
    ids = await saved(world, firm, entry("JE-1"))
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        with pytest.raises(Conflict) as refused:
            await books.void_entry(session, firm, ids[0], actor="alice")
    assert refused.value.public_code == "void_unsupported"
    for _ in range(2):  # reversing twice is reversing once
        async with world.runtime.db.firm(firm) as session:
            done = await books.reverse_entry(session, firm, ids[0], date(2026, 11, 30), actor="alice")
    async with world.runtime.db.firm(firm) as session:
        reversal = await journals.get(session, firm, done.outcomes[0].id)
        lines = (await journals.lines_of(session, firm, [reversal.id]))[reversal.id]
    assert (reversal.number, reversal.entry_date, reversal.status) == ("JE-1-R", date(2026, 11, 30), "posted")
    assert [(line.account_code, line.debit, line.credit) for line in lines] == [
        ("6000", 0, Decimal("120.50")),
        ("4000", Decimal("120.50"), 0),
    ]
    await world.work(connection)
    assert sorted(one["number"] for one in await there(world, connection)) == ["JE-1", "JE-1-R"]


class TestMending:
    async def test_a_refused_entry_is_tried_again_once_it_can_go(self, world: World) -> None:
        firm = await world.firm()
        connection = await world.connect(firm, "xero")
        ids = await saved(world, firm, entry("JE-1", currency="EUR"))
        await world.work(connection)
        mapping = await world.mapping(firm, Kind.journal_entry, connection, ids[0])
        assert (mapping.state, mapping.fault["code"]) == ("error", "currency_not_enabled")
        done = await mending.retry(world.runtime.db, firm, Kind.journal_entry, Choice(ids=[mapping.id]), actor="alice")
        assert [one.mapping_id for one in done.decided] == [mapping.id]
        await world.work(connection)
        again = await world.mapping(firm, Kind.journal_entry, connection, ids[0])
        assert (again.state, again.run_id) == ("error", done.runs[connection])

    async def test_what_is_skipped_is_left_out_until_it_is_retried(self, world: World) -> None:
        firm = await world.firm()
        connection = await world.connect(firm, "xero")
        client = await world.client(firm)
        await world.ask(firm, connection, Kind.customer, [client])
        mapping = await world.mapping(firm, Kind.customer, connection, client)
        await mending.skip(world.runtime.db, firm, Kind.customer, Choice(ids=[mapping.id]), actor="alice")
        await world.work(connection)
        left = await world.mapping(firm, Kind.customer, connection, client)
        assert (left.state, left.fault["code"], left.external_id) == ("excluded", "skipped", None)
        await mending.retry(world.runtime.db, firm, Kind.customer, Choice(code="skipped"), actor="alice")
        await world.work(connection)
        assert (await world.mapping(firm, Kind.customer, connection, client)).state == "synced"

    async def test_a_record_in_doubt_can_be_neither_retried_nor_skipped(self, world: World) -> None:
        firm = await world.firm()
        connection = await world.connect(firm, "xero")
        client = await world.client(firm)
        await world.ask(firm, connection, Kind.customer, [client])
        mapping = await world.mapping(firm, Kind.customer, connection, client)
        await world.set(firm, TABLES[Kind.customer], mapping.id, state="unknown")
        for act in (mending.retry, mending.skip):
            with pytest.raises(Conflict):
                await act(world.runtime.db, firm, Kind.customer, Choice(ids=[mapping.id]), actor="alice")
        assert (await world.mapping(firm, Kind.customer, connection, client)).state == "unknown"

    async def test_what_was_deleted_there_is_written_anew(self, world: World) -> None:
        firm = await world.firm()
        connection = await world.connect(firm, "quickbooks")
        client = await world.client(firm)
        invoice = await world.invoice(firm, client)
        await world.ask(firm, connection, Kind.invoice, [invoice])
        await world.work(connection)
        first = await world.mapping(firm, Kind.invoice, connection, invoice)
        await world.act(connection, "delete_invoice", invoice_id=first.external_id)
        await world.set(firm, TABLES[Kind.invoice], first.id, state="conflict", fault={"code": "deleted_there"})
        await mending.retry(world.runtime.db, firm, Kind.invoice, Choice(code="deleted_there"), actor="alice")
        await world.work(connection)
        second = await world.mapping(firm, Kind.invoice, connection, invoice)
        assert (second.state, second.generation) == ("synced", 2)
        assert second.external_id != first.external_id

    @BOTH
    async def test_a_voided_invoice_that_still_holds_its_number_is_not_taken_for_the_new_one(
        self, world: World, provider: str, place: tuple[int, int]
    ) -> None:
        firm, connection = place
        client = await world.client(firm)
        invoice = await world.invoice(firm, client)
        await world.ask(firm, connection, Kind.invoice, [invoice])
        await world.work(connection)
        first = await world.mapping(firm, Kind.invoice, connection, invoice)
        await world.act(connection, "void_invoice", invoice_id=first.external_id)
        await world.set(firm, TABLES[Kind.invoice], first.id, state="conflict", fault={"code": "voided_there"})
        await mending.retry(world.runtime.db, firm, Kind.invoice, Choice(code="voided_there"), actor="alice")
        await world.work(connection)
        second = await world.mapping(firm, Kind.invoice, connection, invoice)
        assert (second.state, second.fault["code"], second.external_id) == ("error", "number_taken", None)
        assert "voided" in second.sync_error


async def test_two_firms_journals_do_not_meet(world: World) -> None:
    one, other = await world.firm("One"), await world.firm("Other")
    (mine,) = await saved(world, one, entry("JE-1"))
    async with world.runtime.db.firm(other) as session:
        assert (await session.exec_driver_sql("SELECT count(*) FROM journal_entries")).scalar_one() == 0
        assert (await session.exec_driver_sql("SELECT count(*) FROM journal_lines")).scalar_one() == 0
    async with world.runtime.db.firm(one) as session:
        assert (await journals.get(session, one, mine)).number == "JE-1"
