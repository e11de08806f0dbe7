"""What needs somebody: said with its cause, and mended where it is shown."""

import csv
import io
import re
from typing import Any

import pytest
from sqlalchemy import delete, text

from app.canonical import Kind
from app.db.sync_tables import AccountMapping, InvoiceSyncMapping
from app.db.tables import Connection
from app.sync import requests
from tests.support.pages import Pages
from tests.support.world import World


async def stuck(world: World, invoices: int = 2) -> tuple[int, int, list[int]]:
    """A firm whose invoices lack a mapping of their account."""
    firm = await world.firm()
    connection = await world.connect(firm, "xero")
    async with world.runtime.db.firm(firm) as session:
        await session.execute(delete(AccountMapping))
    client = await world.client(firm)
    made = [await world.invoice(firm, client) for _ in range(invoices)]
    await world.ask(firm, connection, Kind.invoice, made)
    await world.work(connection)
    return firm, connection, made


async def state(world: World, firm: int, connection: int, invoice: int) -> Any:
    return (await world.mapping(firm, Kind.invoice, connection, invoice)).state


async def test_a_missing_account_is_mapped_on_the_spot_and_the_rest_goes_by_itself(pages: Pages) -> None:
    world = pages.api.world
    firm, connection, made = await stuck(world)
    person = await pages.person(firm, "member")
    await person.open("/attention")
    assert "Account unmapped: 2 invoices" in person.text
    assert "The account code 4000 has no counterpart in this company." in person.text
    assert "a bookkeeper" in person.text
    assert "0 of 2 resolved" in person.text
    for query, expected in (("", [("account_unmapped", "2", "invoice")]), (f"?connection={connection + 1}", [])):
        answer = await person.http.get(f"/attention.csv{query}")
        rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
        assert [(row["code"], row["open"], row["kind"]) for row in rows] == expected
        assert all("The account code 4000" in row["message"] for row in rows)
    await person.send("/mapping/account", picked={"t:4000": "200"})
    assert "1 code mapped" in person.text
    await world.work(connection)
    assert [await state(world, firm, connection, one) for one in made] == ["synced", "synced"]
    await person.open("/attention")
    assert "Nothing needs you" in person.text


async def test_what_is_mended_of_a_cause_is_counted(pages: Pages) -> None:
    world = pages.api.world
    firm, connection, made = await stuck(world)
    async with world.runtime.db.firm(firm) as session:
        await session.execute(
            text("UPDATE invoice_lines SET account_code = '' WHERE invoice_id = :one"), {"one": made[0]}
        )
    person = await pages.person(firm)
    await person.open("/attention")
    mapping = (await world.mapping(firm, Kind.invoice, connection, made[0])).id
    await person.send("/attention/invoice/retry", id=str(mapping), which="ticked")
    await world.set(firm, InvoiceSyncMapping, mapping, state="synced")
    await person.open("/attention")
    assert "1 of 2 resolved" in person.text


async def test_many_are_retried_or_left_out_at_once(pages: Pages) -> None:
    world = pages.api.world
    firm, connection, made = await stuck(world, 3)
    person = await pages.person(firm, "member")
    await person.open("/attention")
    await person.send("/attention/invoice/retry", which="all")
    assert "3 records asked for again" in person.text
    await world.work(connection)
    assert await state(world, firm, connection, made[0]) == "error"
    await person.open("/attention")
    csrf = {"csrf": person.page.text.split('name="csrf" value="')[1].split('"')[0]}
    ids = [str((await world.mapping(firm, Kind.invoice, connection, one)).id) for one in made[:2]]
    answer = await person.http.post("/attention/invoice/skip", data={**csrf, "id": ids, "which": "ticked"})
    assert set(answer.headers["location"].partition("?")[2].split("&")) == {"notice=skipped", "n=2"}
    assert [await state(world, firm, connection, one) for one in made] == ["excluded", "excluded", "error"]
    answer = await person.http.post("/attention/invoice/skip", data={**csrf, "which": "ticked"})
    assert answer.status_code == 422


async def test_a_viewer_reads_and_cannot_mend(pages: Pages) -> None:
    firm, _, _ = await stuck(pages.api.world, 1)
    person = await pages.person(firm, "viewer")
    await person.open("/attention")
    assert "Account unmapped" in person.text
    assert "Map and send" not in person.text
    assert "Try the ticked again" not in person.text
    csrf = person.page.text.split('name="csrf" value="')[1].split('"')[0]
    for path in ("/attention/invoice/retry", "/mapping/account", "/attention/strangers/1/dismiss"):
        assert (await person.http.post(path, data={"csrf": csrf})).status_code == 403


async def test_a_connection_that_is_locked_out_offers_to_reconnect(pages: Pages) -> None:
    world = pages.api.world
    firm = await world.firm()
    connection = await world.connect(firm)
    await world.set(firm, Connection, connection, status="expired", error_message="The access was ended at Intuit.")
    person = await pages.person(firm)
    await person.open("/attention")
    assert "does not let us in any more" in person.text
    assert person.offers("/connect/quickbooks")
    await person.open("/")
    assert "reconnect to go on" in person.text


async def test_a_customer_nobody_knows_is_introduced(pages: Pages) -> None:
    world = pages.api.world
    firm = await world.firm()
    connection = await world.connect(firm)
    client = await world.client(firm, "Amy's Bird Sanctuary")
    asked = (world.runtime.db, firm, connection)
    await requests.pull(*asked, kinds=[Kind.customer], date_from=None, date_to=None, requested_by="test")
    await world.work(connection)
    person = await pages.person(firm, "member")
    await person.open("/attention")
    assert "Customers nobody here knows" in person.text
    assert "Amy's Bird Sanctuary (same name)" in person.text, "it is suggested"
    offered = re.findall(r"/attention/strangers/(\d+)/match", person.page.text)
    answer = await person.http.get("/attention/strangers.csv")
    listed = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(listed) == len(offered)
    assert all(row["name"] and row["external_id"] for row in listed)
    async with world.runtime.db.firm(firm) as session:
        query = text("SELECT id FROM remote_records WHERE record ->> 'name' = 'Amy''s Bird Sanctuary'")
        amy = str((await session.execute(query)).scalar_one())
    nobody, new = [one for one in offered if one != amy][:2]
    await person.send(f"/attention/strangers/{amy}/match")
    await person.send(f"/attention/strangers/{nobody}/dismiss")
    await person.send(f"/attention/strangers/{new}/create")
    left = re.findall(r"/attention/strangers/(\d+)/match", person.page.text)
    assert not {amy, nobody, new} & set(left)
    assert (await world.mapping(firm, Kind.customer, connection, client)).external_id
    async with world.runtime.db.firm(firm) as session:
        assert (await session.execute(text("SELECT count(*) FROM clients"))).scalar_one() == 2


async def test_records_that_no_company_is_home_of_are_not_passed_over(pages: Pages) -> None:
    world = pages.api.world
    firm = await world.firm()
    connections = [await world.connect(firm, provider) for provider in ("quickbooks", "xero")]
    await world.invoice(firm, await world.client(firm))
    person, viewer = await pages.person(firm), await pages.person(firm, "viewer")
    for path in ("/", "/attention"):
        await person.open(path)
        assert "1 customer, 1 invoice: going nowhere." in person.text
        assert person.offers("/settings")
        await viewer.open(path)
        assert "An administrator can choose one" in viewer.text
    assert "Nothing needs you" not in person.text
    await person.open("/settings")
    await person.send("/settings", time_zone="UTC", default_connection_id=str(connections[0]))
    for path in ("/", "/attention"):
        await person.open(path)
        assert "going nowhere" not in person.text


async def test_any_of_thousands_of_clients_can_be_picked(pages: Pages) -> None:
    """A list of all of them in every row would be long, and one of the first two hundred would leave most out."""
    world = pages.api.world
    firm = await world.firm()
    connection = await world.connect(firm)
    async with world.runtime.db.firm(firm) as session:
        statement = "INSERT INTO clients (firm_id, name, external_ref) SELECT {}, 'Client ' || n % 2999, 'c-' || n"
        await session.execute(text(f"{statement.format(firm)} FROM generate_series(1, 3000) n"))
    asked = (world.runtime.db, firm, connection)
    await requests.pull(*asked, kinds=[Kind.customer], date_from=None, date_to=None, requested_by="test")
    await world.work(connection)
    person = await pages.person(firm, "member")
    assert len(await person.open("/attention")) < 60_000
    first, second, third = re.findall(r"/attention/strangers/(\d+)/match", person.page.text)[:3]
    match = "/attention/strangers/{}/match".format
    await person.send(match(first), status=422, client="Client 1")
    assert "Several clients are called that" in person.text
    for one, client in ((first, "c-3000"), (second, "client 2998"), (third, "Client 7 #7")):
        await person.open("/attention")
        await person.send(match(one), status=422, client="Client 77777")
        await person.open("/attention")
        await person.send(match(one), client=client)
    query = "SELECT c.external_ref FROM customer_sync_mappings m JOIN clients c ON c.id = m.client_id ORDER BY c.id"
    async with world.runtime.db.firm(firm) as session:
        assert (await session.execute(text(query))).scalars().all() == ["c-7", "c-2998", "c-3000"]


@pytest.mark.parametrize("path", ["/attention/invoice/burn", "/attention/cheese/retry", "/mapping/colour"])
async def test_what_does_not_exist_is_not_found(pages: Pages, path: str) -> None:
    person = await pages.person(await pages.api.world.firm())
    await person.open("/")
    csrf = person.page.text.split('name="csrf" value="')[1].split('"')[0]
    assert (await person.http.post(path, data={"csrf": csrf})).status_code == 404
