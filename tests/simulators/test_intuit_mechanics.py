"""QuickBooks mechanics: query language, CDC, batch, requestid, throttling, time, reasons for 501 (reference 2)."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from simulators.core.money import dumps, loads
from simulators.intuit.query import parse
from tests.simulators.intuit_client import AU_REALM, UK_REALM, US_REALM, Intuit, Json, line


def ids(answer: Json, entity: str) -> list[str]:
    return [row["Id"] for row in answer.get(entity, [])]


def test_parser_reads_both_spellings_and_orders() -> None:
    a = parse(
        r"SELECT * FROM Customer WHERE DisplayName = 'O\'Brien \\ Co' AND Active IN (true,false) ORDER BY Id DESC"
    )
    assert a.where[0].values == (r"O'Brien \ Co",)
    assert (a.where[1].op, a.order) == ("in", [("Id", True)])
    b = parse("select *, Sku from Item maxresults 5 startposition 11 orderby Name, Id")
    assert (b.start, b.size, b.order) == (11, 5, [("Name", False), ("Id", False)])
    assert parse("select count(*) from Invoice").count
    assert parse("select * from Invoice maxresults 5000").size == 1000


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "select Id from Customer",
        "select * from Customer where DisplayName = 'O''Brien'",
        "select * from Customer where DisplayName = “x”",
        "select * from Customer where Id = '1' or Id = '2'",
        "select * from Customer where DisplayName != 'x'",
        "select * from Customer group by Id",
        "select * from Customer startposition 0",
        "select * from Customer where DisplayName = x",
    ],
)
async def test_what_the_grammar_does_not_have(intuit: Intuit, statement: str) -> None:
    error = await intuit.fault("POST", "query", statement.encode())
    assert error["code"] == "4000"
    assert "QueryParserError" in error["Detail"]


@pytest.mark.parametrize(
    "condition",
    ["PrivateNote = 'x'", "Id > '5'", "TotalAmt LIKE '1%'", "MetaData.LastUpdatedTime > 'soon'", "Balance = 'much'"],
)
async def test_what_cannot_be_queried(intuit: Intuit, condition: str) -> None:
    error = await intuit.fault("GET", "query", query=f"select * from Invoice where {condition}")
    assert error["code"] == "4001"


async def test_query_filters(intuit: Intuit) -> None:
    await intuit.save("Customer", {"DisplayName": "O'Brien + Co & Søn"})
    await intuit.invoice("A-1", "50", TxnDate="2026-11-01")
    await intuit.invoice("A-2", "75.50", TxnDate="2026-11-03")
    await intuit.invoice("B-1", "100", TxnDate="2026-11-02")
    found = await intuit.query(r"select * from customer where displayname = 'o\'brien + co & søn'")
    assert ids(found, "Customer") == ["60"]
    assert ids(await intuit.query("select * from Invoice where DocNumber LIKE 'a-%' orderby Id"), "Invoice") == [
        "129",
        "130",
    ]
    assert ids(
        await intuit.query("select * from Invoice where TotalAmt >= '75.5' orderby TotalAmt desc"), "Invoice"
    ) == [
        "131",
        "130",
    ]
    assert ids(await intuit.query("select * from Invoice where Id in ('131','129','9')"), "Invoice") == ["131", "129"]
    assert ids(await intuit.query("select * from Invoice where CustomerRef = '2'"), "Invoice") == []
    newest = await intuit.query("select * from Invoice")
    assert ids(newest, "Invoice") == ["130", "131", "129"]
    owing = await intuit.query("select * from Customer where Balance > '0'")
    assert ids(owing, "Customer") == ["1"]


async def test_query_pages_and_counts(intuit: Intuit) -> None:
    for number in range(5):
        await intuit.invoice(f"N{number}")
    page = await intuit.query("select * from Invoice orderby Id startposition 4 maxresults 3")
    assert (ids(page, "Invoice"), page["startPosition"], page["maxResults"], page["totalCount"]) == (
        ["132", "133"],
        4,
        2,
        5,
    )
    assert "totalCount" not in await intuit.query("select * from Customer")
    assert await intuit.query("select * from Invoice startposition 6") == {}
    assert await intuit.query("select count(*) from Invoice") == {"totalCount": 5}


async def test_inactive_rows_only_when_asked_for(intuit: Intuit) -> None:
    await intuit.save("Customer", {"Id": "4", "SyncToken": "0", "sparse": True, "Active": False})
    assert "4" not in ids(await intuit.query("select * from Customer"), "Customer")
    asked = await intuit.query("select * from Customer where Active in (true, false)")
    assert "4" in ids(asked, "Customer")


async def test_post_query_and_special_entities(intuit: Intuit) -> None:
    posted = await intuit.call("POST", "query", b"select * from CompanyInfo")
    assert posted.json()["QueryResponse"]["CompanyInfo"][0]["CompanyName"] == "Sandbox Company_US_1"
    info = (await intuit.call("GET", f"companyinfo/{US_REALM}")).json()["CompanyInfo"]
    assert (info["Id"], info["Country"]) == ("1", "US")
    vendors = await intuit.query("select * from Vendor where DisplayName = 'Books by Bessie'")
    assert ids(vendors, "Vendor") == ["30"]


async def test_time_filter_is_pacific_without_offset(intuit: Intuit) -> None:
    await intuit.control("clock", {"freeze_at": "2026-11-20T12:00:00.600000+00:00"})
    await intuit.connect()
    reply = await intuit.call("POST", "customer", {"DisplayName": "Timed"})
    answer = loads(reply.content)
    assert answer["time"] == "2026-11-20T04:00:00.600-08:00"
    assert answer["Customer"]["MetaData"]["CreateTime"] == "2026-11-20T04:00:01-08:00"
    for moment, count in (("2026-11-20T12:00:01Z", 1), ("2026-11-20T04:00:01", 1), ("2026-11-20T12:00:02+00:00", 0)):
        found = await intuit.query(f"select count(*) from Customer where Metadata.LastUpdatedTime >= '{moment}'")
        assert found["totalCount"] == count, moment


async def test_numbers_have_no_trailing_zeros(intuit: Intuit) -> None:
    made = await intuit.invoice("A", "100.50")
    raw = (await intuit.call("GET", f"invoice/{made['Id']}")).content
    assert b'"TotalAmt":100.5,' in raw


async def test_cdc(intuit: Intuit) -> None:
    await intuit.control("clock", {"freeze_at": "2026-11-01T00:00:00+00:00"})
    await intuit.connect()
    await intuit.invoice("early")
    await intuit.control("clock", {"advance_seconds": 600})
    await intuit.invoice("kept")
    gone = await intuit.invoice("gone")
    await intuit.save("Invoice", {"Id": gone["Id"], "SyncToken": "0"}, operation="delete")
    since = "2026-11-01T00:05:00+00:00"
    reply = await intuit.call("GET", "cdc", entities="Customer,Invoice", changedSince=since)
    customers, invoices = reply.json()["CDCResponse"][0]["QueryResponse"]
    assert customers == {}
    assert [row.get("DocNumber") for row in invoices["Invoice"]] == ["kept", None]
    assert invoices["Invoice"][1] == {
        "domain": "QBO",
        "status": "Deleted",
        "Id": gone["Id"],
        "MetaData": {"LastUpdatedTime": "2026-10-31T17:10:00-07:00"},
    }
    old = await intuit.fault("GET", "cdc", entities="Invoice", changedSince="2026-09-30T00:00:00Z")
    assert "older than fixed days" in old["Detail"]
    assert (await intuit.fault("GET", "cdc", entities="TaxCode", changedSince=since))["code"] == "500"
    assert (await intuit.fault("GET", "cdc", entities="Invoice", changedSince="soon"))["code"] == "2060"


async def test_cdc_stops_at_1000(intuit: Intuit) -> None:
    for start in range(0, 1020, 30):
        items = [
            {"bId": str(n), "operation": "create", "Customer": {"DisplayName": f"C {n}"}}
            for n in range(start, start + 30)
        ]
        await intuit.call("POST", "batch", {"BatchItemRequest": items})
    since = (intuit.sims.clock.now() - timedelta(days=1)).isoformat()
    reply = await intuit.call("GET", "cdc", entities="Customer", changedSince=since)
    assert len(reply.json()["CDCResponse"][0]["QueryResponse"][0]["Customer"]) == 1000


async def test_batch_items_stand_alone(intuit: Intuit) -> None:
    items: list[Json] = [
        {"bId": "a", "operation": "create", "Customer": {"DisplayName": "One"}},
        {"bId": "b", "operation": "create", "Customer": {"DisplayName": "one"}},
        {"bId": "c", "Query": "select * from Customer where DisplayName = 'One'"},
        {"bId": "d", "operation": "update", "Customer": {"Id": "60", "SyncToken": "0", "sparse": True, "Notes": "n"}},
        {"bId": "e", "operation": "delete", "Customer": {"Id": "60", "SyncToken": "1"}},
        {"bId": "f", "operation": "create", "Bill": {}},
    ]
    reply = await intuit.call("POST", "batch", {"BatchItemRequest": items})
    answers = {item["bId"]: item for item in reply.json()["BatchItemResponse"]}
    assert answers["a"]["Customer"]["Id"] == "60"
    assert answers["b"]["Fault"]["Error"][0]["code"] == "6240"
    assert answers["c"]["QueryResponse"]["maxResults"] == 1
    assert answers["d"]["Customer"]["Notes"] == "n"
    assert [answers[key]["Fault"]["Error"][0]["code"] for key in "ef"] == ["500", "501"]
    many = [{"bId": str(n), "Query": "select * from Item"} for n in range(31)]
    assert (await intuit.fault("POST", "batch", {"BatchItemRequest": many}))["code"] == "1040"


async def test_requestid_replays_answers_and_faults(intuit: Intuit) -> None:
    first = await intuit.save("Customer", {"DisplayName": "Once"}, requestid="r-1")
    again = await intuit.save("Customer", {"DisplayName": "Another body"}, requestid="r-1")
    assert again == first
    bad = {"DisplayName": "Once"}
    assert (await intuit.fault("POST", "customer", bad, requestid="r-2"))["code"] == "6240"
    stored = await intuit.fault("POST", "customer", {"DisplayName": "Fine by itself"}, requestid="r-2")
    assert stored["code"] == "6240"
    assert (await intuit.fault("POST", "customer", bad, requestid="x" * 51))["code"] == "2130"


async def test_requestid_in_batches_is_per_item(intuit: Intuit) -> None:
    item = {"bId": "b1", "operation": "create", "Customer": {"DisplayName": "Once"}}
    other = {"bId": "b2", "operation": "create", "Customer": {"DisplayName": "Second"}}
    first = await intuit.call("POST", "batch", {"BatchItemRequest": [item]}, requestid="r")
    both = await intuit.call("POST", "batch", {"BatchItemRequest": [item, other]}, requestid="r")
    assert both.json()["BatchItemResponse"][0] == first.json()["BatchItemResponse"][0]
    assert both.json()["BatchItemResponse"][1]["Customer"]["DisplayName"] == "Second"
    long = {**item, "bId": "12345678901"}
    assert (await intuit.fault("POST", "batch", {"BatchItemRequest": [long]}, requestid="q"))["code"] == "2130"


async def test_a_lost_answer_is_replayed_once_the_line_is_back(intuit: Intuit) -> None:
    await intuit.control("faults", {"provider": "intuit", "path": "/invoice", "kind": "lost_answer"}, 201)
    body = {"CustomerRef": {"value": "1"}, "DocNumber": "L-1", "Line": [line("5")]}
    with pytest.raises(Exception, match="never came"):
        await intuit.save("Invoice", body, requestid="lost-1")
    made = await intuit.save("Invoice", body, requestid="lost-1")
    assert made["SyncToken"] == "0"
    assert (await intuit.query("select count(*) from Invoice"))["totalCount"] == 1


async def test_throttling_answers_xml(intuit: Intuit) -> None:
    await intuit.control("intuit/limits", {"enforce": True})
    replies = [await intuit.call("GET", "customer/1") for _ in range(11)]
    assert [r.status_code for r in replies] == [200] * 10 + [429]
    last = replies[-1]
    assert last.headers["content-type"].startswith("application/xml")
    assert "retry-after" not in last.headers
    assert re.search(r'<Error code="3001"><Message>message=ThrottleExceeded; errorCode=003001', last.text)


async def test_minute_and_batch_limits(intuit: Intuit) -> None:
    await intuit.control("clock", {"freeze": True})
    await intuit.control("intuit/limits", {"enforce": True})
    statuses = []
    for _ in range(41):
        await intuit.control("clock", {"advance_seconds": "0.2"})
        statuses.append((await intuit.call("POST", "batch", {"BatchItemRequest": []})).status_code)
    assert statuses == [200] * 40 + [429]
    await intuit.control("clock", {"advance_seconds": 61})
    statuses.clear()
    for _ in range(501):
        await intuit.control("clock", {"advance_seconds": "0.101"})
        statuses.append((await intuit.call("GET", "customer/1")).status_code)
    assert statuses == [200] * 500 + [429]


async def test_what_is_not_simulated_says_so(intuit: Intuit) -> None:
    for method, path, body in (
        ("GET", "reports/ProfitAndLoss", None),
        ("POST", "employee", {"DisplayName": "x"}),
        ("POST", "bill", {}),
        ("GET", "invoice/1/pdf", None),
        ("PUT", "customer", {}),
    ):
        reply = await intuit.call(method, path, body)
        assert reply.status_code == 501, path
        assert reply.json()["reason"]
    as_xml = await intuit.http.get(
        f"/intuit/v3/company/{US_REALM}/customer/1", headers={"authorization": f"Bearer {intuit.access}"}
    )
    assert as_xml.status_code == 501
    assert (await intuit.http.get("/intuit/v4/payments/charges")).status_code == 501


async def test_bad_bodies(intuit: Intuit) -> None:
    assert (await intuit.fault("POST", "customer", b"{"))["code"] == "2010"
    assert (await intuit.fault("POST", "customer", b"[]"))["code"] == "2010"
    assert (await intuit.fault("POST", "customer", b'{"DisplayName":"\xff"}'))["code"] == "500"
    assert (await intuit.fault("POST", "customer", dumps({"DisplayName": 5, "Job": "maybe"})))["code"] == "2010"


async def test_companies_are_apart_and_reset_restores_the_seeds(intuit: Intuit) -> None:
    await intuit.invoice("A")
    names = await intuit.control("intuit/companies")
    assert [(c["id"], c["currency"], c["country"]) for c in names] == [
        (US_REALM, "USD", "US"),
        (UK_REALM, "GBP", "GB"),
        (AU_REALM, "AUD", "AU"),
    ]
    uk = await intuit.control(f"intuit/companies/{UK_REALM}/ledger")
    assert uk["totals"]["invoices"] == 0
    await intuit.control("reset", {})
    us = await intuit.control(f"intuit/companies/{US_REALM}/ledger")
    assert us["totals"] == {"customers": 5, "invoices": 0, "invoiced": "0.00", "outstanding": "0.00", "paid": "0.00"}
    assert (await intuit.call("GET", "customer/1")).status_code == 401
    assert Decimal(us["totals"]["paid"]) == 0
