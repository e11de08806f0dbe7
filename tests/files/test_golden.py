"""Each format, byte for byte, as it was checked by eye once. `GOLDEN=write` in the environment writes them anew."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from app.files.formats import print_lists
from app.files.formats.print_lists import ChartRow, ClientRow, Job
from app.files.formats.reading import read
from app.files.formats.targets import REGIONS, Findings
from tests.support.files import BOOKS, XERO_BOOKS, entry_rows, plan, printed

GOLDEN = Path(__file__).parent / "golden"
ACCOUNTS = [
    ChartRow(code="1000", name="Checking", path="Checking", type="asset.bank", description="", active=True),
    ChartRow(code="Petty cash", name="Petty cash", path="Petty cash", type="asset.bank", description="", active=True),
    ChartRow(code="6000", name="Premises", path="Premises", type="expense.operating", description="", active=True),
    ChartRow(
        code="6010", name="Rent", path="Premises:Rent", type="expense.operating", description="-5% index", active=True
    ),
    ChartRow(code="3900", name="Retained", path="Retained", type="equity.retained", description="é;ü", active=True),
    ChartRow(code="6800.1", name="Fees", path="Fees", type="expense.fees", description="", active=True),
    ChartRow(code="9999", name="Old", path="Old", type="expense.other", description="", active=False),
]
HOME = {"line1": "7 Pier Road", "line2": "", "city": "Hull", "region": "", "postal_code": "HU1 2AB", "country": "GB"}
CLIENTS = [
    ClientRow(
        name="Pier 7",
        email="a@pier7.example",
        phone="+44 1482 000000",
        company="Pier 7 Ltd",
        tax_number="GB123",
        notes="=1+1",
        address=HOME,
        active=True,
    )
]


def same(name: str, data: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        path.write_bytes(data)
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("name", "kind", "region"),
    [
        ("journal.iif", "iif", "us"),
        ("qbo_us.csv", "qbo", "us"),
        ("qbo_gb.csv", "qbo", "gb"),
        ("xero.csv", "xero", "gb"),
    ],
)
def test_journals(name: str, kind: str, region: str) -> None:
    given = plan(region)
    data, printer = printed(kind, XERO_BOOKS if kind == "xero" else BOOKS, given)
    assert printer.findings.refused == []
    assert (printer.entries, printer.lines) == (3, 6 if kind == "xero" else 7)
    same(name, data)


@pytest.mark.parametrize(
    ("name", "printing", "rows"),
    [
        ("accounts.iif", print_lists.iif_accounts, ACCOUNTS),
        ("accounts_qbo.csv", print_lists.qbo_accounts, ACCOUNTS),
        ("accounts_xero.csv", print_lists.xero_accounts, ACCOUNTS),
        ("clients.iif", print_lists.iif_clients, CLIENTS),
        ("clients_qbo.csv", print_lists.qbo_clients, CLIENTS),
        ("clients_xero.csv", print_lists.xero_clients, CLIENTS),
    ],
)
def test_lists(name, printing, rows) -> None:
    file = io.BytesIO()
    findings = Findings()
    assert printing(rows, Job(file=file, findings=findings, region=REGIONS["gb"])) > 0
    assert findings.refused == []
    same(name, file.getvalue())


def test_what_was_altered_is_listed() -> None:
    _, printer = printed("iif", BOOKS)
    listed = {(found.record, found.field): found.message for found in printer.findings.altered}
    assert "tabs" in listed["JE-2026-000003", "narration"]
    assert "DOCNUM" in listed["JE-2026-000003", "number"]
    assert ("JE-1", "narration") not in listed


@pytest.mark.parametrize(("kind", "limit", "entries"), [("qbo", 1000, 700), ("xero", 300, 200)])
def test_a_zip_cuts_between_entries_and_is_the_same_every_time(kind: str, limit: int, entries: int) -> None:
    sides = [("6000", "3.00", ""), ("2100", "-1.00", ""), ("2100", "-2.00", "")]
    books = [entry_rows(n, f"JE-{n}", "2026-11-02", sides) for n in range(entries)]
    data, printer = printed(kind, books, zipped=True)
    assert data == printed(kind, books, zipped=True)[0]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [read(archive.read(name)) for name in archive.namelist()]
        lengths = [archive.read(name).count(b"\r\n") - 1 for name in archive.namelist()]
    assert max(lengths) <= limit
    assert sum(lengths) == printer.lines == entries * 3
    assert [trouble for part in parts for trouble in part.troubles] == []
    assert sum(len(part.entries) for part in parts) == entries


def test_what_cannot_be_written_is_refused_with_its_reason() -> None:
    def codes(kind: str, *entries, **more) -> set[tuple[str, str]]:
        _, printer = printed(kind, entries, plan(**more))
        return {(found.field, found.code) for found in printer.findings.refused}

    def one(*sides, **more):
        return entry_rows(1, "JE-1", "2026-11-02", sides, **more)

    fine = ("6000", "1.00", ""), ("2100", "-1.00", "")
    two = entry_rows(2, "JE-2", "2026-11-02", fine, currency="EUR")
    assert codes("iif", one(*fine)) == codes("qbo", one(*fine)) == codes("xero", one(*fine)) == set()
    assert codes("iif", one(("77", "1.00", ""), fine[1])) == {("account_code", "account_unmapped")}
    assert codes("xero", one(("1000", "1.00", ""), fine[1])) == {("account_code", "account_forbidden")}
    assert codes("qbo", one(("1200", "1.00", ""), fine[1])) == {("client", "client_missing")}
    assert codes("iif", one(*fine, tax="STD")) == {("tax_code", "tax_unsupported")}
    assert codes("xero", one(*fine, tax="RED")) == {("tax_code", "tax_unmapped")}
    assert codes("qbo", one(*fine, tracking={"Planet": "Mars"})) == {("tracking", "tracking_unsupported")}
    assert codes("iif", one(*fine, client="N" * 42)) == {("client", "too_long")}
    assert codes("iif", one(*fine, client="=2+2")) == {("client", "formula")}
    assert codes("iif", one(*fine), two) == {("currency", "currency_unsupported")}
    assert codes("qbo", one(*fine), two) == set()
    long = [("6000", "299.00", ""), *[("2100", "-1.00", "")] * 300]
    assert codes("xero", one(*long)) == {("lines", "entry_too_long")}
