"""Numbers out of range, numbers of documents, and what happens when the simulator itself breaks."""

from typing import Any

import httpx
import pytest

from simulators.core.http import Json
from simulators.core.money import dumps
from simulators.xero import CLIENT_ID, TENANT_NZ
from tests.simulators.xero_client import Caller, invoice_body

HUGE = ("1e30", "1e999999", "-1e16", "1e-999999")


def with_line(contact: str, number: str, **line: Any) -> Json:
    plain = {"Description": "Plan", "Quantity": 1, "UnitAmount": 1, "AccountCode": "200"}
    return invoice_body(contact, InvoiceNumber=number, LineItems=[plain | line])


async def sent(x: Caller, path: str, body: str, **params: str) -> httpx.Response:
    """A body with numbers that Python's json would not write as they are."""
    headers = {"content-type": "application/json"}
    return await x.call("POST", path, content=body, params=params, headers=headers)


@pytest.mark.parametrize("field", ["Quantity", "UnitAmount", "LineAmount", "TaxAmount", "DiscountRate"])
@pytest.mark.parametrize("number", HUGE[:3])
async def test_a_number_out_of_range_refuses_its_element_and_saves_nothing(x: Caller, field: str, number: str) -> None:
    contact = await x.contact()
    good, bad = with_line(contact, "GOOD"), with_line(contact, "BAD", **{field: 123456})
    body = dumps({"Invoices": [good, bad]}).decode().replace("123456", number)
    answer = await sent(x, "/Invoices", body)
    assert (answer.status_code, answer.json()["ErrorNumber"]) == (400, 10), answer.text
    assert answer.json()["Elements"][0]["ValidationErrors"]
    assert (await x.ok("GET", "/Invoices"))["Invoices"] == []
    each = (await sent(x, "/Invoices", body, summarizeErrors="false")).json()["Invoices"]
    assert [e["StatusAttributeString"] for e in each] == ["OK", "ERROR"]
    assert [i["InvoiceNumber"] for i in (await x.ok("GET", "/Invoices"))["Invoices"]] == ["GOOD"]


@pytest.mark.parametrize("number", HUGE)
async def test_every_endpoint_survives_such_numbers(x: Caller, number: str) -> None:
    contact = await x.contact()
    invoice = await x.invoice(contact)
    line = {"Description": "x", "AccountCode": "200", "UnitAmount": 123456}
    journal = [{"AccountCode": "200", "LineAmount": 123456}, {"AccountCode": "400", "LineAmount": -123456}]
    money = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Account": {"Code": "090"}, "Date": "2026-11-20"}
    bank = {"Type": "RECEIVE", "Contact": {"ContactID": contact}, "BankAccount": {"Code": "090"}}
    foreign = invoice_body(contact, CurrencyCode="AUD", CurrencyRate=123456)
    bodies: list[tuple[str, Json]] = [
        ("/Payments", money | {"Amount": 123456}),
        ("/ManualJournals", {"Narration": "n", "Status": "POSTED", "JournalLines": journal}),
        ("/BankTransactions", bank | {"LineItems": [line]}),
        ("/Items", {"Code": "X", "SalesDetails": {"UnitPrice": 123456}}),
        ("/Invoices", foreign),
    ]
    for path, body in bodies:
        answer = await sent(x, path, dumps(body).decode().replace("123456", number))
        assert answer.status_code in (200, 400), (path, answer.text)


async def test_a_refused_document_uses_up_no_number(x: Caller) -> None:
    contact = await x.contact()
    first = await x.invoice(contact)
    bad = invoice_body(contact, LineItems=[])
    assert (await x.call("PUT", "/Invoices", bad)).status_code == 400
    both = await x.call("PUT", "/Invoices", {"Invoices": [invoice_body(contact), bad]})
    assert both.status_code == 400
    second = await x.invoice(contact)
    numbers = [int(str(made["InvoiceNumber"]).removeprefix("INV-")) for made in (first, second)]
    assert numbers[1] == numbers[0] + 1


async def test_a_crash_of_the_simulator_leaves_nothing_behind(x: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    contact = await x.contact()
    broken = "simulators.xero.document_routes.render.document"
    monkeypatch.setattr(broken, lambda *_args, **_options: (_ for _ in ()).throw(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        await x.call("PUT", "/Invoices", invoice_body(contact))
    monkeypatch.undo()
    assert (await x.ok("GET", "/Invoices"))["Invoices"] == []
    assert x.sim.world.limits._running[CLIENT_ID, TENANT_NZ] == 0


async def test_what_lies_outside_the_accounting_api_says_why(x: Caller) -> None:
    paths = (
        "/xero/payroll.xro/1.0/Employees",
        "/xero/files.xro/1.0/Files",
        "/xero/projects.xro/2.0/Projects",
        "/xero/x",
    )
    for path in paths:
        for method in ("GET", "POST", "DELETE"):
            answer = await x.http.request(method, path)
            assert (answer.status_code, "not simulated" in answer.text) == (501, True), (method, path, answer.text)
    assert (await x.http.delete("/xero/connect/token")).status_code == 501
