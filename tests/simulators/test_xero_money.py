from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from simulators.xero import TENANT_NZ
from tests.simulators.test_xero_books import balanced, refused
from tests.simulators.xero_client import Caller, opened

MISSING = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        await caller.connect()
        yield caller


def payment(invoice: dict[str, Any], amount: object, **fields: object) -> dict[str, object]:
    return {
        "Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Account": {"Code": "090"}, "Date": "2026-11-20",
        "Amount": amount, "Reference": "ch_9x",
    } | fields  # fmt: skip


async def state(x: Caller, invoice: dict[str, Any]) -> tuple[str, Any, Any]:
    now = (await x.ok("GET", f"/Invoices/{invoice['InvoiceID']}"))["Invoices"][0]
    return now["Status"], now["AmountDue"], now["AmountPaid"]


async def test_payments_settle_and_their_deletion_reopens(x: Caller) -> None:
    invoice = await x.invoice(await x.contact())
    part = (await x.ok("PUT", "/Payments", {"Payments": [payment(invoice, "15.00")]}))["Payments"][0]
    assert (part["PaymentType"], part["Status"], part["Invoice"]["AmountDue"]) == ("ACCRECPAYMENT", "AUTHORISED", 100)
    assert await state(x, invoice) == ("AUTHORISED", 100, 15)
    await x.ok("POST", "/Payments", payment(invoice, 100, Date="2026-11-21"))
    full = (await x.ok("GET", f"/Invoices/{invoice['InvoiceID']}"))["Invoices"][0]
    assert (full["Status"], full["FullyPaidOnDate"]) == ("PAID", "/Date(1795219200000+0000)/")
    assert len(full["Payments"]) == 2
    assert (await balanced(x))["totals"]["paid"] == "115.00"
    gone = (await x.ok("POST", f"/Payments/{part['PaymentID']}", {"Status": "DELETED"}))["Payments"][0]
    assert gone["Status"] == "DELETED"
    assert await state(x, invoice) == ("AUTHORISED", 15, 100)
    listed = (await x.ok("GET", "/Payments", params={"where": 'Status=="DELETED"'}))["Payments"]
    assert [p["PaymentID"] for p in listed] == [part["PaymentID"]]
    assert listed[0]["Invoice"]["LineItems"] == []
    await balanced(x)


async def test_payment_rules(x: Caller) -> None:
    cid = await x.contact()
    invoice = await x.invoice(cid)
    draft = await x.invoice(cid, Status="DRAFT")
    says = "Payment amount exceeds the amount outstanding on this document"
    assert await refused(x, "PUT", "/Payments", payment(invoice, "115.01")) == [says]
    says = "Payments can only be made against Authorised documents"
    assert await refused(x, "PUT", "/Payments", payment(draft, 1)) == [says]
    assert await refused(x, "PUT", "/Payments", payment({"InvoiceID": MISSING}, 1)) == ["Invoice could not be found"]
    not_bank = await refused(x, "PUT", "/Payments", payment(invoice, 1, Account={"Code": "200"}))
    assert "bank account" in not_bank[0]
    assert await refused(x, "PUT", "/Payments", payment(invoice, 1, Account={"Code": "no"})) == [
        "Account could not be found"
    ]
    assert "greater than zero" in (await refused(x, "PUT", "/Payments", payment(invoice, 0)))[0]
    made = (await x.ok("PUT", "/Payments", payment(invoice, 5)))["Payments"][0]
    path = f"/Payments/{made['PaymentID']}"
    assert await refused(x, "POST", path, {"Reference": "new"}) == ["Only Status accepted for updates"]
    # 850 has payments enabled, so it takes money although it is no bank account.
    await x.ok("PUT", "/Payments", payment(invoice, 1, Account={"Code": "850"}))
    # Nothing tells two payments apart: a repeated request pays twice.
    await x.ok("PUT", "/Payments", payment(invoice, 5))
    assert (await state(x, invoice))[2] == 11
    await balanced(x)


async def test_an_invoice_with_money_on_it_is_protected(x: Caller) -> None:
    invoice = await x.invoice(await x.contact())
    await x.ok("PUT", "/Payments", payment(invoice, 5))
    path = f"/Invoices/{invoice['InvoiceID']}"
    says = "This document cannot be edited as it has a payment or credit note allocated to it."
    assert await refused(x, "POST", path, {"Status": "VOIDED"}) == [says]
    line = {"Description": "more", "Quantity": 2, "UnitAmount": 100, "AccountCode": "200"}
    assert await refused(x, "POST", path, {"LineItems": [line]}) == [says]
    edited = (await x.ok("POST", path, {"DueDate": "2026-12-24"}))["Invoices"][0]
    assert edited["DueDateString"] == "2026-12-24T00:00:00"


async def test_credit_notes_are_allocated_and_taken_back(x: Caller) -> None:
    cid = await x.contact()
    invoice = await x.invoice(cid)
    line = {"Description": "Sorry", "Quantity": 1, "UnitAmount": 50, "AccountCode": "200"}
    body = {
        "Type": "ACCRECCREDIT", "Contact": {"ContactID": cid}, "Date": "2026-11-19", "Status": "AUTHORISED",
        "LineItems": [line],
    }  # fmt: skip
    note = (await x.ok("PUT", "/CreditNotes", {"CreditNotes": [body]}))["CreditNotes"][0]
    assert (note["CreditNoteNumber"], note["RemainingCredit"], note["ID"]) == (
        "CN-0001",
        Decimal("57.50"),
        note["CreditNoteID"],
    )
    path = f"/CreditNotes/{note['CreditNoteID']}/Allocations"
    wanted = {"Amount": "57.50", "Date": "2026-11-20", "Invoice": {"InvoiceID": invoice["InvoiceID"]}}
    assert "remaining credit" in (await refused(x, "PUT", path, wanted | {"Amount": "57.51"}))[0]
    made = (await x.ok("PUT", path, {"Allocations": [wanted]}))["Allocations"][0]
    shown = (await x.ok("GET", f"/Invoices/{invoice['InvoiceID']}"))["Invoices"][0]
    assert (shown["AmountDue"], shown["AmountCredited"], shown["Status"]) == (
        Decimal("57.50"),
        Decimal("57.50"),
        "AUTHORISED",
    )
    assert shown["CreditNotes"][0]["CreditNoteNumber"] == "CN-0001"
    assert (await x.ok("GET", "/CreditNotes/CN-0001"))["CreditNotes"][0]["Status"] == "PAID"
    gone = await x.ok("DELETE", f"{path}/{made['AllocationID']}")
    assert gone["IsDeleted"] is True
    assert await state(x, invoice) == ("AUTHORISED", 115, 0)
    await balanced(x)


async def test_overpaying_at_xero_leaves_an_overpayment_to_allocate(x: Caller) -> None:
    cid = await x.contact()
    first, second = await x.invoice(cid), await x.invoice(cid)
    company = f"/companies/{TENANT_NZ}"
    body = {"number": first["InvoiceNumber"], "amount": "215.00"}
    refusal = await x.http.post(f"/_sim/xero{company}/pay", json=body)
    assert refusal.status_code == 400
    paid = await x.control("POST", f"{company}/pay", body | {"overpay": True})
    assert (paid["status"], paid["balance"]) == ("PAID", "0.00")
    over = (await x.ok("GET", f"/Overpayments/{paid['overpayment_id']}"))["Overpayments"][0]
    assert (over["Type"], over["RemainingCredit"]) == ("RECEIVE-OVERPAYMENT", 100)
    ledger = await balanced(x)
    assert [p["unapplied"] for p in ledger["payments"]] == ["0.00", "100.00"]
    wanted = {"Amount": 100, "Invoice": {"InvoiceID": second["InvoiceID"]}}
    await x.ok("PUT", f"/Overpayments/{over['OverpaymentID']}/Allocations", wanted)
    assert await state(x, second) == ("AUTHORISED", 15, 0)
    assert (await x.ok("GET", "/Overpayments"))["Overpayments"][0]["Status"] == "PAID"
    await balanced(x)


async def test_a_person_voids_edits_and_archives(x: Caller) -> None:
    cid = await x.contact()
    invoice = await x.invoice(cid)
    company = f"/companies/{TENANT_NZ}"
    paid = await x.control("POST", f"{company}/pay", {"invoice_id": invoice["InvoiceID"], "amount": "15"})
    assert paid["balance"] == "100.00"
    await x.control("POST", f"{company}/void_payment", {"payment_id": paid["payment_id"]})
    assert await state(x, invoice) == ("AUTHORISED", 115, 0)
    edited = await x.control(
        "POST", f"{company}/edit_invoice", {"invoice_id": invoice["InvoiceID"], "Reference": "by hand"}
    )
    assert edited["status"] == "AUTHORISED"
    assert (await x.control("POST", f"{company}/void_invoice", {"number": "INV-0001"}))["status"] == "VOIDED"
    await x.control("POST", f"{company}/archive_customer", {"customer_id": cid})
    assert (await x.ok("GET", f"/Contacts/{cid}"))["Contacts"][0]["ContactStatus"] == "ARCHIVED"
    missing = await x.http.post(f"/_sim/xero{company}/void_payment", json={"payment_id": MISSING})
    assert missing.status_code == 404
    await balanced(x)


async def test_the_page_pays_with_a_click(x: Caller) -> None:
    invoice = await x.invoice(await x.contact("Smith & Sons"))
    page = (await x.http.get(f"/xero/ui/{TENANT_NZ}")).text
    assert "Smith &amp; Sons" in page
    # The page also tells what arrived over the API.
    assert "<td>PUT<td>/api.xro/2.0/Invoices<td>200" in page
    part = {"invoice_id": invoice["InvoiceID"], "amount": "15.00"}
    assert (await x.http.post(f"/xero/ui/{TENANT_NZ}/pay", data=part)).status_code == 303
    assert await state(x, invoice) == ("AUTHORISED", 100, 15)
    assert (await x.http.post(f"/xero/ui/{TENANT_NZ}/pay", data=part | {"amount": "lots"})).status_code == 400
    clicked = await x.http.post(f"/xero/ui/{TENANT_NZ}/pay", data={"invoice_id": invoice["InvoiceID"]})
    assert (clicked.status_code, clicked.headers["location"]) == (303, f"/xero/ui/{TENANT_NZ}")
    assert (await state(x, invoice))[0] == "PAID"


async def test_refunds_take_money_out_of_the_bank(x: Caller) -> None:
    cid = await x.contact()
    invoice = await x.invoice(cid)
    line = {"Description": "Sorry", "Quantity": 1, "UnitAmount": 50, "AccountCode": "200", "TaxType": "NONE"}
    body = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": cid}, "Status": "AUTHORISED", "LineItems": [line]}
    note = (await x.ok("PUT", "/CreditNotes", body))["CreditNotes"][0]
    refund = {
        "CreditNote": {"CreditNoteID": note["CreditNoteID"]}, "Account": {"Code": "090"}, "Date": "2026-11-20",
        "Amount": 50,
    }  # fmt: skip
    assert (await x.ok("PUT", "/Payments", refund))["Payments"][0]["PaymentType"] == "ARCREDITPAYMENT"
    paid = await x.control(
        "POST", f"/companies/{TENANT_NZ}/pay", {"number": invoice["InvoiceNumber"], "amount": "120", "overpay": True}
    )
    over = {"Overpayment": {"OverpaymentID": paid["overpayment_id"]}, "Account": {"Code": "091"}} | {
        "Date": "2026-11-20", "Amount": 5,
    }  # fmt: skip
    assert (await x.ok("PUT", "/Payments", over))["Payments"][0]["PaymentType"] == "AROVERPAYMENTPAYMENT"
    ledger = await balanced(x)
    assert {r["account"]: (r["debit"], r["credit"]) for r in ledger["trial_balance"]} == {
        "090 Checking Account": ("70.00", "0.00"),
        "091 Savings Account": ("0.00", "5.00"),
        "200 Sales": ("0.00", "50.00"),
        "820 Sales Tax": ("0.00", "15.00"),
    }
    prepaid = {"Prepayment": {"PrepaymentID": MISSING}, "Account": {"Code": "090"}, "Amount": 1}
    assert await refused(x, "PUT", "/Payments", prepaid) == ["The document to pay could not be found"]
