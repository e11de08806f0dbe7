"""Edits, voids and other calls that come in between: each change of ours still ends as it should, and only once."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from app.books import invoices as books
from app.canonical import Kind
from app.db import mappings, outgoing, settlements
from app.db.sync_tables import CustomerSyncMapping, InvoiceSyncMapping
from app.db.tables import Client, Invoice
from app.errors import Fault, ProviderUnavailable, RateLimited
from app.providers.base import NotWritten, Refused
from app.providers.http import ProviderHttp
from app.sync import outcomes, push
from tests.support.world import World
from tests.sync.test_unknown import claimed_turn

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])


async def ready(world: World, provider: str = "quickbooks") -> tuple[int, int, int]:
    """A firm whose client is there already."""
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    return firm, connection, client


async def sql(world: World, firm: int, statement: str) -> None:
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(statement)


async def void(world: World, firm: int, invoice: int) -> None:
    async with world.runtime.db.firm(firm) as session:
        await books.void_invoice(session, firm, invoice, actor="alice")


async def edit(world: World, firm: int, invoice: int, **values: Any) -> None:
    """An edit over the API: the record, its revision, and what it asks for, in one transaction."""
    await world.set(firm, Invoice, invoice, **{"revision": 2, **values})
    async with world.runtime.db.firm(firm) as session:
        await mappings.auto_push(session, firm, Kind.invoice, [invoice])


def before_storing(monkeypatch: Any, act: Callable[[], Awaitable[None]], answer: Any = None) -> None:
    """Let `act` come in between the first call and the storing of its outcome, which may be replaced by `answer`."""
    store = outcomes.store

    async def interrupted(turn: Any, call_id: int, kind: Kind, answers: Any) -> None:
        monkeypatch.setattr(outcomes, "store", store)
        await act()
        given = answers if answer is None else [answer(one.item_id) for one in answers]
        await store(turn, call_id, kind, given)

    monkeypatch.setattr(outcomes, "store", interrupted)


async def document(world: World, connection: int, number: str) -> dict[str, Any] | None:
    found = [one for one in (await world.ledger(connection))["invoices"] if one["number"] == number]
    assert len(found) <= 1
    return found[0] if found else None


@BOTH
async def test_a_void_while_the_invoice_is_on_its_way_follows_it(world: World, monkeypatch: Any, provider: str) -> None:
    firm, connection, client = await ready(world, provider)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    before_storing(monkeypatch, lambda: void(world, firm, invoice))
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert (mapping.state, mapping.base_revision) == ("synced", 2)
    there = await document(world, connection, "T-0002")
    assert there is not None
    assert there["total"] in {"0.00", "0"} or there["status"].upper() == "VOIDED"


async def test_an_edit_while_the_invoice_is_on_its_way_heeds_the_policy(world: World, monkeypatch: Any) -> None:
    firm, connection, client = await ready(world)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    before_storing(monkeypatch, lambda: edit(world, firm, invoice, memo="changed"))
    before = world.calls(connection)
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert (mapping.state, mapping.fault["code"], mapping.base_revision) == ("excluded", "updates_off", 1)
    assert world.calls(connection) == before + 1


def not_written(item_id: str) -> NotWritten:
    return NotWritten(item_id=item_id, fault=Fault(code="names_busy", message="Later."))


def refused(item_id: str) -> Refused:
    return Refused(item_id=item_id, fault=Fault(code="refused_by_provider", message="No."))


@pytest.mark.parametrize("answer", [not_written, refused])
async def test_a_void_before_it_was_written_needs_no_write(world: World, monkeypatch: Any, answer: Any) -> None:
    firm, connection, client = await ready(world)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    monkeypatch.setattr(ProviderHttp, "write", never_called)
    before_storing(monkeypatch, lambda: void(world, firm, invoice), answer)
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert (mapping.state, mapping.sync_error) == ("superseded", "")
    assert await document(world, connection, "T-0002") is None


async def never_called(*_: Any, **__: Any) -> Any:
    raise RateLimited("nothing leaves", retry_after=timedelta())


async def test_a_refused_record_that_was_mended_meanwhile_goes_again(world: World, monkeypatch: Any) -> None:
    firm, connection, client = await ready(world)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    answers = 0

    def refused_once(item_id: str) -> Refused:
        nonlocal answers
        answers += 1
        return refused(item_id)

    sent = ProviderHttp.write
    monkeypatch.setattr(ProviderHttp, "write", never_called)

    async def mend() -> None:
        monkeypatch.setattr(ProviderHttp, "write", sent)
        await edit(world, firm, invoice, memo="mended")

    before_storing(monkeypatch, mend, refused_once)
    await world.work(connection)
    await world.hurry(firm, connection)
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert (mapping.state, mapping.base_revision, answers) == ("synced", 2, 1)


async def test_an_invoice_voided_behind_a_pending_push_is_not_created(world: World) -> None:
    """A push elsewhere than home, or with automatic sync paused: nobody tells its mapping about the void."""
    firm, connection, client = await ready(world)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    await world.set(firm, Invoice, invoice, status="void", revision=2)
    await world.work(connection)
    assert (await world.mapping(firm, Kind.invoice, connection, invoice)).state == "superseded"
    assert await document(world, connection, "T-0002") is None


async def test_lines_that_changed_while_they_were_read_are_not_sent_under_an_old_header(
    world: World, monkeypatch: Any
) -> None:
    firm, connection, client = await ready(world)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    lines_of = outgoing.lines_of

    async def edited_in_between(session: Any, firm_id: int, ids: Any) -> Any:
        monkeypatch.setattr(outgoing, "lines_of", lines_of)
        await world.set(firm, Invoice, invoice, memo="new", revision=2)
        return await lines_of(session, firm_id, ids)

    monkeypatch.setattr(outgoing, "lines_of", edited_in_between)
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert (mapping.state, mapping.base_revision, mapping.attempt) == ("synced", 2, 1)


async def test_the_absence_of_a_write_is_counted_from_its_last_sending(world: World) -> None:
    firm, connection, client = await ready(world)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    world.fault(connection, "/invoice", "hang_before", method="POST", times=2)
    await world.work(connection)
    # The replay goes out 2 minutes after the first sending, and the vendor may work on it for as long again.
    await sql(
        world,
        firm,
        "UPDATE write_calls SET next_due_at = now(), sent_at = sent_at - interval '2 minutes',"
        " created_at = created_at - interval '2 minutes' WHERE state <> 'done'",
    )
    await world.work(connection)
    await sql(
        world,
        firm,
        "UPDATE write_calls SET next_due_at = now(), sent_at = sent_at - interval '15 seconds',"
        " created_at = created_at - interval '15 seconds' WHERE state <> 'done'",
    )
    await world.work(connection)
    assert (await world.mapping(firm, Kind.invoice, connection, invoice)).state == "unknown"


async def test_after_a_throttled_look_up_no_further_one_leaves(world: World, monkeypatch: Any) -> None:
    firm, connection, client = await ready(world, "xero")
    invoices = [await world.invoice(firm, client) for _ in range(3)]
    await world.ask(firm, connection, Kind.invoice, invoices)
    await world.work(connection)
    await sql(
        world,
        firm,
        "UPDATE invoice_sync_mappings SET external_id = NULL, state = 'pending', wanted = 'create', attempt = 7",
    )
    world.fault(connection, "/Invoices", "status", method="GET", status=429, headers={"Retry-After": "60"}, times=9)
    before = world.calls(connection)
    await world.work(connection)
    states = [(await world.mapping(firm, Kind.invoice, connection, one)).state for one in invoices]
    assert states == ["unknown"] * 3
    assert [fault.times for fault in world.sims.faults.armed().values()] == [8]
    assert world.calls(connection) <= before + 2
    world.sims.faults.clear()
    await world.hurry(firm, connection)
    await sql(world, firm, "UPDATE write_calls SET next_due_at = now() WHERE state <> 'done'")
    await world.work(connection)
    states = [(await world.mapping(firm, Kind.invoice, connection, one)).state for one in invoices]
    assert states == ["synced"] * 3


async def test_an_invoice_of_an_archived_client_says_so_and_goes_once_he_is_back(world: World) -> None:
    firm, connection, _ = await ready(world)
    gone = await world.client(firm, "Left long ago", active=False)
    invoice = await world.invoice(firm, gone)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert mapping.state == "waiting"
    assert "Reactivate" in mapping.sync_error
    await world.set(firm, Client, gone, active=True, revision=2)
    async with world.runtime.db.firm(firm) as session:
        await mappings.auto_push(session, firm, Kind.customer, [gone])
    await world.work(connection)
    assert (await world.mapping(firm, Kind.invoice, connection, invoice)).state == "synced"


async def test_an_edit_does_not_hide_a_conflict_behind_a_policy(world: World) -> None:
    firm, connection, client = await ready(world)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    await world.work(connection)
    await sql(
        world, firm, "UPDATE invoice_sync_mappings SET state = 'conflict', fault = '{\"code\": \"total_differs\"}'"
    )
    await edit(world, firm, invoice, memo="changed")
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert (mapping.state, mapping.fault["code"]) == ("conflict", "total_differs")


async def test_a_retry_of_a_parked_record_counts_anew(world: World) -> None:
    firm, connection, client = await ready(world)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    await world.set(firm, InvoiceSyncMapping, mapping.id, state="parked", failures=outcomes.MAX_FAILURES)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert (mapping.state, mapping.failures) == ("pending", 0)


async def test_what_was_asked_for_once_is_not_asked_for_ever(world: World) -> None:
    """A record pushed by name obeys the pause again when it is edited later."""
    firm, connection, client = await ready(world)
    mapping = await world.mapping(firm, Kind.customer, connection, client)
    await world.set(firm, CustomerSyncMapping, mapping.id, run_id=4711)
    await world.set(firm, Client, client, name="After", revision=2)
    async with world.runtime.db.firm(firm) as session:
        await mappings.auto_push(session, firm, Kind.customer, [client])
    mapping = await world.mapping(firm, Kind.customer, connection, client)
    assert (mapping.state, mapping.run_id) == ("pending", None)


async def test_the_age_of_what_is_owed_does_not_start_anew_with_every_edit(world: World) -> None:
    firm, connection, client = await ready(world)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    first = await world.mapping(firm, Kind.invoice, connection, invoice)
    await edit(world, firm, invoice, memo="changed")
    second = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert (second.state, second.accepted_at) == ("pending", first.accepted_at)


async def test_an_edit_that_commits_while_the_outcome_is_stored_is_not_lost(world: World, monkeypatch: Any) -> None:
    """The edit's transaction finds the write under way; the outcome must wait for it, or see its revision."""
    firm, connection, client = await ready(world)
    await world.set(firm, Client, client, name="Second", revision=2)
    await world.ask(firm, connection, Kind.customer, [client])
    revision_of = mappings.revision_of
    blocked: list[bool] = []

    async def edited_right_after(session: Any, firm_id: int, kind: Kind, mapping: Any) -> int:
        monkeypatch.setattr(mappings, "revision_of", revision_of)
        seen = int(await revision_of(session, firm_id, kind, mapping))
        async with world.runtime.db.firm(firm) as other:
            await other.exec_driver_sql("SET LOCAL lock_timeout = '200ms'")
            try:
                await other.exec_driver_sql("SELECT 1 FROM customer_sync_mappings FOR UPDATE")
            except Exception:  # noqa: BLE001  the lock is what is looked for
                blocked.append(True)
                await other.rollback()
        return seen

    monkeypatch.setattr(mappings, "revision_of", edited_right_after)
    await world.work(connection)
    assert blocked == [True]


async def test_an_outcome_that_cannot_be_stored_leaves_only_its_own_record_unknown(
    world: World, monkeypatch: Any
) -> None:
    firm, connection, client = await ready(world)
    invoices = [await world.invoice(firm, client) for _ in range(3)]
    await world.ask(firm, connection, Kind.invoice, invoices)
    adopt = settlements.adopt_allocations

    async def breaks(session: Any, firm_id: int, connection_id: int, external_id: str, invoice_id: int) -> None:
        if invoice_id == invoices[1]:
            raise KeyError("a bug of ours")
        await adopt(session, firm_id, connection_id, external_id, invoice_id)

    with monkeypatch.context() as patched:
        patched.setattr(settlements, "adopt_allocations", breaks)
        await world.work(connection)
    states = [(await world.mapping(firm, Kind.invoice, connection, one)).state for one in invoices]
    assert states == ["synced", "unknown", "synced"]
    await sql(world, firm, "UPDATE write_calls SET next_due_at = now() WHERE state <> 'done'")
    await world.work(connection)
    assert (await world.mapping(firm, Kind.invoice, connection, invoices[1])).state == "synced"
    assert await document(world, connection, "T-0003") is not None


@BOTH
async def test_a_write_that_was_held_up_after_it_was_stored_is_not_sent(world: World, provider: str) -> None:
    """Its absence is taken for proven some time after it was stored: nothing may leave late."""
    firm, connection, client = await ready(world, provider)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    turn = await claimed_turn(world, connection)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.sync.turn.SEND_WITHIN", -1.0)
        with pytest.raises(ProviderUnavailable):
            await push.push(turn, Kind.invoice)
    assert (await world.mapping(firm, Kind.invoice, connection, invoice)).state == "pending"
    assert await document(world, connection, "T-0002") is None
