"""Reports: charts that everybody can read, and whether both sides tie out, down to the document."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import update

from app.canonical import Kind
from app.db.sync_tables import RemoteRecord
from app.sync import requests
from app.web.charts import bars, by_day
from tests.support.pages import Pages
from tests.support.world import World

TODAY = date(2026, 11, 27)


def test_a_chart_has_a_name_and_neither_style_nor_script() -> None:
    drawn = by_day({"Sent": {TODAY: 5}, "Found": {TODAY - timedelta(days=3): 2}}, TODAY, "A title & more")
    assert drawn.startswith('<svg role="img" aria-label="A title &amp; more"')
    assert "style" not in drawn
    assert "<script" not in drawn
    assert "Sent" in drawn


def test_texts_in_a_chart_cannot_break_out() -> None:
    assert "<b>" not in bars([("<b>bold</b>", 3)], "t")


def test_a_day_without_anything_still_draws() -> None:
    assert by_day({"Sent": {}}, TODAY, "t").count("<path") == 1


async def scene(pages: Pages) -> tuple[World, int, int, list[int]]:
    """Two invoices at QuickBooks, read back from there."""
    world = pages.api.world
    firm = await world.firm()
    connection = await world.connect(firm)
    client = await world.client(firm, "Pier 7")
    today = datetime.now(UTC).date()
    made = [await world.invoice(firm, client, issue_date=today, due_date=today) for _ in range(2)]
    await world.ask(firm, connection, Kind.invoice, made)
    await world.work(connection)
    asked = (world.runtime.db, firm, connection)
    await requests.pull(*asked, kinds=[Kind.invoice], date_from=None, date_to=None, requested_by="t")
    await world.work(connection)
    return world, firm, connection, made


async def edited_there(world: World, firm: int, connection: int, invoice: int) -> Any:
    mapping = await world.mapping(firm, Kind.invoice, connection, invoice)
    async with world.runtime.db.firm(firm) as session:
        known = RemoteRecord.external_id == mapping.external_id
        changed = RemoteRecord.record.op("||")({"total": "1.00"})
        await session.execute(update(RemoteRecord).where(known, RemoteRecord.kind == "invoice").values(record=changed))
    return mapping


async def test_the_report_shows_what_went_and_what_fails(pages: Pages) -> None:
    world, firm, _, _ = await scene(pages)
    person = await pages.person(firm, "viewer")
    await person.open("/reports")
    assert 'role="img" aria-label="Records sent and changes found by day"' in person.page.text
    assert "100.0 %" in person.text
    assert "Nothing goes wrong" in person.text
    assert world.runtime.clock().strftime("%d %b %Y") in person.text, "the numbers stand in a table too"


async def test_both_sides_tie_out_or_each_difference_says_why(pages: Pages) -> None:
    world, firm, connection, made = await scene(pages)
    person = await pages.person(firm, "viewer")
    await person.open("/reports/reconciliation")
    assert "It ties out to the cent" in person.text
    mapping = await edited_there(world, firm, connection, made[0])
    await person.open(f"/reports/reconciliation?connection={connection}")
    assert "It does not tie out yet" in person.text
    assert "Edited there." in person.text
    assert person.offers(f"/activity/invoice/{mapping.id}")
    answer = await person.http.get("/reports/reconciliation.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["cause"], row["there"]) for row in rows] == [("edited_there", "1")]
    await person.open("/reports/reconciliation?from=2026-01-01&to=2026-01-31")
    assert "No document of either side" in person.text
    await person.open("/reports/reconciliation?from=2026-02-01&to=2026-01-31", status=422)


async def test_a_client_is_drilled_into(pages: Pages) -> None:
    world, firm, connection, made = await scene(pages)
    await edited_there(world, firm, connection, made[0])
    other = await world.client(firm, "Other")
    person = await pages.person(firm)
    await person.open(f"/reports/reconciliation?client={other}")
    assert "Edited there." not in person.text


async def test_another_firms_company_is_not_compared(pages: Pages) -> None:
    _, _, connection, _ = await scene(pages)
    person = await pages.person(await pages.api.world.firm("Other"))
    await person.open(f"/reports/reconciliation?connection={connection}", status=404)
    await person.open("/reports/reconciliation")
    assert "No company is connected" in person.text
