"""What printers refuse, list and keep apart, beyond the golden files."""

import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.files.formats import print_invoices, print_lists
from app.files.formats.print_invoices import Codes, InvoiceRow, LineRow
from app.files.formats.print_lists import ChartRow, Job
from app.files.formats.reading import read
from app.files.formats.targets import REGIONS, Findings, Plan, Target
from app.files.formats.types import WORDS
from tests.support.files import entry_rows, printed

CHART: Mapping[str, Target] = {
    "1000": Target(code="1000", name="Checking", type="asset.bank"),
    "1200": Target(code="1200", name="Debtors", type="asset.receivable"),
    "2000": Target(code="2000", name="Creditors", type="liability.payable"),
    "2150": Target(code="2150", name="Visa", type="liability.credit_card", mapped=False),
    "2160": Target(code="2160", name="Visa", type="liability.credit_card"),
    "Petty cash": Target(code="Petty cash", name="Petty cash", type="asset.bank", mapped=False),
    "60000001": Target(code="60000001", name="Rent", type="expense.operating", mapped=False),
    "6100": Target(code="6100", name="Café", type="expense.operating"),
}


def printing(kind: str, *entries: Any, **more: Any) -> tuple[str, Findings]:
    plan = Plan(region=REGIONS["us"], accounts=CHART, **more)
    data, printer = printed(kind, entries, given=plan)
    return data.decode("cp1252" if kind == "iif" else "utf-8"), printer.findings


def refused(findings: Findings) -> list[tuple[str, str]]:
    return [(one.record, one.code) for one in findings.refused]


class TestJournals:
    def test_a_declared_account_gets_no_number_that_was_cut(self) -> None:
        entry = entry_rows(1, "J1", "2026-11-02", [("60000001", "5.00", ""), ("Petty cash", "-5.00", "")])
        text, findings = printing("iif", entry)
        assert [line.split("\t")[1:] for line in text.split("\r\n") if line.startswith("ACCNT")] == [
            ["Petty cash", "BANK", ""],
            ["Rent", "EXP", ""],
        ]
        assert refused(findings) == []

    def test_who_is_owed_money_is_a_vendor(self) -> None:
        entries = (
            entry_rows(1, "J1", "2026-11-02", [("2000", "5.00", ""), ("1000", "-5.00", "")], client="Ace"),
            entry_rows(2, "J2", "2026-11-02", [("1200", "5.00", ""), ("1000", "-5.00", "")], client="Ann"),
        )
        text, findings = printing("iif", *entries)
        assert "!CUST\tNAME\r\nCUST\tAnn\r\n!VEND\tNAME\r\nVEND\tAce\r\n" in text
        assert refused(findings) == []

    def test_nobody_is_vendor_and_customer(self) -> None:
        entries = [
            entry_rows(int(code), f"J{code}", "2026-11-02", [(code, "5.00", ""), ("1000", "-5.00", "")], client="Ace")
            for code in ("2000", "1200")
        ]
        assert refused(printing("iif", *entries)[1]) == [("Ace", "name_on_both_lists")]

    def test_desktop_takes_one_receivable_in_an_entry(self) -> None:
        entry = entry_rows(1, "J1", "2026-11-02", [("1200", "5.00", ""), ("1200", "-5.00", "")], client="Ann")
        assert refused(printing("iif", entry)[1]) == [("J1", "several_receivables")]
        assert refused(printing("qbo", entry)[1]) == []

    def test_letters_that_a_newer_importer_may_not_show_are_told(self) -> None:
        entry = entry_rows(1, "J1", "2026-11-02", [("6100", "5.00", "für Gäste"), ("1000", "-5.00", "")])
        text, findings = printing("iif", entry)
        assert "Café" in text
        assert "für Gäste" in text
        assert {(one.record, one.field, one.written) for one in findings.altered} == {
            ("6100", "account", "Café"),
            ("J1", "narration", "für Gäste"),
        }
        assert all("question marks" in one.message for one in findings.altered)

    @pytest.mark.parametrize(("code", "expected"), [("2150", [("2150", "account_forbidden")]), ("2160", [])])
    def test_a_card_of_our_own_chart_is_a_bank_account_at_xero(
        self, code: str, expected: list[tuple[str, str]]
    ) -> None:
        entry = entry_rows(1, "J1", "2026-11-02", [(code, "5.00", ""), ("6100", "-5.00", "")])
        assert refused(printing("xero", entry)[1]) == expected

    @pytest.mark.parametrize("rate", ["=1+1", "20%\tVAT"])
    def test_a_rates_name_is_no_formula(self, rate: str) -> None:
        entry = entry_rows(1, "J1", "2026-11-02", [("6100", "5.00", ""), ("2160", "-5.00", "")], tax="S")
        assert {one.field for one in printing("xero", entry, taxes={"S": rate})[1].refused} == {"tax_code"}

    @pytest.mark.parametrize("sign", "=+-@＝＋－＠")
    def test_wide_signs_begin_a_formula_too(self, sign: str) -> None:
        entry = entry_rows(1, "J1", "2026-11-02", [("6100", "5.00", f"{sign}cmd"), ("1000", "-5.00", "")])
        assert f",'{sign}cmd," in printing("qbo", entry)[0]


def test_an_accounts_number_is_no_formula() -> None:
    row = ChartRow(code="=1+1", name="Rent", path="Rent", type="expense.operating", description="", active=True)
    for print_ in (print_lists.iif_accounts, print_lists.qbo_accounts, print_lists.xero_accounts):
        findings = Findings()
        print_([row], Job(file=io.BytesIO(), findings=findings, region=REGIONS["us"]))
        assert refused(findings) == [("=1+1", "formula")], print_.__name__


@pytest.mark.parametrize("print_", [print_lists.iif_accounts, print_lists.qbo_accounts, print_lists.xero_accounts])
def test_a_type_is_listed_as_altered_exactly_where_it_does_not_come_back(print_: Any) -> None:
    rows = [
        ChartRow(code=str(n), name=f"A{n}", path=f"A{n}", type=kind, description="", active=True)
        for n, kind in enumerate(WORDS)
    ]
    file, findings = io.BytesIO(), Findings()
    print_(rows, Job(file=file, findings=findings, region=REGIONS["gb"]))
    back = {one.name: one.type for one in read(file.getvalue()).accounts}
    lost = {row.code for row in rows if back[row.name] != row.type}
    assert lost == {one.record for one in findings.altered if one.field == "type"}
    assert lost


class TestInvoices:
    CODES = Codes(
        accounts={"4000": Target(code="200", name="Sales", type="revenue.sales")},
        items={"I": ("5", "Work")},
        taxes={"T": "8% Sales", "F": "=8%"},
        receivable="Debtors",
    )

    def _print(self, how: str, **line: Any) -> tuple[str, Findings]:
        given: dict[str, Any] = {
            "description": "Planting",
            "quantity": Decimal(1),
            "unit_price": Decimal(5),
            "discount": Decimal(0),
        }
        given |= {"amount": Decimal(5), "account": "4000", "item": "", "tax": "", "tax_amount": Decimal(0)}
        given |= {"service_date": None, "tracking": {}, **line}
        row = InvoiceRow(
            number="INV-1", client="Acme", email="", issued=date(2026, 11, 2), due=date(2026, 12, 2), currency="USD",
            tax_mode="exclusive", memo="", total=Decimal(5), tax_total=Decimal(0), lines=[LineRow(**given)],
        )  # fmt: skip
        file, findings = io.BytesIO(), Findings()
        getattr(print_invoices, how)([row], Job(file=file, findings=findings, region=REGIONS["us"]), self.CODES)
        return file.getvalue().decode(), findings

    def test_classes_and_locations_have_a_column_where_the_format_has_one(self) -> None:
        assert "\tSales\t\tNorth\t-5.00\t" in self._print("iif", tracking={"Class": "North"})[0]
        assert "12/02/2026,,Hull,," in self._print("qbo", tracking={"location": "Hull"})[0]

    @pytest.mark.parametrize(
        ("how", "line", "code"),
        [
            ("iif", {"tracking": {"Region": "North"}}, "tracking_unsupported"),
            ("qbo", {"tracking": {"Class": "North"}}, "tracking_unsupported"),
            ("xero", {"tracking": {"a": "1", "b": "2", "c": "3"}}, "tracking_unsupported"),
            ("xero", {"tracking": {"a": "=1"}}, "formula"),
            ("xero", {"tax": "F"}, "formula"),
            ("xero", {"description": " "}, "description_missing"),
        ],
    )
    def test_what_cannot_be_written_is_refused(self, how: str, line: dict[str, Any], code: str) -> None:
        assert refused(self._print(how, **line)[1]) == [("INV-1", code)]

    @pytest.mark.parametrize(
        ("how", "line", "field"),
        [
            ("iif", {"item": "I"}, "item_code"),
            ("iif", {"service_date": date(2026, 11, 1)}, "service_date"),
            ("xero", {"service_date": date(2026, 11, 1)}, "service_date"),
        ],
    )
    def test_what_is_left_out_is_listed(self, how: str, line: dict[str, Any], field: str) -> None:
        findings = self._print(how, **line)[1]
        assert [(one.record, one.field) for one in findings.altered] == [("INV-1", field)]
