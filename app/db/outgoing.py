"""What a push needs to read: the owed mappings of one kind with their records, and the firm's code mappings."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, TextClause, func, select, text, update

from app.canonical import Kind
from app.db import run_control
from app.db.base import Json
from app.db.kinds import PUSHED
from app.db.mappings import RECORDS, TABLES
from app.db.session import Session
from app.db.sync_tables import AccountMapping, ItemMapping, TaxMapping
from app.db.tables import Connection, InvoiceLine
from app.db.work import Scope
from app.errors import Fault

OwedRow = Row[Any]
NEEDS_SOMEBODY = ("error", "conflict", "parked")

_OWED = """
    SELECT m.id AS mapping_id, m.external_id, m.version, m.wanted, m.attempt, m.generation, m.failures, m.run_id,
           m.priority, EXISTS (SELECT 1 FROM remote_records k WHERE k.connection_id = m.connection_id
               AND k.kind = '{kind}' AND k.external_id = m.external_id AND k.gone) AS gone, {columns}
    WHERE m.firm_id = :firm AND m.connection_id = :id AND m.state = 'pending' AND m.next_due_at <= now()
      AND (:automatic OR m.run_id IS NOT NULL)
    ORDER BY m.priority, m.id LIMIT :limit FOR UPDATE OF m
    """
_RECORDS: Mapping[Kind, TextClause] = {
    kind: text(_OWED.format(kind=kind, columns=columns))
    for kind, columns in {
        Kind.customer: """
           c.id AS record_id, c.revision, c.name, c.email, c.phone, c.company_name, c.currency, c.tax_number,
           c.billing_address, c.notes, c.active, CASE WHEN c.active THEN 'active' ELSE 'archived' END AS status
    FROM customer_sync_mappings m JOIN clients c ON c.firm_id = m.firm_id AND c.id = m.client_id""",
        Kind.invoice: """
           i.id AS record_id, i.revision, i.status, i.number, i.issue_date, i.due_date, i.currency, i.tax_mode, i.memo,
           i.private_note, i.subtotal, i.tax_total, i.total, i.client_id,
           c.name AS client_name, cm.external_id AS customer_external_id, cm.state AS customer_state
    FROM invoice_sync_mappings m
    JOIN invoices i ON i.firm_id = m.firm_id AND i.id = m.invoice_id
    JOIN clients c ON c.firm_id = i.firm_id AND c.id = i.client_id
    LEFT JOIN customer_sync_mappings cm ON cm.connection_id = m.connection_id AND cm.client_id = i.client_id""",
        Kind.journal_entry: """
           j.id AS record_id, j.revision, j.status, j.number, j.entry_date, j.narration, j.currency, j.total
    FROM journal_entry_sync_mappings m
    JOIN journal_entries j ON j.firm_id = m.firm_id AND j.id = m.journal_entry_id""",
    }.items()
}
# The sides of entries with the customers they name, as far as those are at this company.
_SIDES = text(
    """
    SELECT l.journal_entry_id, l.account_code, l.debit, l.credit, l.description, l.tax_code, l.tracking, l.client_id,
           c.name AS client_name, cm.external_id AS customer_external_id, cm.state AS customer_state
    FROM journal_lines l
    LEFT JOIN clients c ON c.firm_id = l.firm_id AND c.id = l.client_id
    LEFT JOIN customer_sync_mappings cm ON cm.connection_id = :id AND cm.client_id = l.client_id
    WHERE l.firm_id = :firm AND l.journal_entry_id = ANY(:entries) ORDER BY l.journal_entry_id, l.position
    """
)
_RELEASE_WAITING = {
    kind: text(
        f"""
        UPDATE {PUSHED[kind].mappings} m SET state = 'pending', sync_error = '', fault = '{{}}'::jsonb,
            next_due_at = now(), updated_at = now()
        WHERE m.firm_id = :firm AND m.connection_id = :id AND m.state = 'waiting' AND EXISTS (
            SELECT 1 FROM {documents} d
            WHERE d.firm_id = m.firm_id AND d.{key} = m.{PUSHED[kind].record} AND d.client_id = ANY(:clients))
        RETURNING m.id
        """
    )
    for kind, documents, key in (
        (Kind.invoice, "invoices", "id"),
        (Kind.journal_entry, "journal_lines", "journal_entry_id"),
    )
}


@dataclass(frozen=True, slots=True)
class Codes:
    """Internal code → the provider's, one connection's overrides applied."""

    accounts: Mapping[str, str]
    taxes: Mapping[str, str]
    items: Mapping[str, str]


async def owed(session: Session, firm_id: int, scope: Scope, kind: Kind, limit: int) -> Sequence[OwedRow]:
    """The most urgent owed mappings with their records, locked until the transaction ends."""
    given = {"firm": firm_id, "id": scope.connection_id, "automatic": scope.automatic, "limit": limit}
    return (await session.execute(_RECORDS[kind], given)).all()


async def lines_of(session: Session, firm_id: int, invoice_ids: Sequence[int]) -> Mapping[int, list[Row[Any]]]:
    """The lines of these invoices, in order."""
    query = (
        select(InvoiceLine)
        .where(InvoiceLine.firm_id == firm_id, InvoiceLine.invoice_id.in_(invoice_ids))
        .order_by(InvoiceLine.invoice_id, InvoiceLine.position)
    )
    lines: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in await session.execute(query):
        lines[row.invoice_id].append(row)
    return lines


async def sides_of(
    session: Session, firm_id: int, connection_id: int, entry_ids: Sequence[int]
) -> Mapping[int, list[Row[Any]]]:
    """The lines of these journal entries, in order, with their customers at this company."""
    lines: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in await session.execute(_SIDES, {"firm": firm_id, "id": connection_id, "entries": list(entry_ids)}):
        lines[row.journal_entry_id].append(row)
    return lines


async def unchanged(session: Session, firm_id: int, kind: Kind, rows: Sequence[OwedRow]) -> list[OwedRow]:
    """Those owed records that nobody has edited since they were read: their lines, read after them, belong to them."""
    table = RECORDS[kind]
    query = select(table.id, table.revision).where(
        table.firm_id == firm_id, table.id.in_([row.record_id for row in rows])
    )
    now_at = {row.id: row.revision for row in await session.execute(query)}
    return [row for row in rows if now_at.get(row.record_id) == row.revision]


async def lock(session: Session, firm_id: int, kind: Kind, mapping_ids: Sequence[int]) -> None:
    """Hold these mappings until the transaction ends."""
    table = TABLES[kind]
    query = select(table.id).where(table.firm_id == firm_id, table.id.in_(mapping_ids)).order_by(table.id)
    await session.execute(query.with_for_update())


async def codes(session: Session, firm_id: int, provider: str, connection_id: int) -> Codes:
    """All code mappings that count for one connection; one that a file brought may know the name there alone."""
    found = []
    for table in (AccountMapping, TaxMapping, ItemMapping):
        query = (
            select(table.internal_code, table.external_code)
            .where(
                table.firm_id == firm_id,
                table.provider == provider,
                table.external_code != "",
                (table.connection_id == connection_id) | table.connection_id.is_(None),
            )
            .order_by(table.connection_id.is_not(None))
        )
        found.append({row.internal_code: row.external_code for row in await session.execute(query)})
    return Codes(*found)


def as_wanted(revision: int) -> dict[str, Any]:
    """Columns of a mapping: the record there is as our `revision` asks for, and nothing is owed."""
    return {"state": "synced", "sync_error": "", "fault": {}, "base_revision": revision}


def with_fault(state: str, fault: Fault) -> dict[str, Any]:
    """Columns of a mapping: it is in this state because of the fault."""
    return {"state": state, "sync_error": fault.sentence(), "fault": asdict(fault)}


async def mark(session: Session, firm_id: int, kind: Kind, mapping_id: int, **values: Any) -> None:
    """Set columns of one mapping; what needs a person is remembered beyond its cure."""
    table = TABLES[kind]
    if values.get("state") in NEEDS_SOMEBODY and values.get("fault"):
        values |= {"troubled_code": values["fault"].get("code", ""), "troubled_at": func.now()}
    await session.execute(
        update(table).where(table.firm_id == firm_id, table.id == mapping_id).values(updated_at=func.now(), **values)
    )


async def external_ids(session: Session, firm_id: int, kind: Kind, mapping_ids: Sequence[int]) -> list[str]:
    """The provider's ids of these mappings, as far as they have one."""
    table = TABLES[kind]
    query = select(table.external_id).where(
        table.firm_id == firm_id, table.id.in_(mapping_ids), table.external_id.is_not(None)
    )
    return [str(row.external_id) for row in await session.execute(query)]


def now() -> Any:
    """A column value: now, by the database's clock."""
    return func.now()


def in_future(wait: timedelta) -> Any:
    """A column value: now, by the database's clock, plus `wait`."""
    return text("now() + make_interval(secs => :seconds)").bindparams(seconds=wait.total_seconds())


async def taken_by_other(
    session: Session, firm_id: int, kind: Kind, connection_id: int, external_id: str, mapping_id: int
) -> bool:
    """Whether another of our records is already linked to this external id."""
    table = TABLES[kind]
    query = select(table.id).where(
        table.firm_id == firm_id,
        table.connection_id == connection_id,
        table.external_id == external_id,
        table.id != mapping_id,
    )
    return (await session.execute(query)).first() is not None


async def release_waiting(session: Session, firm_id: int, connection_id: int, client_ids: Sequence[int]) -> None:
    """Documents that waited for these clients are owed again, unless the run that pushes them is paused."""
    if client_ids:
        given = {"firm": firm_id, "id": connection_id, "clients": list(client_ids)}
        for kind, statement in _RELEASE_WAITING.items():
            released = [row.id for row in await session.execute(statement, given)]
            await run_control.hold(session, firm_id, kind, released)


async def touch_connection(session: Session, firm_id: int, connection_id: int, values: Json) -> None:
    """Set columns of the connection."""
    await session.execute(
        update(Connection).where(Connection.firm_id == firm_id, Connection.id == connection_id).values(values)
    )
