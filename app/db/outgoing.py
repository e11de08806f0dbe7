"""What a push needs to read: the owed mappings of one kind with their records, and the firm's code mappings."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select, text, update

from app.canonical import Kind
from app.db.base import Json
from app.db.mappings import TABLES
from app.db.session import Session
from app.db.sync_tables import AccountMapping, ItemMapping, TaxMapping
from app.db.tables import Connection, Invoice, InvoiceLine
from app.db.work import Scope

OwedRow = Row[Any]

_CUSTOMERS = text(
    """
    SELECT m.id AS mapping_id, m.external_id, m.version, m.wanted, m.attempt, m.generation, m.failures, m.run_id,
           c.id AS record_id, c.revision, c.name, c.email, c.phone, c.company_name, c.currency, c.tax_number,
           c.billing_address, c.notes, c.active
    FROM customer_sync_mappings m JOIN clients c ON c.firm_id = m.firm_id AND c.id = m.client_id
    WHERE m.firm_id = :firm AND m.connection_id = :id AND m.state = 'pending' AND m.next_due_at <= now()
      AND (:automatic OR m.run_id IS NOT NULL)
    ORDER BY m.priority, m.id LIMIT :limit FOR UPDATE OF m
    """
)
_INVOICES = text(
    """
    SELECT m.id AS mapping_id, m.external_id, m.version, m.wanted, m.attempt, m.generation, m.failures, m.run_id,
           i.id AS record_id, i.revision, i.status, i.number, i.issue_date, i.due_date, i.currency, i.tax_mode, i.memo,
           i.private_note, i.subtotal, i.tax_total, i.total, i.client_id, m.priority,
           c.name AS client_name, cm.external_id AS customer_external_id, cm.state AS customer_state
    FROM invoice_sync_mappings m
    JOIN invoices i ON i.firm_id = m.firm_id AND i.id = m.invoice_id
    JOIN clients c ON c.firm_id = i.firm_id AND c.id = i.client_id
    LEFT JOIN customer_sync_mappings cm ON cm.connection_id = m.connection_id AND cm.client_id = i.client_id
    WHERE m.firm_id = :firm AND m.connection_id = :id AND m.state = 'pending' AND m.next_due_at <= now()
      AND (:automatic OR m.run_id IS NOT NULL)
    ORDER BY m.priority, m.id LIMIT :limit FOR UPDATE OF m
    """
)
_RELEASE_WAITING = text(
    """
    UPDATE invoice_sync_mappings m SET state = 'pending', sync_error = '', fault = '{}'::jsonb, next_due_at = now(),
        updated_at = now()
    FROM invoices i
    WHERE m.firm_id = :firm AND m.connection_id = :id AND m.state = 'waiting' AND i.firm_id = m.firm_id
      AND i.id = m.invoice_id AND i.client_id = ANY(:clients)
    """
)


@dataclass(frozen=True, slots=True)
class Codes:
    """Internal code → the provider's, one connection's overrides applied."""

    accounts: Mapping[str, str]
    taxes: Mapping[str, str]
    items: Mapping[str, str]


async def owed(session: Session, firm_id: int, scope: Scope, kind: Kind, limit: int) -> Sequence[OwedRow]:
    """The most urgent owed mappings with their records, locked until the transaction ends."""
    statement = _CUSTOMERS if kind is Kind.customer else _INVOICES
    given = {"firm": firm_id, "id": scope.connection_id, "automatic": scope.automatic, "limit": limit}
    return (await session.execute(statement, given)).all()


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


async def unchanged(session: Session, firm_id: int, rows: Sequence[OwedRow]) -> list[OwedRow]:
    """Those owed invoices that nobody has edited since they were read: their lines, read after them, belong to them."""
    query = select(Invoice.id, Invoice.revision).where(
        Invoice.firm_id == firm_id, Invoice.id.in_([row.record_id for row in rows])
    )
    now_at = {row.id: row.revision for row in await session.execute(query)}
    return [row for row in rows if now_at.get(row.record_id) == row.revision]


async def lock(session: Session, firm_id: int, kind: Kind, mapping_ids: Sequence[int]) -> None:
    """Hold these mappings until the transaction ends."""
    table = TABLES[kind]
    query = select(table.id).where(table.firm_id == firm_id, table.id.in_(mapping_ids)).order_by(table.id)
    await session.execute(query.with_for_update())


async def codes(session: Session, firm_id: int, provider: str, connection_id: int) -> Codes:
    """All code mappings that count for one connection."""
    found = []
    for table in (AccountMapping, TaxMapping, ItemMapping):
        query = (
            select(table.internal_code, table.external_code)
            .where(
                table.firm_id == firm_id,
                table.provider == provider,
                (table.connection_id == connection_id) | table.connection_id.is_(None),
            )
            .order_by(table.connection_id.is_not(None))
        )
        found.append({row.internal_code: row.external_code for row in await session.execute(query)})
    return Codes(*found)


async def mark(session: Session, firm_id: int, kind: Kind, mapping_id: int, **values: Any) -> None:
    """Set columns of one mapping."""
    table = TABLES[kind]
    await session.execute(
        update(table).where(table.firm_id == firm_id, table.id == mapping_id).values(updated_at=func.now(), **values)
    )


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
    """Invoices that waited for these clients are owed again."""
    if client_ids:
        given = {"firm": firm_id, "id": connection_id, "clients": list(client_ids)}
        await session.execute(_RELEASE_WAITING, given)


async def touch_connection(session: Session, firm_id: int, connection_id: int, values: Json) -> None:
    """Set columns of the connection."""
    await session.execute(
        update(Connection).where(Connection.firm_id == firm_id, Connection.id == connection_id).values(values)
    )
