"""The connection as its runner sees it: switches, status, and until when the provider is left alone."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Row, exists, func, select, text, update

from app.db.outgoing import in_future
from app.db.session import Session
from app.db.sync_tables import SyncRun
from app.db.tables import Connection, Firm
from app.errors import NotFound


async def connection(session: Session, firm_id: int, connection_id: int) -> Row[Any]:
    """All of a connection's columns, with `firm_sync_enabled` and `throttled` (now). Raises NotFound."""
    query = (
        select(
            Connection,
            Firm.sync_enabled.label("firm_sync_enabled"),
            func.coalesce(Connection.throttled_until > func.now(), text("false")).label("throttled"),
        )
        .join(Firm, Firm.id == Connection.firm_id)
        .where(Connection.firm_id == firm_id, Connection.id == connection_id)
    )
    row: Any = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("There is no such connection.", record={"kind": "connection", "id": connection_id})
    found: Row[Any] = row
    return found


async def live(session: Session, firm_id: int, provider: str) -> int | None:
    """The firm's one connection to a provider that is not revoked."""
    query = select(Connection.id).where(
        Connection.firm_id == firm_id, Connection.provider == provider, Connection.status != "revoked"
    )
    found: int | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def set_status(session: Session, firm_id: int, connection_id: int, status: str, code: str, message: str) -> None:
    """Say what is wrong with an active connection; one that has expired or was disconnected stays so."""
    await session.execute(
        update(Connection)
        .where(Connection.firm_id == firm_id, Connection.id == connection_id, Connection.status == "active")
        .values(status=status, error_code=code, error_message=message, updated_at=func.now())
    )


async def throttle(session: Session, firm_id: int, connection_id: int, wait: timedelta) -> None:
    """Leave the provider alone for `wait`; a longer pause that was asked for before stands."""
    await session.execute(
        update(Connection)
        .where(Connection.firm_id == firm_id, Connection.id == connection_id)
        .values(throttled_until=func.greatest(Connection.throttled_until, in_future(wait)))
    )


async def troubled(session: Session) -> list[tuple[int, int]]:
    """Firm and id of connections in error for ten minutes that nobody is looking at. Under the system's role."""
    asked = exists().where(
        SyncRun.connection_id == Connection.id, SyncRun.action == "check", SyncRun.state.in_(("queued", "running"))
    )
    query = (
        select(Connection.firm_id, Connection.id)
        .where(Connection.status == "error", Connection.updated_at < func.now() - timedelta(minutes=10), ~asked)
        .limit(100)
    )
    return [(row.firm_id, row.id) for row in await session.execute(query)]
