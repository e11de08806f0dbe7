"""Our documents beside the provider's, as last seen: per client and in total, and each difference with its cause."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text

from app.db.kinds import CLIENTS_HOME, FIRMS_HOME
from app.db.session import Session

ROUNDING = "0.05"
MOST_DIFFERENCES = 1000
# One row per document that either side has in the period. What was never read back counts as it was written.
_OURS = """
    SELECT '{kind}' AS kind, d.id AS record_id, d.number, d.{dated} AS dated, d.currency, {client} AS client_id,
           d.status = 'void' AS ended, CASE WHEN d.status = 'void' THEN 0 ELSE d.total END AS here, {paid} AS here_paid,
           m.id AS mapping_id, m.external_id, m.state, m.fault, m.sync_error, m.base_revision < d.revision AS newer,
           r.id IS NOT NULL AS seen, coalesce(r.gone OR r.record ->> 'state' = 'deleted', false) AS gone,
           r.record ->> 'state' = 'voided' AS voided, r.record ->> 'number' AS there_number,
           coalesce((r.record ->> 'total')::numeric, m.external_total, 0) AS raw_there,
           {there_paid} AS raw_paid, {home} AS home
    FROM {documents}
    JOIN firms f ON f.id = d.firm_id
    LEFT JOIN {mappings} m ON m.firm_id = d.firm_id AND m.connection_id = :connection AND m.{record} = d.id
    LEFT JOIN remote_records r ON r.firm_id = d.firm_id AND r.connection_id = :connection AND r.kind = '{kind}'
        AND r.external_id = m.external_id
    WHERE d.firm_id = :firm AND d.{dated} BETWEEN :start AND :end AND d.status IN ({ready})
      AND (m.external_id IS NOT NULL OR {home} = :connection)"""
_INVOICES = _OURS.format(
    kind="invoice",
    dated="issue_date",
    client="d.client_id",
    paid="CASE WHEN d.status = 'void' THEN 0 ELSE d.amount_paid END",
    there_paid="(r.record ->> 'total')::numeric - (r.record ->> 'balance')::numeric",
    documents="invoices d JOIN clients c ON c.firm_id = d.firm_id AND c.id = d.client_id",
    home=CLIENTS_HOME,
    mappings="invoice_sync_mappings",
    record="invoice_id",
    ready="'approved', 'partially_paid', 'paid', 'void'",
)
_JOURNALS = _OURS.format(
    kind="journal_entry",
    dated="entry_date",
    client="NULL::bigint",
    paid="0",
    there_paid="0",
    documents="journal_entries d",
    home=FIRMS_HOME,
    mappings="journal_entry_sync_mappings",
    record="journal_entry_id",
    ready="'posted', 'void'",
)
_THEIRS = """
    SELECT '{kind}', NULL::bigint, NULL, (r.record ->> '{dated}')::date, r.record ->> 'currency', {client},
           false, 0, 0, NULL::bigint, r.external_id, NULL, NULL::jsonb, '', false, true, false, false,
           r.record ->> 'number', (r.record ->> 'total')::numeric, {paid}, :connection
    FROM remote_records r {joined}
    WHERE r.firm_id = :firm AND r.connection_id = :connection AND r.kind = '{kind}' AND NOT r.gone
      AND r.record ->> 'state' IN ('open', 'paid')
      AND (r.record ->> '{dated}')::date BETWEEN :start AND :end
      AND NOT EXISTS (SELECT 1 FROM {mappings} m WHERE m.firm_id = r.firm_id AND m.connection_id = r.connection_id
          AND m.external_id = r.external_id)"""
_PAIRS = f"""
WITH pairs AS (
    {_INVOICES}
    UNION ALL
    {_JOURNALS}
    UNION ALL
    {
    _THEIRS.format(
        kind="invoice",
        dated="issue_date",
        client="cm.client_id",
        paid="(r.record ->> 'total')::numeric - (r.record ->> 'balance')::numeric",
        joined="LEFT JOIN customer_sync_mappings cm ON cm.firm_id = r.firm_id AND cm.connection_id = r.connection_id"
        " AND cm.external_id = r.record ->> 'customer_id'",
        mappings="invoice_sync_mappings",
    )
}
    UNION ALL
    {
    _THEIRS.format(
        kind="journal_entry",
        dated="on",
        client="NULL::bigint",
        paid="0",
        joined="",
        mappings="journal_entry_sync_mappings",
    )
}
), judged AS (
    SELECT p.*, p.external_id IS NOT NULL AND NOT p.gone AND NOT coalesce(p.voided, false) AS stands,
        CASE WHEN p.external_id IS NULL OR p.gone OR coalesce(p.voided, false)
            OR (p.ended AND NOT p.seen) THEN 0 ELSE p.raw_there END AS there,
        CASE WHEN p.external_id IS NULL OR p.gone OR coalesce(p.voided, false) THEN 0
            ELSE coalesce(p.raw_paid, p.here_paid) END AS there_paid
    FROM pairs p
), told AS (
    SELECT j.*, CASE
        WHEN record_id IS NULL THEN 'unknown_to_us'
        WHEN external_id IS NULL AND ended THEN NULL
        WHEN external_id IS NULL AND state IN ('error', 'conflict', 'parked') THEN 'failed'
        WHEN external_id IS NULL AND state = 'excluded' THEN 'excluded'
        WHEN external_id IS NULL THEN 'not_pushed'
        WHEN gone AND NOT ended THEN 'deleted_there'
        WHEN voided AND NOT ended THEN 'voided_there'
        WHEN here <> there AND newer THEN 'changed_here'
        WHEN here <> there AND abs(here - there) <= {ROUNDING} THEN 'rounding'
        WHEN here <> there THEN 'edited_there'
        WHEN here_paid <> there_paid AND home IS DISTINCT FROM :connection THEN 'paid_elsewhere'
        WHEN here_paid <> there_paid THEN 'payment_missing'
    END AS cause FROM judged j
)"""
_SUMS = """count(*) FILTER (WHERE record_id IS NOT NULL AND NOT ended) AS here_count, sum(here) AS here_amount,
    sum(here_paid) AS here_paid, count(*) FILTER (WHERE stands AND there <> 0) AS there_count,
    sum(there) AS there_amount, sum(there_paid) AS there_paid, count(cause) AS differences"""
_TOTALS = text(f"{_PAIRS} SELECT kind, currency, {_SUMS} FROM told GROUP BY kind, currency ORDER BY kind, currency")
_CLIENTS = text(
    f"""{_PAIRS} SELECT t.client_id, c.name AS client_name, t.currency, {_SUMS}
    FROM told t LEFT JOIN clients c ON c.firm_id = :firm AND c.id = t.client_id
    WHERE t.kind = 'invoice' GROUP BY t.client_id, c.name, t.currency ORDER BY c.name, t.client_id, t.currency
    """
)
_DIFFERENCES = text(
    f"""{_PAIRS} SELECT t.kind, t.record_id, coalesce(t.number, t.there_number, '') AS number, t.dated, t.currency,
        t.client_id, c.name AS client_name, t.mapping_id, t.external_id, t.here, t.here_paid, t.there, t.there_paid,
        t.cause, t.state, t.fault ->> 'code' AS code, t.fault ->> 'message' AS message, t.fault ->> 'who' AS who,
        t.fault ->> 'fix' AS fix
    FROM told t LEFT JOIN clients c ON c.firm_id = :firm AND c.id = t.client_id
    WHERE t.cause IS NOT NULL AND (CAST(:client AS bigint) IS NULL OR t.client_id = :client)
    ORDER BY abs(t.here - t.there) DESC, t.dated, t.kind, t.record_id LIMIT :limit
    """
)


async def totals(session: Session, given: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Per kind and currency: how many and how much here, there, and how many differences."""
    return (await session.execute(_TOTALS, given)).all()


async def by_client(session: Session, given: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Invoices per client and currency; those of customers nobody here knows are under no client."""
    return (await session.execute(_CLIENTS, given)).all()


async def differences(session: Session, given: Mapping[str, Any], client_id: int | None = None) -> Sequence[Row[Any]]:
    """Each document that is not the same on both sides, with its cause, the largest first; at most 1,001."""
    more = {**given, "client": client_id, "limit": MOST_DIFFERENCES + 1}
    return (await session.execute(_DIFFERENCES, more)).all()


def period(firm_id: int, connection_id: int, start: date, end: date) -> dict[str, Any]:
    """The bind values that all three take; both days are inclusive."""
    return {"firm": firm_id, "connection": connection_id, "start": start, "end": end}
