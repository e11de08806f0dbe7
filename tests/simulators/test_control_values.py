"""The control API refuses values that cannot be (422), before anything is changed."""

from collections.abc import AsyncIterator

import httpx
import pytest

from simulators.app import create_app
from simulators.core.faults import in_process
from simulators.intuit import US_REALM
from simulators.root import Simulators
from simulators.xero import TENANT_NZ

US, NZ = f"intuit/companies/{US_REALM}", f"xero/companies/{TENANT_NZ}"
FAULT = '"provider": "intuit", "path": ".", "kind": "status"'


@pytest.fixture
async def sims() -> AsyncIterator[Simulators]:
    world = Simulators()
    yield world
    await world.aclose()


@pytest.fixture
async def http(sims: Simulators) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(in_process(create_app(sims)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8100/_sim/") as client:
        yield client


async def post(http: httpx.AsyncClient, path: str, body: str) -> httpx.Response:
    return await http.post(path, content=body, headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", '{"advance_seconds": "NaN"}'),
        ("intuit/companies", '{"count": 0}'),
        ("intuit/companies", '{"count": "2"}'),
        ("intuit/companies", '{"count": 1000000}'),
        ("intuit/companies", "{}"),
        ("clock", '{"advance_seconds": "Infinity"}'),
        ("clock", '{"advance_seconds": 1e30}'),
        ("clock", '{"advance_seconds": 1e999999}'),
        ("clock", '{"advance_seconds": true}'),
        ("clock", '{"freeze_at": "2026-02-30T00:00:00Z"}'),
        ("clock", '{"freeze_at": "0001-01-01T00:00:00Z"}'),
        ("clock", '{"freeze_at": "2026-01-01T00:00:00"}'),
        ("clock", '{"freeze_at": 7}'),
        ("clock", '{"freeze": "yes"}'),
        ("faults", f'{{{FAULT}, "status": 99}}'),
        ("faults", f'{{{FAULT}, "status": 1000}}'),
        ("faults", f'{{{FAULT}, "status": "503"}}'),
        ("faults", f'{{{FAULT}, "status": 204, "body": "x"}}'),
        ("faults", f'{{{FAULT}, "headers": [1]}}'),
        ("faults", f'{{{FAULT}, "headers": {{"a": 1}}}}'),
        ("faults", f'{{{FAULT}, "headers": {{"a b": "x"}}}}'),
        ("faults", f'{{{FAULT}, "headers": {{"a": "x\\r\\ny: z"}}}}'),
        ("faults", f'{{{FAULT}, "headers": {{"a": "\\u20ac"}}}}'),
        ("faults", f'{{{FAULT}, "headers": {{"Content-Length": "5"}}}}'),
        ("faults", f'{{{FAULT}, "body": {{}}}}'),
        ("faults", f'{{{FAULT}, "delay": "NaN"}}'),
        ("faults", f'{{{FAULT}, "delay": -1}}'),
        ("faults", f'{{{FAULT}, "delay": 1e12}}'),
        ("faults", f'{{{FAULT}, "times": 0}}'),
        ("faults", f'{{{FAULT}, "times": 1.5}}'),
        ("faults", f'{{{FAULT}, "skip": -1}}'),
        ("faults", f'{{{FAULT}, "rate": "NaN"}}'),
        ("faults", f'{{{FAULT}, "rate": 0}}'),
        ("faults", f'{{{FAULT}, "seed": []}}'),
        ("faults", f'{{{FAULT}, "method": "EAT"}}'),
        ("faults", '{"provider": "intuit", "path": "(", "kind": "slow"}'),
        ("faults", '{"provider": "nobody", "path": ".", "kind": "slow"}'),
        ("faults", '{"provider": "xero", "path": ".", "kind": "sulk"}'),
        ("faults", '{"provider": "xero", "path": ".", "kind": "slow", "colour": 1}'),
        ("intuit/webhooks/switches", '{"delay": "NaN"}'),
        ("xero/webhooks/switches", '{"factor": -1}'),
        ("xero/webhooks/switches", '{"batch_window": 1e30}'),
        ("xero/webhooks/switches", '{"drop": 1}'),
        ("xero/webhooks/switches", '{"lose": true}'),
        ("xero/webhooks", '{"url": 1}'),
        ("xero/webhooks/forge", '{"category": "WEATHER"}'),
        ("xero/webhooks/categories", '{"categories": [{}]}'),
        ("intuit/webhooks/forge", '{"operation": "eaten"}'),
        ("intuit/tokens/mode", '{"refresh_latency": "NaN"}'),
        ("intuit/tokens/expire", '{"grant": []}'),
        ("xero/tokens/expire", '{"grant": "some"}'),
        ("intuit/limits", '{"monthly": -1}'),
        ("xero/limits", '{"latency": "Infinity"}'),
        ("xero/limits", '{"minute": -1}'),
        ("xero/partial", '{"after": -1}'),
        ("xero/consent", '{"bulk": 1}'),
        (f"{US}/close_books", '{"date": "2026-02-30"}'),
        (f"{US}/close_books", '{"date": "2026-02-20", "password": "x"}'),
        (f"{US}/create_document", '{"entity": "Customer"}'),
        (f"{US}/archive", '{"entity": "Invoice", "id": "1"}'),
        (f"{NZ}/lock", '{"period_lock_date": "soon"}'),
        (f"{NZ}/close_books", '{"date": "0001-01-01"}'),
        (f"{NZ}/create_document", '{"entity": "Quote", "Date": "2026-01-01"}'),
        (f"{NZ}/archive_account", "{}"),
    ],
)
async def test_values_that_cannot_be(http: httpx.AsyncClient, sims: Simulators, path: str, body: str) -> None:
    before = sims.clock.now()
    answer = await post(http, path, body)
    assert (answer.status_code, bool(answer.json()["error"])) == (422, True), answer.text
    assert (sims.faults.armed(), sims.clock.frozen) == ({}, False)
    assert (sims.clock.now() - before).total_seconds() < 60


@pytest.mark.parametrize("amount", ['"NaN"', "-5", "1e30", '"much"', "true"])
async def test_a_person_pays_no_such_amount(http: httpx.AsyncClient, amount: str) -> None:
    lines = [{"Description": "x", "AccountCode": "200", "UnitAmount": 10, "TaxType": "NONE"}]
    body = {
        "entity": "Invoice",
        "Type": "ACCREC",
        "Contact": {"Name": "A"},
        "DueDate": "2026-12-01",
        "LineItems": lines,
    }
    made = await http.post(f"{NZ}/create_document", json=body | {"Status": "AUTHORISED"})
    assert made.status_code == 200, made.text
    sale = {"DetailType": "SalesItemLineDetail", "Amount": 10, "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    form = {"entity": "Invoice", "CustomerRef": {"value": "1"}, "Line": [sale]}
    bill = await http.post(f"{US}/create_document", json=form)
    assert bill.status_code == 200, bill.text
    for company, key in ((NZ, made.json()["id"]), (US, bill.json()["id"])):
        answer = await post(http, f"{company}/pay", f'{{"invoice_id": "{key}", "amount": {amount}}}')
        assert answer.status_code == 422, answer.text
        assert (await http.get(f"{company}/ledger")).json()["payments"] == []


@pytest.mark.parametrize("body", ["{", "[1]", "\xff".encode("latin-1"), b"[" * 100_000])
async def test_bodies_that_are_no_objects(http: httpx.AsyncClient, body: str | bytes) -> None:
    for path in ("clock", "faults", "xero/limits", "intuit/limits"):
        assert (await http.post(path, content=body)).status_code == 400


async def test_several_random_faults_share_the_calls(http: httpx.AsyncClient) -> None:
    """The chances are those of the calls that the faults before let through; the seed makes them repeat."""

    async def told() -> list[int]:
        await http.delete("faults")
        for at, (status, rate) in enumerate(((429, "0.2"), (503, "0.25"))):
            fault = {"provider": "intuit", "path": "/[.]well-known/", "kind": "status", "status": status, "rate": rate}
            assert (await http.post("faults", json=fault | {"seed": at})).status_code == 201
        url = "http://127.0.0.1:8100/intuit/.well-known/openid_configuration"
        return [(await http.get(url)).status_code for _ in range(300)]

    first = await told()
    assert 35 <= first.count(429) <= 85
    assert 35 <= first.count(503) <= 85
    assert await told() == first
