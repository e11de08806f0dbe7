"""Connections: a firm and one company's books at a provider."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from app.db.kinds import PUSHED
from app.db.reading import Reads
from app.db.session import Session
from app.db.sync_tables import SyncRun
from app.db.tables import Connection
from app.errors import Conflict, NotFound

ConnectionRow = Row[Any]
MAPPINGS = tuple(known.table for known in PUSHED.values())


@dataclass(frozen=True, slots=True)
class Owed:
    """What still has to reach the provider: how many records, since when the oldest waits, and how many failed."""

    count: int = 0
    oldest_at: datetime | None = None
    failed: int = 0


async def get(session: Session, firm_id: int, connection_id: int, *, lock: bool = False) -> ConnectionRow:
    """One connection of the firm, whatever its status; with `lock`, held to the transaction's end. Raises NotFound."""
    query = select(Connection).where(Connection.firm_id == firm_id, Connection.id == connection_id)
    row = (await session.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise NotFound("There is no such connection.", record={"kind": "connection", "id": connection_id})
    return row


async def page(
    session: Reads, firm_id: int, *, status: str | None = None, after: int | None = None, limit: int
) -> Sequence[ConnectionRow]:
    """Connections of the firm in order of id, after `after`; without a status all but the revoked."""
    query = select(Connection).where(Connection.firm_id == firm_id).order_by(Connection.id).limit(limit)
    query = query.where(Connection.status != "revoked" if status is None else Connection.status == status)
    if after is not None:
        query = query.where(Connection.id > after)
    return (await session.execute(query)).all()


async def names(session: Reads, firm_id: int) -> Sequence[Row[Any]]:
    """What all connections the firm ever had are called, revoked ones too: there are few."""
    columns = (Connection.id, Connection.provider, Connection.company_id, Connection.company_name, Connection.status)
    query: Any = select(*columns).where(Connection.firm_id == firm_id).order_by(Connection.id)
    found: Sequence[Row[Any]] = (await session.execute(query)).all()
    return found


async def live(session: Session, firm_id: int, provider: str) -> ConnectionRow | None:
    """The firm's connection to a provider, if it has one that is not revoked."""
    query = select(Connection).where(
        Connection.firm_id == firm_id, Connection.provider == provider, Connection.status != "revoked"
    )
    return (await session.execute(query)).one_or_none()


async def lock_provider(session: Session, firm_id: int, provider: str) -> Sequence[ConnectionRow]:
    """All of a firm's connections to a provider, revoked ones too, locked until the transaction ends."""
    query = select(Connection).where(Connection.firm_id == firm_id, Connection.provider == provider)
    return (await session.execute(query.order_by(Connection.id).with_for_update())).all()


async def connected_elsewhere(session: Session, firm_id: int, provider: str, company_id: str) -> bool:
    """Whether another firm is connected to the company; under the system role, which sees all firms."""
    query = select(Connection.id).where(
        Connection.provider == provider,
        Connection.company_id == company_id,
        Connection.firm_id != firm_id,
        Connection.status != "revoked",
    )
    return (await session.execute(query)).first() is not None


async def connect(session: Session, firm_id: int, provider: str, company_id: str, values: Mapping[str, object]) -> int:
    """Make the firm's connection to a company active, on the same row as before if there was one; returns its id.

    Raises Conflict with code `company_connected_elsewhere` when another firm was quicker, `already_connected` when this
    firm has just connected another company of the provider, and `consent_ended` when the grant is gone again.
    """
    fresh = {
        **values,
        "status": "active",
        "error_code": "",
        "error_message": "",
        "revoked_at": None,
        "connected_at": func.now(),
        "next_due_at": func.now(),
        "next_nightly_at": func.now() + timedelta(hours=24),
        "updated_at": func.now(),
        "crashes": 0,
    }
    keys = {"firm_id": firm_id, "provider": provider, "company_id": company_id}
    # While the consent was gone nobody told us anything: all is read again at once.
    again = fresh | {"next_sync_at": func.now(), "next_nightly_at": func.now()}
    query = (
        insert(Connection)
        .values({**keys, **fresh})
        .on_conflict_do_update(index_elements=list(keys), set_=again)
        .returning(Connection.id)
    )
    try:
        return int((await session.execute(query)).scalar_one())
    except IntegrityError as error:
        if "uq_connections_company" in str(error.orig):
            raise elsewhere() from error
        if "uq_connections_live" in str(error.orig):
            message = "Another company of this provider was connected just now."
            raise Conflict(message, code="already_connected") from error
        if "fk_connections_grant_id" in str(error.orig):
            # One Xero user serves two firms, and the other one disconnected its last company in this very moment.
            message = "The consent was ended just now, through another connection of the same user."
            raise Conflict(message, code="consent_ended", who="admin", fix="Start connecting again.") from error
        raise


def elsewhere() -> Conflict:
    """The refusal of a company that another firm uses; it names nobody."""
    return Conflict(
        "This company is already connected by another organisation using this service.",
        code="company_connected_elsewhere",
        who="admin",
        fix="Disconnect it there first, or choose another company.",
    )


async def revoke(session: Session, firm_id: int, connection_id: int) -> None:
    """Mark a connection as ended and let go of its grant. Mappings and cursors stay for a reconnect."""
    await change(
        session,
        firm_id,
        connection_id,
        {
            "status": "revoked",
            "grant_id": None,
            "link_id": "",
            "error_code": "",
            "error_message": "",
            "revoked_at": func.now(),
            "next_due_at": None,
        },
    )


async def change(session: Session, firm_id: int, connection_id: int, values: Mapping[str, object]) -> None:
    """Set columns of one connection."""
    query = update(Connection).where(Connection.firm_id == firm_id, Connection.id == connection_id)
    await session.execute(query.values(**values, updated_at=func.now()))


async def expire(session: Session, grant_id: int, message: str) -> Sequence[tuple[int, int]]:
    """Mark every connection of a grant as expired, under the system role; returns (firm, connection) of each."""
    query = (
        update(Connection)
        .where(Connection.grant_id == grant_id, Connection.status.in_(("active", "error")))
        .values(status="expired", error_code="needs_reauth", error_message=message, updated_at=func.now())
        .returning(Connection.firm_id, Connection.id)
    )
    return [(row.firm_id, row.id) for row in await session.execute(query)]


async def revive(session: Session, grant_id: int) -> Sequence[tuple[int, int]]:
    """Make the expired connections of a renewed grant active again; returns (firm, connection) of each."""
    due = dict.fromkeys(("next_due_at", "next_sync_at", "next_nightly_at"), func.now())  # as after connecting again
    query = (
        update(Connection)
        .where(Connection.grant_id == grant_id, Connection.status == "expired")
        .values(status="active", error_code="", error_message="", updated_at=func.now(), **due)
        .returning(Connection.firm_id, Connection.id)
    )
    return [(row.firm_id, row.id) for row in await session.execute(query)]


async def owed(session: Session, firm_id: int, connection_ids: Collection[int]) -> dict[int, Owed]:
    """What is owed and what failed on each of these connections; those with neither are missing."""
    parts = [
        select(table.connection_id, table.accepted_at, table.sync_status).where(
            table.firm_id == firm_id, table.connection_id.in_(connection_ids), table.sync_status != "synced"
        )
        for table in MAPPINGS
    ]
    every = union_all(*parts).subquery()
    pending = every.c.sync_status == "pending"
    query = select(
        every.c.connection_id,
        func.count().filter(pending),
        func.min(every.c.accepted_at).filter(pending),
        func.count().filter(~pending),
    ).group_by(every.c.connection_id)
    return {row[0]: Owed(row[1], row[2], row[3]) for row in await session.execute(query)}


async def by_company(session: Session, provider: str, company_id: str) -> tuple[int, int] | None:
    """(firm, connection) that is connected to a company, under the system role."""
    query = select(Connection.firm_id, Connection.id).where(
        Connection.provider == provider, Connection.company_id == company_id, Connection.status != "revoked"
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row.firm_id, row.id)


async def is_asked(session: Session, firm_id: int, connection_id: int, action: str) -> bool:
    """Whether such a run waits or goes on already."""
    query = select(SyncRun.id).where(
        SyncRun.firm_id == firm_id,
        SyncRun.connection_id == connection_id,
        SyncRun.action == action,
        SyncRun.state.in_(("queued", "running")),
    )
    return (await session.execute(query.limit(1))).first() is not None
