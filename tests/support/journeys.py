"""What tests of the connect journey share: a runtime over the vendors' stand-ins, firms, looks into the database."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg

from app.canonical import ProviderName
from app.connections import Arrival, Begun, Caller, Connected, begin, complete
from app.db.connections import ConnectionRow, get
from app.runtime import Runtime, open_runtime
from app.settings import Settings
from tests.support.vendors import Vendors

XERO, QUICKBOOKS = ProviderName.xero, ProviderName.quickbooks
REALM, OTHER_REALM = "4620816365", "99"
Sql = Callable[..., list[tuple[Any, ...]]]


def look_into(database_url: str) -> Sql:
    """SQL under the system role, as a person looking into the database would run it."""

    def run(query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SET ROLE tieout_system")
            found = connection.execute(query, values)
            return found.fetchall() if found.description else []

    return run


def words_of(url: str) -> dict[str, str]:
    """The query of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@dataclass
class Desk:
    """One runtime and its vendors."""

    runtime: Runtime
    vendors: Vendors
    sql: Sql

    def firm(self, name: str = "Acme", subject: str = "ann") -> Caller:
        """A new firm, and somebody of it."""
        (firm_id,) = self.sql("INSERT INTO firms (name) VALUES (%s) RETURNING id", name)[0]
        return Caller(firm_id, subject)

    def back(self, begun: Begun, who: str = REALM, **more: str) -> Arrival:
        """The provider's redirect after a consent: `who` is a realm id (QuickBooks) or a user (Xero)."""
        realm = who if who.isdigit() else ""
        return Arrival(**{"state": begun.state_token, "code": f"code-{who}", "realm_id": realm, **more})

    async def connect(self, caller: Caller, provider: ProviderName = QUICKBOOKS, who: str = REALM, **more: Any) -> int:
        """The whole journey through the API."""
        begun = await begin(self.runtime, caller, provider)
        result = await complete(self.runtime, caller, self.back(begun, who), **more)
        assert isinstance(result, Connected)
        return result.connection_id

    async def row(self, caller: Caller, connection_id: int) -> ConnectionRow:
        """A connection's row."""
        async with self.runtime.db.firm(caller.firm_id) as session:
            return await get(session, caller.firm_id, connection_id)


@asynccontextmanager
async def open_desk(settings: Settings, database_url: str, vendors: Vendors | None = None) -> AsyncIterator[Desk]:
    """A runtime whose vendors answer in process."""
    vendors = vendors or Vendors()
    async with open_runtime(settings, transport=httpx.MockTransport(vendors), clock=vendors.clock) as runtime:
        yield Desk(runtime, vendors, look_into(database_url))
