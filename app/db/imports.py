"""The log of what came in as files, and the entries that have the numbers of a file."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, select

from app.db.bulk import among
from app.db.file_tables import ImportBatch
from app.db.ledger_tables import JournalEntry
from app.db.reading import Reads
from app.db.session import Session
from app.errors import NotFound

BatchRow = Row[Any]
_SHOWN = [column for column in ImportBatch.__table__.columns if column.name not in ("errors", "rejected")]


async def log(session: Session, firm_id: int, values: Mapping[str, object]) -> int:
    """Note a file that was read; returns the batch's id."""
    made = await session.execute(insert(ImportBatch).values(firm_id=firm_id, **values).returning(ImportBatch.id))
    return int(made.scalar_one())


async def get(session: Reads, firm_id: int, batch_id: int) -> BatchRow:
    """One batch with its errors and its rejected rows. Raises NotFound."""
    query = select(ImportBatch).where(ImportBatch.firm_id == firm_id, ImportBatch.id == batch_id)
    row: Any = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("There is no such import.", record={"kind": "import_batch", "id": batch_id})
    found: BatchRow = row
    return found


async def page(
    session: Reads, firm_id: int, *, provider: str | None, after: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Batches, newest first, without their errors; `after` is the last id seen."""
    query = select(*_SHOWN).where(ImportBatch.firm_id == firm_id).order_by(ImportBatch.id.desc()).limit(limit)
    if provider is not None:
        query = query.where(ImportBatch.provider == provider)
    if after is not None:
        query = query.where(ImportBatch.id < after)
    return (await session.execute(query)).all()


async def entries_numbered(session: Session, firm_id: int, numbers: Collection[str]) -> Sequence[Row[Any]]:
    """The firm's entries with these numbers, without their lines."""
    query = select(JournalEntry).where(JournalEntry.firm_id == firm_id, among(JournalEntry.number, numbers))
    return (await session.execute(query)).all()


async def currencies_used(session: Session, firm_id: int) -> list[str]:
    """The currencies of the firm's journal entries, at most two."""
    query = select(JournalEntry.currency).where(JournalEntry.firm_id == firm_id).distinct().limit(2)
    return list((await session.execute(query)).scalars())
