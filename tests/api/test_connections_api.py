"""Connecting, listing, changing and ending connections over HTTP, against the simulators."""

import httpx
import pytest

from app.db.tables import Connection
from simulators.intuit.seeds import UK_REALM, US_REALM
from simulators.xero import TENANT_NZ, TENANT_US
from tests.support.api import Api
from tests.support.working import working

BASE = "/api/v1/accounting/connections"
BACK = "http://localhost:3000/integrations"


@pytest.fixture
async def firm(api: Api) -> int:
    return await api.world.firm()


@pytest.fixture
async def http(api: Api, firm: int) -> httpx.AsyncClient:
    return await api.caller(firm)


async def begun(http: httpx.AsyncClient, **body: object) -> dict[str, str]:
    answer = await http.post(f"{BASE}/initiate_oauth", json={"provider": "quickbooks", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def connected(api: Api, http: httpx.AsyncClient, company: str = US_REALM, **body: object) -> httpx.Response:
    """The whole QuickBooks journey of an SPA that receives the redirect itself."""
    start = await begun(http)
    words = await api.world.consent(start["authorization_url"], "quickbooks", company)
    callback = {"code": words["code"], "state": start["state_token"], "realm_id": words["realmId"], **body}
    return await http.post(f"{BASE}/oauth_callback", json=callback)


class TestJourney:
    @pytest.mark.parametrize("slash", ["", "/"])
    async def test_the_journey_of_the_brief(self, api, http, firm, slash: str) -> None:
        start = await http.post(f"{BASE}/initiate_oauth{slash}", json={"provider": "quickbooks"})
        assert set(start.json()) == {"authorization_url", "state_token"}
        words = await api.world.consent(start.json()["authorization_url"], "quickbooks", US_REALM)
        answer = await http.post(
            f"{BASE}/oauth_callback{slash}",
            json={"code": words["code"], "state": words["state"], "realm_id": words["realmId"]},
        )
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["connection_id"] > 0
        assert body["firm"] == firm
        assert (body["provider"], body["provider_display"]) == ("quickbooks", "QuickBooks Online")
        assert (body["provider_company_id"], body["provider_company_name"]) == (US_REALM, "Sandbox Company_US_1")
        assert (body["status"], body["error_message"], body["environment"]) == ("active", "", "sandbox")
        assert body["scopes"] == ["com.intuit.quickbooks.accounting"]
        assert body["token_expires_at"].endswith("Z")
        assert body["sync_enabled"] is body["invoice_sync_enabled"] is body["payment_sync_enabled"] is True
        assert body["last_invoice_sync_at"] is None
        assert {check["level"] for check in body["readiness"]} <= {"ok", "warning", "problem"}
        assert (body["owed"], body["oldest_owed_at"]) == (0, None)
        assert body["budget"]["minute"]["limit"] == 500
        assert body["provider_metadata"]["currency"] == "USD"
        listed = (await http.get(f"{BASE}{slash}")).json()
        assert [one["connection_id"] for one in listed] == [body["connection_id"]]
        assert (await http.get(f"{BASE}/{body['connection_id']}{slash}")).json() == listed[0]

    async def test_qbo_is_quickbooks_and_numbers_are_ids(self, api, http) -> None:
        start = await begun(http, provider="qbo")
        words = await api.world.consent(start["authorization_url"], "quickbooks", US_REALM)
        answer = await http.post(
            f"{BASE}/oauth_callback",
            json={"code": words["code"], "state": words["state"], "realmId": int(words["realmId"])},
        )
        assert answer.json()["provider"] == "quickbooks"

    async def test_several_xero_organisations(self, api, http) -> None:
        start = await begun(http, provider="xero")
        words = await api.world.consent(start["authorization_url"], "xero", TENANT_US, tenant=[TENANT_US, TENANT_NZ])
        answer = await http.post(f"{BASE}/oauth_callback", json={"code": words["code"], "state": start["state_token"]})
        assert answer.status_code == 202
        choice = answer.json()
        assert {one["id"] for one in choice["companies"]} == {TENANT_US, TENANT_NZ}
        assert (await http.get(BASE)).json() == []
        answer = await http.post(
            f"{BASE}/select_company",
            json={"selection_token": choice["selection_token"], "company_id": TENANT_NZ},
        )
        assert answer.status_code == 200
        assert answer.json()["provider_company_id"] == TENANT_NZ

    async def test_a_browser_that_came_to_us_without_a_cookie(self, api, http) -> None:
        start = await begun(http, provider="xero", return_url=BACK, state="mine")
        words = await api.world.consent(start["authorization_url"], "xero", TENANT_US)
        stranger = await api.with_credential()
        landed = await stranger.get(f"{BASE}/oauth_callback", params=words)
        assert landed.status_code == 302
        assert landed.headers["cache-control"] == "no-store"
        assert landed.headers["referrer-policy"] == "no-referrer"
        target = httpx.URL(landed.headers["location"])
        assert str(target).startswith(f"{BACK}?")
        assert target.params["state"] == "mine"
        assert words["code"] not in str(target)
        body = {"state": start["state_token"], "completion_token": target.params["completion_token"]}
        other = await api.caller(await api.world.firm("Globex"))
        refused = await other.post(f"{BASE}/oauth_callback", json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "completion_invalid")
        assert (await http.post(f"{BASE}/oauth_callback", json=body)).status_code == 200

    async def test_used_forged_and_foreign_states(self, api, http, firm) -> None:
        assert (await connected(api, http)).status_code == 200
        start = await begun(http)
        words = await api.world.consent(start["authorization_url"], "quickbooks", US_REALM)
        body = {"code": words["code"], "state": words["state"], "realm_id": words["realmId"]}
        colleague = await api.caller(firm, "member")
        assert (await colleague.post(f"{BASE}/oauth_callback", json=body)).status_code == 403
        other = await api.caller(await api.world.firm("Globex"))
        assert (await other.post(f"{BASE}/oauth_callback", json=body)).json()["code"] == "state_mismatch"
        assert (await http.post(f"{BASE}/oauth_callback", json=body)).json()["code"] == "state_invalid"

    async def test_another_company_needs_a_confirmation(self, api, http) -> None:
        first = (await connected(api, http)).json()
        refused = await connected(api, http, UK_REALM)
        assert refused.status_code == 409
        problem = refused.json()
        assert refused.headers["content-type"] == "application/problem+json"
        assert problem["code"] == "company_changed"
        assert problem["connected_company"]["id"] == US_REALM
        assert problem["chosen_company"]["id"] == UK_REALM
        answer = await http.post(
            f"{BASE}/select_company",
            json={
                "selection_token": problem["selection_token"],
                "company_id": UK_REALM,
                "confirm_company_change": True,
            },
        )
        assert answer.status_code == 200
        listed = (await http.get(BASE)).json()
        assert [one["provider_company_id"] for one in listed] == [UK_REALM]
        revoked = (await http.get(BASE, params={"status": "revoked"})).json()
        assert [one["connection_id"] for one in revoked] == [first["connection_id"]]

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"provider": "sage"}, "unknown_provider"),
            ({}, "missing"),
            ({"provider": "xero", "return_url": "//evil.example"}, "return_url_not_allowed"),
            ({"provider": "xero", "colour": "red"}, "unknown_field"),
        ],
    )
    async def test_what_cannot_begin(self, http, body: dict[str, str], code: str) -> None:
        answer = await http.post(f"{BASE}/initiate_oauth", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)

    @pytest.mark.parametrize("body", [{"state": "x"}, {"state": "x", "code": "a", "completion_token": "b"}])
    async def test_a_callback_brings_one_of_the_two(self, http, body: dict[str, str]) -> None:
        assert (await http.post(f"{BASE}/oauth_callback", json=body)).status_code == 422


class TestReading:
    async def test_pages_have_a_link(self, api, http, firm) -> None:
        for provider in ("quickbooks", "xero"):
            await api.world.connect(firm, provider)
        first = await http.get(BASE, params={"limit": 1})
        assert len(first.json()) == 1
        link = first.headers["link"]
        assert link.endswith('; rel="next"')
        second = await http.get(link[1 : link.index(">")])
        assert [one["provider"] for one in first.json() + second.json()] == ["quickbooks", "xero"]
        assert "link" not in second.headers

    async def test_firms_do_not_see_each_other(self, api, http, firm) -> None:
        connection_id = await api.world.connect(firm)
        other = await api.caller(await api.world.firm("Globex"))
        assert (await other.get(BASE)).json() == []
        for method, path in (
            ("GET", f"{BASE}/{connection_id}"),
            ("PATCH", f"{BASE}/{connection_id}"),
            ("POST", f"{BASE}/{connection_id}/disconnect"),
        ):
            answer = await other.request(method, path, json={})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    async def test_what_is_owed_shows(self, api, http, firm) -> None:
        connection_id = await api.world.connect(firm)
        client = await api.world.client(firm)
        await api.world.ask(firm, connection_id, "customer", [client])
        body = (await http.get(f"{BASE}/{connection_id}")).json()
        assert body["owed"] == 1
        assert body["oldest_owed_at"].endswith("Z")

    async def test_roles(self, api, firm) -> None:
        connection_id = await api.world.connect(firm)
        member, viewer = await api.caller(firm, "member"), await api.caller(firm, "viewer")
        assert (await viewer.get(BASE)).status_code == 200
        assert (await member.patch(f"{BASE}/{connection_id}", json={"sync_enabled": False})).status_code == 403
        assert (await member.post(f"{BASE}/{connection_id}/disconnect")).status_code == 403
        nobody = await api.with_credential()
        assert (await nobody.get(BASE)).status_code == 401


class TestChanging:
    async def test_switches_and_policies(self, api, http, firm) -> None:
        connection_id = await api.world.connect(firm)
        change = {
            "invoice_sync_enabled": False,
            "frequency_minutes": 15,
            "update_policy": "all",
            "customer_pull": "create",
            "sync_from": "2026-01-01",
        }
        body = (await http.patch(f"{BASE}/{connection_id}/", json=change)).json()
        assert {name: body[name] for name in change} == change
        assert body["payment_sync_enabled"] is True
        body = (await http.patch(f"{BASE}/{connection_id}", json={"frequency_minutes": None})).json()
        assert (body["frequency_minutes"], body["update_policy"]) == (None, "all")

    @pytest.mark.parametrize(
        "change", [{"status": "active"}, {"frequency_minutes": 1}, {"update_policy": "some"}, {"sync_enabled": None}]
    )
    async def test_what_cannot_be_changed(self, api, http, firm, change: dict[str, object]) -> None:
        connection_id = await api.world.connect(firm)
        assert (await http.patch(f"{BASE}/{connection_id}", json=change)).status_code == 422


class TestDisconnecting:
    async def test_the_worker_ends_it_and_reconnecting_goes_on(self, api, http, firm) -> None:
        connection_id = await api.world.connect(firm)
        async with working(api.world, connection_id):
            answer = await http.post(f"{BASE}/{connection_id}/disconnect/")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["status"], body["token_expires_at"], body["scopes"]) == ("revoked", None, [])
        assert (await http.get(BASE)).json() == []
        assert (await http.post(f"{BASE}/{connection_id}/disconnect")).json()["status"] == "revoked"
        changed = await http.patch(f"{BASE}/{connection_id}", json={"sync_enabled": False})
        assert (changed.status_code, changed.json()["code"]) == (409, "connection_revoked")
        assert (await connected(api, http)).json()["connection_id"] == connection_id

    async def test_without_a_worker_it_is_asked_for(self, api, http, firm) -> None:
        connection_id = await api.world.connect(firm)
        answer = await http.post(f"{BASE}/{connection_id}/disconnect", headers={"Prefer": "wait=0"})
        assert answer.status_code == 202
        assert answer.json()["run"]["action"] == "disconnect"
        assert answer.json()["connection"]["status"] == "active"
        await api.world.work(connection_id)
        assert (await api.world.row(firm, Connection, connection_id)).status == "revoked"


async def test_no_answer_holds_a_token(api, http, firm) -> None:
    """What the vendors gave out, looked for in everything that the connection's routes answer."""
    start = await begun(http)
    words = await api.world.consent(start["authorization_url"], "quickbooks", US_REALM)
    body = {"code": words["code"], "state": words["state"], "realm_id": words["realmId"]}
    answers = [await http.post(f"{BASE}/oauth_callback", json=body), await http.get(BASE)]
    row = await api.world.row(firm, Connection, answers[0].json()["connection_id"])
    token = await api.world.runtime.vault.access_token(row.grant_id)
    assert len(token) > 20
    for answer in answers:
        assert token not in answer.text
        assert words["code"] not in answer.text
