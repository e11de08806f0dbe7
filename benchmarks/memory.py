"""Whether a worker's memory stays flat: the same process after eight thousand and after eighteen thousand invoices."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from app.canonical import Kind
from app.db import runs, wakeups
from benchmarks.results import Figure
from benchmarks.scaling import quiet
from benchmarks.stage import database, settings_for, vendors, worker
from tests.support.crowd import Member, crowd
from tests.support.processes import RemoteWorld, remote_world, until

COMPANIES = 8
INVOICES, PAID = 126, 10  # of each company in each round: about a thousand in all, of which one in twelve is paid
# A pull reads again what was changed shortly before. Until that is as much as one answer of the vendor's may hold (a
# thousand records), answers grow with the company, and a worker's memory with them.
WARM, ROUNDS = 8, 10
PATIENCE = 200.0


async def measure() -> AsyncIterator[Figure]:
    """One figure: what the process holds in the end beside what it held when answers had their full size."""
    with database() as (server, name):
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(vendors())
            settings = settings_for(server.login_url(name), base)
            world = await stack.enter_async_context(remote_world(settings, base))
            members = await crowd(world, COMPANIES)
            clients = {member: await world.client(member.firm) for member in members}
            process = await stack.enter_async_context(worker(settings))
            held = []
            for number in range(WARM + ROUNDS):
                await asyncio.gather(*(_round(world, member, clients[member], number) for member in members))
                await until("all is pushed", lambda: quiet(world), PATIENCE)
                await asyncio.gather(*(_paid(world, member) for member in members))
                await until("all is pulled", lambda: quiet(world), PATIENCE)
                held.append(megabytes(process.pid))
            pushed, paid = await _counted(world, members)
            yield _figure(held, pushed, paid)


def _figure(held: Sequence[float], pushed: int, paid: int) -> Figure:
    first, last = held[WARM - 1], held[-1]
    # All that were made are there, or the figure would be about something else.
    complete = (pushed, paid) == (COMPANIES * INVOICES * len(held), COMPANIES * PAID * len(held))
    return Figure(
        name=f"memory of a worker after {pushed:,} pushed invoices and {paid:,} pulled payments",
        ours=last,
        beside=first,
        beside_what=f"after the first {WARM * COMPANIES * INVOICES:,}",
        ratio=last / first,
        target="≤ 1.15",
        kept=complete and last <= 1.15 * first,
        unit="MB resident",
        note=f"by rounds: {', '.join(f'{one:.0f}' for one in held)}",
    )


def megabytes(pid: int) -> float:
    """Resident memory of a process. Raises OSError when there is none."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


async def _round(world: RemoteWorld, member: Member, client: int, number: int) -> None:
    """Approved invoices of one untaxed line, owed to the company."""
    async with world.runtime.db.firm(member.firm) as session:
        made = await session.exec_driver_sql(
            "WITH made AS (INSERT INTO invoices (firm_id, number, client_id, issue_date, due_date, currency, tax_mode,"
            f" subtotal, tax_total, total, status) SELECT {member.firm}, 'M{number}-' || n, {client}, '2026-11-02',"
            f" '2026-12-02', 'USD', 'exclusive', 10, 0, 10, 'approved' FROM generate_series(1, {INVOICES}) n"
            " RETURNING id, firm_id)"
            " INSERT INTO invoice_lines (firm_id, invoice_id, position, description, quantity, unit_price, amount,"
            " account_code, item_code, tax_code, tax_amount)"
            " SELECT firm_id, id, 1, 'Work', 1, 10, 10, '4000', 'WORK', 'FREE', 0 FROM made RETURNING invoice_id"
        )
        ids = [row.invoice_id for row in made]
    await world.ask(member.firm, member.connection, Kind.invoice, ids)
    await wakeups.wake(world.runtime.db, member.connection)


async def _paid(world: RemoteWorld, member: Member) -> None:
    """Some of what is there and open is paid there, and a pull brings the payments."""
    async with world.runtime.db.firm(member.firm) as session:
        found = await session.exec_driver_sql(
            "SELECT m.external_id FROM invoice_sync_mappings m JOIN invoices i ON i.id = m.invoice_id"
            f" WHERE m.connection_id = {member.connection} AND m.state = 'synced' AND i.status = 'approved'"
            f" ORDER BY m.id DESC LIMIT {PAID}"
        )
        open_there = [row.external_id for row in found]
    for external_id in open_there:
        await world.act(member.connection, "pay", invoice_id=external_id)
    async with world.runtime.db.firm(member.firm) as session:
        await runs.request(session, member.firm, member.connection, "pull", requested_by="bench")
    await wakeups.wake(world.runtime.db, member.connection)


async def _counted(world: RemoteWorld, members: Sequence[Member]) -> tuple[int, int]:
    """Invoices that are there, and those of them that are paid here."""
    pushed = paid = 0
    for member in members:
        async with world.runtime.db.firm(member.firm) as session:
            found = await session.exec_driver_sql(
                "SELECT count(*) AS pushed, count(*) FILTER (WHERE i.status = 'paid') AS paid"
                " FROM invoice_sync_mappings m JOIN invoices i ON i.id = m.invoice_id WHERE m.state = 'synced'"
            )
            row = found.one()
        pushed, paid = pushed + row.pushed, paid + row.paid
    return pushed, paid
