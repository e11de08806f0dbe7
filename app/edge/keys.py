"""Making, rotating and revoking a firm's API keys: what the API and the pages both do. A key is shown once."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from app.crypto import digest
from app.db import api_keys, audit
from app.db.session import Session
from app.edge.principals import Principal, Role, key_prefix, make_key
from app.errors import Conflict, Invalid

MOST_KEYS: Final = 200
KeyState = Literal["active", "expired", "revoked"]


async def create(
    session: Session, environment: str, principal: Principal, name: str, role: Role, expires_at: datetime | None
) -> tuple[Any, str]:
    """A new key: its row and the key itself. Raises Invalid, and Conflict where the firm has too many."""
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise Invalid("The key would have expired already.", code="expires_in_the_past")
    return await _make(session, environment, principal, name, role, expires_at)


async def rotate(
    session: Session, environment: str, principal: Principal, key_id: int, grace: timedelta
) -> tuple[Any, str]:
    """A key like this one, which counts for `grace` yet. Raises NotFound, Conflict."""
    old = await api_keys.get(session, principal.firm_id, key_id)
    if state(old) != "active":
        raise Conflict(f"This key is {state(old)}.", code="key_not_active", record={"kind": "api_key", "id": key_id})
    until = datetime.now(UTC) + grace
    if old.expires_at is None or old.expires_at > until:
        await api_keys.expire(session, principal.firm_id, key_id, until)
    await _told(session, principal, "rotated", key_id, {"until": until.isoformat()})
    return await _make(session, environment, principal, old.name, Role(old.role), old.expires_at)


async def revoke(session: Session, principal: Principal, key_id: int) -> Any:
    """Make a key useless from the next request on; its row. Raises NotFound."""
    await api_keys.revoke(session, principal.firm_id, key_id)
    await _told(session, principal, "revoked", key_id, {})
    return await api_keys.get(session, principal.firm_id, key_id)


def state(row: Any) -> KeyState:
    """Whether a key counts."""
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= datetime.now(UTC) else "active"


async def _make(
    session: Session, environment: str, principal: Principal, name: str, role: Role, expires_at: datetime | None
) -> tuple[Any, str]:
    known = await api_keys.of_firm(session, principal.firm_id)
    if sum(state(row) == "active" for row in known) >= MOST_KEYS:
        raise Conflict(f"A firm has at most {MOST_KEYS} keys in use.", code="too_many_keys", fix="Revoke some.")
    key = make_key(environment)
    key_id = await api_keys.create(
        session,
        principal.firm_id,
        name=name,
        prefix=key_prefix(key),
        key_hash=digest(key),
        role=role.value,
        expires_at=expires_at,
    )
    await _told(session, principal, "created", key_id, {"name": name, "role": role.value})
    return await api_keys.get(session, principal.firm_id, key_id), key


async def _told(session: Session, principal: Principal, word: str, key_id: int, details: dict[str, Any]) -> None:
    await audit.record(
        session,
        principal.firm_id,
        actor=principal.subject,
        action=f"api_key.{word}",
        subject=f"api_key:{key_id}",
        details=details,
    )
