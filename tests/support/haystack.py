"""A service as in production, whose every trace is kept, and vendors whose every secret is written down.

Its web server listens on loopback, its worker works, its logs are at DEBUG: `tests/faults` searches what they left.
"""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from urllib.parse import parse_qs

import httpx
import psycopg
import uvicorn
from psycopg import sql as query

from app.jobs import run_worker
from app.logs import configure_logs
from app.main import create_app
from app.runtime import Runtime, open_runtime
from app.settings import Settings
from simulators.app import create_app as create_simulators
from simulators.core.faults import in_process
from simulators.root import Simulators
from tests.support.api import BOOKS
from tests.support.processes import until
from tests.support.world import World

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

    async def call(
        self, key: str, method: str, path: str, *, more: Mapping[str, str] | None = None, **given: Any
    ) -> httpx.Response:
        """One request of an outside caller, with `more` headers; the answer, head and body, goes on the heap."""
        headers = {"Authorization": f"Bearer {key}", **(more or {})}
        async with httpx.AsyncClient(base_url=self.base, trust_env=False, timeout=30) as client:
            answer = await client.request(method, path, headers=headers, **given)
        self.answers.append(f"{answer.status_code} {dict(answer.headers)} {answer.text}")
        return answer


@asynccontextmanager
async def open_haystack(settings: Settings) -> AsyncIterator[Haystack]:
    """Service and simulators in this process, logging to one place; the logs go back to where they went before."""
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


async def database_values(owner_url: str) -> list[tuple[str, str]]:
    """Every text, JSON and byte value of every table, under `table.column`; bytes are shown as text where they are.

    The wall of each table is lifted for the look, and it is rolled back. That waits for whoever uses the table, as the
    worker in this process may.
    """
    return await asyncio.to_thread(_database_values, owner_url)


def _database_values(owner_url: str) -> list[tuple[str, str]]:
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
            shown = "{}" if kind == "bytea" else "{}::text"
            select = query.SQL("SELECT " + shown + " FROM {}").format(query.Identifier(column), name)
            values = [value for (value,) in connection.execute(select) if value is not None]
            texts = [value.decode("utf-8", "replace") if kind == "bytea" else str(value) for value in values]
            found += [(f"{table}.{column}", text) for text in texts]
            connection.rollback()  # no table is locked while another one is waited for
    return found


async def connect(stack: Haystack, key: str, provider: str, company: str) -> int:
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
