"""What happened to one document: attempts to write it, the codes it uses, payments, what people decided."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, text

from app.canonical import Kind
from app.db.session import Session

_ATTEMPTS = text(
    """
    SELECT a.id, a.item_id, a.operation, a.record, a.outcome, a.external_id, a.reason, a.answer, a.revision, c.key,
           c.method, c.path, c.body, c.sends, c.sent_at, c.settled_at, c.state AS call_state,
           (SELECT count(*) FROM write_attempts o WHERE o.firm_id = c.firm_id AND o.call_id = c.id) AS together
    FROM write_attempts a JOIN write_calls c ON c.firm_id = a.firm_id AND c.id = a.call_id
    WHERE a.firm_id = :firm AND a.mapping_kind = :kind AND a.mapping_id = :mapping ORDER BY a.id LIMIT 50
    """
)
_CODES = """
    SELECT used.what, used.code, coalesce(own.external_code, every.external_code) AS external_code,
           coalesce(own.external_name, every.external_name, '') AS external_name,
           coalesce(own.updated_at, every.updated_at) AS mapped_at
    FROM ({used}) used
    LEFT JOIN {table} every ON every.firm_id = :firm AND every.provider = :provider
         AND every.internal_code = used.code AND every.connection_id IS NULL
    LEFT JOIN {table} own ON own.firm_id = :firm AND own.provider = :provider
         AND own.internal_code = used.code AND own.connection_id = :connection
    WHERE used.code <> ''"""
_USED: Mapping[Kind, Mapping[str, str]] = {
    Kind.invoice: {
        what: f"SELECT DISTINCT '{what}' AS what, {what}_code AS code FROM invoice_lines"
        " WHERE firm_id = :firm AND invoice_id = :record"
        for what in ("account", "item", "tax")
    },
    Kind.journal_entry: {
        what: f"SELECT DISTINCT '{what}' AS what, {what}_code AS code FROM journal_lines"
        " WHERE firm_id = :firm AND journal_entry_id = :record"
        for what in ("account", "tax")
    },
}
_CODES_OF = {
    kind: text(
        " UNION ALL ".join(_CODES.format(used=used, table=f"{what}_mappings") for what, used in found.items())
        + " ORDER BY 1, 2"
    )
    for kind, found in _USED.items()
}
_PAYMENTS = text(
    """
    SELECT a.amount, a.applied_on, p.currency, p.reference, p.source_kind, p.active, p.created_at
    FROM payment_allocations a JOIN payments p ON p.firm_id = a.firm_id AND p.id = a.payment_id
    WHERE a.firm_id = :firm AND a.invoice_id = :record AND a.connection_id = :connection ORDER BY a.id LIMIT 100
    """
)
_DECIDED = text(
    """
    SELECT actor, action, details, created_at FROM audit_events
    WHERE firm_id = :firm AND action LIKE 'mapping.%'
      AND (subject = :subject OR details -> 'mappings' @> to_jsonb(CAST(:mapping AS bigint))) ORDER BY id LIMIT 50
    """
)


async def attempts(session: Session, firm_id: int, kind: Kind, mapping_id: int) -> Sequence[Row[Any]]:
    """Every attempt to write the document, with the call it went in."""
    given = {"firm": firm_id, "kind": kind.value, "mapping": mapping_id}
    return (await session.execute(_ATTEMPTS, given)).all()


async def codes(session: Session, firm_id: int, kind: Kind, document: Row[Any]) -> Sequence[Row[Any]]:
    """The document's codes and what they are mapped to; without `external_code` where nothing is mapped."""
    if kind not in _CODES_OF:
        return []
    given = {"firm": firm_id, "record": document.record_id, "provider": document.provider}
    return (await session.execute(_CODES_OF[kind], given | {"connection": document.connection_id})).all()


async def payments(session: Session, firm_id: int, kind: Kind, document: Row[Any]) -> Sequence[Row[Any]]:
    """What was set against an invoice in its company."""
    if kind is not Kind.invoice:
        return []
    given = {"firm": firm_id, "record": document.record_id, "connection": document.connection_id}
    return (await session.execute(_PAYMENTS, given)).all()


async def decided(session: Session, firm_id: int, kind: Kind, document: Row[Any]) -> Sequence[Row[Any]]:
    """What people decided about it: retried, skipped."""
    given = {"firm": firm_id, "subject": f"{kind}:{document.record_id}", "mapping": document.id}
    return (await session.execute(_DECIDED, given)).all()
