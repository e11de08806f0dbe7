"""Who works on a connection: a lease with a fencing epoch, on the connection's own row.

Every transaction that writes an effect begins with `hold`: a runner that was replaced matches no row and rolls back.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from app.db.base import Json
from app.db.session import Session, dump_json
from app.errors import StaleLease

_CLAIM = text(
    """
    UPDATE connections SET
        crashes = CASE WHEN lease_owner <> '' THEN crashes + 1 ELSE crashes END,
        lease_owner = :owner, lease_epoch = lease_epoch + 1, next_due_at = NULL,
        lease_until = now() + make_interval(secs => :seconds)
    WHERE id = :id AND (lease_owner = '' OR lease_until < now())
    RETURNING firm_id, lease_epoch, crashes
    """
)
_HOLD = text(
    """
    UPDATE connections SET lease_until = now() + make_interval(secs => :seconds)
    WHERE id = :id AND lease_epoch = :epoch AND lease_owner = :owner RETURNING id
    """
)
_RELEASE = text(
    """
    UPDATE connections SET lease_owner = '', lease_until = NULL, crashes = 0, budget = CAST(:budget AS jsonb),
        next_due_at = :due
    WHERE id = :id AND lease_epoch = :epoch AND lease_owner = :owner
    RETURNING coalesce(next_due_at <= now(), false) AS due_now
    """
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A lease: `epoch` fences this runner's effects off once somebody else claims; `crashes` left the lease behind."""

    firm_id: int
    connection_id: int
    owner: str
    epoch: int
    crashes: int


async def claim(session: Session, connection_id: int, owner: str, seconds: float) -> Claimed | None:
    """Take the connection if nobody holds it. Under the system's role."""
    row: Row[Any] | None = (
        await session.execute(_CLAIM, {"id": connection_id, "owner": owner, "seconds": seconds})
    ).one_or_none()
    if row is None:
        return None
    return Claimed(row.firm_id, connection_id, owner, row.lease_epoch, row.crashes)


async def hold(session: Session, claimed: Claimed, seconds: float) -> None:
    """Prove and prolong the lease within this transaction. Raises StaleLease."""
    given = {"id": claimed.connection_id, "epoch": claimed.epoch, "owner": claimed.owner, "seconds": seconds}
    if (await session.execute(_HOLD, given)).one_or_none() is None:
        raise StaleLease(record={"kind": "connection", "id": claimed.connection_id})


async def release(session: Session, claimed: Claimed, budget: Json, due: object) -> bool:
    """Give the connection back with its call budget and the moment it is due again (None: when the bell rings).

    True: that moment has come already, by the database's clock.
    """
    given = {
        "id": claimed.connection_id,
        "epoch": claimed.epoch,
        "owner": claimed.owner,
        "budget": dump_json(budget),
        "due": due,
    }
    row = (await session.execute(_RELEASE, given)).one_or_none()
    return row is not None and bool(row.due_now)
