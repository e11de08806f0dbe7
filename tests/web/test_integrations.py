"""The integrations page and the connect journey, clicked through without JavaScript against the simulators."""

from typing import Any

from sqlalchemy import text

from app.canonical import Kind
from simulators.intuit.seeds import US_REALM
from simulators.xero import TENANT_NZ, TENANT_US
from tests.support.pages import Pages, Person
from tests.support.world import World

VENDOR = {"quickbooks": "intuit", "xero": "xero"}


async def journey(pages: Pages, person: Person, provider: str, company: Any, **form: Any) -> str:
    """Connect as a person does; the page at the end."""
    await person.open(f"/connect/{provider}")
    sent = await person.send(f"/connect/{provider}", follow=False, status=303)
    words = await pages.api.world.consent(sent.headers["location"], provider, company, **form)
    query = "&".join(f"{name}={value}" for name, value in words.items())
    return await person.open(f"/api/auth/{provider}/callback?{query}")


async def test_connecting_shows_what_for_and_ends_with_the_readiness(pages: Pages) -> None:
    person = await pages.person(await pages.api.world.firm("Harbor Tea"))
    await person.open("/")
    assert "Not connected" in person.text
    assert person.offers("/connect/qbo")
    await person.open("/connect/quickbooks")
    assert "Harbor Tea asks for access to one company" in person.text
    await journey(pages, person, "quickbooks", US_REALM)
    assert "Nothing has been written yet." in person.text
    assert "Is the company ready?" in person.text
    await person.open("/")
    assert "Nothing has been sent to QuickBooks yet." in person.text
    assert "of 500 this minute" in person.text
    assert person.page.text.count('class="primary">Sync now') == 1


async def test_several_companies_are_chosen_from(pages: Pages) -> None:
    person = await pages.person(await pages.api.world.firm())
    await journey(pages, person, "xero", [TENANT_US, TENANT_NZ])
    assert "Which company?" in person.text
    await person.send("/connect/xero/company", company_id=TENANT_NZ)
    assert "is connected" in person.text
    await person.open("/")
    assert "connected" in person.text


async def test_after_a_reconnect_what_was_sent_before_is_not_denied(pages: Pages) -> None:
    world = pages.api.world
    firm = await world.firm()
    person = await pages.person(firm)
    await journey(pages, person, "xero", TENANT_US)
    connection = (await (await pages.api.caller(firm)).get("/api/v1/accounting/connections")).json()[0]["connection_id"]
    client = await world.client(firm)
    await world.ask(firm, connection, Kind.customer, [client])
    await world.work(connection)
    await journey(pages, person, "xero", TENANT_US)
    assert "Nothing has been written yet." not in person.text
    assert "1 record that was sent before is there; nothing is sent twice." in person.text


async def test_another_company_than_before_is_asked_about(pages: Pages) -> None:
    firm = await pages.api.world.firm()
    person = await pages.person(firm)
    await journey(pages, person, "xero", TENANT_US)
    await person.open("/connect/xero")
    assert "Choose the same company to go on where you were" in person.text
    await journey(pages, person, "xero", TENANT_NZ)
    assert "Another company than before" in person.text
    async with pages.api.world.runtime.db.firm(firm) as session:
        query = text("SELECT company_id FROM connections WHERE status = 'active'")
        assert (await session.execute(query)).scalars().all() == [TENANT_US]
    await person.send("/connect/xero/company", company_id=TENANT_NZ)
    assert "Nothing has been written yet." in person.text
    async with pages.api.world.runtime.db.firm(firm) as session:
        assert (await session.execute(query)).scalars().all() == [TENANT_NZ]


async def test_a_declined_consent_changes_nothing(pages: Pages) -> None:
    person = await pages.person(await pages.api.world.firm())
    await journey(pages, person, "xero", TENANT_US, action="cancel")
    assert "You did not allow the connection" in person.text
    assert person.offers("/connect/xero")


async def test_another_browser_cannot_finish_the_journey(pages: Pages) -> None:
    firm = await pages.api.world.firm()
    person, other = await pages.person(firm), await pages.person(firm)
    await person.open("/connect/xero")
    sent = await person.send("/connect/xero", follow=False, status=303)
    words = await pages.api.world.consent(sent.headers["location"], "xero", TENANT_US)
    await other.open(f"/api/auth/xero/callback?code={words['code']}&state={words['state']}")
    assert "begun in another browser" in other.text


async def test_only_the_vendors_page_may_be_reached_by_the_connect_form(pages: Pages) -> None:
    person = await pages.person(await pages.api.world.firm())
    await person.open("/connect/xero")
    assert "form-action 'self' http://localhost:8100" in person.page.headers["content-security-policy"]


async def connected(world: World) -> tuple[int, int]:
    firm = await world.firm()
    return firm, await world.connect(firm)


async def test_sync_now_asks_for_a_push_and_a_pull(pages: Pages) -> None:
    world = pages.api.world
    firm, connection = await connected(world)
    client = await world.client(firm)
    invoice = await world.invoice(firm, client)
    person = await pages.person(firm, "member")
    await person.open("/")
    answer = await person.send(f"/connections/{connection}/sync", follow=False, status=303)
    assert answer.headers["location"] == "/activity?notice=sync"
    await world.work(connection)
    assert (await world.mapping(firm, Kind.invoice, connection, invoice)).state == "synced"
    await person.open("/")
    assert "The one invoice is in QuickBooks." in person.text


async def test_pausing_and_resuming(pages: Pages) -> None:
    firm, connection = await connected(pages.api.world)
    person = await pages.person(firm)
    await person.open("/")
    await person.send(f"/connections/{connection}/pause")
    assert "Automatic sync is paused" in person.text
    await person.send(f"/connections/{connection}/resume")
    assert "Automatic sync goes on" in person.text


async def test_settings_are_stored_and_shown(pages: Pages) -> None:
    firm, connection = await connected(pages.api.world)
    person = await pages.person(firm)
    await person.open(f"/connections/{connection}/settings")
    changed: dict[str, Any] = {
        "payment_sync_enabled": None,
        "frequency_minutes": "360",
        "update_policy": "all",
        "sync_from": "2026-10-01",
    }
    await person.send(f"/connections/{connection}/settings", **changed)
    assert "Saved." in person.text
    api = await pages.api.caller(firm)
    now = (await api.get(f"/api/v1/accounting/connections/{connection}")).json()
    assert (now["payment_sync_enabled"], now["invoice_sync_enabled"], now["sync_enabled"]) == (False, True, True)
    assert (now["frequency_minutes"], now["update_policy"], now["sync_from"]) == (360, "all", "2026-10-01")
    await person.send(f"/connections/{connection}/settings", status=422, frequency_minutes="1")


async def test_disconnecting_says_what_it_does_first(pages: Pages) -> None:
    world = pages.api.world
    firm, connection = await connected(world)
    person = await pages.person(firm)
    await person.open(f"/connections/{connection}/disconnect")
    assert "Nothing is deleted there" in person.text
    async with world.runtime.db.firm(firm) as session:
        assert (await session.execute(text("SELECT status FROM connections"))).scalar_one() == "active"


async def test_a_viewer_sees_everything_and_can_do_nothing(pages: Pages) -> None:
    firm, connection = await connected(pages.api.world)
    person = await pages.person(firm, "viewer")
    await person.open("/")
    for act in ("sync", "pause", "settings", "disconnect"):
        assert not person.offers(f"/connections/{connection}/{act}")
    assert not person.offers("/connect/xero")
    csrf = person.page.text.split('name="csrf" value="')[1].split('"')[0]
    for path in (f"/connections/{connection}/sync", f"/connections/{connection}/disconnect", "/connect/xero"):
        answer = await person.http.post(path, data={"csrf": csrf})
        assert answer.status_code == 403, path
        assert "text/html" in answer.headers["content-type"]


async def test_another_firms_connection_is_not_there(pages: Pages) -> None:
    _, connection = await connected(pages.api.world)
    person = await pages.person(await pages.api.world.firm("Other"))
    await person.open("/")
    assert person.text.count("Not connected") == 2
    for act in ("settings", "disconnect"):
        await person.open(f"/connections/{connection}/{act}", status=404)
