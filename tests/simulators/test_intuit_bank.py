"""Purchases, deposits and transfers: money that moves at once, and payments taken to the bank (reference 3.10)."""

from decimal import Decimal

import pytest

from tests.simulators.intuit_client import UK_REALM, US_REALM, Intuit, Json


def spent(amount: str, account: str = "55", **detail: object) -> Json:
    inner = {"AccountRef": {"value": account}, **detail}
    return {
        "Amount": Decimal(amount),
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": inner,
    }


def purchase(*lines: Json, kind: str = "CreditCard", account: str = "41", **fields: object) -> Json:
    return {"PaymentType": kind, "AccountRef": {"value": account}, "Line": list(lines), **fields}


def taken(payment: str, **fields: object) -> Json:
    return {"LinkedTxn": [{"TxnId": payment, "TxnType": "Payment", "TxnLineId": "0"}], **fields}


def income(amount: str, account: str = "1", **detail: object) -> Json:
    inner = {"AccountRef": {"value": account}, **detail}
    return {"Amount": Decimal(amount), "DetailType": "DepositLineDetail", "DepositLineDetail": inner}


async def balance(intuit: Intuit, account: str) -> Decimal:
    found: Decimal = (await intuit.read("Account", account))["CurrentBalance"]
    return found


async def paid(intuit: Intuit, number: str, amount: str) -> str:
    await intuit.invoice(number, amount)
    row = await intuit.control(f"intuit/companies/{US_REALM}/pay", {"number": number})
    key: str = row["payment_id"]
    return key


async def test_card_purchase_and_its_credit(intuit: Intuit) -> None:
    body = purchase(spent("34.00"), EntityRef={"value": "56", "type": "Vendor"}, TxnDate="2026-11-03")
    made = await intuit.save("Purchase", body)
    assert made["EntityRef"] == {"value": "56", "name": "Bob's Burger Joint", "type": "Vendor"}
    assert (made["TotalAmt"], made["Credit"], made["AccountRef"]["name"]) == (34, False, "Mastercard")
    assert made["PurchaseEx"]["any"][0]["value"] == {"Name": "TxnType", "Value": "54"}
    assert await balance(intuit, "41") == -34
    back = await intuit.save("Purchase", purchase(spent("4"), Credit=True))
    assert back["PurchaseEx"]["any"][0]["value"]["Value"] == "11"
    assert await balance(intuit, "41") == -30
    await intuit.books()


async def test_items_are_bought_on_their_expense_account(intuit: Intuit) -> None:
    detail = {"ItemRef": {"value": "6"}, "Qty": 2, "UnitPrice": Decimal("7.5")}
    line = {"Amount": 15, "DetailType": "ItemBasedExpenseLineDetail", "ItemBasedExpenseLineDetail": detail}
    made = await intuit.save("Purchase", purchase(line, kind="Check", account="35"))
    shown = made["Line"][0]["ItemBasedExpenseLineDetail"]
    assert shown["ItemAccountRef"] == {"value": "80", "name": "Cost of Goods Sold"}
    wrong = {**line, "Amount": 16}
    assert (await intuit.fault("POST", "purchase", purchase(wrong, kind="Check", account="35")))["code"] == "6070"
    unsold = {**line, "ItemBasedExpenseLineDetail": {"ItemRef": {"value": "1"}}}
    assert (await intuit.fault("POST", "purchase", purchase(unsold)))["code"] == "6000"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PaymentType": ""}, "2020"),
        ({"PaymentType": "Barter"}, "2170"),
        ({"AccountRef": None}, "2020"),
        ({"AccountRef": {"value": "35"}}, "6000"),
        ({"Line": []}, "2020"),
        ({"Line": [spent("1", "84")]}, "6000"),
        ({"Line": [spent("1", "999")]}, "2500"),
        ({"Line": [spent("-1")]}, "6000"),
        ({"Line": [spent("1", TaxCodeRef={"value": "2"})]}, "6100"),
        ({"Line": [spent("1", BillableStatus="Billable")]}, "6000"),
        ({"EntityRef": {"value": "999", "type": "Vendor"}}, "2500"),
        ({"EntityRef": {"value": "56", "type": "Dog"}}, "2170"),
        ({"DepartmentRef": {"value": "9"}}, "2500"),
        ({"Colour": "red"}, "2010"),
    ],
)
async def test_purchase_refusals(intuit: Intuit, changes: Json, code: str) -> None:
    assert (await intuit.fault("POST", "purchase", {**purchase(spent("10")), **changes}))["code"] == code


async def test_refunding_a_customer_by_check(intuit: Intuit) -> None:
    await intuit.save("Payment", {"CustomerRef": {"value": "1"}, "TotalAmt": 50})
    body = purchase(spent("50", "84"), kind="Check", account="35", EntityRef={"value": "1", "type": "Customer"})
    await intuit.save("Purchase", body)
    assert (await intuit.read("Customer", "1"))["Balance"] == 0


async def test_purchase_numbers_updates_and_void(intuit: Intuit) -> None:
    made = await intuit.save("Purchase", purchase(spent("10"), DocNumber="7", PrivateNote="n"))
    assert (await intuit.fault("POST", "purchase", purchase(spent("1"), DocNumber="7")))["code"] == "6140"
    await intuit.save("Purchase", purchase(spent("1"), DocNumber="7"), include="allowduplicatedocnum")
    change: Json = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "m"}
    assert (await intuit.fault("POST", "purchase", change))["code"] == "2020"
    change |= {"PaymentType": "CreditCard", "AccountRef": {"value": "41"}}
    kept = await intuit.save("Purchase", change, include="allowduplicatedocnum")
    assert (kept["TotalAmt"], kept["PrivateNote"]) == (10, "m")
    body = {"Id": made["Id"], "SyncToken": "1"}
    assert (await intuit.fault("POST", "purchase", body, operation="void"))["code"] == "500"
    await intuit.save("Purchase", body, operation="delete")
    assert await balance(intuit, "41") == -1


async def test_deposit_takes_payments_out_of_undeposited_funds(intuit: Intuit) -> None:
    a, b = await paid(intuit, "A", "100"), await paid(intuit, "B", "50")
    body = {"DepositToAccountRef": {"value": "35"}, "Line": [taken(a), taken(b), income("9.50")]}
    made = await intuit.save("Deposit", {**body, "CashBack": {"AccountRef": {"value": "36"}, "Amount": 20}})
    assert made["TotalAmt"] == Decimal("139.5")
    assert "DetailType" not in made["Line"][0]
    assert made["Line"][0]["LinkedTxn"] == [{"TxnId": a, "TxnType": "Payment", "TxnLineId": "0"}]
    assert [await balance(intuit, key) for key in ("4", "35", "36")] == [0, Decimal("139.5"), 20]
    payment = await intuit.read("Payment", a)
    assert payment["LinkedTxn"] == [{"TxnId": made["Id"], "TxnType": "Deposit"}]
    for change, params in (
        ({"sparse": True, "PrivateNote": "x"}, {}),
        ({"sparse": True}, {"operation": "update", "include": "void"}),
        ({}, {"operation": "delete"}),
    ):
        token = {"Id": a, "SyncToken": payment["SyncToken"]}
        assert (await intuit.fault("POST", "payment", {**change, **token}, **params))["code"] == "6540"
    again = await intuit.fault("POST", "deposit", {**body, "Line": [taken(a)]})
    assert again["code"] == "620"
    await intuit.books()


async def test_deposit_update_and_delete_free_the_payments(intuit: Intuit) -> None:
    a, b = await paid(intuit, "A", "100"), await paid(intuit, "B", "50")
    made = await intuit.save("Deposit", {"DepositToAccountRef": {"value": "35"}, "Line": [taken(a)]})
    change: Json = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    assert (await intuit.fault("POST", "deposit", change))["code"] == "2020"
    await intuit.save("Deposit", {**change, "Line": [taken(b)]})
    assert (await intuit.read("Payment", a))["LinkedTxn"] == []
    assert await balance(intuit, "4") == 100
    refused = await intuit.fault("POST", "deposit", {"Id": made["Id"], "SyncToken": "1"}, operation="void")
    assert refused["code"] == "500"
    await intuit.save("Deposit", {"Id": made["Id"], "SyncToken": "1"}, operation="delete")
    assert await balance(intuit, "4") == 150
    await intuit.control(f"intuit/companies/{US_REALM}/void_payment", {"payment_id": b})


async def test_deposit_refusals(intuit: Intuit) -> None:
    key = await paid(intuit, "A", "100")
    straight = {"CustomerRef": {"value": "1"}, "TotalAmt": 5, "DepositToAccountRef": {"value": "35"}}
    banked = (await intuit.save("Payment", straight))["Id"]
    bank: Json = {"DepositToAccountRef": {"value": "35"}}
    for body, code in (
        ({"Line": [taken(key)]}, "2020"),
        (bank, "2020"),
        ({"DepositToAccountRef": {"value": "79"}, "Line": [taken(key)]}, "6000"),
        ({**bank, "Line": [taken("999")]}, "610"),
        ({**bank, "Line": [taken(key), taken(key)]}, "620"),
        ({**bank, "Line": [taken(banked)]}, "620"),
        ({**bank, "Line": [taken(key, Amount=40)]}, "6000"),
        ({**bank, "Line": [income("-1")]}, "6000"),
        ({**bank, "Line": [income("1", "84")]}, "6000"),
        ({**bank, "Line": [{"LinkedTxn": [{"TxnId": key, "TxnType": "Invoice"}]}]}, "620"),
    ):
        assert (await intuit.fault("POST", "deposit", body))["code"] == code, body
    other = {**bank, "Line": [{"LinkedTxn": [{"TxnId": key, "TxnType": "SalesReceipt"}]}]}
    assert (await intuit.call("POST", "deposit", other)).status_code == 501


async def test_transfer(intuit: Intuit) -> None:
    body = {"FromAccountRef": {"value": "35"}, "ToAccountRef": {"value": "36"}, "Amount": 500, "TxnDate": "2026-11-10"}
    made = await intuit.save("Transfer", body)
    assert (made["FromAccountRef"]["name"], made["ToAccountRef"]["name"]) == ("Checking", "Savings")
    assert [await balance(intuit, key) for key in ("35", "36")] == [-500, 500]
    for changes, code in (
        ({"Amount": 0}, "6000"),
        ({"Amount": None}, "2020"),
        ({"ToAccountRef": {"value": "35"}}, "6000"),
        ({"ToAccountRef": {"value": "84"}}, "6000"),
        ({"FromAccountRef": {"value": "79"}}, "6000"),
    ):
        assert (await intuit.fault("POST", "transfer", {**body, **changes}))["code"] == code
    change = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "x"}
    assert (await intuit.fault("POST", "transfer", change))["code"] == "2020"
    assert (await intuit.save("Transfer", {**change, "Amount": 20}))["Amount"] == 20
    await intuit.save("Transfer", {"Id": made["Id"], "SyncToken": "1"}, operation="delete")
    assert (await intuit.books())["trial_balance"] == []


async def test_purchase_tax_outside_the_us(intuit: Intuit) -> None:
    await intuit.connect(UK_REALM)
    body = purchase(spent("100", TaxCodeRef={"value": "3"}), kind="Cash", account="35")
    assert (await intuit.fault("POST", "purchase", body, UK_REALM))["code"] == "2020"
    made = await intuit.save("Purchase", {**body, "GlobalTaxCalculation": "TaxExcluded"}, UK_REALM)
    assert (made["TotalAmt"], made["TxnTaxDetail"]["TotalTax"]) == (120, 20)
    bare = {**body, "Line": [spent("100")], "GlobalTaxCalculation": "TaxExcluded"}
    assert (await intuit.fault("POST", "purchase", bare, UK_REALM))["code"] == "6000"
    books = await intuit.books(UK_REALM)
    assert {row["account"]: row["debit"] for row in books["trial_balance"]}["VAT Control"] == "20.00"
