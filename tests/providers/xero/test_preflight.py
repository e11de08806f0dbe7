from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.canonical import Address, Customer, Invoice, InvoiceLine, Operation, TaxMode
from app.providers.xero.preflight import preflight
from tests.providers.xero.support import COMPANY, CONTACT, CUSTOMER, INVOICE, INVOICE_ID, LINE, item


def codes(record: Customer | Invoice, operation: Operation = Operation.create, **company: Any) -> list[str]:
    return [fault.code for fault in preflight(item(record, operation), replace(COMPANY, **company))]


def with_line(**changes) -> Invoice:
    """The invoice with its line changed, and totals that follow."""
    line: InvoiceLine = replace(LINE, **changes)
    return replace(INVOICE, lines=(line,), total=line.amount + line.tax_amount)


def test_a_sound_invoice_and_customer_pass() -> None:
    assert codes(INVOICE) == []
    assert codes(CUSTOMER) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", ["name_missing"]),
        ("  ", ["name_missing"]),
        (" Acme", ["name_invalid"]),
        ("Acme ", ["name_invalid"]),
        ("Acme  Ltd", ["name_invalid"]),
        ("<Acme>", ["name_invalid"]),
        ("A" * 255, []),
        ("A" * 256, ["text_too_long"]),
    ],
)
def test_names(name: str, expected: list[str]) -> None:
    assert codes(replace(CUSTOMER, name=name)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"email": "jürgen@example.com"}, ["email_invalid"]),
        ({"email": "nobody"}, ["email_invalid"]),
        ({"email": ""}, []),
        ({"reference": "x" * 51}, ["text_too_long"]),
        ({"phone": "5" * 51}, ["text_too_long"]),
        ({"billing_address": Address(postal_code="5" * 51)}, ["text_too_long"]),
        ({"currency": "EUR"}, ["currency_not_enabled"]),
    ],
)
def test_customers_details(changes, expected: list[str]) -> None:
    assert codes(replace(CUSTOMER, **changes)) == expected


def test_a_customers_currency_does_not_matter_where_there_is_one() -> None:
    assert codes(replace(CUSTOMER, currency="EUR"), multicurrency=False) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"customer": ""}, ["customer_unmapped"]),
        ({"number": ""}, ["number_missing"]),
        ({"number": "9" * 256}, ["text_too_long"]),
        ({"reference": "r" * 256}, ["text_too_long"]),
        ({"currency": "EUR"}, ["currency_not_enabled"]),
        ({"currency": "AUD"}, []),
        ({"total": Decimal("51.76")}, ["total_mismatch"]),
        ({"lines": (), "total": Decimal(0)}, ["lines_missing"]),
        ({"issue_date": date(2026, 3, 30)}, ["period_closed"]),
        ({"issue_date": date(2026, 3, 31)}, []),
    ],
)
def test_invoices(changes, expected: list[str]) -> None:
    assert codes(replace(INVOICE, **changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"description": " "}, ["description_missing"]),
        ({"description": "d" * 4001}, ["text_too_long"]),
        ({"account": ""}, ["account_unmapped"]),
        ({"tax": ""}, ["tax_unmapped"]),
        ({"quantity": Decimal("1.50001"), "amount": Decimal("45.00")}, ["too_many_decimals"]),
        ({"quantity": Decimal("1.500000")}, []),
        ({"unit_price": Decimal("33.33331")}, ["too_many_decimals"]),
        ({"amount": Decimal("44.99")}, ["line_amount_mismatch"]),
        ({"tax_amount": Decimal("6.755")}, ["too_many_decimals"]),
        ({"quantity": Decimal("1E9"), "amount": Decimal("1E12")}, ["amount_too_large"]),
        ({"quantity": Decimal("-1.5"), "amount": Decimal("-45.00"), "tax_amount": Decimal(0)}, ["total_negative"]),
    ],
)
def test_lines(changes, expected: list[str]) -> None:
    assert codes(with_line(**changes)) == expected


def test_xero_keeps_two_decimals_in_every_currency() -> None:
    facts = {"currencies": "JPY,NZD"}
    line = replace(LINE, quantity=Decimal("1.5"), unit_price=Decimal(333), discount_percent=Decimal(0))
    yen = replace(INVOICE, currency="JPY", lines=(replace(line, amount=Decimal(500), tax_amount=Decimal(50)),))
    assert codes(replace(yen, total=Decimal(550)), facts=facts) == ["line_amount_mismatch"]


def test_an_invoice_without_tax_needs_no_tax_code_and_may_have_no_tax() -> None:
    untaxed = replace(INVOICE, tax_mode=TaxMode.none, total=Decimal("45.00"))
    assert codes(replace(untaxed, lines=(replace(LINE, tax="", tax_amount=Decimal(0)),))) == []
    assert codes(untaxed) == ["tax_unexpected"]


def test_prices_that_include_tax_add_nothing_on_top() -> None:
    assert codes(replace(INVOICE, tax_mode=TaxMode.inclusive, total=Decimal("45.00"))) == []


def test_ending_a_record_asks_only_for_an_open_period() -> None:
    broken = replace(INVOICE, lines=(), number="")
    assert codes(broken, Operation.void) == []
    assert codes(replace(broken, issue_date=date(2026, 1, 1)), Operation.void) == ["period_closed"]
    assert codes(replace(CUSTOMER, name=""), Operation.deactivate) == []


def test_a_fault_names_its_field_and_its_cure() -> None:
    fault = preflight(item(with_line(account=""), external_id=INVOICE_ID), COMPANY)[0]
    assert fault.field == "lines.0.account"
    assert fault.fix
    assert CONTACT not in fault.message
