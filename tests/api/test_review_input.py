"""Input that nobody sends by accident: every route answers it with a problem document, none with a 500."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from simulators.intuit.seeds import US_REALM
from tests.support.api import BOOKS, Api, invoice

NUL, HALF = "a\x00b", "\ud83c"
CONNECTIONS = f"{BOOKS}/connections"


@pytest.fixture
async def firm(api: Api) -> int:
    return await api.world.firm()


@pytest.fixture
async def http(api: Api, firm: int) -> httpx.AsyncClient:
    caller = await api.caller(firm)
    await caller.post(f"{BOOKS}/clients", json={"external_ref": "acme", "name": "Acme Ltd", "currency": "USD"})
    return caller


async def send(http: httpx.AsyncClient, method: str, path: str, body: str | dict[str, Any]) -> httpx.Response:
    """A body as it stands, or as JSON in ASCII: httpx itself refuses to encode half a character."""
    content = body if isinstance(body, str) else json.dumps(body)
    return await http.request(method, path, content=content, headers={"Content-Type": "application/json"})


class TestText:
    @pytest.mark.parametrize("text", [NUL, HALF], ids=["nul", "half a character"])
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            (f"{CONNECTIONS}/initiate_oauth", lambda text: {"provider": "xero", "state": text}),
            (f"{CONNECTIONS}/initiate_oauth", lambda text: {"provider": "xero", "return_url": text}),
            ("/api/integrations/xero/connect", lambda text: {"state": text}),
            (f"{CONNECTIONS}/oauth_callback", lambda text: {"state": text, "code": "c"}),
            (f"{CONNECTIONS}/oauth_callback", lambda text: {"state": "s", "code": text}),
            (f"{CONNECTIONS}/oauth_callback", lambda text: {"state": "s", "completion_token": text}),
            (f"{CONNECTIONS}/oauth_callback", lambda text: {"state": "s", "code": "c", "realm_id": text}),
            (f"{CONNECTIONS}/select_company", lambda text: {"selection_token": text, "company_id": "1"}),
            (f"{CONNECTIONS}/1/sync_invoice", lambda text: {"invoice_ref": text}),
            (f"{CONNECTIONS}/1/sync_customer", lambda text: {"client_ref": text}),
            (f"{BOOKS}/clients", lambda text: {"name": "A", "billing_address": {"city": text}}),
        ],
    )
    async def test_what_cannot_be_stored_is_refused(
        self, http: httpx.AsyncClient, path: str, body: Callable[[str], dict[str, Any]], text: str
    ) -> None:
        answer = await send(http, "POST", path, body(text))
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize("path", ["webhook-events", "remote-records"])
    async def test_an_id_of_a_vendor_that_no_vendor_gives_is_refused(self, api: Api, path: str) -> None:
        http = await api.caller(await api.world.firm())
        answer = await http.get(f"{BOOKS}/{path}?external_id=%00")
        assert (answer.status_code, answer.json()["code"]) == (422, "control_characters")

    @pytest.mark.parametrize("path", ["/api/auth/xero?state=%00", "/api/auth/xero?return_url=/%00"])
    async def test_the_same_in_a_query(self, http: httpx.AsyncClient, path: str) -> None:
        assert (await http.get(path)).status_code == 422

    @pytest.mark.parametrize("realm", ["%00", "%ff%fe", "..", "1;drop"])
    async def test_anybody_may_land_on_disconnected(self, api: Api, realm: str) -> None:
        answer = await (await api.with_credential()).get(f"/disconnected?realmId={realm}")
        assert answer.status_code == 200, answer.text


class TestNumbers:
    async def test_lines_that_cancel_out_are_still_too_large(self, http: httpx.AsyncClient) -> None:
        large = {"quantity": "9999999999999", "unit_price": "9999999999999"}
        lines = [large, {**large, "unit_price": "-9999999999999"}]
        body = invoice(lines=lines, subtotal="0", tax_total="0", total="0")
        answer = await http.post(f"{BOOKS}/invoices", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "out_of_range")

    @pytest.mark.parametrize(
        "number",
        [
            "NaN",
            "Infinity",
            "-Infinity",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "9" * 5000,
            "1" * 10**6,
            "0." + "0" * 10**5 + "1",
            "[" * 100000,
            '{"a":' * 50000,
        ],
        ids=lambda text: text[:12],
    )
    async def test_numbers_and_depths_that_are_no_amount(self, http: httpx.AsyncClient, number: str) -> None:
        text = json.dumps(invoice(subtotal="@")).replace('"@"', number)
        answer = await send(http, "POST", f"{BOOKS}/invoices", text)
        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] in {"not_json", "not_a_number"}
        patched = await send(http, "PATCH", f"{BOOKS}/firm", f'{{"frequency_minutes": {number}}}')
        assert patched.status_code in {400, 422}, patched.text

    async def test_zero_has_no_sign(self, http: httpx.AsyncClient) -> None:
        text = json.dumps(invoice(lines=[{"unit_price": "@"}], subtotal="@", tax_total="@", total="@"))
        answer = await send(http, "POST", f"{BOOKS}/invoices", text.replace('"@"', "-0.0"))
        assert answer.status_code == 201, answer.text
        assert [answer.json()[name] for name in ("subtotal", "tax_total", "total")] == ["0.00"] * 3

    @pytest.mark.parametrize("path", [f"{CONNECTIONS}/1/sync_invoice", f"{CONNECTIONS}/1/sync_customer"])
    async def test_true_is_no_id(self, http: httpx.AsyncClient, path: str) -> None:
        answer = await http.post(path, json={"invoice_id" if "invoice" in path else "client_id": True})
        assert (answer.status_code, answer.json()["code"]) == (422, "not_an_id")

    @pytest.mark.parametrize("given", [0, 1_700_000_000, "1700000000", "2026-11-02T00:00:00"])
    @pytest.mark.parametrize("path", ["/api/sync/xero/pull", f"{CONNECTIONS}/1/sync_payments"])
    async def test_a_day_is_written_as_a_day(self, http: httpx.AsyncClient, path: str, given: object) -> None:
        answer = await http.post(path, json={"date_from": given})
        assert (answer.status_code, answer.json()["code"]) == (422, "not_a_date")
        listed = await http.get(f"{BOOKS}/invoices", params={"issued_from": str(given)})
        assert (listed.status_code, listed.json()["code"]) == (422, "not_a_date")


class TestShapes:
    @pytest.mark.parametrize("body", ["", "null", "[]", "7", '"x"', "{", '{"provider": "xero", "provider": 1}'])
    @pytest.mark.parametrize("path", ["initiate_oauth", "oauth_callback", "select_company"])
    async def test_bodies_that_are_no_such_thing(self, http: httpx.AsyncClient, path: str, body: str) -> None:
        answer = await send(http, "POST", f"{CONNECTIONS}/{path}", body)
        assert answer.status_code == 422, answer.text


class TestRealm:
    """QuickBooks' realm id comes by the browser: it must not become another address, nor another name of a company."""

    @pytest.mark.parametrize(
        "realm",
        [f"1/../{US_REALM}", f"0{US_REALM}", f" {US_REALM}", f"{US_REALM}?a=b", f"{US_REALM}#", "٣", "-1", "1.5"],
    )
    async def test_a_company_has_one_name(self, api: Api, http: httpx.AsyncClient, realm: str) -> None:
        start = (await http.post(f"{CONNECTIONS}/initiate_oauth", json={"provider": "quickbooks"})).json()
        words = await api.world.consent(start["authorization_url"], "quickbooks", US_REALM)
        body = {"code": words["code"], "state": words["state"], "realm_id": realm}
        answer = await http.post(f"{CONNECTIONS}/oauth_callback", json=body)
        assert answer.status_code == 422, answer.text
        assert (await http.get(CONNECTIONS)).json() == []


class TestCredentials:
    @pytest.mark.parametrize("depth", [2_000, 20_000])
    async def test_a_token_whose_header_is_a_deep_hole(self, api: Api, depth: int) -> None:
        token = base64.urlsafe_b64encode(b"[" * depth).decode().rstrip("=") + ".e30.e30"
        answer = await (await api.with_credential(token)).get(f"{BOOKS}/firm")
        assert answer.status_code == 401, answer.text

    async def test_invented_methods_do_not_become_series(self, api: Api) -> None:
        anyone = await api.with_credential()
        for number in range(20):
            assert (await anyone.request(f"METHOD{number}", "/livez")).status_code == 405
        assert "METHOD1" not in (await anyone.get("/metrics")).text


async def test_a_body_full_of_mistakes_is_told_some_of_them(http: httpx.AsyncClient) -> None:
    """Each unknown field would else be answered by ten times its length."""
    body = {"name": "x"} | {f"a{number}": 0 for number in range(5_000)}
    answer = await http.post(f"{BOOKS}/clients", json=body)
    told = answer.json()
    assert (answer.status_code, len(told["errors"])) == (422, 2_000)
    assert told["detail"].endswith("(and 4999 more)")


async def test_a_field_with_an_endless_name_is_not_repeated_in_full(http: httpx.AsyncClient) -> None:
    answer = await http.post(f"{BOOKS}/clients", json={"name": "x", "a" * 1_000_000: 0})
    assert answer.status_code == 422
    assert len(answer.content) < 5_000


@pytest.mark.parametrize(
    ("path", "methods"),
    [("clients", "GET, POST"), ("connections/1", "GET, PATCH"), ("firm", "GET, PATCH"), ("connections", "GET")],
)
async def test_a_refused_method_is_told_all_that_there_are(http: httpx.AsyncClient, path: str, methods: str) -> None:
    for method in ("HEAD", "PUT", "OPTIONS"):
        answer = await http.request(method, f"{BOOKS}/{path}")
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)
