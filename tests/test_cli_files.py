"""`tieout files`, as an operator runs it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from app.cli import app
from tests.support.files import BOOKS, printed
from tests.test_cli import environment, tieout  # noqa: F401  fixtures

Run = Callable[..., tuple[int, str]]
CHART = (
    "!ACCNT\tNAME\tACCNTTYPE\tACCNUM\nACCNT\tChecking\tBANK\t1000\nACCNT\tPremises\tEXP\t6000\n"
    "ACCNT\tPremises:Rent\tEXP\t6010\n"
)
JOURNAL = (
    "!TRNS\tTRNSTYPE\tDATE\tACCNT\tAMOUNT\tDOCNUM\n!SPL\tTRNSTYPE\tDATE\tACCNT\tAMOUNT\tDOCNUM\n!ENDTRNS\n"
    "TRNS\tGENERAL JOURNAL\t11/02/2026\tPremises:Rent\t1,250.00\tJE-1\n"
    "SPL\tGENERAL JOURNAL\t11/02/2026\tChecking\t-1250\tJE-1\nENDTRNS\n"
)


def inspected(path: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Without settings or database."""
    result = CliRunner().invoke(
        app, ["files", "inspect", str(path), *words], env={"ENCRYPTION_KEYS": "", "SECRET_KEY": ""}
    )
    return result.exit_code, json.loads(result.output)


@pytest.mark.parametrize("words", [(), ("--json",), ("--as", "quickbooks", "--json"), ("--as", "qbo")])
def test_inspecting_a_file(tmp_path: Path, words: tuple[str, ...]) -> None:
    file = tmp_path / "books.txt"
    file.write_text(CHART + JOURNAL)
    code, said = inspected(file, *words)
    assert code == 0
    assert (said["format"], said["encoding"], said["provider"]) == ("iif", "utf-8", "quickbooks")
    assert [(one["code"], one["name"], one["type"], one["parent"]) for one in said["accounts"]] == [
        ("1000", "Checking", "asset.bank", ""),
        ("6000", "Premises", "expense.operating", ""),
        ("6010", "Rent", "expense.operating", "Premises"),
    ]
    entry = said["journal_entries"][0]
    assert (entry["number"], entry["date"], entry["debits"], entry["credits"]) == (
        "JE-1",
        "2026-11-02",
        "1250.00",
        "1250.00",
    )
    assert [(line["account"], line["debit"], line["credit"]) for line in entry["lines"]] == [
        ("Premises:Rent", "1250.00", "0.00"),
        ("Checking", "0.00", "1250.00"),
    ]
    assert said["problems"] == []


def test_inspecting_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "x.iif"
    file.write_text(JOURNAL.replace("-1250", "-1249"))
    code, said = inspected(file)
    assert (code, said["journal_entries"]) == (0, [])
    assert [(one["row"], one["code"]) for one in said["problems"]] == [(4, "journal_unbalanced")]
    code, said = inspected(file, "--as", "xero")
    assert (code, said["problems"][0]["code"]) == (1, "other_provider")
    file.write_bytes(b"\x00\x01\x02rubbish")
    code, said = inspected(file)
    assert (code, said["format"], said["problems"][0]["code"]) == (1, None, "unsupported_file")


def test_import_and_export_and_back(tieout: Run, tmp_path: Path, database_url: str) -> None:  # noqa: F811  the fixture
    firm = tieout("firm", "create", "Alder")[1].strip()
    chart, journal, out = tmp_path / "chart.iif", tmp_path / "journal.iif", tmp_path / "out.iif"
    chart.write_text(CHART)
    journal.write_text(JOURNAL)
    code, said = tieout("files", "import", str(chart), "--firm", firm, "--as", "quickbooks", "--dry-run")
    assert (code, json.loads(said)["imported"], json.loads(said)["status"]) == (0, 3, "dry_run")
    assert json.loads(tieout("files", "import", str(chart), "--firm", firm, "--as", "quickbooks")[1])["imported"] == 3
    code, said = tieout("files", "import", str(journal), "--firm", firm, "--as", "quickbooks", "--currency", "USD")
    assert (code, json.loads(said)["imported"]) == (0, 1), said
    post_all(database_url, int(firm))
    code, said = tieout("files", "export", "--firm", firm, "--to", "quickbooks", "--out", str(out))
    assert (code, json.loads(said)["records"], json.loads(said)["exported_before"]) == (0, 1, 0), said
    assert inspected(out)[1]["journal_entries"][0]["number"] == "JE-1"
    again = json.loads(tieout("files", "import", str(out), "--firm", firm, "--as", "quickbooks")[1])
    assert (again["imported"], again["updated"], again["unchanged"]) == (0, 0, 1)
    code, said = tieout("files", "export", "--firm", firm, "--to", "quickbooks", "--out", str(out))
    assert json.loads(said)["exported_before"] == 1


def test_what_is_refused_is_told_and_kept(tieout: Run, tmp_path: Path) -> None:  # noqa: F811  the fixture
    firm = tieout("firm", "create", "Alder")[1].strip()
    bad, rejected = tmp_path / "bad.csv", tmp_path / "rejected.csv"
    bad.write_text("Account Number,Account Name,Type,Detail Type\n1,A,Bank,\n2,B,Weird,\n")
    code, said = tieout("files", "import", str(bad), "--firm", firm, "--as", "quickbooks", "--rejected", str(rejected))
    assert (code, json.loads(said)["code"]) == (1, "rows_rejected")
    assert "2,B,Weird,," in rejected.read_text()
    data, _ = printed("qbo", BOOKS)
    bad.write_bytes(data)
    code, said = tieout("files", "import", str(bad), "--firm", firm, "--as", "xero")
    assert (code, json.loads(said)["code"]) == (1, "other_provider")
    code, said = tieout("files", "export", "--firm", firm, "--to", "xero", "--format", "iif", "--out", str(bad))
    assert (code, "CSV alone" in said) == (2, True)
    assert tieout("files", "export", "--firm", "99", "--to", "xero", "--out", str(bad))[0] == 1


def post_all(database_url: str, firm: int) -> None:
    """Post the firm's drafts, as a bookkeeper would."""
    with psycopg.connect(database_url, autocommit=True) as login:
        login.execute("SET ROLE tieout_app")
        login.execute("SELECT set_config('app.firm_id', %s, false)", (str(firm),))
        login.execute("UPDATE journal_entries SET status = 'posted'")
