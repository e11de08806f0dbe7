"""Ending a connection: at the provider as far as it answers, here in any case."""

import asyncio
from typing import Final

import structlog

from app.canonical import ProviderName
from app.db import audit, connections
from app.errors import ProviderError
from app.runtime import Runtime

log = structlog.get_logger(__name__)

_PATIENCE: Final = 20.0


async def disconnect(runtime: Runtime, firm_id: int, connection_id: int, *, actor: str = audit.SYSTEM) -> None:
    """End a connection: unlink it at the provider, mark it revoked, give its grant up with its last connection.

    The provider's silence or refusal does not keep a connection alive here: what could not be ended there is logged.
    Mappings, cursors, audit and what is still owed stay, for a reconnect of the same company. Doing it twice is doing
    it once. Raises NotFound.
    """
    async with runtime.db.firm(firm_id) as session:
        row = await connections.get(session, firm_id, connection_id)
    if row.status == "revoked":
        return
    if row.grant_id is not None:
        await unlink(runtime, ProviderName(row.provider), row.grant_id, row.link_id)
    async with runtime.db.firm(firm_id) as session:
        await connections.revoke(session, firm_id, connection_id)
        await audit.record(
            session,
            firm_id,
            actor=actor,
            action="connection.disconnected",
            subject=f"connection:{connection_id}",
            details={"company_id": row.company_id},
        )
    if row.grant_id is not None:
        await runtime.vault.release(row.grant_id)


async def unlink(runtime: Runtime, provider: ProviderName, grant_id: int, link_id: str) -> None:
    """Take one company out of the consent at the provider (Xero), as far as that is possible."""
    if not link_id:
        return
    try:
        async with asyncio.timeout(_PATIENCE):
            token = await runtime.vault.access_token(grant_id)
            await runtime.oauth_of(provider).unlink(token, link_id)
    except (ProviderError, TimeoutError) as error:
        log.warning("company_not_unlinked", provider=provider, error=type(error).__name__)
