"""Files into the books over HTTP: charts and journals, wrong rows, the same file twice."""

import csv
import io
from typing import Any

import httpx
import pytest

from tests.support.api import BOOKS, Api
from tests.support.files import BOOKS as JOURNALS
from tests.support.files import XERO_BOOKS, printed, workbook

QBO = (
    "Account Number,Account Name,Type,Detail Type,Description\n1000,Checking,Bank,Checking,\n"
    "6000,Premises,Expenses,,\n6010,Premises:Rent,Expenses,,monthly\n,Petty cash,Bank,Cash on hand,\n"
)
XERO = (
    "*Code,*Name,*Type,*Tax Code,Description\n200,Sales,Revenue,No VAT,\n"
    "610,Debtors,Accounts Receivable,No VAT,\n,Savings,Bank,No VAT,\n"
)


@pytest.fixture
async def firm(api: Api) -> int:
    return await api.world.firm()


@pytest.fixture
async def http(api: Api, firm: int) -> httpx.AsyncClient:
    return await api.caller(firm, "member")


async def send(
    http: httpx.AsyncClient, data: str | bytes, provider: str = "quickbooks", name: str = "file.csv", **query: Any
) -> httpx.Response:
    content = data.encode() if isinstance(data, str) else data
    return await http.post(f"/api/import/{provider}", files={"file": (name, content)}, params=query)


def counts(answer: httpx.Response) -> tuple[int, int, int]:
    assert answer.status_code == 200, answer.text
    said = answer.json()
    return said["imported"], said["updated"], said["unchanged"]


async def chart(http: httpx.AsyncClient) -> dict[str, tuple[str, str, str]]:
    rows = (await http.get(f"{BOOKS}/accounts", params={"limit": 200})).json()["items"]
    return {row["code"]: (row["name"], row["type"], row["parent_code"]) for row in rows}


class TestCharts:
    async def test_a_chart_goes_in_once_and_is_mapped(self, http: httpx.AsyncClient) -> None:
        first = await send(http, QBO)
        assert counts(first) == (4, 0, 0)
        assert first.json()["message"] == "Successfully imported 4 accounts"
        assert first.json()["errors"] == []
        assert await chart(http) == {
            "1000": ("Checking", "asset.bank", ""),
            "6000": ("Premises", "expense.operating", ""),
            "6010": ("Rent", "expense.operating", "6000"),
            "Petty cash": ("Petty cash", "asset.bank", ""),
        }
        mapped = (await http.get(f"{BOOKS}/account-mappings?provider=qbo")).json()["items"]
        assert {(one["internal_code"], one["external_name"]) for one in mapped} == {
            ("1000", "Checking"),
            ("6000", "Premises"),
            ("6010", "Premises:Rent"),
            ("Petty cash", "Petty cash"),
        }
        assert counts(await send(http, QBO)) == (0, 0, 4)
        assert counts(await send(http, QBO.replace("monthly", "yearly"))) == (0, 1, 3)

    async def test_xeros_codes_are_mapped(self, http: httpx.AsyncClient) -> None:
        assert counts(await send(http, XERO, "xero")) == (3, 0, 0)
        mapped = (await http.get(f"{BOOKS}/account-mappings?provider=xero")).json()["items"]
        assert {(one["internal_code"], one["xero_code"]) for one in mapped} == {
            ("200", "200"),
            ("610", "610"),
            ("Savings", ""),
        }
        assert (await chart(http))["610"][1] == "asset.receivable"

    async def test_what_is_mapped_is_ours(self, http: httpx.AsyncClient) -> None:
        await http.post(f"{BOOKS}/accounts", json={"code": "4000", "name": "Turnover", "type": "revenue.sales"})
        items = [{"internal_code": "4000", "external_code": "200"}]
        await http.put(f"{BOOKS}/account-mappings", json={"provider": "xero", "items": items})
        assert counts(await send(http, XERO, "xero")) == (2, 1, 0)
        assert (await chart(http))["4000"][0] == "Sales"
        assert "200" not in await chart(http)

    async def test_a_closer_type_of_ours_stays(self, http: httpx.AsyncClient) -> None:
        fees = {"code": "6900", "name": "Fees", "type": "expense.fees"}
        await http.post(f"{BOOKS}/accounts", json=fees)
        iif = "!ACCNT\tNAME\tACCNTTYPE\tACCNUM\nACCNT\tFees\tEXP\t6900\n"
        assert counts(await send(http, iif)) == (0, 0, 1)
        assert counts(await send(http, iif.replace("EXP", "COGS"))) == (0, 1, 0)

    @pytest.mark.parametrize("name", ["chart.xlsx", "chart.iif"])
    async def test_content_decides_not_the_name(self, http: httpx.AsyncClient, name: str) -> None:
        rows: list[list[str | int]] = [
            ["Account List"],
            [],
            ["Account #", "Full name", "Type"],
            [1000, "Checking", "Bank"],
            ["TOTAL", "", ""],
        ]
        answer = await send(http, workbook(rows), name=name)
        assert counts(answer) == (1, 0, 0)
        assert (answer.json()["format"], answer.json()["encoding"]) == ("quickbooks_account_list", "xlsx")

    @pytest.mark.parametrize("path", ["quickbooks?format=iif", "quickbooks?format=csv", "xero?format=csv"])
    async def test_a_chart_comes_back_the_same(self, api: Api, http: httpx.AsyncClient, path: str) -> None:
        rows = [
            {"code": "1000", "name": "Checking", "type": "asset.bank"},
            {"code": "1200", "name": "Debtors", "type": "asset.receivable"},
            {"code": "3900", "name": "Retained", "type": "equity.retained"},
            {"code": "6000", "name": "Café", "type": "expense.operating", "description": "=1+1"},
        ]
        await http.post(f"{BOOKS}/accounts", json={"items": rows})
        file = await http.post(f"/api/export/{path}&kind=accounts")
        provider = path.partition("?")[0]
        assert counts(await send(http, file.content, provider)) == (0, 0, 4)
        other = await api.caller(await api.world.firm("Other"))
        assert counts(await send(other, file.content, provider)) == (4, 0, 0)
        assert await chart(other) == await chart(http)


class TestWrongRows:
    BAD = QBO + "7000,Odd,Weird,,\n6010,Again,Bank,,\n7100,Nowhere:Child,Bank,,\n"

    async def test_all_or_nothing(self, http: httpx.AsyncClient) -> None:
        answer = await send(http, self.BAD)
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["imported"]) == (422, "rows_rejected", 0)
        assert [(one["row"], one["column"], one["code"]) for one in problem["errors"]] == [
            (6, "Type", "account_type_unknown"),
            (7, "code", "duplicate_code"),
            (8, "name", "parent_missing"),
        ]
        assert all(one["reason"] and one["fix"] for one in problem["errors"])
        assert await chart(http) == {}
        batch = (await http.get(f"{BOOKS}/import-batches/{problem['import_id']}")).json()
        assert (batch["status"], batch["rejected_rows"]) == ("refused", 3)

    async def test_the_good_rows_alone_and_the_others_as_a_csv(self, http: httpx.AsyncClient) -> None:
        answer = await send(http, self.BAD, partial=True)
        assert counts(answer) == (4, 0, 0)
        assert answer.json()["status"] == "partial"
        rejected = await http.get(f"{BOOKS}/import-batches/{answer.json()['import_id']}/rejected")
        assert rejected.headers["content-type"].startswith("text/csv")
        rows = list(csv.reader(io.StringIO(rejected.text)))
        assert rows[0] == ["Account Number", "Account Name", "Type", "Detail Type", "Description", "Reason"]
        assert [row[0] for row in rows[1:]] == ["7000", "6010", "7100"]
        assert "'Weird' is no account type" in rows[1][5]
        mended = rejected.text.replace("Weird", "Bank").replace("6010,Again", "6011,Again").replace("Nowhere:", "Odd:")
        assert counts(await send(http, mended)) == (3, 0, 0)

    async def test_a_dry_run_stores_nothing(self, http: httpx.AsyncClient) -> None:
        answer = await send(http, self.BAD, dry_run=True)
        assert counts(answer) == (4, 0, 0)
        assert (answer.json()["status"], len(answer.json()["errors"])) == ("dry_run", 3)
        assert await chart(http) == {}

    @pytest.mark.parametrize(
        ("data", "provider", "code"),
        [
            (b"%PDF-1.4 \x00\x01", "quickbooks", "unsupported_file"),
            (b"", "quickbooks", "file_empty"),
            (XERO.encode(), "quickbooks", "other_provider"),
            (QBO.encode(), "xero", "other_provider"),
            (b"PK\x03\x04", "quickbooks", "damaged_workbook"),
        ],
    )
    async def test_other_files_are_a_400(self, http: httpx.AsyncClient, data: bytes, provider: str, code: str) -> None:
        answer = await send(http, data, provider)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_what_is_too_large_or_no_upload(self, http: httpx.AsyncClient) -> None:
        large = await send(http, b"x" * 33_100_000)
        assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
        below = await send(http, b"x" * 32_500_000)
        assert (below.status_code, below.json()["code"]) == (400, "file_too_large")
        missing = await http.post("/api/import/xero")
        assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (422, "/file")


class TestJournals:
    async def prepared(self, http: httpx.AsyncClient) -> None:
        rows = [
            ("1000", "Checking", "asset.bank"),
            ("1200", "Accounts Receivable", "asset.receivable"),
            ("2100", "Sales Tax Payable", "liability.current_other"),
            ("4000", "Sales", "revenue.sales"),
            ("5999", "Premises", "expense.operating"),
            ("6100", "Café & Küche", "expense.operating"),
        ]
        items: list[dict[str, str]] = [{"code": code, "name": name, "type": kind} for code, name, kind in rows]
        items.append({"code": "6000", "name": "Rent", "type": "expense.operating", "parent_code": "5999"})
        await http.post(f"{BOOKS}/accounts", json={"items": items})
        sales = [{"internal_code": "4000", "external_code": "200", "external_name": "Sales"}]
        tax = [{"internal_code": "STD", "external_code": "T", "external_name": "20% (VAT on Expenses)"}]
        await http.put(f"{BOOKS}/account-mappings", json={"provider": "xero", "items": sales})
        await http.put(f"{BOOKS}/tax-mappings", json={"provider": "xero", "items": tax})
        await http.post(f"{BOOKS}/clients", json={"name": "Pier 7", "external_ref": "p7"})

    @pytest.mark.parametrize("kind", ["iif", "qbo", "xero"])
    async def test_entries_become_drafts_once(self, http: httpx.AsyncClient, kind: str) -> None:
        await self.prepared(http)
        data, _ = printed(kind, XERO_BOOKS if kind == "xero" else JOURNALS)
        provider = "xero" if kind == "xero" else "quickbooks"
        order = {"date_order": "mdy", "currency": "USD"}
        answer = await send(http, data, provider, **order)
        assert counts(answer)[0] == 3
        entries = (await http.get(f"{BOOKS}/journal-entries")).json()["items"]
        assert {one["status"] for one in entries} == {"draft"}
        assert [one["number"] for one in entries][:2] == ["JE-1", "JE-2"]
        rent = entries[0]
        assert (rent["date"], rent["narration"], rent["total"]) == ("2026-11-02", "Rent of November", "1250.00")
        assert rent["lines"][0]["account_code"] == "6000"
        if kind == "xero":
            assert entries[1]["lines"][0]["tax_code"] == "STD"
            assert entries[1]["lines"][0]["tracking"] == {"Region": "North", "Team": "A"}
        else:
            assert entries[2]["number"] == "JE-2026-000003"
            assert entries[2]["lines"][0]["client_ref"] == "p7"
        again = await send(http, data, provider, **order)
        assert counts(again)[:2] == (0, 0)
        other = data.replace(b"1250.00", b"1251.00")
        changed = await send(http, other, provider, **order)
        assert (changed.status_code, changed.json()["errors"][0]["code"]) == (422, "number_taken")

    async def test_what_the_books_do_not_know_is_refused(self, http: httpx.AsyncClient) -> None:
        text = "JournalNo,JournalDate,AccountName,Debits,Credits\n1,11/02/2026,Nowhere,5,\n1,,Neither,,5\n"
        answer = await send(http, text)
        assert [one["code"] for one in answer.json()["errors"]] == [
            "currency_missing",
            "account_unknown",
            "account_unknown",
        ]
        await self.prepared(http)
        fine = text.replace("Nowhere", "6000 Rent").replace("Neither", "checking").replace("1,", "IM-1,", 1)
        fine = fine.replace("1,,", "IM-1,,")
        assert counts(await send(http, fine, currency="EUR")) == (1, 0, 0)
        fractions = fine.replace(",5", ",5.0015").replace("IM-1", "IM-2")
        refused = await send(http, fractions, currency="EUR")
        assert {one["code"] for one in refused.json()["errors"]} == {"too_many_decimals"}

    async def test_entries_without_numbers_get_the_same_one_again(self, http: httpx.AsyncClient) -> None:
        await self.prepared(http)
        text = "Narration,Date,AccountCode,Amount\nRent,30 Jun 2026,6000,10\nRent,30 Jun 2026,2100,-10\n"
        assert counts(await send(http, text, "xero", currency="GBP")) == (1, 0, 0)
        assert counts(await send(http, text, "xero", currency="GBP")) == (0, 0, 1)

    @pytest.mark.parametrize("path", ["quickbooks?format=iif", "quickbooks?format=csv", "xero?format=csv"])
    async def test_what_goes_out_comes_in_again(self, api: Api, http: httpx.AsyncClient, path: str) -> None:
        await self.prepared(http)
        lines = [
            {"account_code": "6000", "debit": "10.50", "description": "=cmd"},
            {"account_code": "4000", "credit": "4.50"},
            {"account_code": "2100", "credit": "6.00", "description": "Zoë"},
        ]
        sent = {"number": "JE-9", "date": "2026-03-04", "currency": "USD", "narration": "March", "lines": lines}
        await http.post(f"{BOOKS}/journal-entries", json={**sent, "status": "posted"})
        provider = path.partition("?")[0]
        file = await http.post(f"/api/export/{path}")
        answer = await send(http, file.content, provider)
        assert counts(answer)[:2] == (0, 0), answer.text
        other = await api.caller(await api.world.firm("Other"))
        await self.prepared(other)
        assert (await send(other, file.content, provider, currency="USD")).json()["imported"] == 1
        ours = (await http.get(f"{BOOKS}/journal-entries")).json()["items"][0]
        theirs = (await other.get(f"{BOOKS}/journal-entries")).json()["items"][0]
        assert [ours[name] for name in ("number", "date", "total", "currency")] == [
            theirs[name] for name in ("number", "date", "total", "currency")
        ]
        sides = [
            [(line["account_code"], line["debit"], line["credit"]) for line in one["lines"]] for one in (ours, theirs)
        ]
        assert sides[0] == sides[1]
        assert theirs["lines"][2]["description"] == "Zoë"


async def test_a_viewer_may_not_import(api: Api, firm: int) -> None:
    viewer = await api.caller(firm, "viewer")
    assert (await send(viewer, QBO)).status_code == 403
    assert (await viewer.get(f"{BOOKS}/import-batches")).json() == {"items": [], "next": None}
