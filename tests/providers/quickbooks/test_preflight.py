from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from app.canonical import Address, Operation, TaxMode
from app.providers.quickbooks.preflight import preflight
from tests.providers.quickbooks.support import CUSTOMER, GB, INVOICE, US, customer_item, invoice_item


def codes(item, company=US):
    return [fault.code for fault in preflight(item, company)]


def invoice_codes(company=US, **changes):
    return codes(invoice_item(invoice=replace(INVOICE, **changes)), company)


def line_codes(company=US, **changes):
    return invoice_codes(company, lines=(replace(INVOICE.lines[0], **changes), INVOICE.lines[1]))


def customer_codes(company=US, **changes):
    return codes(customer_item(customer=replace(CUSTOMER, **changes)), company)


def test_a_sound_record_passes():
    assert codes(invoice_item()) == []
    assert codes(customer_item()) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "name_missing"),
        ({"name": "  "}, "name_missing"),
        ({"name": "Parent:Child"}, "name_invalid"),
        ({"name": "Larkspur "}, "name_invalid"),
        ({"name": "a\tb"}, "unsupported_characters"),
        ({"name": "a\nb"}, "unsupported_characters"),
        ({"name": "x" * 501}, "text_too_long"),
        ({"name": "Tea 🍵"}, "unsupported_characters"),
        ({"company_name": "x" * 101}, "text_too_long"),
        ({"email": "nobody"}, "email_invalid"),
        ({"email": "a@b"}, "email_invalid"),
        ({"email": "a b@c.de"}, "email_invalid"),
        ({"email": "x" * 95 + "@a.example"}, "text_too_long"),
        ({"phone": "1" * 31}, "text_too_long"),
        ({"notes": "x" * 1990}, "text_too_long"),
        ({"notes": "bell\x07"}, "unsupported_characters"),
        ({"billing_address": Address(postal_code="x" * 31)}, "text_too_long"),
        ({"currency": "EUR"}, "currency_not_enabled"),
    ],
)
def test_a_customer_that_quickbooks_would_refuse(changes, code):
    assert code in customer_codes(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "x" * 500},
        {"name": "O'Brien & Søn, 東京"},
        {"email": "a@b.example,c@d.example"},
        {"email": ""},
        {"notes": "line one\nline two"},
        {"notes": "x" * (2000 - len("\ntieout:cli_17"))},
    ],
)
def test_a_customer_at_the_limit_passes(changes):
    assert customer_codes(**changes) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": "x" * 22}, "number_too_long"),
        ({"number": "HT\n1"}, "unsupported_characters"),
        ({"customer": ""}, "customer_unmapped"),
        ({"memo": "x" * 1001}, "text_too_long"),
        ({"memo": "Thanks 😀"}, "unsupported_characters"),
        ({"private_note": "x" * 3990}, "text_too_long"),
        ({"issue_date": date(2026, 9, 30)}, "period_closed"),
        ({"currency": "EUR"}, "currency_not_enabled"),
        ({"total": Decimal("232.39")}, "total_mismatch"),
        ({"lines": ()}, "lines_missing"),
        ({"tax_mode": TaxMode.inclusive}, "tax_inclusive_unsupported"),
        ({"tax_mode": TaxMode.none}, "tax_unexpected"),
    ],
)
def test_an_invoice_that_quickbooks_would_refuse(changes, code):
    assert code in invoice_codes(**changes)


def test_the_day_after_the_closing_date_is_open():
    assert invoice_codes(issue_date=date(2026, 10, 1)) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"item": ""}, "item_unmapped"),
        ({"tax": ""}, "tax_unmapped"),
        ({"unit_price": Decimal("15.01")}, "line_amount_mismatch"),
        ({"description": "x" * 4001}, "text_too_long"),
        ({"description": "🍵"}, "unsupported_characters"),
    ],
)
def test_a_line_that_quickbooks_would_refuse(changes, code):
    assert line_codes(**changes) == [code]


def test_a_fault_names_the_field_and_the_characters():
    (fault,) = preflight(customer_item(customer=replace(CUSTOMER, notes="a🍵b😀")), US)
    assert fault.field == "notes"
    assert "🍵" in fault.message
    assert "😀" in fault.message


def test_a_discount_counts_before_the_amount_is_compared():
    line = replace(INVOICE.lines[1], amount=Decimal("80.00"))
    assert "line_amount_mismatch" in invoice_codes(lines=(INVOICE.lines[0], line))


def test_a_negative_total_is_a_credit_note():
    line = replace(INVOICE.lines[0], quantity=Decimal(-10), amount=Decimal("-150.00"), tax_amount=Decimal(0))
    changes = {"lines": (line,), "tax_total": Decimal(0), "total": Decimal("-150.00")}
    assert invoice_codes(**changes) == ["total_negative"]


def test_two_us_rates_do_not_fit_one_invoice():
    lines = (replace(INVOICE.lines[0], tax="2"), replace(INVOICE.lines[1], tax="3"))
    assert invoice_codes(lines=lines) == ["tax_codes_mixed"]
    assert invoice_codes(GB, lines=lines, currency="GBP") == []


def test_tax_needs_sales_tax_to_be_on():
    off = replace(US, facts={**US.facts, "using_sales_tax": False})
    assert invoice_codes(off) == ["sales_tax_off"]
    lines = tuple(replace(line, tax="", tax_amount=Decimal(0)) for line in INVOICE.lines)
    assert invoice_codes(off, lines=lines, tax_total=Decimal(0), total=Decimal("220.00")) == []


def test_us_tax_needs_a_line_that_is_taxed():
    lines = tuple(replace(line, tax="NON") for line in INVOICE.lines)
    assert invoice_codes(lines=lines) == ["tax_without_taxed_line"]


def test_outside_the_us_a_line_names_its_code_even_where_no_tax_is_due():
    lines = tuple(replace(line, tax="", tax_amount=Decimal(0)) for line in INVOICE.lines)
    changes = {"lines": lines, "tax_mode": TaxMode.none, "tax_total": Decimal(0), "total": Decimal("220.00")}
    assert invoice_codes(GB, **changes) == ["tax_unmapped", "tax_unmapped"]
    assert invoice_codes(US, **changes) == []


def test_with_multicurrency_any_currency_goes():
    assert invoice_codes(GB, currency="EUR") == []


@pytest.mark.parametrize(
    ("count", "tax", "code"), [(10_001, "0", "too_many_lines"), (751, "1", "too_many_taxable_lines")]
)
def test_very_long_invoices_are_split_by_a_person(count, tax, code):
    line = replace(INVOICE.lines[0], tax_amount=Decimal(tax))
    tax_total = Decimal(tax) * count
    changes = {"lines": (line,) * count, "tax_total": tax_total, "total": Decimal("150.00") * count + tax_total}
    assert invoice_codes(**changes) == [code]


def test_a_void_looks_at_the_period_alone():
    broken = replace(INVOICE, number="x" * 30, total=Decimal(0))
    void = {"operation": Operation.void, "external_id": "1", "version": "0"}
    assert codes(invoice_item(invoice=broken, **void)) == []
    assert codes(invoice_item(invoice=replace(broken, issue_date=date(2026, 1, 1)), **void)) == ["period_closed"]


def test_a_deactivation_sends_nothing_that_could_be_wrong():
    item = customer_item(customer=replace(CUSTOMER, name="a:b"), operation=Operation.deactivate, external_id="1")
    assert codes(item) == []
