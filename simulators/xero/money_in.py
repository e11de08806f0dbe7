"""Payments, allocations of credit, and overpayments."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from simulators.core.money import q2
from simulators.xero.books import Books, new_id
from simulators.xero.documents import check_lock, settle
from simulators.xero.element import Element, NotSimulatedError, RefusedError
from simulators.xero.model import Account, Allocation, Document, Overpayment, Payment, SourceKind

TYPES = {
    "ACCREC": "ACCRECPAYMENT",
    "ACCPAY": "ACCPAYPAYMENT",
    "ACCRECCREDIT": "ARCREDITPAYMENT",
    "ACCPAYCREDIT": "APCREDITPAYMENT",
    "RECEIVE-OVERPAYMENT": "AROVERPAYMENTPAYMENT",
    "SPEND-OVERPAYMENT": "APOVERPAYMENTPAYMENT",
}
NOT_AUTHORISED = "Payments can only be made against Authorised documents"
TOO_MUCH = "Payment amount exceeds the amount outstanding on this document"


def create_payment(books: Books, element: Element) -> Payment:
    """One payment from a request element. Raises RefusedError; there is no uniqueness, a retry pays twice."""
    if element.guid("PaymentID"):
        return update_payment(books, element.guid("PaymentID") or "", element)
    target = _target(books, element)
    account = _account(books, element)
    amount, day = element.number("Amount"), element.day("Date")
    if amount is None or q2(amount) <= 0:
        raise RefusedError("The payment amount must be greater than zero")
    if day is None:
        raise RefusedError("A payment date must be specified")
    reference = element.text("Reference") or ""
    return pay(
        books, target, account, q2(amount), day, reference, element.number("CurrencyRate"),
        reconciled=element.flag("IsReconciled") or False,
    )  # fmt: skip


def pay(
    books: Books,
    target: Document | Overpayment,
    account: Account,
    amount: Decimal,
    day: date,
    reference: str = "",
    rate: Decimal | None = None,
    *,
    reconciled: bool = False,
) -> Payment:
    """Record money against a document and settle it. Raises RefusedError."""
    open_amount = target.remaining if isinstance(target, Overpayment) else target.due_amount
    if target.status != "AUTHORISED":
        raise RefusedError(NOT_AUTHORISED)
    if amount > open_amount:
        raise RefusedError(TOO_MUCH)
    check_lock(books, day)
    payment = books.payments.put(
        Payment(
            id=new_id(),
            type=TYPES[target.type],
            target_kind="overpayment" if isinstance(target, Overpayment) else target.kind,
            target_id=target.id,
            account_id=account.id,
            date=day,
            amount=amount,
            updated=books.now,
            rate=rate or target.rate,
            reference=reference,
            reconciled=reconciled,
        )
    )
    _settle_target(books, payment)
    return payment


def update_payment(books: Books, payment_id: str, element: Element) -> Payment:
    """The only change a payment takes is its deletion. Raises RefusedError."""
    payment = books.payments.get(payment_id)
    if payment is None:
        raise RefusedError(f"PaymentID {payment_id} could not be found")
    if (element.text("Status") or "").upper() != "DELETED":
        raise RefusedError("Only Status accepted for updates")
    return delete_payment(books, payment)


def delete_payment(books: Books, payment: Payment) -> Payment:
    """Take a payment back; a document it had paid in full is authorised again. Raises RefusedError."""
    if payment.status == "DELETED":
        raise RefusedError("Payment has already been deleted")
    check_lock(books, payment.date)
    deleted = books.payments.put(replace(payment, status="DELETED", updated=books.now))
    _settle_target(books, deleted)
    return deleted


def create_overpayment(books: Books, invoice: Document, amount: Decimal, day: date, account: Account) -> Overpayment:
    """Money beyond what the invoice (or bill) asked for, as Xero's bank reconciliation books it."""
    check_lock(books, day)
    kind = "RECEIVE-OVERPAYMENT" if invoice.sale else "SPEND-OVERPAYMENT"
    over = Overpayment(
        id=new_id(), type=kind, contact_id=invoice.contact_id, date=day, total=amount,
        currency=invoice.currency, account_id=account.id, updated=books.now, rate=invoice.rate,
    )  # fmt: skip
    books.changed("OVERPAYMENT", over.id, created=True)
    return books.overpayments.put(over)


def allocate(books: Books, kind: SourceKind, source_id: str, element: Element) -> Allocation:
    """Use part of a credit note or overpayment for an invoice. Raises RefusedError."""
    source = _source(books, kind, source_id)
    child = element.child("Invoice")
    invoice = _invoice(books, child) if child else None
    amount = element.number("Amount")
    if invoice is None or invoice.kind != "invoice":
        raise RefusedError("An Invoice must be specified for the allocation")
    if amount is None or q2(amount) <= 0:
        raise RefusedError("The allocation amount must be greater than zero")
    if source.status != "AUTHORISED" or invoice.status != "AUTHORISED":
        raise RefusedError("Allocations can only be made between Authorised documents")
    if source.contact_id != invoice.contact_id:
        raise RefusedError("The allocation and the invoice must belong to the same contact")
    if source.sale != invoice.sale or source.currency != invoice.currency:
        raise RefusedError("The credit cannot be allocated to this type of document")
    remaining = source.remaining if isinstance(source, Overpayment) else source.due_amount
    if q2(amount) > remaining:
        raise RefusedError("The amount being allocated exceeds the remaining credit")
    if q2(amount) > invoice.due_amount:
        raise RefusedError("The amount being allocated exceeds the amount outstanding on this document")
    day = element.day("Date") or books.today
    check_lock(books, day)
    saved = books.allocations.put(Allocation(new_id(), kind, source_id, invoice.id, q2(amount), day))
    _settle_source(books, kind, source_id, day)
    settle(books, invoice, day)
    return saved


def unallocate(books: Books, allocation: Allocation) -> None:
    """Take an allocation back. Raises RefusedError in a locked period."""
    check_lock(books, allocation.date)
    books.allocations.remove(allocation.id)
    _settle_source(books, allocation.source_kind, allocation.source_id, allocation.date)
    settle(books, books.documents.rows[allocation.invoice_id], allocation.date)


def _settle_target(books: Books, payment: Payment) -> None:
    if payment.target_kind == "overpayment":
        _settle_source(books, "overpayment", payment.target_id, payment.date)
    else:
        settle(books, books.documents.rows[payment.target_id], payment.date)


def _settle_source(books: Books, kind: SourceKind, source_id: str, day: date) -> None:
    if kind == "creditnote":
        settle(books, books.documents.rows[source_id], day)
        return
    over = books.overpayments.rows[source_id]
    zero = Decimal("0.00")
    allocated = sum((a.amount for a in books.allocations.find("source", source_id)), zero)
    live = (p for p in books.payments.find("target", source_id) if p.status == "AUTHORISED")
    refunded = sum((p.amount for p in live), zero)
    status = "PAID" if over.total - allocated - refunded <= 0 else "AUTHORISED"
    books.overpayments.put(replace(over, allocated=allocated, refunded=refunded, status=status, updated=books.now))


def _source(books: Books, kind: SourceKind, source_id: str) -> Document | Overpayment:
    found: Document | Overpayment | None
    found = books.documents.get(source_id) if kind == "creditnote" else books.overpayments.get(source_id)
    if found is None or (isinstance(found, Document) and found.kind != "creditnote"):
        raise RefusedError("The credit to allocate could not be found")
    return found


def _target(books: Books, element: Element) -> Document | Overpayment:
    """The document that the payment names; exactly one of four keys."""
    if element.has("Prepayment"):
        raise NotSimulatedError("payments of prepayments")
    number = element.text("InvoiceNumber")
    invoice = element.child("Invoice") or (Element({"InvoiceNumber": number}) if number else None)
    note, over = element.child("CreditNote"), element.child("Overpayment")
    if sum(x is not None for x in (invoice, note, over)) != 1:
        raise RefusedError("Exactly one of Invoice, CreditNote, Prepayment or Overpayment must be specified")
    found: Document | Overpayment | None = None
    if invoice is not None:
        found = _invoice(books, invoice)
    elif note is not None:
        found = books.documents.get(note.guid("CreditNoteID"))
        if found is None and (code := note.text("CreditNoteNumber")):
            found = next(iter(books.documents.find("creditnote-number", code.lower())), None)
    elif over is not None:
        found = books.overpayments.get(over.guid("OverpaymentID"))
    if found is None:
        raise RefusedError("Invoice could not be found" if invoice else "The document to pay could not be found")
    return found


def _invoice(books: Books, element: Element) -> Document | None:
    if wanted := element.guid("InvoiceID"):
        doc = books.documents.get(wanted)
        return doc if doc is not None and doc.kind == "invoice" else None
    number = element.text("InvoiceNumber")
    return next(iter(books.documents.find("invoice-number", number.lower())), None) if number else None


def _account(books: Books, element: Element) -> Account:
    child = element.child("Account") or (Element({"Code": element.text("Code")}) if element.has("Code") else None)
    if child is None:
        raise RefusedError("An Account must be specified")
    account = books.accounts.get(child.guid("AccountID")) or books.account(child.text("Code") or "")
    if account is None:
        raise RefusedError("Account could not be found")
    if account.status != "ACTIVE":
        raise RefusedError("The account is archived")
    if account.type != "BANK" and not account.payments:
        raise RefusedError("The account must be a bank account or have payments enabled")
    return account
