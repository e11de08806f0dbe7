"""Runs, documents and the timeline of one, as a bookkeeper reads them."""

import asyncio
import csv
import io
import json
from typing import Any

import pytest
from sqlalchemy import text

from app.canonical import Kind
from app.db import runs
from app.web.activity import said
from app.web.tables import _cell
from app.web.timeline import shown_json
from tests.support.pages import Pages
from tests.support.world import World


@pytest.fixture
async def scene(world: World) -> tuple[int, int, int]:
    """A firm, its connection, and an invoice that went there."""
    firm = await world.firm()
    connection = await world.connect(firm)
    client = await world.client(firm, "Pier 7 Café", email="pier@example.com")
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    await world.work(connection)
    return firm, connection, (await world.mapping(firm, Kind.invoice, connection, invoice)).id


async def test_the_timeline_tells_it_from_accepted_to_the_vendors_number(pages: Pages, scene: tuple[int, int, int]):
    firm, _, mapping = scene
    person = await pages.person(firm, "viewer")
    await person.open(f"/activity/invoice/{mapping}")
    order = ["Accepted", "Mapped by your code mappings", "Idempotency key", "In the books there", "equal, "]
    found = [person.text.index(words) for words in order]
    assert "account 4000 → 1" in person.text.replace("  ", " ")
    assert sorted(found[1:]) == found[1:]
    assert "qbo.intuit.com/app/login?pagereq=invoice" in person.page.text
    assert "Try again" not in person.text


async def test_what_was_sent_is_shown_without_what_is_private(pages: Pages, scene: tuple[int, int, int]):
    firm, _, _ = scene
    person = await pages.person(firm)
    async with pages.api.world.runtime.db.firm(firm) as session:
        query = text("SELECT id FROM customer_sync_mappings")
        customer = (await session.execute(query)).scalar_one()
    await person.open(f"/activity/customer/{customer}")
    assert "Pier 7 Café" in person.text
    assert "•••" in person.text
    assert person.page.text.count("pier@example.com") == 1, "only where the record itself is named"


async def test_what_the_provider_answered_is_shown(pages: Pages, world: World):
    firm = await world.firm()
    for provider in ("quickbooks", "xero"):
        connection = await world.connect(firm, provider)
        client = await world.client(firm, f"Client at {provider}", email="pier@example.com")
        good = await world.invoice(firm, client)
        bad = await world.invoice(firm, client, number=f"{provider[0]}{'N' * 300}")
        await world.ask(firm, connection, Kind.invoice, [good, bad])
        await world.work(connection)
        person = await pages.person(firm, "viewer")
        mapping = await world.mapping(firm, Kind.invoice, connection, good)
        await person.open(f"/activity/invoice/{mapping.id}")
        answered = _opened(person.page.text, "What was answered")
        assert mapping.external_id in answered
        assert "pier@example.com" not in answered
        async with pages.api.world.runtime.db.firm(firm) as session:
            query = text("SELECT answer, outcome FROM write_attempts WHERE mapping_kind = 'invoice' ORDER BY id")
            rows = (await session.execute(query)).all()
        assert all(row.answer for row in rows), provider


def _opened(html: str, title: str) -> str:
    """The text under a summary."""
    return html.split(f"<summary>{title}</summary>")[1].split("</pre>", maxsplit=1)[0]


async def test_a_payment_ends_the_timeline(pages: Pages, scene: tuple[int, int, int]):
    firm, connection, mapping = scene
    row: Any = None
    async with pages.api.world.runtime.db.firm(firm) as session:
        row = (await session.execute(text("SELECT invoice_id FROM invoice_sync_mappings"))).one()
    await pages.api.payment(firm, connection, row.invoice_id, "12.00")
    person = await pages.person(firm)
    await person.open(f"/activity/invoice/{mapping}")
    assert person.text.index("Paid 12.00 USD") > person.text.index("In the books there")


async def test_documents_are_found_and_filtered(pages: Pages, scene: tuple[int, int, int]):
    firm, connection, mapping = scene
    person = await pages.person(firm)
    path = f"/activity/invoice/{mapping}"
    for query in ("", "?q=pier", "?status=synced", f"?connection={connection}", "?since=2020-01-01"):
        await person.open(f"/activity/documents{query}")
        assert person.offers(path), query
    for query in ("?q=100%25", "?q=nobody", "?status=error", "?code=account_unmapped", "?until=2020-01-01"):
        await person.open(f"/activity/documents{query}")
        assert not person.offers(path), query
        assert "Nothing here" in person.text
    await person.open("/activity/documents?kind=customer")
    assert "Pier 7 Café" in person.text
    await person.open("/activity/documents?since=yesterday", status=422)


async def test_lists_come_as_csv_too(pages: Pages, scene: tuple[int, int, int]):
    firm, _, _ = scene
    person = await pages.person(firm)
    answer = await person.http.get("/activity/documents.csv?kind=customer")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["label"], row["sync_status"], row["provider"]) for row in rows] == [
        ("Pier 7 Café", "synced", "quickbooks")
    ]
    assert "attachment" in answer.headers["content-disposition"]
    answer = await person.http.get("/activity/runs.csv")
    assert answer.text.startswith("\ufeffid,connection_id,action")


def test_a_spreadsheet_runs_nothing_of_a_csv():
    assert _cell("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert _cell("-12.50") == "-12.50"
    assert _cell("@x") == "'@x"


async def test_runs_are_listed_steered_and_told_live(pages: Pages, scene: tuple[int, int, int]):
    firm, connection, _ = scene
    world = pages.api.world
    async with world.runtime.db.firm(firm) as session:
        run = await runs.request(session, firm, connection, "push", requested_by="alice")
    person = await pages.person(firm, "member")
    await person.open("/activity")
    assert 'data-live="/activity/live"' in person.page.text
    assert "alice" in person.text
    await person.send(f"/activity/runs/{run}/pause")
    await person.open("/activity?state=paused")
    await person.send(f"/activity/runs/{run}/resume")
    await person.open("/activity")
    await person.send(f"/activity/runs/{run}/cancel")
    answer = await person.http.get("/activity/live")
    events = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
    assert events == ["runs", "over"]
    viewer = await pages.person(firm, "viewer")
    await viewer.open("/activity")
    assert "Cancel" not in viewer.text


async def test_live_progress_ends_with_the_run(pages: Pages, scene: tuple[int, int, int]):
    firm, connection, _ = scene
    world = pages.api.world
    invoices = [await world.invoice(firm, await world.client(firm)) for _ in range(3)]
    api = await pages.api.caller(firm)
    await api.post("/api/sync/qbo/push", json={"kind": "invoice", "ids": invoices}, headers={"Prefer": "wait=0"})
    person = await pages.person(firm)
    following = asyncio.create_task(person.http.get("/activity/live"))
    await asyncio.sleep(1)
    await world.work(connection)
    lines = (await following).text.splitlines()
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: [")]
    assert told[0][0]["state"] == "queued"
    assert told[-1][0]["state"] == "done"
    assert told[-1][0]["said"].startswith("6 of 6 records")


async def test_another_firms_documents_are_not_there(pages: Pages, scene: tuple[int, int, int]):
    _, _, mapping = scene
    person = await pages.person(await pages.api.world.firm("Other"))
    await person.open(f"/activity/invoice/{mapping}", status=404)
    await person.open("/activity/documents")
    assert not person.offers(f"/activity/invoice/{mapping}")


def test_nested_private_fields_are_hidden_and_long_bodies_cut():
    shown = shown_json({"name": "A", "billing_address": {"line1": "Pier 7"}, "lines": [{"tax_number": "1"}]})
    assert "Pier" not in shown
    assert shown.count("•••") == 2
    assert "more characters" in shown_json({"memo": "x" * 9000})


@pytest.mark.parametrize(
    ("counts", "total", "done", "failed", "state", "words"),
    [
        ({}, 3, 2, 0, "running", "2 of 3 records"),
        ({}, 3, 3, 1, "done", "3 of 3 records, 1 needs you"),
        ({"payments": 5}, 0, 0, 0, "done", "5 payments"),
        ({}, 0, 0, 0, "done", "nothing had changed"),
        ({}, 0, 0, 0, "queued", "waiting for a worker"),
    ],
)
def test_a_run_in_words(counts, total, done, failed, state, words):
    class Run:
        error: dict[str, str] = {}  # noqa: RUF012

    run = Run()
    vars(run).update(counts=counts, total=total, done=done, failed=failed, state=state)
    assert said(run, run) == words


async def test_days_are_those_of_the_viewers_clock(pages: Pages, scene: tuple[int, int, int]):
    firm, connection, mapping = scene
    person = await pages.person(firm)
    person.http.cookies.set("tieout-zone", "Pacific/Kiritimati")  # fourteen hours ahead of UTC
    late = "'2026-11-27 20:00+00'"  # the 28th there
    async with pages.api.world.runtime.db.firm(firm) as session:
        for statement in (
            "INSERT INTO sync_runs (firm_id, connection_id, action, state, created_at)"
            f" VALUES ({firm}, {connection}, 'pull', 'done', {late})",
            f"INSERT INTO audit_events (firm_id, actor, action, created_at) VALUES ({firm}, 'x', 'y', {late})",
            f"UPDATE invoice_sync_mappings SET updated_at = {late} WHERE id = {mapping}",
        ):
            await session.execute(text(statement.replace(":", "\\:")))
    for path, row in (("/activity", "data-run"), ("/activity/documents", f"/activity/invoice/{mapping}")):
        for query, there in (("since=2026-11-28&until=2026-11-28", True), ("until=2026-11-27", False)):
            assert (row in await person.open(f"{path}?{query}")) is there, (path, query)
    assert "28 Nov 2026, 10:00" in await person.open("/settings/audit?actor=x&since=2026-11-28")
    assert "Nothing matches" in await person.open("/settings/audit?actor=x&since=2026-11-29")
    await person.open("/settings/keys")
    await person.send("/settings/keys", name="until new year", role="viewer", expires="2099-01-01")
    assert "until 01 Jan 2099, 00:00" in person.text


async def test_any_day_of_a_calendar_is_taken(pages: Pages, scene: tuple[int, int, int]):
    person = await pages.person(scene[0])
    for path in ("/activity", "/activity/documents", "/settings/audit", "/activity/runs.csv"):
        await person.open(f"{path}?since=0001-01-01&until=9999-12-31")
    await person.open("/reports/reconciliation?to=0001-01-01")
