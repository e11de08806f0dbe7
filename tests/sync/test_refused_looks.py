"""What a vendor does not let us read before an update is not written, says so, and holds up nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from app.canonical import Kind
from app.db.ledger_tables import JournalEntrySyncMapping
from app.db.tables import Connection
from app.errors import ProviderUnavailable
from app.providers.base import WriteCall
from app.providers.xero.adapter import Xero
from app.sync import requests, runner
from app.sync.controlling import Act, control
from tests.support.world import World
from tests.sync.test_journals import entry, saved


async def edited(world: World) -> tuple[int, int, list[int]]:
    """A firm with three journal entries at Xero that were changed here since they were written."""
    firm = await world.firm()
    connection = await world.connect(firm, "xero")
    await world.set(firm, Connection, connection, update_policy="all")
    ids = await saved(world, firm, entry("JE-1"), entry("JE-2"), entry("JE-3"))
    await world.work(connection)
    await saved(world, firm, *(entry(number, narration="Another") for number in ("JE-1", "JE-2", "JE-3")))
    return firm, connection, ids


def fails_over(monkeypatch: pytest.MonkeyPatch, odd: str, error: Exception) -> None:
    """Every look at this record goes wrong, and with it that at those beside it."""
    fetch = Xero.fetch

    async def looking(company: Xero, kind: Kind, external_ids: Sequence[str]) -> Any:
        if odd in external_ids:
            raise error
        return await fetch(company, kind, external_ids)

    monkeypatch.setattr(Xero, "fetch", looking)


async def test_a_record_that_may_not_be_read_before_its_update_waits_for_a_person(world: World) -> None:
    firm, connection, ids = await edited(world)
    refused = (await world.mapping(firm, Kind.journal_entry, connection, ids[1])).external_id
    world.fault(connection, f"/ManualJournals/{refused}", "status", method="GET", status=400, times=1000)
    assert not await runner.work_on(world.runtime, connection)
    found = [await world.mapping(firm, Kind.journal_entry, connection, one) for one in ids]
    assert [one.state for one in found] == ["synced", "error", "synced"]
    assert found[1].fault["code"] == "request_malformed"
    before = world.calls(connection)
    await world.work(connection)
    assert world.calls(connection) == before


async def test_a_record_whose_copy_cannot_be_read_before_its_update_holds_nothing_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm, connection, ids = await edited(world)
    odd = (await world.mapping(firm, Kind.journal_entry, connection, ids[1])).external_id
    fails_over(monkeypatch, odd, ValueError("what is this?"))
    await world.work(connection)
    found = [await world.mapping(firm, Kind.journal_entry, connection, one) for one in ids]
    assert [one.state for one in found] == ["synced", "error", "synced"]
    assert found[1].fault["code"] == "cannot_be_read"


async def test_a_record_that_the_provider_cannot_show_before_its_update_comes_apart_from_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm, connection, ids = await edited(world)
    odd = (await world.mapping(firm, Kind.journal_entry, connection, ids[1])).external_id
    fails_over(monkeypatch, odd, ProviderUnavailable("It breaks over this one."))
    for _ in range(12):
        await world.set(firm, Connection, connection, throttled_until=None)
        await world.work(connection)
        async with world.runtime.db.firm(firm) as session:  # five seconds pass
            await session.exec_driver_sql(
                "UPDATE journal_entry_sync_mappings SET next_due_at = next_due_at - interval '5 s'"
            )
    found = [await world.mapping(firm, Kind.journal_entry, connection, one) for one in ids]
    assert [one.state for one in found] == ["synced", "pending", "synced"]
    assert (found[1].fault["code"], found[1].fault["retries_itself"]) == ("provider_unavailable", True)
    monkeypatch.undo()
    await world.set(firm, JournalEntrySyncMapping, found[1].id, next_due_at=datetime.now(UTC))
    await world.set(firm, Connection, connection, throttled_until=None)
    await world.work(connection)
    found = [await world.mapping(firm, Kind.journal_entry, connection, one) for one in ids]
    assert [(one.state, one.failures) for one in found] == [("synced", 0)] * 3


async def test_no_more_is_looked_at_than_fits_into_a_minute_and_only_that_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Xero shows journals one by one: a look that the limit cuts short would begin anew for ever."""
    firm = await world.firm()
    connection = await world.connect(firm, "xero")
    await world.set(firm, Connection, connection, update_policy="all")
    numbers = [f"JE-{number}" for number in range(13)]
    ids = await saved(world, firm, *(entry(number) for number in numbers))
    await world.work(connection)
    await saved(world, firm, *(entry(number, narration="Another") for number in numbers))
    looked_at: list[list[str]] = []
    written: list[int] = []
    fetch, write = Xero.fetch, Xero.write

    async def looking(company: Xero, kind: Kind, external_ids: Sequence[str]) -> Any:
        looked_at.append(list(external_ids))
        return await fetch(company, kind, external_ids)

    async def writing(company: Xero, call: WriteCall) -> Any:
        written.append(len(call.item_ids))
        return await write(company, call)

    monkeypatch.setattr(Xero, "fetch", looking)
    monkeypatch.setattr(Xero, "write", writing)
    await world.work(connection)
    assert [len(one) for one in looked_at] == written == [10, 3]
    assert len({one for some in looked_at for one in some}) == 13
    found = [await world.mapping(firm, Kind.journal_entry, connection, one) for one in ids]
    assert {one.state for one in found} == {"synced"}


async def test_a_push_that_is_paused_while_a_look_hangs_stays_paused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm, connection, ids = await edited(world)
    kinds = [Kind.journal_entry]
    asked = await requests.push_many(world.runtime.db, firm, connection, kinds, ids, requested_by="alice")
    run = asked.run_id
    assert run is not None

    async def hanging(_company: Xero, _kind: Kind, _external_ids: Sequence[str]) -> Any:
        await control(world.runtime.db, firm, run, Act.pause, actor="alice")
        raise ProviderUnavailable("No answer came.")

    with monkeypatch.context() as silent:
        silent.setattr(Xero, "fetch", hanging)
        await runner.work_on(world.runtime, connection)
    found = [await world.mapping(firm, Kind.journal_entry, connection, one) for one in ids]
    assert {(one.state, one.next_due_at.year) for one in found} == {("pending", 2999)}
    await control(world.runtime.db, firm, run, Act.resume, actor="alice")
    await world.set(firm, Connection, connection, throttled_until=None)
    await world.work(connection)
    found = [await world.mapping(firm, Kind.journal_entry, connection, one) for one in ids]
    assert {one.state for one in found} == {"synced"}
