"""Customers changed on two sides: each field compared with what both once agreed on; nothing is ever overwritten.

A field that changed there alone is taken over, one that changed here alone stays and is pushed, one that changed on
both sides to different values is a conflict for a person. What was agreed is the mapping's `base`, set by every
confirmed write and every take-over.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from app.canonical import Address, Customer, Kind, RemoteCustomer
from app.db import audit, bulk, clients, mappings, outgoing
from app.db.session import Session
from app.db.tables import Client
from app.errors import Fault
from app.providers.base import Capabilities
from app.sync.turn import Turn

Fields = dict[str, str]
BOTH_CHANGED = "changed_on_both_sides"
ARCHIVED = "archived_there"
_BUSY = ("in_flight", "unknown")


@dataclass(frozen=True, slots=True)
class Merge:
    """What comes of three versions: fields to take over here, fields in conflict, and what is agreed from now on."""

    taken: Fields
    conflicts: tuple[str, ...]
    base: Fields
    equal: bool


def fields_of(capabilities: Capabilities, customer: Customer) -> Fields:
    """The fields of a customer that the provider holds, flat and trimmed."""
    flat: dict[str, Any] = {**asdict(customer)}
    flat |= {f"billing_address.{part}": text for part, text in flat["billing_address"].items()}
    return {name: str(flat[name]).strip() for name in capabilities.customer_fields}


def base_after(capabilities: Capabilities, base: Mapping[str, str], sent: Customer) -> Fields:
    """What is agreed after a confirmed write. What the vendor does not clear it still holds as it was."""
    written = fields_of(capabilities, sent)
    if capabilities.clears_fields:
        return written
    return {name: text or base.get(name, "") for name, text in written.items()}


def merge(base: Mapping[str, str], ours: Fields, theirs: Fields) -> Merge:
    """Three-way, field by field. Without a base, what differs is nobody's change: ours stays, and is owed."""
    taken: Fields = {}
    conflicts: list[str] = []
    for name, text in theirs.items():
        agreed = base.get(name, text)
        if text in (agreed, ours[name]):
            continue
        if ours[name] == agreed:
            taken[name] = text
        else:
            conflicts.append(name)
    return Merge(taken, tuple(conflicts), dict(theirs), all(ours[name] == text for name, text in theirs.items()))


async def apply_customer(session: Session, turn: Turn, record: RemoteCustomer) -> bool:
    """Merge a customer as read with our client linked to it; True when the client changed here."""
    mapping = await mappings.by_external_id(
        session, turn.firm_id, Kind.customer, turn.connection_id, record.external_id
    )
    if mapping is None or mapping.state in _BUSY:
        return False
    client = await clients.get(session, turn.firm_id, mapping.client_id)
    capabilities = turn.provider.capabilities
    ours = fields_of(capabilities, customer_of(client))
    merged = merge(mapping.base, ours, fields_of(capabilities, record.customer))
    if not record.active:
        # What is archived is not read for changes: QuickBooks even adds "(deleted)" to the name. All of it comes with
        # the restoring.
        merged = replace(merged, taken={}, base=dict(mapping.base))
    told = _state(mapping, client, record, merged)
    known = {"version": record.version, "external_name": record.name, "base": _agreed(mapping.base, merged, told)}
    values: dict[str, Any] = {**known, **told}
    taken = {name: text for name, text in merged.taken.items() if not (name == "name" and not text)}
    if taken:
        await _take_over(session, turn, client, taken)
        if mapping.base_revision >= client.revision:
            values["base_revision"] = client.revision + 1
    await outgoing.mark(session, turn.firm_id, Kind.customer, mapping.id, **values)
    if taken or told.get("state") == "synced":  # what was changed here during a conflict is owed once it has ended
        await mappings.auto_push(session, turn.firm_id, Kind.customer, [client.id])
    if record.active and mapping.fault.get("code") == ARCHIVED:
        await outgoing.release_waiting(session, turn.firm_id, turn.connection_id, [client.id])
    return bool(taken)


def _agreed(base: Mapping[str, str], merged: Merge, told: Mapping[str, Any]) -> Fields:
    """What a later change of theirs is measured by: their present values, as far as somebody was told of them.

    A person who decides a conflict for ours has seen theirs. What nobody was told of stays a conflict to come.
    """
    if told.get("fault", {}).get("code") == BOTH_CHANGED:
        return merged.base
    return merged.base | {name: base.get(name, "") for name in merged.conflicts}


def _state(mapping: Any, client: Any, record: RemoteCustomer, merged: Merge) -> dict[str, Any]:
    code = mapping.fault.get("code")
    if not record.active and client.active and mapping.wanted != "deactivate":
        fault = Fault(
            code=ARCHIVED,
            message=f"{record.name} was archived at the provider; ours is kept.",
            fix="Archive ours too, or restore the one there.",
        )
        return outgoing.with_fault("conflict", fault)
    if not record.active and not client.active and mapping.state in ("pending", "conflict"):
        return outgoing.as_wanted(client.revision)
    if merged.conflicts:
        names = ", ".join(name.removeprefix("billing_address.").replace("_", " ") for name in merged.conflicts)
        fault = Fault(
            code=BOTH_CHANGED,
            message=f"{record.name} was changed here and at the provider, each differently: {names}.",
            fix="Retry to push ours over theirs, or make ours the same as theirs.",
            field=merged.conflicts[0],
        )
        return outgoing.with_fault("conflict", fault)
    if mapping.state == "conflict" and merged.equal and code in (ARCHIVED, BOTH_CHANGED):
        return outgoing.as_wanted(client.revision)
    if mapping.state == "conflict" and code == ARCHIVED:
        return {"state": "synced", "sync_error": "", "fault": {}}
    return {}


async def _take_over(session: Session, turn: Turn, client: Any, taken: Fields) -> None:
    change = {"id": client.id, "revision": client.revision + 1, **client_values(taken, client.billing_address)}
    await bulk.update_rows(session, Client, turn.firm_id, [change])
    await audit.record(
        session,
        turn.firm_id,
        actor=audit.SYSTEM,
        action="client.taken_over",
        subject=f"client:{client.id}",
        details={"connection": turn.connection_id, "fields": sorted(taken)},
    )


def client_values(taken: Fields, address: Mapping[str, str]) -> dict[str, Any]:
    """These flat fields as columns of a client with this address."""
    parts = {name.removeprefix("billing_address."): text for name, text in taken.items() if "." in name}
    values: dict[str, Any] = {name: text for name, text in taken.items() if "." not in name}
    return {**values, "billing_address": {part: text for part, text in {**address, **parts}.items() if text}}


def customer_of(client: Any) -> Customer:
    """A client of ours in the common vocabulary; a client's row, or an owed one."""
    known = {name: client.billing_address.get(name) or "" for name in Address.__dataclass_fields__}
    return Customer(
        name=client.name,
        email=client.email,
        phone=client.phone,
        company_name=client.company_name,
        currency=client.currency,
        tax_number=client.tax_number,
        billing_address=Address(**known),
        notes=client.notes,
        active=client.active,
    )
