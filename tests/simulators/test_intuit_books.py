"""QuickBooks entities: create, update, totals, tax, and refusals (reference 2.9-3.8)."""

from decimal import Decimal

import pytest

from tests.simulators.intuit_client import UK_REALM, US_REALM, Intuit, Json, line


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
        ({"SalesTermRef": {"value": "77"}}, "2500"),
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
    books = await intuit.books()
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
    await intuit.books()


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
    await intuit.books()


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
    await intuit.books(UK_REALM)


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
