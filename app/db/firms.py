"""Firms: our tenants."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select, text, update

from app.db.reading import Reads
from app.db.session import Session
from app.db.tables import Firm
from app.errors import NotFound

FirmRow = Row[Any]


async def create(session: Session, *, name: str, time_zone: str) -> int:
    """A new firm; returns its id. System role."""
    return int(
        (await session.execute(insert(Firm).values(name=name, time_zone=time_zone).returning(Firm.id))).scalar_one()
    )


async def every(session: Session) -> Sequence[FirmRow]:
    """All firms, oldest first. System or operator role."""
    return (await session.execute(select(Firm).order_by(Firm.id))).all()


async def get(session: Reads, firm_id: int, *, lock: bool = False) -> FirmRow:
    """One firm; with `lock`, nobody else changes it before the transaction ends. Raises NotFound."""
    query = select(Firm).where(Firm.id == firm_id)
    row = (await session.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise NotFound("There is no such firm.", record={"kind": "firm", "id": firm_id})
    return row


async def change(session: Session, firm_id: int, values: Mapping[str, object]) -> None:
    """Set columns of the firm."""
    await session.execute(update(Firm).where(Firm.id == firm_id).values(**values, updated_at=func.now()))


async def is_time_zone(session: Session, name: str) -> bool:
    """Whether the server knows a time zone; it is the server that computes the firm's today."""
    found = await session.execute(text("SELECT 1 FROM pg_timezone_names WHERE name = :name"), {"name": name})
    return found.one_or_none() is not None


async def lock_books(session: Session, firm_id: int) -> None:
    """Let one writer at a time change the firm's books, until the transaction ends.

    Two bulk upserts of the same records would otherwise both insert them, or wait for each other's rows.
    """
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('books', :firm))"),
        {"firm": firm_id},
    )
