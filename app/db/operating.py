"""What an operator looks at across firms. Every function runs under the operator's role, which cannot write."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from app.db.session import Session
from app.db.sync_tables import WebhookEvent
from app.db.tables import Connection, Firm


async def firms_page(session: Session, *, after: int | None, limit: int) -> Sequence[Row[Any]]:
    """Firms, newest first, older than `after`."""
    query = select(Firm).order_by(Firm.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Firm.id < after)
    return (await session.execute(query)).all()


async def connections_page(
    session: Session, *, after: int | None, limit: int, firm_id: int | None, status: str | None
) -> Sequence[Row[Any]]:
    """Connections of all firms or of one, newest first, older than `after`."""
    names = "id firm_id provider company_name status error_code error_message sync_enabled connected_at".split()
    columns: list[Any] = [getattr(Connection, name) for name in names]
    query = select(*columns).order_by(Connection.id.desc())
    for column, value in ((Connection.firm_id, firm_id), (Connection.status, status)):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(Connection.id < after)
    return (await session.execute(query.limit(limit))).all()


async def firms_with_events(session: Session, state: str, firm_ids: Sequence[int] | None) -> Sequence[int]:
    """Which firms have webhook events in this state; of these, if some are named."""
    query = select(WebhookEvent.firm_id).where(WebhookEvent.state == state, WebhookEvent.firm_id.is_not(None))
    if firm_ids is not None:
        query = query.where(WebhookEvent.firm_id.in_(firm_ids))
    found: Sequence[int] = (
        (await session.execute(query.distinct().order_by(WebhookEvent.firm_id))).scalars().all()  # type: ignore[assignment]  # is_not(None)
    )
    return found
