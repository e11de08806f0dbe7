"""Name lists: vendors, accounts, items, classes, departments, terms, tax (reference 2.9, 2.10, 3.2, 3.7-3.9)."""

import pytest

from tests.simulators.intuit_client import US_REALM, Intuit, Json, line


async def test_vendor_life(intuit: Intuit) -> None:
    made = await intuit.save("Vendor", {"GivenName": "Vera", "FamilyName": "Verdi", "TermRef": {"value": "3"}})
    assert (made["DisplayName"], made["Balance"], made["Vendor1099"]) == ("Vera Verdi", 0, False)
    assert made["TermRef"] == {"value": "3", "name": "Net 30"}
    assert (await intuit.fault("POST", "customer", {"DisplayName": "vera verdi"}))["code"] == "6240"
    assert (await intuit.fault("POST", "vendor", {"DisplayName": "Emily Platt"}))["code"] == "6240"
    assert (await intuit.fault("POST", "vendor", {"AcctNum": "7"}))["code"] == "6080"
    identity = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    gone = await intuit.save("Vendor", {**identity, "Active": False})
    assert gone["DisplayName"] == "Vera Verdi (deleted)"
    assert (await intuit.fault("POST", "vendor", {**identity, "SyncToken": "1"}, operation="delete"))["code"] == "500"
    back = await intuit.save("Vendor", {**identity, "SyncToken": "1", "Active": True})
    assert back["DisplayName"] == "Vera Verdi"
    full = await intuit.save("Vendor", {"Id": made["Id"], "SyncToken": "2", "DisplayName": "Vera"})
    assert "TermRef" not in full


async def test_employees_are_read_and_taken_names(intuit: Intuit) -> None:
    rows = (await intuit.query("select * from Employee orderby Id"))["Employee"]
    assert [row["DisplayName"] for row in rows] == ["John Johnson", "Emily Platt"]
    assert (await intuit.read("Employee", "55"))["FamilyName"] == "Platt"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"AccountType": "Bank"}, "2020"),
        ({"Name": "x"}, "6010"),
        ({"Name": "x", "AccountType": "Piggy bank"}, "2170"),
        ({"Name": "x", "AccountType": "Bank", "AccountSubType": "Travel"}, "2170"),
        ({"Name": 'a"b', "AccountType": "Bank"}, "2040"),
        ({"Name": "x", "AccountSubType": "UndepositedFunds"}, "6000"),
        ({"Name": "x", "AccountType": "Bank", "AcctNum": "12345678"}, "2050"),
        ({"Name": "CHECKING", "AccountType": "Bank"}, "6240"),
        ({"Name": "x", "AccountType": "Bank", "ParentRef": {"value": "79"}}, "6000"),
        ({"Name": "x", "AccountType": "Other Current Asset", "ParentRef": {"value": "4"}}, "700"),
        ({"Name": "x", "AccountType": "Bank", "ParentRef": {"value": "999"}}, "2500"),
        ({"Id": "84", "SyncToken": "0", "sparse": True, "Active": False}, "6000"),
    ],
)
async def test_account_refusals(intuit: Intuit, body: Json, code: str) -> None:
    assert (await intuit.fault("POST", "account", body))["code"] == code


async def test_sub_accounts_names_follow_and_balances_add_up(intuit: Intuit) -> None:
    till = await intuit.save("Account", {"Name": "Till", "AccountSubType": "Checking", "ParentRef": {"value": "35"}})
    assert (till["FullyQualifiedName"], till["SubAccount"], till["AccountType"]) == ("Checking:Till", True, "Bank")
    await intuit.save("Account", {"Name": "Till", "AccountType": "Bank"})
    amount = {"FromAccountRef": {"value": "36"}, "ToAccountRef": {"value": till["Id"]}, "Amount": 5}
    await intuit.save("Transfer", amount)
    parent = await intuit.read("Account", "35")
    assert (parent["CurrentBalance"], parent["CurrentBalanceWithSubAccounts"]) == (0, 5)
    await intuit.save("Account", {"Id": "35", "SyncToken": "0", "sparse": True, "Name": "House bank"})
    moved = await intuit.read("Account", till["Id"])
    assert (moved["FullyQualifiedName"], moved["SyncToken"]) == ("House bank:Till", "0")
    loop = {"Id": "35", "SyncToken": "1", "sparse": True, "ParentRef": {"value": till["Id"]}}
    assert (await intuit.fault("POST", "account", loop))["code"] == "900"


async def test_account_update_and_deactivation(intuit: Intuit) -> None:
    made = await intuit.save("Account", {"Name": "Odd", "AccountType": "Expense", "Description": "d"})
    assert made["AccountSubType"] == "Travel"
    identity = {"Id": made["Id"], "SyncToken": "0"}
    full = await intuit.save("Account", {**identity, "Name": "Odder", "AccountType": "Expense"})
    assert "Description" not in full
    gone = await intuit.save("Account", {**identity, "SyncToken": "1", "sparse": True, "Active": False})
    assert gone["Name"] == "Odder (deleted)"
    entry = {"PaymentType": "CreditCard", "AccountRef": {"value": "41"}}
    detail = {"AccountRef": {"value": made["Id"]}}
    kind = "AccountBasedExpenseLineDetail"
    refused = await intuit.fault(
        "POST", "purchase", {**entry, "Line": [{"Amount": 1, "DetailType": kind, kind: detail}]}
    )
    assert refused["code"] == "610"


async def test_items(intuit: Intuit) -> None:
    body = {"Name": "Hour", "Type": "Service", "IncomeAccountRef": {"value": "79"}, "Sku": "H-1"}
    made = await intuit.save("Item", body)
    assert made["FullyQualifiedName"] == "Hour"
    assert (await intuit.fault("POST", "item", body))["code"] == "6240"
    assert (await intuit.fault("POST", "item", {"Name": "y", "Type": "Service"}))["code"] == "2020"
    found = await intuit.query("select *, Sku from Item where Sku = 'H-1'")
    assert found["Item"][0]["Sku"] == "H-1"
    sub = await intuit.save("Item", {**body, "Name": "Minute", "Sku": "", "ParentRef": {"value": made["Id"]}})
    assert (sub["FullyQualifiedName"], sub["SubItem"], sub["Level"]) == ("Hour:Minute", True, 1)
    await intuit.save("Item", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Active": False})
    sale = {"CustomerRef": {"value": "1"}, "Line": [line("1", item=made["Id"])]}
    assert (await intuit.fault("POST", "invoice", sale))["code"] == "610"
    for more in ({"Type": "Inventory"}, {"AssetAccountRef": {"value": "4"}}):
        assert (await intuit.call("POST", "item", {**body, "Name": "z", **more})).status_code == 501


@pytest.mark.parametrize(("entity", "extra"), [("Customer", {}), ("Class", {}), ("Department", {})])
async def test_five_levels(intuit: Intuit, entity: str, extra: Json) -> None:
    name = "DisplayName" if entity == "Customer" else "Name"
    above: str | None = None
    keys = []
    for level in range(5):
        parent = {"ParentRef": {"value": above}} if above else {}
        row = await intuit.save(entity, {name: f"L{level}", **parent})
        above = row["Id"]
        keys.append(above)
    assert row["FullyQualifiedName"] == "L0:L1:L2:L3:L4"
    deep = await intuit.fault("POST", entity.lower(), {name: "L5", "ParentRef": {"value": above}})
    assert deep["code"] == "6180"
    other = await intuit.save(entity, {name: "Other"})
    identity = {"Id": keys[0], "SyncToken": "0", "sparse": True}
    moved = await intuit.fault("POST", entity.lower(), {**identity, "ParentRef": {"value": other["Id"]}})
    assert moved["code"] == "6180"
    circle = await intuit.fault("POST", entity.lower(), {**identity, "ParentRef": {"value": keys[2]}})
    assert circle["code"] == "900"
    await intuit.save(entity, {**identity, name: "Top"})
    assert (await intuit.read(entity, keys[4]))["FullyQualifiedName"] == "Top:L1:L2:L3:L4"


async def test_tracking_and_terms_on_an_invoice(intuit: Intuit) -> None:
    klass = await intuit.save("Class", {"Name": "Retail"})
    place = await intuit.save("Department", {"Name": "Reno"})
    term = await intuit.save("Term", {"Name": "Net 10", "DueDays": 10})
    assert (term["Type"], klass["SubClass"], place["SubDepartment"]) == ("STANDARD", False, False)
    monthly = await intuit.save("Term", {"Name": "20th", "DayOfMonthDue": 20, "DueNextMonthDays": 10})
    assert monthly["Type"] == "DATE_DRIVEN"
    body: Json = {
        "CustomerRef": {"value": "1"},
        "TxnDate": "2026-11-18",
        "SalesTermRef": {"value": term["Id"]},
        "DepartmentRef": {"value": place["Id"]},
        "Line": [line("10", ClassRef={"value": klass["Id"]})],
    }
    made = await intuit.save("Invoice", body)
    assert made["DueDate"] == "2026-11-28"
    assert made["DepartmentRef"]["name"] == "Reno"
    assert made["Line"][0]["SalesItemLineDetail"]["ClassRef"] == {"value": klass["Id"], "name": "Retail"}
    late = await intuit.save("Invoice", {**body, "SalesTermRef": {"value": monthly["Id"]}})
    assert late["DueDate"] == "2026-12-20"
    wrong = {**body, "Line": [line("10", ClassRef={"value": "99"})]}
    assert "Klasses element id 99 not found" in (await intuit.fault("POST", "invoice", wrong))["Detail"]
    assert (await intuit.fault("POST", "term", {"Name": "Net 10", "DueDays": 1}))["code"] == "6240"
    assert (await intuit.fault("POST", "term", {"Name": "Never"}))["code"] == "2020"
    assert (await intuit.fault("POST", "class", {"Name": "retail"}))["code"] == "6240"


async def test_payment_methods(intuit: Intuit) -> None:
    made = await intuit.save("PaymentMethod", {"Name": "Wire"})
    body = {"CustomerRef": {"value": "1"}, "TotalAmt": 5, "PaymentMethodRef": {"value": made["Id"]}}
    assert (await intuit.save("Payment", body))["PaymentMethodRef"]["name"] == "Wire"
    body["PaymentMethodRef"] = {"value": "99"}
    assert (await intuit.fault("POST", "payment", body))["code"] == "2500"


async def test_tax_codes_come_from_the_tax_service(intuit: Intuit) -> None:
    agency = await intuit.save("TaxAgency", {"DisplayName": "Nevada"})
    assert agency["TaxTrackedOnSales"] is True
    rate = {"TaxRateName": "NV", "RateValue": "6.85", "TaxAgencyId": agency["Id"], "TaxApplicableOn": "Sales"}
    reply = await intuit.call("POST", "taxservice/taxcode", {"TaxCode": "Nevada", "TaxRateDetails": [rate]})
    made = reply.json()
    body = {
        "CustomerRef": {"value": "1"},
        "Line": [line("100", "TAX")],
        "TxnTaxDetail": {"TxnTaxCodeRef": {"value": made["TaxCodeId"]}},
    }
    assert str((await intuit.save("Invoice", body))["TotalAmt"]) == "106.85"
    for broken, code in (
        ({"TaxCode": "Nevada", "TaxRateDetails": [rate]}, "6240"),
        ({"TaxCode": "N2", "TaxRateDetails": []}, "2020"),
        ({"TaxCode": "N2", "TaxRateDetails": [{**rate, "TaxRateName": "n", "TaxAgencyId": "9"}]}, "2500"),
        ({"TaxCode": "N2", "TaxRateDetails": [{**rate, "TaxRateName": "n", "RateValue": "much"}]}, "2070"),
    ):
        assert (await intuit.fault("POST", "taxservice/taxcode", broken))["code"] == code
    assert (await intuit.call("POST", "taxcode", {"Name": "x"})).status_code == 501


async def test_merging_customers_moves_their_documents(intuit: Intuit) -> None:
    await intuit.invoice("A", "70")
    await intuit.control(f"intuit/companies/{US_REALM}/pay", {"number": "A", "amount": "20"})
    merged = await intuit.control(f"intuit/companies/{US_REALM}/merge_customers", {"customer_id": "1", "into": "2"})
    assert merged == {"id": "2", "merged": "1", "documents": 2}
    assert (await intuit.fault("GET", "customer/1"))["code"] == "610"
    assert (await intuit.read("Customer", "2"))["Balance"] == 50
    found = await intuit.query("select * from Invoice where CustomerRef = '2'")
    assert found["Invoice"][0]["CustomerRef"]["name"] == "Bill's Windsurf Shop"
    await intuit.control(f"intuit/companies/{US_REALM}/merge_customers", {"customer_id": "2", "into": "2"}, 400)


async def test_sending_an_invoice(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    assert (await intuit.fault("POST", f"invoice/{key}/send"))["code"] == "2020"
    reply = await intuit.call("POST", f"invoice/{key}/send", sendTo="ap@example.com")
    sent = reply.json()["Invoice"]
    assert (sent["EmailStatus"], sent["BillEmail"]) == ("EmailSent", {"Address": "ap@example.com"})
    assert sent["DeliveryInfo"]["DeliveryType"] == "Email"
