"""Which of our codes are in use, what they are mapped to, and what there is at the provider to map them to."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, text

from app.canonical import Kind
from app.db.code_mappings import CodeKind
from app.db.reading import Reads
from app.db.session import Session

WINDOW_DAYS = 90
LISTED_DAYS = 400  # a firm that has just connected owes documents of the whole year
TARGETS: Mapping[CodeKind, Kind] = {
    CodeKind.account: Kind.account,
    CodeKind.tax: Kind.tax_rate,
    CodeKind.item: Kind.item,
}
_LINES = """
    SELECT {kind}_code AS code, i.issue_date AS dated FROM invoice_lines l
    JOIN invoices i ON i.firm_id = l.firm_id AND i.id = l.invoice_id
    WHERE l.firm_id = :firm AND i.status NOT IN ('draft', 'void') AND
      i.issue_date >= CAST(:today AS date) - CAST(:listed AS int)"""
_JOURNAL_LINES = """
    UNION ALL
    SELECT {kind}_code, j.entry_date FROM journal_lines l
    JOIN journal_entries j ON j.firm_id = l.firm_id AND j.id = l.journal_entry_id
    WHERE l.firm_id = :firm AND j.status NOT IN ('draft', 'void') AND
      j.entry_date >= CAST(:today AS date) - CAST(:listed AS int)"""
_CHART = "SELECT code, name, type FROM accounts WHERE firm_id = :firm AND active"
_NO_CHART = "SELECT ''::text AS code, ''::text AS name, ''::text AS type WHERE false"


def _statement(kind: CodeKind) -> str:
    lines = _LINES.format(kind=kind) + ("" if kind is CodeKind.item else _JOURNAL_LINES.format(kind=kind))
    chart = _CHART if kind is CodeKind.account else _NO_CHART
    return f"""
    WITH used AS (
        SELECT code, max(dated) AS last,
               count(*) FILTER (WHERE dated >= CAST(:today AS date) - CAST(:days AS int)) AS lines
        FROM ({lines}) every WHERE code <> '' GROUP BY code),
    mapped AS (
        SELECT DISTINCT ON (internal_code) internal_code AS code, id, external_code, external_name, connection_id
        FROM {kind}_mappings WHERE firm_id = :firm AND provider = :provider
          AND (connection_id IS NULL OR connection_id = :connection)
        ORDER BY internal_code, connection_id NULLS LAST
    ), chart AS ({chart})
    SELECT code, coalesce(used.lines, 0) AS lines, used.last, chart.name, chart.type, mapped.id AS mapping_id,
           mapped.external_code, mapped.external_name, mapped.connection_id
    FROM used FULL JOIN mapped USING (code) FULL JOIN chart USING (code)
    ORDER BY lines DESC, last DESC NULLS LAST, code COLLATE "C" LIMIT :most
    """


_CODES = {kind: text(_statement(kind)) for kind in CodeKind}
_TARGETS = text(
    """
    SELECT external_id, record ->> 'code' AS code, record ->> 'name' AS name, record ->> 'type' AS type,
           coalesce(record ->> 'number', '') AS number,
           NOT gone AND coalesce((record ->> 'active')::boolean, true) AS active
    FROM remote_records WHERE firm_id = :firm AND connection_id = :connection AND kind = :kind
    ORDER BY record ->> 'number', record ->> 'name'
    """
)
_UNMAPPED = {
    kind: f"""
    SELECT DISTINCT l.{kind}_code AS code FROM {{mappings}} m
    JOIN {{lines}} l ON l.firm_id = m.firm_id AND l.{{record}} = m.{{record}}
    WHERE m.firm_id = :firm AND m.connection_id = :connection AND m.state = 'error' AND l.{kind}_code <> ''
      AND m.fault ->> 'code' = '{kind}_unmapped'
      AND NOT EXISTS (SELECT 1 FROM {kind}_mappings k WHERE k.firm_id = m.firm_id AND k.provider = :provider
          AND k.internal_code = l.{kind}_code AND (k.connection_id IS NULL OR k.connection_id = :connection))"""
    for kind in CodeKind
}
_INVOICES = {"mappings": "invoice_sync_mappings", "lines": "invoice_lines", "record": "invoice_id"}
_JOURNALS = {"mappings": "journal_entry_sync_mappings", "lines": "journal_lines", "record": "journal_entry_id"}
_MISSING = {
    kind: text(
        statement.format(**_INVOICES)
        + ("" if kind is CodeKind.item else f"\nUNION {statement.format(**_JOURNALS)}")
        + " ORDER BY 1 LIMIT 200"
    )
    for kind, statement in _UNMAPPED.items()
}
_SAMPLE = text(
    """
    SELECT i.number, i.currency, l.description, l.amount, l.account_code, l.tax_code, l.item_code
    FROM invoice_lines l JOIN invoices i ON i.firm_id = l.firm_id AND i.id = l.invoice_id
    WHERE l.firm_id = :firm AND l.invoice_id = (
        SELECT id FROM invoices WHERE firm_id = :firm AND status NOT IN ('draft', 'void') ORDER BY id DESC LIMIT 1)
    ORDER BY l.position LIMIT 20
    """
)


async def codes(
    session: Reads, firm_id: int, kind: CodeKind, connection: Row[Any], today: object, *, most: int = 2000
) -> Sequence[Row[Any]]:
    """Our codes: used within the year, mapped, or in the chart; those most used in the last ninety days first."""
    given = {"firm": firm_id, "provider": connection.provider, "connection": connection.id}
    given |= {"today": today, "days": WINDOW_DAYS, "listed": LISTED_DAYS, "most": most}
    return (await session.execute(_CODES[kind], given)).all()


async def targets(session: Reads, firm_id: int, kind: CodeKind, connection_id: int) -> Sequence[Row[Any]]:
    """What the provider's list holds, as last fetched."""
    given = {"firm": firm_id, "connection": connection_id, "kind": TARGETS[kind].value}
    return (await session.execute(_TARGETS, given)).all()


async def missing(session: Session, firm_id: int, kind: CodeKind, connection: Row[Any]) -> list[str]:
    """The codes for want of which records were refused."""
    given = {"firm": firm_id, "provider": connection.provider, "connection": connection.id}
    return [str(row.code) for row in await session.execute(_MISSING[kind], given)]


async def sample(session: Reads, firm_id: int) -> Sequence[Row[Any]]:
    """The lines of the firm's latest invoice."""
    return (await session.execute(_SAMPLE, {"firm": firm_id})).all()
