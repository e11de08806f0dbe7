"""What needs somebody, grouped by its cause, and how much of each is mended by now."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from app.canonical import Kind
from app.db.kinds import PushedKind, of_every_kind
from app.db.session import Session

_WINDOW_DAYS = 30


def _grouped(kind: Kind, known: PushedKind) -> str:
    """`waiting` records retry by themselves; they are shown once they have failed at least once."""
    return f"""
        SELECT '{kind}' AS kind, connection_id, coalesce(nullif(CASE WHEN sync_status = 'error' OR state = 'waiting'
                   THEN fault ->> 'code' ELSE troubled_code END, ''), state) AS code,
               count(*) FILTER (WHERE sync_status = 'error' OR state = 'waiting') AS open,
               count(*) FILTER (WHERE sync_status = 'synced') AS resolved,
               count(*) FILTER (WHERE sync_status = 'pending' AND state <> 'waiting') AS going,
               min(accepted_at) FILTER (WHERE sync_status = 'error' OR state = 'waiting') AS since,
               (array_agg(fault ORDER BY id) FILTER (WHERE sync_status = 'error' OR state = 'waiting'))[1] AS example
        FROM {known.mappings}
        WHERE firm_id = :firm AND (sync_status = 'error' OR state = 'waiting'
              OR (troubled_code <> '' AND troubled_at > now() - make_interval(days => {_WINDOW_DAYS})))
          AND (CAST(:connection AS bigint) IS NULL OR connection_id = :connection)
        GROUP BY 2, 3"""


_GROUPS = text(
    f"""
    SELECT g.*, k.provider, k.company_name, k.company, k.status AS connection_status
    FROM ({of_every_kind(_grouped)}) g JOIN connections k ON k.firm_id = :firm AND k.id = g.connection_id
    WHERE g.open > 0 AND k.status <> 'revoked' ORDER BY g.open DESC, g.kind, g.code LIMIT 100
    """
)


async def groups(session: Session, firm_id: int, connection_id: int | None = None) -> Sequence[Row[Any]]:
    """One row per kind, connection and cause that still has open records; `example` is the fault of the first."""
    return (await session.execute(_GROUPS, {"firm": firm_id, "connection": connection_id})).all()
