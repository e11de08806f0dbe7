"""What real files look like: encodings, line ends, dividers, title rows, totals, quirks of their writers."""

from decimal import Decimal

import pytest

from app.canonical import ProviderName
from app.files.formats.model import Format, Unreadable
from app.files.formats.reading import read
from app.files.formats.values import amount_of, date_of, date_order, decimal_mark
from tests.support.files import workbook

XERO = "*Code,*Name,*Type,*Tax Code,Description\r\n0477,Löhne & Café,Expense,No VAT,\r\n,123456789,Bank,No VAT,\r\n"
REPORT = (
    "Account List\nAlder & Ash LLC\n\nAccount #,Full name,Type,Detail type,Description,Total balance\n"
    '1000,Checking,Bank,Checking,,"-1,602.67"\n,Truck:Depreciation,Fixed Assets,Accumulated Depreciation,,\n'
    "4000,Total Landscaping,Income,Service/Fee Income,,\n5000,Old (deleted),Expenses,,,\n"
    'TOTAL,,,,,"$15,137.46"\n\n\n" Sunday, December 21, 2025 11:39 PM GMTZ"\n'
)
_COLUMNS = "TRNSTYPE\tDATE\tACCNT\tCLASS\tAMOUNT\tDOCNUM\tMEMO"
IIF_HEAD = f"!TRNS\tTRNSID\t{_COLUMNS}\n!SPL\tSPLID\t{_COLUMNS}\n!ENDTRNS\n"
KIT = (
    f"{IIF_HEAD}TRNS\t\tGENERAL JOURNAL\t7/1/1998\tChecking\t\t650\t\t\n"
    "SPL\t\tGENERAL JOURNAL\t7/1/1998\tExpense Account\t\t-650\t\t\nENDTRNS\n"
)


class TestBytes:
    @pytest.mark.parametrize(
        ("encoding", "named"),
        [
            ("utf-8", "utf-8"),
            ("utf-8-sig", "utf-8-sig"),
            ("cp1252", "cp1252"),
            ("utf-16", "utf-16"),
            ("utf-16-le", "utf-16-le"),
            ("utf-16-be", "utf-16-be"),
        ],
    )
    @pytest.mark.parametrize("ends", ["\r\n", "\n", "\r"])
    def test_encodings_and_line_ends(self, encoding: str, named: str, ends: str) -> None:
        parsed = read(XERO.replace("\r\n", ends).encode(encoding))
        assert (parsed.format, parsed.encoding) == (Format.xero_accounts, named)
        assert [(one.code, one.name) for one in parsed.accounts] == [("0477", "Löhne & Café"), ("", "123456789")]
        assert [one.row for one in parsed.accounts] == [2, 3]

    def test_mixed_encodings_are_told(self) -> None:
        data = XERO.encode() + "480,Küche,Expense,No VAT,\r\n".encode("cp1252")
        parsed = read(data)
        assert [one.name for one in parsed.accounts][-1] == "Küche"
        assert parsed.encoding == "mixed"
        assert "line 4" in parsed.notes[0]

    @pytest.mark.parametrize("divider", [";", "\t", "|"])
    def test_dividers(self, divider: str) -> None:
        text = "Account Number,Account Name,Type,Detail Type\n1,Cash,Bank,Checking\n".replace(",", divider)
        parsed = read(text.encode())
        assert (parsed.format, parsed.delimiter) == (Format.qbo_accounts, divider)
        assert parsed.accounts[0].name == "Cash"

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "file_empty"),
            (b" \r\n", "file_empty"),
            (b"%PDF-1.7\n\x00\x01\x02", "unsupported_file"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1", "unsupported_file"),
            (b"PK\x03\x04nonsense", "damaged_workbook"),
            (b"a,b\n1,2\n", "unsupported_file"),
            (b"Account ID,Account Name,Account Code,Account Type\n1,A,B,C\n", "other_product"),
            (b'Full name,Type\n"open,Bank\n' + b"x" * 140_000, "damaged_table"),
        ],
    )
    def test_what_is_no_file_of_ours(self, data: bytes, code: str) -> None:
        with pytest.raises(Unreadable) as caught:
            read(data)
        assert caught.value.code == code

    def test_a_file_of_the_other_provider_is_named(self) -> None:
        with pytest.raises(Unreadable, match=r"Xero .* not of QuickBooks"):
            read(XERO.encode(), provider=ProviderName.quickbooks)


class TestCharts:
    def test_the_account_list_report(self) -> None:
        parsed = read(REPORT.encode())
        assert parsed.troubles == []
        assert [(one.code, one.path, one.type, one.active) for one in parsed.accounts] == [
            ("1000", "Checking", "asset.bank", None),
            ("", "Truck:Depreciation", "asset.accum_depreciation", None),
            ("4000", "Total Landscaping", "revenue.sales", None),
            ("5000", "Old", "expense.operating", False),
        ]
        assert parsed.accounts[1].parent == "Truck"
        assert any("TOTAL in line 9" in note for note in parsed.notes)

    @pytest.mark.parametrize("shared", [True, False])
    def test_the_same_as_a_workbook(self, shared: bool) -> None:
        rows: list[list[str | int]] = [
            ["Account List"],
            ["Alder & Ash LLC"],
            [],
            ["Account #", "Full name", "Type", "Detail type", "Total balance"],
            [1000, "Checking", "Bank", "Checking", 15],
            ["TOTAL", "", "", "", 15],
        ]
        parsed = read(workbook(rows, shared=shared))
        assert (parsed.format, parsed.encoding) == (Format.qbo_accounts, "xlsx")
        assert [(one.row, one.code, one.name) for one in parsed.accounts] == [(5, "1000", "Checking")]

    def test_iif_lists_with_what_is_around_them(self) -> None:
        text = (
            "!HDR\tPROD\tVER\nHDR\tQuickBooks\t34\n!ACCNT\tNAME\tREFNUM\tACCNTTYPE\tDESC\tACCNUM\tEXTRA\tHIDDEN\t\t\n"
            'ACCNT\tChecking\t1\tBANK\t"Small, short-term"\t1000\t\tN\nACCNT\tTax\t2\tOCLIAB\t\t2200\tSALESTAX\tY\n'
            "ACCNT\tEstimates\t3\tNONPOSTING\t\t4\t\tN\nACCNT\tOdd\t4\tWEIRD\t\t5\t\tN\n!VEND\tNAME\nVEND\tAce\n"
        )
        parsed = read(text.encode())
        assert [(one.code, one.type, one.active, one.description) for one in parsed.accounts] == [
            ("1000", "asset.bank", True, "Small, short-term"),
            ("2200", "liability.sales_tax", False, ""),
        ]
        assert [(one.row, one.code, one.value) for one in parsed.troubles] == [(7, "account_type_unknown", "WEIRD")]
        assert any("VEND" in note for note in parsed.notes)
        assert any("post nothing" in note for note in parsed.notes)

    def test_xeros_system_accounts_are_known_and_marked(self) -> None:
        text = (
            "*Code,*Name,*Type,*Tax Code\n610,Debtors,Accounts Receivable,\n820,VAT,VAT,\n"
            "497,Gains,Realized Currency Gains,\n"
        )
        kinds = [(one.type, one.system) for one in read(text.encode()).accounts]
        assert kinds == [("asset.receivable", True), ("liability.sales_tax", True), ("expense.other", True)]

    def test_duplicates_and_junk_codes(self) -> None:
        text = (
            "Account Number,Account Name,Type,Detail Type\n1,A,Bank,\n1,B,Bank,\n,C,Bank,\n,C,Bank,\n"
            "nan,D,Bank,\n2,,Bank,\n"
        )
        parsed = read(text.encode())
        assert [(one.code, one.name) for one in parsed.accounts] == [("1", "A"), ("", "C"), ("", "D")]
        assert [(one.row, one.code) for one in parsed.troubles] == [
            (3, "duplicate_code"),
            (5, "duplicate_name"),
            (7, "name_missing"),
        ]


class TestJournals:
    def test_intuits_own_example(self) -> None:
        entry = read(KIT.encode()).entries[0]
        assert (entry.date.isoformat(), entry.debits, entry.credits) == ("1998-07-01", Decimal(650), Decimal(650))

    def test_quirks_of_iif_writers(self) -> None:
        text = (
            '"!TRNS"\tTRNSID\tTRANSTYPE\tDATE\tACCNT\tAMOUNT\tMEMO\t\t\n!SPL\tSPLID\tDATE\tACCNT\tAMOUNT\n!ENDTRNS\n\n'
            'TRNS\t\tGENERAL JOURNAL\t11-02-26\t Cash \t"1,234.50"\tone "odd quote\tmore\n'
            "SPL\t\t\tSales\t-1,234.50\nENDTRNS\tx\nENDTRNS\n"
        )
        entry = read(text.encode()).entries[0]
        assert (entry.date.isoformat(), entry.narration, entry.debits) == (
            "2026-11-02",
            'one "odd quote',
            Decimal("1234.50"),
        )
        assert [line.account for line in entry.lines] == ["Cash", "Sales"]

    def test_commas_instead_of_tabs(self) -> None:
        parsed = read(KIT.replace("\t", ",").encode())
        assert (parsed.delimiter, len(parsed.entries)) == (",", 1)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (
                "TRNS\t\tGENERAL JOURNAL\t7/1/1998\tA\t\t650\t\t\nSPL\t\tGENERAL JOURNAL\t7/1/1998\tB\t\t-649\t\t\n",
                "journal_unbalanced",
            ),
            ("TRNS\t\tGENERAL JOURNAL\t7/1/1998\tA\t\t650\t\t\n", "journal_unbalanced"),
            ("TRNS\t\tGENERAL JOURNAL\t7/1/1998\tA\t\t0\t\t\n", "too_few_lines"),
            ("TRNS\t\tGENERAL JOURNAL\t2/30/1998\tA\t\t1\t\t\nSPL\t\t\t\tB\t\t-1\t\t\n", "bad_date"),
            ("TRNS\t\tGENERAL JOURNAL\t7/1/1998\tA\t\t--1\t\t\nSPL\t\t\t\tB\t\t-1\t\t\n", "bad_amount"),
            ("TRNS\t\tGENERAL JOURNAL\t7/1/1998\t\t\t1\t\t\nSPL\t\t\t\tB\t\t-1\t\t\n", "account_missing"),
        ],
    )
    def test_what_is_wrong_is_told(self, body: str, code: str) -> None:
        parsed = read((IIF_HEAD + body + "ENDTRNS\n").encode())
        assert parsed.entries == []
        assert [trouble.code for trouble in parsed.troubles] == [code]
        assert parsed.troubles[0].fix

    def test_other_transactions_are_left_out_and_told(self) -> None:
        parsed = read(KIT.replace("GENERAL JOURNAL", "INVOICE").encode())
        assert parsed.entries == []
        assert "INVOICE" in parsed.notes[0]

    def test_quickbooks_rows_with_numbers_and_dates_once(self) -> None:
        text = (
            "Journal No;Journal Date;Account Name;Debits;Credits;Description\n"
            "1;13/11/2026;Rent;1.250,00;;x\n;;Bank;;1.250,00;\n2;02/11/2026;Rent;0,50;;\n;;Bank;;0,50;\n"
        )
        parsed = read(text.encode())
        assert parsed.troubles == []
        assert [(one.date.isoformat(), one.debits) for one in parsed.entries] == [
            ("2026-11-13", Decimal("1250.00")),
            ("2026-11-02", Decimal("0.50")),
        ]

    def test_xeros_rows_are_one_journal_by_narration_and_date(self) -> None:
        text = (
            "Narration,Date,Description,AccountCode,TaxType,Amount\nRent [7],30 Jun 2015,,429,No VAT,10\n"
            "Rent [7],30 Jun 2015,,800,No VAT,(10)\nRent,1/07/2015,,429,,3\nRent,1/07/2015,,800,,-3\n"
        )
        parsed = read(text.encode())
        assert [(one.number, one.narration, one.date.isoformat()) for one in parsed.entries] == [
            ("7", "Rent", "2015-06-30"),
            ("", "Rent", "2015-07-01"),
        ]


class TestValues:
    @pytest.mark.parametrize(
        ("text", "mark", "amount"),
        [
            ("1,234.56", ".", "1234.56"),
            ("(1,234.56)", ".", "-1234.56"),
            ("$1,234.56 ", ".", "1234.56"),
            ("-$5", ".", "-5"),
            ("5-", ".", "-5"),
            ("−5", ".", "-5"),
            ("1.234,56", ",", "1234.56"),
            ("1 234,56", ",", "1234.56"),
            ("", ".", "0"),
            (".5", ".", "0.5"),
        ],
    )
    def test_amounts(self, text: str, mark: str, amount: str) -> None:
        assert amount_of(text, mark) == Decimal(amount)

    @pytest.mark.parametrize(
        ("text", "mark"), [("1.234", "."), ("--5", "."), ("1.234,56", "."), ("1e3", "."), ("abc", "."), ("٣", ".")]
    )
    def test_no_guessing(self, text: str, mark: str) -> None:
        with pytest.raises(ValueError, match="it "):
            amount_of(text, mark)

    def test_a_column_decides_the_decimal_mark(self) -> None:
        assert decimal_mark(["1.234", "0,50"]) == ","
        assert decimal_mark(["1,234", "0.50", "1,23"]) == "."
        assert decimal_mark(["1,234"]) == "."

    def test_a_column_decides_the_order_of_dates(self) -> None:
        assert date_order(["01/02/2026", "13/02/2026"], "mdy").order == "dmy"
        assert date_order(["01/02/2026"], "mdy") == date_order([], "mdy")
        assert date_order(["13/02/2026", "02/13/2026"], "mdy").contradicted
        assert date_of("Jun 30, 2015", "mdy") == date_of("30.06.15", "dmy") == date_of("2015-06-30", "dmy")
