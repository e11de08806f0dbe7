import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import jwt
import pytest

from simulators.xero import CLIENT_ID, CLIENT_SECRET, TENANT_NZ, TENANT_UK, TENANT_US, USER_ACCOUNTANT
from tests.simulators.xero_client import REDIRECT, SCOPES, Caller, opened


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        yield caller


async def test_the_page_shows_the_users_and_preselects_the_first_company(x: Caller) -> None:
    params = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT,
        "scope": SCOPES,
        "state": "a&b",
    }
    page = (await x.http.get("/xero/identity/connect/authorize", params=params)).text
    assert f'value="{TENANT_US}" checked' in page
    assert f'value="{TENANT_NZ}">' in page
    assert "Robin Bookkeeper" in page
    other = (await x.http.get("/xero/identity/connect/authorize", params=params | {"sim_user": "bookkeeper"})).text
    assert f'value="{TENANT_UK}" checked' in other


async def test_cancel_goes_back_with_access_denied(x: Caller) -> None:
    params = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT,
        "scope": SCOPES,
        "state": "a&b",
    }
    answer = await x.http.post("/xero/identity/connect/authorize", params=params, data={"action": "cancel"})
    assert answer.status_code == 302
    assert answer.headers["location"] == f"{REDIRECT}?error=access_denied&state=a%26b"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scope": "openid accounting.everything"}, "Invalid scope for client"),
        ({"scope": "openid app.connections"}, "Invalid scope for client"),
        ({"client_id": "nobody"}, "Unknown client"),
        ({"redirect_uri": "http://127.0.0.1:8000/cb"}, "Invalid redirect_uri"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
async def test_a_wrong_request_stays_on_an_error_page(x: Caller, change: dict[str, str], says: str) -> None:
    params = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "scope": SCOPES} | change
    answer = await x.http.get("/xero/identity/connect/authorize", params=params)
    assert answer.status_code == 400
    assert says in answer.text


async def test_broad_scopes_are_still_accepted(x: Caller) -> None:
    await x.connect(TENANT_NZ, scopes="offline_access accounting.transactions accounting.contacts")
    assert "id_token" not in x.tokens
    assert (await x.call("GET", "/Invoices")).status_code == 200


async def test_tokens_carry_the_claims_and_work_once(x: Caller) -> None:
    code = await x.consent(TENANT_NZ)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    first = await x.token(**form)
    tokens = first.json()
    assert (tokens["expires_in"], tokens["token_type"]) == (1800, "Bearer")
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims["xero_userid"] == USER_ACCOUNTANT
    assert claims["exp"] - claims["nbf"] == 1800
    assert set(claims["scope"]) == set(SCOPES.split())
    again = await x.token(**form)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    keys = (await x.http.get("/xero/.well-known/openid-configuration/jwks")).json()
    public = jwt.PyJWK.from_dict(keys["keys"][0]).key
    verified = jwt.decode(tokens["id_token"], public, algorithms=["RS256"], audience=CLIENT_ID)
    assert verified["email"] == "avery@ledgerlane.example"


async def test_a_code_dies_after_five_minutes(x: Caller) -> None:
    code = await x.consent(TENANT_NZ)
    x.sim.clock.advance(timedelta(minutes=5, seconds=1))
    late = await x.token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
    assert late.json() == {"error": "invalid_grant"}


async def test_pkce_is_checked_when_sent(x: Caller) -> None:
    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    sent = {"code_challenge": challenge, "code_challenge_method": "S256"}
    code = await x.consent(TENANT_NZ, **sent)
    wrong = await x.token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT, code_verifier="w" * 64)
    assert wrong.status_code == 400
    code = await x.consent(TENANT_NZ, **sent)
    right = await x.token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT, code_verifier=verifier)
    assert right.status_code == 200


async def test_the_client_may_sit_in_the_body_but_must_be_right(x: Caller) -> None:
    code = await x.consent(TENANT_NZ)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "client_id": CLIENT_ID}
    wrong = await x.http.post("/xero/connect/token", data=form | {"client_secret": "no"})
    assert (wrong.status_code, wrong.json()) == (400, {"error": "invalid_client"})
    right = await x.http.post("/xero/connect/token", data=form | {"client_secret": CLIENT_SECRET})
    assert right.status_code == 200


async def test_a_refresh_rotates_and_the_previous_token_has_grace(x: Caller) -> None:
    await x.connect(TENANT_NZ)
    old = x.tokens["refresh_token"]
    first = (await x.token(grant_type="refresh_token", refresh_token=old)).json()
    assert first["refresh_token"] != old
    x.sim.clock.advance(timedelta(minutes=29))
    second = (await x.token(grant_type="refresh_token", refresh_token=old)).json()
    assert second["refresh_token"] not in (old, first["refresh_token"])
    x.sim.clock.advance(timedelta(minutes=2))
    late = await x.token(grant_type="refresh_token", refresh_token=old)
    assert (late.status_code, late.json()) == (400, {"error": "invalid_grant"})
    assert (await x.token(grant_type="refresh_token", refresh_token=first["refresh_token"])).status_code == 200
    counted = await x.control("GET", "/tokens")
    assert counted == {"exchanges": 1, "refreshes": 3, "refresh_failures": 1, "revocations": 0}


async def test_without_offline_access_there_is_no_refresh_token(x: Caller) -> None:
    await x.connect(TENANT_NZ, scopes="openid accounting.contacts")
    assert "refresh_token" not in x.tokens


async def test_connections_list_filter_and_delete(x: Caller) -> None:
    await x.connect(TENANT_US)
    first_event = jwt.decode(x.tokens["access_token"], options={"verify_signature": False})["authentication_event_id"]
    await x.connect(TENANT_NZ)
    auth = {"Authorization": f"Bearer {x.tokens['access_token']}"}
    both = (await x.http.get("/xero/Connections", headers=auth)).json()
    assert [c["tenantId"] for c in both] == [TENANT_US, TENANT_NZ]
    assert len(both[0]["createdDateUtc"].split(".")[1]) == 7
    old = (await x.http.get("/xero/connections", headers=auth, params={"authEventId": first_event})).json()
    assert [c["tenantId"] for c in old] == [TENANT_US]
    gone = await x.http.delete(f"/xero/connections/{old[0]['id']}", headers=auth)
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await x.http.delete(f"/xero/connections/{old[0]['id']}", headers=auth)).status_code == 404
    # The token lives on for the other organisation.
    assert (await x.call("GET", "/Organisation")).status_code == 200
    x.tenant = TENANT_US
    answer = await x.call("GET", "/Organisation")
    assert (answer.status_code, answer.json()["Detail"]) == (403, "AuthenticationUnsuccessful")


async def test_revocation_ends_the_users_whole_grant(x: Caller) -> None:
    await x.connect()
    token = x.tokens["refresh_token"]
    form = {"token": token}
    answer = await x.http.post("/xero/connect/revocation", data=form, auth=(CLIENT_ID, CLIENT_SECRET))
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await x.token(grant_type="refresh_token", refresh_token=token)).status_code == 400
    assert (await x.call("GET", "/Organisation")).status_code == 403


async def test_error_bodies_of_the_api(x: Caller) -> None:
    await x.connect(TENANT_NZ, scopes="offline_access accounting.contacts.read")
    assert (await x.call("GET", "/Contacts")).status_code == 200
    missing = await x.call("PUT", "/Contacts", {"Name": "A"})
    assert (missing.status_code, missing.json()["Detail"]) == (401, "AuthorizationUnsuccessful")
    stranger = await x.call("GET", "/Contacts", headers={"Authorization": "Bearer nonsense"})
    assert (stranger.status_code, stranger.json()["Detail"]) == (401, "AuthenticationUnsuccessful")
    foreign = await x.call("GET", "/Contacts", headers={"xero-tenant-id": TENANT_UK})
    assert (foreign.status_code, foreign.json()["Title"]) == (403, "Forbidden")
    x.sim.clock.advance(timedelta(minutes=31))
    expired = await x.call("GET", "/Contacts")
    assert expired.status_code == 401
    assert expired.json()["Detail"].startswith("TokenExpired: token expired at ")


async def test_a_person_disconnects_the_app_and_expiry_can_be_forced(x: Caller) -> None:
    await x.connect()
    assert await x.control("POST", f"/companies/{TENANT_NZ}/disconnect") == {"disconnected": 1}
    assert (await x.call("GET", "/Contacts")).status_code == 403
    await x.control("POST", "/tokens/expire", {"grant": "refresh"})
    renewed: httpx.Response = await x.token(grant_type="refresh_token", refresh_token=x.tokens["refresh_token"])
    assert renewed.json() == {"error": "invalid_grant"}


async def test_a_reconnect_carries_the_new_consent(x: Caller) -> None:
    await x.connect(TENANT_US, TENANT_NZ)
    x.sim.clock.advance(timedelta(minutes=5))
    await x.connect(TENANT_NZ)
    event = jwt.decode(x.tokens["access_token"], options={"verify_signature": False})["authentication_event_id"]
    auth = {"Authorization": f"Bearer {x.tokens['access_token']}"}
    [fresh] = (await x.http.get("/xero/connections", headers=auth, params={"authEventId": event})).json()
    assert fresh["tenantId"] == TENANT_NZ
    assert fresh["createdDateUtc"] < fresh["updatedDateUtc"]
    assert len((await x.http.get("/xero/connections", headers=auth)).json()) == 2


async def test_bulk_connections_can_be_off(x: Caller) -> None:
    params = {
        "response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "scope": SCOPES,
        "acr_values": "bulk_connect:false",
    }  # fmt: skip
    form = {"user": "accountant", "tenant": [TENANT_US, TENANT_NZ], "action": "allow"}
    url = "/xero/identity/connect/authorize"
    assert 'type="radio"' in (await x.http.get(url, params=params)).text
    assert (await x.http.post(url, params=params, data=form)).status_code == 400
    assert (await x.http.post(url, params=params, data=form | {"tenant": [TENANT_NZ]})).status_code == 302
    del params["acr_values"]
    assert 'type="checkbox"' in (await x.http.get(url, params=params)).text
    await x.control("POST", "/consent", {"bulk": False})
    assert (await x.http.post(url, params=params, data=form)).status_code == 400


async def test_a_new_app_cannot_ask_for_broad_scopes(x: Caller) -> None:
    await x.control("POST", "/consent", {"granular_only": True})
    params = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "state": "s"}
    broad = await x.http.get(
        "/xero/identity/connect/authorize", params=params | {"scope": "offline_access accounting.transactions"}
    )
    assert (broad.status_code, "Invalid scope for client" in broad.text) == (400, True)
    await x.connect(TENANT_NZ)
    assert (await x.call("GET", "/Invoices")).status_code == 200
    assert (await x.call("GET", "/ManualJournals")).status_code == 401
    assert (await x.call("GET", "/BankTransactions")).status_code == 401
