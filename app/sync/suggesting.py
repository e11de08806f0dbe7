"""Customers found at a provider that we do not know: matched with a client, made a client, or left alone."""

from typing import Any

from app.canonical import Customer, Kind, ProviderName, RemoteCustomer
from app.db import audit, bulk, clients, connections, firms, mappings, outgoing, suggestions
from app.db.session import Session
from app.db.tables import Client
from app.errors import Conflict, NotFound
from app.providers.registry import SPECS
from app.sync.ledger import seen_again
from app.sync.merging import Fields, client_values, customer_of, fields_of

_MARK = "c-"


async def create_unknown(session: Session, firm_id: int, connection: Any, record: RemoteCustomer) -> bool:
    """A client for a customer that nobody here knows; False when it is known after all, or on its way to be."""
    if await mappings.by_external_id(session, firm_id, Kind.customer, connection.id, record.external_id) is not None:
        return False
    if record.customer.reference.startswith(_MARK):
        return False  # we wrote it, and its outcome is on its way; or it was unlinked by a person
    await _create(session, firm_id, connection, record)
    return True


async def create(session: Session, firm_id: int, suggestion_id: int, *, actor: str) -> int:
    """Make a client of a suggested customer; returns its id. Raises NotFound."""
    row = await _suggested(session, firm_id, suggestion_id)
    connection = await connections.get(session, firm_id, row.connection_id)
    client_id = await _create(session, firm_id, connection, _record(row))
    await _told(session, firm_id, actor, "created", row, client_id)
    return client_id


async def match(session: Session, firm_id: int, suggestion_id: int, client_id: int, *, actor: str) -> set[int]:
    """Link a suggested customer to a client of ours; returns the connections to wake.

    What is empty here is taken over; what differs stays as it is on both sides, ours being owed where the connection
    pushes changes. Raises NotFound, Conflict with code `already_linked`.
    """
    row = await _suggested(session, firm_id, suggestion_id)
    await firms.lock_books(session, firm_id)
    client = await clients.get(session, firm_id, client_id)
    connection = await connections.get(session, firm_id, row.connection_id)
    theirs = _theirs(connection, _record(row))
    ours = fields_of(SPECS[ProviderName(connection.provider)].capabilities, customer_of(client))
    taken = {name: text for name, text in theirs.items() if text and not ours[name]}
    same = all(ours[name] == text for name, text in theirs.items() if name not in taken)
    revision = client.revision + bool(taken)
    await _link(session, firm_id, row, client_id, theirs, revision if same else 0)
    if taken:
        change: dict[str, Any] = {"id": client_id, "revision": revision, **client_values(taken, client.billing_address)}
        await bulk.update_rows(session, Client, firm_id, [change])
    await _told(session, firm_id, actor, "matched", row, client_id)
    await outgoing.release_waiting(session, firm_id, row.connection_id, [client_id])
    woken = await mappings.auto_push(session, firm_id, Kind.customer, [client_id])
    return woken | {row.connection_id}


async def dismiss(session: Session, firm_id: int, suggestion_id: int, *, actor: str) -> None:
    """Suggest this customer no more. Raises NotFound."""
    row = await _suggested(session, firm_id, suggestion_id)
    await suggestions.dismiss(session, firm_id, suggestion_id)
    await _told(session, firm_id, actor, "dismissed", row, None)


async def _suggested(session: Session, firm_id: int, suggestion_id: int) -> Any:
    row = await suggestions.get(session, firm_id, suggestion_id)
    if row is None:
        raise NotFound(
            "There is no such suggestion, or the customer is linked by now.",
            record={"kind": "client_suggestion", "id": suggestion_id},
        )
    return row


async def _create(session: Session, firm_id: int, connection: Any, record: RemoteCustomer) -> int:
    """A client with everything the customer tells, whose home is where it came from."""
    customer: Customer = record.customer
    values: dict[str, Any] = {
        "name": record.name,
        "email": customer.email,
        "phone": customer.phone,
        "company_name": customer.company_name,
        "currency": customer.currency,
        "tax_number": customer.tax_number,
        "notes": customer.notes,
        "active": True,
        "external_ref": None,
        "connection_id": connection.id,
        **client_values({}, {k: v for k, v in _address(customer).items() if v}),
    }
    (client_id,) = await bulk.insert_rows(session, Client, firm_id, [values])
    await suggestions.link(
        session,
        firm_id,
        connection.id,
        client_id,
        external_id=record.external_id,
        name=record.name,
        version=record.version,
        base=_theirs(connection, record),
        base_revision=1,
    )
    subject = f"client:{client_id}"
    details = {"connection": connection.id, "external_id": record.external_id}
    await audit.record(session, firm_id, actor=audit.SYSTEM, action="client.pulled", subject=subject, details=details)
    return client_id


def _address(customer: Customer) -> dict[str, str]:
    address = customer.billing_address
    return {name: getattr(address, name) for name in type(address).__dataclass_fields__}


async def _link(session: Session, firm_id: int, row: Any, client_id: int, theirs: Fields, base_revision: int) -> None:
    linked = await suggestions.link(
        session,
        firm_id,
        row.connection_id,
        client_id,
        external_id=row.external_id,
        name=row.record["name"],
        version=row.version,
        base=theirs,
        base_revision=base_revision,
    )
    if not linked:
        raise Conflict(
            "This client is linked to another customer of the company already, or just being written there.",
            code="already_linked",
            record={"kind": "client", "id": client_id},
            fix="Choose another client, or wait until it is written.",
        )


def _record(row: Any) -> RemoteCustomer:
    return seen_again(row.record)


def _theirs(connection: Any, record: RemoteCustomer) -> Fields:
    return fields_of(SPECS[ProviderName(connection.provider)].capabilities, record.customer)


async def _told(session: Session, firm_id: int, actor: str, word: str, row: Any, client_id: int | None) -> None:
    details = {"connection": row.connection_id, "external_id": row.external_id, "client": client_id}
    subject = f"client:{client_id}" if client_id else f"remote_record:{row.id}"
    await audit.record(
        session, firm_id, actor=actor, action=f"client_suggestion.{word}", subject=subject, details=details
    )
