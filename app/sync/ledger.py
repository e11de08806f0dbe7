"""Canonical records as JSON, for the write-ahead ledger and the remote copies: exact both ways."""

from typing import Any

from pydantic import TypeAdapter

from app.canonical import Customer, Invoice, JournalEntry, Kind, OwnRecord, RemoteCopy, RemoteCustomer
from app.providers.base import WriteCall

_SENT: dict[Kind, TypeAdapter[Any]] = {
    Kind.customer: TypeAdapter(Customer),
    Kind.invoice: TypeAdapter(Invoice),
    Kind.journal_entry: TypeAdapter(JournalEntry),
}
_CUSTOMER = TypeAdapter(RemoteCustomer)
_SEEN: TypeAdapter[Any] = TypeAdapter(RemoteCopy)


def freeze(kind: Kind, record: OwnRecord) -> Any:
    """A record as it is sent, as JSON; amounts are exact texts."""
    return _SENT[kind].dump_python(record, mode="json")


def thaw(kind: Kind, stored: Any) -> OwnRecord:
    """The record again, exactly as it was sent."""
    record: OwnRecord = _SENT[kind].validate_python(stored)
    return record


def remote(record: RemoteCopy) -> Any:
    """A remote record as JSON."""
    return _SEEN.dump_python(record, mode="json")


def seen_again(stored: Any) -> RemoteCustomer:
    """A customer's remote copy again; copies of other kinds look alike and are never asked for here."""
    record: RemoteCustomer = _CUSTOMER.validate_python(stored)
    return record


def call_of(row: Any, item_ids: tuple[str, ...]) -> WriteCall:
    """A stored call, byte for byte as it was sent before."""
    return WriteCall(
        key=row.key,
        kind=Kind(row.kind),
        method=row.method,
        path=row.path,
        query=dict(row.query),
        headers=dict(row.headers),
        body=row.body,
        item_ids=item_ids,
    )
