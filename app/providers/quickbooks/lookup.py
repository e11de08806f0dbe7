"""Is this record of ours already there? Finds it by what identifies it and says what differs."""

from collections.abc import Iterable, Sequence
from typing import cast

from app.canonical import (
    Customer,
    DocumentState,
    Gone,
    Invoice,
    JournalEntry,
    Operation,
    RemoteCustomer,
    RemoteInvoice,
    RemoteJournal,
    RemoteRecord,
)
from app.providers.base import Match, WriteItem
from app.providers.quickbooks import journals, texts, wire
from app.providers.quickbooks.journals import to_journal
from app.providers.quickbooks.reading import ANY_STATE, Reader, Row
from app.providers.quickbooks.records import to_customer, to_invoice
from app.providers.quickbooks.sources import source_of
from app.providers.quickbooks.spec import PAGE_ROWS
from app.providers.quickbooks.values import quoted, text_of


async def find(reader: Reader, item: WriteItem) -> Match | None:
    """See `AccountingProvider.find`; for an update, void or deactivation: whether the record is as `item` wants it."""
    if item.external_id:
        found = (await reader.by_ids(source_of(item.kind), [item.external_id]))[0]
        return None if isinstance(found, Gone) else _as_wanted(item, found)
    if isinstance(item.record, Invoice):
        return await _find_invoice(reader, item.record)
    if isinstance(item.record, JournalEntry):
        return await _find_journal(reader, item.record)
    return await _find_customer(reader, item.record)


async def _find_invoice(reader: Reader, invoice: Invoice) -> Match | None:
    """By number; unless that is ours, by customer and date too: renumbered since, it still carries our marker."""
    numbered: list[RemoteInvoice] = []
    if invoice.number:
        rows, _ = await reader.query("Invoice", f"DocNumber = {quoted(invoice.number)}")
        numbered = _invoices(rows)
    ours = _marked(invoice, numbered)
    if not ours:
        condition = f"CustomerRef = {quoted(invoice.customer)} AND TxnDate = {quoted(invoice.issue_date.isoformat())}"
        rows, _ = await reader.query("Invoice", condition)
        ours = _marked(invoice, _invoices(rows))
    best = next(iter(ours or numbered), None)
    return _match(best, best.number, _invoice_differences(invoice, best)) if best else None


async def _find_journal(reader: Reader, entry: JournalEntry) -> Match | None:
    """By number; unless that is ours, among all of its day: renumbered since, it still carries our marker."""
    rows, _ = await reader.query("JournalEntry", f"DocNumber = {quoted(entry.number)}")
    numbered = [to_journal(row) for row in rows]
    ours = journals.marked(entry, numbered)
    if not ours:
        ours = journals.marked(entry, await _of_day(reader, entry.on.isoformat()))
    best = next(iter(ours or numbered), None)
    return _match(best, best.number, journals.differences(entry, best)) if best else None


async def _of_day(reader: Reader, day: str) -> list[RemoteJournal]:
    found: list[RemoteJournal] = []
    while True:
        rows, _ = await reader.query("JournalEntry", f"TxnDate = {quoted(day)}", "Id", len(found) + 1)
        found += [to_journal(row) for row in rows]
        if len(rows) < PAGE_ROWS:
            return found


async def _find_customer(reader: Reader, customer: Customer) -> Match | None:
    """By name, which is unique across customers, vendors and employees, the inactive included."""
    condition = f"DisplayName = {quoted(customer.name)} AND {ANY_STATE}"
    rows, _ = await reader.query("Customer", condition)
    if rows:
        remote = to_customer(cast(wire.Customer, rows[0]))
        return _match(remote, remote.name, _identity_differences(customer, remote))
    for entity, word in (("Vendor", "a vendor"), ("Employee", "an employee")):
        rows, _ = await reader.query(entity, condition)
        if rows:
            state = "" if rows[0].get("Active", True) else " who is inactive"
            # Not a customer: without an id nobody can adopt it by mistake.
            label = text_of(rows[0].get("DisplayName"))
            return Match(
                external_id="", version="", label=label, equal=False, difference=f"the name belongs to {word}{state}"
            )
    return None


def _as_wanted(item: WriteItem, found: RemoteRecord) -> Match:
    match found, item.record:
        case RemoteInvoice() as remote, Invoice() as invoice:
            if item.operation is Operation.void:
                differences = [] if remote.state is DocumentState.voided else ["it is not voided"]
            else:
                differences = _invoice_differences(invoice, remote)
            return _match(remote, remote.number, differences)
        case RemoteJournal() as remote, JournalEntry() as entry:
            return _match(remote, remote.number, journals.differences(entry, remote))
        case RemoteCustomer() as customer, Customer() as wanted:
            if item.operation is Operation.deactivate:
                differences = ["it is active"] if customer.active else []
            else:
                differences = _customer_differences(wanted, customer)
            return _match(customer, customer.name, differences)
    raise ValueError(f"a {item.kind} is looked up as a {type(item.record).__name__}")


def _match(remote: RemoteInvoice | RemoteCustomer | RemoteJournal, label: str, differences: Sequence[str]) -> Match:
    return Match(
        external_id=remote.external_id,
        version=remote.version,
        label=label,
        equal=not differences,
        total=None if isinstance(remote, RemoteCustomer) else remote.total,
        difference="; ".join(differences),
    )


def _invoices(rows: Iterable[Row]) -> list[RemoteInvoice]:
    return [to_invoice(cast(wire.Invoice, row)) for row in rows]


def _marked(invoice: Invoice, candidates: Iterable[RemoteInvoice]) -> list[RemoteInvoice]:
    return [remote for remote in candidates if invoice.reference and remote.reference == invoice.reference]


def _invoice_differences(invoice: Invoice, remote: RemoteInvoice) -> list[str]:
    pairs = (
        ("number", invoice.number or remote.number, remote.number),
        ("total", invoice.total, remote.total),
        ("date", invoice.issue_date, remote.issue_date),
    )
    differences = [f"{name} is {theirs} there and {ours} here" for name, ours, theirs in pairs if ours != theirs]
    if invoice.customer != remote.customer_id:
        differences.append("it belongs to another customer there")
    if remote.state is DocumentState.voided:
        differences.append("it is voided there")
    return differences + texts.marker_difference(invoice.reference, remote.reference)


def _identity_differences(customer: Customer, remote: RemoteCustomer) -> list[str]:
    differences = [] if remote.active else ["it is inactive there"]
    return differences + texts.marker_difference(customer.reference, remote.customer.reference)


def _customer_differences(wanted: Customer, remote: RemoteCustomer) -> list[str]:
    """Only what an update sends counts; the country is left out as it may come back as another code."""
    found = remote.customer
    pairs = (
        ("name", wanted.name, found.name),
        ("company name", wanted.company_name, found.company_name),
        ("e-mail", wanted.email, found.email),
        ("phone", wanted.phone, found.phone),
        ("street", wanted.billing_address.line1, found.billing_address.line1),
        ("second address line", wanted.billing_address.line2, found.billing_address.line2),
        ("city", wanted.billing_address.city, found.billing_address.city),
        ("region", wanted.billing_address.region, found.billing_address.region),
        ("postal code", wanted.billing_address.postal_code, found.billing_address.postal_code),
        ("notes", wanted.notes, found.notes),
    )
    changed = ((name, ours, theirs) for name, ours, theirs in pairs if ours and ours != theirs)
    differences = [f"{name} is {theirs!r} there and {ours!r} here" for name, ours, theirs in changed]
    return differences + texts.marker_difference(wanted.reference, found.reference)
