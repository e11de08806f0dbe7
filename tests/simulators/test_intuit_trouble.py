"""How Intuit refuses and fails: every fault shape, named and random faults, limits, metering (reference 2.3-2.5)."""

import xml.etree.ElementTree as ET
from types import SimpleNamespace

import httpx
import pytest

from simulators.core.money import loads
from simulators.intuit import CLIENT_SECRET, PRODUCTION_CLIENT_ID
from tests.simulators.intuit_client import REDIRECT, UK_REALM, Intuit, Json, basic

QBO = "{http://schema.intuit.com/finance/v3}"


def code_of(reply: httpx.Response) -> str | None:
    """The error code of any of the four shapes."""
    if "xml" in reply.headers["content-type"]:
        error = ET.fromstring(reply.content).find(f".//{QBO}Error")
        return None if error is None else error.get("code")
    body: Json = loads(reply.content)
    if "fault" in body:
        code: str = body["fault"]["error"][0]["code"]
        return code
    if "Fault" in body:
        return str(body["Fault"]["Error"][0]["code"])
    return str(body["error"])


async def test_the_four_shapes_without_any_script(intuit: Intuit) -> None:
    normal = await intuit.call("GET", "customer/999")
    assert (normal.status_code, code_of(normal)) == (400, "610")
    assert set(loads(normal.content)) == {"Fault", "time"}
    other = await intuit.call("GET", "customer/1", realm=UK_REALM)
    assert (other.status_code, code_of(other)) == (403, "3100")
    refused = await intuit.refresh("RT1-unknown")
    assert (refused.status_code, code_of(refused)) == (400, "invalid_grant")
    back = await intuit.consent(client_id=PRODUCTION_CLIENT_ID)
    form: Json = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": REDIRECT}
    tokens = await intuit.token(basic(PRODUCTION_CLIENT_ID, CLIENT_SECRET), **form)
    intuit.access = tokens.json()["access_token"]
    cluster = await intuit.call("GET", "customer/1")
    assert (cluster.status_code, code_of(cluster)) == (401, "130")


@pytest.mark.parametrize(
    ("preset", "status", "code"),
    [
        ("throttled", 429, "3001"),
        ("wrong_cluster", 401, "130"),
        ("expired_token", 401, "3200"),
        ("revoked_token", 401, "3200"),
        ("forbidden", 403, "3100"),
        ("invalid_grant", 400, "invalid_grant"),
        ("invalid_client", 401, "invalid_client"),
        ("fault_in_200", 200, "10000"),
        ("application_error", 500, "10000"),
        ("one_name_at_a_time", 400, "6000"),
        ("subscription_ended", 400, "6190"),
    ],
)
async def test_named_faults(intuit: Intuit, preset: str, status: int, code: str) -> None:
    fault = {"provider": "intuit", "path": "/customer", "kind": "preset", "preset": preset}
    await intuit.control("faults", fault, 201)
    reply = await intuit.call("GET", "customer/1")
    assert (reply.status_code, code_of(reply)) == (status, code)
    assert (await intuit.call("GET", "customer/1")).status_code == 200


@pytest.mark.parametrize(("preset", "status"), [("bad_gateway", 502), ("unavailable", 503), ("gateway_timeout", 504)])
async def test_the_edge_answers_html(intuit: Intuit, preset: str, status: int) -> None:
    fault = {"provider": "intuit", "path": ".", "kind": "preset", "preset": preset, "times": 2}
    await intuit.control("faults", fault, 201)
    replies = [await intuit.call("GET", "customer/1") for _ in range(3)]
    assert [r.status_code for r in replies] == [status, status, 200]
    assert replies[0].headers["content-type"] == "text/html"


async def test_presets_are_listed_and_checked(intuit: Intuit) -> None:
    listed = (await intuit.control("faults"))["presets"]["intuit"]
    assert "throttled" in listed
    unknown = {"provider": "intuit", "path": ".", "kind": "preset", "preset": "earthquake"}
    assert "known:" in (await intuit.control("faults", unknown, 422))["error"]
    for rate in ("0", "1.5"):
        await intuit.control("faults", {"provider": "intuit", "kind": "reset", "rate": rate}, 422)


async def statuses(intuit: Intuit, seed: int, calls: int = 40) -> list[int]:
    await intuit.http.delete("/_sim/faults")
    fault = {"provider": "intuit", "path": "/customer", "kind": "status", "status": 503, "rate": "0.3", "seed": seed}
    await intuit.control("faults", fault, 201)
    return [(await intuit.call("GET", "customer/1")).status_code for _ in range(calls)]


async def test_random_faults_repeat_with_their_seed(intuit: Intuit) -> None:
    first = await statuses(intuit, 7)
    assert 3 <= first.count(503) <= 25
    assert await statuses(intuit, 7) == first
    assert await statuses(intuit, 8) != first


async def test_a_reset_connection_does_not_commit(intuit: Intuit) -> None:
    await intuit.control("faults", {"provider": "intuit", "path": "/customer", "kind": "reset"}, 201)
    with pytest.raises(httpx.ReadError):
        await intuit.save("Customer", {"DisplayName": "Never"})
    assert (await intuit.query("select count(*) from Customer where DisplayName = 'Never'"))["totalCount"] == 0


def test_a_reset_breaks_a_real_connection(intuit_served: SimpleNamespace) -> None:
    fault = {"provider": "intuit", "path": "/op/v1/jwks", "kind": "reset"}
    httpx.post(f"{intuit_served.base}/_sim/faults", json=fault).raise_for_status()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{intuit_served.base}/intuit/op/v1/jwks")
    assert httpx.get(f"{intuit_served.base}/intuit/op/v1/jwks").status_code == 200


async def test_the_monthly_allowance(intuit: Intuit) -> None:
    await intuit.control("clock", {"freeze_at": "2026-11-29T12:00:00+00:00"})
    await intuit.connect()
    await intuit.control("intuit/limits", {"monthly": 3})
    await intuit.save("Customer", {"DisplayName": "Data in is free"})
    replies = [
        await intuit.call("GET", "customer/1"),
        await intuit.call("GET", "customer/999"),
        await intuit.call("POST", "query", b"select * from Item"),
        await intuit.call("GET", "cdc", entities="Customer", changedSince="2026-11-29T00:00:00Z"),
        await intuit.call("GET", "preferences"),
    ]
    assert [r.status_code for r in replies] == [200, 400, 200, 200, 429]
    await intuit.save("Customer", {"DisplayName": "Still free"})
    assert (await intuit.control("intuit/limits")) == {"enforce": False, "monthly": 3, "metered": 3}
    await intuit.control("clock", {"advance_seconds": 24 * 3600})
    await intuit.connect()
    assert (await intuit.call("GET", "customer/1")).status_code == 429
    await intuit.control("clock", {"advance_seconds": 24 * 3600})
    await intuit.connect()
    assert (await intuit.call("GET", "customer/1")).status_code == 200
    await intuit.control("intuit/limits", {"monthly": "many"}, 422)


async def test_every_limit_is_per_company(intuit: Intuit) -> None:
    await intuit.control("clock", {"freeze": True})
    await intuit.control("intuit/limits", {"enforce": True})
    us = [(await intuit.call("GET", "customer/1")).status_code for _ in range(11)]
    await intuit.connect(UK_REALM)
    assert us == [200] * 10 + [429]
    assert (await intuit.call("GET", "item/1", realm=UK_REALM)).status_code == 200
