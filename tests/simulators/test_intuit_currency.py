"""A company with multicurrency on, and Australian tax (reference 2.10 "Multicurrency", "Tax (non-US)")."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tests.simulators.intuit_client import AU_REALM, US_REALM, Intuit, Json, line

EUR = {"CurrencyRef": {"value": "EUR"}}
AUD = {"CurrencyRef": {"value": "AUD"}}


@pytest.fixture
async def intuit() -> AsyncIterator[Intuit]:
    world = Intuit()
    await world.connect(AU_REALM)
    yield world
    await world.aclose()


def invoice(amount: str, **fields: object) -> Json:
    body = {"CustomerRef": {"value": "2"}, "Line": [line(amount, "5")], "GlobalTaxCalculation": "TaxExcluded", **EUR}
    return {**body, **fields}


def paying(amount: str, invoice: str, rate: str, **fields: object) -> Json:
    rows = [{"Amount": Decimal(amount), "LinkedTxn": [{"TxnId": invoice, "TxnType": "Invoice"}]}]
    body = {"CustomerRef": {"value": "2"}, "TotalAmt": Decimal(amount), "Line": rows, **EUR}
    return {**body, "ExchangeRate": Decimal(rate), **fields}


async def trial(intuit: Intuit) -> dict[str, Decimal | int]:
    rows = (await intuit.control(f"intuit/companies/{AU_REALM}/trial_balance"))["accounts"]
    return {row["account"]: Decimal(row["debit"]) - Decimal(row["credit"]) for row in rows}


async def test_preferences_say_so(intuit: Intuit) -> None:
    prefs = (await intuit.call("GET", "preferences", realm=AU_REALM)).json()["Preferences"]["CurrencyPrefs"]
    assert prefs == {"MultiCurrencyEnabled": True, "HomeCurrency": {"value": "AUD"}}


async def test_invoice_in_a_foreign_currency(intuit: Intuit) -> None:
    made = await intuit.save("Invoice", invoice("100", ExchangeRate=Decimal("1.7")), AU_REALM)
    assert made["CurrencyRef"] == {"value": "EUR", "name": "Euro"}
    assert (made["TotalAmt"], made["HomeTotalAmt"], made["HomeBalance"]) == (100, 170, 170)
    assert made["ExchangeRate"] == Decimal("1.7")
    default = await intuit.save("Invoice", invoice("100"), AU_REALM)
    assert (default["ExchangeRate"], default["HomeTotalAmt"]) == (Decimal("1.65"), 165)
    assert (await intuit.read("Customer", "2", AU_REALM))["Balance"] == 200
    assert (await trial(intuit))["Accounts Receivable (A/R) - EUR"] == 335


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CurrencyRef": None}, "2020"),
        ({"CurrencyRef": {"value": "XXX"}}, "2220"),
        ({"CurrencyRef": {"value": "USD"}}, "6000"),
        ({"CurrencyRef": {"value": "AUD"}}, "6000"),
        ({"ExchangeRate": -1}, "6000"),
    ],
)
async def test_refusals(intuit: Intuit, changes: Json, code: str) -> None:
    assert (await intuit.fault("POST", "invoice", invoice("1", **changes), AU_REALM))["code"] == code


async def test_a_customers_currency_is_written_once(intuit: Intuit) -> None:
    made = await intuit.save("Customer", {"DisplayName": "Kyoto", "CurrencyRef": {"value": "USD"}}, AU_REALM)
    identity = {"Id": made["Id"], "SyncToken": "0"}
    refused = await intuit.fault("POST", "customer", {**identity, "DisplayName": "Kyoto", **EUR}, AU_REALM)
    assert refused["code"] == "6000"
    kept = await intuit.save("Customer", {**identity, "DisplayName": "Kyoto"}, AU_REALM)
    assert kept["CurrencyRef"]["value"] == "USD"
    local = await intuit.save("Customer", {"DisplayName": "Perth"}, AU_REALM)
    assert local["CurrencyRef"]["value"] == "AUD"


async def test_paying_at_another_rate_books_the_difference(intuit: Intuit) -> None:
    key = (await intuit.save("Invoice", invoice("100", ExchangeRate=Decimal("1.7")), AU_REALM))["Id"]
    paid = await intuit.save("Payment", paying("100", key, "1.6"), AU_REALM)
    assert paid["HomeTotalAmt"] == 160
    books = await trial(intuit)
    assert books["Exchange Gain or Loss"] == 10
    assert books["Undeposited Funds"] == 160
    assert "Accounts Receivable (A/R) - EUR" not in books
    banked = {"DepositToAccountRef": {"value": "92"}, **EUR, "ExchangeRate": Decimal("1.62")}
    rows = [{"LinkedTxn": [{"TxnId": paid["Id"], "TxnType": "Payment", "TxnLineId": "0"}]}]
    await intuit.save("Deposit", {**banked, "Line": rows}, AU_REALM)
    assert (await intuit.read("Account", "92", AU_REALM))["CurrentBalance"] == 100
    after = await trial(intuit)
    assert (after["Euro Account"], after["Exchange Gain or Loss"]) == (162, 8)
    assert sum(after.values()) == 0


async def test_odd_cents_of_part_payments_come_out_even(intuit: Intuit) -> None:
    key = (await intuit.save("Invoice", invoice("10", ExchangeRate=Decimal("1.333333")), AU_REALM))["Id"]
    first = await intuit.save("Payment", paying("3.33", key, "1.333333"), AU_REALM)
    await intuit.save("Payment", paying("3.33", key, "1.333333"), AU_REALM)
    await intuit.save("Payment", paying("3.34", key, "1.333333"), AU_REALM)
    done = await intuit.read("Invoice", key, AU_REALM)
    assert (done["Balance"], done["HomeBalance"]) == (0, 0)
    assert "Accounts Receivable (A/R) - EUR" not in await trial(intuit)
    body = {"Id": first["Id"], "SyncToken": "0", "sparse": True}
    await intuit.save("Payment", body, AU_REALM, operation="update", include="void")
    open_again = await intuit.read("Invoice", key, AU_REALM)
    aged = await intuit.control(f"intuit/companies/{AU_REALM}/aged_receivables")
    assert Decimal(aged["total"]) == open_again["HomeBalance"]
    assert (await trial(intuit))["Accounts Receivable (A/R) - EUR"] == open_again["HomeBalance"]


async def test_a_new_rate_moves_what_was_paid(intuit: Intuit) -> None:
    key = (await intuit.save("Invoice", invoice("100", ExchangeRate=Decimal("1.7")), AU_REALM))["Id"]
    await intuit.save("Payment", paying("40", key, "1.7"), AU_REALM)
    change = {"Id": key, "SyncToken": "1", "sparse": True, "ExchangeRate": Decimal("1.5")}
    assert (await intuit.save("Invoice", change, AU_REALM))["HomeBalance"] == 90
    books = await trial(intuit)
    assert (books["Accounts Receivable (A/R) - EUR"], books["Exchange Gain or Loss"]) == (90, -8)


async def test_accounts_must_be_in_the_home_currency_or_the_transactions(intuit: Intuit) -> None:
    body = {"FromAccountRef": {"value": "35"}, "ToAccountRef": {"value": "92"}, "Amount": 100}
    assert (await intuit.fault("POST", "transfer", body, AU_REALM))["code"] == "2020"
    assert (await intuit.fault("POST", "transfer", {**body, **AUD}, AU_REALM))["code"] == "6000"
    await intuit.save("Transfer", {**body, **EUR, "ExchangeRate": Decimal("1.6")}, AU_REALM)
    assert (await intuit.read("Account", "92", AU_REALM))["CurrentBalance"] == 100
    assert (await intuit.read("Account", "35", AU_REALM))["CurrentBalance"] == -160


async def test_journal_lines_on_receivables_are_in_the_names_currency(intuit: Intuit) -> None:
    await intuit.save("Invoice", invoice("1"), AU_REALM)
    accounts = (await intuit.query("select * from Account where AccountType = 'Accounts Receivable'", AU_REALM))[
        "Account"
    ]
    euro = next(a["Id"] for a in accounts if a["CurrencyRef"]["value"] == "EUR")

    def entry(account: str, currency: Json) -> Json:
        entity = {"Type": "Customer", "EntityRef": {"value": "2"}}
        details = (
            {"PostingType": "Debit", "AccountRef": {"value": account}, "Entity": entity},
            {"PostingType": "Credit", "AccountRef": {"value": "1"}},
        )
        kind = "JournalEntryLineDetail"
        return {"Line": [{"Amount": 10, "DetailType": kind, kind: detail} for detail in details], **currency}

    for account, currency in (("84", EUR), ("84", AUD), (euro, AUD)):
        assert (await intuit.fault("POST", "journalentry", entry(account, currency), AU_REALM))["code"] == "6000"
    made = await intuit.save("JournalEntry", entry(euro, EUR), AU_REALM)
    assert (made["TotalAmt"], made["HomeTotalAmt"], made["ExchangeRate"]) == (0, 0, Decimal("1.65"))
    assert (await intuit.read("Customer", "2", AU_REALM))["Balance"] == 11


async def test_gst(intuit: Intuit) -> None:
    body = invoice("100", CustomerRef={"value": "1"}, Line=[line("100", "3")], **AUD)
    made = await intuit.save("Invoice", body, AU_REALM)
    assert (made["TxnTaxDetail"]["TotalTax"], made["TotalAmt"], made["HomeTotalAmt"]) == (10, 110, 110)
    assert made["GlobalTaxCalculation"] == "TaxExcluded"


async def test_a_person_pays_in_the_invoices_currency(intuit: Intuit) -> None:
    key = (await intuit.save("Invoice", invoice("100"), AU_REALM))["Id"]
    await intuit.control(f"intuit/companies/{AU_REALM}/pay", {"invoice_id": key})
    assert (await intuit.read("Invoice", key, AU_REALM))["Balance"] == 0
    ledger = await intuit.control(f"intuit/companies/{AU_REALM}/ledger")
    assert (ledger["invoices"][0]["currency"], ledger["totals"]["invoiced"]) == ("EUR", "165.00")


async def test_without_multicurrency_rates_are_ignored(intuit: Intuit) -> None:
    await intuit.connect(US_REALM)
    made = await intuit.invoice("A", ExchangeRate=3)
    assert "ExchangeRate" not in made
    assert "HomeTotalAmt" not in made
