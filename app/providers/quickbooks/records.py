"""Intuit's JSON to our vocabulary; `mapping` is the way there. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import cast

from app.canonical import (
    Address,
    Customer,
    DocumentState,
    Kind,
    RemoteCustomer,
    RemoteInvoice,
    RemotePayment,
    RemoteRecord,
    Settlement,
)
from app.providers.quickbooks import lists, wire
from app.providers.quickbooks.journals import to_journal
from app.providers.quickbooks.texts import MARKER, marker_in
from app.providers.quickbooks.values import amount_of, date_of, moment, text_of

ENTITIES = {
    Kind.customer: "Customer",
    Kind.invoice: "Invoice",
    Kind.payment: "Payment",
    Kind.journal_entry: "JournalEntry",
    Kind.account: "Account",
    Kind.item: "Item",
    Kind.tax_rate: "TaxCode",
}
# QuickBooks keeps what moved on bank accounts in three lists, each with ids of its own.
BANK_ENTITIES = ("Purchase", "Deposit", "Transfer")


def to_remote(kind: Kind, data: object) -> RemoteRecord:
    """A record as read. Raises ValueError for a kind that is not read, or data without an Id."""
    if not isinstance(data, dict) or not data.get("Id"):
        raise ValueError(f"QuickBooks sent a {kind} without an Id")
    if kind is Kind.customer:
        return to_customer(cast(wire.Customer, data))
    if kind is Kind.invoice:
        return to_invoice(cast(wire.Invoice, data))
    if kind is Kind.payment:
        return to_payment(cast(wire.Payment, data))
    if kind in _OTHERS:
        return _OTHERS[kind](data)
    raise ValueError(f"{kind} is not read from QuickBooks")


_OTHERS: Mapping[Kind, Callable[[Mapping[str, object]], RemoteRecord]] = {
    Kind.journal_entry: to_journal,
    Kind.account: lists.to_account,
    Kind.item: lists.to_item,
}


def to_customer(data: wire.Customer) -> RemoteCustomer:
    """A customer as read; `reference` from our marker in the notes."""
    notes = data.get("Notes") or ""
    address = data.get("BillAddr") or {}
    customer = Customer(
        name=data.get("DisplayName", ""),
        reference=marker_in(notes),
        email=(data.get("PrimaryEmailAddr") or {}).get("Address", ""),
        phone=(data.get("PrimaryPhone") or {}).get("FreeFormNumber", ""),
        company_name=data.get("CompanyName", ""),
        currency=(data.get("CurrencyRef") or {}).get("value", ""),
        billing_address=Address(
            line1=address.get("Line1", ""),
            line2=address.get("Line2", ""),
            city=address.get("City", ""),
            region=address.get("CountrySubDivisionCode", ""),
            postal_code=address.get("PostalCode", ""),
            country=address.get("Country", ""),
        ),
        notes=without_marker(notes),
        active=data.get("Active", True),
    )
    return RemoteCustomer(
        external_id=data["Id"],
        version=text_of(data.get("SyncToken")),
        name=customer.name,
        active=customer.active,
        customer=customer,
        updated_at=_updated(data.get("MetaData")),
    )


def to_invoice(data: wire.Invoice) -> RemoteInvoice:
    """An invoice as read. Its settlements are told by the payments; `currency` is "" for the company's own."""
    total = amount_of(data.get("TotalAmt"))
    balance = amount_of(data.get("Balance"))
    note = data.get("PrivateNote") or ""
    standing = DocumentState.open if balance else DocumentState.paid
    state = DocumentState.voided if _voided(total, note) else standing
    return RemoteInvoice(
        external_id=data["Id"],
        version=text_of(data.get("SyncToken")),
        number=data.get("DocNumber", ""),
        customer_id=(data.get("CustomerRef") or {}).get("value", ""),
        state=state,
        currency=(data.get("CurrencyRef") or {}).get("value", ""),
        total=total,
        tax_total=amount_of((data.get("TxnTaxDetail") or {}).get("TotalTax")),
        balance=balance,
        issue_date=date_of(data.get("TxnDate")),
        reference=marker_in(note),
        updated_at=_updated(data.get("MetaData")),
    )


def to_payment(data: wire.Payment) -> RemotePayment:
    """A payment as read, with one settlement per invoice.

    QuickBooks applies credit memos by payments of total 0, whose settlements are therefore of kind `credit_note`; in a
    payment that mixes both, `amount` counts the credit used as well. A void leaves total 0 and the note `Voided`.
    """
    total = amount_of(data.get("TotalAmt"))
    on = date_of(data.get("TxnDate"))
    set_off: dict[str, Decimal] = {}
    credits_used = Decimal(0)
    for line in data.get("Line") or []:
        amount = amount_of(line.get("Amount"))
        for link in line.get("LinkedTxn") or []:
            if link.get("TxnType") == "Invoice":
                set_off[link["TxnId"]] = set_off.get(link["TxnId"], Decimal(0)) + amount
            elif link.get("TxnType") == "CreditMemo":
                credits_used += amount
    unapplied = amount_of(data.get("UnappliedAmt"))
    # A payment of nothing against nothing settles nothing, in whatever language QuickBooks wrote its note.
    active = not _voided(total, data.get("PrivateNote") or "") and bool(total or set_off)
    kind = "payment" if total else "credit_note"
    settlements = tuple(
        Settlement(source_id=data["Id"], invoice_id=invoice, amount=amount, on=on, source_kind=kind)
        for invoice, amount in set_off.items()
    )
    return RemotePayment(
        external_id=data["Id"],
        version=text_of(data.get("SyncToken")),
        customer_id=(data.get("CustomerRef") or {}).get("value", ""),
        on=on,
        currency=(data.get("CurrencyRef") or {}).get("value", ""),
        amount=max(total + credits_used, sum(set_off.values(), unapplied)) if active else Decimal(0),
        unapplied=unapplied if active else Decimal(0),
        active=active,
        settlements=settlements if active else (),
        reference=data.get("PaymentRefNum", ""),
        updated_at=_updated(data.get("MetaData")),
    )


def without_marker(text: str) -> str:
    """A note as its author wrote it."""
    return MARKER.sub("", text).rstrip("\n")


def _voided(total: Decimal, note: str) -> bool:
    """QuickBooks has no such flag: it sets the amounts to 0 and starts the private note with `Voided`."""
    return not total and note.lstrip().startswith("Voided")


def _updated(meta: wire.MetaData | None) -> datetime | None:
    return moment(meta.get("LastUpdatedTime")) if meta else None
