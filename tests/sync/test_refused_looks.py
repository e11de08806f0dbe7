"""What a vendor does not let us read before an update is not written, says so, and holds up nothing else."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.canonical import Kind
from app.db.tables import Connection
from app.providers.xero.adapter import Xero
from app.sync import runner
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
    fetch = Xero.fetch

    async def breaking(company: Xero, kind: Kind, external_ids: Sequence[str]) -> Any:
        if odd in external_ids:
            raise ValueError("what is this?")
        return await fetch(company, kind, external_ids)

    monkeypatch.setattr(Xero, "fetch", breaking)
    await world.work(connection)
    found = [await world.mapping(firm, Kind.journal_entry, connection, one) for one in ids]
    assert [one.state for one in found] == ["synced", "error", "synced"]
    assert found[1].fault["code"] == "cannot_be_read"
