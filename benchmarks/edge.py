"""The HTTP face: webhook ingest, authenticated reads and bulk upserts, each beside its bare counterpart."""

import base64
import hashlib
import hmac
import json
import secrets
import statistics
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx

from benchmarks import load
from benchmarks.load import Make
from benchmarks.results import Figure
from benchmarks.stage import Watch, database, settings_for, web
from tests.support.api import open_api
from tests.support.world import open_world

SECONDS = 2.0
TURNS = 7
AT_ONCE = 64
KEY = b"intuit-verifier-old"


async def measure() -> AsyncIterator[Figure]:
    """Four figures."""
    with database() as (server, name):
        settings = settings_for(server.login_url(name))
        async with open_world(settings) as world:
            firm = await world.firm()
            await world.connect(firm)
            for number in range(50):
                await world.client(firm, f"Client {number}")
            async with open_api(world) as api:
                _, key = await api.key(firm)
                _, writer = await api.key(firm, "member")
        async with web("app.main:create_app", settings) as ours, web("benchmarks.bare:create_app", settings) as bare:
            yield await _upsert(ours, writer, firm, server.login_url(name))
            yield await _ingest(ours, bare)
            headers = {"Authorization": f"Bearer {key}"}
            path = "/api/v1/accounting/clients"
            rates = await _alternating(
                [_reader(ours + path, headers), _reader(bare + "/clients", headers), _reader(bare + "/plain", headers)]
            )
            yield Figure(
                name="authenticated list of 50 clients",
                ours=rates[0],
                beside=rates[1],
                beside_what="bare FastAPI + asyncpg with the same look-up, transaction and set_config",
                ratio=rates[0] / rates[1],
                target="≥ 0.8",
                kept=rates[0] >= 0.8 * rates[1],
                unit="requests/s",
                note=f"a bare route without them answers {rates[2]:,.0f}/s",
            )


async def _ingest(ours: str, bare: str) -> Figure:
    rates = await _alternating([_poster(ours + "/api/webhooks/qbo"), _poster(bare + "/webhook")])
    return Figure(
        name=f"webhook ingest, {AT_ONCE} connections",
        ours=rates[0],
        beside=rates[1],
        beside_what="bare FastAPI route with HMAC, insert and commit",
        ratio=rates[0] / rates[1],
        target="≥ 1.5",
        kept=rates[0] >= 1.5 * rates[1],
        unit="requests/s",
    )


def _poster(url: str) -> tuple[str, Make]:
    def make() -> bytes:
        event = {
            "specversion": "1.0",
            "id": secrets.token_hex(16),
            "source": "intuit.bench",
            "type": "qbo.payment.updated.v1",
            "datacontenttype": "application/json",
            "time": "2026-11-27T10:00:00Z",
            "intuitentityid": str(secrets.randbelow(10**9)),
            "intuitaccountid": "9341452900000001",
            "data": {},
        }
        body = json.dumps([event]).encode()
        signature = base64.b64encode(hmac.new(KEY, body, hashlib.sha256).digest()).decode()
        headers = {"intuit-signature": signature, "Content-Type": "application/json"}
        return load.request("POST", url, headers, body)

    return url, make


def _reader(url: str, headers: dict[str, str]) -> tuple[str, Make]:
    sent = load.request("GET", url, headers)
    return url, lambda: sent


async def _alternating(sends: list[tuple[str, Make]]) -> list[float]:
    """Requests a second of each, measured by turns so that a noisy moment hits all of them; the median of all turns."""
    rates: list[list[float]] = [[] for _ in sends]
    for _ in range(TURNS):
        for index, (url, make) in enumerate(sends):
            rates[index].append(await load.rate(url, make, AT_ONCE, SECONDS))
    return [statistics.median(found) for found in rates]


async def _upsert(url: str, key: str, firm: int, owner_url: str) -> Figure:
    """1,000 invoices of three lines, in one request, beside the same rows by asyncpg's executemany."""
    ours, floor = [], []
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=f"{url}/api/v1/accounting", headers=headers, timeout=60) as http:
        client = (await http.post("/clients", json={"name": "Bulk", "external_ref": "bulk"})).json()
        for turn in range(TURNS):
            body = json.dumps({"items": [_invoice(f"B{turn}-{n}") for n in range(1000)]}).encode()
            watch = Watch()
            answer = await http.post("/invoices", content=body)
            ours.append(watch())
            if answer.status_code != httpx.codes.OK:
                raise AssertionError(answer.text)
            floor.append(await _floor(owner_url, firm, client["id"], turn))
    mine, least = statistics.median(ours), statistics.median(floor)
    return Figure(
        name="bulk upsert of 1,000 invoices with 3 lines",
        ours=mine * 1000,
        beside=least * 1000,
        beside_what="asyncpg executemany of the same rows in one transaction",
        ratio=mine / least,
        target="≤ 2",
        kept=mine <= 2 * least,
        unit="ms",
    )


def _invoice(number: str) -> dict[str, Any]:
    line = {"description": "Work", "quantity": "2", "unit_price": "10.00", "account_code": "4000"}
    return {
        "external_ref": number,
        "number": number,
        "client_ref": "bulk",
        "issue_date": "2026-11-02",
        "due_date": "2026-12-02",
        "currency": "USD",
        "lines": [line, line, line],
        "subtotal": "60.00",
        "tax_total": "0",
        "total": "60.00",
        "status": "draft",
    }


async def _floor(url: str, firm: int, client: int, turn: int) -> float:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET ROLE tieout_app")
        watch = Watch()
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.firm_id', $1, true)", str(firm))
            rows = [(firm, f"F{turn}-{n}", f"F{turn}-{n}", client) for n in range(1000)]
            await connection.executemany(
                "INSERT INTO invoices (firm_id, external_ref, number, client_id, issue_date, due_date, currency,"
                " tax_mode, subtotal, tax_total, total, status) VALUES ($1, $2, $3, $4, '2026-11-02', '2026-12-02',"
                " 'USD', 'exclusive', 60, 0, 60, 'draft')",
                rows,
            )
            found = await connection.fetch("SELECT id FROM invoices WHERE number LIKE $1 ORDER BY id", f"F{turn}-%")
            lines = [(firm, row["id"], position) for row in found for position in (1, 2, 3)]
            await connection.executemany(
                "INSERT INTO invoice_lines (firm_id, invoice_id, position, description, quantity, unit_price, amount,"
                " account_code) VALUES ($1, $2, $3, 'Work', 2, 10, 20, '4000')",
                lines,
            )
        return watch()
    finally:
        await connection.close()
