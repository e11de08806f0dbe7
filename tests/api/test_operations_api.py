"""What admins and members steer by: keys, audit, webhook events, runs, reconciliation's edges, the state of sync."""

from datetime import UTC, datetime, timedelta

import pytest

from app.canonical import Kind
from tests.support.api import BOOKS, Api, bearer
from tests.sync.test_inbox import deliver, listening, pushed, remote_id

KEYS = f"{BOOKS}/api-keys"
EVENTS = f"{BOOKS}/webhook-events"


class TestKeys:
    async def test_a_key_is_shown_once_and_works(self, api: Api) -> None:
        firm = await api.world.firm()
        admin = await api.caller(firm)
        made = await admin.post(KEYS, json={"name": "Billing", "role": "viewer"})
        assert made.status_code == 201, made.text
        key = made.json()["key"]
        listed = (await admin.get(KEYS)).json()["items"]
        assert key not in str(listed)
        assert [(one["name"], one["role"], one["state"]) for one in listed if one["name"] == "Billing"] == [
            ("Billing", "viewer", "active")
        ]
        assert (await api.http.get(f"{BOOKS}/clients", headers=bearer(key))).status_code == 200
        assert (await api.http.post(f"{BOOKS}/clients", headers=bearer(key), json={"name": "x"})).status_code == 403
        told = (await admin.get(f"{BOOKS}/audit-events?action=api_key.created")).json()["items"]
        assert [one["details"]["name"] for one in told] == ["Billing"]

    async def test_rotating_keeps_the_old_key_for_its_grace_and_no_longer(self, api: Api) -> None:
        firm = await api.world.firm()
        admin = await api.caller(firm)
        old = (await admin.post(KEYS, json={"name": "Billing"})).json()
        new = await admin.post(f"{KEYS}/{old['id']}/rotate", json={"grace_minutes": 0})
        assert new.status_code == 201, new.text
        assert (await api.http.get(f"{BOOKS}/clients", headers=bearer(old["key"]))).status_code == 401
        assert (await api.http.get(f"{BOOKS}/clients", headers=bearer(new.json()["key"]))).status_code == 200
        again = await admin.post(f"{KEYS}/{old['id']}/rotate")
        assert (again.status_code, again.json()["code"]) == (409, "key_not_active")
        kept = await admin.post(f"{KEYS}/{new.json()['id']}/rotate", json={"grace_minutes": 5})
        assert (await api.http.get(f"{BOOKS}/clients", headers=bearer(new.json()["key"]))).status_code == 200
        assert kept.json()["role"] == "member"

    async def test_a_revoked_key_is_refused_at_once(self, api: Api) -> None:
        firm = await api.world.firm()
        admin = await api.caller(firm)
        made = (await admin.post(KEYS, json={"name": "Gone"})).json()
        assert (await admin.post(f"{KEYS}/{made['id']}/revoke")).json()["state"] == "revoked"
        assert (await api.http.get(f"{BOOKS}/clients", headers=bearer(made["key"]))).status_code == 401

    @pytest.mark.parametrize("role", ["viewer", "member"])
    async def test_keys_and_audit_are_the_admins(self, api: Api, role: str) -> None:
        caller = await api.caller(await api.world.firm(), role)
        for answer in (await caller.get(KEYS), await caller.post(KEYS, json={"name": "x"})):
            assert answer.status_code == 403
        assert (await caller.get(f"{BOOKS}/audit-events")).status_code == 403

    async def test_a_key_cannot_end_before_it_begins(self, api: Api) -> None:
        admin = await api.caller(await api.world.firm())
        past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
        answer = await admin.post(KEYS, json={"name": "x", "expires_at": past})
        assert (answer.status_code, answer.json()["code"]) == (422, "expires_in_the_past")


@pytest.mark.parametrize("provider", ["quickbooks", "xero"])
class TestEvents:
    async def test_events_are_listed_counted_and_looked_at_again(self, api: Api, provider: str) -> None:
        world = api.world
        await listening(world, provider)
        firm, connection, (invoice,) = await pushed(world, provider)
        await world.act(connection, "pay", invoice_id=await remote_id(world, firm, connection, invoice))
        await deliver(world, provider, connection)
        admin, other = await api.caller(firm), await api.caller(await world.firm())
        shown = (await admin.get(f"{EVENTS}?limit=200")).json()["items"]
        done = [one for one in shown if one["state"] == "done"]
        assert done
        assert (await other.get(EVENTS)).json()["items"] == []
        summary = (await admin.get(f"{EVENTS}/summary")).json()
        assert summary["received"] == len(shown)
        assert summary["done"] == len(done)
        ids = [one["id"] for one in done]
        assert (await other.post(f"{EVENTS}/replay", json={"ids": ids})).json() == {"count": 0}
        before = world.calls(connection)
        assert (await admin.post(f"{EVENTS}/replay", json={"ids": ids})).json() == {"count": len(ids)}
        await world.work(connection)
        assert world.calls(connection) > before
        again = (await admin.get(f"{EVENTS}?limit=200")).json()["items"]
        assert {one["id"]: one["state"] for one in again if one["id"] in ids} == dict.fromkeys(ids, "done")
        unasked = await admin.post(f"{EVENTS}/replay", json={})
        assert (unasked.status_code, unasked.json()["code"]) == (422, "filter_missing")


class TestRuns:
    async def test_a_run_is_cancelled_by_a_member_of_its_firm(self, api: Api) -> None:
        world = api.world
        firm = await world.firm()
        connection = await world.connect(firm)
        client = await world.client(firm)
        await world.ask(firm, connection, Kind.customer, [client])
        member, viewer = await api.caller(firm, "member"), await api.caller(firm, "viewer")
        asked = await member.post("/api/sync/qbo/push", json={}, headers={"Prefer": "wait=0"})
        run = asked.json()["run"]["run_id"]
        assert (await viewer.post(f"{BOOKS}/runs/{run}/cancel")).status_code == 403
        paused = await member.post(f"{BOOKS}/runs/{run}/pause")
        assert paused.json()["state"] == "paused"
        assert [one["run_id"] for one in (await member.get(f"{BOOKS}/runs?state=paused")).json()["items"]] == [run]
        assert (await member.post(f"{BOOKS}/runs/{run}/cancel")).json()["state"] == "cancelled"
        resumed = await member.post(f"{BOOKS}/runs/{run}/resume")
        assert (resumed.status_code, resumed.json()["code"]) == (409, "run_not_open")


async def test_the_status_tells_how_well_it_goes(api: Api) -> None:
    world = api.world
    firm, connection, _ = await pushed(world, "quickbooks")
    caller = await api.caller(firm)
    asked = await caller.post("/api/sync/qbo/push", json={}, headers={"Prefer": "wait=0"})
    await world.work(connection)
    shown = (await caller.get("/api/sync/status")).json()
    assert asked.status_code == 202
    assert shown["success"]["connect"] == {"begun": 1, "connected": 1, "ratio": 1.0}
    assert shown["success"]["records"] == {"synced": 2, "failed": 0, "ratio": 1.0}
    assert shown["success"]["runs"]["push"]["ratio"] == 1.0
    assert shown["success"]["runs"]["push"]["p95_seconds"] >= shown["success"]["runs"]["push"]["median_seconds"] >= 0
    assert shown["webhooks"]["received"] == 0


async def test_reversed_days_are_refused(api: Api) -> None:
    firm = await api.world.firm()
    connection = await api.world.connect(firm)
    caller = await api.caller(firm)
    days = {"from": "2026-11-30", "to": "2026-11-01"}
    answer = await caller.get(f"{BOOKS}/connections/{connection}/reconciliation", params=days)
    assert (answer.status_code, answer.json()["code"]) == (422, "dates_reversed")
