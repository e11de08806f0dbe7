"""API keys: found by the hash of the whole key, before any firm is known. The key itself is never stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Row, Text, bindparam, func, insert, select, text, update

from app.db.reading import Reads
from app.db.session import Session
from app.db.tables import ApiKey, Firm
from app.errors import NotFound

KeyRow = Row[*tuple[Any, ...]]

# One statement: the look-up of every request writes at most once a minute per key.
_FIND = text(
    """
    WITH touched AS (
        UPDATE api_keys SET last_used_at = now() WHERE id IN (
            SELECT id FROM api_keys
            WHERE key_hash = ANY(:hashes) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
              AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
            FOR UPDATE SKIP LOCKED) -- another process notes it just now; nobody waits for that, least of all crosswise
    )
    SELECT id, firm_id, name, role, key_hash FROM api_keys
    WHERE key_hash = ANY(:hashes) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    """
).bindparams(bindparam("hashes", type_=ARRAY(Text)))
_SHOWN = (
    ApiKey.id,
    ApiKey.name,
    ApiKey.prefix,
    ApiKey.role,
    ApiKey.created_at,
    ApiKey.expires_at,
    ApiKey.revoked_at,
    ApiKey.last_used_at,
)


async def find(session: Reads, hashes: Sequence[str]) -> dict[str, Any]:
    """The usable keys (`id, firm_id, name, role`) by their hashes, and a note that they were used. System role."""
    found = await session.execute(_FIND, {"hashes": hashes})
    return {row.key_hash: row for row in found}


async def firm_exists(session: Session, firm_id: int) -> bool:
    """Whether a token's firm is one of ours. System role."""
    return (await session.execute(select(Firm.id).where(Firm.id == firm_id))).one_or_none() is not None


async def create(
    session: Session, firm_id: int, *, name: str, prefix: str, key_hash: str, role: str, expires_at: datetime | None
) -> int:
    """Store a key's hash and return its id."""
    values = {
        "firm_id": firm_id,
        "name": name,
        "prefix": prefix,
        "key_hash": key_hash,
        "role": role,
        "expires_at": expires_at,
    }
    return int((await session.execute(insert(ApiKey).values(values).returning(ApiKey.id))).scalar_one())


async def revoke(session: Session, firm_id: int, key_id: int) -> None:
    """Make a key useless from the next request on; the first revocation's time stays. Raises NotFound."""
    revoked = await session.execute(
        update(ApiKey)
        .where(ApiKey.firm_id == firm_id, ApiKey.id == key_id)
        .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.now()), updated_at=func.now())
        .returning(ApiKey.id)
    )
    if revoked.one_or_none() is None:
        raise NotFound("There is no such API key.", record={"kind": "api_key", "id": key_id})


async def of_firm(session: Reads, firm_id: int) -> Sequence[KeyRow]:
    """All keys of a firm without their hashes, oldest first."""
    return (await session.execute(select(*_SHOWN).where(ApiKey.firm_id == firm_id).order_by(ApiKey.id))).all()


async def get(session: Session, firm_id: int, key_id: int) -> KeyRow:
    """One key without its hash. Raises NotFound."""
    row = (await session.execute(select(*_SHOWN).where(ApiKey.firm_id == firm_id, ApiKey.id == key_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such API key.", record={"kind": "api_key", "id": key_id})
    return row


async def expire(session: Session, firm_id: int, key_id: int, at: datetime) -> None:
    """Let a key end at this moment."""
    await session.execute(
        update(ApiKey)
        .where(ApiKey.firm_id == firm_id, ApiKey.id == key_id)
        .values(expires_at=at, updated_at=func.now())
    )
