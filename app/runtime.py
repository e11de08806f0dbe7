"""The composition root: what a process needs, opened in one place and closed in reverse."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from app import tracing
from app.canonical import ProviderName
from app.crypto import KeyRing
from app.db import migrating
from app.db.embedded import LOGIN, OWNER, EmbeddedPostgres
from app.db.session import Database
from app.errors import Misconfigured, NotConnected
from app.providers import registry
from app.providers.base import AccountingProvider, TokenSource
from app.providers.http import Meter, open_client
from app.providers.oauth import Client, ProviderOAuth, Transport
from app.settings import Settings
from app.vault import Vault

Clock = Callable[[], datetime]


class ConnectionFacts(Protocol):
    """What of a connection is needed to speak to its provider: a row has it."""

    @property
    def provider(self) -> str:
        """`quickbooks` or `xero`."""

    @property
    def grant_id(self) -> int | None:
        """Whose tokens; None once it is disconnected."""

    @property
    def company_id(self) -> str:
        """The provider's id of the company."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One process's resources. Unpacked where a request or job begins, never stored elsewhere."""

    settings: Settings
    db: Database
    keys: KeyRing
    vault: Vault
    oauth: Mapping[ProviderName, ProviderOAuth]
    clock: Clock
    http: Client

    def provider(self, connection: ConnectionFacts, meter: Meter) -> AccountingProvider:
        """The connection's company, authorised through the vault. Raises NotConnected after a disconnect."""
        if connection.grant_id is None:
            raise NotConnected("This connection was disconnected.")
        tokens = self.vault.tokens(connection.grant_id)
        return self.company(ProviderName(connection.provider), connection.company_id, tokens, meter)

    def company(self, name: ProviderName, company_id: str, tokens: TokenSource, meter: Meter) -> AccountingProvider:
        """A company under any token source: before a connection exists, the consent's own tokens."""
        base_url = registry.api_url(self.settings, name)
        return registry.SPECS[name].open(self.http, base_url, company_id, tokens, meter, self.clock)

    def oauth_of(self, name: ProviderName) -> ProviderOAuth:
        """A provider's OAuth endpoints. Raises Misconfigured where the operator has set no client id for it."""
        oauth = self.oauth.get(name)
        if oauth is None:
            raise Misconfigured(
                f"Connecting to {registry.SPECS[name].display} is not set up on this service.",
                code="provider_not_configured",
                who="operator",
                fix=f"Set {name.upper()}_CLIENT_ID and {name.upper()}_CLIENT_SECRET.",
            )
        return oauth


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, transport: Transport | None = None, clock: Clock | None = None
) -> AsyncIterator[Runtime]:
    """Open everything; `transport` answers the providers' addresses in process, for tests.

    Without DATABASE_URL the embedded PostgreSQL is started (or joined) and brought to the present schema.
    """
    now = clock or _utc_now
    async with AsyncExitStack() as stack:
        if settings.otel_exporter_otlp_endpoint is not None:
            stack.enter_context(tracing.sending(settings.otel_exporter_otlp_endpoint))
        db = Database(await _database_url(stack, settings), pool_size=settings.db_pool_size)
        stack.push_async_callback(db.dispose)
        client = await stack.enter_async_context(open_client(transport))
        oauth = {
            name: registry.build_oauth(settings, name, transport, now)
            for name in ProviderName
            if registry.is_configured(settings, name)
        }
        for endpoints in oauth.values():
            stack.push_async_callback(endpoints.aclose)
        keys = KeyRing.parse(settings.encryption_keys.get_secret_value())
        vault = Vault(db, keys, oauth, now)
        stack.push_async_callback(vault.close)
        yield Runtime(settings=settings, db=db, keys=keys, vault=vault, oauth=oauth, clock=now, http=client)


async def _database_url(stack: AsyncExitStack, settings: Settings) -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    embedded = await stack.enter_async_context(EmbeddedPostgres(settings.data_dir))
    await asyncio.to_thread(migrating.upgrade, embedded.url(user=OWNER), LOGIN)
    return embedded.url(user=LOGIN)


def _utc_now() -> datetime:
    return datetime.now(UTC)
