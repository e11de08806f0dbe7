"""The first list of a kind is compared with what we know, whatever comes between: no change feed tells of it later."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.canonical import Gone, Kind
from app.db import runs
from app.db.sync_tables import SyncRun
from app.db.tables import Connection
from app.errors import Fault, ProviderRejected, ProviderUnavailable
from app.providers.base import Page
from app.providers.quickbooks.adapter import QuickBooks
from app.sync import requests
from tests.support.world import World
from tests.sync.test_missing import DAY, pull, pushed, states, there

Failing = Callable[[str], Exception | None]


class Reads:
    """What is asked of QuickBooks: lists without what the feed tells of deletions, and looks by id."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, shown: bool = True) -> None:
        """With `shown` off, invoices are not listed at all."""
        self.kinds: list[Kind] = []
        self.looks: list[str] = []
        self.broken_off = False
        self.failing: Failing = lambda _id: None
        self.at_look: Any = None
        changes, fetch = QuickBooks.changes, QuickBooks.fetch

        async def reading(
            company: QuickBooks, kind: Kind, cursor: str | None, since: date | None
        ) -> AsyncIterator[Page]:
            self.kinds.append(kind)
            async for page in changes(company, kind, cursor, since):
                records = page.records if shown or kind is not Kind.invoice else ()
                yield replace(page, records=tuple(one for one in records if not isinstance(one, Gone)))
            if self.broken_off:
                raise ProviderUnavailable("The provider is away.")

        async def looking(company: QuickBooks, kind: Kind, ids: Sequence[str]) -> Any:
            for one in ids:
                error = self.failing(one)
                if error is not None:
                    raise error
            self.looks.extend(ids)
            if self.at_look is not None:
                await self.at_look()
            return await fetch(company, kind, ids)

        monkeypatch.setattr(QuickBooks, "changes", reading)
        monkeypatch.setattr(QuickBooks, "fetch", looking)


async def invoices_there(world: World, firm: int, connection: int, invoices: list[int]) -> list[str]:
    return [await there(world, firm, connection, one) for one in invoices]


async def scheduled(world: World, firm: int, connection: int) -> int:
    """A pull of invoices that nobody waits for."""
    asked = {"kinds": ["invoice"]}
    async with world.runtime.db.firm(firm) as session:
        return await runs.request(session, firm, connection, "pull", params=asked, trigger="schedule", priority=40)


@pytest.mark.parametrize("known", [False, True])
async def test_one_that_was_broken_off_is_compared_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Whether or not copies of it are here already: only what it lacks is looked at."""
    firm, connection, invoices = await pushed(world, "quickbooks", 3)
    if known:
        await pull(world, firm, connection, [Kind.invoice], date_from=f"{DAY}")
    deleted, *_ = await invoices_there(world, firm, connection, invoices)
    await world.act(connection, "delete_invoice", invoice_id=deleted)
    reads = Reads(monkeypatch)
    reads.broken_off = True
    counted = await pull(world, firm, connection, [Kind.invoice], state="failed")
    assert counted == ({"seen": 2} if known else {"seen": 2, "changed": 2})
    assert reads.looks == []
    reads.broken_off = False
    await world.set(firm, Connection, connection, throttled_until=None)
    await pull(world, firm, connection, [Kind.invoice])
    assert reads.looks == [deleted]
    assert await states(world, firm, connection, invoices) == ["conflict", "synced", "synced"]
    await pull(world, firm, connection, [Kind.invoice])
    assert reads.looks == [deleted]


async def test_looking_at_what_it_lacks_gives_way_and_begins_nothing_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm, connection, invoices = await pushed(world, "quickbooks", 3)
    await pull(world, firm, connection, [Kind.invoice], date_from=f"{DAY}")
    client = await world.client(firm)
    reads = Reads(monkeypatch, shown=False)
    order: list[str] = []
    write = QuickBooks.write

    async def writing(company: QuickBooks, call: Any) -> Any:
        order.append("write")
        return await write(company, call)

    async def at_look() -> None:
        order.append("look")
        if len(order) == 1:
            await requests.push_one(world.runtime.db, firm, connection, Kind.customer, client, requested_by="alice")

    monkeypatch.setattr(QuickBooks, "capabilities", replace(QuickBooks.capabilities, fetch_size=1))
    monkeypatch.setattr(QuickBooks, "write", writing)
    reads.at_look = at_look
    run = await scheduled(world, firm, connection)
    await world.work(connection)
    assert order == ["look", "write", "look", "look"]
    assert sorted(reads.looks) == sorted(await invoices_there(world, firm, connection, invoices))
    async with world.runtime.db.firm(firm) as session:
        assert (await runs.get(session, firm, run)).state == "done"


@pytest.mark.parametrize(
    "error", [ProviderRejected([Fault(code="request_malformed", message="No.")]), ValueError("unreadable")]
)
async def test_one_that_cannot_be_read_hides_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    firm, connection, invoices = await pushed(world, "quickbooks", 3)
    ids = await invoices_there(world, firm, connection, invoices)
    for one in ids:
        await world.act(connection, "delete_invoice", invoice_id=one)
    reads = Reads(monkeypatch)
    reads.failing = lambda external_id: error if external_id == ids[1] else None
    await pull(world, firm, connection, [Kind.invoice])
    assert await states(world, firm, connection, invoices) == ["conflict", "synced", "conflict"]
    reads.looks.clear()
    assert await pull(world, firm, connection, [Kind.invoice]) == {"unread": 1}
    assert reads.looks == []
    reads.failing = lambda _id: None
    await pull(world, firm, connection, [Kind.invoice])
    assert reads.looks == [ids[1]]
    assert await states(world, firm, connection, invoices) == ["conflict"] * 3


async def test_one_that_the_provider_cannot_show_keeps_no_other_kind_from_being_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm, connection, invoices = await pushed(world, "quickbooks", 1)
    (deleted,) = await invoices_there(world, firm, connection, invoices)
    await world.act(connection, "delete_invoice", invoice_id=deleted)
    reads = Reads(monkeypatch)
    reads.failing = lambda _id: ProviderUnavailable("It broke over this one.")
    await pull(world, firm, connection, [Kind.invoice, Kind.account], state="failed")
    assert reads.kinds == [Kind.invoice, Kind.account]
    reads.failing = lambda _id: None
    await world.set(firm, Connection, connection, throttled_until=None)
    await pull(world, firm, connection, [Kind.invoice])
    assert await states(world, firm, connection, invoices) == ["conflict"]


async def test_after_two_weeks_nobody_looks_any_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    firm, connection, invoices = await pushed(world, "quickbooks", 1)
    (deleted,) = await invoices_there(world, firm, connection, invoices)
    await world.act(connection, "delete_invoice", invoice_id=deleted)
    reads = Reads(monkeypatch)
    reads.failing = lambda _id: ProviderUnavailable("It breaks over this one.")
    await pull(world, firm, connection, [Kind.invoice], state="failed")
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("UPDATE sync_cursors SET missing_due = missing_due - interval '15 days'")
    await world.set(firm, Connection, connection, throttled_until=None)
    await pull(world, firm, connection, [Kind.invoice])


async def test_one_that_the_provider_cannot_show_comes_apart_from_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduled pull is tried again, each time with fewer at a time."""
    firm, connection, invoices = await pushed(world, "quickbooks", 3)
    ids = await invoices_there(world, firm, connection, invoices)
    for one in ids:
        await world.act(connection, "delete_invoice", invoice_id=one)
    reads = Reads(monkeypatch)
    reads.failing = lambda one: ProviderUnavailable("It breaks over this one.") if one == ids[0] else None
    run = await scheduled(world, firm, connection)
    for _ in range(4):
        await world.hurry(firm, connection)
        await world.set(firm, Connection, connection, throttled_until=None)
        await world.set(firm, SyncRun, run, next_due_at=datetime.now(UTC))
        await world.work(connection)
    assert await states(world, firm, connection, invoices) == ["synced", "conflict", "conflict"]
    assert sorted(reads.looks) == sorted(ids[1:])
