"""Files that look right and are not: cells that moved, numbers used twice, dates of workbooks, reports for people."""

import io
import zipfile
from decimal import Decimal

import pytest

from app.files.formats import xlsx
from app.files.formats.model import Format, Unreadable
from app.files.formats.reading import read
from tests.support.files import workbook

ONLINE = "*JournalNo,*JournalDate,*AccountName,*Debits,*Credits,Description,Name,Currency,Location,Class\n"
CHART = "*Code,*Name,*Type,*Tax Code,Description\n"
_COLUMNS = "TRNSTYPE\tDATE\tACCNT\tAMOUNT\tMEMO"
IIF = f"!TRNS\t{_COLUMNS}\n!SPL\t{_COLUMNS}\n!ENDTRNS\n"
REPORT = (
    'Journal\nAlder & Ash LLC\n"January - March, 2026"\n\n'
    ",Transaction date,Transaction type,Num,Name,Memo/Description,Full name,Debit,Credit\n"
    '144,,,,,,,,\n,01/15/2026,Journal Entry,JE-1,,Rent,Premises:Rent,"1,500.00",\n'
    ',01/15/2026,Journal Entry,JE-1,,Rent,Checking,,"1,500.00"\nTotal for 144,,,,,,,"$1,500.00","$1,500.00"\n'
    "145,,,,,,,,\n,01/16/2026,Invoice,1001,Ann,,Accounts receivable,100.00,\n"
    ",01/16/2026,Invoice,1001,Ann,,Sales,,100.00\nTotal for 145,,,,,,,$100.00,$100.00\n"
    "146,,,,,,,,\n,01/16/2026,Journal Entry,,Ann,x,Premises:Rent,5.00,\n,01/16/2026,Journal Entry,,,x,Checking,,5.00\n"
    'Total for 146,,,,,,,$5.00,$5.00\nTOTAL,,,,,,,"$1,605.00","$1,605.00"\n\n\n'
    '" Sunday, December 21, 2025 11:39 PM GMTZ"\n'
)
OLD_REPORT = (
    "Alder & Ash LLC\nJournal\n\nDate,Transaction Type,Num,Name,Memo/Description,Account,Debit,Credit\n"
    "01/15/2026,Journal Entry,1,,Rent,Rent,10.00,\n,,,,Rent,Checking,,10.00\n,,,,,,$10.00,$10.00\n"
    "01/15/2026,Journal Entry,,,x,Rent,7.00,\n,,,,x,Checking,,7.00\n,,,,,,$7.00,$7.00\nTOTAL,,,,,,$17.00,$17.00\n"
)


def codes(text: str | bytes) -> list[tuple[int, str]]:
    parsed = read(text if isinstance(text, bytes) else text.encode())
    assert not parsed.entries
    return [(one.row, one.code) for one in parsed.troubles]


class TestMovedCells:
    @pytest.mark.parametrize("rest", ["", "2,11/03/2026,Rent,5.00,,,,USD,,\n2,,Checking,,5.00,,,,,\n"])
    def test_an_amount_that_was_cut_at_its_comma_is_not_taken_for_a_smaller_one(self, rest: str) -> None:
        text = ONLINE + "1,11/02/2026,Rent,1,000.00,,a,,USD,,\n1,,Checking,,1,000.00,b,,,,\n" + rest
        parsed = read(text.encode())
        assert [one.number for one in parsed.entries] == (["2"] if rest else [])
        found = {(one.row, one.code, one.records) for one in parsed.troubles}
        assert found >= {(2, "too_many_cells", (2, 3)), (3, "too_many_cells", (2, 3))}

    def test_nor_in_an_iif_file_with_commas(self) -> None:
        text = IIF.replace("\t", ",") + "TRNS,,7/1/26,Rent,1,000,\nSPL,,7/1/26,Checking,-1,000,\nENDTRNS\n"
        assert (4, "too_many_cells") in codes(text)

    def test_a_description_with_a_bare_comma_is_not_cut(self) -> None:
        text = CHART + "200,Sales,Revenue,No VAT,Goods, and services\n201,Other,Revenue,No VAT,Goods\n"
        parsed = read(text.encode())
        assert [one.code for one in parsed.accounts] == ["201"]
        assert [(one.row, one.code, one.records) for one in parsed.troubles] == [(2, "too_many_cells", (2,))]

    def test_rows_that_all_end_with_a_divider_are_right(self) -> None:
        parsed = read((CHART + "200,Sales,Revenue,No VAT,Goods,\n201,Other,Revenue,No VAT,,\n").encode())
        assert (len(parsed.accounts), parsed.troubles) == (2, [])

    def test_a_note_beside_a_workbooks_table_moves_nothing(self) -> None:
        rows: list[list[str | int]] = [["Full name", "Type"], ["Checking", "Bank", "", "mine"]]
        assert len(read(workbook(rows)).accounts) == 1


class TestOneEntry:
    def test_rows_of_one_number_on_two_days_are_no_entry(self) -> None:
        text = ONLINE + "1,11/02/2026,Rent,5,,,,USD,,\n1,11/05/2026,Checking,,5,,,USD,,\n"
        assert codes(text) == [(3, "date_differs")]

    def test_nor_in_two_currencies(self) -> None:
        text = ONLINE + "1,11/02/2026,Rent,5,,,,USD,,\n1,11/2/2026,Checking,,5,,,EUR,,\n"
        assert codes(text) == [(3, "currency_differs")]

    def test_dates_with_points_have_the_day_first(self) -> None:
        text = (ONLINE + "1,02.11.2026,Rent,5,,,,EUR,,\n1,2.11.2026,Checking,,5,,,,,\n").replace(",", ";")
        assert read(text.encode()).entries[0].date.isoformat() == "2026-11-02"

    def test_rows_of_nothing_are_passed_over(self) -> None:
        text = "*Narration,*Date,*AccountCode,*Amount\nRent,1/11/2026,429,5\nRent,1/11/2026,800,-5\nnan,nan,nan,nan\n"
        parsed = read(text.encode())
        assert (len(parsed.entries), parsed.troubles) == (1, [])

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_control_characters_are_no_text_behind_a_mark_either(self, encoding: str) -> None:
        with pytest.raises(Unreadable, match="control character"):
            read((CHART + "200,Sa\x00les,Revenue,,\n").encode(encoding))


class TestTheJournalReport:
    def test_entries_are_taken_and_documents_are_left_out(self) -> None:
        parsed = read(REPORT.encode())
        assert (parsed.format, parsed.troubles) == (Format.qbo_report, [])
        assert [(one.number, one.date.isoformat(), one.debits) for one in parsed.entries] == [
            ("JE-1", "2026-01-15", Decimal("1500.00")),
            ("QBO-146", "2026-01-16", Decimal("5.00")),
        ]
        assert [(line.account, line.name) for line in parsed.entries[1].lines] == [
            ("Premises:Rent", "Ann"),
            ("Checking", ""),
        ]
        assert "1 transactions of the type Invoice are no journal entries; left out." in parsed.notes

    def test_the_older_layout(self) -> None:
        parsed = read(OLD_REPORT.encode())
        assert parsed.troubles == []
        assert [(one.number, one.debits) for one in parsed.entries] == [("1", Decimal(10)), ("", Decimal(7))]

    @pytest.mark.parametrize("dated", ["01/15/2026", 46037])
    def test_as_a_workbook(self, dated: str | int) -> None:
        rows: list[list[str | int]] = [
            ["Journal"],
            ["", "Transaction date", "Transaction type", "Num", "Full name", "Debit", "Credit"],
            [144],
            ["", dated, "Journal Entry", "JE-1", "Rent", 1500, ""],
            ["", dated, "Journal Entry", "JE-1", "Checking", "", 1500],
            ["Total for 144", "", "", "", "", 1500, 1500],
        ]
        parsed = read(workbook(rows))
        assert (parsed.encoding, parsed.troubles) == ("xlsx", [])
        assert [(one.number, one.date.isoformat()) for one in parsed.entries] == [("JE-1", "2026-01-15")]


class TestWorkbooks:
    ROWS: tuple[list[str | int], ...] = (
        ["*JournalNo", "*JournalDate", "*AccountName", "*Debits", "*Credits"],
        [1, 46037, "Rent", 5, ""],
        [1, "", "Checking", "", 5],
    )

    def test_a_journal_whose_dates_are_stored_as_numbers(self) -> None:
        parsed = read(workbook(self.ROWS))
        assert [(one.number, one.date.isoformat()) for one in parsed.entries] == [("1", "2026-01-15")]

    def _with_a_book(self, properties: str) -> bytes:
        """The journal as the second file but the first visible tab."""
        relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("xl/worksheets/sheet1.xml", "<worksheet><sheetData/></worksheet>")
            with zipfile.ZipFile(io.BytesIO(workbook(self.ROWS))) as other:
                archive.writestr("xl/worksheets/sheet2.xml", other.read("xl/worksheets/sheet1.xml"))
            archive.writestr(
                "xl/workbook.xml",
                f'<workbook xmlns:r="{relations}">{properties}<sheets><sheet name="a" state="hidden" r:id="one"/>'
                '<sheet name="b" r:id="two"/></sheets></workbook>',
            )
            archive.writestr(
                "xl/_rels/workbook.xml.rels",
                '<Relationships><Relationship Id="one" Target="worksheets/sheet1.xml"/>'
                '<Relationship Id="two" Target="/xl/worksheets/sheet2.xml"/></Relationships>',
            )
        return file.getvalue()

    @pytest.mark.parametrize(("properties", "day"), [("", "2026-01-15"), ('<workbookPr date1904="1"/>', "2030-01-16")])
    def test_the_first_tab_and_the_day_it_counts_from(self, properties: str, day: str) -> None:
        assert [one.date.isoformat() for one in read(self._with_a_book(properties)).entries] == [day]

    def test_one_long_text_in_very_many_cells_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(xlsx, "MAX_UNPACKED", 100_000)
        with zipfile.ZipFile(io.BytesIO(workbook([["x" * 3000]], shared=True))) as made:
            parts = {name: made.read(name) for name in made.namelist()}
        row = b'<row><c t="s"><v>0</v></c></row>'
        parts["xl/worksheets/sheet1.xml"] = b"<worksheet><sheetData>" + row * 100 + b"</sheetData></worksheet>"
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        with pytest.raises(Unreadable) as caught:
            xlsx.read_sheet(file.getvalue())
        assert caught.value.code == "file_too_large"
