"""Journal entries: the firm's own general journals."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, exists, func, or_, select, update

from app.db.bulk import among
from app.db.ledger_tables import JournalEntry, JournalEntrySyncMapping, JournalLine
from app.db.listing import among_given, one_of, page_of
from app.db.reading import Reads
from app.db.session import Session
from app.db.tables import Client
from app.errors import NotFound

EntryRow = Row[*tuple[Any, ...]]
LineRow = Row[*tuple[Any, ...]]

_CHANGED = exists().where(
    JournalEntrySyncMapping.firm_id == JournalEntry.firm_id,
    JournalEntrySyncMapping.journal_entry_id == JournalEntry.id,
    JournalEntrySyncMapping.external_id.is_not(None),
    JournalEntrySyncMapping.base_revision < JournalEntry.revision,
)
_SELECT = select(JournalEntry, _CHANGED.label("changed_since_sync"))
_ONE, _PAGE = one_of(_SELECT, JournalEntry), page_of(_SELECT, JournalEntry)
_LINES = (
    select(JournalLine, Client.external_ref.label("client_ref"))
    .outerjoin(Client, and_(Client.firm_id == JournalLine.firm_id, Client.id == JournalLine.client_id))
    .where(JournalLine.firm_id == bindparam("firm"), among_given(JournalLine.journal_entry_id))
    .order_by(JournalLine.journal_entry_id, JournalLine.position)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of entries may be narrowed by; bounds are inclusive."""

    external_ref: str | None = None
    number: str | None = None
    status: str | None = None
    date_from: date | None = None
    date_to: date | None = None
    updated_since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filters that are set, as SQL."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return [_NARROW[name](value) for name, value in given.items() if value is not None]


_NARROW: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "external_ref": lambda ref: JournalEntry.external_ref == ref,
    "number": lambda number: JournalEntry.number == number,
    "status": lambda status: JournalEntry.status == status,
    "date_from": lambda day: JournalEntry.entry_date >= day,
    "date_to": lambda day: JournalEntry.entry_date <= day,
    "updated_since": lambda moment: JournalEntry.updated_at >= moment,
}


async def get(session: Reads, firm_id: int, entry_id: int) -> EntryRow:
    """One entry, without its lines. Raises NotFound."""
    row = (await session.execute(_ONE, {"firm": firm_id, "id": entry_id})).one_or_none()
    if row is None:
        raise NotFound("There is no such journal entry.", record={"kind": "journal_entry", "id": entry_id})
    return row


async def page(session: Reads, firm_id: int, filters: Filters, *, after: int | None, limit: int) -> Sequence[EntryRow]:
    """Entries in order of id, without their lines."""
    conditions = filters.conditions()
    query = _PAGE.where(*conditions) if conditions else _PAGE
    return (await session.execute(query, {"firm": firm_id, "after": after or 0, "limit": limit})).all()


async def lines_of(session: Reads, firm_id: int, entry_ids: Collection[int]) -> Mapping[int, list[LineRow]]:
    """The lines of several entries, in their order, with `client_ref`."""
    lines: defaultdict[int, list[LineRow]] = defaultdict(list)
    for row in await session.execute(_LINES, {"firm": firm_id, "ids": list(entry_ids)}):
        lines[row.journal_entry_id].append(row)
    return lines


async def named(session: Session, firm_id: int, ids: Collection[int], refs: Collection[str]) -> Sequence[EntryRow]:
    """The entries with these ids or external refs, locked until the transaction ends."""
    wanted = or_(among(JournalEntry.id, ids), among(JournalEntry.external_ref, refs))
    query = select(JournalEntry).where(JournalEntry.firm_id == firm_id, wanted).order_by(JournalEntry.id)
    return (await session.execute(query.with_for_update())).all()


async def holders(session: Session, firm_id: int, numbers: Collection[str]) -> dict[str, int]:
    """Which entry has which of these numbers."""
    query = select(JournalEntry.number, JournalEntry.id).where(
        JournalEntry.firm_id == firm_id, among(JournalEntry.number, numbers)
    )
    return {row.number: row.id for row in await session.execute(query)}


async def drop_lines(session: Session, firm_id: int, entry_ids: Sequence[int]) -> None:
    """Remove the lines of entries that are about to get new ones."""
    await session.execute(
        delete(JournalLine).where(JournalLine.firm_id == firm_id, among(JournalLine.journal_entry_id, entry_ids))
    )


async def void(session: Session, firm_id: int, entry_id: int) -> None:
    """Mark as void, as a change that the provider must learn."""
    await session.execute(
        update(JournalEntry)
        .where(JournalEntry.firm_id == firm_id, JournalEntry.id == entry_id)
        .values(status="void", revision=JournalEntry.revision + 1, updated_at=func.now())
    )
