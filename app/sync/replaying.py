"""Looking again at what webhook events were about: what routes and pages call."""

from collections.abc import Sequence

from app.db import audit, inbox
from app.db.session import Session


async def replay(
    session: Session,
    firm_id: int,
    *,
    ids: Sequence[int] | None = None,
    connection_id: int | None = None,
    state: str | None = None,
    actor: str,
) -> tuple[int, set[int]]:
    """How many events are looked at again, and the connections to wake after the commit."""
    rows = await inbox.replay(session, firm_id, ids, connection_id, state)
    if rows:
        details = {"count": len(rows), "ids": [row.id for row in rows[:200]]}
        await audit.record(session, firm_id, actor=actor, action="webhook_events.replayed", details=details)
    return len(rows), {row.connection_id for row in rows}
