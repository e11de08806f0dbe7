"""How well it goes: success of connecting and syncing, how long runs take, and what webhooks bring."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app.db.base import Json
from app.db.kinds import PushedKind, of_every_kind
from app.db.session import Session

WINDOW = timedelta(days=30)
LATE = timedelta(minutes=5)
_CONNECT = text(
    """
    SELECT count(*) FILTER (WHERE action = 'connect.begun') AS begun,
           count(*) FILTER (WHERE action = 'connection.connected') AS connected,
           count(*) FILTER (WHERE action = 'connect.failed') AS failed
    FROM audit_events WHERE firm_id = :firm AND created_at > now() - CAST(:window AS interval)
    """
)
# How long a person or program waited: from the request to the end.
_RUNS = text(
    """
    SELECT action, count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'failed') AS failed,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - created_at))
               FILTER (WHERE state = 'done') AS median,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - created_at))
               FILTER (WHERE state = 'done') AS p95
    FROM sync_runs
    WHERE firm_id = :firm AND finished_at > now() - CAST(:window AS interval) AND action IN ('push', 'pull')
      AND state IN ('done', 'failed')
    GROUP BY action ORDER BY action
    """
)
_BY_DAY = text(
    """
    SELECT to_char(date_trunc('day', finished_at), 'YYYY-MM-DD') AS day, action,
           count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'failed') AS failed,
           coalesce(sum((counts ->> 'pushed')::bigint), 0) AS pushed,
           coalesce(sum((counts ->> 'changed')::bigint), 0) AS changed
    FROM sync_runs
    WHERE firm_id = :firm AND finished_at > now() - CAST(:window AS interval) AND action IN ('push', 'pull')
    GROUP BY 1, 2 ORDER BY 1, 2
    """
)


def _judged(_kind: object, known: PushedKind) -> str:
    return f"""SELECT count(*) FILTER (WHERE state IN ('synced', 'unchanged')) AS good,
        count(*) FILTER (WHERE state IN ('error', 'conflict', 'parked')) AS bad FROM {known.mappings}
        WHERE firm_id = :firm"""


_RECORDS = text(f"SELECT sum(good) AS good, sum(bad) AS bad FROM ({of_every_kind(_judged)}) judged")


def _causes(kind: object, known: PushedKind) -> str:
    return f"""SELECT '{kind}' AS kind, connection_id, fault ->> 'code' AS code, min(sync_error) AS example,
        min(fault ->> 'who') AS who, min(fault ->> 'fix') AS fix, count(*) AS n, min(accepted_at) AS since
        FROM {known.mappings} WHERE firm_id = :firm AND state IN ('error', 'conflict', 'parked', 'waiting')
        GROUP BY 2, 3"""


_CAUSES = text(f"{of_every_kind(_causes)} ORDER BY n DESC, 1, 2")
_WEBHOOKS = text(
    """
    SELECT count(*) AS received, coalesce(sum(duplicates), 0) AS duplicates,
           count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'ignored') AS ignored,
           count(*) FILTER (WHERE state = 'pending') AS pending, count(*) FILTER (WHERE state = 'parked') AS parked,
           count(*) FILTER (WHERE created_at - occurred_at > CAST(:late AS interval)) AS late,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM handled_at - created_at))
               FILTER (WHERE state = 'done') AS median,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM handled_at - created_at))
               FILTER (WHERE state = 'done') AS p95
    FROM webhook_events WHERE firm_id = :firm AND created_at > now() - CAST(:window AS interval)
    """
)
# What a scheduled read changed is what no webhook had told before it.
_SWEPT = text(
    """
    SELECT coalesce(sum((counts ->> 'payments')::bigint), 0) AS payments FROM sync_runs
    WHERE firm_id = :firm AND action = 'pull' AND trigger IN ('schedule', 'nightly')
      AND created_at > now() - CAST(:window AS interval)
    """
)


async def success(session: Session, firm_id: int) -> Json:
    """Ratios of the last thirty days, null where nothing was tried; records as they stand now."""
    given = {"firm": firm_id, "window": WINDOW}
    connect: Any = (await session.execute(_CONNECT, given)).one()
    records: Any = (await session.execute(_RECORDS, {"firm": firm_id})).one()
    by_action = {row.action: row for row in await session.execute(_RUNS, given)}
    return {
        "window_days": WINDOW.days,
        "connect": {
            "begun": connect.begun,
            "connected": connect.connected,
            "ratio": _ratio(connect.connected, connect.connected + connect.failed),
        },
        "records": {
            "synced": int(records.good),
            "failed": int(records.bad),
            "ratio": _ratio(records.good, records.good + records.bad),
        },
        "runs": {
            action: {
                "done": row.done,
                "failed": row.failed,
                "ratio": _ratio(row.done, row.done + row.failed),
                "median_seconds": _seconds(row.median),
                "p95_seconds": _seconds(row.p95),
            }
            for action, row in by_action.items()
        },
    }


async def history(session: Session, firm_id: int) -> list[Json]:
    """Per day and action: runs done and failed, records pushed, copies changed; the last thirty days."""
    rows = await session.execute(_BY_DAY, {"firm": firm_id, "window": WINDOW})
    return [row._asdict() for row in rows]


async def causes(session: Session, firm_id: int) -> list[Json]:
    """What needs somebody, grouped by kind, connection and cause, the most frequent first."""
    return [row._asdict() for row in await session.execute(_CAUSES, {"firm": firm_id})]


async def webhooks(session: Session, firm_id: int) -> Json:
    """What webhooks brought in the last thirty days, how late, and what only the scheduled reads found."""
    given = {"firm": firm_id, "window": WINDOW}
    row: Any = (await session.execute(_WEBHOOKS, {**given, "late": LATE})).one()
    swept = (await session.execute(_SWEPT, given)).scalar_one()
    counted = {name: int(getattr(row, name)) for name in _COUNTED}
    return {
        "window_days": WINDOW.days,
        **counted,
        "median_seconds": _seconds(row.median),
        "p95_seconds": _seconds(row.p95),
        "payments_found_only_by_reading": int(swept),
    }


_COUNTED = ("received", "duplicates", "late", "done", "ignored", "pending", "parked")


def _ratio(good: Any, all_of_them: Any) -> float | None:
    return round(int(good) / int(all_of_them), 4) if all_of_them else None


def _seconds(value: Any) -> float | None:
    return None if value is None else round(value, 3)
