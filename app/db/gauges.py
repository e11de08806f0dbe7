"""What `/metrics` tells of the whole service, read from the tables across firms, naming none."""

from sqlalchemy import text

from app.db.kinds import PushedKind, of_every_kind
from app.db.session import Session

Gauge = tuple[str, dict[str, str], int]
# Only what is open or failed is counted one by one: both stand in small parts of the tables.
_OPEN = "('pending','in_flight','waiting','unknown')"
_FAILED = "('error','conflict','parked')"


def _states(kind: object, known: PushedKind) -> str:
    return f"""SELECT '{kind}' AS kind, state, count(*) AS n,
        coalesce(extract(epoch FROM now() - min(accepted_at)), 0)::bigint AS age
        FROM {known.mappings} WHERE state IN {_OPEN} OR state IN {_FAILED} GROUP BY state"""


_RECORDS = text(of_every_kind(_states))
_CONNECTIONS = text("SELECT provider, status, count(*) AS n FROM connections GROUP BY provider, status")
_OUTCOMES = ("ok", "refused", "throttled", "failed", "silent")
_BUDGETS = text(
    f"""
    SELECT provider, coalesce(sum((budget ->> 'bytes_in')::bigint), 0) AS bytes_in,
           {", ".join(f"coalesce(sum((budget ->> '{one}')::bigint), 0) AS {one}" for one in _OUTCOMES)},
           coalesce(max((budget ->> 'day_used')::bigint)
               FILTER (WHERE budget ->> 'day' = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')), 0) AS today,
           coalesce(sum((budget ->> 'month_used')::bigint)
               FILTER (WHERE budget ->> 'month' = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')), 0) AS month
    FROM connections GROUP BY provider
    """
)
_ATTEMPTS = text(
    "SELECT outcome, count(*) AS n FROM write_attempts WHERE updated_at > now() - interval '1 hour' GROUP BY outcome"
)
_EVENTS = text("SELECT state, count(*) AS n FROM webhook_events WHERE state IN ('pending', 'parked') GROUP BY state")
_RUNS = text("SELECT action, count(*) AS n FROM sync_runs WHERE state IN ('queued', 'running') GROUP BY action")
_GRANTS = text("SELECT status, count(*) AS n FROM grants GROUP BY status")
_REFRESHES = text("SELECT provider, sum(version - 1)::bigint AS n FROM grants GROUP BY provider")
_QUEUE = text(
    """
    SELECT count(*) FILTER (WHERE j.status = 'todo') AS waiting, count(*) FILTER (WHERE j.status = 'doing') AS doing,
           coalesce(extract(epoch FROM now() - min(e.at) FILTER (WHERE j.status = 'todo')), 0)::bigint AS age
    FROM procrastinate.procrastinate_jobs j
    LEFT JOIN procrastinate.procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'
    WHERE j.status IN ('todo', 'doing')
    """
)


async def read(session: Session) -> list[Gauge]:
    """(name, labels, value) of everything. Under the operator's role."""
    found: list[Gauge] = []
    for row in await session.execute(_RECORDS):
        labels = {"kind": row.kind, "state": row.state}
        found += [("tieout_records", labels, row.n), ("tieout_records_oldest_seconds", labels, row.age)]
    for row in await session.execute(_CONNECTIONS):
        found.append(("tieout_connections", {"provider": row.provider, "status": row.status}, row.n))
    for row in await session.execute(_BUDGETS):
        labels = {"provider": row.provider}
        found += [("tieout_provider_calls", labels | {"outcome": one}, getattr(row, one)) for one in _OUTCOMES]
        found += [
            ("tieout_provider_bytes_in", labels, row.bytes_in),
            ("tieout_provider_calls_today_most", labels, row.today),
            ("tieout_provider_calls_this_month", labels, row.month),
        ]
    found += [
        ("tieout_write_attempts_last_hour", {"outcome": row.outcome}, row.n) for row in await session.execute(_ATTEMPTS)
    ]
    found += [("tieout_webhook_events", {"state": row.state}, row.n) for row in await session.execute(_EVENTS)]
    found += [("tieout_runs_open", {"action": row.action}, row.n) for row in await session.execute(_RUNS)]
    found += [("tieout_grants", {"status": row.status}, row.n) for row in await session.execute(_GRANTS)]
    found += [
        ("tieout_token_refreshes", {"provider": row.provider}, row.n) for row in await session.execute(_REFRESHES)
    ]
    return found


async def queue(session: Session) -> list[Gauge]:
    """The queue: bells that wait, turns under way, the age of the oldest bell. Under the system's role."""
    row = (await session.execute(_QUEUE)).one()
    return [
        ("tieout_queue", {"status": "waiting"}, row.waiting),
        ("tieout_queue", {"status": "doing"}, row.doing),
        ("tieout_queue_oldest_seconds", {}, row.age),
    ]
