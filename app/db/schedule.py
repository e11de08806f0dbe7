"""What a connection's time brings: scheduled pulls, push runs that are through, work that has become hopeless."""

from collections.abc import Sequence

from sqlalchemy import text

from app.canonical import Kind
from app.db.kinds import PUSHED, PushedKind, of_every_kind
from app.db.session import Session, dump_json

# One statement, so that two runners or a crash between ask no second time. A company that is connected for the first
# time has nothing to tell yet; whoever connected it again has set the time.
_ASK_IF_DUE = text(
    """
    WITH due AS (
        UPDATE connections k SET next_sync_at = now() + make_interval(mins => coalesce(k.frequency_minutes,
            f.frequency_minutes)) * (0.9 + 0.2 * random())
        FROM firms f, connections before
        WHERE f.id = k.firm_id AND before.id = k.id AND k.firm_id = :firm AND k.id = :id
          AND (k.next_sync_at IS NULL OR k.next_sync_at <= now())
        RETURNING k.id, k.firm_id, k.connected_at, before.next_sync_at IS NOT NULL AS again
    )
    INSERT INTO sync_runs (firm_id, connection_id, action, trigger, priority)
    SELECT firm_id, id, 'pull', 'schedule', 40 FROM due
    WHERE (due.again OR due.connected_at < now() - interval '1 minute') AND NOT EXISTS (
        SELECT 1 FROM sync_runs r
        WHERE r.connection_id = due.id AND r.action = 'pull' AND r.state IN ('queued', 'running')
          AND coalesce(r.params ->> 'kinds', r.params ->> 'date_from', r.params ->> 'date_to') IS NULL)
    """
)


# Kinds with a frequency of their own, by when each was asked for last; one statement for the same reason. A kind whose
# pull still waits for another try has had its time as well: a moment that stayed past would never let a worker rest.
_ASK_KINDS = text(
    """
    WITH due AS (
        SELECT k.id, k.firm_id, wanted.key AS kind
        FROM connections k CROSS JOIN jsonb_each_text(k.frequencies) wanted
        WHERE k.firm_id = :firm AND k.id = :id AND wanted.key <> ALL(CAST(:off AS text[]))
          AND coalesce((k.kind_pulled ->> wanted.key)::timestamptz, k.connected_at)
              + make_interval(mins => wanted.value::int) <= now()
    ), marked AS (
        UPDATE connections k SET kind_pulled = k.kind_pulled || (SELECT jsonb_object_agg(due.kind, now()) FROM due)
        WHERE k.firm_id = :firm AND k.id = :id AND EXISTS (SELECT 1 FROM due)
    )
    INSERT INTO sync_runs (firm_id, connection_id, action, trigger, priority, params)
    SELECT due.firm_id, due.id, 'pull', 'schedule', 40,
        jsonb_build_object('kinds', jsonb_agg(due.kind ORDER BY due.kind)) FROM due
    WHERE NOT EXISTS (SELECT 1 FROM sync_runs r WHERE r.connection_id = due.id AND r.trigger = 'schedule'
        AND r.state IN ('queued', 'running') AND r.params -> 'kinds' ? due.kind)
    GROUP BY due.firm_id, due.id
    """
)
# Each connection has its own hour, so that a thousand of them do not ask at once. Where nothing told of payments for
# longer than a change feed reaches back, it does not tell either what was deleted meanwhile: all is read once more.
_ASK_NIGHTLY = text(
    """
    WITH due AS (
        UPDATE connections k SET next_nightly_at = now() + interval '24 hours' * (0.95 + 0.1 * random())
        WHERE k.firm_id = :firm AND k.id = :id
          AND (k.next_nightly_at IS NULL OR k.next_nightly_at <= now())
        RETURNING k.id, k.firm_id, k.sync_from, k.payment_sync_enabled
    ), reaching AS (
        SELECT id, firm_id, CASE WHEN payment_sync_enabled AND (
            SELECT max(c.last_success_at) FROM sync_cursors c WHERE c.connection_id = due.id
              AND c.kind IN ('payment', 'invoice')) < now() - interval '28 days' THEN coalesce(sync_from, (
            SELECT min(i.issue_date) FROM invoices i JOIN invoice_sync_mappings m ON m.invoice_id = i.id
            WHERE m.connection_id = due.id)) END AS back_to
        FROM due
    )
    INSERT INTO sync_runs (firm_id, connection_id, action, trigger, priority, params)
    SELECT firm_id, id, 'pull', 'nightly', 40, jsonb_build_object('kinds', CAST(:kinds AS jsonb), 'date_from',
        to_char(least(now() - make_interval(days => :days), back_to), 'YYYY-MM-DD')) FROM reaching
    WHERE back_to IS NOT NULL OR NOT EXISTS (SELECT 1 FROM sync_runs r WHERE r.connection_id = reaching.id
        AND r.trigger = 'nightly' AND r.state IN ('queued', 'running'))
    """
)


def _records(_kind: Kind, known: PushedKind) -> str:
    return f"SELECT m.run_id, m.state, m.synced_at FROM {known.mappings} m JOIN open_runs r ON r.id = m.run_id"


# A push run is through when none of its records is on its way any more. What waits for a person does not hold it open.
_FINISH_PUSH = text(
    f"""
    WITH open_runs AS (
        SELECT id, created_at FROM sync_runs
        WHERE firm_id = :firm AND connection_id = :id AND action = 'push' AND state IN ('queued', 'running')
    ), records AS (
        {of_every_kind(_records)}
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
# What nobody can carry out any more, or what a person waits for that cannot be done now, ends and says why.
_END_RUNS = text(
    """
    UPDATE sync_runs r SET state = 'failed', finished_at = now(), updated_at = now(), error = CASE
        WHEN k.status = 'revoked' THEN jsonb_build_object('code', 'not_connected', 'who', 'admin',
            'detail', 'The company was disconnected.', 'fix', 'Connect the company again.')
        ELSE jsonb_build_object('code', coalesce(nullif(k.error_code, ''), 'connection_error'), 'who', 'admin',
            'detail', coalesce(nullif(k.error_message, ''), 'The connection does not work at the moment.'),
            'fix', 'Look at the connection.') END
    FROM connections k
    WHERE k.firm_id = :firm AND k.id = :id AND r.firm_id = k.firm_id AND r.connection_id = k.id
      AND r.state IN ('queued', 'running') AND r.action IN ('push', 'pull')
      AND (k.status = 'revoked' OR (k.status <> 'active' AND r.action = 'pull' AND r.priority <= 10))
    """
)
_END_EVENTS = text(
    """
    UPDATE webhook_events e SET state = 'ignored', reason = 'disconnected before it was looked at',
        handled_at = now(), updated_at = now()
    FROM connections k
    WHERE k.firm_id = :firm AND k.id = :id AND k.status = 'revoked' AND e.firm_id = k.firm_id
      AND e.connection_id = k.id AND e.state = 'pending'
    """
)
_EXPLAIN = [
    text(
        f"""
        UPDATE {known.mappings} m SET updated_at = now(),
            sync_error = 'The company was disconnected; this goes on once it is connected again.'
        FROM connections k
        WHERE k.firm_id = :firm AND k.id = :id AND k.status = 'revoked' AND m.firm_id = k.firm_id
          AND m.connection_id = k.id AND m.state = 'pending' AND m.sync_error = ''
        """
    )
    for known in PUSHED.values()
]


async def ask_if_due(session: Session, firm_id: int, connection_id: int) -> None:
    """Ask for the scheduled pull when its time has come, and set the next time with a jitter of ten per cent."""
    await session.execute(_ASK_IF_DUE, {"firm": firm_id, "id": connection_id})


async def ask_kinds_if_due(session: Session, firm_id: int, connection_id: int, off: Sequence[Kind]) -> None:
    """Ask for those kinds whose own frequency says so, but for those that are switched `off`."""
    await session.execute(_ASK_KINDS, {"firm": firm_id, "id": connection_id, "off": [str(kind) for kind in off]})


async def ask_nightly(session: Session, firm_id: int, connection_id: int, kinds: Sequence[Kind], days: int) -> None:
    """Once a day, read again all that is dated within so many days: what no webhook and no change feed told.

    After four weeks in which nothing that tells of payments was read, everything, however old.
    """
    given = {"firm": firm_id, "id": connection_id, "kinds": dump_json([str(kind) for kind in kinds]), "days": days}
    await session.execute(_ASK_NIGHTLY, given)


async def finish_push_runs(session: Session, firm_id: int, connection_id: int) -> None:
    """Bring the counts of open push runs up to date and close those that are through."""
    await session.execute(_FINISH_PUSH, {"firm": firm_id, "id": connection_id})


async def end_hopeless(session: Session, firm_id: int, connection_id: int) -> None:
    """End what is asked of a connection that was disconnected or does not work; what is owed stays, and says why."""
    given = {"firm": firm_id, "id": connection_id}
    for statement in (_END_RUNS, _END_EVENTS, *_EXPLAIN):
        await session.execute(statement, given)
