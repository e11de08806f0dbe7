"""Who did what: rows written in the transaction of their cause, so that neither exists without the other."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select

from app.db.base import Json
from app.db.reading import Reads
from app.db.session import Session
from app.db.tables import AuditEvent

AuditRow = Row[Any]
SYSTEM = "system"
"""The actor of what nobody asked for, such as a grant that the provider ended."""


async def record(
    session: Session, firm_id: int, *, actor: str, action: str, subject: str = "", details: Json | None = None
) -> None:
    """Add an event. `action` is dotted (`connection.created`), `subject` names the record (`connection:7`)."""
    values = {"firm_id": firm_id, "actor": actor, "action": action, "subject": subject, "details": details or {}}
    await session.execute(insert(AuditEvent).values(values))


async def page(
    session: Reads,
    firm_id: int,
    *,
    subject: str | None = None,
    action: str | None = None,
    actor: str | None = None,
    since: datetime | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Sequence[AuditRow]:
    """Events of the firm, newest first, older than `after`, of one subject, action or actor if they are given."""
    query = select(AuditEvent).where(AuditEvent.firm_id == firm_id).order_by(AuditEvent.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(AuditEvent.subject == subject)
    if action is not None:
        query = query.where(AuditEvent.action == action)
    if actor is not None:
        query = query.where(AuditEvent.actor == actor)
    if since is not None:
        query = query.where(AuditEvent.created_at >= since)
    if after is not None:
        query = query.where(AuditEvent.id < after)
    return (await session.execute(query)).all()
