"""Mappings of our records: what is owed to which company, and what became of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select

from app.canonical import Kind, ProviderName
from app.db.kinds import PUSHED, MappingTable
from app.db.ledger_tables import JournalEntry
from app.db.mapping_sql import AUTO, COUNTS, NAMED, OTHER_HOMES, OWED_AT_HOME, UNPLACED
from app.db.reading import Reads
from app.db.session import Session
from app.db.tables import Client, Connection, Invoice
from app.errors import NotFound

MappingRow = Row[Any]
TABLES: Mapping[Kind, MappingTable] = {kind: known.table for kind, known in PUSHED.items()}
RECORDS: Mapping[Kind, type[Client | Invoice | JournalEntry]] = {
    Kind.customer: Client,
    Kind.invoice: Invoice,
    Kind.journal_entry: JournalEntry,
}
RECORD_COLUMN: Mapping[Kind, str] = {kind: known.record for kind, known in PUSHED.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """What asking for a push made of one record: its mapping, where, and the state it is in now."""

    mapping_id: int
    record_id: int
    connection_id: int
    state: str


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What a remote copy of one of our documents is compared to."""

    total: Decimal
    status: str
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which of the records that are owed somewhere; None leaves a bound open. Dates are inclusive."""

    date_from: date | None = None
    date_to: date | None = None
    status: str | None = None
    client_id: int | None = None


EVERYTHING = Part()


async def auto_push(session: Session, firm_id: int, kind: Kind, record_ids: Sequence[int]) -> set[int]:
    """Make owed at their home, or leave out by a rule, what was just changed; returns the connections to wake."""
    if not record_ids:
        return set()
    await session.execute(OTHER_HOMES[kind], {"firm": firm_id, "ids": list(record_ids)})
    parameters = {"firm": firm_id, "ids": list(record_ids), "priority": 30, "run": None}
    rows = await session.execute(AUTO[kind], parameters)
    return {row.connection_id for row in rows if row.state == "pending"}


async def ask(
    session: Session,
    firm_id: int,
    kind: Kind,
    connection_id: int,
    record_ids: Sequence[int] | None,
    *,
    part: Part = EVERYTHING,
    priority: int,
    run_id: int | None,
) -> list[Asked]:
    """Make these records owed to this company, whatever the automatic switches say.

    Without ids: all whose home it is, or a `part` of them.
    """
    parameters: dict[str, object] = {"firm": firm_id, "connection": connection_id, "priority": priority, "run": run_id}
    if record_ids is not None:
        parameters["ids"] = list(record_ids)
    else:
        parameters |= asdict(part)
    statement = OWED_AT_HOME[kind] if record_ids is None else NAMED[kind]
    rows = await session.execute(statement, parameters)
    return [Asked(row.id, row.record_id, row.connection_id, row.state) for row in rows]


async def get(session: Reads, firm_id: int, kind: Kind, mapping_id: int) -> MappingRow:
    """One mapping with its record's facts. Raises NotFound."""
    rows = await page(session, firm_id, kind, mapping_id=mapping_id, limit=1)
    if not rows:
        raise NotFound("There is no such mapping.", record={"kind": f"{kind}_mapping", "id": mapping_id})
    return rows[0]


async def page(  # noqa: PLR0913  (each filter of the two public lists is one argument)
    session: Reads,
    firm_id: int,
    kind: Kind,
    *,
    after: int | None = None,
    limit: int = 100,
    mapping_id: int | None = None,
    connection_id: int | None = None,
    record_id: int | None = None,
    sync_status: str | None = None,
    state: str | None = None,
    code: str | None = None,
) -> Sequence[MappingRow]:
    """Mappings of the firm in order of id."""
    table = TABLES[kind]
    query = select(table).where(table.firm_id == firm_id).order_by(table.id).limit(limit)
    if after is not None:
        query = query.where(table.id > after)
    if mapping_id is not None:
        query = query.where(table.id == mapping_id)
    if connection_id is not None:
        query = query.where(table.connection_id == connection_id)
    if record_id is not None:
        query = query.where(getattr(table, RECORD_COLUMN[kind]) == record_id)
    if sync_status is not None:
        query = query.where(table.sync_status == sync_status)
    if state is not None:
        query = query.where(table.state == state)
    if code is not None:
        query = query.where(table.fault["code"].astext == code)
    return (await session.execute(query)).all()


async def for_record(
    session: Session, firm_id: int, kind: Kind, connection_id: int, record_id: int
) -> MappingRow | None:
    """The mapping of one record in one company."""
    rows = await page(session, firm_id, kind, connection_id=connection_id, record_id=record_id, limit=1)
    return rows[0] if rows else None


async def by_external_id(
    session: Session, firm_id: int, kind: Kind, connection_id: int, external_id: str
) -> MappingRow | None:
    """The mapping that is linked to this id of the company's."""
    table = TABLES[kind]
    query = select(table).where(
        table.firm_id == firm_id, table.connection_id == connection_id, table.external_id == external_id
    )
    return (await session.execute(query)).one_or_none()


async def linked(
    session: Session, firm_id: int, kind: Kind, connection_id: int, external_ids: Collection[str]
) -> frozenset[str]:
    """Which of these ids of the company's are linked to records of ours; none where we have no such kind."""
    table = TABLES.get(kind)
    if table is None:
        return frozenset()
    query = select(table.external_id).where(
        table.firm_id == firm_id, table.connection_id == connection_id, table.external_id.in_(external_ids)
    )
    return frozenset(str(found) for found in (await session.execute(query)).scalars())


async def revision_of(session: Session, firm_id: int, kind: Kind, mapping: MappingRow) -> int:
    """The present revision of a mapping's record of ours."""
    table = RECORDS[kind]
    record_id = getattr(mapping, RECORD_COLUMN[kind])
    query = select(table.revision).where(table.firm_id == firm_id, table.id == record_id)
    return int((await session.execute(query)).scalar_one())


async def has_ended(session: Session, firm_id: int, kind: Kind, mapping: MappingRow) -> bool:
    """Whether a mapping's record of ours is void or inactive."""
    table: Any = RECORDS[kind]
    ended = ~table.active if kind is Kind.customer else table.status == "void"
    record_id = getattr(mapping, RECORD_COLUMN[kind])
    return bool((await session.execute(select(ended).where(table.firm_id == firm_id, table.id == record_id))).scalar())


async def providers_holding(session: Session, firm_id: int, kind: Kind, record_id: int) -> set[ProviderName]:
    """The providers at which a record of ours is, or may be; not where it was seen to be deleted."""
    table = TABLES[kind]
    there = table.external_id.is_not(None) & table.fault["code"].astext.is_distinct_from("deleted_there")
    query = (
        select(Connection.provider)
        .join(table, table.connection_id == Connection.id)
        .where(
            table.firm_id == firm_id,
            getattr(table, RECORD_COLUMN[kind]) == record_id,
            there | table.state.in_(("in_flight", "unknown")),
        )
    )
    return {ProviderName(provider) for provider in (await session.execute(query)).scalars()}


async def document_facts(session: Session, firm_id: int, kind: Kind, mapping: MappingRow) -> DocumentFacts:
    """Total, status and revision of the invoice or journal entry of a mapping."""
    table = Invoice if kind is Kind.invoice else JournalEntry
    query = select(table.total, table.status, table.revision).where(
        table.firm_id == firm_id, table.id == getattr(mapping, RECORD_COLUMN[kind])
    )
    row: Any = (await session.execute(query)).one()
    return DocumentFacts(row.total, row.status, row.revision)


async def state_counts(session: Session, firm_id: int) -> Sequence[Row[Any]]:
    """Per connection, kind, state and (where left out) rule: how many, and since when the oldest was accepted."""
    return (await session.execute(COUNTS, {"firm": firm_id})).all()


async def unplaced(session: Session, firm_id: int) -> dict[str, int]:
    """Per kind, how many records could be pushed if only they had a home."""
    return {row.kind: row.n for row in await session.execute(UNPLACED, {"firm": firm_id})}
