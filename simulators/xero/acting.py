"""A person at work in Xero's own pages: pay, void, edit, archive, close a period, disconnect the app."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TypeVar

from simulators.core.http import Json
from simulators.core.money import q2
from simulators.xero.books import Books
from simulators.xero.contacts import archive, save_contact
from simulators.xero.credits import overpay as book_overpayment
from simulators.xero.documents import Writing, save_document, void
from simulators.xero.element import Element, RefusedError
from simulators.xero.model import Account, Document
from simulators.xero.model_cash import BankTransaction, Credit
from simulators.xero.money_in import NOT_AUTHORISED, TOO_MUCH, Tender, delete_payment, pay
from simulators.xero.settings import save_account
from simulators.xero.table import Table

M = TypeVar("M", Document, BankTransaction, Credit)


def find_invoice(books: Books, wanted: str) -> Document:
    """By id or number. Raises LookupError."""
    doc = books.documents.get(wanted.lower())
    doc = doc or next(iter(books.documents.find("invoice-number", wanted.lower())), None)
    if doc is None or doc.kind != "invoice":
        raise LookupError(wanted)
    return doc


def pay_invoice(books: Books, invoice: Document, amount: Decimal | None, day: date, *, overpay: bool) -> Json:
    """Receive money into the first bank account; what is above the balance becomes an Overpayment if allowed.

    An invoice that is already paid is not touched: no event of it tells about the second payment.
    Raises RefusedError.
    """
    bank = _bank_for(books, invoice.currency)
    wanted = invoice.due_amount if amount is None else q2(amount)
    excess = max(wanted - invoice.due_amount, Decimal("0.00"))
    if wanted <= 0:
        raise RefusedError(NOT_AUTHORISED if invoice.status != "AUTHORISED" else "There is nothing to pay")
    if excess and not overpay:
        raise RefusedError(TOO_MUCH)
    out: Json = {"payment_id": None, "overpayment_id": None}
    if wanted > excess:
        out["payment_id"] = pay(books, invoice, Tender(bank, wanted - excess, day, "Bank feed")).id
    if excess:
        out["overpayment_id"] = book_overpayment(books, invoice, excess, day, bank).id
    return out


def void_payment(books: Books, payment_id: str) -> None:
    """Remove a payment. Raises LookupError, RefusedError."""
    delete_payment(books, books.payments.rows[payment_id.lower()])


def edit_invoice(books: Books, invoice: Document, changes: Json) -> None:
    """Change fields by their API names (Reference, DueDate, LineItems …). Raises RefusedError."""
    save_document(books, "invoice", Element(changes), Writing(put=False, path_id=invoice.id))


def void_invoice(books: Books, invoice: Document) -> None:
    """Void an approved invoice without payments. Raises RefusedError."""
    void(books, invoice)


def delete_invoice(books: Books, invoice: Document) -> None:
    """Delete a draft. Raises RefusedError for an approved one: Xero only voids those."""
    save_document(books, "invoice", Element({"Status": "DELETED"}), Writing(put=False, path_id=invoice.id))


def email_invoice(books: Books, invoice: Document) -> None:
    """Send an approved invoice: nothing leaves, but it says that it was sent. Raises RefusedError."""
    if not invoice.posted:
        raise RefusedError("Only approved invoices are sent")
    # Of a part-paid invoice Xero leaves UpdatedDateUTC alone.
    touched = invoice.updated if invoice.paid or invoice.credited else books.now
    books.documents.put(replace(invoice, sent=True, updated=touched))
    books.changed("INVOICE", invoice.id)


def archive_customer(books: Books, contact_id: str) -> None:
    """Archive a contact. Raises LookupError."""
    archive(books, books.contacts.rows[contact_id.lower()])


def edit_customer(books: Books, contact_id: str, changes: Json) -> None:
    """Change fields of a contact by their API names. Raises LookupError, RefusedError."""
    contact = books.contacts.rows[contact_id.lower()]
    save_contact(books, Element(changes), put=False, contact_id=contact.id)


def merge_customers(books: Books, contact_id: str, into: str) -> int:
    """Merge a contact into another: its documents move, it is archived and says where it went; how many moved.

    Raises LookupError, RefusedError. What Xero does to UpdatedDateUTC of the documents is not documented: they keep it.
    """
    gone, kept = books.contacts.rows[contact_id.lower()], books.contacts.rows[into.lower()]
    if gone.id == kept.id or gone.status != "ACTIVE" or kept.status != "ACTIVE":
        raise RefusedError("Two different active contacts are needed")
    moved = _moved(books.documents, gone.id, kept.id) + _moved(books.bank, gone.id, kept.id)
    moved += _moved(books.overpayments, gone.id, kept.id) + _moved(books.prepayments, gone.id, kept.id)
    books.contacts.put(replace(gone, status="ARCHIVED", merged_into=kept.id, updated=books.now))
    fresh = replace(kept, is_customer=kept.is_customer or gone.is_customer, updated=books.now)
    books.contacts.put(replace(fresh, is_supplier=kept.is_supplier or gone.is_supplier))
    for key in (gone.id, kept.id):
        books.changed("CONTACT", key)
    return moved


def set_account_status(books: Books, wanted: str, status: str) -> None:
    """Archive or restore an account by id or code; mappings to an archived one break.

    Raises LookupError, RefusedError.
    """
    account = books.accounts.get(wanted.lower()) or books.account(wanted)
    if account is None:
        raise LookupError(wanted)
    save_account(books, Element({"Status": status}), account)


def delete_item(books: Books, wanted: str) -> None:
    """Delete an item by id or code. Raises LookupError."""
    item = books.items.get(wanted.lower()) or next(iter(books.items.find("code", wanted.lower())), None)
    if item is None:
        raise LookupError(wanted)
    books.items.remove(item.id)


def _moved(table: Table[M], gone: str, kept: str) -> int:
    found = table.find("contact", gone)
    for record in found:
        table.put(replace(record, contact_id=kept))
    return len(found)


def _bank_for(books: Books, currency: str) -> Account:
    """A bank account in the currency, else the first in base currency."""
    banks = [a for a in books.accounts.rows.values() if a.type == "BANK" and a.status == "ACTIVE"]
    wanted = [a for a in banks if a.currency == currency] or [a for a in banks if a.currency == books.tenant.currency]
    if not wanted:
        raise RefusedError("There is no bank account")
    return wanted[0]
