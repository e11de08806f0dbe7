"""How many provider calls a push takes, beside the fewest the vendor's API permits and a plain loop with its client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from app.canonical import Kind
from app.sync import runner
from benchmarks import loops
from benchmarks.results import Figure
from benchmarks.stage import Watch, database, settings_for, vendors
from simulators.xero import TENANT_NZ
from tests.support.processes import RemoteWorld, remote_world

CUSTOMERS, INVOICES = 500, 1000


@dataclass(frozen=True, slots=True)
class Peer:
    """The plain loop with a vendor's client, and the fewest calls that the vendor's API permits."""

    client: str
    loop: Callable[[str, str, int, int], None]
    fewest: int


PEERS = {
    # ⌈500/30⌉ + ⌈1000/30⌉ batches at QuickBooks, ⌈500/50⌉ + ⌈1000/50⌉ calls at Xero.
    "quickbooks": Peer("python-quickbooks", loops.quickbooks, 51),
    "xero": Peer("xero-python", loops.xero, 30),
}


async def measure() -> AsyncIterator[Figure]:
    """Two figures per provider: ours beside the fewest, and beside the loop over the same simulators."""
    with database() as (server, name):
        async with vendors() as base:
            settings = settings_for(server.login_url(name), base, sync_slice_seconds=60, lease_seconds=120)
            async with remote_world(settings, base) as world:
                await world.control("xero/limits", minute=1_000_000, day=10_000_000)
                for provider, peer in PEERS.items():
                    calls, seconds = await _ours(world, provider)
                    yield _fewest(provider, peer, calls, seconds)
                    looped, taken = await _looped(world, provider, peer)
                    yield _beside_loop(provider, peer, (calls, seconds), (looped, taken))


def _fewest(provider: str, peer: Peer, calls: int, seconds: float) -> Figure:
    return Figure(
        name=f"{provider}: calls for {CUSTOMERS} new customers and {INVOICES} invoices",
        ours=calls,
        beside=peer.fewest,
        beside_what="the fewest the API permits",
        ratio=calls / peer.fewest,
        target="≤ 1.05",
        kept=calls <= peer.fewest * 1.05,
        unit="calls",
        note=f"{CUSTOMERS + INVOICES} records in {seconds:.1f} s here",
    )


def _beside_loop(provider: str, peer: Peer, ours: tuple[int, float], loop: tuple[int, float]) -> Figure:
    calls, seconds = ours
    looped, taken = loop
    return Figure(
        name=f"{provider}: the same beside a plain loop with {peer.client}, run over the same simulator",
        ours=calls,
        beside=looped,
        beside_what="the loop",
        ratio=calls / looped,
        target="≤ 0.05",
        kept=calls <= 0.05 * looped,
        unit="calls",
        note=f"the loop took {taken:.1f} s, ours {seconds:.1f} s, the simulator answering at once and limits aside;"
        " the loop stores nothing, reads nothing back and would write twice after a lost answer",
    )


async def _ours(world: RemoteWorld, provider: str) -> tuple[int, float]:
    """Calls and seconds; waits for the vendors' limits are cut short, so that what we do ourselves is timed."""
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    clients = [await world.client(firm) for _ in range(CUSTOMERS)]
    invoices = [await world.invoice(firm, clients[n % CUSTOMERS]) for n in range(INVOICES)]
    await world.ask(firm, connection, Kind.customer, clients)
    await world.ask(firm, connection, Kind.invoice, invoices)
    vendor, company = world.companies[connection]
    before, watch = await _calls(world, vendor, company), Watch()
    for _ in range(400):
        await world.hurry(firm, connection)
        async with world.runtime.db.firm(firm) as session:
            await session.exec_driver_sql("UPDATE connections SET budget = '{}'")
            for table in ("customer_sync_mappings", "invoice_sync_mappings"):
                await session.exec_driver_sql(f"UPDATE {table} SET next_due_at = now() WHERE state = 'pending'")
        await runner.work_on(world.runtime, connection)
        async with world.runtime.db.firm(firm) as session:
            found = await session.exec_driver_sql("SELECT count(*) FROM invoice_sync_mappings WHERE state <> 'synced'")
            if found.scalar_one() == 0:
                break
    return await _calls(world, vendor, company) - before, watch()


async def _looped(world: RemoteWorld, provider: str, peer: Peer) -> tuple[int, float]:
    """Calls and seconds of the loop, in another company of the same vendor."""
    if provider == "quickbooks":
        vendor, company = "intuit", (await world.control("intuit/companies", count=1))["realms"][0]
    else:
        vendor, company = "xero", TENANT_NZ
    watch = Watch()
    await asyncio.to_thread(peer.loop, world.base, company, CUSTOMERS, INVOICES)
    seconds = watch()
    books = await world.look(f"{vendor}/companies/{company}/ledger")
    if len(books["invoices"]) != INVOICES:
        raise AssertionError(f"the loop left {len(books['invoices'])} invoices")
    return await _calls(world, vendor, company), seconds


async def _calls(world: RemoteWorld, vendor: str, company: str) -> int:
    return int((await world.look(f"calls?provider={vendor}&company={company}"))["total"])
