"""How many provider calls a push takes, beside the fewest the vendor's API permits and a plain loop with its SDK."""

from collections.abc import AsyncIterator

from app.canonical import Kind
from benchmarks.results import Figure
from benchmarks.stage import Watch, database, settings_for
from tests.support.world import SIM, World, open_world

CUSTOMERS, INVOICES = 500, 1000
# ⌈500/30⌉ + ⌈1000/30⌉ batches at QuickBooks, ⌈500/50⌉ + ⌈1000/50⌉ calls at Xero.
FEWEST = {"quickbooks": 51, "xero": 30}
# One call per record: the plain loop of `python-quickbooks` (`record.save(qb=client)`) has no other way, and
# `xero-python`'s examples write one element per call.
LOOP = CUSTOMERS + INVOICES


async def measure() -> AsyncIterator[Figure]:
    """One figure per provider."""
    with database() as (server, name):
        async with open_world(settings_for(server.login_url(name), sync_slice_seconds=60, lease_seconds=120)) as world:
            await world.http.post(f"{SIM}/_sim/xero/limits", json={"minute": 1_000_000, "day": 10_000_000})
            for provider, fewest in FEWEST.items():
                yield await _one(world, provider, fewest)


async def _one(world: World, provider: str, fewest: int) -> Figure:
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    clients = [await world.client(firm) for _ in range(CUSTOMERS)]
    invoices = [await world.invoice(firm, clients[n % CUSTOMERS]) for n in range(INVOICES)]
    await world.ask(firm, connection, Kind.customer, clients)
    await world.ask(firm, connection, Kind.invoice, invoices)
    before, watch = world.calls(connection), Watch()
    for _ in range(400):
        await world.hurry(firm, connection)
        async with world.runtime.db.firm(firm) as session:
            await session.exec_driver_sql("UPDATE connections SET budget = '{}'")
            for table in ("customer_sync_mappings", "invoice_sync_mappings"):
                await session.exec_driver_sql(f"UPDATE {table} SET next_due_at = now() WHERE state = 'pending'")
        await world.work(connection, turns=50)
        async with world.runtime.db.firm(firm) as session:
            found = await session.exec_driver_sql("SELECT count(*) FROM invoice_sync_mappings WHERE state <> 'synced'")
            if found.scalar_one() == 0:
                break
    calls = world.calls(connection) - before
    return Figure(
        name=f"{provider}: calls for {CUSTOMERS} new customers and {INVOICES} invoices",
        ours=calls,
        beside=fewest,
        beside_what="the fewest the API permits",
        ratio=calls / fewest,
        target="≤ 1.05",
        kept=calls <= fewest * 1.05,
        unit="calls",
        note=f"a plain loop would make {LOOP}, by reckoning; {CUSTOMERS + INVOICES} records in {watch():.1f} s here",
    )
