"""Creating, changing and archiving clients."""

from collections.abc import Sequence
from typing import Any

from app.books import checks
from app.books.checks import Finding
from app.books.inputs import ClientIn
from app.books.upserts import Plan, Saved, Values, match, named_ids, named_refs, named_twice, store
from app.canonical import Kind
from app.db import audit, bulk, clients, firms, mappings
from app.db.session import Session
from app.db.tables import Client

_TEXTS = ("name", "email", "phone", "company_name", "currency", "tax_number", "notes")
_PUSHED = (*_TEXTS, "billing_address", "active")
_KEPT = (*_PUSHED, "external_ref", "connection_id")
_NEW: Values = {
    **dict.fromkeys(_TEXTS, ""),
    "billing_address": {},
    "active": True,
    "external_ref": None,
    "connection_id": None,
}


async def save_clients(session: Session, firm_id: int, items: Sequence[ClientIn], *, single: bool = False) -> Saved:
    """Create or change clients. Raises Invalid naming every item and field at fault; then nothing is stored."""
    refs = [item.external_ref for item in items]
    findings = [found for index, item in enumerate(items) for found in checks.client(index, item)]
    findings += named_twice(items)
    checks.refuse(findings, single=single)
    await firms.lock_books(session, firm_id)
    rows = await clients.named(session, firm_id, named_ids(items), named_refs(items))
    known, findings = match(items, rows, "client")
    wanted = {item.connection_id for item in items if item.connection_id is not None}
    homes = await clients.usable_homes(session, firm_id, wanted)
    for index, (item, row) in enumerate(zip(items, known, strict=True)):
        if row is None and not item.name:
            findings.append(Finding(index, "/name", "missing", "A new client needs a name.", refs[index]))
        elif row is not None and "name" in item.model_fields_set and not item.name:
            findings.append(Finding(index, "/name", "missing", "A client cannot lose its name.", refs[index]))
        if item.connection_id not in homes | {None, row.connection_id if row is not None else None}:
            message = "There is no such connection in use; a client's home must be one of the firm's connections."
            findings.append(Finding(index, "/connection_id", "connection_unknown", message, refs[index]))
    checks.refuse(findings, single=single)
    plans = [_plan(item, row) for item, row in zip(items, known, strict=True)]
    return await store(session, firm_id, Kind.customer, plans)


async def archive_client(session: Session, firm_id: int, client_id: int, *, actor: str) -> set[int]:
    """Make a client inactive; returns the connections to wake. Archiving twice is archiving once. Raises NotFound."""
    await firms.lock_books(session, firm_id)
    row = await clients.get(session, firm_id, client_id)
    if not row.active:
        return set()
    change = {"id": client_id, "active": False, "revision": row.revision + 1}
    await bulk.update_rows(session, Client, firm_id, [change])
    await audit.record(session, firm_id, actor=actor, action="client.archived", subject=f"client:{client_id}")
    return await mappings.auto_push(session, firm_id, Kind.customer, [client_id])


def _plan(item: ClientIn, row: Any | None) -> Plan:
    """What the client becomes: fields that were sent, over what is stored. Null empties a field."""
    stored = _NEW if row is None else {name: getattr(row, name) for name in _KEPT}
    given: Values = {name: getattr(item, name) for name in item.model_fields_set if name in _KEPT}
    for name, value in given.items():
        if value is None and name not in ("external_ref", "connection_id"):
            given[name] = _NEW[name]
    if item.billing_address is not None:
        given["billing_address"] = {part: text for part, text in item.billing_address.model_dump().items() if text}
    values = {**stored, **given}
    pushed = any(values[name] != stored[name] for name in _PUSHED)
    return Plan(row, values, changed=row is None or values != stored, pushed=pushed)
