"""The mapping pages: what is suggested and why, what is wrong, what is covered, and files in and out."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from app.web.matching import Line, Target, covered, lines, suggest
from tests.support.pages import Pages, Person
from tests.support.world import World

SALES = Target("200", "Sales", "revenue.sales", "200", active=True)
OTHER = Target("260", "Other Revenue", "revenue.other", "260", active=True)
RENT = Target("469", "Rent", "expense.operating", "469", active=True)
OLD = Target("299", "Old sales", "revenue.sales", "299", active=False)
TARGETS = [SALES, OTHER, RENT, OLD]


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
        ("200", "", "", ("200", "same number")),
        ("4000", "Sales", "", ("200", "same name")),
        ("rent", "", "", ("469", "same name")),
        ("4000", "Other revenues", "revenue.other", ("260", "similar name")),
        ("4000", "Consulting", "revenue.sales", ("200", "the only account of this type")),
        ("4000", "Consulting", "", ("", "")),
        ("299", "", "", ("", "")),
        ("5000", "Sales", "expense.cogs", ("", "")),
    ],
)
def test_a_suggestion_and_its_reason(code: str, name: str, kind: str, expected: tuple[str, str]) -> None:
    assert suggest(code, name, kind, TARGETS) == expected


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
    await world.invoice(firm, await world.client(firm))
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


async def test_the_preview_follows_what_is_picked(pages: Pages) -> None:
    person, _, _ = await scene(pages)
    await person.open("/mapping/account/preview?provider=xero&t:4000=260")
    assert "260 Other Revenue" in person.text
    await person.open("/mapping/account/preview?provider=xero")
    assert "nothing" in person.text


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
