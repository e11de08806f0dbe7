"""The daily sweep reads many kinds: what a person waits for does not wait for all of them."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.canonical import Kind
from app.db import remote_records, runs
from app.db.sync_tables import SyncRun
from app.db.tables import Connection
from app.errors import ProviderUnavailable, RateLimited
from app.providers.base import Page
from app.providers.quickbooks.adapter import QuickBooks
from app.sync import requests
from tests.support.world import World


async def test_a_person_waits_for_no_more_than_one_kind_of_the_daily_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    await world.work(connection)
    client = await world.client(firm)
    order: list[str] = []
    changes, write = QuickBooks.changes, QuickBooks.write

    async def reading(company: QuickBooks, kind: Kind, cursor: str | None, since: date | None) -> AsyncIterator[Page]:
        order.append(str(kind))
        if len(order) == 2:
            await requests.push_one(world.runtime.db, firm, connection, Kind.customer, client, requested_by="alice")
        async for page in changes(company, kind, cursor, since):
            yield page

    async def writing(company: QuickBooks, call: Any) -> Any:
        order.append("write")
        return await write(company, call)

    monkeypatch.setattr(QuickBooks, "changes", reading)
    monkeypatch.setattr(QuickBooks, "write", writing)
    await world.set(firm, Connection, connection, next_nightly_at=None)
    await world.work(connection)
    assert order[2] == "write"
    assert len(order) == len({*order}) == 9  # no kind was read twice
    async with world.runtime.db.firm(firm) as session:
        (run,) = [one for one in await runs.page(session, firm, after=None, limit=9) if one.trigger == "nightly"]
    assert run.state == "done"


def listed(monkeypatch: pytest.MonkeyPatch, failing: int, error: Exception) -> list[Kind]:
    """The kinds that are listed at QuickBooks from now on; the list with this number fails after its pages."""
    order: list[Kind] = []
    changes = QuickBooks.changes

    async def reading(company: QuickBooks, kind: Kind, cursor: str | None, since: date | None) -> AsyncIterator[Page]:
        order.append(kind)
        fails = len(order) == failing
        async for page in changes(company, kind, cursor, since):
            yield page
        if fails:
            raise error

    monkeypatch.setattr(QuickBooks, "changes", reading)
    return order


async def test_a_sweep_that_failed_half_way_goes_on_from_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    await world.work(connection)
    order = listed(monkeypatch, 3, ProviderUnavailable("The provider is away."))
    await world.set(firm, Connection, connection, next_nightly_at=None)
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        (run,) = [one for one in await runs.page(session, firm, after=None, limit=9) if one.trigger == "nightly"]
        await session.exec_driver_sql("UPDATE sync_runs SET next_due_at = now()")
    assert (run.state, run.error["code"]) == ("queued", "provider_unavailable")
    assert run.params["done"] == sorted(order[:2])
    await world.set(firm, Connection, connection, throttled_until=None)
    await world.work(connection)
    assert order[3] is order[2]
    assert len(order) == len({*order}) + 1 == 9
    async with world.runtime.db.firm(firm) as session:
        found = await runs.get(session, firm, run.id)
    assert found.state == "done"
    await world.set(firm, Connection, connection, next_nightly_at=None)
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        again, *_ = await runs.page(session, firm, after=None, limit=9)
    assert again.id != run.id
    assert again.counts["seen"] == found.counts["seen"] > run.counts["seen"]  # nothing was counted twice


async def test_a_kind_that_breaks_us_hides_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    await world.work(connection)
    order = listed(monkeypatch, 1, ValueError("what is this?"))
    await world.set(firm, Connection, connection, next_nightly_at=None)
    await world.work(connection)
    assert len(order) == len({*order}) == 8
    async with world.runtime.db.firm(firm) as session:
        (run,) = [one for one in await runs.page(session, firm, after=None, limit=9) if one.trigger == "nightly"]
    assert (run.state, run.error["code"]) == ("queued", "internal_error")
    assert run.params["done"] == sorted(order[1:])


@pytest.mark.parametrize(("days", "kept"), [({}, False), ({"date_from": "2026-11-01"}, True)])
async def test_what_reads_from_cursors_begins_anew_when_it_is_put_off(
    world: World, days: dict[str, str], kept: bool
) -> None:
    """It stands for the scheduled ones until then; what reads some days need not read all of them again."""
    firm = await world.firm()
    connection = await world.connect(firm)
    async with world.runtime.db.firm(firm) as session:
        run = await runs.request(session, firm, connection, "pull", params=days, trigger="schedule", priority=40)
        await runs.give_way(session, firm, run, counts={}, done=["payment"])
        await runs.postpone(session, firm, run, seconds=60, error={})
        assert ("done" in (await runs.get(session, firm, run)).params) is kept


async def test_a_kind_that_the_vendor_refuses_hides_no_other(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm, "xero")
    await world.work(connection)
    world.fault(connection, "/Contacts", "status", method="GET", status=400, times=9)
    await world.set(firm, Connection, connection, next_nightly_at=None)
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        (run,) = [one for one in await runs.page(session, firm, after=None, limit=9) if one.trigger == "nightly"]
        seen = {one.kind for one in await remote_records.page(session, firm, after=None, limit=999)}
    assert (run.state, run.error["code"]) == ("failed", "request_malformed")
    assert {"account", "tax_rate"} <= seen
    assert run.counts["seen"] >= run.counts["changed"] > 0  # what was read of the others stays counted


async def test_whoever_connects_again_has_open_pulls_read_all_of_it_once_more(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    await world.work(connection)
    asked = {"kinds": ["customer", "account"]}
    async with world.runtime.db.firm(firm) as session:
        run = await runs.request(session, firm, connection, "pull", params=asked, trigger="schedule", priority=40)
        await runs.give_way(session, firm, run, counts={}, done=["customer"])
    assert await world.connect(firm) == connection
    async with world.runtime.db.firm(firm) as session:
        assert (await runs.get(session, firm, run)).params == asked


async def test_a_pull_of_something_else_does_not_stand_for_the_scheduled_one(world: World) -> None:
    """The one that stands for it reads whatever tells of payments, from where it was read last."""
    firm = await world.firm()
    connection = await world.connect(firm)
    await world.work(connection)
    later = {"next_due_at": datetime.now(UTC) + timedelta(hours=1)}
    found = []
    for params in ({"kinds": ["account"]}, {"date_from": "2026-11-01", "date_to": None}, {"date_from": None}, {}):
        async with world.runtime.db.firm(firm) as session:
            await session.exec_driver_sql("DELETE FROM sync_runs")
            run = await runs.request(session, firm, connection, "pull", params=params, trigger="schedule", priority=40)
        await world.set(firm, SyncRun, run, **later)
        await world.set(firm, Connection, connection, next_sync_at=datetime.now(UTC))
        await world.work(connection)
        async with world.runtime.db.firm(firm) as session:
            found.append(len(await runs.page(session, firm, after=None, limit=9)))
    assert found == [2, 2, 1, 1]


async def test_a_pull_that_a_person_waits_for_ends_at_a_limit_and_says_how_to_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    await world.work(connection)
    listed(monkeypatch, 1, RateLimited("The calls of this minute are used up."))
    given: dict[str, Any] = {"kinds": None, "date_from": None, "date_to": None, "requested_by": "alice"}
    asked = await requests.pull(world.runtime.db, firm, connection, **given)
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        run = await runs.get(session, firm, asked)
    assert (run.state, run.error["code"]) == ("failed", "rate_limited")
    assert (run.error["retries_itself"], run.error["fix"]) == (False, "Ask for it again.")


@pytest.mark.parametrize(("failed", "attempts"), [(False, 0), (True, 1)])
async def test_giving_way_forgives_no_failure(world: World, failed: bool, attempts: int) -> None:
    """Or what breaks over one kind would never end while events come."""
    firm = await world.firm()
    connection = await world.connect(firm)
    async with world.runtime.db.firm(firm) as session:
        run = await runs.request(session, firm, connection, "pull", params={}, trigger="schedule", priority=40)
        await runs.start(session, firm, run)
        await runs.give_way(session, firm, run, counts={}, done=[], failed=failed)
        assert (await runs.get(session, firm, run)).attempts == attempts


async def test_a_run_that_gave_up_does_not_promise_to_try_itself_again(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        run = await runs.request(session, firm, connection, "pull", params={}, trigger="schedule", priority=40)
        met = {"code": "rate_limited", "retries_itself": True}
        await runs.postpone(session, firm, run, seconds=0, error=met)
    await world.set(firm, SyncRun, run, attempts=99)
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        found = await runs.get(session, firm, run)
    assert (found.state, found.error) == ("failed", met | {"retries_itself": False})
