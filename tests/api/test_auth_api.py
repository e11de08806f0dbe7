"""The second brief document's routes for connecting, and the status of its integrations."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import Response

from app.canonical import ProviderName
from app.connections import Caller, begin
from app.db.tables import Connection
from app.edge.landing import cookie_name, set_cookie
from simulators.intuit.seeds import US_REALM
from simulators.xero import TENANT_US
from tests.support.api import Api
from tests.support.working import working

BACK = "http://localhost:3000/integrations"


@pytest.fixture
async def firm(api: Api) -> int:
    return await api.world.firm()


@pytest.fixture
async def http(api: Api, firm: int) -> httpx.AsyncClient:
    return await api.caller(firm)


class TestBegin:
    @pytest.mark.parametrize("word", ["qbo", "quickbooks", "xero"])
    async def test_all_ways_to_begin_answer_the_same(self, http, word: str) -> None:
        answers = [
            await http.get(f"/api/auth/{word}", params={"state": "mine", "return_url": "/here"}),
            await http.get(f"/api/auth/{word}/"),
            await http.post(f"/api/integrations/{word}/connect"),
            await http.post(f"/api/integrations/{word}/connect/", json={"return_url": BACK}),
        ]
        for answer in answers:
            assert answer.status_code == 200, answer.text
            body = answer.json()
            assert parse_qs(urlsplit(body["authorization_url"]).query)["state"] == [body["state_token"]]
        assert "mine" not in answers[0].text

    async def test_unknown_providers_and_return_addresses(self, http) -> None:
        assert (await http.get("/api/auth/sage")).status_code == 422
        refused = await http.get("/api/auth/xero", params={"return_url": "https://evil.example"})
        assert refused.json()["code"] == "return_url_not_allowed"


class TestCallback:
    async def test_the_browser_with_the_cookie_completes(self, api, http, firm) -> None:
        begun = await begin(
            api.world.runtime, Caller(firm, "ann"), ProviderName.quickbooks, return_url="/done", browser="secret"
        )
        words = await api.world.consent(begun.authorization_url, "quickbooks", US_REALM)
        browser = await api.with_credential()
        browser.cookies.set(cookie_name(api.world.runtime.settings), "secret")
        landed = await browser.get("/api/auth/qbo/callback", params=words)
        assert landed.status_code == 302
        target = httpx.URL(landed.headers["location"])
        assert target.path == "/done"
        shown = await http.get(f"/api/v1/accounting/connections/{target.params['connection_id']}")
        assert shown.json()["status"] == "active"

    async def test_the_other_providers_path_refuses(self, api, http) -> None:
        begun = (await http.get("/api/auth/xero", params={"return_url": BACK})).json()
        words = await api.world.consent(begun["authorization_url"], "xero", TENANT_US)
        landed = await http.get("/api/auth/qbo/callback/", params=words)
        assert landed.headers["location"] == f"{BACK}?code=state_mismatch"

    async def test_a_declined_consent_and_a_lost_one(self, api, http) -> None:
        begun = (await http.get("/api/auth/xero", params={"return_url": BACK, "state": "mine"})).json()
        words = await api.world.consent(begun["authorization_url"], "xero", TENANT_US, action="cancel")
        landed = await http.get("/api/auth/xero/callback", params=words)
        assert landed.headers["location"] == f"{BACK}?code=access_denied&state=mine"
        landed = await http.get("/api/auth/xero/callback")
        assert landed.headers["location"] == "/connections?code=state_invalid"


class TestCookie:
    def test_over_https_it_is_host_bound(self, make_settings) -> None:
        settings = make_settings(public_url="https://tieout.example")
        response = Response()
        set_cookie(response, settings, "secret")
        cookie = response.headers["set-cookie"]
        assert cookie.startswith("__Host-tieout-connect=secret;")
        for part in ("HttpOnly", "Secure", "Path=/", "SameSite=lax", "Max-Age=600"):
            assert part in cookie
        assert "Domain" not in cookie

    def test_on_localhost_it_works_over_http(self, settings) -> None:
        response = Response()
        set_cookie(response, settings, "secret")
        assert response.headers["set-cookie"].startswith("tieout-connect=secret;")
        assert "Secure" not in response.headers["set-cookie"]


class TestTokens:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_refresh(self, api, http, firm, method: str) -> None:
        connection_id = await api.world.connect(firm)
        grant_id = (await api.world.row(firm, Connection, connection_id)).grant_id
        before = await api.world.runtime.vault.access_token(grant_id)
        async with working(api.world, connection_id):
            answer = await http.request(method, "/api/auth/qbo/refresh")
        assert answer.status_code == 200, answer.text
        assert answer.json()["message"] == "Tokens refreshed successfully"
        assert await api.world.runtime.vault.access_token(grant_id) != before

    async def test_revoke_is_disconnect(self, api, http, firm) -> None:
        connection_id = await api.world.connect(firm, "xero")
        async with working(api.world, connection_id):
            answer = await http.delete("/api/auth/xero/revoke/")
        assert answer.status_code == 200, answer.text
        assert (await api.world.row(firm, Connection, connection_id)).status == "revoked"
        again = await http.delete("/api/auth/xero/revoke")
        assert (again.status_code, again.json()["code"]) == (400, "not_connected")

    async def test_a_refresh_that_fails_says_what_to_do(self, api, http, firm) -> None:
        connection_id = await api.world.connect(firm)
        await api.world.act(connection_id, "disconnect")
        async with working(api.world, connection_id):
            answer = await http.get("/api/auth/qbo/refresh")
        assert (answer.status_code, answer.json()["code"]) == (409, "needs_reauth")
        shown = await http.get(f"/api/v1/accounting/connections/{connection_id}")
        assert shown.json()["status"] == "expired"
        assert shown.json()["error_message"]

    async def test_not_connected(self, http) -> None:
        for method, path in (("GET", "qbo/refresh"), ("POST", "xero/refresh"), ("DELETE", "qbo/revoke")):
            answer = await http.request(method, f"/api/auth/{path}")
            assert (answer.status_code, answer.json()["code"]) == (400, "not_connected")


class TestDisconnectedAtQuickBooks:
    async def test_the_landing_only_makes_a_worker_look(self, api, http, firm) -> None:
        connection_id = await api.world.connect(firm)
        browser = await api.with_credential()
        for _ in range(3):
            answer = await browser.get("/disconnected", params={"realmId": US_REALM})
            assert answer.status_code == 200
        assert (await api.world.row(firm, Connection, connection_id)).status == "active"
        runs = (await http.get("/api/v1/accounting/runs")).json()["items"]
        assert [run["action"] for run in runs] == ["check"]
        await api.world.work(connection_id)
        assert (await api.world.row(firm, Connection, connection_id)).status == "active"

    async def test_what_really_ended_shows_as_expired(self, api, http, firm) -> None:
        connection_id = await api.world.connect(firm)
        await api.world.act(connection_id, "disconnect")
        browser = await api.with_credential()
        await browser.get("/disconnected/", params={"realmId": US_REALM})
        await api.world.work(connection_id)
        assert (await api.world.row(firm, Connection, connection_id)).status == "expired"

    async def test_a_made_up_realm(self, api) -> None:
        browser = await api.with_credential()
        assert (await browser.get("/disconnected", params={"realmId": "1"})).status_code == 200


class TestStatus:
    async def test_every_service_is_listed(self, api, http, firm) -> None:
        nothing = (await http.get("/api/integrations/status")).json()
        assert [(one["service"], one["connected"], one["sync_status"]) for one in nothing] == [
            ("qbo", False, None),
            ("xero", False, None),
        ]
        connection_id = await api.world.connect(firm)
        qbo = (await http.get("/api/integrations/status/")).json()[0]
        assert (qbo["connected"], qbo["is_active"], qbo["company_id"]) == (True, True, US_REALM)
        assert (qbo["company_name"], qbo["sync_status"]) == ("Sandbox Company_US_1", "pending")
        await api.world.set(firm, Connection, connection_id, status="expired", error_message="Connect again.")
        qbo = (await http.get("/api/integrations/status")).json()[0]
        assert (qbo["is_active"], qbo["sync_status"], qbo["error_message"]) == (False, "error", "Connect again.")
