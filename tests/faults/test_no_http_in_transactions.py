"""No provider is called while a transaction is open: the guard raises, and a whole push and pull never needs it to.

The guard counts what our own code opens. The second half asks the server itself, at the moment of each call.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import psycopg
import pytest

from app import guards
from app.canonical import Kind
from app.db.session import Database
from app.db.tables import Invoice
from app.guards import HttpInsideTransaction
from app.providers.http import Meter, ProviderHttp
from app.runtime import open_runtime
from app.settings import Settings
from app.sync import requests
from simulators.app import create_app
from simulators.core.faults import Fault, in_process
from simulators.root import Simulators
from tests.support.world import SIM, World

BOTH = pytest.mark.parametrize("provider", ["quickbooks", "xero"])
OPEN = (
    "SELECT application_name, left(query, 200) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'tieout/%' AND state LIKE 'idle in transaction%'"
)


@dataclass
class Watching(httpx.AsyncBaseTransport):
    """Looks at each call whether a transaction of the service is open: by our guard's count, and on the server."""

    inner: httpx.AsyncBaseTransport
    connection: psycopg.AsyncConnection
    calls: list[str] = field(default_factory=list)
    trips: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Look, then pass on."""
        name = f"{request.method} {request.url.path}"
        self.calls.append(name)
        if guards._open_transactions.get():
            self.trips.append(f"{name}: counted by the guard")
        opened = await (await self.connection.execute(OPEN)).fetchall()
        self.trips += [f"{name}: {one}" for one in opened]
        return await self.inner.handle_async_request(request)


@pytest.fixture
async def watched(make_settings: Callable[..., Settings]) -> AsyncIterator[tuple[World, Watching]]:
    settings = make_settings(sim_url=SIM, lease_seconds=60)  # no renewal of the lease beside a call
    assert settings.database_url is not None
    sims = Simulators()
    connection = await psycopg.AsyncConnection.connect(settings.database_url.get_secret_value(), autocommit=True)
    transport = Watching(httpx.ASGITransport(app=in_process(create_app(sims))), connection)
    async with (
        connection,
        open_runtime(settings, transport=transport) as runtime,
        httpx.AsyncClient(transport=transport) as http,
    ):
        yield World(runtime, sims, http), transport
    await sims.aclose()


class _Tokens:
    async def access_token(self, *, rejected: str | None = None) -> str:
        """Any."""
        return "token"


class TestGuard:
    async def test_a_provider_call_inside_any_kind_of_transaction_is_refused(self, database: Database) -> None:
        sent: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            return httpx.Response(200)

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            http = ProviderHttp(client, "https://api.test", _Tokens(), Meter())
            for transaction in (database.firm(1), database.no_firm(), database.system(), database.operator()):
                async with transaction:
                    with pytest.raises(HttpInsideTransaction):
                        await http.read("GET", "/", headers={})
                    with pytest.raises(HttpInsideTransaction):
                        await http.write("POST", "/", query={}, headers={}, body=b"{}")
            assert sent == []
            await http.read("GET", "/", headers={})
        assert len(sent) == 1

    async def test_the_watch_sees_an_open_transaction(self, watched: tuple[World, Watching]) -> None:
        world, transport = watched
        async with world.runtime.db.system() as session:
            await session.exec_driver_sql("SELECT 1")
            await world.http.get(f"{SIM}/_sim/clock")
        assert len(transport.trips) == 2


@BOTH
async def test_the_whole_way_there_and_back_never_trips_it(watched: tuple[World, Watching], provider: str) -> None:
    world, transport = watched
    runtime = world.runtime
    firm = await world.firm()
    connection = await world.connect(firm, provider)
    client = await world.client(firm)
    invoices = [await world.invoice(firm, client) for _ in range(3)]
    await world.ask(firm, connection, Kind.invoice, invoices)
    await world.work(connection)
    # An answer that is lost, a token that is refused, a number that is taken: replay, renewal, look-up.
    vendor, _ = world.companies[connection]
    path, method = ("/(invoice|batch)$", "POST") if provider == "quickbooks" else ("/Invoices$", "PUT")
    world.fault(connection, path, "lost_answer", method=method, times=2)
    lost = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [lost])
    for _ in range(4):
        await world.work(connection)
        async with runtime.db.firm(firm) as session:
            await session.exec_driver_sql("UPDATE write_calls SET next_due_at = now()")
    await world.http.post(f"{SIM}/_sim/{vendor}/tokens/expire", json={"grant": "access"})
    number = (await world.row(firm, Invoice, invoices[0])).number
    await world.act(connection, "pay", number=number)
    await requests.pull(runtime.db, firm, connection, kinds=None, date_from=None, date_to=None, requested_by="a test")
    await world.work(connection)
    assert (await world.mapping(firm, Kind.invoice, connection, lost)).state == "synced"
    assert (await world.row(firm, Invoice, invoices[0])).status == "paid"
    # A failing renewal, keeping alive, and the end.
    world.sims.faults.add(Fault(provider=vendor, path="/(tokens/bearer|connect/token)$", kind="status", status=503))
    assert await runtime.vault.keep_alive(runtime.clock() + timedelta(days=3)) == []
    asked = f"{SIM}/_sim/calls?provider={vendor}"
    assert (await world.http.get(asked)).json()["by_status"]["503"] == 1
    assert len(transport.calls) > 12
    assert transport.trips == []
