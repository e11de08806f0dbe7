"""How far each kind has been read from a company."""

from sqlalchemy import func, select
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
    """Move the cursor, in the transaction that stored what it stands for."""
    values = {
        "firm_id": firm_id,
        "connection_id": connection_id,
        "kind": kind.value,
        "cursor": cursor,
        "last_success_at": func.now(),
    }
    statement = insert(SyncCursor).values(values)
    moved = {"cursor": statement.excluded.cursor, "last_success_at": func.now(), "updated_at": func.now()}
    await session.execute(statement.on_conflict_do_update(index_elements=["connection_id", "kind"], set_=moved))
