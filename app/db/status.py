"""The firm's state of sync at a glance: what is under way, owed, failed, and that the dispositions add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, text

from app.canonical import Kind
from app.db import analytics, mappings
from app.db.base import Json
from app.db.kinds import PushedKind, of_every_kind
from app.db.session import Session
from app.db.sync_tables import SyncRun

ON_THEIR_WAY = ("pending", "in_flight", "waiting", "unknown")


def _failed(kind: Kind, known: PushedKind) -> str:
    return f"""SELECT '{kind}' AS kind, {known.record} AS record_id, state, sync_error, fault FROM {known.mappings}
        WHERE firm_id = :firm AND run_id = :run AND state IN ('error', 'conflict', 'parked', 'waiting')"""


_FAILURES = text(f"{of_every_kind(_failed)} ORDER BY 1, 2 LIMIT 200")


@dataclass(frozen=True, slots=True)
class Overview:
    """`owed`: per connection and kind; `dispositions`: accepted changes by state, `accepted` being their sum.

    `excluded` tells the rules of those left out; `unplaced` how many records no connection is home of.
    """

    runs: Sequence[Row[Any]]
    owed: Sequence[Mapping[str, Any]]
    dispositions: Mapping[str, Any]
    success: Mapping[str, Any]
    webhooks: Mapping[str, Any]


async def failures(session: Session, firm_id: int, run_id: int) -> list[Json]:
    """The records of a push run that did not go through, with their reason; at most 200."""
    rows = await session.execute(_FAILURES, {"firm": firm_id, "run": run_id})
    return [
        {
            "kind": row.kind,
            "id": row.record_id,
            "state": row.state,
            "code": row.fault.get("code", row.state),
            "message": row.sync_error,
        }
        for row in rows
    ]


async def overview(session: Session, firm_id: int) -> Overview:
    """Everything `GET /api/sync/status` tells."""
    query = (
        select(SyncRun)
        .where(SyncRun.firm_id == firm_id, SyncRun.state.in_(("queued", "running")))
        .order_by(SyncRun.id)
        .limit(100)
    )
    open_runs = (await session.execute(query)).all()
    counted = await mappings.state_counts(session, firm_id)
    by_state: dict[str, int] = {}
    by_rule: dict[str, int] = {}
    owed: dict[tuple[int, str], Json] = {}
    for row in counted:
        by_state[row.state] = by_state.get(row.state, 0) + row.n
        if row.rule is not None:
            by_rule[row.rule] = by_rule.get(row.rule, 0) + row.n
        if row.state in ON_THEIR_WAY:
            place = owed.setdefault(
                (row.connection_id, row.kind),
                {"connection": row.connection_id, "kind": row.kind, "owed": 0, "oldest_owed_at": None},
            )
            place["owed"] += row.n
            oldest = row.oldest.isoformat().replace("+00:00", "Z")
            place["oldest_owed_at"] = min(filter(None, (place["oldest_owed_at"], oldest)))
    dispositions = {
        "accepted": sum(by_state.values()),
        "by_state": by_state,
        "excluded": by_rule,
        "unplaced": await mappings.unplaced(session, firm_id),
    }
    return Overview(
        open_runs,
        list(owed.values()),
        dispositions,
        await analytics.success(session, firm_id),
        await analytics.webhooks(session, firm_id),
    )
