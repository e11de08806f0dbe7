"""Books for the file formats, workbooks made by hand, and printing into memory."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from app.files.formats.journal_printing import Journal, Row
from app.files.formats.print_iif import IifJournal
from app.files.formats.print_tables import QboJournal, XeroJournal
from app.files.formats.targets import REGIONS, Plan, Target

PRINTERS: Mapping[str, type[Journal]] = {"iif": IifJournal, "qbo": QboJournal, "xero": XeroJournal}
CHART: Mapping[str, Target] = {
    "1000": Target(code="1000", name="Checking", type="asset.bank"),
    "1200": Target(code="1200", name="Accounts Receivable", type="asset.receivable"),
    "2100": Target(code="2100", name="Sales Tax Payable", type="liability.current_other"),
    "4000": Target(code="200", name="Sales", type="revenue.sales"),
    "6000": Target(code="6000", name="Premises:Rent", type="expense.operating", mapped=False),
    "6100": Target(code="6100", name="Café & Küche", type="expense.operating"),
}


def plan(region: str = "us", **more: object) -> Plan:
    """A plan over the chart above."""
    return Plan(region=REGIONS[region], accounts=CHART, taxes={"STD": "20% (VAT on Expenses)"}, **more)  # type: ignore[arg-type]


def entry_rows(
    entry_id: int,
    number: str,
    day: str,
    sides: Sequence[tuple[str, str, str]],
    *,
    narration: str = "",
    currency: str = "USD",
    client: str = "",
    tax: str = "",
    tracking: Mapping[str, str] | None = None,
) -> list[Row]:
    """An entry as the printers take it; a side is (account, signed amount, description)."""
    head = [str(entry_id), number, day, narration, currency, sides[0][1].lstrip("-")]
    marks = json.dumps(tracking) if tracking else ""
    return [[*head, account, amount, text, client, tax, marks] for account, amount, text in sides]


BOOKS: Sequence[Sequence[Row]] = (
    entry_rows(
        1, "JE-1", "2026-11-02", [("6000", "1250.00", ""), ("1000", "-1250.00", "")], narration="Rent of November"
    ),
    entry_rows(
        2,
        "JE-2",
        "2026-11-03",
        [("6100", "19.90", "Espresso, beans"), ("2100", "1.60", "tax"), ("1000", "-21.50", "-21.50 by card")],
        tracking={"Class": "North"},
    ),
    entry_rows(
        3,
        "JE-2026-000003",
        "2026-11-14",
        [("1200", "80.00", "Tab\there"), ("4000", "-80.00", "=HYPERLINK(1)")],
        narration='Said “so”; "quoted"\nand more',
        client="Pier 7",
    ),
)
# Xero takes no journal on bank accounts and receivables.
XERO_BOOKS: Sequence[Sequence[Row]] = (
    entry_rows(
        1, "JE-1", "2026-11-02", [("6000", "1250.00", ""), ("2100", "-1250.00", "")], narration="Rent of November"
    ),
    entry_rows(
        2,
        "JE-2",
        "2026-11-03",
        [("6100", "19.90", "Espresso, beans"), ("2100", "-19.90", "-19.90 by card")],
        tax="STD",
        tracking={"Region": "North", "Team": "A"},
    ),
    entry_rows(
        3,
        "JE-[3]",
        "2026-11-14",
        [("6000", "80.00", "Tab\there"), ("4000", "-80.00", "=HYPERLINK(1)")],
        narration='Said “so”; "quoted"\nand more',
    ),
)


def printed(
    kind: str, entries: Sequence[Sequence[Row]], given: Plan | None = None, *, zipped: bool = False
) -> tuple[bytes, Journal]:
    """The file of these entries, fed in two portions, and its printer."""
    file = io.BytesIO()
    printer = PRINTERS[kind](file, given or plan(), zipped=zipped)
    rows = [row for entry in entries for row in entry]
    printer.feed(rows[: len(rows) // 2])
    printer.feed(rows[len(rows) // 2 :])
    printer.close()
    return file.getvalue(), printer


def workbook(rows: Sequence[Sequence[str | int]], *, prolog: str = "", shared: bool = False) -> bytes:
    """An XLSX file with one sheet. Numbers are numeric cells, texts inline or shared strings."""
    strings: list[str] = []
    body = []
    for r, row in enumerate(rows, start=1):
        cells = []
        for c, value in enumerate(row):
            place = f"{chr(65 + c)}{r}"
            if isinstance(value, int):
                cells.append(f'<c r="{place}"><v>{value}</v></c>')
            elif shared:
                strings.append(value)
                cells.append(f'<c r="{place}" t="s"><v>{len(strings) - 1}</v></c>')
            elif value:
                cells.append(f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>')
        body.append(f'<row r="{r}">{"".join(cells)}</row>')
    namespace = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    sheet = f"{prolog}<worksheet {namespace}><sheetData>{''.join(body)}</sheetData></worksheet>"
    items = "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        if shared:
            archive.writestr("xl/sharedStrings.xml", f"<sst {namespace}>{items}</sst>")
    return file.getvalue()
