"""Our records with what became of them in each company, as people look for them; one statement per kind."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, TextClause, text

from app.canonical import Kind
from app.db.kinds import PUSHED
from app.db.reading import Reads
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
# Every mapping has its record; as outer joins they are made in this order, whatever the planner believes to know.
_JOINED: Mapping[Kind, str] = {
    Kind.customer: "LEFT JOIN clients c ON c.firm_id = m.firm_id AND c.id = m.client_id",
    Kind.invoice: "LEFT JOIN invoices i ON i.firm_id = m.firm_id AND i.id = m.invoice_id"
    " LEFT JOIN clients p ON p.firm_id = i.firm_id AND p.id = i.client_id",
    Kind.journal_entry: "LEFT JOIN journal_entries j ON j.firm_id = m.firm_id AND j.id = m.journal_entry_id",
}
_SOUGHT: Mapping[Kind, str] = {
    Kind.customer: "concat_ws(' ', c.name, c.email, c.external_ref, m.external_name, m.external_id)",
    Kind.invoice: "concat_ws(' ', i.number, p.name, i.external_ref, m.external_number, m.external_id)",
    Kind.journal_entry: "concat_ws(' ', j.number, j.narration, j.external_ref, m.external_number, m.external_id)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which documents; what is None does not narrow. Something last happened from `since` on and before `until`."""

    mapping_id: int | None = None
    text: str | None = None
    status: str | None = None
    state: str | None = None
    code: str | None = None
    connection_id: int | None = None
    run_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


_NARROWED = {
    "after": "m.id < :after",
    "mapping_id": "m.id = :mapping_id",
    "status": "m.sync_status = :status",
    "state": "m.state = :state",
    "code": "m.fault ->> 'code' = :code",
    "connection_id": "m.connection_id = :connection_id",
    "run_id": "m.run_id = :run_id",
    "since": "m.updated_at >= :since",
    "until": "m.updated_at < :until",
}


@cache
def _statement(kind: Kind, given: frozenset[str], limit: int, *, whole: bool) -> TextClause:
    """The statement with just the conditions that are given, so that the plan fits them.

    Only a search for words needs the record and its client; everything else is known of the mapping, whose page is
    taken before anything is joined to it. How many is written out: a bound number would be planned as a tenth of all.
    """
    known = PUSHED[kind]
    narrowed = {**_NARROWED, "text": f"{_SOUGHT[kind]} ILIKE '%' || :text || '%'"}
    conditions = " AND ".join(["m.firm_id = :firm", *(narrowed[name] for name in sorted(given))])
    page_of_it = f"WHERE {conditions} ORDER BY m.id DESC LIMIT {limit:d}"
    seeking = "text" in given
    mappings = known.mappings if seeking else f"(SELECT m.* FROM {known.mappings} m {page_of_it})"
    return text(
        f"""
        SELECT m.id, m.connection_id, m.{known.record} AS record_id, m.external_id, m.state, m.sync_status,
               m.sync_error, m.fault, m.accepted_at, m.synced_at, m.updated_at, m.run_id, k.provider, k.company_name,
               {"k.company, k.environment," if whole else ""} {_FACTS[kind]}
        FROM {mappings} m {_JOINED[kind]}
        LEFT JOIN connections k ON k.firm_id = m.firm_id AND k.id = m.connection_id
        {page_of_it if seeking else "ORDER BY m.id DESC"}
        """
    )


async def page(
    session: Reads, firm_id: int, kind: Kind, sought: Sought, *, after: int | None = None, limit: int
) -> Sequence[DocumentRow]:
    """Documents of a kind, the last made first, older than `after`."""
    return await _page(session, firm_id, kind, sought, after, limit)


async def get(session: Reads, firm_id: int, kind: Kind, mapping_id: int) -> DocumentRow:
    """One document, with its company. Raises NotFound."""
    rows = await _page(session, firm_id, kind, Sought(mapping_id=mapping_id), None, 1, whole=True)
    if not rows:
        raise NotFound("There is no such document.", record={"kind": f"{kind}_mapping", "id": mapping_id})
    return rows[0]


async def _page(
    session: Reads, firm_id: int, kind: Kind, sought: Sought, after: int | None, limit: int, *, whole: bool = False
) -> Sequence[DocumentRow]:
    given = {name: value for name, value in {**asdict(sought), "after": after}.items() if value is not None}
    if "text" in given:
        given["text"] = given["text"].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    statement = _statement(kind, frozenset(given), limit, whole=whole)
    return (await session.execute(statement, {**given, "firm": firm_id})).all()
