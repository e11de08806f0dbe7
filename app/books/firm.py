"""Changing a firm's defaults: what the API and the pages both do."""

from collections.abc import Mapping
from typing import Any

from app.db import audit, clients, connections, firms
from app.db.cures import Cure, cured
from app.db.session import Session
from app.errors import Invalid

_CURES = {"sync_enabled": Cure.switched_on, "update_policy": Cure.policy_changed}


async def change(session: Session, firm_id: int, given: Mapping[str, Any], *, actor: str) -> set[int]:
    """Set these defaults; returns the connections to wake after the commit. Raises Invalid."""
    zone, home = given.get("time_zone"), given.get("default_connection_id")
    if zone is not None and not await firms.is_time_zone(session, zone):
        raise Invalid(f"{zone!r} is no time zone; use a name such as Europe/Paris.", code="time_zone_unknown")
    if home is not None and home not in await clients.usable_homes(session, firm_id, [home]):
        raise Invalid("There is no such connection in use.", code="connection_unknown")
    if given:
        await firms.change(session, firm_id, given)
        await audit.record(session, firm_id, actor=actor, action="firm.changed", subject="firm", details=dict(given))
    woken: set[int] = set()
    if given.get("sync_enabled"):
        woken |= {row.id for row in await connections.page(session, firm_id, limit=10)}
    return woken | await cured(session, firm_id, [cure for name, cure in _CURES.items() if name in given])
