"""How far each kind has been read from a company."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.canonical import Kind
from app.db.session import Session
from app.db.sync_tables import SyncCursor


async def get(session: Session, firm_id: int, connection_id: int, kind: Kind) -> str | None:
    """The stored cursor, in the adapter's own words; None before the first read."""
    query = select(SyncCursor.cursor).where(
        SyncCursor.firm_id == firm_id, SyncCursor.connection_id == connection_id, SyncCursor.kind == kind.value
    )
    cursor: str | None = (await session.execute(query)).scalar_one_or_none()
    return cursor


async def save(session: Session, firm_id: int, connection_id: int, kind: Kind, cursor: str) -> None:
    """Move the cursor, in the transaction that stored what it stands for.

    The first time, what the list lacks becomes due to be looked at.
    """
    values = {
        "firm_id": firm_id,
        "connection_id": connection_id,
        "kind": kind.value,
        "cursor": cursor,
        "last_success_at": func.now(),
        "missing_due": func.now(),
    }
    statement = insert(SyncCursor).values(values)
    moved = {"cursor": statement.excluded.cursor, "last_success_at": func.now(), "updated_at": func.now()}
    await session.execute(statement.on_conflict_do_update(index_elements=["connection_id", "kind"], set_=moved))


async def missing_due(session: Session, firm_id: int, connection_id: int, kind: Kind) -> datetime | None:
    """When the first list was begun, if what it lacks is still to be looked at.

    After two weeks it is not any more: whatever makes that impossible must end, and a change feed does not reach back
    for ever. The daily sweep finds what is missing among the documents of its days.
    """
    query = select(SyncCursor.missing_due).where(
        SyncCursor.firm_id == firm_id,
        SyncCursor.connection_id == connection_id,
        SyncCursor.kind == kind.value,
        SyncCursor.missing_due > func.now() - timedelta(days=14),
    )
    begun: datetime | None = (await session.execute(query)).scalar_one_or_none()
    return begun


async def looked_at_missing(session: Session, firm_id: int, connection_id: int, kind: Kind) -> None:
    """Note that all that the first list lacks was looked at."""
    await session.execute(
        update(SyncCursor)
        .where(
            SyncCursor.firm_id == firm_id,
            SyncCursor.connection_id == connection_id,
            SyncCursor.kind == kind.value,
            SyncCursor.missing_due.is_not(None),
        )
        .values(missing_due=None, updated_at=func.now())
    )
