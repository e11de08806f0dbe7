"""Overpayments and prepayments: made by bank transactions, used by allocations and refunds."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from simulators.xero.books import Books, new_id
from simulators.xero.documents import HAS_PAYMENTS, check_lock
from simulators.xero.element import RefusedError
from simulators.xero.model import ZERO, Account, Document
from simulators.xero.model_cash import BankTransaction, Credit
from simulators.xero.postings import base
from simulators.xero.table import Table


def credit_of(books: Books, record: BankTransaction) -> Credit:
    """The overpayment or prepayment that this bank transaction makes, saved."""
    over = record.type.endswith("OVERPAYMENT")
    credit = Credit(
        id=record.credit_id,
        kind="overpayment" if over else "prepayment",
        type=record.type,
        contact_id=record.contact_id,
        date=record.date,
        total=record.total,
        currency=record.currency,
        account_id=record.account_id,
        updated=books.now,
        rate=record.rate,
        reference=record.reference,
        amounts="NoTax" if over else record.amounts,
        lines=() if over else record.lines,
        tax=ZERO if over else record.tax,
    )
    books.changed(credit.kind.upper(), credit.id, created=True)
    return table_of(books, credit).put(credit)


def overpay(books: Books, invoice: Document, amount: Decimal, day: date, account: Account) -> Credit:
    """Money beyond what the invoice (or bill) asked for, as bank reconciliation books it. Raises RefusedError."""
    check_lock(books, day)
    record = BankTransaction(
        id=new_id(),
        type="RECEIVE-OVERPAYMENT" if invoice.sale else "SPEND-OVERPAYMENT",
        contact_id=invoice.contact_id,
        account_id=account.id,
        date=day,
        currency=invoice.currency,
        updated=books.now,
        rate=invoice.rate,
        amounts="NoTax",
        subtotal=amount,
        total=amount,
        reconciled=True,
        credit_id=new_id(),
    )
    books.bank.put(record)
    return credit_of(books, record)


def settle_credit(books: Books, credit: Credit) -> Credit:
    """Bring what is allocated, refunded and left in step with allocations and payments."""
    used = books.allocations.find("source", credit.id)
    refunds = [p for p in books.payments.find("target", credit.id) if p.status == "AUTHORISED"]
    amounts = [a.amount for a in used] + [p.amount for p in refunds]
    allocated = sum((a.amount for a in used), ZERO)
    refunded = sum((p.amount for p in refunds), ZERO)
    books.changed(credit.kind.upper(), credit.id)
    return table_of(books, credit).put(
        replace(
            credit,
            allocated=allocated,
            refunded=refunded,
            settled=sum((base(amount, credit.rate) for amount in amounts), ZERO),
            status="PAID" if credit.total - allocated - refunded <= 0 else "AUTHORISED",
            updated=books.now,
        )
    )


def void_credit(books: Books, credit: Credit) -> Credit:
    """Take an unused overpayment or prepayment back. Raises RefusedError."""
    if credit.allocated or credit.refunded:
        raise RefusedError(HAS_PAYMENTS)
    check_lock(books, credit.date)
    books.changed(credit.kind.upper(), credit.id)
    return table_of(books, credit).put(replace(credit, status="VOIDED", updated=books.now))


def table_of(books: Books, credit: Credit) -> Table[Credit]:
    """Where it is kept."""
    return books.overpayments if credit.kind == "overpayment" else books.prepayments
