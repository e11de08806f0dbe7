from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from simulators.xero import TENANT_NZ
from tests.simulators.xero_client import Caller, invoice_body, opened

ZERO = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        await caller.connect()
        yield caller


async def refused(x: Caller, method: str, path: str, body: object) -> list[str]:
    """The messages of the first failing element of a 400."""
    answer = await x.call(method, path, body)
    assert answer.status_code == 400, answer.text
    assert (answer.json()["ErrorNumber"], answer.json()["Type"]) == (10, "ValidationException")
    return [error["Message"] for error in answer.json()["Elements"][0]["ValidationErrors"]]


async def balanced(x: Caller) -> dict[str, Any]:
    """The ledger of the current organisation, after checking that debits equal credits."""
    ledger: dict[str, Any] = await x.control("GET", f"/companies/{x.tenant}/ledger")
    rows = ledger["trial_balance"]
    assert sum(Decimal(r["debit"]) for r in rows) == sum(Decimal(r["credit"]) for r in rows)
    receivable = [r for r in rows if r["account"].startswith("610")]
    owed = sum((Decimal(c["balance"]) for c in ledger["customers"]), Decimal(0))
    assert sum(Decimal(r["debit"]) - Decimal(r["credit"]) for r in receivable) == owed
    return ledger


async def test_names_are_unique_among_active_contacts_whatever_the_case(x: Caller) -> None:
    made = (await x.ok("PUT", "/Contacts", {"Contacts": [{"Name": "Pier 7 Cafe", "ContactNumber": "cus_42"}]}))[
        "Contacts"
    ][0]
    answer = await x.call("PUT", "/contacts", {"contacts": [{"name": "PIER 7 CAFE"}]})
    element = answer.json()["Elements"][0]
    assert element["ContactID"] == ZERO
    assert element["ValidationErrors"][0]["Message"] == (
        "The contact name PIER 7 CAFE is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )
    # POST without an id finds the contact by name, or by number, and updates it.
    posted = (await x.ok("POST", "/Contacts", {"Name": "pier 7 cafe", "EmailAddress": "ap@pier7.example"}))["Contacts"][
        0
    ]
    assert (posted["ContactID"], posted["Name"]) == (made["ContactID"], "pier 7 cafe")
    renamed = (await x.ok("POST", "/Contacts", {"Name": "Pier Seven", "ContactNumber": "cus_42"}))["Contacts"][0]
    assert renamed["ContactID"] == made["ContactID"]
    assert renamed["EmailAddress"] == "ap@pier7.example"


async def test_archiving_frees_the_name_and_locks_the_record(x: Caller) -> None:
    first = await x.contact("Quay Books")
    await x.ok("POST", f"/Contacts/{first}", {"ContactStatus": "ARCHIVED"})
    assert "archived contact" in (await refused(x, "POST", f"/Contacts/{first}", {"Name": "Other"}))[0]
    assert await x.contact("Quay Books") != first
    shown = [c["ContactID"] for c in (await x.ok("GET", "/Contacts"))["Contacts"]]
    assert first not in shown
    with_all = (await x.ok("GET", "/Contacts", params={"includeArchived": "True"}))["Contacts"]
    assert first in [c["ContactID"] for c in with_all]


async def test_phone_slots_merge(x: Caller) -> None:
    cid = await x.contact()
    await x.ok("POST", f"/Contacts/{cid}", {"Phones": [{"PhoneType": "MOBILE", "PhoneNumber": "021 555"}]})
    await x.ok("POST", f"/Contacts/{cid}", {"Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": "09 555"}]})
    contact = (await x.ok("GET", f"/Contacts/{cid}"))["Contacts"][0]
    assert {p["PhoneType"]: p["PhoneNumber"] for p in contact["Phones"]} == {
        "DDI": "", "DEFAULT": "09 555", "FAX": "", "MOBILE": "021 555",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "two  spaces", " lead", "a<b", "x" * 256])
async def test_bad_names_are_refused(x: Caller, name: str) -> None:
    assert await refused(x, "PUT", "/Contacts", {"Name": name})


async def test_an_approved_invoice_has_tax_totals_and_postings(x: Caller) -> None:
    cid = await x.contact()
    lines = [
        {"Description": "Hours", "Quantity": "2.5", "UnitAmount": "30.52", "AccountCode": "200"},
        {"Description": "Export", "Quantity": 1, "UnitAmount": "10.00", "AccountCode": "200", "TaxType": "ZERORATED"},
        {"Description": "only text"},
    ]
    made = await x.invoice(cid, LineItems=lines, InvoiceNumber="SUB-1", Reference="sub_77")
    # 76.30 at 15 %: 11.445 rounds half up to 11.45, per line.
    assert [(line["LineAmount"], line["TaxAmount"]) for line in made["LineItems"]] == [
        (Decimal("76.30"), Decimal("11.45")), (Decimal("10.00"), 0), (0, 0),
    ]  # fmt: skip
    assert (made["SubTotal"], made["TotalTax"], made["Total"]) == (Decimal("86.30"), Decimal("11.45"), Decimal("97.75"))
    assert made["AmountDue"] == Decimal("97.75")
    assert (made["DateString"], made["Date"]) == ("2026-11-18T00:00:00", "/Date(1794960000000+0000)/")
    ledger = await balanced(x)
    assert {r["account"]: (r["debit"], r["credit"]) for r in ledger["trial_balance"]} == {
        "200 Sales": ("0.00", "86.30"),
        "610 Accounts Receivable": ("97.75", "0.00"),
        "820 Sales Tax": ("0.00", "11.45"),
    }


async def test_inclusive_notax_override_and_unitdp(x: Caller) -> None:
    cid = await x.contact()
    line = {"Description": "a", "Quantity": 1, "UnitAmount": "115.00", "AccountCode": "200"}
    inclusive = await x.invoice(cid, LineItems=[line], LineAmountTypes="Inclusive")
    assert (inclusive["SubTotal"], inclusive["TotalTax"], inclusive["Total"]) == (100, 15, 115)
    untaxed = await x.invoice(cid, LineItems=[line], LineAmountTypes="NoTax")
    assert (untaxed["TotalTax"], untaxed["LineItems"][0]["TaxType"]) == (0, "NONE")
    forced = await x.invoice(cid, LineItems=[line | {"TaxAmount": "17.26"}])
    assert forced["Total"] == Decimal("132.26")
    fine = [line | {"Quantity": 1000, "UnitAmount": "0.1234"}]
    coarse = await x.invoice(cid, LineItems=fine)
    assert coarse["SubTotal"] == Decimal("120.00")
    made = (await x.ok("PUT", "/Invoices?unitdp=4", invoice_body(cid, LineItems=fine)))["Invoices"][0]
    assert made["SubTotal"] == Decimal("123.40")
    await balanced(x)


async def test_sales_numbers_are_unique_and_post_updates_by_number(x: Caller) -> None:
    cid = await x.contact()
    first = await x.invoice(cid, InvoiceNumber="SUB-1")
    assert await refused(x, "PUT", "/Invoices", invoice_body(cid, InvoiceNumber="sub-1")) == [
        "Invoice # must be unique."
    ]
    posted = (await x.ok("POST", "/Invoices", invoice_body(cid, InvoiceNumber="SUB-1", Reference="r2")))["Invoices"][0]
    assert (posted["InvoiceID"], posted["Reference"]) == (first["InvoiceID"], "r2")
    bills = [await x.invoice(cid, Type="ACCPAY", InvoiceNumber="B-1", LineItems=cost()) for _ in range(2)]
    assert bills[0]["InvoiceID"] != bills[1]["InvoiceID"]
    auto = [(await x.invoice(cid))["InvoiceNumber"] for _ in range(2)]
    assert auto == ["INV-0001", "INV-0002"]
    await balanced(x)


def cost() -> list[dict[str, object]]:
    return [{"Description": "Paper", "Quantity": 1, "UnitAmount": 20, "AccountCode": "429"}]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Type": "SALE"}, "valid Type"),
        ({"Contact": {}}, "Contact must be specified"),
        ({"Contact": {"ContactID": ZERO[:-1] + "1"}}, "could not be found"),
        ({"LineItems": []}, "One or more line items must be specified"),
        ({"DueDate": None}, "Due Date"),
        ({"CurrencyCode": "EUR"}, "Organisation is not subscribed to currency EUR"),
        ({"Status": "PAID"}, "not valid for a new document"),
        ({"LineItems": [{"Description": "a", "UnitAmount": 1, "AccountCode": "999"}]}, "Account code '999'"),
        ({"LineItems": [{"Description": "a", "UnitAmount": 1, "AccountCode": "090"}]}, "Account code '090'"),
        ({"LineItems": [{"Description": "a", "UnitAmount": 1, "AccountCode": None}]}, "Account code ''"),
        ({"LineItems": [{"Description": "a", "UnitAmount": 1}]}, "Account code must be specified"),
        (
            {
                "LineItems": [
                    {"Description": "a", "UnitAmount": 1, "AccountCode": "200", "TaxType": "15% GST on Income"}
                ]
            },
            "The TaxType code 15% GST on Income does not exist",
        ),
        (
            {"LineItems": [{"Description": "a", "UnitAmount": 1, "AccountCode": "200", "TaxType": "INPUT2"}]},
            "The TaxType code 'INPUT2' cannot be used with account code '200'.",
        ),
        (
            {
                "LineItems": [
                    {"Description": "a", "Quantity": 2, "UnitAmount": 1, "LineAmount": 3, "AccountCode": "200"}
                ]
            },
            "The line total 3.00 does not match the expected line total 2.00",
        ),
        ({"LineItems": [{"Description": "a", "UnitAmount": -1, "AccountCode": "200"}]}, "cannot be negative"),
    ],
)
async def test_bad_invoices_are_refused_with_a_reason(x: Caller, change: dict[str, object], says: str) -> None:
    cid = await x.contact()
    messages = await refused(x, "PUT", "/Invoices", invoice_body(cid) | change)
    assert says in messages[0]
    assert (await x.ok("GET", "/Invoices"))["Invoices"] == []


async def test_status_transitions(x: Caller) -> None:
    cid = await x.contact()
    draft = (await x.invoice(cid, Status="DRAFT", LineItems=[{"Description": "later"}]))["InvoiceID"]
    assert (await x.ok("POST", f"/Invoices/{draft}", {"Status": "DELETED"}))["Invoices"][0]["Status"] == "DELETED"
    says = "Invoice not of valid status for modification"
    assert await refused(x, "POST", f"/Invoices/{draft}", {"Reference": "no"}) == [says]
    live = (await x.invoice(cid))["InvoiceID"]
    assert await refused(x, "POST", "/Invoices", {"InvoiceID": live, "Status": "DELETED"}) == [says]
    assert await refused(x, "POST", "/Invoices", {"InvoiceID": live, "Status": "DRAFT"}) == [says]
    voided = (await x.ok("POST", "/Invoices", {"InvoiceID": live, "Status": "VOIDED"}))["Invoices"][0]
    # The real answer keeps the old AmountDue and has no Payments.
    assert (voided["Status"], voided["AmountDue"], "Payments" in voided) == ("VOIDED", 115, False)
    assert (await balanced(x))["trial_balance"] == []


async def test_an_edit_keeps_what_is_not_sent_and_replaces_lines_that_are(x: Caller) -> None:
    cid = await x.contact()
    made = await x.invoice(cid, LineItems=[*cost_lines("a", "b")], Reference="r1")
    first, _ = (line["LineItemID"] for line in made["LineItems"])
    kept = {"LineItemID": first, "Description": "a2", "Quantity": 1, "UnitAmount": 5, "AccountCode": "200"}
    edited = (await x.ok("POST", f"/Invoices/{made['InvoiceID']}", {"LineItems": [kept]}))["Invoices"][0]
    assert [(line["LineItemID"], line["Description"]) for line in edited["LineItems"]] == [(first, "a2")]
    assert (edited["Reference"], edited["Total"]) == ("r1", Decimal("5.75"))
    await balanced(x)


def cost_lines(*names: str) -> list[dict[str, object]]:
    return [{"Description": name, "Quantity": 1, "UnitAmount": 10, "AccountCode": "200"} for name in names]


async def test_a_bare_contact_name_makes_or_finds_the_contact(x: Caller) -> None:
    made = (await x.ok("PUT", "/Invoices", invoice_body("", Contact={"Name": "New Client"})))["Invoices"][0]
    again = (await x.ok("PUT", "/Invoices", invoice_body("", Contact={"Name": "new client"})))["Invoices"][0]
    assert made["Contact"]["ContactID"] == again["Contact"]["ContactID"]
    contact = (await x.ok("GET", f"/Contacts/{made['Contact']['ContactID']}"))["Contacts"][0]
    assert contact["IsCustomer"] is True
    assert contact["Balances"]["AccountsReceivable"]["Outstanding"] == 230


async def test_lock_dates_refuse_writes(x: Caller) -> None:
    cid = await x.contact()
    before = await x.invoice(cid, Date="2026-10-15")
    await x.control("POST", f"/companies/{TENANT_NZ}/lock", {"period_lock_date": "2026-10-31"})
    says = "The document date cannot be before the period lock date, currently set at 31/10/2026"
    assert await refused(x, "PUT", "/Invoices", invoice_body(cid, Date="2026-10-31")) == [says]
    assert await refused(x, "POST", f"/Invoices/{before['InvoiceID']}", {"Status": "VOIDED"}) == [says]
    paid = {
        "Invoice": {"InvoiceID": before["InvoiceID"]},
        "Account": {"Code": "090"},
        "Date": "2026-10-20",
        "Amount": 1,
    }
    assert await refused(x, "PUT", "/Payments", paid) == [says]
    await x.ok("POST", f"/Invoices/{before['InvoiceID']}", {"Reference": "still editable"})
    organisation = (await x.ok("GET", "/Organisation"))["Organisations"][0]
    assert organisation["PeriodLockDate"] == "/Date(1793404800000+0000)/"


async def test_foreign_currency_posts_in_base_currency(x: Caller) -> None:
    cid = await x.contact()
    made = await x.invoice(cid, CurrencyCode="USD", CurrencyRate="0.6")
    assert (made["Total"], made["CurrencyCode"], made["CurrencyRate"]) == (115, "USD", Decimal("0.600000"))
    paid = {
        "Invoice": {"InvoiceID": made["InvoiceID"]}, "Account": {"Code": "090"}, "Date": "2026-11-20",
        "Amount": 115, "CurrencyRate": "0.5",
    }  # fmt: skip
    await x.ok("PUT", "/Payments", paid)
    ledger = await x.control("GET", f"/companies/{x.tenant}/ledger")
    rows = {r["account"]: Decimal(r["debit"]) - Decimal(r["credit"]) for r in ledger["trial_balance"]}
    assert sum(rows.values()) == 0
    assert rows["090 Checking Account"] == 230
    assert rows["499 Realised Currency Gains"] == Decimal("-38.33")
