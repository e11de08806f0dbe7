"""A person at work in Xero's own pages: pay, void, edit, archive, close a period, disconnect the app."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import q2
from simulators.xero.books import Books
from simulators.xero.contacts import archive
from simulators.xero.credits import overpay as book_overpayment
from simulators.xero.documents import Writing, save_document, void
from simulators.xero.element import Element, RefusedError
from simulators.xero.model import Account, Document
from simulators.xero.money_in import NOT_AUTHORISED, TOO_MUCH, Tender, delete_payment, pay


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


def archive_customer(books: Books, contact_id: str) -> None:
    """Archive a contact. Raises LookupError."""
    archive(books, books.contacts.rows[contact_id.lower()])


def rename_customer(books: Books, contact_id: str, name: str) -> None:
    """Give a contact another name. Raises LookupError."""
    contact = books.contacts.rows[contact_id.lower()]
    books.contacts.put(replace(contact, name=name, updated=books.now))
    books.changed("CONTACT", contact.id)


def archive_account(books: Books, wanted: str) -> None:
    """Archive an account by id or code; mappings to it break. Raises LookupError."""
    account = books.accounts.get(wanted.lower()) or books.account(wanted)
    if account is None:
        raise LookupError(wanted)
    if account.system:
        raise RefusedError("System accounts cannot be archived")
    books.accounts.put(replace(account, status="ARCHIVED", updated=books.now))


def _bank_for(books: Books, currency: str) -> Account:
    """A bank account in the currency, else the first in base currency."""
    banks = [a for a in books.accounts.rows.values() if a.type == "BANK" and a.status == "ACTIVE"]
    wanted = [a for a in banks if a.currency == currency] or [a for a in banks if a.currency == books.tenant.currency]
    if not wanted:
        raise RefusedError("There is no bank account")
    return wanted[0]
