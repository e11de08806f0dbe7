"""What the tests of workers share: books with invoices that are owed, and workers to do the work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from app.canonical import Kind
from app.db import wakeups
from tests.support.processes import Actor, Cast, RemoteWorld, until

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = "tests.faults.actors.worker"
QUICK = ("--heartbeat", "0.5", "--stalled", "2", "--grant-lease", "2")
VENDOR = {"quickbooks": "intuit", "xero": "xero"}
WRITE = {"quickbooks": ("/(invoice|batch)$", "POST"), "xero": ("/Invoices$", "PUT")}
TOKEN_PATH = {"quickbooks": "/tokens/bearer", "xero": "/connect/token"}


@dataclass
class Books:
    """One connection with invoices that are owed there."""

    world: RemoteWorld
    provider: str
    firm: int
    connection: int
    client: int
    invoices: list[int]

    async def states(self) -> list[str]:
        """Where each invoice stands."""
        found = [await self.world.mapping(self.firm, Kind.invoice, self.connection, one) for one in self.invoices]
        return [mapping.state for mapping in found]

    async def synced(self) -> bool:
        """Whether all are there."""
        return set(await self.states()) == {"synced"}

    async def more(self, count: int = 1) -> None:
        """Owe further invoices, and ring."""
        new = [await self.world.invoice(self.firm, self.client) for _ in range(count)]
        await self.world.ask(self.firm, self.connection, Kind.invoice, new)
        self.invoices += new
        await wakeups.wake(self.world.runtime.db, self.connection)

    async def numbers(self) -> list[str]:
        """Our own numbers of them."""
        async with self.world.runtime.db.firm(self.firm) as session:
            rows = await session.exec_driver_sql(f"SELECT number FROM invoices WHERE client_id = {self.client}")
            return sorted(row.number for row in rows)

    async def tied_out(self) -> None:
        """Every invoice is at the provider exactly once."""
        assert await self.synced()
        assert await self.world.written(self.connection) == await self.numbers()

    async def hit(self, kind: str, **more: Any) -> str:
        """Arm a fault for the next write of invoices."""
        path, method = WRITE[self.provider]
        return await self.world.arm(VENDOR[self.provider], path, kind, method=method, **more)

    async def calls(self) -> int:
        """How many calls the company has seen."""
        vendor, company = self.world.companies[self.connection]
        return int((await self.world.look(f"calls?provider={vendor}&company={company}"))["total"])


async def opened(world: RemoteWorld) -> list[Books]:
    """A firm with a connection to each vendor; its clients are there, and no invoice is owed yet."""
    firm = await world.firm()
    books = []
    for provider in VENDOR:
        connection = await world.connect(firm, provider)
        client = await world.client(firm)
        await world.ask(firm, connection, Kind.customer, [client])
        await world.work(connection)
        books.append(Books(world, provider, firm, connection, client, []))
    return books


def system_sql(url: str) -> Sql:
    """SQL under the system role, as a person looking into the database would run it."""

    def run(query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET ROLE tieout_system")
            connection.execute("SET search_path = public, procrastinate")
            found = connection.execute(query.encode(), values)
            return found.fetchall() if found.description else []

    return run


async def started(cast: Cast, sql: Sql, *command: str, env: dict[str, str]) -> Actor:
    """A worker that has registered."""
    newest = "SELECT coalesce(max(id), 0) FROM procrastinate_workers"
    before = sql(newest)
    actor = await cast.start(*command, env=env)

    async def registered() -> bool:
        assert actor.process.returncode is None, actor.tail()
        return sql(newest) > before

    await until("a worker registers", registered)
    return actor


async def all_synced(books: list[Books], timeout: float) -> None:
    """Wait until every invoice is synced; fails with where they stand."""

    async def done() -> bool:
        return all([await one.synced() for one in books])

    try:
        await until("everything is synced", done, timeout)
    except AssertionError as error:
        raise AssertionError([await one.states() for one in books]) from error


async def quiet(sql: Sql) -> None:
    """Wait until no job is left and no lease is held."""
    left = "SELECT count(*) FROM procrastinate_jobs UNION ALL SELECT count(*) FROM connections WHERE lease_owner <> ''"

    async def empty() -> bool:
        return sql(left) == [(0,), (0,)]

    await until("queue and leases are empty", empty, 10)
