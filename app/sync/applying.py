"""What a remote record means for our books: copies kept, payments counted, differences shown, nothing overwritten."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from app.canonical import (
    DocumentState,
    Gone,
    Kind,
    RemoteAccount,
    RemoteBankTransaction,
    RemoteCopy,
    RemoteCustomer,
    RemoteInvoice,
    RemoteItem,
    RemoteJournal,
    RemotePayment,
    RemoteRecord,
    RemoteTaxRate,
)
from app.db import bank_transactions, mappings, outgoing, remote_records, settlements
from app.db.session import Session
from app.errors import Fault
from app.sync import ledger, suggesting
from app.sync.merging import apply_customer
from app.sync.turn import Turn

KIND_OF: dict[type[RemoteRecord], Kind] = {
    RemoteCustomer: Kind.customer,
    RemoteInvoice: Kind.invoice,
    RemotePayment: Kind.payment,
    RemoteJournal: Kind.journal_entry,
    RemoteAccount: Kind.account,
    RemoteItem: Kind.item,
    RemoteTaxRate: Kind.tax_rate,
    RemoteBankTransaction: Kind.bank_transaction,
}
_BUSY = ("in_flight", "unknown")
_SETTLED_STATES = ("synced", "unchanged", "excluded", "conflict")
_DIFFERENCES = frozenset({"voided_there", "deleted_there", "total_differs"})


@dataclass(slots=True)
class Tally:
    """What applying some records did: `seen` read, `changed` copies that are new or differ, `payments` that changed.

    `transactions`: bank transactions that are new or differ. `customers`: clients of ours that changed or are new.
    `unread`: what could not be read by its id.
    """

    seen: int = 0
    changed: int = 0
    payments: int = 0
    transactions: int = 0
    customers: int = 0
    unread: int = 0

    def add(self, other: "Tally") -> None:
        """Sum up."""
        self.seen += other.seen
        self.changed += other.changed
        self.payments += other.payments
        self.transactions += other.transactions
        self.customers += other.customers
        self.unread += other.unread

    def counts(self) -> dict[str, Any]:
        """As a run's counts."""
        return asdict(self)


async def apply(session: Session, turn: Turn, records: Iterable[RemoteRecord]) -> Tally:
    """Store remote records and what follows from them, in the caller's transaction."""
    tally = Tally()
    for record in records:
        tally.seen += 1
        if isinstance(record, Gone):
            tally.changed += await _gone(session, turn, record, tally)
            continue
        tally.changed += await _keep(session, turn, record)
        if isinstance(record, RemotePayment):
            payment = record if record.currency else replace(record, currency=turn.currency)
            tally.payments += await settlements.apply_payment(session, turn.firm_id, turn.connection_id, payment)
        elif isinstance(record, RemoteCustomer):
            tally.customers += await _customer(session, turn, record)
        elif isinstance(record, RemoteInvoice):
            await _invoice(session, turn, record, tally)
        elif isinstance(record, RemoteJournal):
            await _compare(session, turn, Kind.journal_entry, record)
        elif isinstance(record, RemoteBankTransaction):
            tally.transactions += await bank_transactions.save(session, turn.firm_id, turn.connection_id, record)
    return tally


async def unknown_yet(session: Session, turn: Turn, kind: Kind, records: Sequence[RemoteRecord]) -> list[RemoteRecord]:
    """Those of a page that differ from the copies we hold; one query for all."""
    copies = await remote_records.seen(
        session, turn.firm_id, turn.connection_id, kind, [record.external_id for record in records]
    )
    return [record for record in records if not _is_known(copies.get(record.external_id), kind, record)]


def _is_known(copy: Any | None, kind: Kind, record: RemoteRecord) -> bool:
    if copy is None:
        return False
    if isinstance(record, Gone):
        return record.kind is kind and bool(copy.gone)
    same = KIND_OF[type(record)] is kind and not copy.gone and copy.version == record.version
    return same and copy.record == ledger.remote(record)


async def only(session: Session, turn: Turn, kind: Kind, records: Iterable[RemoteRecord]) -> int:
    """These records are all there are of their kind: whatever else was known is gone. Returns how many that were."""
    known = [record.external_id for record in records]
    return await remote_records.lose_others(session, turn.firm_id, turn.connection_id, kind, known)


async def _keep(session: Session, turn: Turn, record: RemoteCopy) -> bool:
    return await remote_records.save(
        session,
        turn.firm_id,
        turn.connection_id,
        KIND_OF[type(record)],
        record.external_id,
        version=record.version,
        record=ledger.remote(record),
        updated_at=record.updated_at,
    )


async def _gone(session: Session, turn: Turn, record: Gone, tally: Tally) -> bool:
    changed = await remote_records.save(
        session,
        turn.firm_id,
        turn.connection_id,
        record.kind,
        record.external_id,
        version="",
        record={},
        updated_at=record.updated_at,
        gone=True,
    )
    if record.kind is Kind.payment:
        tally.payments += await settlements.remove_payment(
            session, turn.firm_id, turn.connection_id, record.external_id
        )
    elif record.kind is Kind.bank_transaction:
        tally.transactions += await bank_transactions.remove(
            session, turn.firm_id, turn.connection_id, record.external_id
        )
    elif record.kind in mappings.TABLES:
        await _vanished(session, turn, record)
    return changed


async def _vanished(session: Session, turn: Turn, record: Gone) -> None:
    """A difference that can be mended by writing it anew, unless ours has ended as well."""
    kind = record.kind
    mapping = await mappings.by_external_id(session, turn.firm_id, kind, turn.connection_id, record.external_id)
    if mapping is None or mapping.state in _BUSY:
        return
    if await mappings.has_ended(session, turn.firm_id, kind, mapping):
        revision = await mappings.revision_of(session, turn.firm_id, kind, mapping)
        await outgoing.mark(session, turn.firm_id, kind, mapping.id, **outgoing.as_wanted(revision))
    elif mapping.state not in ("pending", "waiting"):
        fault = Fault(
            code="deleted_there",
            message="It was deleted at the provider; ours is kept.",
            fix="Void ours, or push it again as a new record.",
        )
        await _conflict(session, turn, kind, mapping, fault)


async def _customer(session: Session, turn: Turn, record: RemoteCustomer) -> bool:
    """Merge what is known; what is not becomes a suggestion by being kept, or a client where the connection says so."""
    if await apply_customer(session, turn, record):
        return True
    wanted = turn.connection.customer_pull == "create" and record.active
    return wanted and await suggesting.create_unknown(session, turn.firm_id, turn.connection, record)


async def _invoice(session: Session, turn: Turn, record: RemoteInvoice, tally: Tally) -> None:
    if record.settlements is not None:
        currency = record.currency or turn.currency
        changed = await settlements.apply_settlements(
            session, turn.firm_id, turn.connection_id, record.external_id, record.settlements, currency
        )
        tally.payments += changed
    await _compare(session, turn, Kind.invoice, record)


async def _compare(session: Session, turn: Turn, kind: Kind, record: RemoteInvoice | RemoteJournal) -> None:
    """Show what a document of ours has become there, unless an attempt of ours to change it is under way."""
    mapping = await mappings.by_external_id(session, turn.firm_id, kind, turn.connection_id, record.external_id)
    if mapping is None or mapping.state not in _SETTLED_STATES:
        return
    ours = await mappings.document_facts(session, turn.firm_id, kind, mapping)
    await outgoing.mark(session, turn.firm_id, kind, mapping.id, **_known_of(mapping, ours, record))
    what = "Invoice" if kind is Kind.invoice else "Journal entry"
    if record.state in (DocumentState.voided, DocumentState.deleted):
        if ours.status != "void":
            word = record.state.value
            fault = Fault(
                code=f"{word}_there",
                message=f"{what} {record.number} was {word} at the provider; ours is kept.",
                fix="Void ours, or push it again as a new one.",
            )
            await _differ(session, turn, kind, record.external_id, fault)
    elif ours.status != "void" and record.total != ours.total and mapping.base_revision >= ours.revision:
        fault = Fault(
            code="total_differs",
            message=f"{what} {record.number} comes to {record.total} there and to {ours.total} here.",
            fix="It was edited on one side: correct one of them.",
            field="total",
        )
        await _differ(session, turn, kind, record.external_id, fault)
    elif mapping.state == "conflict" and mapping.fault.get("code") in _DIFFERENCES and record.total == ours.total:
        await outgoing.mark(session, turn.firm_id, kind, mapping.id, state="synced", sync_error="", fault={})


def _known_of(mapping: Any, ours: mappings.DocumentFacts, record: RemoteInvoice | RemoteJournal) -> dict[str, Any]:
    """What the mapping tells of the one there. An edited amount that nobody is told of stays unknown to it.

    Otherwise ours, changed as well and not pushed yet, would one day be written over an edit that nobody has seen.
    """
    told: dict[str, Any] = {"external_number": record.number}
    if record.state in (DocumentState.voided, DocumentState.deleted):
        return told | {"version": record.version}
    if record.total != mapping.external_total and mapping.base_revision < ours.revision:
        return told
    return told | {"version": record.version, "external_total": record.total}


async def _differ(session: Session, turn: Turn, kind: Kind, external_id: str, fault: Fault) -> None:
    mapping = await mappings.by_external_id(session, turn.firm_id, kind, turn.connection_id, external_id)
    if mapping is not None and mapping.state in _SETTLED_STATES:
        await _conflict(session, turn, kind, mapping, fault)


async def _conflict(session: Session, turn: Turn, kind: Kind, mapping: Any, fault: Fault) -> None:
    await outgoing.mark(session, turn.firm_id, kind, mapping.id, **outgoing.with_fault("conflict", fault))
