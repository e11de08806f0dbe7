"""Files of the books over HTTP: what they hold, what they refuse, what is kept of them."""

import asyncio
import contextlib
import hashlib
import io
import zipfile
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
import uvicorn

from app.files.formats.reading import read
from benchmarks.files import seed
from tests.support.api import BOOKS, Api, bearer, invoice

LOGS = f"{BOOKS}/export-logs"


@pytest.fixture
async def firm(api: Api) -> int:
    return await api.world.firm()


@pytest.fixture
async def http(api: Api, firm: int) -> httpx.AsyncClient:
    return await api.caller(firm, "member")


def entry(number: str, amount: str = "120.50", **more: Any) -> dict[str, Any]:
    lines = [
        {"account_code": "6000", "debit": amount, "description": "Rent"},
        {"account_code": "2100", "credit": amount},
    ]
    given = {"number": number, "date": "2026-11-02", "currency": "USD", "lines": lines, "status": "posted"}
    return {**given, **more}


async def books(http: httpx.AsyncClient, *entries: dict[str, Any]) -> list[int]:
    """A chart of two accounts, and these entries; returns their ids."""
    chart = [
        {"code": "6000", "name": "Rent", "type": "expense.operating"},
        {"code": "2100", "name": "Accruals", "type": "liability.current_other"},
    ]
    assert (await http.post(f"{BOOKS}/accounts", json={"items": chart})).status_code == 200
    stored = await http.post(f"{BOOKS}/journal-entries", json={"items": list(entries)})
    assert stored.status_code == 200, stored.text
    return [one["id"] for one in stored.json()["items"]]


async def numbers(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one.number for one in read(answer.content).entries]


@pytest.mark.parametrize(
    ("path", "name", "media_type"),
    [
        ("/api/export/quickbooks", "quickbooks_export.iif", "text/plain"),
        ("/api/export/quickbooks?format=csv", "quickbooks_export.csv", "text/csv"),
        ("/api/export/xero", "xero_export.csv", "text/csv"),
    ],
)
async def test_a_file_and_its_log(http: httpx.AsyncClient, firm: int, path: str, name: str, media_type: str) -> None:
    await books(
        http,
        entry("JE-1"),
        entry("JE-2", "7.00", date="2026-11-14", narration="a\tb"),
        entry("JE-3", status="approved"),
    )
    answer = await http.post(path)
    assert await numbers(answer) == ["JE-1", "JE-2"]
    assert answer.headers["content-type"].split(";")[0] == media_type
    assert answer.headers["content-disposition"] == f"attachment; filename={name}"
    assert answer.headers["x-content-sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert (answer.headers["x-records"], answer.headers["x-exported-before"]) == ("2", "0")
    again = await http.post(path)
    assert again.content == answer.content
    assert again.headers["x-exported-before"] == "2"
    logs = (await http.get(LOGS)).json()["items"]
    assert [log["status"] for log in logs] == ["complete", "complete"]
    report = (await http.get(f"{LOGS}/{answer.headers['x-export-id']}")).json()
    assert (report["records"], report["lines"], report["totals"]) == (2, 4, {"USD": "127.50"})
    assert (report["records_exported"], report["tenant_id"]) == (2, firm)
    assert report["checksum"] == answer.headers["x-content-sha256"]
    altered = [(one["record"], one["field"], one["value"]) for one in report["alterations"]]
    assert ("JE-2", "narration", "a\tb") in [
        (record, field, value.removesuffix(" [JE-2]").removesuffix(" / Rent")) for record, field, value in altered
    ]


async def test_an_idempotency_key_lets_the_whole_file_through(http: httpx.AsyncClient) -> None:
    await books(http, entry("JE-1"))
    for _ in range(2):
        answer = await http.post("/api/export/quickbooks?format=csv", headers={"Idempotency-Key": "k"})
        assert await numbers(answer) == ["JE-1"]
        assert int(answer.headers["content-length"]) == len(answer.content)
    assert {log["status"] for log in (await http.get(LOGS)).json()["items"]} == {"complete"}


async def test_filters(http: httpx.AsyncClient) -> None:
    ids = await books(
        http, entry("A"), entry("B", date="2026-11-20"), entry("C", currency="EUR"), entry("D", status="approved")
    )

    async def csv(**query: Any) -> list[str]:
        return await numbers(await http.post("/api/export/quickbooks", params={"format": "csv", **query}))

    assert await csv() == ["A", "C", "B"]
    assert await csv(status="approved") == ["D"]
    assert await csv(date_from="2026-11-03") == ["B"]
    assert await csv(date_to="2026-11-02") == ["A", "C"]
    assert await csv(ids=f"{ids[0]},{ids[1]}") == ["A", "B"]
    assert await csv(currency="EUR") == ["C"]
    assert await csv(include_exported=False) == []
    await http.post(f"{BOOKS}/journal-entries", json=entry("E"))
    assert await csv(include_exported=False) == ["E"]
    refused = await http.post("/api/export/quickbooks?date_from=2026-11-03&date_to=2026-11-02")
    assert (refused.status_code, refused.json()["code"]) == (422, "dates_reversed")


async def test_what_cannot_be_written_is_listed_and_nothing_is_logged(http: httpx.AsyncClient) -> None:
    lines = [{"account_code": "77", "debit": "1"}, {"account_code": "2100", "credit": "1"}]
    await books(http, entry("A"), entry("B", lines=lines), entry("C", currency="EUR"))
    answer = await http.post("/api/export/xero")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["refused"]) == (422, "not_representable", 2)
    found = {(error["entry"], error["field"], error["code"]) for error in problem["errors"]}
    assert found == {("77", "account_code", "account_unmapped"), ("C", "currency", "currency_unsupported")}
    assert (await http.get(LOGS)).json()["items"] == []


async def test_codes_go_through_the_mapping(http: httpx.AsyncClient) -> None:
    await books(http, entry("A"))
    items = [{"internal_code": "6000", "external_code": "469", "external_name": "Occupancy:Rent"}]
    for provider in ("xero", "quickbooks"):
        await http.put(f"{BOOKS}/account-mappings", json={"provider": provider, "items": items})
    xero = read((await http.post("/api/export/xero?region=gb")).content).entries[0]
    iif = (await http.post("/api/export/quickbooks")).content.decode()
    assert [line.account for line in xero.lines] == ["469", "2100"]
    assert "\tOccupancy:Rent\t" in iif
    # What the mapping does not name is declared from the chart, lest QuickBooks make a bank account of it.
    assert "ACCNT\tAccruals\tOCLIAB\t2100\r\n" in iif
    assert "ACCNT\tOccupancy" not in iif


async def test_more_rows_than_the_target_takes(http: httpx.AsyncClient) -> None:
    await books(http, *(entry(f"JE-{n}") for n in range(151)))
    refused = await http.post("/api/export/xero")
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_rows")
    assert "split=zip" in refused.json()["fix"]
    zipped = await http.post("/api/export/xero?split=zip")
    assert zipped.headers["content-disposition"] == "attachment; filename=xero_export.zip"
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        files = [read(archive.read(name)) for name in archive.namelist()]
    assert [len(one.entries) for one in files] == [150, 1]
    assert (await http.post("/api/export/xero?split=zip")).content == zipped.content


@pytest.mark.parametrize("silent", [False, True], ids=["send fails", "the server drops it"])
async def test_an_aborted_download_marks_nothing(api: Api, firm: int, http: httpx.AsyncClient, silent: bool) -> None:
    await books(http, entry("A"))
    _, key = await api.key(firm, "member")
    sent: list[str] = []

    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked > 1 and not silent:
            await asyncio.Event().wait()
        return {"type": "http.disconnect" if asked > 1 else "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])
        if message["type"] == "http.response.body" and not silent:
            raise OSError("the caller is gone")

    headers = [(name.lower().encode(), value.encode()) for name, value in bearer(key).items()]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
             "path": "/api/export/xero", "raw_path": b"/api/export/xero", "query_string": b"", "headers": headers,
             "client": ("127.0.0.1", 1), "server": ("localhost", 80), "root_path": ""}  # fmt: skip
    with contextlib.nullcontext() if silent else pytest.raises(OSError, match="gone"):
        await api.app(scope, receive, send)
    assert sent == ["http.response.start", "http.response.body"]
    logs = (await http.get(LOGS)).json()["items"]
    assert [log["status"] for log in logs] == ["prepared"]
    assert (await http.post("/api/export/xero")).headers["x-exported-before"] == "0"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/export/quickbooks", "ACCNT\tAccruals\tOCLIAB"),
        ("/api/export/quickbooks?format=csv", "2100,Accruals,Other Current Liabilities"),
        ("/api/export/xero", "2100,Accruals,Current Liability"),
    ],
)
async def test_charts_and_clients(http: httpx.AsyncClient, path: str, said: str) -> None:
    await books(http, entry("A"))
    await http.post(f"{BOOKS}/clients", json={"name": "Pier 7", "phone": "+44 1482 1", "external_ref": "p"})
    chart = await http.post(path, params=dict(httpx.QueryParams(path.partition("?")[2])) | {"kind": "accounts"})
    assert said in chart.text
    assert chart.headers["x-records"] == "2"
    clients = await http.post(path, params=dict(httpx.QueryParams(path.partition("?")[2])) | {"kind": "clients"})
    assert "Pier 7" in clients.text
    assert "+44 1482 1" in clients.text
    assert "_clients." in clients.headers["content-disposition"]


async def test_invoices(http: httpx.AsyncClient) -> None:
    chart = [
        {"code": "4000", "name": "Sales", "type": "revenue.sales"},
        {"code": "1200", "name": "Debtors", "type": "asset.receivable"},
        {"code": "2200", "name": "Sales tax", "type": "liability.sales_tax"},
    ]
    await http.post(f"{BOOKS}/accounts", json={"items": chart})
    await http.post(f"{BOOKS}/clients", json={"name": "Acme", "external_ref": "acme"})
    sent = invoice("INV-1", status="approved")
    for line in sent["lines"]:
        line["account_code"] = "4000"
    await http.post(f"{BOOKS}/invoices", json=sent)
    await http.post(f"{BOOKS}/invoices", json=invoice("INV-2"))
    tax = [{"internal_code": "T", "external_code": "TAX001", "external_name": "8% Sales"}]
    await http.put(f"{BOOKS}/tax-mappings", json={"provider": "xero", "items": tax})
    iif = (await http.post("/api/export/quickbooks?kind=invoices")).text.splitlines()
    assert [line.split("\t")[7] for line in iif if line.startswith(("TRNS", "SPL"))] == [
        "26.87",
        "-20.25",
        "-5.00",
        "-1.62",
    ]
    qbo = (await http.post("/api/export/quickbooks?kind=invoices&format=csv")).text.splitlines()
    assert qbo[1] == "INV-1,Acme,11/02/2026,12/02/2026,,,,,Planting,2,10.125,20.25,Y,8,"
    xero = (await http.post("/api/export/xero?kind=invoices&region=us")).text.splitlines()
    assert "Planting,2,10.125,,4000,8% Sales" in xero[1]
    assert "Visit,1,5,,4000,Tax Exempt (0%)" in xero[2]
    assert len(xero) == 3


async def test_a_viewer_may_not_export(api: Api, firm: int) -> None:
    viewer = await api.caller(firm, "viewer")
    assert (await viewer.post("/api/export/xero")).status_code == 403
    assert (await viewer.get(LOGS)).status_code == 200


async def test_a_caller_of_a_real_server_who_hangs_up_marks_nothing(
    api: Api, firm: int, http: httpx.AsyncClient
) -> None:
    """The file is larger than what the sockets in between take in."""
    await seed(api.world.runtime, firm, 120_000)
    _, key = await api.key(firm, "member")
    server = uvicorn.Server(uvicorn.Config(api.app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /api/export/quickbooks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 0\r\n\r\n"
    )
    writer.write(head.encode())
    assert b"200 OK" in await reader.readline()
    writer.transport.abort()
    server.should_exit = True
    await serving
    logs = (await http.get(LOGS)).json()["items"]
    assert [(log["status"], log["lines"]) for log in logs] == [("prepared", 120_000)]
    taken = await http.post("/api/export/quickbooks")
    assert (taken.status_code, taken.headers["x-exported-before"]) == (200, "0")
    assert (await http.get(LOGS)).json()["items"][0]["status"] == "complete"
