"""How far runs are: the records counted to each, and those among them that have an outcome."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from app.canonical import Kind
from app.db.kinds import PushedKind, of_every_kind
from app.db.reading import Reads

_ON_THEIR_WAY = "'pending', 'in_flight', 'waiting', 'unknown'"


def _counted(_kind: Kind, known: PushedKind) -> str:
    return f"""SELECT run_id, count(*) AS total, count(*) FILTER (WHERE state NOT IN ({_ON_THEIR_WAY})) AS done,
        count(*) FILTER (WHERE sync_status = 'error') AS failed
        FROM {known.mappings} WHERE firm_id = :firm AND run_id = ANY(:runs) GROUP BY run_id"""


_PROGRESS = text(
    f"""
    SELECT r.id, r.action, r.state, r.counts, r.error, coalesce(sum(c.total), 0)::bigint AS total,
           coalesce(sum(c.done), 0)::bigint AS done, coalesce(sum(c.failed), 0)::bigint AS failed
    FROM sync_runs r LEFT JOIN ({of_every_kind(_counted)}) c ON c.run_id = r.id
    WHERE r.firm_id = :firm AND r.id = ANY(:runs) GROUP BY r.id ORDER BY r.id DESC
    """
)


async def of_runs(session: Reads, firm_id: int, run_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Progress of these runs; `total` is 0 for those that count no records."""
    return (await session.execute(_PROGRESS, {"firm": firm_id, "runs": list(run_ids)})).all()
