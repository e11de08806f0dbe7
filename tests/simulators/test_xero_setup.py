from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from simulators.xero import TENANT_AU, TENANT_NZ, TENANT_UK
from tests.simulators.test_xero_bank import ALL, journal, made, money
from tests.simulators.test_xero_books import refused
from tests.simulators.xero_client import Caller, invoice_body, opened


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        await caller.connect(scopes=ALL)
        yield caller


# Accounts ----------------------------------------------------------------------------------------------------------


async def test_an_account_is_put_bare_and_archived_alone(x: Caller) -> None:
    body = {"Code": "201", "Name": "Fees", "Type": "REVENUE", "TaxType": "OUTPUT2", "Description": "Fees"}
    assert await refused(x, "PUT", "/Accounts", {"Accounts": [body]}) == ["Account type '' is not valid"]
    account = (await x.ok("PUT", "/Accounts", body))["Accounts"][0]
    path = f"/Accounts/{account['AccountID']}"
    assert await refused(x, "PUT", "/Accounts", body | {"Name": "Other"}) == ["Please enter a unique Code."]
    assert "together with other fields" in (await refused(x, "POST", path, {"Status": "ARCHIVED", "Name": "F"}))[0]
    await x.invoice(await x.contact(), LineItems=[{"Description": "a", "UnitAmount": 1, "AccountCode": "201"}])
    assert "archive it instead" in (await refused(x, "DELETE", path, None))[0]
    archived = (await x.ok("POST", path, {"Accounts": [{"Status": "ARCHIVED"}]}))["Accounts"][0]
    assert archived["Status"] == "ARCHIVED"
    assert "archived" in (await refused(x, "POST", path, {"Name": "New"}))[0]
    line = {"Description": "a", "UnitAmount": 1, "AccountCode": "201"}
    says = "Account code '201' is not a valid code for this document."
    assert await refused(x, "PUT", "/Invoices", invoice_body("", Contact={"Name": "B"}, LineItems=[line])) == [says]
    assert (await x.ok("POST", path, {"Status": "ACTIVE"}))["Accounts"][0]["Status"] == "ACTIVE"
    unused = (await x.ok("PUT", "/Accounts", {"Code": "202", "Name": "Gone", "Type": "EXPENSE"}))["Accounts"][0]
    assert (await x.ok("DELETE", f"/Accounts/{unused['AccountID']}"))["Accounts"][0]["Status"] == "DELETED"
    # Code and name of a deleted account are free again.
    await x.ok("PUT", "/Accounts", {"Code": "202", "Name": "Gone", "Type": "EXPENSE"})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"Code": "1", "Name": "B", "Type": "BANK"}, "BankAccountNumber"),
        ({"Code": "1", "Name": "B", "Type": "BANK", "BankAccountNumber": "1", "CurrencyCode": "EUR"}, "currency EUR"),
        ({"Code": "12345678901", "Name": "B", "Type": "SALES"}, "1 to 10 characters"),
        ({"Code": "1", "Name": "", "Type": "SALES"}, "1 to 150 characters"),
        ({"Code": "1", "Name": "B", "Type": "SALES", "TaxType": "NOPE"}, "NOPE does not exist"),
        ({"Code": "1", "Name": "B", "Type": "SOMETHING"}, "is not valid"),
    ],
)
async def test_bad_accounts_are_refused(x: Caller, body: dict[str, object], says: str) -> None:
    assert says in " ".join(await refused(x, "PUT", "/Accounts", body))


async def test_system_accounts_are_fixed(x: Caller) -> None:
    accounts = (await x.ok("GET", "/Accounts"))["Accounts"]
    debtors = next(a for a in accounts if a.get("SystemAccount") == "DEBTORS")
    path = f"/Accounts/{debtors['AccountID']}"
    assert "System accounts" in (await refused(x, "DELETE", path, None))[0]
    assert "System accounts" in (await refused(x, "POST", path, {"Status": "ARCHIVED"}))[0]
    assert "system account" in (await refused(x, "POST", path, {"Code": "611"}))[0]


# Tax rates, items, currencies, users -------------------------------------------------------------------------------


async def test_tax_rates_are_made_changed_and_used(x: Caller) -> None:
    parts = [{"Name": "State", "Rate": "5"}, {"Name": "On top", "Rate": "10", "IsCompound": True}]
    body: dict[str, object] = {"Name": "Two parts", "TaxComponents": parts}
    assert await refused(x, "PUT", "/TaxRates", body) == ["ReportTaxType must be specified"]
    rate = await made(x, "TaxRates", body | {"ReportTaxType": "OUTPUT"})
    assert (rate["TaxType"], rate["EffectiveRate"], rate["Status"]) == ("TAX001", Decimal("15.5000"), "ACTIVE")
    assert (rate["CanApplyToRevenue"], rate["CanApplyToExpenses"]) == (True, False)
    line = {"Description": "a", "UnitAmount": 100, "AccountCode": "200", "TaxType": "TAX001"}
    assert (await x.invoice(await x.contact(), LineItems=[line]))["TotalTax"] == Decimal("15.50")
    assert "already exists" in (await refused(x, "PUT", "/TaxRates", body | {"ReportTaxType": "OUTPUT"}))[0]
    gone = await made(x, "TaxRates", {"TaxType": "TAX001", "Name": "Two parts", "Status": "DELETED"}, "POST")
    assert gone["Status"] == "DELETED"
    assert (await x.ok("GET", "/TaxRates/TAX001"))["TaxRates"][0]["Status"] == "DELETED"
    draft = invoice_body("", Contact={"Name": "B"}, LineItems=[line])
    assert "does not exist or cannot be used" in (await refused(x, "PUT", "/Invoices", draft))[0]
    two = {"TaxRates": [body, body]}
    assert (await x.call("PUT", "/TaxRates", two)).status_code == 400


async def test_items_have_codes_prices_and_limits(x: Caller) -> None:
    body = {"Code": "MUG", "Name": "Mug", "SalesDetails": {"UnitPrice": "12.3456", "AccountCode": "200"}}
    assert (await made(x, "Items", body))["SalesDetails"]["UnitPrice"] == Decimal("12.35")
    fine = (await x.ok("POST", "/Items?unitdp=4", {"Items": [body]}))["Items"][0]
    assert fine["SalesDetails"]["UnitPrice"] == Decimal("12.3456")
    assert (await x.ok("GET", "/Items/mug"))["Items"][0]["SalesDetails"]["UnitPrice"] == Decimal("12.35")
    assert "already exists" in (await refused(x, "PUT", "/Items", body))[0]
    assert "at most 50" in (await refused(x, "PUT", "/Items", {"Code": "B", "Name": "x" * 51}))[0]
    assert (
        "Account code '999'"
        in (await refused(x, "PUT", "/Items", {"Code": "B", "SalesDetails": {"AccountCode": "999"}}))[0]
    )
    tracked = await x.call("PUT", "/Items", {"Code": "T", "IsTrackedAsInventory": True})
    assert (tracked.status_code, "inventory" in tracked.text) == (501, True)
    many = {"Items": [{"Code": f"I{at}"} for at in range(501)]}
    assert (await x.call("PUT", "/Items", many)).status_code == 400
    assert (await x.call("DELETE", f"/Items/{fine['ItemID']}")).status_code == 204
    assert (await x.call("GET", "/Items/MUG")).status_code == 404


async def test_currencies_need_the_plan(x: Caller) -> None:
    assert "EUR" in [c["Code"] for c in (await x.ok("PUT", "/Currencies", {"Code": "EUR"}))["Currencies"]]
    shown = await x.ok("GET", "/Currencies", params={"where": 'Code=="EUR"'})
    assert shown["Currencies"] == [{"Code": "EUR", "Description": "Euro"}]
    actions = {a["Name"]: a["Status"] for a in (await x.ok("GET", "/Organisation/Actions"))["Actions"]}
    assert actions["UseMulticurrency"] == "ALLOWED"
    await x.connect(TENANT_UK, user="bookkeeper", scopes=ALL)
    assert "multicurrency" in (await refused(x, "PUT", "/Currencies", {"Code": "EUR"}))[0]
    actions = {a["Name"]: a["Status"] for a in (await x.ok("GET", "/Organisation/Actions"))["Actions"]}
    assert actions["UseMulticurrency"] == "NOT-ALLOWED"


async def test_users_and_the_premium_journals(x: Caller) -> None:
    [user] = (await x.ok("GET", "/Users"))["Users"]
    assert (user["FirstName"], user["OrganisationRole"]) == ("Avery", "FINANCIALADVISER")
    assert (await x.ok("GET", f"/Users/{user['UserID']}"))["Users"] == [user]
    unscoped = await x.call("GET", "/Journals")
    assert (unscoped.status_code, unscoped.json()["Detail"]) == (401, "AuthorizationUnsuccessful")
    await x.connect(scopes=f"{ALL} accounting.journals.read")
    gated = await x.call("GET", "/Journals", params={"offset": "0"})
    assert (gated.status_code, gated.json()["Title"]) == (403, "Forbidden")


# Tracking and groups -----------------------------------------------------------------------------------------------


async def test_tracking_categories_and_options(x: Caller) -> None:
    region = (await x.ok("GET", "/TrackingCategories"))["TrackingCategories"][0]
    assert (region["Name"], [o["Name"] for o in region["Options"]]) == ("Region", ["North", "South", "East", "West"])
    team = (await x.ok("PUT", "/TrackingCategories", {"Name": "Team"}))["TrackingCategories"][0]
    assert "at most 2 active" in (await refused(x, "PUT", "/TrackingCategories", {"Name": "Third"}))[0]
    assert (
        "already in use"
        in (await refused(x, "POST", f"/TrackingCategories/{team['TrackingCategoryID']}", {"Name": "region"}))[0]
    )
    path = f"/TrackingCategories/{team['TrackingCategoryID']}"
    red = (await x.ok("PUT", f"{path}/Options", {"Options": [{"Name": "Red"}, {"Name": "Blue"}]}))["Options"][0]
    line: dict[str, Any] = {"Description": "a", "UnitAmount": 10, "AccountCode": "200"}
    line["Tracking"] = [{"Name": "team", "Option": "red"}, {"Name": "Region", "Option": "Nowhere"}]
    made_with = await x.invoice(await x.contact(), LineItems=[line])
    assert [t["Option"] for t in made_with["LineItems"][0]["Tracking"]] == ["Red"]
    assert made_with["Warnings"] == [
        {"Message": "Tracking 'Region' has been removed as it does not match an active tracking option."}
    ]
    by_ids = [{"TrackingCategoryID": team["TrackingCategoryID"], "TrackingOptionID": red["TrackingOptionID"]}]
    posted = await made(x, "ManualJournals", journal(1, -1))
    assert posted["JournalLines"][0]["Tracking"] == []
    body = money(made_with["Contact"]["ContactID"], "RECEIVE", LineItems=[line | {"Tracking": by_ids}])
    assert (await made(x, "BankTransactions", body))["LineItems"][0]["Tracking"][0]["Name"] == "Team"
    option = f"{path}/Options/{red['TrackingOptionID']}"
    assert "only be archived" in (await refused(x, "DELETE", option, None))[0]
    assert "only be archived" in (await refused(x, "DELETE", path, None))[0]
    await x.ok("POST", option, {"Name": "Crimson", "Status": "ARCHIVED"})
    shown = (await x.ok("GET", f"/Invoices/{made_with['InvoiceID']}"))["Invoices"][0]
    assert shown["LineItems"][0]["Tracking"][0]["Option"] == "Crimson"
    again = await x.invoice(await x.contact("Second"), LineItems=[line])
    assert again["LineItems"][0]["Tracking"] == []
    await x.ok("POST", path, {"Status": "ARCHIVED"})
    assert len((await x.ok("GET", "/TrackingCategories"))["TrackingCategories"]) == 1
    assert len((await x.ok("GET", "/TrackingCategories?includeArchived=true"))["TrackingCategories"]) == 2
    three = line | {"Tracking": [{"Name": "Team", "Option": "Red"}] * 3}
    assert (
        "at most 2"
        in (await refused(x, "PUT", "/Invoices", invoice_body("", Contact={"Name": "C"}, LineItems=[three])))[0]
    )


async def test_contact_groups(x: Caller) -> None:
    one, two = await x.contact("One"), await x.contact("Two")
    group = await made(x, "ContactGroups", {"Name": "VIP"})
    assert "already in use" in (await refused(x, "PUT", "/ContactGroups", {"Name": "vip"}))[0]
    path = f"/ContactGroups/{group['ContactGroupID']}"
    await x.ok("PUT", f"{path}/Contacts", {"Contacts": [{"ContactID": one}, {"ContactID": two}]})
    inside = (await x.ok("GET", path))["ContactGroups"][0]["Contacts"]
    assert [c["Name"] for c in inside] == ["One", "Two"]
    assert (await x.ok("GET", f"/Contacts/{one}"))["Contacts"][0]["ContactGroups"][0]["Name"] == "VIP"
    assert (await x.call("DELETE", f"{path}/Contacts/{one}")).status_code == 204
    assert (await x.call("DELETE", f"{path}/Contacts/{one}")).status_code == 404
    assert (await x.call("DELETE", f"{path}/Contacts")).status_code == 204
    assert (await x.ok("GET", path))["ContactGroups"][0]["Contacts"] == []
    assert (await x.ok("POST", path, {"Status": "DELETED"}))["ContactGroups"][0]["Status"] == "DELETED"
    assert (await x.ok("GET", "/ContactGroups"))["ContactGroups"] == []


# Other currencies --------------------------------------------------------------------------------------------------


async def test_the_multicurrency_organisation(x: Caller) -> None:
    await x.connect(TENANT_AU, user="bookkeeper", scopes=ALL)
    cid = await x.contact()
    line = {"Description": "a", "UnitAmount": 100, "AccountCode": "200"}
    by_day = await x.invoice(cid, CurrencyCode="USD", LineItems=[line])
    assert (by_day["CurrencyRate"], by_day["Total"]) == (Decimal("0.643100"), 110)
    assert "Warnings" not in by_day
    doubtful = await x.invoice(cid, CurrencyCode="GBP", CurrencyRate=1, LineItems=[line])
    assert "CurrencyRate of 1" in doubtful["Warnings"][0]["Message"]
    says = "Organisation is not subscribed to currency EUR"
    assert await refused(x, "PUT", "/Invoices", invoice_body(cid, CurrencyCode="EUR")) == [says]
    dollars = next(a for a in (await x.ok("GET", "/Accounts"))["Accounts"] if a.get("CurrencyCode") == "USD")
    assert "Code" not in dollars
    into = {"Account": {"AccountID": dollars["AccountID"]}, "Date": "2026-11-20"}
    pounds = {"Invoice": {"InvoiceID": doubtful["InvoiceID"]}, "Amount": 1} | into
    assert "cannot be paid from an account in USD" in (await refused(x, "PUT", "/Payments", pounds))[0]
    half = {"Invoice": {"InvoiceID": by_day["InvoiceID"]}, "Amount": 50, "CurrencyRate": "0.65"}
    assert (await made(x, "Payments", half | into))["BankAmount"] == 50
    rest = half | {"Account": {"Code": "090"}, "Date": "2026-11-20", "Amount": 60, "BankAmount": "90.00"}
    paid = await made(x, "Payments", rest)
    assert (paid["BankAmount"], paid["CurrencyRate"]) == (90, Decimal("0.666667"))
    ledger = await x.control("GET", f"/companies/{TENANT_AU}/ledger")
    rows = {r["account"]: Decimal(r["debit"]) - Decimal(r["credit"]) for r in ledger["trial_balance"]}
    assert sum(rows.values()) == 0
    # 110 USD stood at 171.05; 76.92 and 90.00 came for them.
    assert rows["499 Realised Currency Gains"] == Decimal("4.13")
    assert rows["610 Accounts Receivable"] == 110


async def test_aged_receivables_and_statements(x: Caller) -> None:
    cid = await x.contact()
    await x.invoice(cid, DueDate="2026-12-02")
    await x.invoice(cid, DueDate="2026-10-20")
    await x.invoice(
        cid,
        Type="ACCPAY",
        DueDate="2026-06-01",
        LineItems=[{"Description": "p", "UnitAmount": 1, "AccountCode": "429"}],
    )
    path = f"/companies/{TENANT_NZ}"
    [row] = (await x.control("GET", f"{path}/aged?date=2026-11-30"))["rows"]
    assert (row["current"], row["31-60"], row["total"]) == ("115.00", "115.00", "230.00")
    [owed] = (await x.control("GET", f"{path}/aged?side=payables&date=2026-11-30"))["rows"]
    assert owed["older"] == "1.15"
    await made(x, "ManualJournals", journal(1, -1, Status="POSTED"))
    assert (await x.control("GET", f"{path}/journals"))["journals"][0]["lines"][0] == {
        "account": "830 Deferred Revenue", "amount": "1.00",
    }  # fmt: skip
    shown = (await x.control("GET", f"{path}/trial_balance"))["trial_balance"]
    assert sum(Decimal(r["debit"]) - Decimal(r["credit"]) for r in shown) == 0
    await x.control("POST", f"{path}/archive_account", {"account": "260"})
    archived = await x.ok("GET", "/Accounts", params={"where": 'Status=="ARCHIVED"'})
    assert [a["Code"] for a in archived["Accounts"]] == ["260"]
