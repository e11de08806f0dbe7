"""A connection's life between connect and disconnect: looking after it, renewing it, changing its settings."""

from collections.abc import Mapping
from datetime import date, datetime

import structlog

from app.canonical import ProviderName
from app.connections.companies import stored
from app.db import audit, connections, oauth_states, runs, ui_sessions
from app.db.connections import ConnectionRow
from app.db.cures import Cure, cured
from app.db.session import Session
from app.errors import Conflict, Misconfigured, NeedsReauth, NotConnected, ProviderRejected
from app.providers.http import Meter
from app.runtime import Runtime

log = structlog.get_logger(__name__)
# What a changed setting may let through; any other is one of the switches.
_CURES = {"sync_from": Cure.start_moved, "update_policy": Cure.policy_changed}


async def check(runtime: Runtime, firm_id: int, connection_id: int, *, meter: Meter | None = None) -> None:
    """Look at the company anew: name, settings, readiness, and whether we may still speak to it.

    A good answer clears an error. Raises NeedsReauth, Misconfigured or ProviderRejected (the connection is then in
    `error`, unless the vault has found it `expired`), NotConnected, ProviderUnavailable or RateLimited (nothing is
    known then, and nothing changes).
    """
    row = await _connected(runtime, firm_id, connection_id)
    provider = runtime.provider(row, meter or Meter())
    try:
        company = stored(await provider.company())
    except (NeedsReauth, Misconfigured, ProviderRejected) as error:
        await _mark(runtime, row, "error", error.public_code, error.detail)
        raise
    values = {"company": company.facts, "company_name": company.name, "readiness": company.readiness}
    cures = [Cure.company_changed] if row.company != company.facts else []
    cures += [Cure.reconnected, Cure.company_changed] if row.status != "active" else []
    async with runtime.db.firm(firm_id) as session:
        await connections.change(session, firm_id, connection_id, values)
        await cured(session, firm_id, cures, connection_id=connection_id)
    await _mark(runtime, row, "active", "", "")


async def refresh(runtime: Runtime, firm_id: int, connection_id: int, *, actor: str = audit.SYSTEM) -> None:
    """Renew the connection's tokens now. Raises NotConnected, NeedsReauth, Misconfigured or ProviderUnavailable."""
    row = await _connected(runtime, firm_id, connection_id)
    await runtime.vault.renew(row.grant_id)
    async with runtime.db.firm(firm_id) as session:
        await audit.record(
            session, firm_id, actor=actor, action="connection.refreshed", subject=f"connection:{connection_id}"
        )


async def update_settings(
    session: Session, firm_id: int, connection_id: int, changes: Mapping[str, object], *, actor: str
) -> ConnectionRow:
    """Change switches, frequency, policies or the start date; returns the row. Raises NotFound, Conflict if revoked."""
    row = await connections.get(session, firm_id, connection_id)
    if row.status == "revoked":
        raise Conflict("This connection was disconnected; connect again to change it.", code="connection_revoked")
    before = {name: _plain(getattr(row, name)) for name in changes}
    after = {name: _plain(value) for name, value in changes.items()}
    if before == after:
        return row
    await connections.change(session, firm_id, connection_id, changes)
    await audit.record(
        session,
        firm_id,
        actor=actor,
        action="connection.changed",
        subject=f"connection:{connection_id}",
        details={"before": before, "after": after},
    )
    if "sync_from" in changes:
        await _read_older(session, row, changes["sync_from"])
    cures = {_CURES.get(name, Cure.switched_on) for name in changes}
    await cured(session, firm_id, cures, connection_id=connection_id)
    return await connections.get(session, firm_id, connection_id)


async def _read_older(session: Session, row: ConnectionRow, since: object) -> None:
    """Have read what lies before the start date there was; cursors only move on from where they once began."""
    if row.sync_from is None or not row.payment_sync_enabled:
        return
    if since is None or (isinstance(since, date) and since < row.sync_from):
        days = {"date_from": _plain(since), "date_to": _plain(row.sync_from)}
        await runs.request(
            session, row.firm_id, row.id, "pull", params=days, priority=runs.BACKFILL, trigger="schedule"
        )


async def tidy(runtime: Runtime, now: datetime) -> int:
    """Periodic: forget journeys and sign-ins that ran out of time and grants that nobody uses; how many."""
    async with runtime.db.system() as session:
        gone = await oauth_states.purge(session, now) + await ui_sessions.purge(session, now)
    return gone + await runtime.vault.tidy(now)


async def _connected(runtime: Runtime, firm_id: int, connection_id: int) -> ConnectionRow:
    async with runtime.db.firm(firm_id) as session:
        row = await connections.get(session, firm_id, connection_id)
    if row.grant_id is None:
        raise NotConnected("This connection was disconnected.")
    return row


async def _mark(runtime: Runtime, row: ConnectionRow, status: str, code: str, message: str) -> None:
    """Store a status that a look at the provider showed, unless the connection was ended meanwhile."""
    async with runtime.db.firm(row.firm_id) as session:
        present = await connections.get(session, row.firm_id, row.id)
        if present.status == "revoked" or (present.status, present.error_code) == (status, code):
            return
        if present.status == "expired" and status == "error":
            return  # the vault's word: the provider refused the refresh itself
        values = {"status": status, "error_code": code, "error_message": message}
        await connections.change(session, row.firm_id, row.id, values)
        await audit.record(
            session,
            row.firm_id,
            actor=audit.SYSTEM,
            action=f"connection.{status}",
            subject=f"connection:{row.id}",
            details={"provider": ProviderName(row.provider), "reason": code},
        )


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
