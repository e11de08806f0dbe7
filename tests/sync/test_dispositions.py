"""Every accepted change ends in one visible disposition, and goes by itself once what held it is cured."""

from datetime import date
from typing import Any

import pytest

from app import connections
from app.books import clients as books
from app.books.inputs import ClientIn
from app.canonical import Kind, ProviderName
from app.db import code_mappings, mappings, status
from app.db.code_mappings import CodeKind
from app.db.cures import Cure, cured
from app.db.mending import Choice
from app.db.tables import Firm
from app.errors import Conflict
from app.sync import mending, requests
from tests.support.world import World
from tests.sync.test_journals import entry, saved

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])


@pytest.fixture
async def place(world: World, request: pytest.FixtureRequest) -> tuple[int, int]:
    firm = await world.firm()
    connection = await world.connect(firm, request.node.callspec.params.get("provider", "quickbooks"))
    return firm, connection


async def changed(world: World, firm: int, **fields: Any) -> int:
    """A client that the books create or change."""
    async with world.runtime.db.firm(firm) as session:
        done = await books.save_clients(session, firm, [ClientIn.model_validate(fields)])
    return done.outcomes[0].id


async def settings(world: World, firm: int, connection: int, **fields: Any) -> None:
    async with world.runtime.db.firm(firm) as session:
        await connections.update_settings(session, firm, connection, fields, actor="test")


async def state(world: World, firm: int, kind: Kind, connection: int, record: int) -> tuple[str, str]:
    found = await world.mapping(firm, kind, connection, record)
    return found.state, found.fault.get("code", "")


async def dispositions(world: World, firm: int) -> Any:
    async with world.runtime.db.firm(firm) as session:
        return (await status.overview(session, firm)).dispositions


@BOTH
async def test_what_changes_while_sync_is_off_is_shown_and_goes_when_it_is_on(
    world: World, provider: str, place: tuple[int, int]
) -> None:
    firm, connection = place
    await settings(world, firm, connection, customer_sync_enabled=False)
    client = await changed(world, firm, external_ref="a", name="Paused & Co")
    assert await state(world, firm, Kind.customer, connection, client) == ("excluded", "sync_off")
    await world.work(connection)
    assert (await dispositions(world, firm))["excluded"] == {"sync_off": 1}
    await settings(world, firm, connection, customer_sync_enabled=True)
    await world.work(connection)
    assert await state(world, firm, Kind.customer, connection, client) == ("synced", "")


@pytest.mark.parametrize("provider", ["quickbooks"])
async def test_the_firms_own_switch_counts_too(world: World, provider: str, place: tuple[int, int]) -> None:
    firm, connection = place
    await world.set(firm, Firm, firm, sync_enabled=False)
    client = await changed(world, firm, name="Firm Paused")
    assert await state(world, firm, Kind.customer, connection, client) == ("excluded", "sync_off")
    await world.set(firm, Firm, firm, sync_enabled=True)
    async with world.runtime.db.firm(firm) as session:
        assert await cured(session, firm, [Cure.switched_on]) == {connection}
    assert (await state(world, firm, Kind.customer, connection, client))[0] == "pending"


@pytest.mark.parametrize("provider", ["xero"])
async def test_what_is_dated_before_the_start_says_so_and_goes_when_the_start_moves(
    world: World, provider: str, place: tuple[int, int]
) -> None:
    firm, connection = place
    await settings(world, firm, connection, sync_from=date(2026, 11, 10))
    (early,) = await saved(world, firm, entry("JE-1"))
    assert await state(world, firm, Kind.journal_entry, connection, early) == ("excluded", "before_sync_from")
    await settings(world, firm, connection, sync_from=date(2026, 11, 1))
    await world.work(connection)
    assert await state(world, firm, Kind.journal_entry, connection, early) == ("synced", "")


@BOTH
async def test_an_edit_that_policy_holds_back_goes_when_the_policy_permits_it(
    world: World, provider: str, place: tuple[int, int]
) -> None:
    firm, connection = place
    client = await changed(world, firm, external_ref="a", name="Before")
    await world.work(connection)
    await settings(world, firm, connection, update_policy="none")
    await changed(world, firm, external_ref="a", name="After")
    assert await state(world, firm, Kind.customer, connection, client) == ("excluded", "updates_off")
    await settings(world, firm, connection, update_policy="customers")
    await world.work(connection)
    assert await state(world, firm, Kind.customer, connection, client) == ("synced", "")
    assert (await world.mapping(firm, Kind.customer, connection, client)).external_name == "After"


@pytest.mark.parametrize("provider", ["quickbooks"])
async def test_a_change_goes_home_alone_and_the_other_company_says_why(
    world: World, provider: str, place: tuple[int, int]
) -> None:
    firm, home = place
    away = await world.connect(firm, "xero")
    await world.set(firm, Firm, firm, default_connection_id=home)
    client = await changed(world, firm, external_ref="a", name="Two Houses")
    await world.ask(firm, away, Kind.customer, [client])
    await world.work(home)
    await world.work(away)
    await changed(world, firm, external_ref="a", name="Two Houses Ltd")
    await world.work(home)
    assert await state(world, firm, Kind.customer, home, client) == ("synced", "")
    assert await state(world, firm, Kind.customer, away, client) == ("excluded", "other_home")


@BOTH
async def test_what_wanted_an_account_goes_once_the_account_is_mapped(
    world: World, provider: str, place: tuple[int, int]
) -> None:
    firm, connection = place
    lines = [{"account_code": "7777", "debit": "10"}, {"account_code": "4000", "credit": "10"}]
    (record,) = await saved(world, firm, entry("JE-1", lines=lines))
    await world.work(connection)
    assert await state(world, firm, Kind.journal_entry, connection, record) == ("error", "account_unmapped")
    target = {"quickbooks": "55", "xero": "429"}[provider]
    async with world.runtime.db.firm(firm) as session:
        await code_mappings.put(
            session,
            firm,
            CodeKind.account,
            provider=ProviderName(provider),
            connection_id=None,
            targets=[("7777", target, "")],
        )
        assert await cured(session, firm, [Cure.account_mapped], provider=provider) == {connection}
    await world.work(connection)
    assert await state(world, firm, Kind.journal_entry, connection, record) == ("synced", "")


@BOTH
async def test_what_a_closed_period_refused_goes_when_the_company_is_seen_open(
    world: World, provider: str, place: tuple[int, int]
) -> None:
    firm, connection = place
    await world.act(connection, "close_books", date="2026-11-20")
    await connections.check(world.runtime, firm, connection)
    (record,) = await saved(world, firm, entry("JE-1"))
    await world.work(connection)
    assert await state(world, firm, Kind.journal_entry, connection, record) == ("error", "period_closed")
    await world.act(connection, "close_books", date=None)
    await connections.check(world.runtime, firm, connection)
    await world.work(connection)
    assert await state(world, firm, Kind.journal_entry, connection, record) == ("synced", "")


@pytest.mark.parametrize("provider", ["quickbooks"])
async def test_what_a_person_skipped_stays_out_of_everything(
    world: World, provider: str, place: tuple[int, int]
) -> None:
    firm, connection = place
    await settings(world, firm, connection, sync_enabled=False)
    client = await changed(world, firm, external_ref="a", name="Left Out")
    await world.ask(firm, connection, Kind.customer, [client])
    found = await world.mapping(firm, Kind.customer, connection, client)
    await mending.skip(world.runtime.db, firm, Kind.customer, Choice(ids=[found.id]), actor="test")
    await requests.push_many(world.runtime.db, firm, connection, None, None, requested_by="test")
    await world.work(connection)
    assert await state(world, firm, Kind.customer, connection, client) == ("excluded", "skipped")
    await mending.retry(world.runtime.db, firm, Kind.customer, Choice(ids=[found.id]), actor="test")
    await world.work(connection)
    assert await state(world, firm, Kind.customer, connection, client) == ("synced", "")


@pytest.mark.parametrize("provider", ["quickbooks"])
async def test_a_retry_of_a_kind_that_is_switched_off_is_refused(
    world: World, provider: str, place: tuple[int, int]
) -> None:
    firm, connection = place
    await settings(world, firm, connection, customer_sync_enabled=False)
    client = await changed(world, firm, name="Off")
    found = await world.mapping(firm, Kind.customer, connection, client)
    with pytest.raises(Conflict) as refused:
        await mending.retry(world.runtime.db, firm, Kind.customer, Choice(ids=[found.id]), actor="test")
    assert refused.value.public_code == "sync_disabled"


async def test_records_without_a_home_are_counted(world: World) -> None:
    firm = await world.firm()
    await changed(world, firm, name="Nowhere")
    found = await dispositions(world, firm)
    assert found["unplaced"] == {"customer": 1, "invoice": 0, "journal_entry": 0}
    assert found["accepted"] == 0


@BOTH
async def test_accepted_is_always_the_sum(world: World, provider: str, place: tuple[int, int]) -> None:
    firm, connection = place
    for number in range(4):
        await changed(world, firm, external_ref=f"c{number}", name=f"Client {number}")
    await saved(
        world,
        firm,
        entry("JE-1"),
        entry("JE-2", lines=[{"account_code": "1", "debit": "1"}, {"account_code": "4000", "credit": "1"}]),
    )
    await settings(world, firm, connection, customer_sync_enabled=False)
    await changed(world, firm, external_ref="c9", name="Client 9")
    await world.work(connection)
    found = await dispositions(world, firm)
    async with world.runtime.db.firm(firm) as session:
        rows = [len(await mappings.page(session, firm, kind)) for kind in mappings.TABLES]
    assert found["accepted"] == sum(rows) == sum(found["by_state"].values())
    assert found["by_state"]["error"] == 1
    assert found["by_state"]["excluded"] == sum(found["excluded"].values())
