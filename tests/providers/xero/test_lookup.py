from dataclasses import replace
from decimal import Decimal

import httpx

from app.canonical import Operation
from app.providers.base import Match
from app.providers.xero.spec import customer_url, invoice_url
from tests.providers.xero.support import COMPANY, CONTACT, CUSTOMER, INVOICE, INVOICE_ID, Api, item

OURS = {
    "Type": "ACCREC",
    "InvoiceID": INVOICE_ID,
    "InvoiceNumber": "sub-2026-0042",
    "Reference": "inv_42",
    "Status": "AUTHORISED",
    "Contact": {"ContactID": CONTACT},
    "CurrencyCode": "NZD",
    "Total": 51.75,
    "UpdatedDateUTC": "/Date(1795250000000+0000)/",
}
CONTACT_ELEMENT = {
    "ContactID": CONTACT,
    "ContactNumber": "cus_0042",
    "ContactStatus": "ACTIVE",
    "Name": "Pier 7 Cafe",
    "EmailAddress": "ap@pier7.example",
}
FOREIGN = OURS | {"InvoiceID": "c1d2e3f4-0000-4000-8000-0000000000aa", "Reference": "theirs"}


async def find_invoice(*elements: object, **changes) -> Match | None:
    api = Api(httpx.Response(200, json={"Invoices": elements}))
    return await api.xero.find(item(replace(INVOICE, **changes)))


class TestInvoices:
    async def test_ours_is_found_by_number_and_equal(self) -> None:
        api = Api(httpx.Response(200, json={"Invoices": [OURS]}))
        assert await api.xero.find(item()) == Match(
            external_id=INVOICE_ID,
            version="2026-11-21T08:33:20+00:00",
            label="sub-2026-0042",
            equal=True,
            total=Decimal("51.75"),
        )
        assert dict(api.requests[0].url.params) == {"InvoiceNumbers": "SUB-2026-0042", "page": "1"}

    async def test_a_number_with_a_comma_is_asked_for_as_one(self) -> None:
        api = Api(httpx.Response(200, json={"Invoices": []}))
        await api.xero.find(item(replace(INVOICE, number='A,"1"')))
        assert api.requests[0].url.params["where"] == 'Type=="ACCREC" AND InvoiceNumber=="A,\\"1\\""'

    async def test_what_differs_is_said(self) -> None:
        match = await find_invoice(OURS | {"Total": 51.76, "Contact": {"ContactID": "other"}})
        assert match is not None
        assert not match.equal
        assert match.difference == "customer, total 51.76 instead of 51.75"

    async def test_a_foreign_invoice_under_our_number_is_no_match_to_adopt(self) -> None:
        match = await find_invoice(FOREIGN)
        assert match is not None
        assert (match.equal, match.difference) == (False, "reference")

    async def test_a_free_number_is_no_match(self) -> None:
        assert await find_invoice() is None
        assert await find_invoice(FOREIGN | {"Status": "VOIDED"}, FOREIGN | {"Status": "DELETED"}) is None
        assert await find_invoice(OURS | {"Type": "ACCPAY"}) is None
        assert await find_invoice(OURS | {"InvoiceNumber": "SUB-2026-00421"}) is None

    async def test_ours_counts_even_voided_but_a_live_one_of_ours_first(self) -> None:
        voided = OURS | {"Status": "VOIDED", "InvoiceID": "c1d2e3f4-0000-4000-8000-0000000000bb"}
        found = await find_invoice(FOREIGN, voided)
        assert found is not None
        assert found.external_id == voided["InvoiceID"]
        found = await find_invoice(FOREIGN, voided, OURS)
        assert found is not None
        assert found.external_id == INVOICE_ID

    async def test_a_void_is_proven_by_the_state(self) -> None:
        for status, equal in (("AUTHORISED", False), ("VOIDED", True)):
            api = Api(httpx.Response(200, json={"Invoices": [OURS | {"Status": status}]}))
            match = await api.xero.find(item(INVOICE, Operation.void, external_id=INVOICE_ID))
            assert match is not None
            assert match.equal is equal
            assert api.requests[0].url.params["IDs"] == INVOICE_ID

    async def test_an_invoice_that_is_gone_is_no_match(self) -> None:
        api = Api(httpx.Response(200, json={"Invoices": []}))
        assert await api.xero.find(item(INVOICE, Operation.update, external_id=INVOICE_ID)) is None


class TestContacts:
    async def test_our_number_finds_it_at_once(self) -> None:
        api = Api(httpx.Response(200, json={"Contacts": [CONTACT_ELEMENT | {"Name": "Renamed since"}]}))
        match = await api.xero.find(item(CUSTOMER))
        assert match is not None
        assert (match.external_id, match.equal) == (CONTACT, True)
        assert [request.url.path for request in api.requests] == ["/api.xro/2.0/Contacts/cus_0042"]

    async def test_else_the_name_finds_one_that_is_not_marked_as_ours(self) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/cus_0042"):
                return httpx.Response(404, html="")
            archived = CONTACT_ELEMENT | {"ContactID": "old", "ContactStatus": "ARCHIVED"}
            return httpx.Response(200, json={"Contacts": [archived, CONTACT_ELEMENT | {"ContactNumber": ""}]})

        api = Api(answer)
        match = await api.xero.find(item(CUSTOMER))
        assert match is not None
        assert (match.external_id, match.equal, match.difference) == (CONTACT, False, "reference")
        assert api.requests[1].url.params["where"] == 'Name=="Pier 7 Cafe"'

    async def test_an_update_is_proven_by_what_it_wrote(self) -> None:
        api = Api(httpx.Response(200, json={"Contacts": [CONTACT_ELEMENT]}))
        update = item(replace(CUSTOMER, email="new@pier7.example"), Operation.update, external_id=CONTACT)
        match = await api.xero.find(update)
        assert match is not None
        assert (match.equal, match.difference) == (False, "e-mail address")

    async def test_an_archiving_is_proven_by_the_state(self) -> None:
        archived = CONTACT_ELEMENT | {"ContactStatus": "ARCHIVED"}
        for element, equal in ((CONTACT_ELEMENT, False), (archived, True)):
            api = Api(httpx.Response(200, json={"Contacts": [element]}))
            match = await api.xero.find(item(CUSTOMER, Operation.deactivate, external_id=CONTACT))
            assert match is not None
            assert match.equal is equal

    async def test_nobody_there_is_no_match(self) -> None:
        api = Api(lambda request: httpx.Response(404 if request.url.path.endswith("cus_0042") else 200, json={}))
        assert await api.xero.find(item(CUSTOMER)) is None
        assert await api.xero.find(item(CUSTOMER, Operation.update, external_id=CONTACT)) is None


def test_links_lead_into_the_right_organisation() -> None:
    assert invoice_url(COMPANY, INVOICE_ID) == (
        "https://go.xero.com/organisationlogin/default.aspx?shortcode=!1lqVQ"
        f"&redirecturl=/AccountsReceivable/View.aspx%3FInvoiceID%3D{INVOICE_ID}"
    )
    assert customer_url(replace(COMPANY, facts={}), CONTACT) == f"https://go.xero.com/Contacts/View/{CONTACT}"
