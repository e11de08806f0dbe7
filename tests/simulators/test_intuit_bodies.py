"""Whatever a client sends, the answer is a fault or a reason, never a crash; and the books stay balanced."""

import copy
import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from simulators.intuit.ledger_view import trial_balance
from tests.simulators.intuit_client import AU_REALM, UK_REALM, US_REALM, Intuit, Json

ACCOUNT, JOURNAL, SALE = "AccountBasedExpenseLineDetail", "JournalEntryLineDetail", "SalesItemLineDetail"
VALUES: list[Any] = [
    None, "", 0, -1, 5, "5", "x" * 600, True, [], {}, {"value": "1"}, {"value": "zz"}, {"value": {}}, {"value": ["1"]},
    [1], ["a"], [{}], [[]], 1e30, 10**40, "2026-13-01", "EUR", "\u0000", "é\U0001f600", "NaN", "Infinity", "1e5",
]  # fmt: skip
OPERATIONS: list[dict[str, str]] = [
    {}, {}, {}, {"operation": "delete"}, {"operation": "void"}, {"operation": "update", "include": "void"},
]  # fmt: skip
BODIES: dict[str, Json] = {
    "customer": {"DisplayName": "x", "ParentRef": {"value": "1"}, "BillAddr": {"Line1": "a"}, "Active": True},
    "vendor": {"DisplayName": "v", "TermRef": {"value": "1"}, "CurrencyRef": {"value": "USD"}},
    "account": {"Name": "a", "AccountType": "Bank", "ParentRef": {"value": "35"}, "AcctNum": "12"},
    "item": {"Name": "i", "Type": "Service", "IncomeAccountRef": {"value": "79"}, "UnitPrice": 3},
    "class": {"Name": "c", "ParentRef": {"value": "1"}},
    "term": {"Name": "t", "DueDays": 3, "DayOfMonthDue": 4},
    "invoice": {
        "CustomerRef": {"value": "1"},
        "TxnDate": "2026-01-31",
        "SalesTermRef": {"value": "2"},
        "GlobalTaxCalculation": "TaxExcluded",
        "CurrencyRef": {"value": "AUD"},
        "ExchangeRate": 1,
        "Line": [{"Amount": 10, "DetailType": SALE, SALE: {"ItemRef": {"value": "1"}, "TaxCodeRef": {"value": "3"}}}],
        "TxnTaxDetail": {"TotalTax": 1, "TxnTaxCodeRef": {"value": "2"}},
    },
    "payment": {
        "CustomerRef": {"value": "1"},
        "CurrencyRef": {"value": "AUD"},
        "TotalAmt": 10,
        "Line": [{"Amount": 1, "LinkedTxn": [{"TxnId": "129", "TxnType": "Invoice"}]}],
    },
    "journalentry": {
        "CurrencyRef": {"value": "AUD"},
        "Line": [
            {"Amount": 1, "DetailType": JOURNAL, JOURNAL: {"PostingType": side, "AccountRef": {"value": account}}}
            for side, account in (("Debit", "55"), ("Credit", "35"))
        ],
    },
    "purchase": {
        "PaymentType": "Check",
        "AccountRef": {"value": "35"},
        "EntityRef": {"value": "56", "type": "Vendor"},
        "Line": [{"Amount": 3, "DetailType": ACCOUNT, ACCOUNT: {"AccountRef": {"value": "55"}}}],
    },
    "deposit": {
        "DepositToAccountRef": {"value": "35"},
        "CashBack": {"AccountRef": {"value": "36"}, "Amount": 1},
        "Line": [
            {"LinkedTxn": [{"TxnId": "130", "TxnType": "Payment", "TxnLineId": "0"}]},
            {"Amount": 5, "DetailType": "DepositLineDetail", "DepositLineDetail": {"AccountRef": {"value": "1"}}},
        ],
    },
    "transfer": {"FromAccountRef": {"value": "35"}, "ToAccountRef": {"value": "36"}, "Amount": 3},
    "taxservice/taxcode": {"TaxCode": "z", "TaxRateDetails": [{"TaxRateName": "r", "RateValue": 3, "TaxAgencyId": 1}]},
    "batch": {"BatchItemRequest": [{"bId": "a", "operation": "create", "Customer": {"DisplayName": "q"}}]},
}


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key and index inside a body."""
    if above:
        yield above
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from places(below, (*above, key))


def mutated(body: Json, dice: random.Random) -> Json:
    out = copy.deepcopy(body)
    where = dice.choice(list(places(out)))
    holder: Any = out
    for key in where[:-1]:
        holder = holder[key]
    holder[where[-1]] = copy.deepcopy(dice.choice(VALUES))
    if dice.random() < 0.3:
        out |= {"Id": dice.choice(["1", "129", "130", 5, [], {}]), "SyncToken": dice.choice(["0", "1", 0])}
        out["sparse"] = dice.choice([True, False, "true"])
    return out


@pytest.mark.parametrize("realm", [US_REALM, UK_REALM, AU_REALM])
async def test_no_body_crashes_it(realm: str) -> None:
    intuit = Intuit()
    await intuit.connect(realm)
    dice = random.Random(realm)
    for name, body in BODIES.items():
        for _ in range(40):
            sent = mutated(body, dice)
            reply = await intuit.call("POST", name, json.dumps(sent).encode(), realm, **dice.choice(OPERATIONS))
            assert reply.status_code in (200, 400, 501), (name, sent, reply.text)
    rows = trial_balance(intuit.sims.intuit.companies[realm])
    assert sum(Decimal(row["debit"]) for row in rows) == sum(Decimal(row["credit"]) for row in rows)
    await intuit.aclose()
