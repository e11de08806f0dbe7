"""Pushing and pulling through the API, with a real worker behind it: the fields and meanings of the brief."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from app import jobs
from app.db.tables import Connection
from tests.support.api import Api
from tests.support.world import World

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])
A = "/api/v1/accounting"


@pytest.fixture
async def worker(world: World) -> AsyncIterator[None]:
    """A worker in this process, on the same database."""
    stop = asyncio.Event()
    running = asyncio.create_task(jobs.run_worker(world.runtime, stop))
    yield
    stop.set()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(running, 25)


@BOTH
async def test_sync_invoice_answers_with_the_briefs_fields(api: Api, world: World, worker: None, provider: str) -> None:
    firm, headers = await api.member()
    connection = await world.connect(firm, provider)
    invoice = await world.invoice(firm, await world.client(firm, "Larkspur Dental"))
    url = f"{A}/connections/{connection}/sync_invoice/"
    first = await api.http.post(url, json={"invoice_id": invoice}, headers=headers)
    assert first.status_code == 200, first.text
    body = first.json()
    assert (body["success"], body["already_synced"]) == (True, False)
    mapping = body["mapping"]
    assert mapping["invoice"] == invoice
    assert mapping["external_id"]
    assert mapping["external_number"] == "T-0002"
    assert (mapping["sync_status"], mapping["state"], mapping["sync_error"]) == ("synced", "synced", "")
    assert mapping["external_total"] == "231.5"
    before = world.calls(connection)
    again = await api.http.post(url, json={"invoice_id": str(invoice)}, headers=headers)
    assert again.json()["already_synced"] is True
    assert world.calls(connection) == before


@BOTH
async def test_sync_customer_then_nothing_more_to_do(api: Api, world: World, worker: None, provider: str) -> None:
    firm, headers = await api.member()
    connection = await world.connect(firm, provider)
    client = await world.client(firm, "Pier 7 Café", external_ref="cus-7")
    url = f"{A}/connections/{connection}/sync_customer"
    first = await api.http.post(url, json={"client_ref": "cus-7"}, headers=headers)
    assert first.status_code == 200, first.text
    assert first.json()["mapping"]["client"] == client
    assert first.json()["mapping"]["external_name"] == "Pier 7 Café"
    assert (await api.http.post(url, json={"client_id": client}, headers=headers)).json()["already_synced"] is True
    listed = (await api.http.get(f"{A}/customer-mappings/", headers=headers)).json()
    assert [one["client"] for one in listed] == [client]
    one = await api.http.get(f"{A}/customer-mappings/{listed[0]['mapping_id']}", headers=headers)
    assert one.json() == listed[0]


async def test_a_refusal_is_a_problem_that_names_the_record_and_the_cure(api: Api, world: World, worker: None) -> None:
    firm, headers = await api.member()
    connection = await world.connect(firm, "quickbooks")
    invoice = await world.invoice(firm, await world.client(firm), memo="Thank you \N{SEEDLING}")
    url = f"{A}/connections/{connection}/sync_invoice"
    answer = await api.http.post(url, json={"invoice_id": invoice}, headers=headers)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "unsupported_characters"
    assert problem["success"] is False
    assert problem["mapping"]["sync_status"] == "error"
    assert problem["record"] == {"kind": "invoice", "id": invoice}
    assert problem["fix"]


async def test_a_number_too_long_for_the_company_is_refused_before_any_call(
    api: Api, world: World, worker: None
) -> None:
    firm, headers = await api.member()
    connection = await world.connect(firm, "quickbooks")
    client = await world.client(firm)
    invoice = await world.invoice(firm, client, number="ABCDEFGHIJKLMNOPQRSTUV")
    before = world.calls(connection)
    url = f"{A}/connections/{connection}/sync_invoice"
    answer = await api.http.post(url, json={"invoice_id": invoice}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "number_too_long")
    assert world.calls(connection) == before


@BOTH
async def test_push_and_pull_by_provider(api: Api, world: World, worker: None, provider: str) -> None:
    firm, headers = await api.member()
    connection = await world.connect(firm, provider)
    client = await world.client(firm)
    for _ in range(3):
        await world.invoice(firm, client)
    path = "qbo" if provider == "quickbooks" else "xero"
    pushed = await api.http.post(f"/api/sync/{path}/push", headers=headers)
    assert pushed.status_code == 200, pushed.text
    assert (pushed.json()["pushed"], pushed.json()["errors"]) == (4, [])
    again = await api.http.post(f"/api/sync/{path}/push", headers=headers)
    assert again.json()["pushed"] == 0
    ledger = await world.ledger(connection)
    ours = [one for one in ledger["invoices"] if one["number"].startswith("T-")]
    assert len(ours) == 3
    await world.act(connection, "pay", invoice_id=ours[0]["id"])
    pulled = await api.http.post(f"/api/sync/{path}/pull?date_from=2026-01-01&date_to=2126-12-31", headers=headers)
    assert pulled.json()["imported"] == 1
    payments = await api.http.post(f"{A}/connections/{connection}/sync_payments/", headers=headers)
    assert payments.json()["success"] is True
    assert isinstance(payments.json()["payment_count"], int)
    status = (await api.http.get("/api/sync/status", headers=headers)).json()
    assert status["owed"] == []
    assert status["dispositions"]["accepted"] == sum(status["dispositions"]["by_state"].values()) == 4


async def test_reversed_days_are_refused(api: Api, world: World) -> None:
    firm, headers = await api.member()
    connection = await world.connect(firm, "xero")
    body = {"date_from": "2026-11-02", "date_to": "2026-11-01"}
    answer = await api.http.post(f"{A}/connections/{connection}/sync_payments", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "dates_reversed")


async def test_without_a_connection_and_with_a_switch_off(api: Api, world: World) -> None:
    firm, headers = await api.member()
    missing = await api.http.post("/api/sync/xero/pull", headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (400, "not_connected")
    unknown = await api.http.post("/api/sync/sage/pull", headers=headers)
    assert unknown.status_code == 422
    connection = await world.connect(firm, "quickbooks")
    await world.set(firm, Connection, connection, invoice_sync_enabled=False)
    invoice = await world.invoice(firm, await world.client(firm))
    url = f"{A}/connections/{connection}/sync_invoice"
    answer = await api.http.post(url, json={"invoice_id": invoice}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "sync_disabled")
    absent = await api.http.post(url, json={"invoice_ref": "nobody"}, headers=headers)
    assert absent.status_code == 404
    draft = await world.invoice(firm, await world.client(firm), status="draft")
    await world.set(firm, Connection, connection, invoice_sync_enabled=True)
    refused = await api.http.post(url, json={"invoice_id": draft}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_pushable")


async def test_no_worker_means_202_and_the_run_is_found_later(api: Api, world: World) -> None:
    firm, headers = await api.member()
    connection = await world.connect(firm, "quickbooks")
    invoice = await world.invoice(firm, await world.client(firm))
    url = f"{A}/connections/{connection}/sync_invoice"
    answer = await api.http.post(url, json={"invoice_id": invoice}, headers={**headers, "Prefer": "wait=1"})
    assert answer.status_code == 202
    assert answer.json()["success"] is None
    run_id = answer.json()["run"]["run_id"]
    await world.work(connection)
    run = (await api.http.get(f"{A}/runs/{run_id}", headers=headers)).json()
    assert (run["state"], run["counts"]["pushed"]) == ("done", 2)


@BOTH
async def test_disconnecting_and_reconnecting_writes_nothing_twice(
    api: Api, world: World, worker: None, provider: str
) -> None:
    firm, headers = await api.admin()
    connection = await world.connect(firm, provider)
    client = await world.client(firm)
    invoices = [await world.invoice(firm, client) for _ in range(2)]
    path = "qbo" if provider == "quickbooks" else "xero"
    assert (await api.http.post(f"/api/sync/{path}/push", headers=headers)).json()["pushed"] == 3
    ended = await api.http.post(f"{A}/connections/{connection}/disconnect/", headers=headers)
    assert ended.status_code == 200, ended.text
    gone = await api.http.post(
        f"{A}/connections/{connection}/sync_invoice", json={"invoice_id": invoices[0]}, headers=headers
    )
    assert (gone.status_code, gone.json()["code"]) == (400, "not_connected")
    again = await world.connect(firm, provider)
    assert again == connection
    pushed = await api.http.post(f"/api/sync/{path}/push", headers=headers)
    assert pushed.json()["pushed"] == 0, pushed.text
    ledger = await world.ledger(connection)
    assert len([one for one in ledger["invoices"] if one["number"].startswith("T-")]) == 2
