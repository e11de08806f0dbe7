import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.canonical import Operation
from tests.providers.quickbooks.support import (
    CUSTOMER,
    INVOICE,
    Api,
    customer_item,
    fault,
    invoice_item,
    raw,
    rows,
)

BY_NUMBER = "SELECT * FROM Invoice WHERE DocNumber = 'HT-2041' STARTPOSITION 1 MAXRESULTS 1000"
BY_DAY = "SELECT * FROM Invoice WHERE CustomerRef = '60' AND TxnDate = '2026-11-18' STARTPOSITION 1 MAXRESULTS 1000"
REMOTE = json.loads(raw("invoice.json"))["Invoice"]
REMOTE_CUSTOMER = json.loads(raw("customer.json"))["Customer"]


async def found(item, *answers):
    api = Api(list(answers))
    return await api.adapter().find(item), api


async def test_an_invoice_of_ours_is_found_by_its_number():
    match, api = await found(invoice_item(), rows("Invoice", REMOTE))
    assert api.statements == [BY_NUMBER]
    assert match.equal
    assert (match.external_id, match.version, match.label, match.total) == ("155", "0", "HT-2041", Decimal("232.38"))
    assert match.difference == ""


async def test_an_invoice_that_is_nowhere_is_certainly_absent():
    match, api = await found(invoice_item(), rows("Invoice"), rows("Invoice"))
    assert match is None
    assert api.statements == [BY_NUMBER, BY_DAY]


async def test_an_invoice_that_was_renumbered_still_carries_our_marker():
    match, _ = await found(invoice_item(), rows("Invoice"), rows("Invoice", {**REMOTE, "DocNumber": "A-1"}))
    assert not match.equal
    assert match.external_id == "155"
    assert match.difference == "number is A-1 there and HT-2041 here"


async def test_a_foreign_invoice_of_the_same_day_is_not_ours():
    match, _ = await found(invoice_item(), rows("Invoice"), rows("Invoice", {**REMOTE, "PrivateNote": ""}))
    assert match is None


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"TotalAmt": 232.39}, "total is 232.39 there and 232.38 here"),
        ({"CustomerRef": {"value": "61"}}, "it belongs to another customer there"),
        ({"TotalAmt": 0, "PrivateNote": "Voided - tieout:inv_881"}, "it is voided there"),
        ({"PrivateNote": "typed by hand"}, "it was not written by us"),
        ({"PrivateNote": "tieout:inv_999"}, "it belongs to another record of ours"),
    ],
)
async def test_a_number_held_by_something_else_says_what_differs(change, difference):
    match, _ = await found(invoice_item(), rows("Invoice", {**REMOTE, **change}), rows("Invoice"))
    assert not match.equal
    assert difference in match.difference


async def test_among_several_of_one_number_ours_is_taken():
    foreign = {**REMOTE, "Id": "99", "PrivateNote": ""}
    match, _ = await found(invoice_item(), rows("Invoice", foreign, REMOTE))
    assert match.external_id == "155"
    assert match.equal


async def test_an_invoice_without_reference_is_never_taken_for_ours():
    anonymous = replace(INVOICE, reference="")
    match, _ = await found(
        invoice_item(invoice=anonymous), rows("Invoice", {**REMOTE, "PrivateNote": ""}), rows("Invoice")
    )
    assert not match.equal


async def test_an_invoice_without_number_is_looked_for_by_its_marker():
    match, api = await found(invoice_item(invoice=replace(INVOICE, number="")), rows("Invoice", REMOTE))
    assert api.statements == [BY_DAY]
    assert match.equal


async def test_quotes_and_backslashes_in_a_name_are_escaped():
    odd = replace(CUSTOMER, name="O'Brien \\ Søn")
    match, api = await found(customer_item(customer=odd), *[rows("Customer")] * 3)
    assert match is None
    assert api.statements[0] == (
        r"SELECT * FROM Customer WHERE DisplayName = 'O\'Brien \\ Søn' AND Active IN (true, false)"
        " STARTPOSITION 1 MAXRESULTS 1000"
    )
    assert [statement.split()[3] for statement in api.statements] == ["Customer", "Vendor", "Employee"]


async def test_a_customer_of_ours_is_found_by_name():
    match, _ = await found(customer_item(), rows("Customer", REMOTE_CUSTOMER))
    assert match.equal
    assert (match.external_id, match.version, match.total) == ("60", "2", None)


@pytest.mark.parametrize(
    ("change", "difference"),
    [({"Notes": ""}, "it was not written by us"), ({"Active": False}, "it is inactive there")],
)
async def test_a_customer_that_is_not_ours_says_why(change, difference):
    match, _ = await found(customer_item(), rows("Customer", {**REMOTE_CUSTOMER, **change}))
    assert not match.equal
    assert match.difference == difference


async def test_a_vendor_may_hold_the_name():
    vendor = {"Id": "56", "SyncToken": "0", "DisplayName": "Larkspur Dental", "Active": False}
    match, _ = await found(customer_item(), rows("Customer"), rows("Vendor", vendor))
    assert (match.equal, match.external_id) == (False, "")
    assert match.difference == "the name belongs to a vendor who is inactive"


async def test_an_employee_may_hold_the_name():
    employee = {"Id": "57", "SyncToken": "0", "DisplayName": "Larkspur Dental", "Active": True}
    match, _ = await found(customer_item(), rows("Customer"), rows("Vendor"), rows("Employee", employee))
    assert match.difference == "the name belongs to an employee"


VOID: dict[str, Any] = {"operation": Operation.void, "external_id": "156", "version": "2"}


async def test_a_void_is_settled_by_reading_the_invoice():
    match, _ = await found(invoice_item(**VOID), rows("Invoice", json.loads(raw("invoice_voided.json"))["Invoice"]))
    assert match.equal
    assert match.version == "3"
    match, _ = await found(invoice_item(**VOID), rows("Invoice", {**REMOTE, "Id": "156"}))
    assert match.difference == "it is not voided"


async def test_an_update_is_settled_by_comparing_what_was_sent():
    update = customer_item(operation=Operation.update, external_id="60", version="1")
    match, _ = await found(update, rows("Customer", REMOTE_CUSTOMER))
    assert match.equal
    old = {**REMOTE_CUSTOMER, "PrimaryPhone": {"FreeFormNumber": "1"}}
    match, _ = await found(update, rows("Customer", old))
    assert match.difference == "phone is '1' there and '(775) 555-0114' here"


async def test_a_deactivation_is_settled_by_the_flag():
    item = customer_item(operation=Operation.deactivate, external_id="60", version="1")
    match, _ = await found(item, rows("Customer", {**REMOTE_CUSTOMER, "Active": False}))
    assert match.equal


async def test_a_record_that_was_deleted_is_absent():
    match, _ = await found(invoice_item(**VOID), rows("Invoice"), fault("610", "Object Not Found"))
    assert match is None


async def test_a_query_that_fails_is_not_an_absence():
    api = Api([httpx.Response(503)])
    with pytest.raises(Exception, match="no usable answer"):
        await api.adapter().find(invoice_item())
