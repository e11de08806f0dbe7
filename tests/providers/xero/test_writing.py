import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from app.canonical import Kind, Operation
from app.errors import NeedsReauth
from app.providers.base import NotWritten, Outcome, Refused, Unknown, WriteCall, Written
from tests.providers.xero.support import COMPANY, CONTACT, CUSTOMER, INVOICE, INVOICE_ID, TENANT, Api, item

SECOND = replace(INVOICE, number="SUB-2026-0043", reference="inv_43")
STORED = {
    "InvoiceID": INVOICE_ID,
    "InvoiceNumber": "SUB-2026-0042",
    "Status": "AUTHORISED",
    "Total": 51.75,
    "UpdatedDateUTC": "/Date(1795250000000+0000)/",
    "HasErrors": False,
    "StatusAttributeString": "OK",
}
NOT_UNIQUE = {
    "InvoiceID": "00000000-0000-0000-0000-000000000000",
    "InvoiceNumber": "SUB-2026-0043",
    "StatusAttributeString": "ERROR",
    "HasErrors": True,
    "ValidationErrors": [{"Message": "Invoice # must be unique."}],
}
UNAUTHORISED = {"Type": None, "Title": "Unauthorized", "Status": 401, "Detail": "AuthenticationUnsuccessful"}


def invoices(api: Api, *records) -> WriteCall:
    items = [item(record, item_id=str(number)) for number, record in enumerate(records, start=1)]
    return api.xero.prepare(items, "key-1", COMPANY)


def answered(*elements: object) -> httpx.Response:
    return httpx.Response(200, json={"Status": "OK", "Invoices": elements})


async def outcomes(answer: httpx.Response | Exception, *records) -> list[Outcome]:
    api = Api(answer)
    return await api.xero.write(invoices(api, *(records or (INVOICE,))))


class TestPrepare:
    def test_creates_are_put_with_the_key_and_answered_one_by_one(self) -> None:
        call = invoices(Api(answered()), INVOICE, SECOND)
        assert (call.method, call.path) == ("PUT", "/api.xro/2.0/Invoices")
        assert call.query == {"summarizeErrors": "false", "unitdp": "4"}
        assert call.headers["Idempotency-Key"] == "key-1"
        assert call.headers["xero-tenant-id"] == TENANT
        assert call.item_ids == ("1", "2")
        assert [one["InvoiceNumber"] for one in json.loads(call.body)["Invoices"]] == ["SUB-2026-0042", "SUB-2026-0043"]

    @pytest.mark.parametrize("operation", [Operation.update, Operation.void])
    def test_changes_are_posted_even_for_one_record(self, operation: Operation) -> None:
        call = Api(answered()).xero.prepare([item(INVOICE, operation, external_id=INVOICE_ID)], "k", COMPANY)
        assert call.method == "POST"
        assert len(json.loads(call.body)["Invoices"]) == 1

    def test_contacts_have_no_unit_prices(self) -> None:
        call = Api(answered()).xero.prepare([item(CUSTOMER)], "k", COMPANY)
        assert (call.path, call.kind) == ("/api.xro/2.0/Contacts", Kind.customer)
        assert call.query == {"summarizeErrors": "false"}

    def test_a_create_beside_a_change_is_refused(self) -> None:
        mixed = [item(INVOICE), item(SECOND, Operation.void, external_id=INVOICE_ID)]
        with pytest.raises(ValueError, match="apart"):
            Api(answered()).xero.prepare(mixed, "k", COMPANY)


class TestOneByOne:
    async def test_a_stored_invoice_is_written_with_the_vendors_total(self) -> None:
        assert await outcomes(answered(STORED)) == [
            Written(
                item_id="1",
                external_id=INVOICE_ID,
                version="2026-11-21T08:33:20+00:00",
                label="SUB-2026-0042",
                total=Decimal("51.75"),
                metadata={"status": "AUTHORISED"},
            )
        ]

    async def test_what_is_sent_is_exactly_what_was_prepared(self) -> None:
        api = Api(answered(STORED))
        call = invoices(api, INVOICE)
        await api.xero.write(call)
        request = api.requests[0]
        assert request.content == call.body
        assert request.url.path == "/api.xro/2.0/Invoices"
        assert dict(request.url.params) == {"summarizeErrors": "false", "unitdp": "4"}
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["Accept"] == "application/json"
        assert request.headers["Authorization"] == "Bearer token"

    async def test_a_200_is_not_a_success_for_every_element(self) -> None:
        written, refused = await outcomes(answered(STORED, NOT_UNIQUE), INVOICE, SECOND)
        assert isinstance(written, Written)
        assert isinstance(refused, Refused)
        assert refused.item_id == "2"
        assert refused.fault.code == "number_taken"
        assert refused.fault.vendor_message == "Invoice # must be unique."

    async def test_warnings_are_kept(self) -> None:
        warned = STORED | {"StatusAttributeString": "WARNING", "Warnings": [{"Message": "Account code '476' removed"}]}
        written = (await outcomes(answered(warned)))[0]
        assert isinstance(written, Written)
        assert written.metadata == {"status": "AUTHORISED", "warnings": "Account code '476' removed"}

    async def test_every_reason_of_a_refusal_is_kept(self) -> None:
        messages = [{"Message": "Invoice # must be unique."}, {"Description": "Something else."}]
        refused = (await outcomes(answered(NOT_UNIQUE | {"ValidationErrors": messages})))[0]
        assert isinstance(refused, Refused)
        assert refused.fault.vendor_message == "Invoice # must be unique. Something else."

    async def test_a_contact_is_written_by_its_own_fields(self) -> None:
        element = {"ContactID": CONTACT, "Name": "Pier 7 Cafe", "ContactNumber": "cus_0042", "ContactStatus": "ACTIVE"}
        api = Api(httpx.Response(200, json={"Contacts": [element]}))
        written = (await api.xero.write(api.xero.prepare([item(CUSTOMER)], "k", COMPANY)))[0]
        assert isinstance(written, Written)
        assert (written.external_id, written.label, written.total) == (CONTACT, "Pier 7 Cafe", None)

    async def test_a_taken_name_is_refused(self) -> None:
        message = (
            "The contact name Pier 7 Cafe is already assigned to another contact. "
            "The contact name must be unique across all active contacts."
        )
        element = {"HasValidationErrors": True, "ValidationErrors": [{"Message": message}]}
        api = Api(httpx.Response(200, json={"Contacts": [element]}))
        refused = (await api.xero.write(api.xero.prepare([item(CUSTOMER)], "k", COMPANY)))[0]
        assert isinstance(refused, Refused)
        assert refused.fault.code == "name_taken"


class TestUnknown:
    @pytest.mark.parametrize(
        "answer",
        [
            httpx.ReadTimeout("silence"),
            httpx.RemoteProtocolError("cut off"),
            httpx.Response(500),
            httpx.Response(503, text="The Xero API is temporarily unavailable"),
            httpx.Response(502, html="<html>"),
            httpx.Response(408),
            httpx.Response(302),
            httpx.Response(200, html="<html>"),
            httpx.Response(200, content=b'{"Invoices":[{"InvoiceID":"c1d2'),
            answered(),
            answered(STORED),
            answered(STORED | {"InvoiceID": "00000000-0000-0000-0000-000000000000"}, STORED | {"InvoiceID": ""}),
            httpx.Response(
                400, json={"Message": "The Idempotency-Key is used with a different request", "ErrorNumber": 10}
            ),
        ],
    )
    async def test_no_trustworthy_answer_means_unknown_for_all(self, answer: httpx.Response | Exception) -> None:
        found = await outcomes(answer, INVOICE, SECOND)
        assert [type(outcome) for outcome in found] == [Unknown, Unknown]
        assert [outcome.item_id for outcome in found] == ["1", "2"]

    async def test_an_element_about_another_record_is_not_adopted(self) -> None:
        swapped = STORED | {"InvoiceNumber": "SUB-2026-0043"}
        assert isinstance((await outcomes(answered(swapped)))[0], Unknown)

    async def test_a_refused_batch_refuses_its_bad_records_and_looks_the_others_up(self) -> None:
        problem = {
            "ErrorNumber": 10,
            "Type": "ValidationException",
            "Message": "A validation exception occurred",
            "Elements": [{"InvoiceNumber": "SUB-2026-0042", "ValidationErrors": []}, NOT_UNIQUE],
        }
        good, bad = await outcomes(httpx.Response(400, json=problem), INVOICE, SECOND)
        assert isinstance(good, Unknown)
        assert isinstance(bad, Refused)
        assert bad.fault.code == "number_taken"


class TestNotWritten:
    @pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.PoolTimeout("busy")])
    async def test_what_never_left_may_be_tried_again(self, error: Exception) -> None:
        outcome = (await outcomes(error))[0]
        assert isinstance(outcome, NotWritten)
        assert outcome.fault.retries_itself

    @pytest.mark.parametrize(
        ("headers", "wait"),
        [
            ({"X-Rate-Limit-Problem": "minute", "Retry-After": "26"}, 26),
            ({"X-Rate-Limit-Problem": "day", "Retry-After": "66975"}, 66975),
            ({"X-Rate-Limit-Problem": "Concurrent"}, 3),
            ({"X-Rate-Limit-Problem": "appminute"}, 10),
            ({"X-Rate-Limit-Problem": "day"}, 3600),
            ({}, 60),
        ],
    )
    async def test_a_limit_says_how_long_to_wait(self, headers: dict[str, str], wait: int) -> None:
        found = await outcomes(httpx.Response(429, headers=headers), INVOICE, SECOND)
        assert [type(outcome) for outcome in found] == [NotWritten, NotWritten]
        assert isinstance(found[0], NotWritten)
        assert found[0].retry_after == timedelta(seconds=wait)
        assert found[0].fault.code == "rate_limited"

    async def test_a_gateways_403_proves_that_nothing_was_done(self) -> None:
        assert isinstance((await outcomes(httpx.Response(403, html="<h1>Blocked</h1>")))[0], NotWritten)


class TestRefusedAsAWhole:
    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (httpx.Response(400, json={"ErrorNumber": 14, "Type": "PostDataInvalidException"}), "request_malformed"),
            (httpx.Response(400, text="The period lock date is later"), "period_closed"),
            (httpx.Response(400, html="<html>"), "request_malformed"),
            (httpx.Response(413), "request_malformed"),
            (httpx.Response(401, json=UNAUTHORISED | {"Detail": "AuthorizationUnsuccessful"}), "missing_scope"),
            (httpx.Response(401, headers={"WWW-Authenticate": "insufficient_scope"}), "missing_scope"),
            (httpx.Response(403, json={"title": "Forbidden", "detail": "No access to this"}), "permission_denied"),
        ],
    )
    async def test_the_reason_is_said_for_every_record(self, answer: httpx.Response, code: str) -> None:
        found = await outcomes(answer, INVOICE, SECOND)
        assert [outcome.fault.code for outcome in found if isinstance(outcome, Refused)] == [code, code]

    async def test_a_single_refused_record_keeps_its_message(self) -> None:
        problem = {"ErrorNumber": 10, "Type": "ValidationException", "Elements": [NOT_UNIQUE]}
        refused = (await outcomes(httpx.Response(400, json=problem)))[0]
        assert isinstance(refused, Refused)
        assert refused.fault.code == "number_taken"


class TestAccess:
    async def test_a_dead_access_is_raised_after_one_renewal(self) -> None:
        api = Api(httpx.Response(401, json=UNAUTHORISED | {"Detail": "TokenExpired: token expired at 01/23/2020"}))
        with pytest.raises(NeedsReauth):
            await api.xero.write(invoices(api, INVOICE))
        assert len(api.requests) == 2

    async def test_a_disconnected_organisation_is_raised(self) -> None:
        with pytest.raises(NeedsReauth):
            await outcomes(httpx.Response(403, json=UNAUTHORISED | {"Status": 403, "Title": "Forbidden"}))
