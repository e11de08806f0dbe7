"""Whether a record costs the same when there are a hundred thousand: push and pull in a small and in a full company."""

from collections.abc import AsyncIterator

from app.canonical import Kind
from app.sync import requests
from benchmarks.results import Figure
from benchmarks.stage import Watch, database, settings_for
from tests.support.world import SIM, World, open_world

SMALL, LARGE, NEW = 1_000, 100_000, 300


async def measure() -> AsyncIterator[Figure]:
    """Milliseconds per new invoice, pushed, with 1,000 and with 100,000 that are there already."""
    with database() as (server, name):
        settings = settings_for(server.login_url(name), sync_slice_seconds=60, lease_seconds=120)
        async with open_world(settings) as world:
            await world.http.post(f"{SIM}/_sim/xero/limits", json={"minute": 1_000_000, "day": 10_000_000})
            firm = await world.firm()
            connection = await world.connect(firm, "xero")
            client = await world.client(firm)
            await world.ask(firm, connection, Kind.customer, [client])
            await world.work(connection)
            await _fill(world, firm, connection, client, 0, SMALL)
            await _push(world, firm, connection, client)  # warm
            few = await _push(world, firm, connection, client)
            await _fill(world, firm, connection, client, SMALL, LARGE)
            many = await _push(world, firm, connection, client)
            yield Figure(
                name=f"cost of a pushed invoice among {LARGE:,}",
                ours=many,
                beside=few,
                beside_what=f"among {SMALL:,}",
                ratio=many / few,
                target="≤ 1.3",
                kept=many <= 1.3 * few,
                unit="ms",
            )
            pulled = await _pull(world, firm, connection)
            yield Figure(
                name=f"a pull of payments and invoices with {LARGE:,} there, nothing new",
                ours=pulled * 1000,
                unit="ms",
                target="< 2000 ms",
                kept=pulled < 2,
            )


async def _fill(world: World, firm: int, connection: int, client: int, start: int, end: int) -> None:
    """Invoices that were synced long ago, on our side."""
    for first in range(start, end, 10_000):
        last = min(first + 10_000, end) - 1
        async with world.runtime.db.firm(firm) as session:
            await session.exec_driver_sql(
                "WITH made AS (INSERT INTO invoices (firm_id, external_ref, number, client_id, issue_date, due_date,"
                " currency, tax_mode, subtotal, tax_total, total, status)"
                f" SELECT {firm}, 'G' || n, 'G' || n, {client}, '2026-10-01', '2026-11-01', 'USD', 'exclusive', 10, 0,"
                f" 10, 'approved' FROM generate_series({first}, {last}) n RETURNING id, number), linked AS ("
                " INSERT INTO invoice_sync_mappings (firm_id, connection_id, invoice_id, external_id, external_number,"
                f" state, base_revision, wanted, synced_at) SELECT {firm}, {connection}, id, 'g-' || id, number,"
                " 'synced', 1, 'update', now() FROM made RETURNING external_id)"
                " INSERT INTO remote_records (firm_id, connection_id, kind, external_id, version, record)"
                f" SELECT {firm}, {connection}, 'invoice', external_id, '1', '{{}}' FROM linked"
            )


async def _push(world: World, firm: int, connection: int, client: int) -> float:
    """Milliseconds per invoice."""
    invoices = [await world.invoice(firm, client) for _ in range(NEW)]
    watch = Watch()
    await world.ask(firm, connection, Kind.invoice, invoices)
    await world.work(connection, turns=50)
    taken = watch()
    states = {(await world.mapping(firm, Kind.invoice, connection, one)).state for one in invoices[:5]}
    if states != {"synced"}:
        raise AssertionError(states)
    return taken * 1000 / NEW


async def _pull(world: World, firm: int, connection: int) -> float:
    for _ in range(2):
        watch = Watch()
        await requests.pull(
            world.runtime.db, firm, connection, kinds=None, date_from=None, date_to=None, requested_by="bench"
        )
        await world.work(connection)
    return watch()
