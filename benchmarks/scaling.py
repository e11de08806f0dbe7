"""Whether two and four worker processes do twice and four times the work of one, while the vendor takes its time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app.canonical import Kind
from app.db import runs, wakeups
from app.settings import Settings
from benchmarks.results import Figure
from benchmarks.stage import Watch, database, settings_for, vendors, worker
from tests.support.crowd import Member, crowd
from tests.support.processes import RemoteWorld, remote_world, until

CONNECTIONS = 64
PROCESSES = (1, 2, 4)
AT_ONCE = 4  # connections that one process works on at a time
CALL_SECONDS = 1.0
CLIENTS, INVOICES = 3, 12
KINDS = (Kind.payment, Kind.invoice, Kind.customer, Kind.account, Kind.item)
PATIENCE = 280.0


@dataclass(frozen=True, slots=True)
class Books:
    """What one connection has to do: a dozen invoices for new customers, and a pull."""

    member: Member
    clients: list[int]
    invoices: list[int]


async def measure() -> AsyncIterator[Figure]:
    """One figure per number of processes but the first, which is what they are compared to."""
    with database() as (server, name):
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(vendors())
            settings = settings_for(server.login_url(name), base, worker_concurrency=AT_ONCE, db_pool_size=AT_ONCE + 2)
            world = await stack.enter_async_context(remote_world(settings, base))
            members = await crowd(world, CONNECTIONS)
            async with workers(world, settings, 1):
                await until("the connections are quiet", lambda: quiet(world), PATIENCE)
            await world.arm("intuit", "/v3/company/", "slow", delay=CALL_SECONDS, times=10_000_000)
            one = 0.0
            for count in PROCESSES:
                seconds, calls = await _carried_out(world, settings, members, count)
                rate = calls / seconds
                one = one or rate
                if count > 1:
                    yield _figure(count, rate, one, seconds, calls)


def _figure(count: int, rate: float, one: float, seconds: float, calls: int) -> Figure:
    share = rate / (count * one)
    return Figure(
        name=f"{count} worker processes, {AT_ONCE} connections each at a time, {CALL_SECONDS:g} s a call",
        ours=rate,
        beside=count * one,
        beside_what=f"{count} × one process",
        ratio=share,
        target="≥ 0.9",
        kept=share >= 0.9,
        unit="calls/s",
        note=f"{calls} calls for {CONNECTIONS} connections in {seconds:.1f} s",
    )


async def _carried_out(
    world: RemoteWorld, settings: Settings, members: Sequence[Member], count: int
) -> tuple[float, int]:
    """Seconds and calls from the first ring to the last record."""
    owed = [await _books(world, member) for member in members]
    async with workers(world, settings, count):
        before = await _calls(world)
        for books in owed:
            await _ask(world, books)
        watch = Watch()
        await asyncio.gather(*(wakeups.wake(world.runtime.db, member.connection) for member in members))
        await until("everything is done", lambda: quiet(world), PATIENCE, every=0.1)
        seconds = watch()
    for books in owed:
        await _all_there(world, books)
    return seconds, await _calls(world) - before


async def _books(world: RemoteWorld, member: Member) -> Books:
    clients = [await world.client(member.firm) for _ in range(CLIENTS)]
    invoices = [await world.invoice(member.firm, clients[n % CLIENTS]) for n in range(INVOICES)]
    return Books(member, clients, invoices)


async def _ask(world: RemoteWorld, books: Books) -> None:
    firm, connection = books.member.firm, books.member.connection
    await world.ask(firm, connection, Kind.customer, books.clients)
    await world.ask(firm, connection, Kind.invoice, books.invoices)
    async with world.runtime.db.firm(firm) as session:
        await runs.request(session, firm, connection, "pull", params={"kinds": KINDS}, requested_by="bench")


async def _all_there(world: RemoteWorld, books: Books) -> None:
    firm, connection = books.member.firm, books.member.connection
    found = [await world.mapping(firm, Kind.invoice, connection, one) for one in books.invoices]
    if {one.state for one in found} != {"synced"}:
        raise AssertionError([one.sync_error for one in found])


async def _calls(world: RemoteWorld) -> int:
    return int((await world.look("calls?provider=intuit"))["total"])


@asynccontextmanager
async def workers(world: RemoteWorld, settings: Settings, count: int) -> AsyncIterator[None]:
    """So many worker processes, all of them listening; what they are told to do begins with the block."""
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(worker(settings)) for _ in range(count)))

        async def registered() -> bool:
            async with world.runtime.db.system() as session:
                found = await session.exec_driver_sql("SELECT count(*) FROM procrastinate.procrastinate_workers")
                return int(found.scalar_one()) >= count

        await until(f"{count} workers listen", registered)
        yield


async def quiet(world: RemoteWorld) -> bool:
    """Whether the bell is silent, no lease is held and nothing is due."""
    async with world.runtime.db.system() as session:
        found = await session.exec_driver_sql(
            "SELECT (SELECT count(*) FROM procrastinate.procrastinate_jobs)"
            " + (SELECT count(*) FROM connections WHERE lease_owner <> '' OR next_due_at <= now())"
        )
        return int(found.scalar_one()) == 0
