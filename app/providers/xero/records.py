"""Xero's JSON to our vocabulary; `mapping` is the way there. Pure, and open to values Xero invents later."""

from collections.abc import Hashable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import TypeVar

from app.canonical import (
    Address,
    Customer,
    DocumentState,
    RemoteCustomer,
    RemoteInvoice,
    RemotePayment,
    Settlement,
)
from app.providers.xero.values import Element, amount, child, children, day, identifier, moment, text

_STATES = {
    "DRAFT": DocumentState.draft,
    "SUBMITTED": DocumentState.draft,
    "AUTHORISED": DocumentState.open,
    "PAID": DocumentState.paid,
    "VOIDED": DocumentState.voided,
    "DELETED": DocumentState.deleted,
}
_ENDED = frozenset({DocumentState.voided, DocumentState.deleted})
_Key = TypeVar("_Key", bound=Hashable)
# Where an invoice lists what was set against it, the id and the amount of one entry, and our word for it.
_SETTLED_BY = (
    ("Payments", "PaymentID", "Amount", "payment"),
    ("CreditNotes", "CreditNoteID", "AppliedAmount", "credit_note"),
    ("Overpayments", "OverpaymentID", "AppliedAmount", "overpayment"),
    ("Prepayments", "PrepaymentID", "AppliedAmount", "prepayment"),
)


def version_of(element: Element) -> str:
    """When Xero last changed the record; it has no other version number."""
    updated = moment(element.get("UpdatedDateUTC"))
    return "" if updated is None else updated.isoformat()


def is_sale(element: Element) -> bool:
    """Whether a document is a sales invoice; Xero keeps bills in the same list."""
    return text(element, "Type") == "ACCREC"


def state_of(element: Element) -> DocumentState:
    """What became of the document; a status we do not know counts as a draft, which changes nothing here."""
    return _STATES.get(text(element, "Status"), DocumentState.draft)


def to_invoice(element: Element) -> RemoteInvoice:
    """An invoice read by page or by id (a list without pages leaves out what was paid)."""
    state = state_of(element)
    ended = state in _ENDED
    return RemoteInvoice(
        external_id=identifier(element, "InvoiceID"),
        version=version_of(element),
        number=text(element, "InvoiceNumber"),
        customer_id=identifier(child(element, "Contact"), "ContactID"),
        state=state,
        currency=text(element, "CurrencyCode"),
        total=amount(element, "Total"),
        tax_total=amount(element, "TotalTax"),
        # A voided invoice still shows the amount that was due before.
        balance=Decimal(0) if ended else amount(element, "AmountDue"),
        issue_date=day(element.get("Date")),
        fully_paid_on=None if ended else day(element.get("FullyPaidOnDate")),
        reference=text(element, "Reference"),
        settlements=() if ended else _settlements(element),
        updated_at=moment(element.get("UpdatedDateUTC")),
    )


def to_sale(element: Element) -> RemoteInvoice | None:
    """`to_invoice` for a sales invoice, None for a bill."""
    return to_invoice(element) if is_sale(element) else None


def to_payment(element: Element) -> RemotePayment | None:
    """A payment of a sales invoice; None for any other (bills, refunds). It always belongs to one invoice, in full."""
    invoice = child(element, "Invoice")
    if not is_sale(invoice) or text(element, "PaymentType") not in {"", "ACCRECPAYMENT"}:
        return None
    payment_id = identifier(element, "PaymentID")
    paid = amount(element, "Amount")
    on = day(element.get("Date"))
    active = text(element, "Status") != "DELETED"
    settlement = Settlement(
        source_id=payment_id, invoice_id=identifier(invoice, "InvoiceID"), amount=paid, on=on, source_kind="payment"
    )
    return RemotePayment(
        external_id=payment_id,
        version=version_of(element),
        customer_id=identifier(child(invoice, "Contact"), "ContactID"),
        on=on,
        currency=text(invoice, "CurrencyCode"),
        amount=paid,
        unapplied=Decimal(0),
        active=active,
        settlements=(settlement,) if active else (),
        reference=text(element, "Reference"),
        updated_at=moment(element.get("UpdatedDateUTC")),
    )


def to_overpayment(element: Element) -> RemotePayment | None:
    """What customers paid beyond their invoices: a record of its own, of which parts are set against other invoices.

    None for an overpaid bill. What was paid back lowers the rest, and is no payment of ours (reference section 3.13).
    """
    if text(element, "Type") != "RECEIVE-OVERPAYMENT":
        return None
    overpayment_id = identifier(element, "OverpaymentID")
    active = text(element, "Status") not in {"VOIDED", "DELETED"}
    merged = _merged(_allocations(element)) if active else {}
    return RemotePayment(
        external_id=overpayment_id,
        version=version_of(element),
        customer_id=identifier(child(element, "Contact"), "ContactID"),
        on=day(element.get("Date")),
        currency=text(element, "CurrencyCode"),
        amount=amount(element, "Total"),
        unapplied=amount(element, "RemainingCredit") if active else Decimal(0),
        active=active,
        settlements=tuple(
            Settlement(
                source_id=overpayment_id, invoice_id=invoice_id, amount=settled, on=on, source_kind="overpayment"
            )
            for invoice_id, (settled, on) in merged.items()
        ),
        source_kind="overpayment",
        reference=text(element, "Reference"),
        updated_at=moment(element.get("UpdatedDateUTC")),
    )


def to_customer(element: Element) -> RemoteCustomer:
    """A contact. Archived and erased ones are inactive; our reference is its ContactNumber."""
    name = text(element, "Name")
    active = text(element, "ContactStatus") in {"", "ACTIVE"}
    return RemoteCustomer(
        external_id=identifier(element, "ContactID"),
        version=version_of(element),
        name=name,
        active=active,
        customer=Customer(
            name=name,
            reference=text(element, "ContactNumber"),
            email=text(element, "EmailAddress"),
            phone=_phone(element),
            currency=text(element, "DefaultCurrency"),
            tax_number=text(element, "TaxNumber"),
            billing_address=_address(element),
            active=active,
        ),
        updated_at=moment(element.get("UpdatedDateUTC")),
    )


def _settlements(element: Element) -> tuple[Settlement, ...] | None:
    if not any(key in element for key, _, _, _ in _SETTLED_BY):
        return None
    invoice_id = identifier(element, "InvoiceID")
    return tuple(
        Settlement(source_id=source_id, invoice_id=invoice_id, amount=settled, on=on, source_kind=source_kind)
        for (source_kind, source_id), (settled, on) in _merged(_entries(element)).items()
    )


def _merged(entries: Iterable[tuple[_Key, Decimal, date | None]]) -> dict[_Key, tuple[Decimal, date | None]]:
    """A credit may be set against the same invoice twice: one settlement, the sum, and the later day."""
    merged: dict[_Key, tuple[Decimal, date | None]] = {}
    for key, settled, on in entries:
        before, earlier = merged.get(key, (Decimal(0), None))
        later = max((one for one in (earlier, on) if one is not None), default=None)
        merged[key] = before + settled, later
    return merged


def _entries(element: Element) -> Iterator[tuple[tuple[str, str], Decimal, date | None]]:
    for key, id_key, amount_key, source_kind in _SETTLED_BY:
        for entry in children(element, key):
            if text(entry, "Status") != "DELETED":
                yield (source_kind, identifier(entry, id_key)), amount(entry, amount_key), day(entry.get("Date"))


def _allocations(element: Element) -> Iterator[tuple[str, Decimal, date | None]]:
    for entry in children(element, "Allocations"):
        if entry.get("IsDeleted") is not True:
            invoice_id = identifier(child(entry, "Invoice"), "InvoiceID")
            yield invoice_id, amount(entry, "Amount"), day(entry.get("Date"))


def _phone(element: Element) -> str:
    phone = next((one for one in children(element, "Phones") if text(one, "PhoneType") == "DEFAULT"), {})
    parts = (text(phone, key) for key in ("PhoneCountryCode", "PhoneAreaCode", "PhoneNumber"))
    return " ".join(part for part in parts if part)


def _address(element: Element) -> Address:
    address = next((one for one in children(element, "Addresses") if text(one, "AddressType") == "POBOX"), {})
    further = (text(address, f"AddressLine{number}") for number in (2, 3, 4))
    return Address(
        line1=text(address, "AddressLine1"),
        line2=", ".join(line for line in further if line),
        city=text(address, "City"),
        region=text(address, "Region"),
        postal_code=text(address, "PostalCode"),
        country=text(address, "Country"),
    )
