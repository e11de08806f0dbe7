"""Mappings of customers and invoices: what is owed to which company, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, TextClause, select, text

from app.canonical import Kind
from app.db.session import Session
from app.db.sync_tables import CustomerSyncMapping, InvoiceSyncMapping
from app.db.tables import Invoice
from app.errors import NotFound

MappingRow = Row[Any]
TABLES: Mapping[Kind, type[CustomerSyncMapping] | type[InvoiceSyncMapping]] = {
    Kind.customer: CustomerSyncMapping,
    Kind.invoice: InvoiceSyncMapping,
}
RECORD_COLUMN = {Kind.customer: "client_id", Kind.invoice: "invoice_id"}
RECORD_TABLE = {Kind.customer: "clients", Kind.invoice: "invoices"}

# A client's home, its firm's default, or the only connection there is. Needs `c` (clients) and `f` (firms).
HOME = """coalesce(c.connection_id, f.default_connection_id,
    (SELECT min(only_one.id) FROM connections only_one
     WHERE only_one.firm_id = c.firm_id AND only_one.status <> 'revoked' HAVING count(*) = 1))"""

_SOURCE = {
    Kind.customer: """
        SELECT c.firm_id, c.id AS record_id, c.revision, c.name AS label, NULL::date AS dated, {home} AS home,
               CASE WHEN c.active THEN 'keep' ELSE 'deactivate' END AS fate, true AS ready
        FROM clients c JOIN firms f ON f.id = c.firm_id WHERE c.firm_id = :firm {narrow}""",
    Kind.invoice: """
        SELECT c.firm_id, i.id AS record_id, i.revision, i.number AS label, i.issue_date AS dated, {home} AS home,
               CASE WHEN i.status = 'void' THEN 'void' ELSE 'keep' END AS fate, i.status <> 'draft' AS ready
        FROM invoices i JOIN clients c ON c.firm_id = i.firm_id AND c.id = i.client_id
        JOIN firms f ON f.id = c.firm_id WHERE i.firm_id = :firm {narrow}""",
}

# What a change asks for. Records that never reached the company and are void or inactive ask for nothing.
_UPSERT = """
WITH source AS ({source}),
target AS (
    SELECT s.*, k.id AS connection_id, coalesce(k.update_policy, f.update_policy) AS policy
    FROM source s
    JOIN firms f ON f.id = s.firm_id
    JOIN connections k ON k.firm_id = s.firm_id AND k.id = {place} AND k.status <> 'revoked'
    WHERE s.ready {switches}
)
INSERT INTO {table} AS m (firm_id, connection_id, {record}, wanted, priority, run_id, {label})
SELECT t.firm_id, t.connection_id, t.record_id, 'create', :priority, :run, t.label FROM target t
LEFT JOIN {table} known ON known.connection_id = t.connection_id AND known.{record} = t.record_id
WHERE t.fate = 'keep' OR known.id IS NOT NULL
ON CONFLICT (connection_id, {record}) DO UPDATE SET
    {label} = CASE WHEN m.external_id IS NULL THEN EXCLUDED.{label} ELSE m.{label} END,
    priority = least(m.priority, EXCLUDED.priority),
    run_id = CASE WHEN EXCLUDED.run_id IS NULL AND ({state}) = 'pending' AND m.state NOT IN {on_its_way} THEN NULL
        ELSE coalesce(EXCLUDED.run_id, m.run_id) END,
    failures = CASE WHEN m.state IN ('error', 'conflict', 'parked') THEN 0 ELSE m.failures END,
    wanted = {wanted},
    state = {state},
    fault = CASE WHEN ({state}) = 'excluded' THEN
        jsonb_build_object('code', 'updates_off', 'message', 'Changes of this kind are not pushed by this connection.')
        WHEN ({state}) = 'pending' THEN '{{}}'::jsonb ELSE m.fault END,
    sync_error = CASE WHEN ({state}) IN ('pending', 'superseded') THEN '' ELSE m.sync_error END,
    accepted_at = CASE WHEN ({state}) = 'pending' AND m.state NOT IN {on_its_way} THEN now() ELSE m.accepted_at END,
    next_due_at = CASE WHEN ({state}) = 'pending' THEN now() ELSE m.next_due_at END,
    updated_at = now()
RETURNING m.id, m.{record} AS record_id, m.connection_id, m.state
"""
_REVISION = "(SELECT r.revision FROM {records} r WHERE r.firm_id = m.firm_id AND r.id = m.{record})"
_FATE = {
    Kind.customer: "(SELECT CASE WHEN r.active THEN 'keep' ELSE 'deactivate' END FROM clients r "
    "WHERE r.firm_id = m.firm_id AND r.id = m.client_id)",
    Kind.invoice: "(SELECT CASE WHEN r.status = 'void' THEN 'void' ELSE 'keep' END FROM invoices r "
    "WHERE r.firm_id = m.firm_id AND r.id = m.invoice_id)",
}
_POLICY = (
    "(SELECT coalesce(k.update_policy, f.update_policy) FROM connections k JOIN firms f ON f.id = k.firm_id "
    "WHERE k.id = m.connection_id)"
)
# A write that is under way is never disturbed: its outcome is stored first, then the newer revision is owed again.
_STATE = """CASE
    WHEN m.state IN ('in_flight', 'unknown') THEN m.state
    WHEN m.external_id IS NULL AND {fate} <> 'keep' THEN 'superseded'
    WHEN m.external_id IS NOT NULL AND m.base_revision >= {revision}
         AND m.state IN ('synced', 'unchanged', 'conflict', 'excluded') THEN m.state
    WHEN m.external_id IS NULL OR {fate} <> 'keep' OR {policy} IN ({permitting}) THEN 'pending'
    WHEN m.state = 'conflict' THEN m.state
    ELSE 'excluded' END"""
_WANTED = "CASE WHEN m.external_id IS NULL THEN 'create' WHEN {fate} <> 'keep' THEN {fate} ELSE 'update' END"
_PERMITTING = {Kind.customer: "'customers', 'all'", Kind.invoice: "'all'"}
_SWITCH = {Kind.customer: "customer_sync_enabled", Kind.invoice: "invoice_sync_enabled"}


def _statement(kind: Kind, *, place: str, narrow: str, switches: str) -> TextClause:
    parts = {"fate": _FATE[kind], "policy": _POLICY, "permitting": _PERMITTING[kind], "record": RECORD_COLUMN[kind]}
    revision = _REVISION.format(records=RECORD_TABLE[kind], **parts)
    return text(
        _UPSERT.format(
            source=_SOURCE[kind].format(home=HOME, narrow=narrow),
            place=place,
            switches=switches,
            table=TABLES[kind].__tablename__,
            record=RECORD_COLUMN[kind],
            label="external_name" if kind is Kind.customer else "external_number",
            state=_STATE.format(revision=revision, **parts),
            on_its_way="('pending', 'in_flight', 'waiting', 'unknown')",
            wanted=_WANTED.format(**parts),
        )
    )


_ALIAS = {Kind.customer: "c", Kind.invoice: "i"}
_AUTO = {
    kind: _statement(
        kind,
        place="s.home",
        narrow=f"AND {_ALIAS[kind]}.id = ANY(:ids)",
        switches=f"AND f.sync_enabled AND k.sync_enabled AND k.{_SWITCH[kind]} "
        "AND (s.dated IS NULL OR k.sync_from IS NULL OR s.dated >= k.sync_from)",
    )
    for kind in TABLES
}
_NAMED = {
    kind: _statement(kind, place=":connection", narrow=f"AND {_ALIAS[kind]}.id = ANY(:ids)", switches="")
    for kind in TABLES
}
_OWED_AT_HOME = {
    kind: _statement(
        kind,
        place="s.home",
        narrow="",
        switches="AND k.id = :connection AND (s.dated IS NULL OR k.sync_from IS NULL OR s.dated >= k.sync_from)",
    )
    for kind in TABLES
}


_REVIVE = {
    kind: text(
        f"""
        UPDATE {TABLES[kind].__tablename__} m SET state = 'pending', sync_error = '', fault = '{{}}'::jsonb,
            accepted_at = now(), next_due_at = now(), updated_at = now()
        FROM connections k
        WHERE m.firm_id = :firm AND k.firm_id = m.firm_id AND k.id = m.connection_id AND k.provider = :provider
          AND m.state = 'error' AND m.fault ->> 'code' = ANY(:faults)
        RETURNING m.connection_id
        """  # noqa: S608  (the table's own name)
    )
    for kind in TABLES
}
_COUNTS = text(
    """
    SELECT connection_id, kind, state, count(*) AS n, min(accepted_at) AS oldest FROM (
        SELECT 'customer' AS kind, connection_id, state, accepted_at FROM customer_sync_mappings WHERE firm_id = :firm
        UNION ALL
        SELECT 'invoice', connection_id, state, accepted_at FROM invoice_sync_mappings WHERE firm_id = :firm
    ) everything GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What asking for a push made of one record: its mapping, where, and the state it is in now."""

    mapping_id: int
    record_id: int
    connection_id: int
    state: str


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """What a remote copy of one of our invoices is compared to."""

    total: Decimal
    status: str
    revision: int


async def auto_push(session: Session, firm_id: int, kind: Kind, record_ids: Sequence[int]) -> set[int]:
    """Make owed, at their home, what was just changed; returns the connections to wake after the commit."""
    if not record_ids:
        return set()
    parameters = {"firm": firm_id, "ids": list(record_ids), "priority": 30, "run": None}
    rows = await session.execute(_AUTO[kind], parameters)
    return {row.connection_id for row in rows if row.state == "pending"}


async def ask(
    session: Session,
    firm_id: int,
    kind: Kind,
    connection_id: int,
    record_ids: Sequence[int] | None,
    *,
    priority: int,
    run_id: int | None,
) -> list[Asked]:
    """Make these records owed to this company (None: all whose home it is), whatever the automatic switches say."""
    parameters: dict[str, object] = {"firm": firm_id, "connection": connection_id, "priority": priority, "run": run_id}
    if record_ids is not None:
        parameters["ids"] = list(record_ids)
    statement = _OWED_AT_HOME[kind] if record_ids is None else _NAMED[kind]
    rows = await session.execute(statement, parameters)
    return [Asked(row.id, row.record_id, row.connection_id, row.state) for row in rows]


async def revive(session: Session, firm_id: int, provider: str, faults: Sequence[str]) -> set[int]:
    """Make owed again what was refused for one of these causes, now cured; returns the connections to wake."""
    woken: set[int] = set()
    for statement in _REVIVE.values():
        given = {"firm": firm_id, "provider": provider, "faults": list(faults)}
        woken |= {row.connection_id for row in await session.execute(statement, given)}
    return woken


async def get(session: Session, firm_id: int, kind: Kind, mapping_id: int) -> MappingRow:
    """One mapping with its record's facts. Raises NotFound."""
    rows = await page(session, firm_id, kind, mapping_id=mapping_id, limit=1)
    if not rows:
        raise NotFound("There is no such mapping.", record={"kind": f"{kind}_mapping", "id": mapping_id})
    return rows[0]


async def page(  # noqa: PLR0913  (each filter of the two public lists is one argument)
    session: Session,
    firm_id: int,
    kind: Kind,
    *,
    after: int | None = None,
    limit: int = 100,
    mapping_id: int | None = None,
    connection_id: int | None = None,
    record_id: int | None = None,
    sync_status: str | None = None,
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


async def invoice_facts(session: Session, firm_id: int, invoice_id: int) -> InvoiceFacts:
    """Total, status and revision of one of our invoices."""
    query = select(Invoice.total, Invoice.status, Invoice.revision).where(
        Invoice.firm_id == firm_id, Invoice.id == invoice_id
    )
    row: Any = (await session.execute(query)).one()
    return InvoiceFacts(row.total, row.status, row.revision)


async def state_counts(session: Session, firm_id: int) -> Sequence[Row[Any]]:
    """Per connection, kind and state: how many, and since when the oldest was accepted."""
    return (await session.execute(_COUNTS, {"firm": firm_id})).all()
