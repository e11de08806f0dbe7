"""Grants: one consent's sealed tokens each. Only the vault imports this, under the system role."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, TextClause, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.db.session import Session
from app.db.tables import Connection, Grant

GrantRow = Row[Any]
_IN_USE = exists().where(Connection.grant_id == Grant.id, Connection.status != "revoked")
_NEXT_ID = text("SELECT nextval('grants_id_seq')")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFacts:
    """What may be shown of a grant."""

    scope: str
    status: str
    access_expires_at: datetime
    refresh_expires_at: datetime | None
    hard_expires_at: datetime | None


async def next_id(session: Session) -> int:
    """An id for a new grant: its tokens are sealed for that row before the row exists."""
    return int((await session.execute(_NEXT_ID)).scalar_one())


async def add(session: Session, values: Mapping[str, object]) -> bool:
    """Insert a grant. False: the same user's grant is there already, and nothing was changed."""
    query = (
        insert(Grant)
        .values(values)
        .on_conflict_do_nothing(index_elements=["provider", "provider_user"], index_where=text("provider_user <> ''"))
    )
    return (await session.execute(query)).rowcount == 1


async def read(session: Session, grant_id: int) -> GrantRow | None:
    """One grant, or None if it was erased."""
    return (await session.execute(select(Grant).where(Grant.id == grant_id))).one_or_none()


async def of_user(session: Session, provider: str, provider_user: str) -> GrantRow | None:
    """The one grant of a provider's user, locked until the transaction ends."""
    query = select(Grant).where(Grant.provider == provider, Grant.provider_user == provider_user).with_for_update()
    return (await session.execute(query)).one_or_none()


async def replace(session: Session, grant_id: int, values: Mapping[str, object]) -> None:
    """Put a new consent's tokens in place of the old; a refresh under way loses its lease and its answer with it."""
    query = update(Grant).where(Grant.id == grant_id)
    await session.execute(
        query.values(**values, version=Grant.version + 1, lease_owner="", lease_until=None, updated_at=func.now())
    )


async def take_lease(
    session: Session, grant_id: int, *, version: int, owner: str, seconds: float, now: datetime
) -> bool:
    """Reserve the right to refresh and note the attempt. False: somebody else holds it, or refreshed meanwhile."""
    query = (
        update(Grant)
        .where(
            Grant.id == grant_id,
            Grant.version == version,
            Grant.status == "active",
            or_(Grant.lease_until.is_(None), Grant.lease_until < func.now()),
        )
        .values(
            lease_owner=owner,
            lease_until=_from_now(seconds),
            attempt_at=now,
            updated_at=func.now(),
        )
    )
    return (await session.execute(query)).rowcount == 1


async def hold_lease(session: Session, grant_id: int, owner: str, *, seconds: float) -> GrantRow | None:
    """Look at the row again and keep the lease for longer. None: the lease was lost."""
    query = (
        update(Grant)
        .where(Grant.id == grant_id, Grant.lease_owner == owner)
        .values(lease_until=_from_now(seconds), updated_at=func.now())
        .returning(Grant)
    )
    return (await session.execute(query)).one_or_none()


async def settle_lease(session: Session, grant_id: int, owner: str, values: Mapping[str, object]) -> bool:
    """Store what came of a refresh and let the lease go. False: the lease was lost, and nothing was stored."""
    query = (
        update(Grant)
        .where(Grant.id == grant_id, Grant.lease_owner == owner)
        .values(**values, lease_owner="", lease_until=None, updated_at=func.now())
    )
    return (await session.execute(query)).rowcount == 1


async def close_unused(session: Session, grant_id: int) -> GrantRow | None:
    """Mark a grant that no connection of any firm uses as closing, and return it; None while it is used."""
    query = (
        update(Grant)
        .where(Grant.id == grant_id, ~_IN_USE)
        .values(status="closing", lease_owner="", lease_until=None, updated_at=func.now())
        .returning(Grant)
    )
    return (await session.execute(query)).one_or_none()


async def erase_unused(session: Session, grant_id: int, *, closing: bool = False) -> bool:
    """Delete a grant that no connection of any firm uses. False: it is gone already, or in use (again).

    `closing`: only while it is; a new consent of the same user, just stored in the same row, is about to be used.
    """
    query = delete(Grant).where(Grant.id == grant_id, ~_IN_USE)
    if closing:
        query = query.where(Grant.status == "closing")
    return (await session.execute(query)).rowcount == 1


async def stale(session: Session, *, refreshed_before: datetime, now: datetime, limit: int = 500) -> Sequence[int]:
    """Ids of active grants in use that were last refreshed before a moment and may be tried, the oldest first."""
    query = (
        select(Grant.id)
        .where(
            Grant.status == "active",
            Grant.refreshed_at < refreshed_before,
            or_(Grant.retry_at.is_(None), Grant.retry_at <= now),
            _IN_USE,
        )
        .order_by(Grant.refreshed_at)
        .limit(limit)
    )
    return (await session.execute(query)).scalars().all()


async def forgotten(session: Session, *, before: datetime, limit: int = 100) -> Sequence[Row[int, str]]:
    """`id` and `status` of grants that no connection uses and nobody has touched since `before`."""
    query = select(Grant.id, Grant.status).where(~_IN_USE, Grant.updated_at < before).order_by(Grant.id).limit(limit)
    return (await session.execute(query)).all()


async def facts(session: Session, grant_ids: Collection[int]) -> dict[int, GrantFacts]:
    """What may be shown of these grants."""
    columns = (
        Grant.id,
        Grant.scope,
        Grant.status,
        Grant.access_expires_at,
        Grant.refresh_expires_at,
        Grant.hard_expires_at,
    )
    rows = await session.execute(select(*columns).where(Grant.id.in_(grant_ids)))
    return {
        row.id: GrantFacts(
            scope=row.scope,
            status=row.status,
            access_expires_at=row.access_expires_at,
            refresh_expires_at=row.refresh_expires_at,
            hard_expires_at=row.hard_expires_at,
        )
        for row in rows
    }


def _from_now(seconds: float) -> TextClause:
    """On the database's clock, which all processes share."""
    return text("now() + make_interval(secs => :seconds)").bindparams(seconds=seconds)
