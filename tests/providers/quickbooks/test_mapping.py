from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.canonical import DocumentState, InvoiceLine, Kind, Settlement, TaxMode
from app.providers.jsontext import dumps, loads
from app.providers.quickbooks import mapping
from app.providers.quickbooks import records as typed_records
from tests.providers.quickbooks.support import CUSTOMER, GB, INVOICE, US, sample

# Untyped: a test hands over plain dictionaries, as they come from JSON.
records: Any = typed_records


def as_sent(body):
    """A body after the journey through the JSON writer."""
    return loads(dumps(body))


def test_a_us_invoice_is_sent_to_the_digit():
    assert dumps(mapping.invoice_body(INVOICE, US)).decode() == (
        '{"CustomerRef":{"value":"60"},"TxnDate":"2026-11-18","DueDate":"2026-12-18","Line":['
        '{"DetailType":"SalesItemLineDetail","Amount":150,"SalesItemLineDetail":'
        '{"ItemRef":{"value":"5"},"Qty":10,"UnitPrice":15,"TaxCodeRef":{"value":"TAX"}},"Description":"Matcha tins"},'
        '{"DetailType":"SalesItemLineDetail","Amount":70,"SalesItemLineDetail":'
        '{"ItemRef":{"value":"6"},"TaxCodeRef":{"value":"NON"},"ServiceDate":"2026-11-17"},'
        '"Description":"Tasting (2 × 40, less 12.5 %)"}],'
        '"DocNumber":"HT-2041","TxnTaxDetail":{"TotalTax":12.38},"CustomerMemo":{"value":"Thank you"},'
        '"PrivateNote":"Second delivery\\ntieout:inv_881"}'
    )


def test_an_invoice_survives_the_round_trip():
    golden = sample("invoice.json")["Invoice"]
    server = {name: golden[name] for name in ("Id", "SyncToken", "MetaData", "TotalAmt", "Balance", "CurrencyRef")}
    there_and_back = records.to_invoice({**as_sent(mapping.invoice_body(INVOICE, US)), **server})
    assert there_and_back == records.to_invoice(golden)
    assert there_and_back.total == INVOICE.total
    assert there_and_back.reference == INVOICE.reference


def test_an_invoice_is_read():
    remote = records.to_invoice(sample("invoice.json")["Invoice"])
    assert (remote.external_id, remote.version, remote.number, remote.customer_id) == ("155", "0", "HT-2041", "60")
    assert (remote.total, remote.tax_total, remote.balance) == (Decimal("232.38"), Decimal("12.38"), Decimal("82.38"))
    assert remote.state is DocumentState.open
    assert remote.issue_date == date(2026, 11, 18)
    assert remote.updated_at == datetime(2026, 11, 18, 17, 12, 45, tzinfo=UTC)
    assert remote.settlements is None


def test_a_voided_invoice_is_not_taken_for_a_paid_one():
    remote = records.to_invoice(sample("invoice_voided.json")["Invoice"])
    assert remote.state is DocumentState.voided
    assert remote.reference == "inv_882"


@pytest.mark.parametrize(("balance", "state"), [("0", DocumentState.paid), ("0.01", DocumentState.open)])
def test_the_balance_says_whether_an_invoice_is_paid(balance, state):
    remote = records.to_invoice({"Id": "1", "TotalAmt": Decimal(10), "Balance": Decimal(balance)})
    assert remote.state is state


def test_a_customer_survives_the_round_trip():
    golden = sample("customer.json")["Customer"]
    assert records.to_customer(golden).customer == CUSTOMER
    server = {
        "Id": "60",
        "SyncToken": "2",
        "Active": True,
        "MetaData": golden["MetaData"],
        "CurrencyRef": {"value": "USD"},
    }
    sent = as_sent(mapping.customer_body(CUSTOMER, US, create=True))
    assert records.to_customer({**sent, **server}) == records.to_customer(golden)


def test_a_customer_with_hardly_a_field_is_read():
    remote = records.to_customer(sample("customer_minimal.json")["Customer"])
    assert (remote.name, remote.active, remote.version) == ("O'Brien & Søn (deleted)", False, "5")
    assert remote.updated_at is None


def test_a_customers_currency_is_written_once_and_only_where_there_are_several():
    foreign = replace(CUSTOMER, currency="EUR")
    assert mapping.customer_body(foreign, GB, create=True)["CurrencyRef"] == {"value": "EUR"}
    assert "CurrencyRef" not in mapping.customer_body(foreign, GB, create=False)
    assert "CurrencyRef" not in mapping.customer_body(foreign, US, create=True)


def test_a_us_rate_belongs_to_the_invoice_and_the_lines_say_tax():
    lines = (replace(INVOICE.lines[0], tax="2"), INVOICE.lines[1])
    body = mapping.invoice_body(replace(INVOICE, lines=lines), US)
    assert body["TxnTaxDetail"] == {"TotalTax": Decimal("12.38"), "TxnTaxCodeRef": {"value": "2"}}
    assert [line["SalesItemLineDetail"]["TaxCodeRef"]["value"] for line in body["Line"]] == ["TAX", "NON"]


def test_outside_the_us_lines_name_their_codes_and_quickbooks_adds_the_tax():
    lines = tuple(replace(line, tax="5") for line in INVOICE.lines)
    body = mapping.invoice_body(replace(INVOICE, lines=lines, currency="GBP"), GB)
    assert body["GlobalTaxCalculation"] == "TaxExcluded"
    assert "TxnTaxDetail" not in body
    assert body["CurrencyRef"] == {"value": "GBP"}
    assert body["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] == {"value": "5"}


def test_an_invoice_outside_the_scope_of_tax_says_so():
    lines = tuple(replace(line, tax="4") for line in INVOICE.lines)
    body = mapping.invoice_body(replace(INVOICE, tax_mode=TaxMode.none, lines=lines), GB)
    assert body["GlobalTaxCalculation"] == "NotApplicable"
    assert "TxnTaxDetail" not in body
    assert body["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] == {"value": "4"}


def test_a_us_invoice_without_tax_taxes_no_line():
    body = mapping.invoice_body(replace(INVOICE, tax_mode=TaxMode.none, tax_total=Decimal(0)), US)
    assert {line["SalesItemLineDetail"]["TaxCodeRef"]["value"] for line in body["Line"]} == {"NON"}
    assert body["TxnTaxDetail"] == {"TotalTax": Decimal(0)}


def test_without_sales_tax_nothing_is_said_of_it():
    off = replace(US, facts={**US.facts, "using_sales_tax": False})
    body = mapping.invoice_body(INVOICE, off)
    assert "TxnTaxDetail" not in body
    assert all("TaxCodeRef" not in line["SalesItemLineDetail"] for line in body["Line"])


def inclusive_line(quantity, price, tax):
    amount = Decimal(quantity) * Decimal(price)
    return InvoiceLine(
        description="Tea",
        quantity=Decimal(quantity),
        unit_price=Decimal(price),
        amount=amount,
        tax_amount=Decimal(tax),
        item="5",
        tax="5",
    )


def test_prices_with_tax_go_as_net_amount_and_gross_beside_it():
    invoice = replace(INVOICE, tax_mode=TaxMode.inclusive, lines=(inclusive_line("3", "10.00", "5.00"),))
    line = mapping.invoice_body(invoice, GB)["Line"][0]
    assert line["Amount"] == Decimal("25.00")
    detail = line["SalesItemLineDetail"]
    assert detail["TaxInclusiveAmt"] == Decimal("30.00")
    assert (detail["Qty"], detail["UnitPrice"]) == (Decimal(3), Decimal("8.33333"))
    assert line["Description"] == "Tea"


def test_a_net_price_that_five_decimals_cannot_hold_is_spelled_out():
    invoice = replace(INVOICE, tax_mode=TaxMode.inclusive, lines=(inclusive_line("9999", "10.00", "16665.00"),))
    line = mapping.invoice_body(invoice, GB)["Line"][0]
    assert line["Amount"] == Decimal("83325.00")
    assert not {"Qty", "UnitPrice"} & set(line["SalesItemLineDetail"])
    assert line["Description"] == "Tea (9999 × 10)"


def test_a_payment_is_read_with_one_settlement_per_invoice():
    remote = records.to_payment(sample("payment.json")["Payment"])
    assert remote.active
    assert (remote.amount, remote.unapplied) == (Decimal(200), Decimal("24.99"))
    on = date(2026, 11, 19)
    assert remote.settlements == (
        Settlement(source_id="180", invoice_id="155", amount=Decimal(150), on=on),
        Settlement(source_id="180", invoice_id="148", amount=Decimal("25.01"), on=on),
    )
    assert remote.amount == sum((settlement.amount for settlement in remote.settlements), remote.unapplied)
    assert remote.reference == "ACH 7741"


def test_two_lines_for_one_invoice_are_one_settlement():
    line = {"Amount": Decimal(5), "LinkedTxn": [{"TxnId": "155", "TxnType": "Invoice"}]}
    remote = records.to_payment({"Id": "1", "TotalAmt": Decimal(10), "Line": [line, line]})
    assert [(settlement.invoice_id, settlement.amount) for settlement in remote.settlements] == [("155", Decimal(10))]


def test_a_credit_memo_settles_an_invoice_without_money():
    remote = records.to_payment(sample("payment_credit.json")["Payment"])
    assert remote.active
    assert remote.amount == Decimal("40.5")
    (settlement,) = remote.settlements
    assert (settlement.invoice_id, settlement.amount, settlement.source_kind) == ("155", Decimal("40.5"), "credit_note")


def test_a_voided_payment_settles_nothing():
    remote = records.to_payment(sample("payment_voided.json")["Payment"])
    assert not remote.active
    assert remote.settlements == ()
    assert remote.amount == 0


def test_a_voided_payment_is_recognised_in_any_language():
    golden = {**sample("payment_voided.json")["Payment"], "PrivateNote": "Annulé"}
    assert not records.to_payment(golden).active


@pytest.mark.parametrize("data", [None, {}, {"Id": ""}, []])
def test_a_record_without_an_id_is_not_a_record(data):
    with pytest.raises(ValueError, match="without an Id"):
        records.to_remote(Kind.invoice, data)


@pytest.mark.parametrize("text", ["Gift", "", "a\nb"])
def test_the_marker_leaves_a_note_as_its_author_wrote_it(text):
    marked = mapping.with_marker(text, "inv_1")
    assert records.marker_in(marked) == "inv_1"
    assert records.without_marker(marked) == text
