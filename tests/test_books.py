"""What must add up in an invoice, and what a change of a client or invoice amounts to: pure."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.books import checks
from app.books.inputs import ClientIn, InvoiceIn
from app.canonical import TaxMode, round_money
from app.errors import Invalid

LINES = [
    {"quantity": "3", "unit_price": "33.335", "tax_amount": "10.00"},
    {"quantity": "1.5", "unit_price": "20", "discount_percent": "12.5", "tax_amount": "2.63"},
]


def invoice(**changes: Any) -> InvoiceIn:
    """100.01 + 26.25 and 12.63 of tax."""
    given_: dict[str, Any] = {
        "number": "1",
        "client_ref": "c",
        "issue_date": "2026-01-01",
        "due_date": "2026-01-31",
        "currency": "USD",
        "lines": LINES,
        "subtotal": "126.26",
        "tax_total": "12.63",
        "total": "138.89",
    }
    return InvoiceIn.model_validate(given_ | changes)


def codes(item: InvoiceIn) -> list[tuple[str, str]]:
    return [(found.field, found.code) for found in checks.invoice(0, item)]


def test_a_right_invoice_has_no_findings() -> None:
    assert codes(invoice()) == []


def test_lines_round_half_up_once_at_the_end() -> None:
    assert invoice().amounts == (Decimal("100.01"), Decimal("26.25"))
    tiny = invoice(lines=[{"quantity": "0.5", "unit_price": "0.01"}, {"quantity": "-0.5", "unit_price": "0.01"}])
    assert tiny.amounts == (Decimal("0.01"), Decimal("-0.01"))
    # Rounded to 28 digits on the way, this would be a tie and go up.
    long = {"quantity": "9999999999.999999", "unit_price": "0.500000", "discount_percent": "0.000001"}
    exact = Decimal("9999999999.999999") * Decimal("0.5")
    assert invoice(lines=[long]).amounts[0] == round_money(exact - exact / 10**8, "USD")


@pytest.mark.parametrize(
    ("changes", "findings"),
    [
        ({"tax_mode": "inclusive", "total": "126.26", "subtotal": "113.63"}, []),
        ({"tax_mode": "inclusive"}, [("/total", "total_mismatch")]),
        ({"tax_mode": "none"}, [("/tax_total", "tax_unbalanced")]),
        ({"tax_total": "12.64", "total": "138.90"}, [("/tax_total", "tax_unbalanced")]),
        ({"total": "138.88"}, [("/total", "total_mismatch")]),
        ({"subtotal": "126.27", "total": "138.90"}, [("/subtotal", "total_mismatch")]),
        # With three decimals the first line comes to 100.005.
        ({"currency": "KWD", "subtotal": "126.255", "total": "138.885"}, []),
        ({"currency": "KWD"}, [("/subtotal", "total_mismatch")]),
        ({"currency": "EURO"}, [("/currency", "currency_unknown")]),
        ({"due_date": "2025-12-31"}, [("/due_date", "dates_reversed")]),
    ],
)
def test_findings(changes: dict[str, Any], findings: list[tuple[str, str]]) -> None:
    assert codes(invoice(**changes)) == findings


def test_every_amount_finer_than_its_currency_is_named() -> None:
    fields = ["/subtotal", "/tax_total", "/total", "/lines/1/tax_amount"]
    assert codes(invoice(currency="JPY")) == [(field, "too_many_decimals") for field in fields]


money = st.decimals(min_value="-9999999", max_value="9999999", places=2)
rate = st.decimals(min_value="0", max_value="999999", places=6)
line = st.fixed_dictionaries({"quantity": rate, "unit_price": rate, "discount_percent": st.integers(0, 100)})


@given(lines=st.lists(line, min_size=1, max_size=8), taxes=st.data(), mode=st.sampled_from(TaxMode), off=money)
def test_right_sums_pass_and_a_total_off_by_any_amount_does_not(
    lines: list[dict[str, Any]], taxes: st.DataObject, mode: TaxMode, off: Decimal
) -> None:
    tax = st.just(Decimal(0)) if mode is TaxMode.none else st.decimals(min_value="0", max_value="9999", places=2)
    lines = [one | {"tax_amount": taxes.draw(tax)} for one in lines]
    amounts = sum(invoice(lines=lines).amounts, Decimal(0))
    tax_total = sum((one["tax_amount"] for one in lines), Decimal(0))
    total = amounts if mode is TaxMode.inclusive else amounts + tax_total
    sums = {"tax_mode": mode, "subtotal": total - tax_total, "tax_total": tax_total, "total": total}
    assert codes(invoice(lines=lines, **sums)) == []
    if off:
        assert ("/total", "total_mismatch") in codes(invoice(lines=lines, **sums | {"total": total + off}))


def test_credit_and_enormous_invoices_are_refused() -> None:
    negative = invoice(lines=[{"quantity": "-1", "unit_price": "5"}], subtotal="-5", tax_total=0, total="-5")
    assert codes(negative) == [("/total", "negative_total")]
    huge = invoice(lines=[{"quantity": "9999999999", "unit_price": "9999999999"}], subtotal=0, tax_total=0, total=0)
    assert codes(huge) == [("/total", "out_of_range")]


def test_findings_of_one_code_give_the_problem_that_code_and_others_give_it_none() -> None:
    one = checks.Finding(3, "/total", "total_mismatch", "wrong", "ref-3")
    with pytest.raises(Invalid) as caught:
        checks.refuse([one, one], single=False)
    assert caught.value.public_code == "total_mismatch"
    expected = {"pointer": "/items/3/total", "index": 3, "external_ref": "ref-3"}
    assert dict(caught.value.errors[0]) | expected == caught.value.errors[0]
    with pytest.raises(Invalid) as caught:
        checks.refuse([one, checks.Finding(4, "/number", "number_taken", "taken")], single=True)
    assert (caught.value.public_code, caught.value.errors[0]["pointer"]) == ("invalid", "/total")
    checks.refuse([], single=True)


def test_the_first_to_name_a_record_is_not_the_duplicate() -> None:
    found = list(checks.duplicates(["a", None, "b", "a", None], "/number", ["1", "2", "3", "4", "5"]))
    assert [(one.index, one.code, one.external_ref) for one in found] == [(3, "duplicate_in_request", "4")]


def test_a_client_may_leave_its_currency_open_but_not_invent_one() -> None:
    assert list(checks.client(0, ClientIn(name="A"))) == []
    assert [one.code for one in checks.client(0, ClientIn(name="A", currency="GBX"))] == ["currency_unknown"]
