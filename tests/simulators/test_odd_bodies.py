"""Bodies that are wrong in any place: refused in the vendor's words, without a crash, and the books keep balance."""

import json
import random
from decimal import Decimal
from typing import Any

import pytest

from simulators.core.http import Json
from tests.simulators.intuit_client import Intuit, line
from tests.simulators.xero_client import Caller, invoice_body

ODD: list[Any] = [
    None, "", [], {}, [1], [None], {"value": None}, {"value": "1"}, True, False, 0, -1, 10**14, "x" * 5000, "NaN",
    "\ud83d", "2026-13-01", "0001-01-01", "9999-12-31", "/Date(99999999999999999)/", "/Date(x)/", [[]], [{}],
    [{"Line": 1}], "<b>",
]  # fmt: skip
EXPENSE = {"DetailType": "AccountBasedExpenseLineDetail", "Amount": 9}
JOURNAL = [
    {"DetailType": "JournalEntryLineDetail", "Amount": 5, "JournalEntryLineDetail": {"PostingType": side, **account}}
    for side, account in (("Debit", {"AccountRef": {"value": "55"}}), ("Credit", {"AccountRef": {"value": "1"}}))
]
INCOME = {"DetailType": "DepositLineDetail", "Amount": 9, "DepositLineDetail": {"AccountRef": {"value": "1"}}}
AT_INTUIT: dict[str, Json] = {
    "Customer": {"DisplayName": "A", "PrimaryEmailAddr": {"Address": "a@example.com"}, "BillAddr": {"Line1": "x"}},
    "Invoice": {
        "CustomerRef": {"value": "1"}, "Line": [line("5", "TAX") | {"Amount": 5}], "DueDate": "2026-12-01",
        "TxnTaxDetail": {"TxnTaxCodeRef": {"value": "3"}, "TotalTax": 1}, "CustomerMemo": {"value": "x"},
    },
    "Payment": {
        "CustomerRef": {"value": "1"}, "TotalAmt": 5,
        "Line": [{"Amount": 5, "LinkedTxn": [{"TxnId": "129", "TxnType": "Invoice"}]}],
    },
    "JournalEntry": {"Line": JOURNAL, "PrivateNote": "n"},
    "Purchase": {
        "PaymentType": "Cash", "AccountRef": {"value": "35"},
        "Line": [EXPENSE | {"AccountBasedExpenseLineDetail": {"AccountRef": {"value": "55"}}}],
    },
    "Deposit": {"DepositToAccountRef": {"value": "35"}, "Line": [INCOME]},
    "Transfer": {"FromAccountRef": {"value": "35"}, "ToAccountRef": {"value": "36"}, "Amount": 3},
    "Account": {"Name": "F", "AccountType": "Expense", "AcctNum": "12"},
    "Item": {"Name": "P", "Type": "Service", "IncomeAccountRef": {"value": "1"}, "UnitPrice": 3},
}  # fmt: skip
XERO_LINE = {
    "Description": "x", "AccountCode": "200", "UnitAmount": 1, "Quantity": 1,
    "Tracking": [{"Name": "Region", "Option": "East"}],
}  # fmt: skip
BOTH = [{"AccountCode": "400", "LineAmount": 1, "Tracking": []}, {"AccountCode": "200", "LineAmount": -1}]


def at_xero(contact: str, invoice: str) -> dict[str, Json]:
    who = {"Contact": {"ContactID": contact}, "LineItems": [XERO_LINE]}
    pay = {"Invoice": {"InvoiceID": invoice}, "Account": {"Code": "090"}, "Date": "2026-11-20", "Amount": 1}
    return {
        "Contacts": {"Name": "N", "Phones": [{"PhoneType": "DDI"}], "Addresses": [{"AddressType": "STREET"}]},
        "Invoices": invoice_body(contact, LineItems=[XERO_LINE], CurrencyCode="NZD", CurrencyRate=1),
        "CreditNotes": {"Type": "ACCRECCREDIT", **who},
        "Payments": pay,
        "ManualJournals": {"Narration": "n", "JournalLines": BOTH},
        "BankTransactions": {"Type": "SPEND", "BankAccount": {"Code": "090"}, **who},
        "BankTransfers": {"FromBankAccount": {"Code": "090"}, "ToBankAccount": {"Code": "091"}, "Amount": 1},
        "Items": {"Code": "C", "Name": "n", "SalesDetails": {"UnitPrice": 1, "AccountCode": "200"}},
        "Accounts": {"Code": "9", "Name": "n", "Type": "EXPENSE"},
        "TaxRates": {"Name": "T", "TaxComponents": [{"Name": "a", "Rate": 5}]},
    }


def spoilt(value: Any, dice: random.Random) -> Any:
    """The value with something odd somewhere in it, or something gone."""
    if isinstance(value, dict) and value:
        key = dice.choice(list(value))
        chance = dice.random()
        if chance < 0.5:
            return {**value, key: spoilt(value[key], dice)}
        if chance < 0.9:
            return {**value, key: dice.choice(ODD)}
        return {name: held for name, held in value.items() if name != key}
    if isinstance(value, list) and value and dice.random() < 0.7:
        at = dice.randrange(len(value))
        return [*value[:at], spoilt(value[at], dice), *value[at + 1 :]]
    return dice.choice(ODD)


@pytest.mark.parametrize("seed", range(3))
async def test_intuit_refuses_what_is_odd(intuit: Intuit, seed: int) -> None:
    dice = random.Random(seed)
    taken = 0
    for at in range(300):
        entity = dice.choice(list(AT_INTUIT))
        body = spoilt(AT_INTUIT[entity], dice)
        if at % 5 == 0:
            body = {"Id": dice.choice(["129", 1, None, []]), "SyncToken": dice.choice(["0", 0, None, []])} | body
        operation = {"operation": dice.choice(["void", "delete", "update"])} if at % 7 == 0 else {}
        url = f"/intuit/v3/company/9341452900000001/{entity.lower()}"
        headers = {"authorization": f"Bearer {intuit.access}", "accept": "application/json"}
        reply = await intuit.http.post(url, content=json.dumps(body), params=operation, headers=headers)
        assert reply.status_code in (200, 400, 501), (entity, body, reply.text)
        taken += reply.status_code == 200
    assert 0 < taken < 300
    await intuit.books()


@pytest.mark.parametrize("seed", range(3))
async def test_xero_refuses_what_is_odd(x: Caller, seed: int) -> None:
    dice = random.Random(seed)
    contact = await x.contact()
    bodies = at_xero(contact, str((await x.invoice(contact))["InvoiceID"]))
    taken = 0
    for _ in range(300):
        path = dice.choice(list(bodies))
        body = spoilt(bodies[path], dice)
        whole = dice.choice([body, {path: [body]}, {path: [bodies[path], body]}])
        params = {"summarizeErrors": dice.choice(["true", "false"])}
        reply = await x.call(dice.choice(["PUT", "POST"]), f"/{path}", content=json.dumps(whole), params=params)
        assert reply.status_code in (200, 400, 501), (path, whole, reply.text)
        taken += reply.status_code == 200
    assert 0 < taken < 300
    books = await x.control("GET", f"/companies/{x.tenant}/trial_balance")
    sums = [sum(Decimal(row[side]) for row in books["trial_balance"]) for side in ("debit", "credit")]
    assert sums[0] == sums[1]
