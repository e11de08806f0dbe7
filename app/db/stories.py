"""A record's whole story, in the order it happened: for `tieout explain`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from app.canonical import Kind
from app.db.kinds import PUSHED
from app.db.session import Session
from app.errors import NotFound

_NAMED: Mapping[Kind, tuple[str, str]] = {
    Kind.customer: ("client", "name"),
    Kind.invoice: ("invoice", "number"),
    Kind.journal_entry: ("journal_entry", "number"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a record."""

    at: datetime
    what: str


def _find(kind: Kind) -> str:
    known = PUSHED[kind]
    label = _NAMED[kind][1]
    return f"""SELECT r.id, r.{label} AS label, r.created_at, r.updated_at, r.revision FROM {known.records} r
        WHERE r.firm_id = :firm AND (r.id::text = :named OR r.external_ref = :named OR r.{label} = :named)
        ORDER BY (r.external_ref = :named) DESC NULLS LAST, (r.{label} = :named) DESC, r.id LIMIT 1"""


def _mapped(kind: Kind) -> str:
    known = PUSHED[kind]
    return f"""SELECT m.*, k.provider, k.company_name FROM {known.mappings} m
        JOIN connections k ON k.firm_id = m.firm_id AND k.id = m.connection_id
        WHERE m.firm_id = :firm AND m.{known.record} = :record ORDER BY m.id"""


_ATTEMPTS = text(
    """
    SELECT a.operation, a.revision, a.outcome, a.external_id, a.reason, a.updated_at, c.created_at, c.sent_at, c.key,
           c.sends, k.provider
    FROM write_attempts a
    JOIN write_calls c ON c.firm_id = a.firm_id AND c.id = a.call_id
    JOIN connections k ON k.firm_id = c.firm_id AND k.id = c.connection_id
    WHERE a.firm_id = :firm AND a.mapping_kind = :kind AND a.mapping_id = ANY(:mappings) ORDER BY a.id
    """
)
_AUDIT = text(
    """
    SELECT actor, action, created_at FROM audit_events
    WHERE firm_id = :firm AND subject = ANY(:subjects) ORDER BY id
    """
)
_EVENTS = text(
    """
    SELECT e.operation, e.state, e.reason, e.created_at, e.handled_at, e.provider FROM webhook_events e
    WHERE e.firm_id = :firm AND e.connection_id = :connection AND e.kind = :kind AND e.external_id = :external_id
    ORDER BY e.id
    """
)
_PAID = text(
    """
    SELECT a.amount, a.applied_on, a.created_at, p.source_kind, p.external_id, p.active FROM payment_allocations a
    JOIN payments p ON p.firm_id = a.firm_id AND p.id = a.payment_id
    WHERE a.firm_id = :firm AND a.invoice_id = :record ORDER BY a.id
    """
)


async def of_record(session: Session, firm_id: int, kind: Kind, named: str) -> list[Moment]:
    """Everything known of one record, named by id, number, name or external_ref. Raises NotFound."""
    found: Any = (await session.execute(text(_find(kind)), {"firm": firm_id, "named": named})).one_or_none()
    noun = _NAMED[kind][0]
    if found is None:
        raise NotFound(f"Firm {firm_id} has no {noun.replace('_', ' ')} {named!r}.")
    told = [
        Moment(found.created_at, f"{noun} {found.label} (id {found.id}) was stored; it is at revision {found.revision}")
    ]
    given = {"firm": firm_id, "record": found.id, "kind": kind.value}
    mapped = (await session.execute(text(_mapped(kind)), given)).all()
    for row in mapped:
        told += await _at_company(session, firm_id, kind, row)
    given["mappings"] = [row.id for row in mapped]
    for row in await session.execute(_ATTEMPTS, given):
        told.append(
            Moment(row.created_at, f"{row.provider}: {row.operation} of revision {row.revision} sent, key {row.key}")
        )
        again = f" after {row.sends} sendings" if row.sends > 1 else ""
        why = f": {row.reason}" if row.reason else ""
        told.append(Moment(row.updated_at, f"{row.provider}: {row.outcome.replace('_', ' ')}{again}{why}"))
    subjects = [f"{noun}:{found.id}", f"{kind}:{found.id}"]
    for row in await session.execute(_AUDIT, {"firm": firm_id, "subjects": subjects}):
        told.append(Moment(row.created_at, f"{row.actor}: {row.action}"))
    if kind is Kind.invoice:
        for row in await session.execute(_PAID, given):
            ended = "" if row.active else ", undone since"
            told.append(
                Moment(
                    row.created_at,
                    f"{row.source_kind} {row.external_id} sets {row.amount:f} on {row.applied_on}{ended}",
                )
            )
    return sorted(told, key=lambda one: one.at)


async def _at_company(session: Session, firm_id: int, kind: Kind, row: Any) -> list[Moment]:
    place = f"{row.provider} ({row.company_name})"
    told = [Moment(row.created_at, f"{place}: first owed, by mapping {row.id}")]
    why = f": {row.sync_error or row.fault.get('message', '')}" if row.fault else ""
    there = f", as {row.external_id}" if row.external_id else ""
    told.append(Moment(row.updated_at, f"{place}: now {row.state.replace('_', ' ')}{there}{why}"))
    if row.synced_at is not None:
        told.append(Moment(row.synced_at, f"{place}: last confirmed at our revision {row.base_revision}"))
    if row.external_id:
        given = {
            "firm": firm_id,
            "connection": row.connection_id,
            "kind": kind.value,
            "external_id": row.external_id,
        }
        for event in await session.execute(_EVENTS, given):
            came = f"{row.provider} told of a change ({event.operation}): {event.state}"
            told.append(Moment(event.created_at, f"{came}, {event.reason}" if event.reason else came))
    return told
