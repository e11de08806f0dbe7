"""Jobs whose worker died: unless somebody removes them they stay "doing" and hold their connection's lock for ever."""

from sqlalchemy import text

from app.db.session import Session

_REMOVE = text(
    """
    DELETE FROM procrastinate.procrastinate_jobs j
    WHERE j.status = 'doing' AND NOT EXISTS (
        SELECT 1 FROM procrastinate.procrastinate_workers w
        WHERE w.id = j.worker_id AND w.last_heartbeat > now() - make_interval(secs => :seconds))
    RETURNING (j.args ->> 'connection_id')::bigint AS connection_id
    """
)


async def remove_stalled(session: Session, seconds: float) -> list[int]:
    """Delete the jobs of silent workers; returns their connections. Under the system's role."""
    rows = await session.execute(_REMOVE, {"seconds": seconds})
    return sorted({row.connection_id for row in rows if row.connection_id is not None})
