"""Jobs that nobody works on: unless somebody removes them they stay "doing" and hold their connection's lock for ever.

Either their worker died, or it lives and could not note their end while the database was away: then the connection's
lease is free. Removing one too many does no harm: the lease decides who may work, the job is only the bell.
"""

from sqlalchemy import text

from app.db.session import Session

_REMOVE = text(
    """
    DELETE FROM procrastinate.procrastinate_jobs j
    WHERE j.status = 'doing' AND (
        NOT EXISTS (
            SELECT 1 FROM procrastinate.procrastinate_workers w
            WHERE w.id = j.worker_id AND w.last_heartbeat > now() - make_interval(secs => :seconds))
        OR (NOT EXISTS (
                SELECT 1 FROM procrastinate.procrastinate_events e
                WHERE e.job_id = j.id AND e.type = 'started' AND e.at > now() - make_interval(secs => :seconds))
            AND NOT EXISTS (
                SELECT 1 FROM connections k
                WHERE k.id = (j.args ->> 'connection_id')::bigint AND k.lease_owner <> '')))
    RETURNING (j.args ->> 'connection_id')::bigint AS connection_id
    """
)


async def remove_stalled(session: Session, seconds: float) -> list[int]:
    """Delete the jobs nobody has worked on for so long; returns their connections. Under the system's role."""
    rows = await session.execute(_REMOVE, {"seconds": seconds})
    return sorted({row.connection_id for row in rows if row.connection_id is not None})
