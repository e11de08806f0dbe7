"""A person at work in Xero's own pages: pay, void, edit, archive, close a period, disconnect the app."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import q2
from simulators.xero.books import Books
from simulators.xero.contacts import archive
from simulators.xero.documents import Writing, save_document, void
from simulators.xero.element import Element, RefusedError
from simulators.xero.model import Document
from simulators.xero.money_in import NOT_AUTHORISED, TOO_MUCH, create_overpayment, delete_payment, pay


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
    bank = next(a for a in books.accounts.rows.values() if a.type == "BANK" and a.status == "ACTIVE")
    wanted = invoice.due_amount if amount is None else q2(amount)
    excess = max(wanted - invoice.due_amount, Decimal("0.00"))
    if wanted <= 0:
        raise RefusedError(NOT_AUTHORISED if invoice.status != "AUTHORISED" else "There is nothing to pay")
    if excess and not overpay:
        raise RefusedError(TOO_MUCH)
    out: Json = {"payment_id": None, "overpayment_id": None}
    if wanted > excess:
        out["payment_id"] = pay(books, invoice, bank, wanted - excess, day, "Bank feed").id
    if excess:
        out["overpayment_id"] = create_overpayment(books, invoice, excess, day, bank).id
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


def ledger(books: Books) -> Json:
    """The whole company as the tests compare it; amounts as text."""
    sales = [d for d in books.documents.rows.values() if d.kind == "invoice" and d.sale]
    live = [d for d in sales if d.posted]
    return {
        "customers": [
            {"id": c.id, "name": c.name, "active": c.status == "ACTIVE", "balance": str(_owed(books, c.id))}
            for c in books.contacts.rows.values()
        ],
        "invoices": [
            {
                "id": d.id, "number": d.number, "customer_id": d.contact_id, "date": d.date.isoformat(),
                "currency": d.currency, "total": str(d.total), "tax": str(d.tax),
                "balance": str(d.due_amount if d.posted else Decimal("0.00")), "status": d.status,
            }
            for d in sales
        ],
        "payments": _payments(books),
        "totals": {
            "customers": len(books.contacts.rows),
            "invoices": len(live),
            "invoiced": str(_sum(d.total for d in live)),
            "outstanding": str(_sum(d.due_amount for d in live)),
            "paid": str(_sum(d.paid for d in live)),
        },
        "trial_balance": trial_balance(books),
    }  # fmt: skip


def trial_balance(books: Books) -> list[Json]:
    """Accounts with a balance, debit or credit, in base currency."""
    rows = []
    for account_id, amount in books.ledger.balances().items():
        account = books.accounts.rows[account_id]
        debit, credit = (amount, Decimal("0.00")) if amount > 0 else (Decimal("0.00"), -amount)
        rows.append({"account": f"{account.code} {account.name}", "debit": str(debit), "credit": str(credit)})
    return sorted(rows, key=lambda row: row["account"])


def _payments(books: Books) -> list[Json]:
    rows: list[Json] = []
    for p in books.payments.rows.values():
        applied = p.status == "AUTHORISED" and p.target_kind == "invoice"
        paid = [{"invoice_id": p.target_id, "amount": str(p.amount)}]
        rows.append(
            {
                "id": p.id,
                "date": p.date.isoformat(),
                "amount": str(p.amount),
                "unapplied": "0.00",
                "status": p.status,
                "allocations": paid if applied else [],
            }
        )
    for o in books.overpayments.rows.values():
        used = [{"invoice_id": a.invoice_id, "amount": str(a.amount)} for a in books.allocations.find("source", o.id)]
        rows.append(
            {
                "id": o.id,
                "date": o.date.isoformat(),
                "amount": str(o.total),
                "unapplied": str(o.remaining),
                "status": o.status,
                "allocations": used,
            }
        )
    return rows


def _owed(books: Books, contact_id: str) -> Decimal:
    documents = [d for d in books.documents.find("contact", contact_id) if d.posted and d.sale]
    owed = _sum(d.due_amount if d.kind == "invoice" else -d.due_amount for d in documents)
    return owed - _sum(o.remaining for o in books.overpayments.find("contact", contact_id) if o.sale)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal("0.00"))
