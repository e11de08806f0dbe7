"""The mapping pages: what is suggested and why, what is wrong, what is covered, and files in and out."""

import csv
import html
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from app.books.matching import Finder, Target
from app.books.matching import targets as targets_of
from app.web.matching import Line, covered, lines
from tests.support.pages import Pages, Person
from tests.support.world import World

SALES = Target("200", "Sales", "revenue.sales", "200", active=True)
OTHER = Target("260", "Other Revenue", "revenue.other", "260", active=True)
RENT = Target("469", "Rent", "expense.operating", "469", active=True)
OLD = Target("299", "Old sales", "revenue.sales", "299", active=False)
TARGETS = [SALES, OTHER, RENT, OLD]
WORDS = "It has words of the name in common, and the same kind."
ALONE = "It has a type of which there is no other account: revenue.sales."


@dataclass
class Row:
    code: str
    lines: int = 0
    last: None = None
    name: str | None = None
    type: str | None = None
    external_code: str | None = None
    external_name: str | None = None
    connection_id: int | None = None


@pytest.mark.parametrize(
    ("code", "name", "kind", "expected"),
    [
        ("200", "", "", ("200", "certain", "It has the same number 200.")),
        ("4000", "Sales", "", ("200", "certain", "It has the same name 'Sales'.")),
        ("rent", "", "", ("469", "certain", "It has the same name 'rent'.")),
        ("4000", "Other revenues", "revenue.other", ("260", "possible", WORDS)),
        ("4000", "Consulting", "revenue.sales", ("200", "possible", ALONE)),
        ("4000", "Consulting", "", None),
        ("299", "", "", None),
        ("5000", "Sales", "expense.cogs", None),
        ("", "", "", None),
    ],
)
def test_a_suggestion_and_its_reason(code: str, name: str, kind: str, expected: tuple[str, str, str] | None) -> None:
    found = Finder(TARGETS).find(code, name, kind)
    assert (found and (found.target.code, found.confidence, found.reason)) == expected


def test_where_two_fit_alike_none_is_suggested() -> None:
    twins = [Target("1", "Rent", "expense.operating", "", active=True)] * 2
    twins[1] = Target("2", "rent", "expense.operating", "", active=True)
    assert Finder(twins).find("6000", "Rent", "expense.operating") is None


def test_a_providers_id_is_no_number() -> None:
    here = {"name": "Payroll", "type": "expense.payroll", "number": "", "active": True}
    by_id = targets_of([SimpleNamespace(code="80", external_id="80", **here)])
    assert Finder(by_id).find("80", "Rent", "expense.operating") is None
    by_code = targets_of([SimpleNamespace(code="80", external_id="0f", **here)])
    assert Finder(by_code).find("80", "Rent", "expense.operating") is not None


def test_problems_come_first_and_only_what_goes_through_is_covered() -> None:
    rows = [
        Row("4000", 10, external_code="200"),
        Row("4100", 5),
        Row("4200", 3, external_code="299"),
        Row("4300", 2, external_code="999"),
        Row("4400", 1, type="expense.cogs", external_code="200"),
        Row("9000"),
    ]
    found = lines(rows, TARGETS)
    assert [line.code for line in found] == ["4200", "4300", "4400", "4100", "9000", "4000"]
    problems = {line.code: line.problem for line in found}
    assert "archived" in problems["4200"]
    assert "not in the provider's list" in problems["4300"]
    assert "another type" in problems["4400"]
    assert covered(found) == (10, 21)
    assert isinstance(found[0], Line)


def test_without_the_providers_list_nothing_is_called_wrong() -> None:
    assert lines([Row("4000", 1, external_code="200")], [])[0].good


async def scene(pages: Pages) -> tuple[Person, int, int]:
    """A firm with an invoice, connected to Xero, whose lists were fetched."""
    world = pages.api.world
    firm = await world.firm()
    connection = await world.connect(firm, "xero")
    await world.invoice(firm, await world.client(firm), issue_date=datetime.now(UTC).date())
    person = await pages.person(firm, "member")
    await person.open("/mapping/account?provider=xero")
    assert "not fetched yet" in person.text
    await person.send("/mapping/account/fetch")
    await world.work(connection)
    return person, firm, connection


async def codes(world: World, firm: int, table: str = "account_mappings") -> dict[str, Any]:
    async with world.runtime.db.firm(firm) as session:
        rows = await session.execute(text(f"SELECT internal_code, external_code FROM {table}"))
        return {row.internal_code: row.external_code for row in rows}


async def test_coverage_preview_and_saving(pages: Pages) -> None:
    person, firm, _ = await scene(pages)
    await person.open("/mapping/account?provider=xero")
    assert "2 of 2 lines of the last 90 days have a code that goes through (100 %)" in person.text
    assert "Goes to" in person.text
    await person.send("/mapping/account", picked={"t:4000": "260"})
    assert (await codes(pages.api.world, firm))["4000"] == "260"
    await person.open("/mapping/tax?provider=xero")
    assert "TAXED" in person.text
    await person.open("/mapping/item?provider=xero")
    assert "WORK" in person.text


async def test_the_page_suggests_what_the_api_suggests(pages: Pages) -> None:
    person, firm, _ = await scene(pages)
    caller = await pages.api.caller(firm, "member")
    chart = [("200", "Turnover", "revenue.sales"), ("7", "Other revenues", "revenue.other"), ("8", "Rent", "")]
    chart += [("9", "Other Revenue", "expense.other"), ("10", "Owner", "equity.general")]
    items = [{"code": code, "name": name, "type": kind or "expense.other"} for code, name, kind in chart]
    assert (await caller.post("/api/v1/accounting/accounts", json={"items": items})).is_success
    url = "/api/v1/accounting/account-mappings/suggestions?provider=xero"
    said = {one["internal_code"]: one for one in (await caller.get(url)).json()["items"]}
    assert {"200", "7"} <= set(said)
    answer = await person.http.get("/mapping/account/export.csv?provider=xero")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    shown = {row["internal_code"]: row["suggested"] for row in rows if row["suggested"]}
    assert shown == {code: one["external_code"] for code, one in said.items()}
    await person.open("/mapping/account?provider=xero")
    for one in said.values():
        assert one["reason"] in html.unescape(person.page.text)


async def test_a_target_is_stored_under_its_own_name(pages: Pages) -> None:
    """A file names accounts by it, so the number may not stand before it."""
    person, firm, _ = await scene(pages)
    await person.open("/mapping/account?provider=xero")
    await person.send("/mapping/account", picked={"t:4000": "260"})
    caller = await pages.api.caller(firm, "member")
    mapped = (await caller.get("/api/v1/accounting/account-mappings?provider=xero")).json()["items"]
    assert {one["internal_code"]: one["external_name"] for one in mapped}["4000"] == "Other Revenue"


async def test_the_preview_follows_what_is_picked(pages: Pages) -> None:
    person, _, _ = await scene(pages)
    await person.open("/mapping/account/preview?provider=xero&t:4000=260")
    assert "260 Other Revenue" in person.text
    await person.open("/mapping/account/preview?provider=xero&t:4000=")
    assert "nothing" in person.text
    await person.open("/mapping/account/preview?provider=xero")
    assert "200 Sales" in person.text, "what is not in the form stays as it is mapped"


async def test_an_archived_target_stands_on_top(pages: Pages) -> None:
    person, firm, _ = await scene(pages)
    world = pages.api.world
    async with world.runtime.db.firm(firm) as session:
        archive = "UPDATE remote_records SET record = record || '{\"active\": false}' WHERE kind = 'account'"
        await session.execute(text(f"{archive} AND record ->> 'code' = '200'"))
    await person.open("/mapping/account?provider=xero")
    assert "200 Sales is archived there" in person.text
    assert "0 of 2 lines" in person.text


async def test_a_file_goes_out_and_comes_back(pages: Pages) -> None:
    person, firm, _ = await scene(pages)
    answer = await person.http.get("/mapping/account/export.csv?provider=xero")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {row["internal_code"]: row["external_code"] for row in rows}["4000"] == "200"
    await person.open("/mapping/account?provider=xero")
    csrf = person.page.text.split('name="csrf" value="')[1].split('"')[0]

    async def upload(content: bytes) -> Any:
        files = {"file": ("codes.csv", content, "text/csv")}
        data = {"csrf": csrf, "provider": "xero"}
        return await person.http.post("/mapping/account/import", data=data, files=files)

    bad = await upload(b"internal_code,external_code\r\n4000,260\r\n5000,nonsense\r\n")
    assert bad.status_code == 422
    assert "Row 3: nonsense is not among what the provider holds." in bad.text
    assert (await codes(pages.api.world, firm))["4000"] == "200", "all rows or none"
    assert "must name the columns" in (await upload(b"a,b\r\n1,2\r\n")).text
    assert "not UTF-8" in (await upload(b"\xff\xfe\x00")).text
    good = await upload("\ufeffinternal_code,external_code\r\n4000,260\r\n5000,429\r\n".encode())
    assert good.status_code == 303
    assert (await codes(pages.api.world, firm)).items() >= {"4000": "260", "5000": "429"}.items()


async def test_without_a_company_the_page_says_what_to_do(pages: Pages) -> None:
    person = await pages.person(await pages.api.world.firm())
    await person.open("/mapping/account")
    assert "Connect one first" in person.text


async def test_a_chart_of_thousands_stays_a_page(pages: Pages) -> None:
    """Every line with a choice of every account there would be many megabytes, and a form too long to be taken."""
    person, firm, connection = await scene(pages)
    world = pages.api.world
    async with world.runtime.db.firm(firm) as session:
        for statement in (
            f"INSERT INTO accounts (firm_id, code, name, type) SELECT {firm}, 'C-' || n, 'Cost ' || n, 'expense.other'"
            " FROM generate_series(10001, 11500) n",
            "INSERT INTO remote_records (firm_id, connection_id, kind, external_id, record)"
            f" SELECT {firm}, {connection}, 'account', 'r' || n, jsonb_build_object('code', n, 'name', 'Remote ' || n,"
            " 'number', n, 'type', 'expense.other') FROM generate_series(20001, 20600) n",
        ):
            await session.execute(text(statement))
    assert len(await person.open("/mapping/account?provider=xero")) < 100_000
    assert "1 to 50 of 1,50" in person.text
    assert 'name="t:C-10001"' in person.page.text
    await person.open("/mapping/account?provider=xero&start=50")
    assert 'name="t:C-10001"' not in person.page.text
    await person.send("/mapping/account", picked={"t:C-10099": "20600"})
    stored = await codes(world, firm)
    assert stored == stored | {"C-10099": "20600", "4000": "200"}
    await person.open("/mapping/account?provider=xero&q=cost+11499")
    assert re.findall(r'name="t:([^"]+)"', person.page.text) == ["C-11499"]
    await person.send("/mapping/account", status=422, picked={"t:C-11499": "no such"})
    assert "no such is not among what Xero holds" in person.text
    assert "C-11499" not in await codes(world, firm)
