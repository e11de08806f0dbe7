"""Runs that are paused or cancelled while their records wait for something: none of them goes all the same."""

import pytest

from app.canonical import Kind
from app.db.cures import Cure, cured
from app.sync import requests
from app.sync.controlling import Act, control
from tests.support.world import World
from tests.sync.test_dispositions import changed, settings, state
from tests.sync.test_unknown import documents

WRITES = "requestid=|/(customer|invoice|batch)"
ENDS = pytest.mark.parametrize(
    ("act", "disposition"), [(Act.pause, ("pending", "run_paused")), (Act.cancel, ("excluded", "cancelled"))]
)


async def carried(world: World, firm: int, connection: int, *invoices: int) -> int:
    """A push run that carries these invoices; its id."""
    run = await requests.push_many(world.runtime.db, firm, connection, [Kind.invoice], invoices, requested_by="test")
    assert run.run_id is not None
    return int(run.run_id)


@ENDS
async def test_what_never_arrived_is_not_sent_again_by_a_held_run(
    world: World, act: Act, disposition: tuple[str, str]
) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    await settings(world, firm, connection, sync_enabled=False)
    invoice = await world.invoice(firm, client)
    run_id = await carried(world, firm, connection, invoice)
    world.fault(connection, WRITES, "reset", method="POST", times=2)
    for _ in range(2):
        await world.work(connection)
        await world.hurry(firm, connection)
    assert (await state(world, firm, Kind.invoice, connection, invoice))[0] == "unknown"
    await control(world.runtime.db, firm, run_id, act, actor="test")
    await quiet(world, firm, connection)
    assert await state(world, firm, Kind.invoice, connection, invoice) == disposition
    assert await documents(world, connection) == []


@ENDS
async def test_what_waited_for_its_customer_is_not_sent_by_a_held_run(
    world: World, act: Act, disposition: tuple[str, str]
) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    known = await changed(world, firm, external_ref="k", name="Oak Ltd")
    wrong = await changed(world, firm, external_ref="w", name="Maple: Ltd")
    await world.work(connection)
    assert (await state(world, firm, Kind.customer, connection, wrong))[0] == "error"
    waits, goes = await world.invoice(firm, wrong), await world.invoice(firm, known)
    run_id = await carried(world, firm, connection, waits, goes)
    world.fault(connection, WRITES, "lost_answer", method="POST")  # which keeps the run open
    await world.work(connection)
    assert (await state(world, firm, Kind.invoice, connection, waits))[0] == "waiting"
    await control(world.runtime.db, firm, run_id, act, actor="test")
    await changed(world, firm, external_ref="w", name="Maple Ltd")
    await quiet(world, firm, connection)
    assert await state(world, firm, Kind.customer, connection, wrong) == ("synced", "")
    assert await state(world, firm, Kind.invoice, connection, goes) == ("synced", "")
    assert await state(world, firm, Kind.invoice, connection, waits) == disposition
    assert len(await documents(world, connection)) == 1


async def quiet(world: World, firm: int, connection: int) -> None:
    """All that waits for a while has waited; what waits for a person has not."""
    for _ in range(4):
        await world.hurry(firm, connection)
        async with world.runtime.db.firm(firm) as session:
            await session.exec_driver_sql(
                "UPDATE write_calls SET next_due_at = now(), sent_at = sent_at - interval '10 minutes'"
                " WHERE state <> 'done'"
            )
            for table in ("customer_sync_mappings", "invoice_sync_mappings"):
                await session.exec_driver_sql(
                    f"UPDATE {table} SET next_due_at = now() WHERE next_due_at < now() + interval '1 year'"
                )
        await world.work(connection)


@ENDS
async def test_what_was_refused_is_not_sent_by_a_held_run_once_its_cause_is_mended(
    world: World, act: Act, disposition: tuple[str, str]
) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    known = await changed(world, firm, external_ref="k", name="Oak Ltd")
    await world.work(connection)
    await unmapped(world, firm)
    refused = await world.invoice(firm, known)
    run_id = await carried(world, firm, connection, refused)
    await world.work(connection)
    assert await state(world, firm, Kind.invoice, connection, refused) == ("error", "account_unmapped")
    async with world.runtime.db.firm(firm) as session:  # as if another record of it were still on its way
        await session.exec_driver_sql(f"UPDATE sync_runs SET state = 'running', finished_at = NULL WHERE id = {run_id}")
    await control(world.runtime.db, firm, run_id, act, actor="test")
    await world.map_codes(firm, "quickbooks")
    async with world.runtime.db.firm(firm) as session:
        await cured(session, firm, [Cure.item_mapped, Cure.tax_mapped, Cure.account_mapped])
    await quiet(world, firm, connection)
    assert await state(world, firm, Kind.invoice, connection, refused) == disposition
    assert await documents(world, connection) == []
    if act is Act.pause:
        await control(world.runtime.db, firm, run_id, Act.resume, actor="test")
        await quiet(world, firm, connection)
        assert await state(world, firm, Kind.invoice, connection, refused) == ("synced", "")


async def unmapped(world: World, firm: int) -> None:
    """Forget what the firm's codes are called there."""
    async with world.runtime.db.firm(firm) as session:
        for table in ("account_mappings", "tax_mappings", "item_mappings"):
            await session.exec_driver_sql(f"DELETE FROM {table}")
