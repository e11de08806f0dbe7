import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from simulators.core.faults import Fault
from simulators.xero import TENANT_NZ, TENANT_US
from simulators.xero.where import QueryError, parse
from tests.simulators.xero_client import Caller, invoice_body, opened

ZERO = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        await caller.connect()
        yield caller


async def names(x: Caller, **params: str) -> list[str]:
    return [c["Name"] for c in (await x.ok("GET", "/Contacts", params=params))["Contacts"]]


# Batches -----------------------------------------------------------------------------------------------------------


async def test_a_summarised_batch_saves_nothing_when_one_fails(x: Caller) -> None:
    answer = await x.call("PUT", "/Contacts", {"Contacts": [{"Name": "Good"}, {"Name": "a<b"}]})
    assert answer.status_code == 400
    assert [e["Name"] for e in answer.json()["Elements"]] == ["a<b"]
    assert await names(x) == []


async def test_element_by_element_keeps_order_and_saves_the_good_ones(x: Caller) -> None:
    cid = await x.contact()
    sent = [
        invoice_body(cid, InvoiceNumber="A"),
        invoice_body(cid, InvoiceNumber="A"),
        invoice_body(cid, InvoiceNumber="B"),
    ]
    first, second, third = (await x.ok("PUT", "/Invoices?summarizeErrors=False", {"Invoices": sent}))["Invoices"]
    assert [i["StatusAttributeString"] for i in (first, second, third)] == ["OK", "ERROR", "OK"]
    # The failed element is a thin echo: nothing derived, the zero GUID, and the reason.
    assert (second["InvoiceID"], second["HasErrors"], "Total" in second) == (ZERO, True, False)
    assert second["ValidationErrors"] == [{"Message": "Invoice # must be unique."}]
    assert second["Date"] == "/Date(1794960000000+0000)/"
    plain = (await x.ok("PUT", "/Invoices", invoice_body(cid, InvoiceNumber="C")))["Invoices"][0]
    assert "StatusAttributeString" not in plain


async def test_a_scripted_500_in_mid_batch_leaves_what_came_before(x: Caller) -> None:
    await x.control("POST", "/partial", {"after": 2})
    answer = await x.call("PUT", "/Contacts", {"Contacts": [{"Name": n} for n in "abcd"]})
    assert answer.status_code == 500
    assert sorted(await names(x)) == ["a", "b"]
    assert (await x.call("PUT", "/Contacts", {"Name": "c"})).status_code == 200


async def test_a_lost_answer_still_commits(x: Caller) -> None:
    x.faults.add(Fault("xero", "(?i)/contacts", "lost_answer", method="PUT"))
    with pytest.raises(httpx.ReadTimeout):
        await x.call("PUT", "/Contacts", {"Name": "Kept"})
    assert await names(x) == ["Kept"]


async def test_bodies_that_cannot_be_read(x: Caller) -> None:
    for body in (b"{", b"[1]", b'{"Contacts": 5}', b'{"Contacts": []}', b'{"Name": {"a": 1}}', b'{"Name": NaN}'):
        answer = await x.call("POST", "/Contacts", content=body)
        assert (answer.status_code, answer.json()["Type"]) == (400, "PostDataInvalidException"), body


# Idempotency -------------------------------------------------------------------------------------------------------


async def test_a_key_replays_for_six_minutes_errors_too(x: Caller) -> None:
    cid = await x.contact()
    key = {"Idempotency-Key": "k1"}
    body = invoice_body(cid)
    first = await x.call("PUT", "/Invoices", body, headers=key)
    again = await x.call("PUT", "/Invoices", body, headers=key)
    assert again.json() == first.json()
    other = await x.call("PUT", "/Invoices", body | {"Reference": "x"}, headers=key)
    assert (other.status_code, "is used with a different request" in other.text) == (400, True)
    assert len((await x.ok("GET", "/Invoices"))["Invoices"]) == 1
    late = {"Idempotency-Key": "k2"}
    payment: dict[str, object] = {
        "Invoice": {"InvoiceID": first.json()["Invoices"][0]["InvoiceID"]},
        "Account": {"Code": "090"},
    }
    payment |= {"Date": "2026-11-20", "Amount": 500}
    refusal = await x.call("PUT", "/Payments", payment, headers=late)
    assert refusal.status_code == 400
    assert (await x.call("PUT", "/Payments", payment, headers=late)).content == refusal.content
    x.sim.clock.advance(timedelta(minutes=6, seconds=1))
    assert (await x.ok("PUT", "/Invoices", body, headers=key))["Invoices"][0]["InvoiceNumber"] == "INV-0002"
    assert (await x.call("PUT", "/Invoices", body, headers={"Idempotency-Key": "k" * 129})).status_code == 400


# Limits ------------------------------------------------------------------------------------------------------------


async def test_counters_are_reported_and_bind_only_when_switched_on(x: Caller) -> None:
    left = [(await x.call("GET", "/Organisation")).headers["X-MinLimit-Remaining"] for _ in range(3)]
    assert left == ["59", "58", "57"]
    await x.control("POST", "/limits", {"enforce": True, "minute": 4})
    x.sim.clock.advance(timedelta(seconds=34))
    assert (await x.call("GET", "/Organisation")).status_code == 200
    refused = await x.call("GET", "/Organisation")
    assert (refused.status_code, refused.content) == (429, b"")
    assert "content-type" not in refused.headers
    assert refused.headers["X-Rate-Limit-Problem"] == "minute"
    assert 24 <= int(refused.headers["Retry-After"]) <= 26
    x.tenant = TENANT_US
    assert (await x.call("GET", "/Organisation")).status_code == 200
    x.tenant = TENANT_NZ
    x.sim.clock.advance(timedelta(seconds=27))
    answer = await x.call("GET", "/Organisation")
    assert (answer.status_code, answer.headers["X-DayLimit-Remaining"]) == (200, "4995")
    await x.control("POST", "/limits", {"day": 5})
    by_day = await x.call("GET", "/Organisation")
    assert by_day.headers["X-Rate-Limit-Problem"] == "day"
    assert int(by_day.headers["Retry-After"]) > 80_000


async def test_concurrent_calls_are_limited(x: Caller) -> None:
    await x.control("POST", "/limits", {"enforce": True, "concurrent": 2, "latency": "0.05"})
    answers = await asyncio.gather(*(x.call("GET", "/Organisation") for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [200, 200, 429, 429]
    problem = next(a for a in answers if a.status_code == 429)
    assert problem.headers["X-Rate-Limit-Problem"] == "concurrent"
    assert "Retry-After" not in problem.headers


# Reading -----------------------------------------------------------------------------------------------------------


async def test_lines_and_pagination_come_with_pages_only(x: Caller) -> None:
    cid = await x.contact()
    body = [invoice_body(cid, InvoiceNumber=f"N-{at}") for at in range(5)]
    await x.ok("PUT", "/Invoices", {"Invoices": body})
    whole = await x.ok("GET", "/invoices")
    assert "pagination" not in whole
    assert [i["LineItems"] for i in whole["Invoices"]] == [[]] * 5
    page = await x.ok("GET", "/Invoices", params={"page": "3", "pageSize": "2", "order": "InvoiceNumber DESC"})
    assert page["pagination"] == {"page": 3, "pageSize": 2, "pageCount": 3, "itemCount": 5}
    assert [i["InvoiceNumber"] for i in page["Invoices"]] == ["N-0"]
    assert len(page["Invoices"][0]["LineItems"]) == 1
    beyond = await x.ok("GET", "/Invoices", params={"page": "9", "pageSize": "2000"})
    assert (beyond["Invoices"], beyond["pagination"]["pageSize"]) == ([], 1000)
    summary = await x.ok("GET", "/Invoices", params={"summaryOnly": "True"})
    assert summary["Invoices"][0]["LineItems"] == []
    assert "Payments" not in summary["Invoices"][0]


async def test_comma_lists_where_order_and_since(x: Caller) -> None:
    one, two = await x.contact("One"), await x.contact("Two")
    first = await x.invoice(one, InvoiceNumber="A-1", Reference="Alpha")
    x.sim.clock.advance(timedelta(minutes=20))
    second = await x.invoice(two, InvoiceNumber="B-1", Status="DRAFT", Date="2026-11-01")

    async def numbers(headers: dict[str, str] | None = None, **params: str) -> list[str]:
        answer = await x.ok("GET", "/Invoices", params=params, headers=headers or {})
        return [i["InvoiceNumber"] for i in answer["Invoices"]]

    assert await numbers() == ["A-1", "B-1"]
    assert await numbers(IDs=f"{second['InvoiceID'].upper()},{ZERO}") == ["B-1"]
    assert await numbers(InvoiceNumbers="a-1,x") == ["A-1"]
    assert await numbers(ContactIDs=two) == ["B-1"]
    assert await numbers(Statuses="DRAFT,PAID") == ["B-1"]
    assert await numbers(where='Type=="ACCREC" AND Status=="AUTHORISED"') == ["A-1"]
    assert await numbers(where='Date>=DateTime(2026, 11, 02) || Reference=="nope"') == ["A-1"]
    assert await numbers(where=f'Contact.ContactID==Guid("{one}")') == ["A-1"]
    assert await numbers(where='InvoiceNumber=="a-1"') == ["A-1"]
    assert await numbers(where='Reference!=null&&Reference.Contains("LPH")') == ["A-1"]
    assert await numbers(where='!(Contact.Name.StartsWith("t"))') == ["A-1"]
    assert await numbers(where="AmountDue>114.99 AND AmountDue<=115", order="InvoiceNumber DESC") == ["B-1", "A-1"]
    for since in (x.sim.clock.now() - timedelta(minutes=5), x.sim.clock.now() - timedelta(days=1)):
        expected = ["B-1"] if since > datetime.now(UTC) else ["A-1", "B-1"]
        assert await numbers({"If-Modified-Since": f"{since:%Y-%m-%dT%H:%M:%S}"}) == expected
        assert await numbers({"If-Modified-Since": f"{since:%Y-%m-%dT%H:%M:%S}+00:00"}) == expected
    # Xero ignores forms it does not know and sends everything.
    recent = x.sim.clock.now()
    assert await numbers({"If-Modified-Since": f"{recent:%Y-%m-%dT%H:%M:%S.%fZ}"}) == ["A-1", "B-1"]
    assert first["UpdatedDateUTCString"].endswith("Z")


@pytest.mark.parametrize("text", ["Nope==1", "Status==", 'Status=="A" Status', "(Type", "Status=='A'", 'Total>"x"'])
async def test_a_bad_filter_is_a_400(x: Caller, text: str) -> None:
    await x.invoice(await x.contact())
    answer = await x.call("GET", "/Invoices", params={"where": text})
    assert (answer.status_code, answer.json()["Type"]) == (400, "QueryParseException")


def test_the_parser_binds_and_tighter_than_or() -> None:
    fields: dict[str, Any] = {"a": lambda r: r["a"], "b": lambda r: r["b"]}
    condition = parse('a==1 || a==2 && b=="X"')
    assert condition.matches({"a": Decimal(1), "b": None}, fields)
    assert condition.matches({"a": Decimal(2), "b": "x"}, fields)
    assert not condition.matches({"a": Decimal(2), "b": "y"}, fields)
    assert condition.equals == {}
    assert parse('b=="X" and a>1').equals == {"b": "X"}
    with pytest.raises(QueryError):
        parse("a==1 &&")


# Forms -------------------------------------------------------------------------------------------------------------


async def test_dates_come_escaped_and_go_in_either_form(x: Caller) -> None:
    cid = await x.contact()
    answer = await x.call("PUT", "/Invoices", invoice_body(cid, Date="/Date(1794960000000)/"))
    assert b'"\\/Date(1794960000000+0000)\\/"' in answer.content
    assert answer.json()["Invoices"][0]["DateString"] == "2026-11-18T00:00:00"


async def test_xml_is_the_default(x: Caller) -> None:
    await x.contact("Smith & Sons")
    answer = await x.call("GET", "/Contacts", headers={"Accept": "*/*"})
    assert answer.headers["content-type"].startswith("text/xml")
    root = ET.fromstring(answer.content)
    assert root.findtext("Contacts/Contact/Name") == "Smith & Sons"
    assert root.findtext("Status") == "OK"


async def test_xml_names_elements_and_tells_moments(x: Caller) -> None:
    line: dict[str, object] = {"Description": "a", "UnitAmount": "1.50", "AccountCode": "200"}
    line |= {"Tracking": [{"Name": "Region", "Option": "North"}]}
    await x.invoice(await x.contact(), LineItems=[line])
    answer = await x.call("GET", "/Invoices?page=1", headers={"Accept": "application/xml"})
    invoice = ET.fromstring(answer.content).find("Invoices/Invoice")
    assert invoice is not None
    assert invoice.findtext("Date") == "2026-11-18T00:00:00"
    assert invoice.findtext("UpdatedDateUTC", "").startswith(f"{x.sim.clock.now():%Y-%m-%dT%H}")
    assert invoice.findtext("LineItems/LineItem/Tracking/TrackingCategory/Option") == "North"
    assert invoice.findtext("SentToContact") == "false"


async def test_unknown_ids_are_html_and_unbuilt_routes_say_so(x: Caller) -> None:
    for path in (f"/Invoices/{ZERO}", f"/Contacts/{ZERO}", f"/Payments/{ZERO}", "/Nonsense"):
        answer = await x.call("GET", path)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (404, "text/html"), path
    invoice = await x.invoice(await x.contact())
    for method, path in (
        ("GET", "/Quotes"),
        ("GET", f"/Invoices/{invoice['InvoiceID']}/pdf"),
        ("DELETE", f"/Invoices/{invoice['InvoiceID']}"),
        ("GET", "/Reports/TrialBalance"),
    ):
        answer = await x.call(method, path)
        assert (answer.status_code, "simulator" in answer.text) == (501, True), path


async def test_settings_entities(x: Caller) -> None:
    accounts = (await x.ok("GET", "/Accounts", params={"where": 'Type=="BANK"'}))["Accounts"]
    # A bank account may have no code.
    assert [a.get("Code") for a in accounts] == ["090", "091", None, None]
    rates = {r["TaxType"]: r["EffectiveRate"] for r in (await x.ok("GET", "/TaxRates"))["TaxRates"]}
    assert rates["OUTPUT2"] == 15
    codes = [c["Code"] for c in (await x.ok("GET", "/Currencies"))["Currencies"]]
    assert codes == ["NZD", "USD", "AUD"]
    assert (await x.ok("GET", "/Organisation"))["Organisations"][0]["OrganisationID"] == TENANT_NZ
    assert (await x.ok("GET", "/Organisation/Actions"))["Actions"][0]["Status"] == "ALLOWED"
    made = await x.call("PUT", "/Accounts", {"Code": "201", "Name": "Fees", "Type": "REVENUE"})
    # The token of this app reads settings but may not change them.
    assert (made.status_code, made.json()["Detail"]) == (401, "AuthorizationUnsuccessful")
    item = {"Code": "MUG", "Name": "Mug", "SalesDetails": {"UnitPrice": 12.5, "AccountCode": "200"}}
    assert (await x.ok("PUT", "/Items", {"Items": [item]}))["Items"][0]["SalesDetails"]["UnitPrice"] == Decimal("12.5")
    sold = await x.invoice(await x.contact(), LineItems=[{"ItemCode": "MUG", "Quantity": 2, "Description": "Mugs"}])
    assert sold["SubTotal"] == 25


async def test_accounts_can_be_added_with_the_scope(x: Caller) -> None:
    await x.connect(scopes="offline_access accounting.settings")
    body = {"Code": "201", "Name": "Fees", "Type": "REVENUE"}
    made = (await x.ok("PUT", "/Accounts", body))["Accounts"][0]
    assert (made["Class"], made["Status"]) == ("REVENUE", "ACTIVE")
    answer = await x.call("PUT", "/Accounts", body)
    assert answer.json()["Elements"][0]["ValidationErrors"][0]["Message"] == "Please enter a unique Name."
    renamed = (await x.ok("POST", f"/Accounts/{made['AccountID']}", {"Name": "Fees 2"}))["Accounts"][0]
    assert (renamed["Code"], renamed["Name"]) == ("201", "Fees 2")


async def test_calls_are_counted_by_route(x: Caller) -> None:
    x.calls.clear()
    invoice = await x.invoice(await x.contact())
    await x.call("GET", f"/INVOICES/{invoice['InvoiceID']}")
    counted = x.calls.snapshot("xero", TENANT_NZ)
    assert counted["by_route"] == {"PUT /contacts": 1, "PUT /invoices": 1, "GET /invoices/{id}": 1}
    assert counted["bytes_out"] > 500
