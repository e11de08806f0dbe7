"""Connect journeys under way: states of consents that were begun, and consents that wait for a person.

Both are found by the hash of a random token and work once: taking one deletes it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select

from app.db.session import Session
from app.db.tables import OAuthState, PendingConnection

StateRow = Row[Any]
PendingRow = Row[Any]


async def add_state(session: Session, values: Mapping[str, object]) -> None:
    """Store a journey's state."""
    await session.execute(insert(OAuthState).values(values))


async def take_state(session: Session, state_hash: str) -> StateRow | None:
    """Consume a state: of any number of callers exactly one gets the row. None: never begun, used or purged."""
    query = delete(OAuthState).where(OAuthState.state_hash == state_hash).returning(OAuthState)
    return (await session.execute(query)).one_or_none()


async def add_pending(session: Session, values: Mapping[str, object]) -> None:
    """Store a consent that waits."""
    await session.execute(insert(PendingConnection).values(values))


async def find_pending(
    session: Session, firm_id: int, purpose: str, *, token_hash: str | None = None, state_hash: str | None = None
) -> PendingRow | None:
    """A waiting consent of the firm by its token or by the state it came from, locked until the transaction ends."""
    query = select(PendingConnection).where(PendingConnection.firm_id == firm_id, PendingConnection.purpose == purpose)
    if token_hash is not None:
        query = query.where(PendingConnection.token_hash == token_hash)
    if state_hash is not None:
        query = query.where(PendingConnection.state_hash == state_hash)
    return (await session.execute(query.with_for_update())).one_or_none()


async def take_pending(session: Session, firm_id: int, pending_id: int) -> bool:
    """Consume a waiting consent. False: somebody else did."""
    query = delete(PendingConnection).where(PendingConnection.firm_id == firm_id, PendingConnection.id == pending_id)
    return (await session.execute(query)).rowcount == 1


async def purge(session: Session, now: datetime) -> int:
    """Delete the journeys that ran out of time, tokens included, under the system role; how many."""
    states = await session.execute(delete(OAuthState).where(OAuthState.expires_at < now))
    waiting = await session.execute(delete(PendingConnection).where(PendingConnection.expires_at < now))
    return states.rowcount + waiting.rowcount
