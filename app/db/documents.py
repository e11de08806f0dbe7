"""Our records with what became of them in each company, as people look for them; one statement per kind."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, TextClause, text

from app.canonical import Kind
from app.db.kinds import PUSHED
from app.db.session import Session
from app.errors import NotFound

DocumentRow = Row[Any]
# What the records of a kind are called, and for whom they are.
_FACTS: Mapping[Kind, str] = {
    Kind.customer: "c.name AS label, c.email AS party, NULL::numeric AS total, c.currency, NULL::date AS dated,"
    " CASE WHEN c.active THEN 'active' ELSE 'archived' END AS record_status, NULL::numeric AS amount_paid,"
    " NULL::date AS paid_date, m.external_name AS external_label, NULL::numeric AS external_total",
    Kind.invoice: "i.number AS label, p.name AS party, i.total, i.currency, i.issue_date AS dated,"
    " i.status AS record_status, i.amount_paid, i.paid_date, m.external_number AS external_label, m.external_total",
    Kind.journal_entry: "j.number AS label, j.narration AS party, j.total, j.currency, j.entry_date AS dated,"
    " j.status AS record_status, NULL::numeric AS amount_paid, NULL::date AS paid_date,"
    " m.external_number AS external_label, m.external_total",
}
_JOINED: Mapping[Kind, str] = {
    Kind.customer: "JOIN clients c ON c.firm_id = m.firm_id AND c.id = m.client_id",
    Kind.invoice: "JOIN invoices i ON i.firm_id = m.firm_id AND i.id = m.invoice_id"
    " JOIN clients p ON p.firm_id = i.firm_id AND p.id = i.client_id",
    Kind.journal_entry: "JOIN journal_entries j ON j.firm_id = m.firm_id AND j.id = m.journal_entry_id",
}
_SOUGHT: Mapping[Kind, str] = {
    Kind.customer: "concat_ws(' ', c.name, c.email, c.external_ref, m.external_name, m.external_id)",
    Kind.invoice: "concat_ws(' ', i.number, p.name, i.external_ref, m.external_number, m.external_id)",
    Kind.journal_entry: "concat_ws(' ', j.number, j.narration, j.external_ref, m.external_number, m.external_id)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which documents; what is None does not narrow. Days are those on which something last happened, inclusive."""

    mapping_id: int | None = None
    text: str | None = None
    status: str | None = None
    state: str | None = None
    code: str | None = None
    connection_id: int | None = None
    run_id: int | None = None
    since: date | None = None
    until: date | None = None


def _statement(kind: Kind) -> TextClause:
    known = PUSHED[kind]
    return text(
        f"""
        SELECT m.id, m.connection_id, m.{known.record} AS record_id, m.external_id, m.version, m.state, m.sync_status,
               m.sync_error, m.fault, m.wanted, m.accepted_at, m.synced_at, m.updated_at, m.next_due_at, m.created_at,
               m.external_metadata, m.run_id, m.generation, k.provider, k.company_name, k.company, k.environment,
               {_FACTS[kind]}
        FROM {known.mappings} m {_JOINED[kind]}
        JOIN connections k ON k.firm_id = m.firm_id AND k.id = m.connection_id
        WHERE m.firm_id = :firm
          AND (CAST(:after AS bigint) IS NULL OR m.id < :after)
          AND (CAST(:mapping_id AS bigint) IS NULL OR m.id = :mapping_id)
          AND (CAST(:text AS text) IS NULL OR {_SOUGHT[kind]} ILIKE '%' || :text || '%')
          AND (CAST(:status AS text) IS NULL OR m.sync_status = :status)
          AND (CAST(:state AS text) IS NULL OR m.state = :state)
          AND (CAST(:code AS text) IS NULL OR m.fault ->> 'code' = :code)
          AND (CAST(:connection_id AS bigint) IS NULL OR m.connection_id = :connection_id)
          AND (CAST(:run_id AS bigint) IS NULL OR m.run_id = :run_id)
          AND (CAST(:since AS date) IS NULL OR m.updated_at >= CAST(:since AS date))
          AND (CAST(:until AS date) IS NULL OR m.updated_at < CAST(:until AS date) + 1)
        ORDER BY m.id DESC LIMIT :limit
        """
    )


_PAGES = {kind: _statement(kind) for kind in PUSHED}


async def page(
    session: Session, firm_id: int, kind: Kind, sought: Sought, *, after: int | None = None, limit: int
) -> Sequence[DocumentRow]:
    """Documents of a kind, the last made first, older than `after`."""
    given = {**asdict(sought), "firm": firm_id, "after": after, "limit": limit}
    if sought.text is not None:
        given["text"] = sought.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return (await session.execute(_PAGES[kind], given)).all()


async def get(session: Session, firm_id: int, kind: Kind, mapping_id: int) -> DocumentRow:
    """One document. Raises NotFound."""
    rows = await page(session, firm_id, kind, Sought(mapping_id=mapping_id), limit=1)
    if not rows:
        raise NotFound("There is no such document.", record={"kind": f"{kind}_mapping", "id": mapping_id})
    return rows[0]
