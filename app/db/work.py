"""What is owed, read from our own tables: the most urgent item of one connection, and the connections that are due."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from app.canonical import Kind
from app.db.inbox import REPLAYED
from app.db.kinds import PUSHED, PushedKind, of_every_kind
from app.db.session import Session

_AUTOMATIC = "(:automatic OR run_id IS NOT NULL)"
_LOOKED_AT = f"(:automatic OR operation = '{REPLAYED}')"  # an event: the vendor's wait while sync is paused


def _owed(kind: Kind, known: PushedKind) -> str:
    rank = 2 + list(PUSHED).index(kind)
    return f"""SELECT '{kind}', priority, {rank} FROM {known.mappings}
        WHERE connection_id = :id AND state = 'pending' AND next_due_at <= now() AND {_AUTOMATIC} AND :usable"""


def _due(_kind: Kind, known: PushedKind) -> str:
    return f"""SELECT min(next_due_at) FROM {known.mappings}
        WHERE connection_id = :id AND state = 'pending' AND {_AUTOMATIC} AND :usable"""


def _waiting(_kind: Kind, known: PushedKind) -> str:
    return f"""SELECT 1 FROM {known.mappings} m WHERE m.connection_id = k.id AND m.state = 'pending'
        AND m.next_due_at <= now() AND (k.automatic OR m.run_id IS NOT NULL)"""


# Unsettled writes first: nothing else may be written for their records. Then by urgency; customers before invoices.
_HOUSEKEEPING = "(:usable OR action IN ('disconnect', 'refresh') OR (action = 'check' AND NOT :throttled))"
_NEXT = text(
    f"""
    SELECT what, priority FROM (
        SELECT 'settle' AS what, 0 AS priority, 0 AS rank FROM write_calls
        WHERE connection_id = :id AND next_due_at <= now() AND :usable
          AND (state = 'unknown' OR (state = 'sent' AND epoch <> :epoch))
        UNION ALL
        SELECT 'run', priority, 1 FROM sync_runs
        WHERE connection_id = :id AND state IN ('queued', 'running') AND action <> 'push' AND next_due_at <= now()
          AND {_HOUSEKEEPING}
        UNION ALL
        {of_every_kind(_owed)}
        UNION ALL
        (SELECT 'event', 20, 99 FROM webhook_events -- one is enough, of ten thousand that may wait
        WHERE connection_id = :id AND state = 'pending' AND next_due_at <= now() AND :usable AND {_LOOKED_AT} LIMIT 1)
    ) owed ORDER BY priority, rank LIMIT 1
    """
)
_DUE = text(
    f"""
    SELECT min(due) AS due FROM (
        SELECT min(next_due_at) AS due FROM write_calls
        WHERE connection_id = :id AND :usable AND (state = 'unknown' OR (state = 'sent' AND epoch <> :epoch))
        UNION ALL
        SELECT min(next_due_at) FROM sync_runs
        WHERE connection_id = :id AND state IN ('queued', 'running') AND action <> 'push'
          AND {_HOUSEKEEPING}
        UNION ALL
        {of_every_kind(_due)}
        UNION ALL
        SELECT min(next_due_at) FROM webhook_events
        WHERE connection_id = :id AND state = 'pending' AND :usable AND {_LOOKED_AT}
    ) owed
    """
)
_TIMELY = text(
    """
    SELECT id FROM connections WHERE status <> 'revoked' AND next_due_at <= now() AND lease_owner = ''
    ORDER BY next_due_at LIMIT 500
    """
)
_ABANDONED = text(
    "SELECT id FROM connections WHERE lease_owner <> '' AND lease_until < now() ORDER BY lease_until LIMIT 500"
)
# Owed without a bell: whatever the ticker cannot know of, because the process that committed it died before ringing.
# Only what a turn can do something about, or the same connections would be woken in vain for ever. A push that is
# still `queued` was never looked at; what is asked of a connection that ended, or by a person of one that does not
# work, is to be ended.
_FORGOTTEN = text(
    f"""
    SELECT k.id FROM (
        SELECT k.id, k.status, k.sync_enabled AND f.sync_enabled AS automatic, k.status = 'active'
            AND k.grant_id IS NOT NULL AND coalesce(k.throttled_until <= now(), true) AS usable
        FROM connections k JOIN firms f ON f.id = k.firm_id WHERE k.lease_owner = ''
    ) k WHERE EXISTS (
        SELECT 1 FROM sync_runs r
        WHERE r.connection_id = k.id AND r.state IN ('queued', 'running') AND r.next_due_at <= now()
          AND (r.action NOT IN ('push', 'pull') OR k.status = 'revoked' OR (k.usable AND r.action = 'pull')
               OR (k.usable AND r.state = 'queued')
               OR (k.status <> 'active' AND r.action = 'pull' AND r.priority <= 10)))
    OR k.status = 'revoked' AND EXISTS (
        SELECT 1 FROM webhook_events e WHERE e.connection_id = k.id AND e.state = 'pending')
    OR k.usable AND (
        EXISTS (SELECT 1 FROM webhook_events e
                WHERE e.connection_id = k.id AND e.state = 'pending' AND e.next_due_at <= now()
                  AND (k.automatic OR e.operation = '{REPLAYED}'))
        OR EXISTS (SELECT 1 FROM write_calls w
                   WHERE w.connection_id = k.id AND w.state <> 'done' AND w.next_due_at <= now())
        OR EXISTS ({of_every_kind(_waiting)}))
    LIMIT 500
    """
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a runner may touch now.

    `usable`: the grant works and the provider is not to be left alone (`throttled`); `automatic`: nobody paused
    automatic sync.
    """

    connection_id: int
    epoch: int
    usable: bool
    automatic: bool
    throttled: bool

    def parameters(self) -> dict[str, object]:
        """As bind values."""
        return {
            "id": self.connection_id,
            "epoch": self.epoch,
            "usable": self.usable,
            "automatic": self.automatic,
            "throttled": self.throttled,
        }


async def most_urgent(session: Session, scope: Scope) -> str | None:
    """`settle`, `run`, a pushed kind, `event`, or None when nothing is due."""
    row = (await session.execute(_NEXT, scope.parameters())).one_or_none()
    return None if row is None else str(row.what)


async def outranked(session: Session, scope: Scope, priority: int) -> bool:
    """Whether something more urgent than `priority` is due on this connection."""
    row = (await session.execute(_NEXT, scope.parameters())).one_or_none()
    return row is not None and int(row.priority) < priority


async def due_again(session: Session, scope: Scope) -> datetime | None:
    """When the next owed item is due (maybe in the past), or None when nothing is owed."""
    due: datetime | None = (await session.execute(_DUE, scope.parameters())).scalar_one()
    return due


async def timely(session: Session) -> list[int]:
    """Connections whose time has come. Under the system's role."""
    return [row.id for row in await session.execute(_TIMELY)]


async def abandoned(session: Session) -> list[int]:
    """Connections whose runner died or sleeps past its lease. Under the system's role."""
    return [row.id for row in await session.execute(_ABANDONED)]


async def forgotten(session: Session) -> list[int]:
    """Connections with owed work for which no bell may ever have rung. Under the system's role."""
    return [row.id for row in await session.execute(_FORGOTTEN)]
