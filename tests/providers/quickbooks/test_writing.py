import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from app.canonical import Kind, Operation
from app.errors import Misconfigured, NeedsReauth
from app.providers.base import NotWritten, Refused, Unknown, Written
from tests.providers.quickbooks.support import INVOICE, US, Api, customer_item, fault, invoice_item, raw

KEY = "0191d3a2-0000-7000-8000-000000000001"
TWO = (invoice_item("i1"), invoice_item("i2", replace(INVOICE, number="HT-2043", reference="inv_883")))


def prepared(*items):
    return Api([]).adapter().prepare(items, KEY, US)


async def written(answer, *items):
    """The outcomes of writing `items` (one invoice by default) when the API answers `answer`."""
    api = Api(answer if callable(answer) else [answer] * 2)
    return await api.adapter().write(prepared(*(items or (invoice_item(),))))


def batch(*entries):
    return httpx.Response(200, json={"BatchItemResponse": list(entries), "time": "2026-11-20T03:00:00.100-08:00"})


def test_one_record_goes_to_its_own_address_under_its_key():
    call = prepared(invoice_item())
    assert (call.method, call.path) == ("POST", "/v3/company/9130001/invoice")
    assert call.query == {"minorversion": "75", "requestid": KEY}
    assert call.headers == {"Accept": "application/json", "Content-Type": "application/json"}
    assert json.loads(call.body)["DocNumber"] == "HT-2041"
    assert call.item_ids == ("i1",)


def test_several_records_go_as_a_batch_that_names_each():
    call = prepared(*TWO)
    assert call.path == "/v3/company/9130001/batch"
    assert call.query == {"minorversion": "75", "requestid": KEY}
    items = json.loads(call.body)["BatchItemRequest"]
    assert [(item["bId"], item["operation"], item["Invoice"]["DocNumber"]) for item in items] == [
        ("i1", "create", "HT-2041"),
        ("i2", "create", "HT-2043"),
    ]


def test_the_same_items_make_the_same_bytes():
    assert prepared(*TWO) == prepared(*TWO)


def test_a_customers_update_is_sparse_and_carries_its_version():
    body = json.loads(prepared(customer_item(operation=Operation.update, external_id="60", version="0")).body)
    assert (body["Id"], body["SyncToken"], body["sparse"]) == ("60", "0", True)
    assert body["Notes"] == "Net 30\ntieout:cli_17"


def test_an_invoices_update_sends_every_line():
    body = json.loads(prepared(invoice_item(operation=Operation.update, external_id="155", version="3")).body)
    assert (body["Id"], body["SyncToken"], len(body["Line"])) == ("155", "3", 2)


def test_a_void_sends_the_identity_alone():
    call = prepared(invoice_item(operation=Operation.void, external_id="155", version="3"))
    assert call.query["operation"] == "void"
    assert json.loads(call.body) == {"Id": "155", "SyncToken": "3"}


def test_a_deactivation_changes_nothing_else():
    call = prepared(customer_item(operation=Operation.deactivate, external_id="60", version="3"))
    assert json.loads(call.body) == {"Id": "60", "SyncToken": "3", "sparse": True, "Active": False}


@pytest.mark.parametrize(
    "items",
    [
        (invoice_item("a"), customer_item("b")),
        tuple(invoice_item(str(number)) for number in range(31)),
        (invoice_item("a"), invoice_item("b", operation=Operation.void, external_id="1", version="0")),
        (invoice_item(operation=Operation.deactivate, external_id="1"),),
        (customer_item(operation=Operation.void, external_id="1"),),
    ],
)
def test_what_quickbooks_has_no_request_for_is_refused_before_it_is_stored(items):
    with pytest.raises(ValueError, match=r"QuickBooks|one kind"):
        prepared(*items)


async def test_a_stored_call_is_sent_exactly_as_it_stands():
    api = Api([httpx.Response(200, content=raw("invoice.json"))])
    call = prepared(invoice_item())
    await api.adapter().write(call)
    (request,) = api.requests
    assert request.content == call.body
    assert str(request.url) == f"https://qbo.test/v3/company/9130001/invoice?minorversion=75&requestid={KEY}"
    assert request.headers["authorization"] == "Bearer token-1"


async def test_a_written_invoice_tells_its_id_version_and_total():
    response = httpx.Response(200, content=raw("invoice.json"), headers={"intuit_tid": "1-abc"})
    assert await written(response) == [
        Written(
            item_id="i1",
            external_id="155",
            version="0",
            label="HT-2041",
            total=Decimal("232.38"),
            metadata={"intuit_tid": "1-abc", "tax_total": "12.38"},
        )
    ]


async def test_a_written_customer_has_no_total():
    (outcome,) = await written(httpx.Response(200, content=raw("customer.json")), customer_item())
    assert (outcome.external_id, outcome.label, outcome.total) == ("60", "Larkspur Dental", None)


async def test_a_batch_is_answered_item_by_item_in_any_order():
    golden = json.loads(raw("invoice.json"))["Invoice"]
    refusal = {
        "Error": [{"code": "6140", "Message": "Duplicate", "Detail": "assigned to TxnType=Invoice with TxnId=17984"}]
    }
    first, second = await written(batch({"bId": "i2", "Invoice": golden}, {"bId": "i1", "Fault": refusal}), *TWO)
    assert isinstance(first, Refused)
    assert (first.item_id, first.fault.code, first.holder_id) == ("i1", "number_taken", "17984")
    assert isinstance(second, Written)
    assert (second.item_id, second.external_id) == ("i2", "155")


async def test_an_item_that_the_batch_forgets_is_unknown():
    golden = json.loads(raw("invoice.json"))["Invoice"]
    outcomes = await written(batch({"bId": "i1", "Invoice": golden}), *TWO)
    assert [type(outcome) for outcome in outcomes] == [Written, Unknown]


async def test_a_stale_version_is_said_to_be_stale():
    (outcome,) = await written(fault("5010", "You and Ann were working on this at the same time."))
    assert isinstance(outcome, Refused)
    assert outcome.stale


async def test_a_concurrent_edit_of_names_may_be_tried_again():
    busy = {"Error": [{"code": "6000", "Detail": "You can only add or edit one name at a time. Please try again."}]}
    first, second = await written(batch({"bId": "c1", "Fault": busy}), customer_item("c1"), customer_item("c2"))
    assert isinstance(first, NotWritten)
    assert first.fault.retries_itself
    assert isinstance(second, Unknown)


async def test_throttling_leaves_every_item_unwritten_with_a_wait():
    outcomes = await written(httpx.Response(429, content=raw("throttled.xml")), *TWO)
    assert [type(outcome) for outcome in outcomes] == [NotWritten, NotWritten]
    assert {outcome.retry_after for outcome in outcomes} == {timedelta(seconds=60)}


async def test_a_company_that_is_paused_leaves_everything_unwritten():
    (outcome,) = await written(fault("6190", "Your subscription has ended."))
    assert isinstance(outcome, NotWritten)
    assert outcome.fault.who == "admin"
    assert outcome.retry_after == timedelta(minutes=30)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json={"Fault": {"Error": [{"code": "10000"}]}}),
        httpx.Response(503, text="<html>Service Unavailable</html>"),
        httpx.Response(504),
        httpx.Response(302, headers={"location": "https://elsewhere.test"}),
        httpx.Response(200, text="<html>Signed out</html>"),
        httpx.Response(200, content=b'{"Invoice":{"Id":"15'),
        httpx.Response(200, json={"BatchItemResponse": []}),
        httpx.Response(200, json={"Invoice": {"DocNumber": "HT-2041"}}),
        httpx.Response(200, json={"Invoice": {"Id": "155", "TotalAmt": "many"}}),
        fault("10000", "An application error has occurred", status=200),
        fault("600", "Duplicate Request ID"),
        httpx.Response(408),
    ],
)
async def test_what_proves_nothing_is_unknown(answer):
    outcomes = await written(answer)
    assert [type(outcome) for outcome in outcomes] == [Unknown]
    assert outcomes[0].reason.endswith((".", ")"))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx.ReadTimeout, Unknown),
        (httpx.WriteTimeout, Unknown),
        (httpx.RemoteProtocolError, Unknown),
        (httpx.ReadError, Unknown),
        (httpx.ConnectError, NotWritten),
        (httpx.ConnectTimeout, NotWritten),
        (httpx.PoolTimeout, NotWritten),
    ],
)
async def test_silence_is_unknown_only_once_the_request_may_have_left(error, outcome):
    def fail(request):
        raise error("no answer", request=request)

    outcomes = await written(fail, *TWO)
    assert [type(found) for found in outcomes] == [outcome, outcome]


async def test_an_expired_token_is_renewed_once_and_the_call_repeated():
    api = Api(
        [httpx.Response(401, content=raw("token_expired.json")), httpx.Response(200, content=raw("invoice.json"))]
    )
    (outcome,) = await api.adapter().write(prepared(invoice_item()))
    assert isinstance(outcome, Written)
    assert api.tokens.rejected == ["token-1"]
    first, second = api.requests
    assert (first.url, first.content) == (second.url, second.content)


async def test_a_second_401_means_that_somebody_must_reconnect():
    with pytest.raises(NeedsReauth):
        await written(httpx.Response(401, content=raw("token_expired.json")))


async def test_a_403_of_the_gateway_is_ours_to_mend():
    with pytest.raises(Misconfigured):
        await written(httpx.Response(403, json={"fault": {"error": [{"code": "3100", "message": "m"}]}}))


async def test_a_403_that_denies_the_person_is_a_refusal():
    (outcome,) = await written(fault("5020", "Permission denied", status=403))
    assert isinstance(outcome, Refused)
    assert outcome.fault.who == "admin"


def test_what_is_written():
    capabilities = Api([]).adapter().capabilities
    assert set(capabilities.batch_sizes) == {Kind.customer, Kind.invoice, Kind.journal_entry}
