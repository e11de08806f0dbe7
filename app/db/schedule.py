"""What happens by the clock on a connection: scheduled pulls, push runs that are through, work parked after crashes."""

from sqlalchemy import text

from app.db.session import Session

# One statement, so that two runners or a crash between ask no second time.
_ASK_IF_DUE = text(
    """
    WITH due AS (
        UPDATE connections k SET next_sync_at = now() + make_interval(mins => coalesce(k.frequency_minutes,
            f.frequency_minutes)) * (0.9 + 0.2 * random())
        FROM firms f
        WHERE f.id = k.firm_id AND k.firm_id = :firm AND k.id = :id
          AND (k.next_sync_at IS NULL OR k.next_sync_at <= now())
        RETURNING k.id, k.firm_id, k.connected_at
    )
    INSERT INTO sync_runs (firm_id, connection_id, action, trigger, priority)
    SELECT firm_id, id, 'pull', 'schedule', 40 FROM due
    WHERE due.connected_at < now() - interval '1 minute' AND NOT EXISTS (
        SELECT 1 FROM sync_runs r
        WHERE r.connection_id = due.id AND r.action = 'pull' AND r.state IN ('queued', 'running'))
    """
)
# A push run is through when none of its records is on its way any more. What waits for a person does not hold it open.
_FINISH_PUSH = text(
    """
    WITH open_runs AS (
        SELECT id, created_at FROM sync_runs
        WHERE firm_id = :firm AND connection_id = :id AND action = 'push' AND state IN ('queued', 'running')
    ), records AS (
        SELECT m.run_id, m.state, m.synced_at FROM customer_sync_mappings m JOIN open_runs r ON r.id = m.run_id
        UNION ALL
        SELECT m.run_id, m.state, m.synced_at FROM invoice_sync_mappings m JOIN open_runs r ON r.id = m.run_id
    ), tallied AS (
        SELECT r.id, count(x.state) FILTER (WHERE x.state IN ('pending', 'in_flight', 'unknown')) AS on_their_way,
            jsonb_build_object(
                'accepted', count(x.state),
                'pushed', count(x.state) FILTER (WHERE x.state = 'synced' AND x.synced_at >= r.created_at),
                'waiting', count(x.state) FILTER (WHERE x.state = 'waiting'),
                'failed', count(x.state) FILTER (WHERE x.state IN ('error', 'conflict', 'parked'))) AS counts
        FROM open_runs r LEFT JOIN records x ON x.run_id = r.id GROUP BY r.id
    )
    UPDATE sync_runs r SET counts = t.counts, updated_at = now(),
        started_at = coalesce(r.started_at, now()),
        state = CASE WHEN t.on_their_way = 0 THEN 'done' ELSE 'running' END,
        finished_at = CASE WHEN t.on_their_way = 0 THEN now() END
    FROM tallied t WHERE r.id = t.id
    """
)
_PARK_RUNS = text(
    """
    UPDATE sync_runs SET state = 'failed', finished_at = now(), updated_at = now(),
        error = '{"code": "parked", "detail": "The worker died several times while doing this."}'::jsonb
    WHERE firm_id = :firm AND connection_id = :id AND state = 'running' AND action <> 'push'
    """
)
_PARK_EVENTS = text(
    """
    UPDATE webhook_events SET state = 'parked', reason = 'The worker died several times while handling this.',
        updated_at = now()
    WHERE firm_id = :firm AND connection_id = :id AND state = 'pending'
      AND id IN (SELECT id FROM webhook_events WHERE connection_id = :id AND state = 'pending' ORDER BY id LIMIT 500)
      AND NOT EXISTS (SELECT 1 FROM sync_runs WHERE connection_id = :id AND state = 'running' AND action <> 'push')
    """
)


async def ask_if_due(session: Session, firm_id: int, connection_id: int) -> None:
    """Ask for the scheduled pull when its time has come, and set the next time with a jitter of ten per cent."""
    await session.execute(_ASK_IF_DUE, {"firm": firm_id, "id": connection_id})


async def finish_push_runs(session: Session, firm_id: int, connection_id: int) -> None:
    """Bring the counts of open push runs up to date and close those that are through."""
    await session.execute(_FINISH_PUSH, {"firm": firm_id, "id": connection_id})


async def park_running(session: Session, firm_id: int, connection_id: int) -> None:
    """Set aside what was being done when the runner died again and again; it is shown, and a person may retry it."""
    given = {"firm": firm_id, "id": connection_id}
    await session.execute(_PARK_EVENTS, given)
    await session.execute(_PARK_RUNS, given)
