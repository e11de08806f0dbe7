"""Customers and documents changed on both sides, over both simulators: nothing that a person typed is lost."""

from dataclasses import dataclass
from typing import Any

import pytest

from app.canonical import Customer, Kind, ProviderName
from app.db.mending import Choice
from app.db.tables import Client, Connection
from app.providers.registry import SPECS
from app.sync import mending, requests
from app.sync.merging import base_after, fields_of, merge
from tests.support.api import BOOKS, Api
from tests.support.world import World
from tests.sync.test_dispositions import changed, settings, state
from tests.sync.test_journals import entry, saved

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])


@dataclass(frozen=True)
class Place:
    """One firm with one company, and how a person edits a customer there."""

    world: World
    firm: int
    connection: int
    provider: str

    async def client(self, ref: str = "a", **fields: Any) -> int:
        given = {"name": "Maple Ltd", "email": "old@maple.test", "phone": "1", **fields}
        client = await changed(self.world, self.firm, external_ref=ref, **given)
        await self.world.work(self.connection)
        assert (await self.state(client))[0] == "synced"
        return client

    async def state(self, client: int) -> tuple[str, str]:
        return await state(self.world, self.firm, Kind.customer, self.connection, client)

    async def external_id(self, client: int) -> str:
        found = await self.world.mapping(self.firm, Kind.customer, self.connection, client)
        return str(found.external_id)

    async def edit_there(self, external_id: str, **fields: str) -> None:
        words: dict[str, Any] = {}
        for name, text in fields.items():
            words |= _spelled(self.provider, name, text)
        await self.world.act(self.connection, "edit_customer", customer_id=external_id, **words)

    async def pull(self, *kinds: Kind) -> dict[str, Any]:
        await requests.pull(
            self.world.runtime.db,
            self.firm,
            self.connection,
            kinds=kinds or (Kind.customer,),
            date_from=None,
            date_to=None,
            requested_by="test",
        )
        await self.world.work(self.connection)
        async with self.world.runtime.db.firm(self.firm) as session:
            found = await session.exec_driver_sql("SELECT counts FROM sync_runs ORDER BY id DESC LIMIT 1")
            return dict(found.scalar_one())

    async def there(self, external_id: str) -> Any:
        """The customer as the company holds it now."""
        (record,) = await self.world.fetch(self.firm, self.connection, Kind.customer, [external_id])
        return record.customer

    async def row(self, client: int) -> Any:
        return await self.world.row(self.firm, Client, client)


def _spelled(provider: str, name: str, text: str) -> dict[str, Any]:
    """A field as the vendor's own pages send it."""
    if provider == "quickbooks":
        mail, phone = {"Address": text}, {"FreeFormNumber": text}
        spelled: dict[str, Any] = {"DisplayName": text, "PrimaryEmailAddr": mail, "PrimaryPhone": phone}
        names = {"name": "DisplayName", "email": "PrimaryEmailAddr", "phone": "PrimaryPhone"}
    else:
        spelled = {"Name": text, "EmailAddress": text, "Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": text}]}
        names = {"name": "Name", "email": "EmailAddress", "phone": "Phones"}
    return {names[name]: spelled[names[name]]}


@pytest.fixture
async def place(world: World, request: pytest.FixtureRequest) -> Place:
    provider = request.node.callspec.params.get("provider", "quickbooks")
    firm = await world.firm()
    return Place(world, firm, await world.connect(firm, provider), provider)


@BOTH
async def test_what_changed_there_alone_is_taken_over_and_nothing_is_owed(provider: str, place: Place) -> None:
    client = await place.client()
    await place.edit_there(await place.external_id(client), email="new@maple.test")
    assert (await place.pull())["customers"] == 1
    assert (await place.row(client)).email == "new@maple.test"
    assert await place.state(client) == ("synced", "")
    before = place.world.calls(place.connection)
    await place.world.work(place.connection)
    assert place.world.calls(place.connection) == before
    assert (await place.pull())["customers"] == 0


@BOTH
async def test_different_fields_on_each_side_both_count(provider: str, place: Place) -> None:
    client = await place.client()
    await place.edit_there(await place.external_id(client), email="new@maple.test")
    await changed(place.world, place.firm, external_ref="a", phone="2")
    await place.world.work(place.connection)
    assert await place.state(client) == ("synced", "")
    await place.pull()
    ours, theirs = await place.row(client), await place.there(await place.external_id(client))
    assert (ours.email, ours.phone) == ("new@maple.test", "2")
    assert (theirs.email, theirs.phone) == ("new@maple.test", "2")


@BOTH
async def test_the_same_field_on_both_sides_is_a_conflict_and_neither_is_lost(provider: str, place: Place) -> None:
    client = await place.client()
    external_id = await place.external_id(client)
    await place.edit_there(external_id, email="theirs@maple.test")
    await changed(place.world, place.firm, external_ref="a", email="ours@maple.test")
    await place.world.work(place.connection)
    assert await place.state(client) == ("conflict", "changed_on_both_sides")
    assert (await place.row(client)).email == "ours@maple.test"
    assert (await place.there(external_id)).email == "theirs@maple.test"
    found = await place.world.mapping(place.firm, Kind.customer, place.connection, client)
    assert "email" in found.sync_error
    await changed(place.world, place.firm, external_ref="a", phone="3")
    await place.world.work(place.connection)
    assert await place.state(client) == ("conflict", "changed_on_both_sides")
    assert (await place.there(external_id)).email == "theirs@maple.test"


@BOTH
async def test_a_retry_decides_a_conflict_for_ours(provider: str, place: Place) -> None:
    client = await place.client()
    external_id = await place.external_id(client)
    await place.edit_there(external_id, email="theirs@maple.test")
    await changed(place.world, place.firm, external_ref="a", email="ours@maple.test")
    await place.world.work(place.connection)
    found = await place.world.mapping(place.firm, Kind.customer, place.connection, client)
    await mending.retry(place.world.runtime.db, place.firm, Kind.customer, Choice(ids=[found.id]), actor="test")
    await place.world.work(place.connection)
    assert await place.state(client) == ("synced", "")
    assert (await place.there(external_id)).email == "ours@maple.test"


@BOTH
async def test_making_theirs_equal_ends_a_conflict(provider: str, place: Place) -> None:
    client = await place.client()
    external_id = await place.external_id(client)
    await place.edit_there(external_id, email="theirs@maple.test")
    await changed(place.world, place.firm, external_ref="a", email="ours@maple.test")
    await place.world.work(place.connection)
    await place.edit_there(external_id, email="ours@maple.test")
    await place.pull()
    assert await place.state(client) == ("synced", "")


@BOTH
async def test_archived_there_is_shown_and_ends_when_it_is_restored(provider: str, place: Place) -> None:
    client = await place.client()
    external_id = await place.external_id(client)
    await place.world.act(place.connection, "archive_customer", customer_id=external_id)
    await place.pull()
    assert await place.state(client) == ("conflict", "archived_there")
    assert (await place.row(client)).active
    if provider == "quickbooks":
        await place.world.act(place.connection, "restore", entity="Customer", id=external_id)
    else:
        await place.world.act(place.connection, "restore_customer", customer_id=external_id)
    await place.pull()
    assert await place.state(client) == ("synced", "")


@BOTH
async def test_a_document_edited_there_is_not_overwritten(provider: str, place: Place) -> None:
    await settings(place.world, place.firm, place.connection, update_policy="all")
    (record,) = await saved(place.world, place.firm, entry("JE-1"))
    await place.world.work(place.connection)
    found = await place.world.mapping(place.firm, Kind.journal_entry, place.connection, record)
    codes = {"quickbooks": ("55", "1"), "xero": ("429", "200")}[provider]
    await _edit_journal(place, found.external_id, codes, 99)
    await saved(place.world, place.firm, entry("JE-1", narration="December rent"))
    await place.world.work(place.connection)
    where = (place.world, place.firm, Kind.journal_entry, place.connection, record)
    assert (await state(*where))[0] == "conflict"
    ours = [one for one in await place.world.documents(place.connection) if one["id"] == found.external_id]
    assert ours[0]["total"] == "99.00"
    await mending.retry(place.world.runtime.db, place.firm, Kind.journal_entry, Choice(ids=[found.id]), actor="test")
    await place.world.work(place.connection)
    assert await state(*where) == ("synced", "")
    ours = [one for one in await place.world.documents(place.connection) if one["id"] == found.external_id]
    assert ours[0]["total"] == "120.50"


@BOTH
async def test_an_edit_that_was_read_while_ours_was_left_out_is_not_overwritten(provider: str, place: Place) -> None:
    (record,) = await saved(place.world, place.firm, entry("JE-1"))
    await place.world.work(place.connection)
    where = (place.world, place.firm, Kind.journal_entry, place.connection, record)
    await saved(place.world, place.firm, entry("JE-1", narration="December rent"))
    assert await state(*where) == ("excluded", "updates_off")
    found = await place.world.mapping(place.firm, Kind.journal_entry, place.connection, record)
    codes = {"quickbooks": ("55", "1"), "xero": ("429", "200")}[provider]
    await _edit_journal(place, found.external_id, codes, 99)
    await place.pull(Kind.journal_entry)
    await settings(place.world, place.firm, place.connection, update_policy="all")
    await place.world.ask(place.firm, place.connection, Kind.journal_entry, [record])
    await place.world.work(place.connection)
    assert await state(*where) == ("conflict", "changed_in_provider")
    ours = [one for one in await place.world.documents(place.connection) if one["id"] == found.external_id]
    assert ours[0]["total"] == "99.00"


async def _edit_journal(place: Place, external_id: str, codes: tuple[str, str], amount: int) -> None:
    debit, credit = codes
    if place.provider == "quickbooks":
        lines = [
            {
                "DetailType": "JournalEntryLineDetail",
                "Amount": amount,
                "JournalEntryLineDetail": {"PostingType": side, "AccountRef": {"value": account}},
            }
            for side, account in (("Debit", debit), ("Credit", credit))
        ]
        await place.world.act(place.connection, "edit_document", entity="JournalEntry", id=external_id, Line=lines)
        return
    sides = [{"LineAmount": amount, "AccountCode": debit}, {"LineAmount": -amount, "AccountCode": credit}]
    await place.world.act(place.connection, "edit_document", entity="ManualJournal", id=external_id, JournalLines=sides)


@BOTH
async def test_a_customer_nobody_knows_is_a_suggestion_with_a_guess(provider: str, place: Place, api: Api) -> None:
    await _new_customer_there(place, "Fern & Sons", "post@fern.test")
    ours = await changed(place.world, place.firm, external_ref="f", name="Fern and Sons", email="POST@fern.test")
    await place.world.set(place.firm, Connection, place.connection, customer_sync_enabled=True)
    caller = await api.caller(place.firm)
    async with place.world.runtime.db.firm(place.firm) as session:
        await session.exec_driver_sql("DELETE FROM customer_sync_mappings")
    await place.pull()
    shown = (await caller.get(f"{BOOKS}/client-suggestions?limit=200")).json()["items"]
    (fern,) = [one for one in shown if one["name"] == "Fern & Sons"]
    assert fern["match"] == {"client_id": ours, "name": "Fern and Sons", "reason": "same_email"}
    matched = await caller.post(f"{BOOKS}/client-suggestions/{fern['id']}/match", json={"client_ref": "f"})
    assert matched.status_code == 200, matched.text
    assert await place.external_id(ours) == fern["external_id"]
    again = await caller.post(f"{BOOKS}/client-suggestions/{fern['id']}/match", json={"client_ref": "f"})
    assert again.status_code == 404
    await place.world.work(place.connection)
    assert (await place.there(fern["external_id"])).name == "Fern and Sons"


@BOTH
async def test_a_suggestion_becomes_a_client_or_is_dismissed(provider: str, place: Place, api: Api) -> None:
    await _new_customer_there(place, "Oak Row", "oak@row.test")
    await _new_customer_there(place, "Not Ours", "no@body.test")
    await place.pull()
    caller = await api.caller(place.firm)
    shown = {one["name"]: one for one in (await caller.get(f"{BOOKS}/client-suggestions?limit=200")).json()["items"]}
    made = await caller.post(f"{BOOKS}/client-suggestions/{shown['Oak Row']['id']}/create")
    assert (made.status_code, made.json()["email"]) == (201, "oak@row.test")
    assert await place.state(made.json()["id"]) == ("synced", "")
    gone = await caller.post(f"{BOOKS}/client-suggestions/{shown['Not Ours']['id']}/dismiss")
    assert gone.status_code == 204
    left = {one["name"] for one in (await caller.get(f"{BOOKS}/client-suggestions?limit=200")).json()["items"]}
    assert not {"Oak Row", "Not Ours"} & left
    kept = (await caller.get(f"{BOOKS}/client-suggestions?dismissed=true")).json()["items"]
    assert [one["name"] for one in kept] == ["Not Ours"]
    other = await api.caller(await place.world.firm())
    foreign = await other.post(f"{BOOKS}/client-suggestions/{shown['Not Ours']['id']}/create")
    assert foreign.status_code == 404


@BOTH
async def test_an_unknown_customer_becomes_a_client_where_the_connection_says_so(provider: str, place: Place) -> None:
    await settings(place.world, place.firm, place.connection, customer_pull="create")
    await _new_customer_there(place, "Birch Hall", "hall@birch.test")
    ours = await place.client()
    first = await place.pull()
    async with place.world.runtime.db.firm(place.firm) as session:
        found = await session.exec_driver_sql("SELECT count(*) FROM clients WHERE name = 'Birch Hall'")
        total = await session.exec_driver_sql("SELECT count(*) FROM clients")
    assert found.scalar_one() == 1
    assert total.scalar_one() == first["customers"] + 1
    assert await place.state(ours) == ("synced", "")
    before = place.world.calls(place.connection)
    await place.world.work(place.connection)
    assert place.world.calls(place.connection) == before
    assert (await place.pull())["customers"] == 0


async def _new_customer_there(place: Place, name: str, email: str) -> None:
    client = await changed(place.world, place.firm, external_ref=name, name=name, email=email)
    await place.world.work(place.connection)
    assert (await place.state(client))[0] == "synced"
    external_id = await place.external_id(client)
    async with place.world.runtime.db.firm(place.firm) as session:
        await session.exec_driver_sql(f"DELETE FROM customer_sync_mappings WHERE client_id = {client}")
        await session.exec_driver_sql(f"DELETE FROM clients WHERE id = {client}")
        await session.exec_driver_sql("DELETE FROM sync_cursors")
        await session.exec_driver_sql("DELETE FROM remote_records")
    # Whoever typed it there did not write our marks.
    if place.provider == "quickbooks":
        await place.world.act(place.connection, "edit_customer", customer_id=external_id, Notes="met at a fair")
    else:
        await place.world.act(place.connection, "edit_customer", customer_id=external_id, ContactNumber="")


class TestMerge:
    def test_a_field_cleared_here_stays_cleared_where_the_vendor_cannot_clear_it(self) -> None:
        capabilities = SPECS[ProviderName.quickbooks].capabilities
        from_before = {"email": "a@b.test"}
        blank = dict.fromkeys(capabilities.customer_fields, "")
        base = base_after(capabilities, {**blank, **from_before}, _customer(email=""))
        theirs = {**blank, "name": "X", "email": "a@b.test"}
        merged = merge(base, fields_of(capabilities, _customer(email="")), theirs)
        assert merged.taken == {}
        assert merged.conflicts == ()

    def test_without_a_base_nothing_is_taken_and_nothing_conflicts(self) -> None:
        merged = merge({}, {"name": "A"}, {"name": "B"})
        assert (merged.taken, merged.conflicts, merged.equal) == ({}, (), False)


def _customer(**fields: Any) -> Customer:
    return Customer(name="X", **fields)


@BOTH
async def test_a_record_in_error_never_forgets_what_was_changed_there(provider: str, place: Place) -> None:
    client = await place.client()
    external_id = await place.external_id(client)
    await changed(place.world, place.firm, external_ref="a", email="ours@maple.test")
    async with place.world.runtime.db.firm(place.firm) as session:
        await session.exec_driver_sql("UPDATE customer_sync_mappings SET state = 'error', fault = '{\"code\": \"x\"}'")
    await place.edit_there(external_id, email="theirs@maple.test")
    await place.pull()
    assert await place.state(client) == ("conflict", "changed_on_both_sides")
    assert (await place.there(external_id)).email == "theirs@maple.test"


@BOTH
async def test_archived_and_edited_there_while_ours_is_owed_overwrites_nothing(provider: str, place: Place) -> None:
    client = await place.client()
    external_id = await place.external_id(client)
    await place.edit_there(external_id, email="theirs@maple.test")
    await place.world.act(place.connection, "archive_customer", customer_id=external_id)
    await changed(place.world, place.firm, external_ref="a", email="ours@maple.test")
    await place.pull()
    assert (await place.state(client))[0] == "conflict"
    assert (await place.there(external_id)).email == "theirs@maple.test"
    await _restore(place, external_id)
    await place.pull()
    assert await place.state(client) == ("conflict", "changed_on_both_sides")
    assert (await place.there(external_id)).email == "theirs@maple.test"


@BOTH
async def test_a_mapping_tells_the_name_that_the_customer_has_there_now(provider: str, place: Place) -> None:
    client = await place.client()
    external_id = await place.external_id(client)

    async def told() -> str:
        await place.pull()
        found = await place.world.mapping(place.firm, Kind.customer, place.connection, client)
        return str(found.external_name)

    await place.edit_there(external_id, name="Oak Ltd")
    assert await told() == "Oak Ltd"
    await place.world.act(place.connection, "archive_customer", customer_id=external_id)
    assert await told() == ("Oak Ltd (deleted)" if provider == "quickbooks" else "Oak Ltd")
    await _restore(place, external_id)
    assert await told() == "Oak Ltd"


@BOTH
async def test_a_mapping_tells_the_number_that_the_invoice_has_there_now(provider: str, place: Place) -> None:
    world, firm, connection = place.world, place.firm, place.connection
    invoice = await world.invoice(firm, await world.client(firm), number="T-1")
    await world.ask(firm, connection, Kind.invoice, [invoice])
    await world.work(connection)
    known = await world.mapping(firm, Kind.invoice, connection, invoice)
    word = {"quickbooks": "DocNumber", "xero": "InvoiceNumber"}[provider]
    await world.act(connection, "edit_invoice", invoice_id=known.external_id, **{word: "T-9"})
    await place.pull(Kind.invoice)
    found = await world.mapping(firm, Kind.invoice, connection, invoice)
    assert (found.external_number, found.state) == ("T-9", "synced")


@BOTH
async def test_what_changed_here_while_archived_there_goes_once_it_is_restored(provider: str, place: Place) -> None:
    client = await place.client()
    external_id = await place.external_id(client)
    await place.world.act(place.connection, "archive_customer", customer_id=external_id)
    await place.pull()
    await place.world.set(place.firm, Client, client, phone="9", revision=2)
    await _restore(place, external_id)
    await place.pull()
    await place.world.work(place.connection)
    assert await place.state(client) == ("synced", "")
    assert (await place.there(external_id)).phone == "9"


async def _restore(place: Place, external_id: str) -> None:
    if place.provider == "quickbooks":
        await place.world.act(place.connection, "restore", entity="Customer", id=external_id)
    else:
        await place.world.act(place.connection, "restore_customer", customer_id=external_id)
