"""QuickBooks entities: create, update, totals, tax, payments, voids, and the books behind them (reference 2.9-3.5)."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tests.simulators.intuit_client import UK_REALM, US_REALM, Intuit, Json, line


@pytest.fixture
async def intuit() -> AsyncIterator[Intuit]:
    world = Intuit()
    await world.connect()
    yield world
    await world.aclose()


async def ledger(intuit: Intuit, realm: str = US_REALM) -> Json:
    books: Json = await intuit.control(f"intuit/companies/{realm}/ledger")
    debits = sum(Decimal(row["debit"]) for row in books["trial_balance"])
    assert debits == sum(Decimal(row["credit"]) for row in books["trial_balance"])
    owed = sum(Decimal(c["balance"]) for c in books["customers"])
    unapplied = sum(Decimal(p["unapplied"]) for p in books["payments"])
    assert owed == Decimal(books["totals"]["outstanding"]) - unapplied
    return books


async def test_customer_create_read_and_sparse_update(intuit: Intuit) -> None:
    sent = {
        "DisplayName": "O'Brien & Søns",
        "PrimaryEmailAddr": {"Address": "ap@obrien.example"},
        "BillAddr": {"Line1": "12 Elm", "City": "Reno"},
        "Notes": "",
    }
    made = await intuit.save("Customer", sent)
    assert (made["Id"], made["SyncToken"], made["sparse"], made["domain"]) == ("60", "0", False, "QBO")
    assert made["FullyQualifiedName"] == made["PrintOnCheckName"] == "O'Brien & Søns"
    assert "Notes" not in made
    changed = await intuit.save(
        "Customer", {"Id": "60", "SyncToken": "0", "sparse": True, "CompanyName": "O'Brien LLC"}
    )
    assert (changed["SyncToken"], changed["CompanyName"]) == ("1", "O'Brien LLC")
    assert changed["PrimaryEmailAddr"] == {"Address": "ap@obrien.example"}
    full = await intuit.save("Customer", {"Id": "60", "SyncToken": 1, "DisplayName": "Renamed"})
    assert "PrimaryEmailAddr" not in full
    assert "CompanyName" not in full
    assert (await intuit.read("Customer", "60"))["SyncToken"] == "2"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"CompanyName": "No name"}, "6080"),
        ({"DisplayName": "amy's bird sanctuary"}, "6240"),
        ({"DisplayName": "Bob's Burger Joint"}, "6240"),
        ({"DisplayName": "Smile \U0001f600"}, "2040"),
        ({"DisplayName": "a:b"}, "2040"),
        ({"DisplayName": "x" * 501}, "2050"),
        ({"DisplayName": "x", "Surname": "y"}, "2010"),
        ({"DisplayName": "x", "BillAddr": "12 Elm"}, "2010"),
        ({"DisplayName": "x", "PrimaryEmailAddr": {"Address": "nobody"}}, "2210"),
        ({"DisplayName": "x", "CurrencyRef": {"value": "EUR"}}, "6000"),
        ({"Id": "1", "SyncToken": "7", "DisplayName": "x"}, "5010"),
        ({"Id": "1", "DisplayName": "x"}, "2020"),
        ({"Id": "999", "SyncToken": "0", "DisplayName": "x"}, "610"),
    ],
)
async def test_customer_refusals(intuit: Intuit, body: Json, code: str) -> None:
    assert (await intuit.fault("POST", "customer", body))["code"] == code


async def test_emoji_passes_in_the_uk_company(intuit: Intuit) -> None:
    await intuit.connect(UK_REALM)
    made = await intuit.save("Customer", {"DisplayName": "Smile \U0001f600"}, UK_REALM)
    assert made["DisplayName"] == "Smile \U0001f600"
    assert made["CurrencyRef"]["value"] == "GBP"


async def test_deactivated_customer_frees_its_name_and_cannot_be_invoiced(intuit: Intuit) -> None:
    gone = await intuit.save("Customer", {"Id": "3", "SyncToken": "0", "sparse": True, "Active": False})
    assert gone["DisplayName"] == "Cool Cars (deleted)"
    refused = await intuit.fault("POST", "invoice", {"CustomerRef": {"value": "3"}, "Line": [line("1")]})
    assert refused["code"] == "610"
    assert (await intuit.save("Customer", {"DisplayName": "Cool Cars"}))["Id"] == "60"
    await intuit.invoice("I-1")
    busy = await intuit.fault("POST", "customer", {"Id": "1", "SyncToken": "0", "sparse": True, "Active": False})
    assert busy["code"] == "6220"


async def test_sub_customers_have_qualified_names_levels_and_joint_balances(intuit: Intuit) -> None:
    job = await intuit.save("Customer", {"DisplayName": "Kitchen", "ParentRef": {"value": "1"}})
    assert (job["FullyQualifiedName"], job["Level"], job["Job"]) == ("Amy's Bird Sanctuary:Kitchen", 1, True)
    await intuit.save("Invoice", {"CustomerRef": {"value": job["Id"]}, "Line": [line("40")]})
    parent = await intuit.read("Customer", "1")
    assert (parent["Balance"], parent["BalanceWithJobs"]) == (0, 40)


async def test_invoice_shape(intuit: Intuit) -> None:
    made = await intuit.save(
        "Invoice",
        {
            "CustomerRef": {"value": "1", "name": "ignored"},
            "TxnDate": "2026-11-18",
            "DocNumber": "HT-2041",
            "Line": [{**line("150.00", "NON", Qty=10, UnitPrice=15), "Description": "Matcha tins"}],
            "PrivateNote": "ext:ord_881",
        },
    )
    assert made["CustomerRef"] == {"value": "1", "name": "Amy's Bird Sanctuary"}
    assert (made["Line"][0]["Id"], made["Line"][0]["LineNum"]) == ("1", 1)
    assert made["Line"][1] == {"Amount": 150, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    assert made["TxnTaxDetail"] == {"TotalTax": 0}
    assert (made["TotalAmt"], made["Balance"], made["LinkedTxn"], made["EmailStatus"]) == (150, 150, [], "NotSet")
    assert made["DueDate"] == "2026-12-18"
    assert made["Line"][0]["SalesItemLineDetail"]["ItemRef"]["name"] == "Services"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CustomerRef": None}, "2020"),
        ({"Line": []}, "2020"),
        ({"Line": [{"Amount": 1, "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}]}, "2020"),
        ({"Line": [line("10", Qty=3, UnitPrice=3)]}, "6070"),
        ({"Line": [line("10", "2")]}, "6100"),
        ({"Line": [line("10", item="99")]}, "2500"),
        ({"CustomerRef": {"value": "99"}}, "2500"),
        ({"Line": [line("-10")]}, "6000"),
        ({"DocNumber": "x" * 22}, "2050"),
        ({"TxnDate": "18/11/2026"}, "2060"),
        ({"Line": [line("10")], "TxnTaxDetail": {"TotalTax": 1}}, "6000"),
        ({"SalesTermRef": {"value": "3"}}, "2500"),
        ({"EmailStatus": "NeedToSend"}, "2020"),
        ({"EmailStatus": "Maybe"}, "2170"),
        ({"CurrencyRef": {"value": "EUR"}}, "6000"),
        ({"PrivateNote": "\U0001f600"}, "2040"),
    ],
)
async def test_invoice_refusals(intuit: Intuit, changes: Json, code: str) -> None:
    body = {"CustomerRef": {"value": "1"}, "Line": [line("10")], **changes}
    assert (await intuit.fault("POST", "invoice", body))["code"] == code


async def test_duplicate_number_names_its_holder(intuit: Intuit) -> None:
    first = await intuit.invoice("HT-1")
    error = await intuit.fault(
        "POST", "invoice", {"CustomerRef": {"value": "2"}, "DocNumber": "ht-1", "Line": [line("1")]}
    )
    assert error["code"] == "6140"
    assert error["Detail"].endswith(f"DocNumber=ht-1 is assigned to TxnType=Invoice with TxnId={first['Id']}")
    unnumbered = await intuit.save("Invoice", {"CustomerRef": {"value": "1"}, "Line": [line("1")]})
    assert "DocNumber" not in unnumbered
    assert int(unnumbered["Id"]) == int(first["Id"]) + 1


async def test_us_tax_by_code_and_by_override(intuit: Intuit) -> None:
    lines = [line("99.99", "TAX"), line("10", "NON")]
    body = {"CustomerRef": {"value": "1"}, "Line": lines}
    plain = await intuit.save("Invoice", body)
    assert plain["TotalAmt"] == Decimal("109.99")
    coded = await intuit.save("Invoice", {**body, "TxnTaxDetail": {"TxnTaxCodeRef": {"value": "3"}}})
    amounts = [row["Amount"] for row in coded["TxnTaxDetail"]["TaxLine"]]
    assert amounts == [Decimal("7.1"), 2]
    assert coded["TxnTaxDetail"]["TotalTax"] == Decimal("9.1")
    forced = await intuit.save(
        "Invoice", {**body, "TxnTaxDetail": {"TotalTax": Decimal("8.01"), "TxnTaxCodeRef": {"value": "2"}}}
    )
    assert (forced["TxnTaxDetail"]["TotalTax"], forced["TotalAmt"]) == (Decimal("8.01"), Decimal("118.00"))
    bare = await intuit.save("Invoice", {**body, "TxnTaxDetail": {"TotalTax": Decimal("7.77")}})
    assert bare["TotalAmt"] == Decimal("117.76")
    books = await ledger(intuit)
    tax = next(row for row in books["trial_balance"] if "Equalization" in row["account"])
    assert Decimal(tax["credit"]) == Decimal("9.10") + Decimal("8.01") + Decimal("7.77")


async def test_sparse_update_recomputes_tax_with_new_lines_and_keeps_it_without(intuit: Intuit) -> None:
    made = await intuit.save(
        "Invoice",
        {
            "CustomerRef": {"value": "1"},
            "Line": [line("100", "TAX")],
            "TxnTaxDetail": {"TotalTax": 5, "TxnTaxCodeRef": {"value": "2"}},
        },
    )
    noted = await intuit.save("Invoice", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "hi"})
    assert noted["TotalAmt"] == 105
    more = await intuit.save(
        "Invoice", {"Id": made["Id"], "SyncToken": "1", "sparse": True, "Line": [line("200", "TAX")]}
    )
    assert more["TotalAmt"] == 216
    assert [row.get("Id") for row in more["Line"]] == ["2", None]
    await ledger(intuit)


async def test_discount_line(intuit: Intuit) -> None:
    discount = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10}}
    made = await intuit.save(
        "Invoice",
        {
            "CustomerRef": {"value": "1"},
            "Line": [line("200", "TAX"), discount],
            "TxnTaxDetail": {"TxnTaxCodeRef": {"value": "2"}},
            "ApplyTaxAfterDiscount": True,
        },
    )
    assert made["TotalAmt"] == Decimal("194.4")
    await ledger(intuit)


async def test_uk_tax(intuit: Intuit) -> None:
    await intuit.connect(UK_REALM)
    customer = (await intuit.save("Customer", {"DisplayName": "Harbour Tea"}, UK_REALM))["Id"]
    body: Json = {"CustomerRef": {"value": customer}, "Line": [line("33.33", "3"), line("10", "5")]}
    assert (await intuit.fault("POST", "invoice", body, UK_REALM))["code"] == "2020"
    body["GlobalTaxCalculation"] = "TaxExcluded"
    made = await intuit.save("Invoice", body, UK_REALM)
    assert (made["TxnTaxDetail"]["TotalTax"], made["TotalAmt"]) == (Decimal("6.67"), 50)
    assert made["DocNumber"] == "1001"
    bare = {**body, "Line": [line("1")]}
    assert (await intuit.fault("POST", "invoice", bare, UK_REALM))["code"] == "6000"
    inclusive = {**body, "GlobalTaxCalculation": "TaxInclusive", "Line": [line("100", "3", TaxInclusiveAmt=120)]}
    gross = await intuit.save("Invoice", inclusive, UK_REALM)
    assert (gross["TxnTaxDetail"]["TotalTax"], gross["TotalAmt"]) == (20, 120)
    unfit = {**inclusive, "Line": [line("100", "3", TaxInclusiveAmt=130)]}
    assert (await intuit.fault("POST", "invoice", unfit, UK_REALM))["code"] == "6000"
    none = {**body, "GlobalTaxCalculation": "NotApplicable"}
    assert (await intuit.save("Invoice", none, UK_REALM))["TotalAmt"] == Decimal("43.33")
    refused = {**none, "TxnTaxDetail": {"TotalTax": 1}}
    assert (await intuit.fault("POST", "invoice", refused, UK_REALM))["code"] == "6170"
    await ledger(intuit, UK_REALM)


def paying(amount: str, *links: tuple[str, str, str]) -> Json:
    rows = [{"Amount": Decimal(a), "LinkedTxn": [{"TxnId": key, "TxnType": kind}]} for kind, key, a in links]
    return {"CustomerRef": {"value": "1"}, "TotalAmt": Decimal(amount), "Line": rows}


async def test_payment_applies_and_leaves_the_rest_unapplied(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    paid = await intuit.save("Payment", paying("130", ("Invoice", key, "100")))
    assert (paid["UnappliedAmt"], paid["DepositToAccountRef"]) == (30, {"value": "4"})
    invoice = await intuit.read("Invoice", key)
    assert (invoice["Balance"], invoice["SyncToken"]) == (0, "1")
    assert invoice["LinkedTxn"] == [{"TxnId": paid["Id"], "TxnType": "Payment"}]
    assert (await intuit.read("Customer", "1"))["Balance"] == -30
    assert (await intuit.read("Account", "4"))["CurrentBalance"] == 130
    await ledger(intuit)


async def test_payment_refusals(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    for body, code in (
        ({"CustomerRef": {"value": "1"}}, "6000"),
        ({"TotalAmt": 1}, "2020"),
        (paying("200", ("Invoice", key, "101")), "6000"),
        (paying("50", ("Invoice", key, "60")), "6000"),
        (paying("50", ("Invoice", "999", "50")), "610"),
        ({**paying("50", ("Invoice", key, "50")), "CustomerRef": {"value": "2"}}, "620"),
        ({**paying("5"), "DepositToAccountRef": {"value": "79"}}, "6000"),
        ({**paying("5"), "DepositToAccountRef": {"value": "7"}}, "2500"),
    ):
        assert (await intuit.fault("POST", "payment", body))["code"] == code, body
    assert (await intuit.read("Invoice", key))["Balance"] == 100


async def test_payment_update_replaces_its_lines_and_sparse_keeps_them(intuit: Intuit) -> None:
    a, b = (await intuit.invoice("A"))["Id"], (await intuit.invoice("B"))["Id"]
    made = await intuit.save("Payment", paying("100", ("Invoice", a, "100")))
    noted = await intuit.save("Payment", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "x"})
    assert noted["UnappliedAmt"] == 0
    moved = {**paying("100", ("Invoice", b, "100")), "Id": made["Id"], "SyncToken": "1"}
    await intuit.save("Payment", moved)
    assert [(await intuit.read("Invoice", key))["Balance"] for key in (a, b)] == [100, 0]
    await ledger(intuit)


async def test_credit_memo_is_applied_by_a_zero_payment(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    credit = await intuit.save("CreditMemo", {"CustomerRef": {"value": "1"}, "Line": [line("40")]})
    assert credit["RemainingCredit"] == 40
    await intuit.save("Payment", paying("0", ("Invoice", key, "40"), ("CreditMemo", credit["Id"], "40")))
    assert (await intuit.read("Invoice", key))["Balance"] == 60
    assert (await intuit.read("CreditMemo", credit["Id"]))["RemainingCredit"] == 0
    assert (await intuit.read("Customer", "1"))["Balance"] == 60


async def test_void_payment_and_void_invoice(intuit: Intuit) -> None:
    key = (await intuit.invoice("A", PrivateNote="ours"))["Id"]
    paid = await intuit.save("Payment", paying("60", ("Invoice", key, "60")))
    body = {"Id": paid["Id"], "SyncToken": "0", "sparse": True}
    gone = await intuit.save("Payment", body, operation="update", include="void")
    assert (gone["TotalAmt"], gone["UnappliedAmt"], gone["PrivateNote"], gone["SyncToken"]) == (0, 0, "Voided", "1")
    assert (await intuit.read("Invoice", key))["Balance"] == 100
    again = await intuit.save("Payment", paying("60", ("Invoice", key, "60")))
    token = (await intuit.read("Invoice", key))["SyncToken"]
    void = await intuit.save("Invoice", {"Id": key, "SyncToken": token}, operation="void")
    assert (void["TotalAmt"], void["Balance"], void["PrivateNote"]) == (0, 0, "Voided ours")
    assert (await intuit.read("Payment", again["Id"]))["UnappliedAmt"] == 60
    books = await ledger(intuit)
    assert [row["status"] for row in books["invoices"]] == ["voided"]
    assert [row["status"] for row in books["payments"]] == ["voided", "active"]
    refused = await intuit.fault("POST", "payment", {"Id": again["Id"], "SyncToken": "1"}, operation="void")
    assert refused["code"] == "500"


async def test_delete(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    paid = await intuit.save("Payment", paying("60", ("Invoice", key, "60")))
    kept = await intuit.fault("POST", "invoice", {"Id": key, "SyncToken": "1"}, operation="delete")
    assert kept["code"] == "6000"
    stub = await intuit.save("Payment", {"Id": paid["Id"], "SyncToken": "0"}, operation="delete")
    assert stub == {"domain": "QBO", "status": "Deleted", "Id": paid["Id"]}
    assert (await intuit.fault("GET", f"payment/{paid['Id']}"))["code"] == "610"
    await intuit.save("Invoice", {"Id": key, "SyncToken": "2"}, operation="delete")
    listed = await intuit.fault("POST", "customer", {"Id": "1", "SyncToken": "0"}, operation="delete")
    assert listed["code"] == "500"
    assert (await ledger(intuit))["trial_balance"] == []


async def test_lowering_a_paid_invoice_returns_money_to_the_payment(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    paid = await intuit.save("Payment", paying("100", ("Invoice", key, "100")))
    change = {"Id": key, "SyncToken": "1", "sparse": True, "Line": [line("70")]}
    lower = await intuit.save("Invoice", change)
    assert (lower["TotalAmt"], lower["Balance"]) == (70, 0)
    assert (await intuit.read("Payment", paid["Id"]))["UnappliedAmt"] == 30
    await ledger(intuit)


async def test_accounts_and_items(intuit: Intuit) -> None:
    bank = await intuit.save("Account", {"Name": "Stripe Clearing", "AccountType": "Bank"})
    assert (bank["AccountSubType"], bank["Classification"]) == ("CashOnHand", "Asset")
    assert (await intuit.fault("POST", "account", {"Name": "Checking", "AccountType": "Bank"}))["code"] == "6240"
    assert (await intuit.fault("POST", "account", {"Name": "x"}))["code"] == "6010"
    item = await intuit.save("Item", {"Name": "Consulting", "UnitPrice": 120, "IncomeAccountRef": {"value": "79"}})
    assert (item["Type"], item["IncomeAccountRef"]["name"]) == ("Service", "Sales of Product Income")
    wrong = {"Name": "Bad", "IncomeAccountRef": {"value": "35"}}
    assert (await intuit.fault("POST", "item", wrong))["code"] == "6000"
    codes = (await intuit.query("select * from TaxCode"))["TaxCode"]
    assert {row["Id"] for row in codes} == {"TAX", "NON", "2", "3"}


async def test_closed_books_refuse(intuit: Intuit) -> None:
    await intuit.control(f"intuit/companies/{US_REALM}/close_books", {"date": "2026-10-31"})
    refused = await intuit.fault(
        "POST", "invoice", {"CustomerRef": {"value": "1"}, "TxnDate": "2026-10-31", "Line": [line("1")]}
    )
    assert refused["code"] == "6200"
    await intuit.invoice("A", TxnDate="2026-11-01")
    seen = (await intuit.call("GET", "preferences")).json()["Preferences"]
    assert seen["AccountingInfoPrefs"]["BookCloseDate"] == "2026-10-31"


async def test_a_person_pays_overpays_voids_edits_and_archives(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    at = f"intuit/companies/{US_REALM}"
    part = await intuit.control(f"{at}/pay", {"number": "A", "amount": "30"})
    over = await intuit.control(f"{at}/pay", {"invoice_id": key, "amount": "100.50", "overpay": True})
    assert over["unapplied"] == "30.50"
    await intuit.control(f"{at}/void_payment", {"payment_id": part["payment_id"]})
    books = await ledger(intuit)
    assert (books["invoices"][0]["balance"], books["invoices"][0]["status"]) == ("30.00", "partially_paid")
    edited = await intuit.control(f"{at}/edit_invoice", {"invoice_id": key, "DueDate": "2027-01-01"})
    assert edited["total"] == "100.00"
    await intuit.control(f"{at}/archive_customer", {"customer_id": "2"})
    await intuit.control(f"{at}/pay", {"number": "nope"}, 404)
    await intuit.control(f"{at}/archive_customer", {"customer_id": "1"}, 400)


async def test_company_page_pays_with_a_click(intuit: Intuit) -> None:
    key = (await intuit.invoice("<b>1</b>"))["Id"]
    page = await intuit.http.get(f"/intuit/ui/{US_REALM}")
    assert "&lt;b&gt;1&lt;/b&gt;" in page.text
    assert f'action="/intuit/ui/{US_REALM}/pay"' in page.text
    clicked = await intuit.http.post(f"/intuit/ui/{US_REALM}/pay", data={"invoice_id": key})
    assert clicked.headers["location"] == f"/intuit/ui/{US_REALM}"
    assert (await intuit.read("Invoice", key))["Balance"] == 0
