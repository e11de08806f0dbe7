"""Who is signed in to the pages. All of it under the system role: a cookie is looked up before any firm is known."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, text

from app.db.reading import Reads
from app.db.session import Session
from app.db.tables import UiSession

SessionRow = Row[Any]

# A session that began with a key lives no longer than the key, and has the key's present role.
_FIND = text(
    """
    SELECT s.id, s.firm_id, s.subject, s.name, coalesce(k.role, s.role) AS role, s.api_key_id,
           f.name AS firm_name, f.time_zone
    FROM ui_sessions s JOIN firms f ON f.id = s.firm_id
    LEFT JOIN api_keys k ON k.id = s.api_key_id AND k.firm_id = s.firm_id AND k.revoked_at IS NULL
         AND (k.expires_at IS NULL OR k.expires_at > now())
    WHERE s.token_hash = :hash AND s.purpose = 'session' AND s.expires_at > now()
      AND (s.api_key_id IS NULL OR k.id IS NOT NULL)
    """
)
_TAKE_LINK = text(
    """
    DELETE FROM ui_sessions WHERE token_hash = :hash AND purpose = 'link'
    RETURNING firm_id, subject, name, role, expires_at > now() AS good
    """
)


async def add(session: Session, values: Mapping[str, object]) -> None:
    """Store a session or a link."""
    await session.execute(insert(UiSession).values(values))


async def find(session: Reads, token_hash: str) -> SessionRow | None:
    """The living session under this hash, with its firm's name and zone."""
    return (await session.execute(_FIND, {"hash": token_hash})).one_or_none()


async def take_link(session: Session, token_hash: str) -> SessionRow | None:
    """Consume a sign-in link: of any number of browsers one gets the row. None: unknown, used or too old."""
    row = (await session.execute(_TAKE_LINK, {"hash": token_hash})).one_or_none()
    return row if row is not None and row.good else None


async def end(session: Session, token_hash: str) -> None:
    """Sign out."""
    await session.execute(delete(UiSession).where(UiSession.token_hash == token_hash))


async def purge(session: Session, now: datetime) -> int:
    """Delete what has expired; how many."""
    return (await session.execute(delete(UiSession).where(UiSession.expires_at < now))).rowcount
