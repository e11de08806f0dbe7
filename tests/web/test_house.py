"""Settings: the firm, keys that are shown once, the audit, and events to look at again."""

import csv
import io
import re

import pytest
from sqlalchemy import text

from tests.support.pages import Pages


async def test_the_firms_defaults_are_changed_and_audited(pages: Pages) -> None:
    firm = await pages.api.world.firm("Old name")
    person = await pages.person(firm)
    await person.open("/settings")
    changed = {"name": "New name", "time_zone": "Europe/Paris", "frequency_minutes": "15", "update_policy": "all"}
    await person.send("/settings", picked=changed, sync_enabled=None)
    assert "New name" in person.text
    api = await pages.api.caller(firm)
    now = (await api.get("/api/v1/accounting/firm")).json()
    assert {name: now[name] for name in changed} == changed | {"frequency_minutes": 15}
    assert now["sync_enabled"] is False
    await person.open("/settings/audit")
    assert "firm.changed" in person.text
    await person.open("/settings")
    await person.send("/settings", status=422, time_zone="Mars/Olympus")


async def test_a_key_is_shown_once_and_works(pages: Pages) -> None:
    firm = await pages.api.world.firm()
    person = await pages.person(firm)
    await person.open("/settings/keys")
    await person.send("/settings/keys", name="billing", role="viewer", expires="2099-01-01")
    key = re.search(r"tieout_test_[0-9A-Za-z]{49}", person.page.text)
    assert key is not None
    caller = await pages.api.with_credential(key[0])
    assert (await caller.get("/api/v1/accounting/firm")).status_code == 200
    await person.open("/settings/keys")
    assert key[0] not in person.page.text
    assert "billing" in person.text
    async with pages.api.world.runtime.db.firm(firm) as session:
        key_id = (await session.execute(text("SELECT id FROM api_keys WHERE name = 'billing'"))).scalar_one()
    answer = await person.http.get("/settings/keys.csv")
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))}
    assert (rows["billing"]["role"], rows["billing"]["state"]) == ("viewer", "active")
    assert key[0] not in answer.text
    await person.send(f"/settings/keys/{key_id}/rotate")
    rotated = re.search(r"tieout_test_[0-9A-Za-z]{49}", person.page.text)
    assert rotated is not None
    assert rotated[0] != key[0]
    await person.send(f"/settings/keys/{key_id}/revoke")
    assert (await caller.get("/api/v1/accounting/firm")).status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"role": "emperor"}, {"expires": "soon"}, {"expires": "2020-01-01"}], ids=str
)
async def test_a_key_that_cannot_be_is_refused(pages: Pages, wrong: dict[str, str]) -> None:
    person = await pages.person(await pages.api.world.firm())
    await person.open("/settings/keys")
    await person.send("/settings/keys", status=422, picked={"name": "x", "role": "viewer", **wrong})


async def test_the_audit_is_filtered_and_comes_as_csv(pages: Pages) -> None:
    firm = await pages.api.world.firm()
    person = await pages.person(firm)
    await person.open("/settings/audit?action=ui.signed_in")
    assert "ui.signed_in" in person.text
    await person.open("/settings/audit?action=nothing.happened")
    assert "Nothing matches" in person.text
    answer = await person.http.get("/settings/audit.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["action"] for row in rows] == ["ui.signed_in"]


async def test_events_are_looked_at_again(pages: Pages) -> None:
    world = pages.api.world
    firm = await world.firm()
    connection = await world.connect(firm)
    async with world.runtime.db.system() as session:
        await session.execute(
            text(
                "WITH d AS (INSERT INTO webhook_deliveries (provider, body, events) VALUES ('quickbooks', '', 1)"
                " RETURNING id) INSERT INTO webhook_events (firm_id, connection_id, delivery_id, provider, event_key,"
                f" company_id, kind, external_id, state) SELECT {firm}, {connection}, id, 'quickbooks', k, 'c',"
                " 'invoice', k, s FROM d, (VALUES ('one', 'done'), ('two', 'parked')) v(k, s)"
            )
        )
    person = await pages.person(firm)
    await person.open("/settings/events?state=parked")
    assert "two" in person.text
    assert "one" not in re.findall(r"<code>(\w+)</code>", person.page.text)
    for query, keys in (
        ("", ["two", "one"]),
        ("?state=done", ["one"]),
        ("?record=two", ["two"]),
        ("?kind=customer", []),
    ):
        answer = await person.http.get(f"/settings/events.csv{query}")
        rows = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
        assert [row["external_id"] for row in rows] == keys, query
    await person.send("/settings/events/replay", which="parked")
    assert "1 event looked at again" in person.text
    await person.open("/settings/events?state=done")
    await person.send("/settings/events/replay", which="ticked", id="1")
    async with world.runtime.db.firm(firm) as session:
        states = (await session.execute(text("SELECT state FROM webhook_events"))).scalars()
        assert set(states) == {"pending"}
    await person.open("/settings/events")
    await person.send("/settings/events/replay", which="ticked", status=422)


async def test_members_and_viewers_see_no_keys(pages: Pages) -> None:
    firm = await pages.api.world.firm()
    for role in ("viewer", "member"):
        person = await pages.person(firm, role)
        await person.open("/settings")
        assert not person.offers("/settings/keys")
        assert "An administrator can change these" in person.text
        for path in ("/settings/keys", "/settings/keys.csv", "/settings/audit", "/settings/audit.csv"):
            await person.open(path, status=403)
        await person.open("/settings/events")


async def test_a_dead_address_is_a_page_for_people_and_a_problem_for_programs(pages: Pages) -> None:
    person = await pages.person(await pages.api.world.firm())
    people = await person.http.get("/nowhere", headers={"Accept": "text/html,*/*"})
    assert (people.status_code, people.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no page at this address." in people.text
    for path, accept in (("/nowhere", "application/json"), ("/api/v1/nowhere", "text/html")):
        program = await person.http.get(path, headers={"Accept": accept})
        assert (program.status_code, program.json()["code"]) == (404, "not_found")
