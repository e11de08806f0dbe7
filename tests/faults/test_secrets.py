"""Canaries: nothing that opens a door shows in logs, answers, the database's text or a repr.

The service runs as in production — its web server on loopback, its worker, DEBUG logs — while every secret the vendors
give out, and every one of ours, is written down to be searched for afterwards.
"""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from urllib.parse import parse_qs

import httpx
import psycopg
import pytest
import uvicorn
from psycopg import sql as query

from app.crypto import KeyRing
from app.jobs import run_worker
from app.logs import configure_logs
from app.main import create_app
from app.runtime import Runtime, open_runtime
from app.settings import Settings
from simulators.app import create_app as create_simulators
from simulators.core.faults import Fault, in_process
from simulators.root import Simulators
from tests.support.api import BOOKS, Api, open_api
from tests.support.processes import until
from tests.support.world import SIM, World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

TOKEN_FIELDS = ("access_token", "refresh_token", "id_token")
FORM_FIELDS = ("code", "code_verifier", "refresh_token", "token")


@dataclass
class Listening(httpx.AsyncBaseTransport):
    """Passes calls on to the simulators and writes down every secret in them, either way."""

    inner: httpx.AsyncBaseTransport
    secrets: dict[str, str] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Note, ask, note."""
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        self.note(f"{scheme} credential", credential)
        body = await request.aread()
        if "form-urlencoded" in request.headers.get("content-type", ""):
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            self.note_all("sent", form, FORM_FIELDS)
        response = await self.inner.handle_async_request(request)
        await response.aread()
        if "token" in request.url.path and response.status_code == 200 and response.content:
            self.note_all("given", response.json(), TOKEN_FIELDS)
        return response

    def note(self, what: str, secret: str) -> None:
        """Remember one."""
        if secret:
            self.secrets.setdefault(secret, what)

    def note_all(self, what: str, values: Mapping[str, Any], names: tuple[str, ...]) -> None:
        """Remember those of these names."""
        for name in names:
            self.note(f"{what} {name}", str(values.get(name) or ""))


@dataclass
class Haystack:
    """Everything the service let anybody see."""

    world: World
    vendors: Listening
    base: str
    log: StringIO
    answers: list[str] = field(default_factory=list)

    async def call(self, key: str, method: str, path: str, **given: Any) -> httpx.Response:
        """One request of an outside caller; the answer, head and body, goes on the heap."""
        async with httpx.AsyncClient(base_url=self.base, trust_env=False, timeout=30) as client:
            answer = await client.request(method, path, headers={"Authorization": f"Bearer {key}"}, **given)
        self.answers.append(f"{answer.status_code} {dict(answer.headers)} {answer.text}")
        return answer


@pytest.fixture
async def haystack(make_settings: Callable[..., Settings]) -> AsyncIterator[Haystack]:
    settings = make_settings(sim_url=SIM, log_level="DEBUG", lease_seconds=2)
    sims = Simulators()
    vendors = Listening(httpx.ASGITransport(app=in_process(create_simulators(sims))))
    log, before = StringIO(), (logging.getLogger().handlers, logging.getLogger().level)
    configure_logs("DEBUG", stream=log)
    try:
        async with (
            open_runtime(settings, transport=vendors) as runtime,
            httpx.AsyncClient(transport=vendors) as http,
            running(runtime) as base,
        ):
            yield Haystack(World(runtime, sims, http), vendors, base, log)
    finally:
        logging.getLogger().handlers, level = before
        logging.getLogger().setLevel(level)
        logging.captureWarnings(capture=False)
        await sims.aclose()


@asynccontextmanager
async def running(runtime: Runtime) -> AsyncIterator[str]:
    """The web server and a worker, in this process so that all of them log to one place."""
    stop = asyncio.Event()
    config = uvicorn.Config(create_app(runtime=runtime), host="127.0.0.1", port=0, log_config=None, access_log=True)
    server = uvicorn.Server(config)
    tasks = [asyncio.create_task(server.serve()), asyncio.create_task(run_worker(runtime, stop))]

    async def up() -> bool:
        return server.started

    await until("the web server listens", up)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    stop.set()
    await asyncio.gather(*tasks)


def own_secrets(settings: Settings, key: str) -> dict[str, str]:
    """What we bring along ourselves."""
    known = {key: "API key"}
    for name in ("quickbooks_client_secret", "xero_client_secret", "encryption_keys", "secret_key"):
        known[getattr(settings, name).get_secret_value().removeprefix("k1:")] = name
    for vendor in ("quickbooks", "xero"):
        secret = getattr(settings, f"{vendor}_client_secret").get_secret_value()
        pair = f"{getattr(settings, f'{vendor}_client_id')}:{secret}"
        known[base64.b64encode(pair.encode()).decode()] = f"Basic credential of {vendor}"
    return known


def database_text(owner_url: str) -> str:
    """Every text, JSON and byte value of every table. The walls are lifted for the look, and it is rolled back."""
    columns = """
        SELECT c.table_schema, c.table_name, c.column_name, c.data_type FROM information_schema.columns c
        JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE t.table_type = 'BASE TABLE' AND c.table_schema IN ('public', 'procrastinate')
          AND (c.data_type IN ('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY'))
    """
    found = []
    with psycopg.connect(owner_url) as connection:
        for schema, table, column, kind in connection.execute(columns).fetchall():
            name = query.Identifier(schema, table)
            connection.execute(query.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(name))
            shown = "encode({}, 'escape')" if kind == "bytea" else "{}::text"
            select = query.SQL("SELECT " + shown + " FROM {}").format(query.Identifier(column), name)
            found += [f"{table}.{column}: {value}" for (value,) in connection.execute(select) if value is not None]
        connection.rollback()
    return "\n".join(found)


async def connect(stack: Haystack, api: Api, key: str, provider: str, company: str) -> int:
    """The journey of an SPA, over HTTP."""
    begun = (await stack.call(key, "POST", f"{BOOKS}/connections/initiate_oauth", json={"provider": provider})).json()
    stack.answers.pop()  # the one answer that has to carry the state
    stack.vendors.note("state", begun["state_token"])
    redirect = await stack.world.consent(begun["authorization_url"], provider, company)
    body = {"code": redirect["code"], "state": begun["state_token"], "realm_id": redirect.get("realmId")}
    answer = await stack.call(key, "POST", f"{BOOKS}/connections/oauth_callback", json=body)
    assert answer.status_code == 200, answer.text
    # The browser comes back with the same, by a redirect: the code and the state stand in an address now.
    query_of = {"code": redirect["code"], "state": begun["state_token"], "realmId": redirect.get("realmId", "")}
    landed = await stack.call(key, "GET", f"/api/auth/{provider}/callback", params=query_of)
    assert landed.status_code == 302
    return int(answer.json()["connection_id"])


async def story(stack: Haystack, api: Api, firm: int, key: str) -> None:
    """Connect, push, renew, fail to renew in several ways, lose the grant."""
    world, sims = stack.world, stack.world.sims
    companies = {"quickbooks": "9341452900000001", "xero": "c0a80101-5d3e-4a7b-9c11-7f2b6e0d1a01"}
    connections = {name: await connect(stack, api, key, name, company) for name, company in companies.items()}
    for provider, connection in connections.items():
        vendor, alias = ("intuit", "qbo") if provider == "quickbooks" else ("xero", "xero")
        await world.map_codes(firm, provider)
        client = await world.client(firm, f"Canary & Sons of {provider}")
        invoice = await world.invoice(firm, client)
        pushed = f"{BOOKS}/connections/{connection}/sync_invoice"
        assert (await stack.call(key, "POST", pushed, json={"invoice_id": invoice})).json()["success"] is True
        # The vendor forgets the access token: 401, renewal, and the call again.
        await world.http.post(f"{SIM}/_sim/{vendor}/tokens/expire", json={"grant": "access"})
        another = await world.invoice(firm, client)
        assert (await stack.call(key, "POST", pushed, json={"invoice_id": another})).json()["success"] is True
        await stack.call(key, "POST", f"/api/auth/{alias}/refresh")
        # A vendor that repeats what it was sent, and breaks.
        held = [secret for secret, what in stack.vendors.secrets.items() if what == "given refresh_token"]
        for status in (500, 400, 400):
            said = f'{{"error": "server_error", "error_description": "{held[-1]}", "refresh_token": "{held[-1]}"}}'
            sims.faults.add(Fault(provider=vendor, path="token", kind="status", status=status, body=said))
        await stack.call(key, "POST", f"/api/auth/{alias}/refresh")
        sims.faults.clear()
        # The grant is gone.
        await world.http.post(f"{SIM}/_sim/{vendor}/tokens/expire", json={"grant": "all"})
        async with world.runtime.db.system() as session:
            await session.exec_driver_sql("UPDATE grants SET retry_at = NULL, access_expires_at = now()")
        async with world.runtime.db.firm(firm) as session:
            await session.exec_driver_sql("UPDATE connections SET throttled_until = NULL")
        await stack.call(key, "POST", f"/api/auth/{alias}/refresh")
        third = await world.invoice(firm, client)
        refused = await stack.call(key, "POST", pushed, json={"invoice_id": third})
        assert refused.json()["code"] == "needs_reauth", refused.text
    for path in (f"{BOOKS}/connections", "/api/integrations/status", "/api/sync/status", f"{BOOKS}/runs"):
        assert (await stack.call(key, "GET", path)).status_code == 200
    await stack.call("tieout_test_nobodyknowsme", "GET", f"{BOOKS}/connections")


async def test_no_secret_is_shown_anywhere(haystack: Haystack, owner_url: str) -> None:
    world, runtime = haystack.world, haystack.world.runtime
    firm = await world.firm()
    async with open_api(world) as api:
        _, key = await api.key(firm)
        await story(haystack, api, firm, key)
    async with runtime.db.system() as session:
        grants = (await session.exec_driver_sql("SELECT id FROM grants")).scalars().all()
    stored = database_text(owner_url)
    reprs = [runtime, runtime.settings, runtime.vault, runtime.db, runtime.keys, *runtime.oauth.values()]
    reprs += [runtime.vault.tokens(grant) for grant in grants]
    places = {
        "the log": haystack.log.getvalue(),
        "an answer": "\n".join(haystack.answers),
        "the database": stored,
        "a repr": "\n".join(f"{one!r} {one!s}" for one in reprs),
    }
    secrets = haystack.vendors.secrets | own_secrets(runtime.settings, key)
    kinds = set(secrets.values())
    assert {"given access_token", "given refresh_token", "given id_token", "sent code", "sent code_verifier"} <= kinds
    assert {"state", "API key", "Basic credential of quickbooks", "Basic credential of xero"} <= kinds
    # The search would find what is there: the heaps are full, and the sealed tokens are among them.
    assert "grant_renewed" in places["the log"]
    assert "grant_expired" in places["the log"]
    assert "callback" in places["the log"]
    assert "Canary & Sons of xero" in stored
    assert "grants.sealed_refresh: v1.k1." in stored
    assert "connection_work" in places["the log"]
    assert "needs_reauth" in places["an answer"]
    shown = [
        f"{what} in {place}" for place, text in places.items() for secret, what in secrets.items() if secret in text
    ]
    assert shown == []
    keys = KeyRing.parse(runtime.settings.encryption_keys.get_secret_value())
    assert repr(keys) == repr(runtime.keys)
