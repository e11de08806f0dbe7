"""Intuit's OAuth: consent, codes, rotation, expiry, revocation (reference 1)."""

import asyncio
import base64
import hashlib

import httpx
import jwt
import pytest

from simulators.intuit import CLIENT_ID
from tests.simulators.intuit_client import BASE, BASIC, REDIRECT, UK_REALM, US_REALM, Intuit


@pytest.fixture
async def intuit():
    world = Intuit()
    yield world
    await world.aclose()


async def advance(intuit, hours):
    await intuit.control("clock", {"advance_seconds": hours * 3600})


async def test_discovery_points_at_this_server(intuit):
    found = (await intuit.http.get("/intuit/.well-known/openid_configuration")).json()
    assert found["token_endpoint"] == f"{BASE}/intuit/oauth2/v1/tokens/bearer"
    assert found["authorization_endpoint"] == f"{BASE}/intuit/connect/oauth2"
    assert "code_challenge_methods_supported" not in found


async def test_consent_page_lists_companies_and_keeps_parameters(intuit):
    params = {
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "com.intuit.quickbooks.accounting",
        "state": '"><script>',
    }
    page = await intuit.http.get("/intuit/connect/oauth2", params=params)
    assert page.status_code == 200
    assert US_REALM in page.text
    assert UK_REALM in page.text
    assert "<script>" not in page.text


async def test_consent_refusals(intuit):
    assert (await intuit.consent(decision="deny")) == {"error": "access_denied", "state": "s-1"}
    assert (await intuit.consent(scope="everything"))["error"] == "invalid_scope"
    for bad in ({"client_id": "x"}, {"redirect_uri": "http://evil.example/"}, {"state": ""}, {"response_type": "t"}):
        form = {"client_id": CLIENT_ID, "redirect_uri": REDIRECT, "response_type": "code", "state": "s"} | bad
        reply = await intuit.http.post("/intuit/connect/oauth2", data={**form, "scope": "openid"})
        assert reply.status_code == 400


async def test_exchange_answers_the_documented_body(intuit):
    back = await intuit.consent()
    assert back["realmId"] == US_REALM
    reply = await intuit.exchange(back["code"])
    body = reply.json()
    assert set(body) == {"token_type", "access_token", "expires_in", "refresh_token", "x_refresh_token_expires_in"}
    assert (body["token_type"], body["expires_in"], body["x_refresh_token_expires_in"]) == ("bearer", 3600, 8726400)
    assert 1000 < len(body["access_token"]) < 4096


async def test_a_code_used_twice_kills_the_first_tokens(intuit):
    back = await intuit.consent()
    intuit.access = (await intuit.exchange(back["code"])).json()["access_token"]
    assert (await intuit.call("GET", "customer/1")).status_code == 200
    again = await intuit.exchange(back["code"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    dead = await intuit.call("GET", "customer/1")
    assert dead.json()["fault"]["error"][0]["detail"] == "Token revoked"


async def test_code_is_bound_to_redirect_uri_pkce_and_time(intuit):
    back = await intuit.consent()
    assert (await intuit.exchange(back["code"], redirect_uri="http://localhost:1/x")).status_code == 400
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).decode().rstrip("=")
    back = await intuit.consent(code_challenge=challenge, code_challenge_method="S256")
    assert (await intuit.exchange(back["code"], code_verifier="w" * 43)).json()["error"] == "invalid_grant"
    assert (await intuit.exchange(back["code"], code_verifier="v" * 43)).status_code == 200
    back = await intuit.consent()
    await advance(intuit, 1)
    assert (await intuit.exchange(back["code"])).status_code == 400


async def test_wrong_client_secret_is_401(intuit):
    wrong = "Basic " + base64.b64encode(f"{CLIENT_ID}:nope".encode()).decode()
    reply = await intuit.token(auth=wrong, grant_type="refresh_token", refresh_token="x")
    assert (reply.status_code, reply.json()) == (401, {"error": "invalid_client"})
    assert (await intuit.token(grant_type="refresh_token")).json()["error"] == "invalid_request"
    assert (await intuit.token(grant_type="password")).json()["error"] == "unsupported_grant_type"


async def test_refresh_value_changes_after_a_day_with_a_day_of_grace(intuit):
    await intuit.control("clock", {"freeze": True})
    first = (await intuit.connect())["refresh_token"]
    await advance(intuit, 23)
    same = (await intuit.refresh(first)).json()
    assert same["refresh_token"] == first
    assert same["x_refresh_token_expires_in"] == 8726400 - 23 * 3600
    await advance(intuit, 1)
    second = (await intuit.refresh(first)).json()["refresh_token"]
    assert second != first
    await advance(intuit, 23)
    assert (await intuit.refresh(first)).json()["refresh_token"] == second
    await advance(intuit, 1)
    old = await intuit.refresh(first)
    assert (old.status_code, old.json()["error"]) == (400, "invalid_grant")
    assert old.json()["error_description"] == "Incorrect or invalid refresh token"
    assert (await intuit.refresh(second)).status_code == 200


async def test_unused_for_101_days_is_dead(intuit):
    first = (await intuit.connect())["refresh_token"]
    await advance(intuit, 101 * 24 + 1)
    assert (await intuit.refresh(first)).status_code == 400


async def test_hard_expiry_header(intuit):
    await intuit.control("clock", {"freeze": True})
    tokens = await intuit.connect()
    reply = await intuit.token(
        headers={"x-include-refresh-token-hard-expires-in": "true"},
        grant_type="refresh_token",
        refresh_token=tokens["refresh_token"],
    )
    assert reply.json()["x_refresh_token_hard_expires_in"] == 157_680_000


async def test_strict_rotation(intuit):
    await intuit.control("intuit/tokens/mode", {"strict_rotation": True})
    first = (await intuit.connect())["refresh_token"]
    second = (await intuit.refresh(first)).json()["refresh_token"]
    assert second != first
    assert (await intuit.refresh(first)).json()["error"] == "invalid_grant"
    assert (await intuit.refresh(second)).status_code == 200


async def test_parallel_refreshes_have_one_winner(intuit):
    await intuit.control("intuit/tokens/mode", {"refresh_latency": "0.05"})
    first = (await intuit.connect())["refresh_token"]
    replies = await asyncio.gather(*(intuit.refresh(first) for _ in range(5)))
    assert sorted(r.status_code for r in replies) == [200, 400, 400, 400, 400]
    counters = await intuit.control("intuit/tokens")
    assert counters == {"exchanges": 1, "refreshes": 1, "refresh_failures": 4, "revocations": 0}


async def test_kill_on_parallel_ends_the_grant(intuit):
    await intuit.control("intuit/tokens/mode", {"refresh_latency": "0.05", "kill_on_parallel": True})
    first = (await intuit.connect())["refresh_token"]
    replies = await asyncio.gather(intuit.refresh(first), intuit.refresh(first))
    assert [r.status_code for r in replies] == [400, 400]
    assert (await intuit.refresh(first)).status_code == 400


async def test_revoke_takes_json_only_and_ends_the_company(intuit):
    tokens = await intuit.connect()
    url = "/intuit/v2/oauth2/tokens/revoke"
    as_form = await intuit.http.post(url, data={"token": tokens["refresh_token"]}, headers={"authorization": BASIC})
    assert as_form.status_code == 400
    assert (await intuit.call("GET", "customer/1")).status_code == 200
    body = {"token": tokens["refresh_token"]}
    assert (await intuit.http.post(url, json=body)).status_code == 401
    done = await intuit.http.post(url, json=body, headers={"authorization": BASIC})
    assert (done.status_code, done.content) == (200, b"")
    assert (await intuit.call("GET", "customer/1")).status_code == 401
    assert (await intuit.refresh(tokens["refresh_token"])).status_code == 400
    assert (await intuit.http.post(url, json=body, headers={"authorization": BASIC})).status_code == 400


async def test_bearer_faults(intuit):
    await intuit.connect()
    good, intuit.access = intuit.access, "short"
    short = await intuit.call("GET", "customer/1")
    error = short.json()["fault"]["error"][0]
    assert (short.status_code, error["code"]) == (401, "3200")
    assert error["message"] == "message=AuthenticationFailed; errorCode=003200; statusCode=401"
    assert error["detail"] == "Malformed bearer token: too short or too long"
    intuit.access = good
    other = await intuit.call("GET", "customer/1", realm=UK_REALM)
    assert (other.status_code, other.json()["fault"]["error"][0]["code"]) == (403, "3100")
    await advance(intuit, 1)
    expired = await intuit.call("GET", "customer/1")
    assert expired.json()["fault"]["error"][0]["detail"] == "Token expired"
    assert isinstance(expired.json()["time"], int)


async def test_disconnect_and_expire_by_control(intuit):
    tokens = await intuit.connect()
    await intuit.control("intuit/tokens/expire", {"grant": "access"})
    assert (await intuit.call("GET", "customer/1")).status_code == 401
    intuit.access = (await intuit.refresh(tokens["refresh_token"])).json()["access_token"]
    assert (await intuit.call("GET", "customer/1")).status_code == 200
    assert await intuit.control(f"intuit/companies/{US_REALM}/disconnect", {}) == {"ended": 1}
    assert (await intuit.call("GET", "customer/1")).status_code == 401
    assert (await intuit.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_openid_gives_a_signed_token_and_userinfo(intuit: Intuit) -> None:
    back = await intuit.consent(scope="com.intuit.quickbooks.accounting openid profile email phone address")
    tokens = (await intuit.exchange(back["code"])).json()
    discovery = (await intuit.http.get("/intuit/.well-known/openid_configuration")).json()
    keys = (await intuit.http.get(httpx.URL(discovery["jwks_uri"]).path)).json()
    key = jwt.PyJWKSet.from_dict(keys)["sim-intuit"].key
    claims = jwt.decode(tokens["id_token"], key, algorithms=["RS256"], audience=CLIENT_ID, issuer=discovery["issuer"])
    assert set(claims) >= set(discovery["claims_supported"])
    assert claims["realmid"] == US_REALM
    path = httpx.URL(discovery["userinfo_endpoint"]).path
    told = await intuit.http.get(path, headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert told.json()["sub"] == claims["sub"]
    assert set(told.json()) >= {"email", "emailVerified", "givenName", "familyName", "phoneNumber", "address"}
    again = (await intuit.refresh(tokens["refresh_token"])).json()
    assert "id_token" not in again


async def test_userinfo_needs_the_openid_scope(intuit: Intuit) -> None:
    tokens = await intuit.connect()
    assert "id_token" not in tokens
    for token in (tokens["access_token"], "nobody's"):
        reply = await intuit.http.get(
            "/intuit/v1/openid_connect/userinfo", headers={"authorization": f"Bearer {token}"}
        )
        assert reply.status_code == 401


async def test_openid_alone_does_not_open_the_books(intuit: Intuit) -> None:
    back = await intuit.consent(scope="openid")
    intuit.access = (await intuit.exchange(back["code"])).json()["access_token"]
    assert (await intuit.call("GET", "customer/1")).status_code == 403
