"""The operator's own routes: across firms, mostly looking, every change in the audit of the firm it is done to."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.edge.operating import PREFIX
from app.edge.principals import Role
from app.settings import Settings
from tests.api.test_roles import IDS
from tests.api.test_walls import fill, operations
from tests.support.api import BOOKS, Api, open_api
from tests.support.world import SIM, World, open_world

SECRET = "operators-only-" + "0123456789abcdef" * 2
EVENT = text(
    "INSERT INTO webhook_events (firm_id, connection_id, delivery_id, provider, event_key, company_id, state)"
    " VALUES (:firm, :connection, :delivery, 'xero', :key, 'c', :state)"
)


@dataclass
class Desk:
    """An application with an operator, and the operator as a caller."""

    api: Api
    http: httpx.AsyncClient

    @property
    def world(self) -> World:
        return self.api.world

    async def audit(self, firm_id: int) -> list[tuple[str, str]]:
        """Who did what to a firm, oldest first."""
        async with self.world.runtime.db.firm(firm_id) as session:
            rows = await session.execute(text("SELECT actor, action FROM audit_events ORDER BY id"))
        return [(row.actor, row.action) for row in rows]


@pytest.fixture
async def desk(make_settings: Callable[..., Settings]) -> AsyncIterator[Desk]:
    async with open_world(make_settings(sim_url=SIM, operator_secret=SECRET)) as world, open_api(world) as api:
        http = await api.with_credential(SECRET)
        http.headers["X-Operator"] = "Robin"
        yield Desk(api, http)


async def events(world: World, firm: int, connection: int, state: str, count: int) -> None:
    """Events of one firm in one state."""
    async with world.runtime.db.system() as session:
        made = text("INSERT INTO webhook_deliveries (provider, body, events) VALUES ('xero', '', 1) RETURNING id")
        delivery = (await session.execute(made)).scalar_one()
        for number in range(count):
            values = {"firm": firm, "connection": connection, "delivery": delivery, "state": state}
            await session.execute(EVENT, {**values, "key": f"{firm}-{state}-{number}"})


async def test_a_firm_and_its_first_key_are_made_and_the_key_opens_that_firm_alone(desk: Desk) -> None:
    made = await desk.http.post(f"{PREFIX}/firms", json={"name": "Harbor Tea", "time_zone": "Europe/Vienna"})
    assert made.status_code == 201, made.text
    firm = made.json()["id"]
    assert (made.json()["name"], made.json()["time_zone"]) == ("Harbor Tea", "Europe/Vienna")
    key = await desk.http.post(f"{PREFIX}/firms/{firm}/api-keys", json={"name": "billing", "role": "admin"})
    assert key.status_code == 201, key.text
    caller = await desk.api.with_credential(key.json()["key"])
    assert (await caller.get(f"{BOOKS}/firm")).json()["name"] == "Harbor Tea"
    listed = (await desk.http.get(f"{PREFIX}/firms/{firm}/api-keys")).json()["items"]
    assert [(one["id"], one["role"], one["state"]) for one in listed] == [(key.json()["id"], "admin", "active")]
    assert key.json()["key"] not in str(listed)
    assert await desk.audit(firm) == [("operator:Robin", "firm.created"), ("operator:Robin", "api_key.created")]


async def test_keys_are_rotated_and_revoked_with_the_firms_own_rules(desk: Desk) -> None:
    firm = await desk.world.firm()
    key_id, key = await desk.api.key(firm)
    caller = await desk.api.with_credential(key)
    keys = f"{PREFIX}/firms/{firm}/api-keys"
    new = await desk.http.post(f"{keys}/{key_id}/rotate", json={"grace_minutes": 60})
    assert new.status_code == 201
    assert (await caller.get(f"{BOOKS}/firm")).status_code == 200, "the old one counts for a while"
    assert (await desk.http.post(f"{keys}/{key_id}/revoke")).json()["state"] == "revoked"
    assert (await caller.get(f"{BOOKS}/firm")).status_code == 401
    other = await desk.world.firm()
    assert (await desk.http.post(f"{PREFIX}/firms/{other}/api-keys/{new.json()['id']}/revoke")).status_code == 404
    again = await desk.http.post(f"{keys}/{key_id}/rotate")
    assert (again.status_code, again.json()["code"]) == (409, "key_not_active")
    assert {actor for actor, _ in await desk.audit(firm)} == {"operator:Robin"}


async def test_firms_and_connections_of_all_are_listed_in_pages(desk: Desk) -> None:
    firms = [await desk.world.firm(f"Firm {n}") for n in range(3)]
    connection = await desk.world.connect(firms[0], "xero")
    first = (await desk.http.get(f"{PREFIX}/firms", params={"limit": 2})).json()
    rest = (await desk.http.get(f"{PREFIX}/firms", params={"limit": 2, "cursor": first["next"]})).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == sorted(firms, reverse=True)
    assert rest["next"] is None
    listed = (await desk.http.get(f"{PREFIX}/connections")).json()["items"]
    assert [(one["id"], one["firm_id"], one["status"]) for one in listed] == [(connection, firms[0], "active")]
    for params in ({"firm_id": firms[1]}, {"status": "expired"}):
        assert (await desk.http.get(f"{PREFIX}/connections", params=params)).json()["items"] == []


async def test_events_are_looked_at_again_across_firms(desk: Desk) -> None:
    world = desk.world
    first, second, third = [await world.firm() for _ in range(3)]
    for firm, provider in ((first, "xero"), (second, "quickbooks")):
        connection = await world.connect(firm, provider)
        await events(world, firm, connection, "parked", 2)
        await events(world, firm, connection, "done", 1)
    one = await desk.http.post(f"{PREFIX}/webhook-events/replay", json={"firm_ids": [second, third]})
    assert one.json() == {"count": 2, "firms": {str(second): 2}}
    rest = await desk.http.post(f"{PREFIX}/webhook-events/replay", json={})
    assert rest.json() == {"count": 2, "firms": {str(first): 2}}
    async with world.runtime.db.system() as session:
        states = text("SELECT state, count(*) FROM webhook_events GROUP BY state ORDER BY state")
        assert [tuple(row) for row in await session.execute(states)] == [("done", 2), ("pending", 4)]
        rung = await session.execute(text("SELECT count(*) FROM procrastinate.procrastinate_jobs"))
        assert rung.scalar_one() == 2
    assert ("operator:Robin", "webhook_events.replayed") in await desk.audit(first)
    assert await desk.audit(third) == []


class TestDoor:
    """Who gets in, and where not."""

    @pytest.mark.parametrize("role", list(Role))
    async def test_no_role_of_a_firm_opens_any_of_it(self, desk: Desk, role: Role) -> None:
        caller = await desk.api.caller(await desk.world.firm(), role)
        tried = 0
        for name, method, path in operations(desk.api):
            if path.startswith(PREFIX):
                answer = await caller.request(method, fill(path, IDS), json={"name": "x"} if method != "GET" else None)
                assert answer.status_code == 403, name
                tried += 1
        assert tried == 8

    @pytest.mark.parametrize("credential", [SECRET[:-1], SECRET + "x", SECRET.upper(), "", "ü" * 40])
    async def test_what_is_nearly_the_secret_opens_nothing(self, desk: Desk, credential: str) -> None:
        http = await desk.api.with_credential()
        sent = httpx.Headers([(b"Authorization", f"Bearer {credential}".encode())])
        answer = await http.get(f"{PREFIX}/firms", headers=sent)
        assert answer.status_code == 401, answer.text

    async def test_the_secret_opens_no_route_of_a_firm(self, desk: Desk) -> None:
        for path in ("firm", "clients", "api-keys"):
            assert (await desk.http.get(f"{BOOKS}/{path}")).status_code == 401

    async def test_without_a_secret_in_the_settings_nobody_is_the_operator(self, api: Api) -> None:
        for credential in (SECRET, "", "None"):
            http = await api.with_credential(credential)
            assert (await http.get(f"{PREFIX}/firms")).status_code == 401

    async def test_a_name_that_would_forge_the_audit_is_refused(self, desk: Desk) -> None:
        for name in ("a:b", "a\tb", "x" * 61):
            answer = await desk.http.get(f"{PREFIX}/firms", headers={"X-Operator": name})
            assert answer.status_code == 422

    async def test_nothing_is_done_to_a_firm_that_is_not_there(self, desk: Desk) -> None:
        asked: list[tuple[str, str, Any]] = [
            ("GET", "api-keys", None),
            ("POST", "api-keys", {"name": "x"}),
            ("POST", "api-keys/1/revoke", None),
        ]
        for method, path, body in asked:
            answer = await desk.http.request(method, f"{PREFIX}/firms/999/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        zone = await desk.http.post(f"{PREFIX}/firms", json={"name": "A", "time_zone": "Mars/Olympus"})
        assert (zone.status_code, zone.json()["code"]) == (422, "time_zone_unknown")

    async def test_a_key_for_repeating_is_refused_rather_than_passed_over(self, desk: Desk) -> None:
        answer = await desk.http.post(f"{PREFIX}/firms", json={"name": "A"}, headers={"Idempotency-Key": "once"})
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_invalid")
        assert (await desk.http.get(f"{PREFIX}/firms")).json()["items"] == []
