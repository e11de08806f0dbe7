import json
from datetime import UTC, date, datetime
from urllib.parse import parse_qs

import httpx
import pytest

from app.canonical import Gone, Kind, RemoteInvoice, RemotePayment
from app.errors import ProviderRejected, ProviderUnavailable
from tests.providers.quickbooks.support import Api, fault, raw, rows, sample

TIME = "2026-11-20T03:00:00.100-08:00"


def invoice(number):
    return {"Id": str(number), "SyncToken": "0", "TotalAmt": 10, "Balance": 10}


async def pages(api, kind, cursor=None, since=None):
    return [page async for page in api.adapter().changes(kind, cursor, since)]


def feed(since="2026-11-20T11:00:00Z"):
    return json.dumps({"mode": "feed", "floor": since, "start": 1, "checkpoint": ""})


def cdc(*payments):
    listed = [{"QueryResponse": [{"Payment": list(payments)} if payments else {}]}]
    return httpx.Response(200, json={"CDCResponse": listed, "time": "2026-11-20T04:00:00.900-08:00"})


async def test_the_first_pull_asks_for_everything_from_a_business_date_on():
    api = Api([rows("Invoice", invoice(1), invoice(2), time=TIME)])
    (page,) = await pages(api, Kind.invoice, since=date(2026, 1, 1))
    assert api.statements == [
        "SELECT * FROM Invoice WHERE TxnDate >= '2026-01-01' ORDERBY Id STARTPOSITION 1 MAXRESULTS 1000"
    ]
    assert [record.external_id for record in page.records] == ["1", "2"]
    assert json.loads(page.cursor) == {"mode": "feed", "floor": "2026-11-20T11:00:00Z", "start": 1, "checkpoint": ""}
    assert api.requests[0].headers["content-type"] == "application/text"
    assert api.requests[0].url.params["minorversion"] == "75"


async def test_customers_come_all_and_the_inactive_too():
    api = Api([rows("Customer")])
    (page,) = await pages(api, Kind.customer, since=date(2026, 1, 1))
    assert api.statements == [
        "SELECT * FROM Customer WHERE Active IN (true, false) ORDERBY Id STARTPOSITION 1 MAXRESULTS 1000"
    ]
    assert page.records == ()


async def test_without_a_date_nothing_is_left_out():
    api = Api([rows("Payment")])
    await pages(api, Kind.payment)
    assert api.statements == ["SELECT * FROM Payment ORDERBY Id STARTPOSITION 1 MAXRESULTS 1000"]


async def test_full_pages_overlap_and_the_feed_goes_on_from_the_first_pages_time():
    first = rows("Invoice", *map(invoice, range(1000)), time=TIME)
    second = rows("Invoice", *map(invoice, range(900, 1010)), time="2026-11-20T03:05:00.100-08:00")
    api = Api([first, second])
    one, two = await pages(api, Kind.invoice)
    assert [statement.rpartition(" STARTPOSITION ")[2] for statement in api.statements] == [
        "1 MAXRESULTS 1000",
        "901 MAXRESULTS 1000",
    ]
    assert json.loads(one.cursor)["start"] == 901
    assert json.loads(two.cursor)["floor"] == "2026-11-20T11:00:00Z"


async def test_a_pull_that_stopped_between_two_pages_goes_on_there():
    api = Api([rows("Invoice", *map(invoice, range(1000))), rows("Invoice")])
    stream = api.adapter().changes(Kind.invoice, None, date(2026, 1, 1))
    cursor = (await anext(stream)).cursor
    await stream.aclose()
    again = Api([rows("Invoice", time="2026-11-20T09:00:00.100-08:00")])
    (page,) = await pages(again, Kind.invoice, cursor)
    assert again.statements == [
        "SELECT * FROM Invoice WHERE TxnDate >= '2026-01-01' ORDERBY Id STARTPOSITION 901 MAXRESULTS 1000"
    ]
    assert json.loads(page.cursor)["floor"] == "2026-11-20T11:00:00Z"


async def test_the_feed_is_asked_with_an_overlap_and_its_own_time_is_kept():
    api = Api([cdc()])
    (page,) = await pages(api, Kind.payment, feed("2026-11-20T11:00:00Z"))
    (request,) = api.requests
    assert request.url.path == "/v3/company/9130001/cdc"
    assert parse_qs(request.url.query.decode()) == {
        "entities": ["Payment"],
        "changedSince": ["2026-11-20T10:55:00Z"],
        "minorversion": ["75"],
    }
    assert page.records == ()
    assert json.loads(page.cursor)["floor"] == "2026-11-20T12:00:00Z"


async def test_a_deletion_is_believed_after_a_look():
    api = Api([httpx.Response(200, content=raw("cdc.json")), rows("Payment")])
    (page,) = await pages(api, Kind.payment, feed())
    live, gone = page.records
    assert isinstance(live, RemotePayment)
    assert gone == Gone(kind=Kind.payment, external_id="191", updated_at=datetime(2026, 11, 20, 16, 0, 2, tzinfo=UTC))
    assert api.statements == ["SELECT * FROM Payment WHERE Id IN ('191') STARTPOSITION 1 MAXRESULTS 1000"]


async def test_a_record_that_was_only_changed_is_not_deleted():
    alive = {"Id": "191", "SyncToken": "4", "TotalAmt": 5, "UnappliedAmt": 5}
    api = Api([httpx.Response(200, content=raw("cdc.json")), rows("Payment", alive)])
    (page,) = await pages(api, Kind.payment, feed())
    assert [type(record) for record in page.records] == [RemotePayment, RemotePayment]
    assert page.records[1].version == "4"


async def test_a_voided_payment_arrives_as_inactive():
    api = Api([cdc(json.loads(raw("payment_voided.json"))["Payment"])])
    (page,) = await pages(api, Kind.payment, feed())
    assert page.records[0].active is False


async def test_a_feed_that_is_full_is_followed_by_queries():
    many = [{"Id": str(number), "SyncToken": "0", "TotalAmt": 1} for number in range(1000)]
    api = Api([cdc(*many), rows("Payment", *many[:3])])
    one, two = await pages(api, Kind.payment, feed("2026-11-20T11:00:00Z"))
    assert api.statements == [
        "SELECT * FROM Payment WHERE MetaData.LastUpdatedTime >= '2026-11-20T10:55:00Z'"
        " ORDERBY MetaData.LastUpdatedTime STARTPOSITION 1 MAXRESULTS 1000"
    ]
    assert json.loads(one.cursor)["mode"] == "updated"
    assert json.loads(two.cursor) == {"mode": "feed", "floor": "2026-11-20T12:00:00Z", "start": 1, "checkpoint": ""}


async def test_after_a_month_of_silence_the_feed_is_not_asked():
    api = Api([rows("Customer", time=TIME)])
    (page,) = await pages(api, Kind.customer, feed("2026-10-22T11:59:00Z"))
    assert api.statements[0].startswith(
        "SELECT * FROM Customer WHERE MetaData.LastUpdatedTime >= '2026-10-22T11:54:00Z' AND Active IN (true, false)"
    )
    assert json.loads(page.cursor)["floor"] == "2026-11-20T11:00:00Z"


@pytest.mark.parametrize("body", [{}, {"QueryResponse": None}, {"CDCResponse": {}}])
async def test_an_answer_without_a_result_is_not_an_empty_one(body):
    with pytest.raises(ProviderUnavailable):
        await pages(Api([httpx.Response(200, json=body)]), Kind.invoice)
    with pytest.raises(ProviderUnavailable):
        await pages(Api([httpx.Response(200, json=body)]), Kind.invoice, feed())


async def test_a_fault_inside_the_feed_is_not_an_empty_feed():
    error = {"Fault": {"Error": [{"code": "4001", "Message": "m", "Detail": "d"}]}}
    listed = {"CDCResponse": [{"QueryResponse": [error]}], "time": TIME}
    with pytest.raises(ProviderRejected):
        await pages(Api([httpx.Response(200, json=listed)]), Kind.invoice, feed())


@pytest.mark.parametrize("cursor", ["", "{}", "[]", '{"mode":"feed"}'])
async def test_a_foreign_cursor_is_refused(cursor):
    with pytest.raises(ValueError, match=r"cursor|Expecting value"):
        await pages(Api([]), Kind.invoice, cursor or "no json")


async def test_records_are_fetched_in_one_query_and_the_missing_are_asked_for_by_id():
    found = sample("invoice.json")["Invoice"]
    api = Api(
        [
            rows("Invoice", json.loads(raw("invoice.json"))["Invoice"]),
            fault("610", "Object Not Found : Something you're trying to use has been made inactive."),
            httpx.Response(200, json={"Invoice": invoice(157)}),
        ]
    )
    records = await api.adapter().fetch(Kind.invoice, ["156", "155", "157"])
    assert api.statements == ["SELECT * FROM Invoice WHERE Id IN ('156', '155', '157') STARTPOSITION 1 MAXRESULTS 1000"]
    assert [request.url.path for request in api.requests[1:]] == [
        "/v3/company/9130001/invoice/156",
        "/v3/company/9130001/invoice/157",
    ]
    assert records[0] == Gone(kind=Kind.invoice, external_id="156")
    assert isinstance(records[1], RemoteInvoice)
    assert records[1].number == found["DocNumber"]
    assert records[2].external_id == "157"


async def test_customers_are_fetched_even_when_inactive():
    api = Api([rows("Customer", json.loads(raw("customer_minimal.json"))["Customer"])])
    (record,) = await api.adapter().fetch(Kind.customer, ["61"])
    assert "AND Active IN (true, false)" in api.statements[0]
    assert record.active is False


async def test_a_read_that_fails_is_not_an_absence():
    api = Api([rows("Invoice"), fault("5020", "Permission denied", status=403)])
    with pytest.raises(ProviderRejected):
        await api.adapter().fetch(Kind.invoice, ["155"])


async def test_nothing_asked_is_nothing_called():
    api = Api([])
    assert await api.adapter().fetch(Kind.invoice, []) == []
    assert api.requests == []
