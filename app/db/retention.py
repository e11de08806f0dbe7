"""Forgetting, after the days the operator set: raw webhooks, finished runs and settled write attempts."""

from sqlalchemy import text

from app.db.session import Session

# In bounded pieces, so that no statement runs into its time limit nor holds its locks for long.
PIECE = 5_000
# Deliveries are shared between firms, and their events go with them.
_DELIVERIES = text(
    """
    DELETE FROM webhook_deliveries WHERE id IN (
        SELECT d.id FROM webhook_deliveries d
        WHERE d.created_at < now() - make_interval(days => :days) AND NOT EXISTS (
            SELECT 1 FROM webhook_events e WHERE e.delivery_id = d.id AND e.state = 'pending')
        ORDER BY d.id LIMIT :piece) RETURNING id
    """
)
_RUNS = text(
    """
    DELETE FROM sync_runs WHERE firm_id = :firm AND id IN (
        SELECT id FROM sync_runs WHERE firm_id = :firm AND finished_at < now() - make_interval(days => :days)
        ORDER BY finished_at LIMIT :piece) RETURNING id
    """
)
_CALLS = text(
    """
    DELETE FROM write_calls WHERE firm_id = :firm AND id IN (
        SELECT id FROM write_calls
        WHERE firm_id = :firm AND state = 'done' AND settled_at < now() - make_interval(days => :days)
        ORDER BY id LIMIT :piece) RETURNING id
    """
)


async def forget_deliveries(session: Session, days: int) -> int:
    """Deliveries older than so many days, with their events; how many went. Under the system's role."""
    return len((await session.execute(_DELIVERIES, {"days": days, "piece": PIECE})).all())


async def forget_runs(session: Session, firm_id: int, days: int) -> int:
    """Runs of a firm that ended more than so many days ago; how many went."""
    return len((await session.execute(_RUNS, {"firm": firm_id, "days": days, "piece": PIECE})).all())


async def forget_calls(session: Session, firm_id: int, days: int) -> int:
    """Write calls of a firm, bodies and attempts, settled more than so many days ago; how many went."""
    return len((await session.execute(_CALLS, {"firm": firm_id, "days": days, "piece": PIECE})).all())
