"""Payments, and allocations of credit notes, overpayments and prepayments."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from simulators.core.money import q2
from simulators.xero.books import Books, new_id
from simulators.xero.credits import settle_credit
from simulators.xero.documents import check_lock, rate_of, settle
from simulators.xero.element import Element, RefusedError
from simulators.xero.model import Account, Document, SourceKind
from simulators.xero.model_cash import Allocation, Credit, Payment
from simulators.xero.postings import base
from simulators.xero.table import Table

TYPES = {
    "ACCREC": "ACCRECPAYMENT",
    "ACCPAY": "ACCPAYPAYMENT",
    "ACCRECCREDIT": "ARCREDITPAYMENT",
    "ACCPAYCREDIT": "APCREDITPAYMENT",
    "RECEIVE-OVERPAYMENT": "AROVERPAYMENTPAYMENT",
    "SPEND-OVERPAYMENT": "APOVERPAYMENTPAYMENT",
    "RECEIVE-PREPAYMENT": "ARPREPAYMENTPAYMENT",
    "SPEND-PREPAYMENT": "APPREPAYMENTPAYMENT",
}
NOT_AUTHORISED = "Payments can only be made against Authorised documents"
TOO_MUCH = "Payment amount exceeds the amount outstanding on this document"


@dataclass(frozen=True)
class Tender:
    """The money of a payment. `bank_amount`, in the currency of the bank account, overrides the rate."""

    account: Account
    amount: Decimal
    date: date
    reference: str = ""
    rate: Decimal | None = None
    bank_amount: Decimal | None = None
    reconciled: bool = False


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
    tender = Tender(
        account, q2(amount), day, element.text("Reference") or "", rate_of(books, element, target.currency),
        element.number("BankAmount"), element.flag("IsReconciled") or False,
    )  # fmt: skip
    return pay(books, target, tender)


def pay(books: Books, target: Document | Credit, tender: Tender) -> Payment:
    """Record money against a document and settle it. Raises RefusedError."""
    open_amount = target.remaining if isinstance(target, Credit) else target.due_amount
    if target.status != "AUTHORISED":
        raise RefusedError(NOT_AUTHORISED)
    if tender.amount > open_amount:
        raise RefusedError(TOO_MUCH)
    check_lock(books, tender.date)
    rate, banked = _exchange(books, target, tender)
    payment = books.payments.put(
        Payment(
            id=new_id(),
            type=TYPES[target.type],
            target_kind=target.kind,
            target_id=target.id,
            account_id=tender.account.id,
            date=tender.date,
            amount=tender.amount,
            bank_amount=banked,
            updated=books.now,
            rate=rate,
            reference=tender.reference,
            reconciled=tender.reconciled,
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


def allocate(books: Books, kind: SourceKind, source_id: str, element: Element) -> Allocation:
    """Use part of a credit note, overpayment or prepayment for an invoice. Raises RefusedError."""
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
    remaining = source.remaining if isinstance(source, Credit) else source.due_amount
    if q2(amount) > remaining:
        raise RefusedError("The amount being allocated exceeds the remaining credit")
    if q2(amount) > invoice.due_amount:
        raise RefusedError("The amount being allocated exceeds the amount outstanding on this document")
    day = element.day("Date") or books.today
    check_lock(books, day)
    saved = books.allocations.put(Allocation(new_id(), kind, source_id, invoice.id, q2(amount), day))
    _settle(books, source, day)
    settle(books, invoice, day)
    return saved


def unallocate(books: Books, allocation: Allocation) -> None:
    """Take an allocation back. Raises RefusedError in a locked period."""
    check_lock(books, allocation.date)
    source = books.source_of(allocation)
    books.allocations.remove(allocation.id)
    _settle(books, source, allocation.date)
    settle(books, books.documents.rows[allocation.invoice_id], allocation.date)


def _exchange(books: Books, target: Document | Credit, tender: Tender) -> tuple[Decimal, Decimal]:
    """The rate of a payment, and what the bank account sees. Raises RefusedError for a third currency."""
    account, amount, rate, bank_amount = tender.account, tender.amount, tender.rate, tender.bank_amount
    home = books.tenant.currency
    if account.currency not in ("", home, target.currency):
        raise RefusedError(f"A document in {target.currency} cannot be paid from an account in {account.currency}")
    if bank_amount is not None and q2(bank_amount) <= 0:
        raise RefusedError("The BankAmount must be greater than zero")
    if target.currency == home:
        return Decimal(1), amount
    if account.currency == target.currency:
        return rate or target.rate, amount
    if bank_amount is not None:
        return (amount / q2(bank_amount)).quantize(Decimal("0.000001")), q2(bank_amount)
    return rate or target.rate, base(amount, rate or target.rate)


def _settle_target(books: Books, payment: Payment) -> None:
    _settle(books, books.target_of(payment), payment.date)


def _settle(books: Books, target: Document | Credit, day: date) -> None:
    if isinstance(target, Credit):
        settle_credit(books, target)
    else:
        settle(books, target, day)


def _source(books: Books, kind: SourceKind, source_id: str) -> Document | Credit:
    tables: dict[str, Table[Document] | Table[Credit]] = {
        "creditnote": books.documents, "overpayment": books.overpayments, "prepayment": books.prepayments,
    }  # fmt: skip
    found = tables[kind].get(source_id)
    if found is None or found.kind != kind:
        raise RefusedError("The credit to allocate could not be found")
    return found


def _target(books: Books, element: Element) -> Document | Credit:
    """The document that the payment names; exactly one of four keys."""
    number, note_number = element.text("InvoiceNumber"), element.text("CreditNoteNumber")
    invoice = element.child("Invoice") or (Element({"InvoiceNumber": number}) if number else None)
    note = element.child("CreditNote") or (Element({"CreditNoteNumber": note_number}) if note_number else None)
    over, pre = element.child("Overpayment"), element.child("Prepayment")
    if sum(x is not None for x in (invoice, note, over, pre)) != 1:
        raise RefusedError("Exactly one of Invoice, CreditNote, Prepayment or Overpayment must be specified")
    found: Document | Credit | None = None
    if invoice is not None:
        found = _invoice(books, invoice)
    elif note is not None:
        found = _note(books, note)
    elif over is not None:
        found = books.overpayments.get(over.guid("OverpaymentID"))
    elif pre is not None:
        found = books.prepayments.get(pre.guid("PrepaymentID"))
    if found is None:
        raise RefusedError("Invoice could not be found" if invoice else "The document to pay could not be found")
    return found


def _note(books: Books, element: Element) -> Document | None:
    found = books.documents.get(element.guid("CreditNoteID"))
    if found is None and (code := element.text("CreditNoteNumber")):
        found = next(iter(books.documents.find("creditnote-number", code.lower())), None)
    return found if found is not None and found.kind == "creditnote" else None


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
