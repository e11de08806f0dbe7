from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from simulators.xero import TENANT_NZ
from tests.simulators.test_xero_books import balanced, refused
from tests.simulators.xero_client import Caller, opened

ALL = (
    "openid offline_access accounting.contacts accounting.invoices accounting.payments accounting.banktransactions "
    "accounting.manualjournals accounting.settings"
)


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        await caller.connect(scopes=ALL)
        yield caller


def money(contact: str, kind: str, amount: object = "115.00", **fields: object) -> dict[str, object]:
    line = {"Description": "Deposit", "Quantity": 1, "UnitAmount": amount, "AccountCode": "200"}
    if kind.startswith("SPEND"):
        line["AccountCode"] = "429"
    return {
        "Type": kind, "Contact": {"ContactID": contact}, "Date": "2026-11-18", "BankAccount": {"Code": "090"},
        "LineItems": [line],
    } | fields  # fmt: skip


async def made(x: Caller, plural: str, body: object, method: str = "PUT") -> dict[str, Any]:
    element: dict[str, Any] = (await x.ok(method, f"/{plural}", {plural: [body]}))[plural][0]
    return element


async def trial(x: Caller) -> dict[str, Decimal]:
    rows = (await balanced(x))["trial_balance"]
    return {row["account"][:3]: Decimal(row["debit"]) - Decimal(row["credit"]) for row in rows}


# Bank transactions -------------------------------------------------------------------------------------------------


async def test_money_received_and_spent_includes_its_tax_by_default(x: Caller) -> None:
    cid = await x.contact()
    received = await made(x, "BankTransactions", money(cid, "RECEIVE", Reference="ch_1"))
    assert (received["LineAmountTypes"], received["Total"], received["TotalTax"]) == ("Inclusive", 115, 15)
    assert (received["Status"], received["IsReconciled"], received["BankAccount"]["Code"]) == (
        "AUTHORISED", False, "090",
    )  # fmt: skip
    await made(x, "BankTransactions", money(cid, "SPEND", "23.00", BankAccount={"Code": "091"}))
    assert await trial(x) == {"090": 115, "091": -23, "200": -100, "429": 20, "820": -12}
    listed = await x.ok("GET", "/BankTransactions")
    assert [t["LineItems"] for t in listed["BankTransactions"]] == [[], []]
    where = {"where": 'Type=="RECEIVE" AND BankAccount.Code=="090"', "page": "1"}
    paged = await x.ok("GET", "/BankTransactions", params=where)
    assert (paged["pagination"]["itemCount"], len(paged["BankTransactions"][0]["LineItems"])) == (1, 1)
    path = f"/BankTransactions/{received['BankTransactionID']}"
    line = {"Description": "More", "Quantity": 1, "UnitAmount": 230, "AccountCode": "260"}
    edited = (await x.ok("POST", path, {"LineItems": [line]}))["BankTransactions"][0]
    assert (edited["Total"], edited["Reference"]) == (230, "ch_1")
    gone = (await x.ok("POST", path, {"Status": "DELETED"}))["BankTransactions"][0]
    assert gone["Status"] == "DELETED"
    assert await trial(x) == {"091": -23, "429": 20, "820": 3}
    assert "valid status" in (await refused(x, "POST", path, {"Reference": "late"}))[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Type": "TAKE"}, "A valid Type must be specified"),
        ({"Type": "RECEIVE-TRANSFER"}, "A valid Type must be specified"),
        ({"Contact": None}, "A Contact must be specified"),
        ({"BankAccount": None}, "A BankAccount must be specified"),
        ({"BankAccount": {"Code": "200"}}, "is not a bank account"),
        ({"BankAccount": {"Code": "no"}}, "could not be found"),
        ({"LineItems": []}, "One or more line items"),
        ({"LineItems": [{"Description": "a", "UnitAmount": -1, "AccountCode": "200"}]}, "cannot be negative"),
        ({"LineItems": [{"Description": "a", "UnitAmount": 1, "AccountCode": "610"}]}, "Account code '610'"),
        ({"LineItems": [{"Description": "a", "UnitAmount": 1}]}, "Account code must be specified"),
        (
            {"LineItems": [{"Description": "a", "UnitAmount": 1, "AccountCode": "200", "DiscountRate": 5}]},
            "Discounts can only",
        ),
        ({"CurrencyCode": "USD"}, "must be that of the bank account, NZD"),
        ({"Status": "DRAFT"}, "Status 'DRAFT' is not valid"),
    ],
)
async def test_bad_bank_transactions_are_refused(x: Caller, change: dict[str, object], says: str) -> None:
    body = money(await x.contact(), "RECEIVE") | change
    assert says in (await refused(x, "PUT", "/BankTransactions", body))[0]
    assert (await x.ok("GET", "/BankTransactions"))["BankTransactions"] == []


async def test_transfers_move_money_and_make_two_transactions(x: Caller) -> None:
    body = {"FromBankAccount": {"Code": "090"}, "ToBankAccount": {"Code": "091"}, "Amount": "40.00"}
    moved = await made(x, "BankTransfers", body | {"Date": "2026-11-18", "Reference": "T-1"})
    assert (moved["Amount"], moved["Status"]) == (40, "AUTHORISED")
    assert await trial(x) == {"090": -40, "091": 40}
    half = (await x.ok("GET", f"/BankTransactions/{moved['FromBankTransactionID']}"))["BankTransactions"][0]
    assert (half["Type"], half["Total"], "Contact" in half) == ("SPEND-TRANSFER", 40, False)
    assert "cannot be edited" in (await refused(x, "POST", f"/BankTransactions/{half['BankTransactionID']}", {}))[0]
    assert "must differ" in (await refused(x, "PUT", "/BankTransfers", body | {"ToBankAccount": {"Code": "090"}}))[0]
    path = f"/BankTransfers/{moved['BankTransferID']}"
    assert "Only Status DELETED" in (await refused(x, "POST", path, {"Amount": 1}))[0]
    gone = (await x.ok("POST", path, {"Status": "DELETED"}))["BankTransfers"][0]
    assert gone["Status"] == "DELETED"
    assert await trial(x) == {}
    assert (await x.ok("GET", "/BankTransfers"))["BankTransfers"] == []
    assert len((await x.ok("GET", "/BankTransfers?includeDeleted=true"))["BankTransfers"]) == 1


# Prepayments and overpayments --------------------------------------------------------------------------------------


async def test_a_prepayment_waits_on_its_account_until_it_is_allocated(x: Caller) -> None:
    cid = await x.contact()
    invoice = await x.invoice(cid)
    body = money(cid, "RECEIVE-PREPAYMENT", "230.00", Reference="DEP-1")
    body["LineItems"] = [{"Description": "Deposit", "UnitAmount": 230, "AccountCode": "830", "TaxType": "OUTPUT2"}]
    made_by = await made(x, "BankTransactions", body)
    assert await trial(x) == {"090": 230, "200": -100, "610": 115, "820": -45, "830": -200}
    path = f"/Prepayments/{made_by['PrepaymentID']}"
    found = (await x.ok("GET", path))["Prepayments"][0]
    assert (found["Type"], found["RemainingCredit"], found["TotalTax"], found["InvoiceNumber"]) == (
        "RECEIVE-PREPAYMENT", 230, 30, "DEP-1",
    )  # fmt: skip
    share = {"Amount": 115, "Date": "2026-11-20", "Invoice": {"InvoiceID": invoice["InvoiceID"]}}
    allocated = (await x.ok("PUT", f"{path}/Allocations", {"Allocations": [share]}))["Allocations"][0]
    assert await trial(x) == {"090": 230, "200": -100, "820": -30, "830": -100}
    paid = (await x.ok("GET", f"/Invoices/{invoice['InvoiceID']}"))["Invoices"][0]
    assert (paid["Status"], paid["AmountPaid"], paid["AmountCredited"]) == ("PAID", 0, 115)
    assert paid["Prepayments"][0]["PrepaymentID"] == made_by["PrepaymentID"]
    says = "This document cannot be edited as it has a payment or credit note allocated to it."
    bank = f"/BankTransactions/{made_by['BankTransactionID']}"
    assert await refused(x, "POST", bank, {"Status": "DELETED"}) == [says]
    refund = {"Prepayment": {"PrepaymentID": made_by["PrepaymentID"]}, "Account": {"Code": "090"}, "Amount": 115}
    back = await made(x, "Payments", refund | {"Date": "2026-11-21"})
    assert back["PaymentType"] == "ARPREPAYMENTPAYMENT"
    assert await trial(x) == {"090": 115, "200": -100, "820": -15}
    await x.ok("POST", f"/Payments/{back['PaymentID']}", {"Status": "DELETED"})
    gone = await x.ok("DELETE", f"{path}/Allocations/{allocated['AllocationID']}")
    assert gone["IsDeleted"] is True
    assert (await x.ok("POST", bank, {"Status": "DELETED"}))["BankTransactions"][0]["Status"] == "DELETED"
    assert (await x.ok("GET", path))["Prepayments"][0]["Status"] == "VOIDED"
    assert await trial(x) == {"200": -100, "610": 115, "820": -15}


async def test_overpayments_come_from_bank_transactions_too(x: Caller) -> None:
    cid = await x.contact()
    body = money(cid, "SPEND-OVERPAYMENT", 80)
    over = await made(x, "BankTransactions", body | {"LineItems": [{"Description": "Too much", "LineAmount": 80}]})
    bill = await x.invoice(
        cid, Type="ACCPAY", LineItems=[{"Description": "P", "UnitAmount": 100, "AccountCode": "429"}]
    )
    share = {"Amount": 80, "Invoice": {"InvoiceID": bill["InvoiceID"]}}
    await x.ok("PUT", f"/Overpayments/{over['OverpaymentID']}/Allocations", {"Allocations": [share]})
    shown = (await x.ok("GET", "/Overpayments", params={"page": "1", "where": 'Status=="PAID"'}))["Overpayments"]
    assert [(o["OverpaymentID"], o["AppliedAmount"]) for o in shown] == [(over["OverpaymentID"], 80)]
    assert await trial(x) == {"090": -80, "429": 100, "800": -35, "820": 15}
    prepaid = await made(x, "BankTransactions", money(cid, "RECEIVE-PREPAYMENT"))
    wrong_side = {"Amount": 1, "Invoice": {"InvoiceID": bill["InvoiceID"]}}
    path = f"/Prepayments/{prepaid['PrepaymentID']}/Allocations"
    assert "cannot be allocated" in (await refused(x, "PUT", path, wrong_side))[0]
    assert (await x.call("PUT", "/Prepayments", {})).status_code == 501


# Manual journals ---------------------------------------------------------------------------------------------------


def journal(*amounts: object, **fields: object) -> dict[str, object]:
    codes = ["830", "200", "260"]
    lines = [{"LineAmount": a, "AccountCode": c, "Description": "d"} for a, c in zip(amounts, codes, strict=False)]
    return {"Narration": "RevRec 2026-11", "Date": "2026-11-30", "JournalLines": lines} | fields


async def test_manual_journals_post_void_and_delete(x: Caller) -> None:
    draft = await made(x, "ManualJournals", journal(100, -100))
    assert (draft["Status"], draft["LineAmountTypes"], draft["ShowOnCashBasisReports"]) == ("DRAFT", "NoTax", True)
    assert await trial(x) == {}
    path = f"/ManualJournals/{draft['ManualJournalID']}"
    posted = (await x.ok("POST", path, {"Status": "POSTED"}))["ManualJournals"][0]
    assert [line["TaxType"] for line in posted["JournalLines"]] == ["NONE", "NONE"]
    assert await trial(x) == {"830": 100, "200": -100}
    assert "valid status" in (await refused(x, "POST", path, {"Status": "DELETED"}))[0]
    assert (await x.ok("POST", path, {"Status": "VOIDED"}))["ManualJournals"][0]["Status"] == "VOIDED"
    assert await trial(x) == {}
    assert "valid status" in (await refused(x, "POST", path, {"Narration": "again"}))[0]
    other = (await made(x, "ManualJournals", journal(5, -5)))["ManualJournalID"]
    deleted = await made(x, "ManualJournals", {"ManualJournalID": other, "Status": "DELETED"}, "POST")
    assert deleted["Status"] == "DELETED"
    listed = await x.ok("GET", "/ManualJournals", params={"where": 'Narration.Contains("revrec")', "page": "1"})
    assert [len(j["JournalLines"]) for j in listed["ManualJournals"]] == [2, 2]
    assert (await x.ok("GET", "/ManualJournals"))["ManualJournals"][0]["JournalLines"] == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (journal(100, -10), "The total debits (100.00) must equal total credits (-10.00)"),
        (journal(100, -100, Narration=""), "The Narration must be specified"),
        (journal(0), "A Manual Journal must have at least two lines"),
        (journal(1, -1, Status="PAID"), "Status 'PAID' is not valid"),
        (journal(1, -1, Status="VOIDED"), "Status 'VOIDED' is not valid"),
        # Tax on top of the amounts puts the journal out of balance.
        (journal(100, -100, LineAmountTypes="Exclusive"), "must equal total credits"),
    ],
)
async def test_bad_manual_journals_are_refused(x: Caller, body: dict[str, object], says: str) -> None:
    assert says in " ".join(await refused(x, "PUT", "/ManualJournals", body))


@pytest.mark.parametrize("code", ["090", "610", "800", "960"])
async def test_journals_stay_off_bank_and_system_accounts(x: Caller, code: str) -> None:
    lines = [{"LineAmount": 1, "AccountCode": code}, {"LineAmount": -1, "AccountCode": "200"}]
    messages = await refused(x, "PUT", "/ManualJournals", journal(JournalLines=lines))
    assert messages == [f"Account code '{code}' is not a valid code for this document."]


async def test_an_unknown_account_is_removed_with_a_warning(x: Caller) -> None:
    lines = [{"LineAmount": 1, "AccountCode": "476"}, {"LineAmount": -1, "AccountCode": "200"}]
    draft = await made(x, "ManualJournals", journal(JournalLines=lines))
    assert draft["Warnings"] == [
        {"Message": "Account code '476' has been removed as it does not match a recognised account."}
    ]
    assert "AccountCode" not in draft["JournalLines"][0]
    body = {"ManualJournals": [journal(JournalLines=lines), journal(JournalLines=lines, Status="POSTED")]}
    first, second = (await x.ok("PUT", "/ManualJournals?summarizeErrors=false", body))["ManualJournals"]
    assert (first["StatusAttributeString"], second["StatusAttributeString"]) == ("WARNING", "ERROR")
    assert second["ValidationErrors"] == [{"Message": "Account code must be specified"}]


async def test_locked_periods_refuse_journals_and_money(x: Caller) -> None:
    cid = await x.contact()
    live = await made(x, "ManualJournals", journal(1, -1, Status="POSTED"))
    await x.control("POST", f"/companies/{TENANT_NZ}/lock", {"year_lock_date": "2026-11-30"})
    says = "The document date cannot be before the end of year lock date, currently set at 30/11/2026"
    assert await refused(x, "PUT", "/ManualJournals", journal(1, -1, Status="POSTED")) == [says]
    assert await refused(x, "POST", f"/ManualJournals/{live['ManualJournalID']}", {"Status": "VOIDED"}) == [says]
    assert await refused(x, "PUT", "/BankTransactions", money(cid, "RECEIVE")) == [says]
    body = {"FromBankAccount": {"Code": "090"}, "ToBankAccount": {"Code": "091"}, "Amount": 1, "Date": "2026-11-30"}
    assert await refused(x, "PUT", "/BankTransfers", body) == [says]
    await made(x, "ManualJournals", journal(1, -1))
