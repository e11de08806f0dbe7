"""Writes whose answer never came: settled before anything else, by replay, then by looking; nothing goes twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.canonical import Kind
from app.db import leases, runs
from app.db.tables import Invoice
from app.errors import Fault, ProviderRejected, StaleLease
from app.sync import push, runner, settle
from app.sync.outcomes import backoff
from app.sync.turn import boot_clock
from tests.support.world import World

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])
WRITES = {"quickbooks": "requestid=|/(customer|invoice|batch)", "xero": "/(Contacts|Invoices)"}


async def ready(world: World, provider: str, count: int = 2, **fields: Any) -> tuple[int, int, list[int]]:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    invoices = [await world.invoice(firm, client, **fields) for _ in range(count)]
    await world.ask(firm, connection, Kind.invoice, invoices)
    return firm, connection, invoices


async def documents(world: World, connection: int) -> list[str]:
    return sorted(one["number"] for one in (await world.ledger(connection))["invoices"] if one["number"][:2] == "T-")


async def states(world: World, firm: int, connection: int, invoices: list[int]) -> list[str]:
    return [(await world.mapping(firm, Kind.invoice, connection, one)).state for one in invoices]


@BOTH
async def test_a_lost_answer_is_settled_by_an_identical_replay(world: World, provider: str) -> None:
    firm, connection, invoices = await ready(world, provider)
    world.fault(connection, WRITES[provider], "lost_answer", method="PUT" if provider == "xero" else "POST")
    await world.work(connection)
    assert await until_quiet(world, firm, connection, invoices) == ["synced", "synced"]
    assert await documents(world, connection) == ["T-0002", "T-0003"]


@BOTH
async def test_two_lost_answers_are_settled_by_looking(world: World, provider: str) -> None:
    firm, connection, invoices = await ready(world, provider)
    method = "PUT" if provider == "xero" else "POST"
    world.fault(connection, WRITES[provider], "lost_answer", method=method, times=2)
    await world.work(connection)
    assert await until_quiet(world, firm, connection, invoices) == ["synced", "synced"]
    assert await documents(world, connection) == ["T-0002", "T-0003"]


async def changed_before_it_was_known(world: World, provider: str, count: int) -> tuple[int, int, list[int]]:
    """Invoices whose answer was lost; the first was voided there, and that was read before anybody knew it is ours."""
    today = datetime.now(UTC).date()
    firm, connection, invoices = await ready(world, provider, count, issue_date=today, due_date=today)
    world.fault(connection, WRITES[provider], "lost_answer", method="PUT" if provider == "xero" else "POST")
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("UPDATE write_calls SET next_due_at = now() + interval '1 hour'")
    voided = next(one for one in await world.documents(connection) if one["number"] == "T-0002")
    await world.act(connection, "void_invoice", invoice_id=voided["id"])
    async with world.runtime.db.firm(firm) as session:
        await runs.request(session, firm, connection, "pull", params={"kinds": ["invoice"]})
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["unknown"] * count
    return firm, connection, invoices


@BOTH
async def test_what_was_changed_there_before_we_knew_our_own_write_is_shown_at_once(
    world: World, provider: str
) -> None:
    firm, connection, invoices = await changed_before_it_was_known(world, provider, 2)
    assert await until_quiet(world, firm, connection, invoices) == ["conflict", "synced"]
    assert (await world.mapping(firm, Kind.invoice, connection, invoices[0])).fault["code"] == "voided_there"
    assert await calls(world, firm) == {"done"}


@BOTH
async def test_a_look_that_fails_after_a_replay_is_taken_once_the_vendor_answers(world: World, provider: str) -> None:
    firm, connection, invoices = await changed_before_it_was_known(world, provider, 1)
    read = ("/Invoices", "GET") if provider == "xero" else ("/query", "POST")
    world.fault(connection, read[0], "status", method=read[1], times=9)
    await due_now(world, firm)
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["synced"]
    world.sims.faults.clear()
    await world.hurry(firm, connection)
    await due_now(world, firm)
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["conflict"]
    assert await calls(world, firm) == {"done"}


@BOTH
async def test_a_runner_that_died_before_the_look_after_a_replay_leaves_it_to_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    firm, connection, invoices = await changed_before_it_was_known(world, provider, 1)

    async def dies(*_args: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr("app.sync.stale.look_at", dies)
        await due_now(world, firm)
        with pytest.raises(asyncio.CancelledError):
            await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["synced"]
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("UPDATE connections SET lease_until = now() - interval '1 second'")
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["conflict"]


@BOTH
@pytest.mark.parametrize(
    "error", [ProviderRejected([Fault(code="invalid", message="No such filter.")]), ValueError("ours")]
)
async def test_a_look_that_never_works_is_left_to_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch, provider: str, error: Exception
) -> None:
    firm, connection, invoices = await changed_before_it_was_known(world, provider, 1)

    async def fails(*_args: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("app.sync.stale.look_at", fails)
        await due_now(world, firm)
        await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["synced"]
    assert await calls(world, firm) == {"done"}
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("UPDATE connections SET next_nightly_at = now() - interval '1 second'")
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["conflict"]


async def calls(world: World, firm: int) -> set[str]:
    """The states of the firm's write calls."""
    async with world.runtime.db.firm(firm) as session:
        return {row.state for row in await session.exec_driver_sql("SELECT DISTINCT state FROM write_calls")}


async def until_quiet(world: World, firm: int, connection: int, invoices: list[int]) -> list[str]:
    """Work on, without the waiting in between, until nothing is on its way."""
    for _ in range(8):
        await due_now(world, firm)
        await world.work(connection)
        found = await states(world, firm, connection, invoices)
        if not {"unknown", "pending", "in_flight"} & set(found):
            return found
    raise AssertionError(found)


async def due_now(world: World, firm: int) -> None:
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("UPDATE write_calls SET next_due_at = now()")
        await session.exec_driver_sql("UPDATE invoice_sync_mappings SET next_due_at = now()")


@BOTH
async def test_only_a_proven_absence_permits_a_new_attempt(world: World, provider: str) -> None:
    firm, connection, invoices = await ready(world, provider, count=1)
    method = "PUT" if provider == "xero" else "POST"
    world.fault(connection, WRITES[provider], "hang_before", method=method, times=2)
    await world.work(connection)
    await due_now(world, firm)
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["unknown"]
    assert await documents(world, connection) == []
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(
            "UPDATE write_calls SET sent_at = sent_at - interval '10 minutes' WHERE state <> 'done'"
        )
    assert await until_quiet(world, firm, connection, invoices) == ["synced"]
    assert await documents(world, connection) == ["T-0002"]
    mapping = await world.mapping(firm, Kind.invoice, connection, invoices[0])
    assert mapping.attempt == 2


@BOTH
async def test_a_runner_that_died_after_sending_is_taken_over(world: World, provider: str) -> None:
    firm, connection, invoices = await ready(world, provider)
    await die_after_sending(world, connection)
    assert await documents(world, connection) == ["T-0002", "T-0003"]
    assert await states(world, firm, connection, invoices) == ["in_flight", "in_flight"]
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["synced", "synced"]
    assert await documents(world, connection) == ["T-0002", "T-0003"]


async def die_after_sending(world: World, connection: int) -> None:
    """A runner that writes ahead and sends, and is gone before it stores an outcome."""
    turn = await claimed_turn(world, connection)

    async def never_stored(*_: Any) -> None:
        raise KeyboardInterrupt

    patched = pytest.MonkeyPatch()
    patched.setattr("app.sync.outcomes.store", never_stored)
    with pytest.raises(KeyboardInterrupt):
        await push.push(turn, Kind.invoice)
    patched.undo()
    async with world.runtime.db.system() as session:
        await session.exec_driver_sql("UPDATE connections SET lease_until = now() - interval '1 second'")


async def claimed_turn(world: World, connection: int) -> Any:
    async with world.runtime.db.system() as session:
        claimed = await leases.claim(session, connection, "a-runner", 15)
    assert claimed is not None
    return await runner._turn(world.runtime, claimed, boot_clock() + 15)


async def test_a_replaced_runner_stores_nothing(world: World) -> None:
    firm, connection, invoices = await ready(world, "quickbooks")
    slow = await claimed_turn(world, connection)
    async with world.runtime.db.system() as session:
        await session.exec_driver_sql("UPDATE connections SET lease_until = now() - interval '1 second'")
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["synced", "synced"]
    with pytest.raises(StaleLease):
        await push.push(slow, Kind.invoice)
    with pytest.raises(StaleLease):
        await settle.settle(slow)


async def test_no_call_leaves_once_the_lease_may_have_passed(world: World) -> None:
    _, connection, _ = await ready(world, "quickbooks")
    turn = await claimed_turn(world, connection)
    turn.deadline = boot_clock() - 0.001
    before = world.calls(connection)
    with pytest.raises(StaleLease):
        await turn.provider.company()
    assert world.calls(connection) == before


@BOTH
async def test_a_replay_is_byte_for_byte_the_same(world: World, provider: str) -> None:
    firm, connection, _ = await ready(world, provider)
    world.fault(connection, WRITES[provider], "lost_answer", method="PUT" if provider == "xero" else "POST")
    await world.work(connection)
    await due_now(world, firm)
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        calls = (
            await session.exec_driver_sql("SELECT key, sends, state FROM write_calls WHERE kind = 'invoice'")
        ).all()
    assert [(call.sends, call.state) for call in calls] == [(2, "done")]


@BOTH
async def test_a_number_that_is_ours_already_is_adopted(world: World, provider: str) -> None:
    firm, connection, invoices = await ready(world, provider)
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql(
            "UPDATE invoice_sync_mappings SET external_id = NULL, state = 'pending', wanted = 'create', attempt = 7"
        )
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["synced", "synced"]
    assert await documents(world, connection) == ["T-0002", "T-0003"]


@BOTH
async def test_a_number_that_somebody_else_holds_is_an_error_that_names_it(world: World, provider: str) -> None:
    firm, connection, invoices = await ready(world, provider, count=1)
    await world.work(connection)
    other = await world.client(firm, "Another client")
    double = await world.invoice(firm, other, price="7.00", number="X-1")
    await world.ask(firm, connection, Kind.customer, [other])
    await world.work(connection)
    await world.set(firm, Invoice, invoices[0], number="T-old")
    await world.set(firm, Invoice, double, number="T-0002")
    await world.ask(firm, connection, Kind.invoice, [double])
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.invoice, connection, double)
    assert mapping.state == "error"
    assert mapping.fault["code"] == "number_taken"
    assert await documents(world, connection) == ["T-0002"]


async def test_a_throttled_write_costs_no_attempt_and_goes_later(world: World) -> None:
    firm, connection, invoices = await ready(world, "quickbooks", count=1)
    body = "<IntuitResponse><Fault type='SERVICE'><Error code='3001'/></Fault></IntuitResponse>"
    world.fault(
        connection, "/invoice", "status", method="POST", status=429, body=body, headers={"content-type": "text/xml"}
    )
    await world.work(connection)
    mapping = await world.mapping(firm, Kind.invoice, connection, invoices[0])
    assert (mapping.state, mapping.failures) == ("pending", 0)
    await world.hurry(firm, connection)
    await due_now(world, firm)
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["synced"]
    assert await documents(world, connection) == ["T-0002"]


def test_backoff_grows_to_ten_minutes() -> None:
    assert [backoff(n) for n in (0, 1, 2, 30)] == [
        timedelta(seconds=5),
        timedelta(seconds=10),
        timedelta(seconds=20),
        timedelta(minutes=10),
    ]


@BOTH
async def test_a_record_that_cannot_be_shown_after_its_write_was_settled_holds_up_nothing_else(
    world: World, provider: str
) -> None:
    firm, connection, invoices = await changed_before_it_was_known(world, provider, 1)
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    read = ("/Invoices", "GET") if provider == "xero" else ("/query", "POST")
    world.fault(connection, read[0], "status", method=read[1], times=100)
    await due_now(world, firm)
    for _ in range(3):
        await world.hurry(firm, connection)
        await world.work(connection)
    assert (await world.mapping(firm, Kind.customer, connection, client)).state == "synced"
    assert await states(world, firm, connection, invoices) == ["synced"]
    world.sims.faults.clear()
    await world.hurry(firm, connection)
    await due_now(world, firm)
    await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["conflict"]
