"""The connection as its runner sees it: switches, status, and until when the provider is left alone."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select, update

from app.db.outgoing import in_future
from app.db.session import Session
from app.db.tables import Connection, Firm
from app.errors import NotFound


async def connection(session: Session, firm_id: int, connection_id: int) -> Row[Any]:
    """All of a connection's columns, with `firm_sync_enabled`. Raises NotFound."""
    query = (
        select(Connection, Firm.sync_enabled.label("firm_sync_enabled"), Firm.frequency_minutes.label("firm_frequency"))
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
    """Say what is wrong with a connection; one that was disconnected stays so."""
    await session.execute(
        update(Connection)
        .where(Connection.firm_id == firm_id, Connection.id == connection_id, Connection.status != "revoked")
        .values(status=status, error_code=code, error_message=message, updated_at=func.now())
    )


async def throttle(session: Session, firm_id: int, connection_id: int, wait: timedelta) -> None:
    """Leave the provider alone for `wait`."""
    await session.execute(
        update(Connection)
        .where(Connection.firm_id == firm_id, Connection.id == connection_id)
        .values(throttled_until=in_future(wait))
    )
