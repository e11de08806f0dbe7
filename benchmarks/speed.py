"""With real processes: from a payment's webhook to the invoice paid, and a steady push at the vendors' own limits."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from app.canonical import Kind
from app.db import wakeups
from app.db.tables import Invoice
from app.governor import SAFETY
from benchmarks.results import Figure
from benchmarks.stage import database, percentile, settings_for, vendors, web, worker
from tests.support.processes import RemoteWorld, remote_world

PAYMENTS = 30
STEADY_SECONDS = 180.0  # whole minutes: the budgets are spent at the beginning of each, and part of one would mislead
CALL_SECONDS = 0.25
LIMITS = {"quickbooks": 40, "xero": 60}  # batches and calls a minute


async def measure() -> AsyncIterator[Figure]:
    """Latency idle and under a bulk push, then the rates."""
    with database() as (server, name):
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(vendors())
            settings = settings_for(server.login_url(name), base)
            world = await stack.enter_async_context(remote_world(settings, base))
            serving = await stack.enter_async_context(web("app.main:create_app", settings))
            await stack.enter_async_context(worker(settings))
            firm = await world.firm()
            connection = await world.connect(firm, "quickbooks")
            client = await world.client(firm)
            await world.control("intuit/webhooks", url=f"{serving}/api/webhooks/qbo", key="intuit-verifier-old")
            idle = await _latencies(world, firm, connection, client)
            yield _latency("idle", idle)
            load = asyncio.create_task(_bulk(world, firm, connection, client))
            busy = await _latencies(world, firm, connection, client)
            await load
            yield _latency("during a bulk push of the same connection", busy)
            xero = await world.connect(firm, "xero")
            async for figure in _steady(world, firm, {"quickbooks": connection, "xero": xero}):
                yield figure


def _latency(when: str, seconds: list[float]) -> Figure:
    half, most = percentile(seconds, 0.5), percentile(seconds, 0.95)
    return Figure(
        name=f"payment at the vendor → invoice paid here, {when}",
        ours=half,
        unit="s (p50)",
        target="p50 ≤ 1 s, p95 ≤ 3 s",
        kept=half <= 1 and most <= 3,
        note=f"p95 {most:.2f} s over {len(seconds)} payments, the vendor's own delay of its webhook included",
    )


async def _latencies(world: RemoteWorld, firm: int, connection: int, client: int) -> list[float]:
    invoices = [await world.invoice(firm, client) for _ in range(PAYMENTS)]
    await world.ask(firm, connection, Kind.invoice, invoices)
    await wakeups.wake(world.runtime.db, connection)
    ids = [await _synced(world, firm, connection, one) for one in invoices]
    taken = []
    for invoice, external_id in zip(invoices, ids, strict=True):
        begun = time.perf_counter()
        vendor, company = world.companies[connection]
        await world.control(f"{vendor}/companies/{company}/pay", invoice_id=external_id)
        while (await world.row(firm, Invoice, invoice)).status != "paid":
            if time.perf_counter() - begun > 30:
                break
            await asyncio.sleep(0.01)
        taken.append(time.perf_counter() - begun)
    return taken


async def _synced(world: RemoteWorld, firm: int, connection: int, invoice: int) -> str:
    for _ in range(3000):
        found = await world.mapping(firm, Kind.invoice, connection, invoice)
        if found.state == "synced":
            return str(found.external_id)
        await asyncio.sleep(0.05)
    raise AssertionError("the worker does not push")


async def _bulk(world: RemoteWorld, firm: int, connection: int, client: int) -> None:
    for _ in range(6):
        invoices = [await world.invoice(firm, client) for _ in range(60)]
        await world.ask(firm, connection, Kind.invoice, invoices)
        await wakeups.wake(world.runtime.db, connection)


async def _steady(world: RemoteWorld, firm: int, places: dict[str, int]) -> AsyncIterator[Figure]:
    """More is owed than the limits let through; the vendors enforce them and take a quarter of a second a call."""
    for vendor in ("intuit", "xero"):
        await world.control(f"{vendor}/limits", enforce=True)
        await world.arm(vendor, "/v3/company/|/api.xro/", "slow", delay=CALL_SECONDS, times=1_000_000)
    for provider, connection in places.items():
        size = 30 if provider == "quickbooks" else 50
        count = int(LIMITS[provider] * size * (STEADY_SECONDS + 70) / 60)
        await _owe(world, firm, connection, count)
        await wakeups.wake(world.runtime.db, connection)
    await asyncio.sleep(65)  # the first minute begins with an empty window; steady is what follows
    before = {provider: await _batches(world, firm, connection) for provider, connection in places.items()}
    begun = time.monotonic()
    await asyncio.sleep(STEADY_SECONDS)
    minutes = (time.monotonic() - begun) / 60
    for provider, connection in places.items():
        rate = (await _batches(world, firm, connection) - before[provider]) / minutes
        allowed = LIMITS[provider] * SAFETY
        refused = await _refused(world, connection)
        yield Figure(
            name=f"{provider}: writes a minute over {STEADY_SECONDS:.0f} s at the vendor's enforced limit",
            ours=rate,
            beside=allowed,
            beside_what=f"{LIMITS[provider]} documented less our margin of {1 - SAFETY:.0%}",
            ratio=rate / allowed,
            target="≥ 0.9, no 429",
            kept=rate >= 0.9 * allowed and refused == 0,
            unit="calls/min",
            note=f"{refused} answers 429",
        )


async def _owe(world: RemoteWorld, firm: int, connection: int, count: int) -> None:
    """Clients by the thousand, owed to one company."""
    async with world.runtime.db.firm(firm) as session:
        rows = await session.exec_driver_sql(
            f"INSERT INTO clients (firm_id, name, currency) SELECT {firm}, 'Steady {connection}-' || n, 'USD'"
            f" FROM generate_series(1, {count}) n RETURNING id"
        )
        ids = [row.id for row in rows]
    await world.ask(firm, connection, Kind.customer, ids)


async def _batches(world: RemoteWorld, firm: int, connection: int) -> int:
    async with world.runtime.db.firm(firm) as session:
        found = await session.exec_driver_sql(
            f"SELECT count(*) FROM write_calls WHERE connection_id = {connection} AND state = 'done'"
        )
        return int(found.scalar_one())


async def _refused(world: RemoteWorld, connection: int) -> int:
    vendor, company = world.companies[connection]
    counted: dict[str, Any] = await world.look(f"calls?provider={vendor}&company={company}")
    return int(counted.get("by_status", {}).get("429", 0))
