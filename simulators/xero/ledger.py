"""Double-entry postings, derived from each document, with running totals per account.

Amounts are signed: debits positive, credits negative, in the organisation's base currency.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from simulators.core.money import q2
from simulators.xero.model import ZERO, Document, Overpayment, Payment

if TYPE_CHECKING:
    from simulators.xero.books import Books

Entry = tuple[str, Decimal]


class Ledger:
    """Entries by source document. Posting a source again replaces what it had posted."""

    def __init__(self) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self._balances: dict[str, Decimal] = {}

    def post(self, source: str, entries: Iterable[Entry]) -> None:
        """Replace the entries of one source. Raises ValueError when they do not balance."""
        fresh = [(account, amount) for account, amount in entries if amount]
        if sum((amount for _, amount in fresh), ZERO) != 0:
            raise ValueError(f"unbalanced posting for {source}: {fresh}")
        for account, amount in self._entries.pop(source, []):
            self._balances[account] -= amount
        for account, amount in fresh:
            self._balances[account] = self._balances.get(account, ZERO) + amount
        if fresh:
            self._entries[source] = fresh

    def balance(self, account_id: str) -> Decimal:
        """Debits minus credits of one account."""
        return self._balances.get(account_id, ZERO)

    def balances(self) -> dict[str, Decimal]:
        """All accounts that are not at zero."""
        return {account: amount for account, amount in self._balances.items() if amount}


def document_entries(books: "Books", doc: Document) -> list[Entry]:
    """A sale debits receivables and credits income and tax; bills and credit notes turn the signs."""
    sign = 1 if doc.sale == (doc.kind == "invoice") else -1
    control = books.system_account("DEBTORS" if doc.sale else "CREDITORS").id
    tax_account = books.system_account("GST").id
    entries = [(control, sign * _base(doc.total, doc.rate))]
    for line in doc.lines:
        account = books.account(line.account_code)
        net = line.amount - line.tax if doc.amounts == "Inclusive" else line.amount
        if account is not None:
            entries.append((account.id, -sign * _base(net, doc.rate)))
        entries.append((tax_account, -sign * _base(line.tax, doc.rate)))
    return _squared(books, entries, "ROUNDING")


def payment_entries(books: "Books", payment: Payment) -> list[Entry]:
    """Money in debits the bank and credits receivables (or payables for a refund from a supplier)."""
    sale, document_rate = _target(books, payment)
    incoming = sale == (payment.target_kind == "invoice")
    sign = 1 if incoming else -1
    control = books.system_account("DEBTORS" if sale else "CREDITORS").id
    entries = [
        (payment.account_id, sign * _base(payment.amount, payment.rate)),
        (control, -sign * _base(payment.amount, document_rate)),
    ]
    return _squared(books, entries, "BANKCURRENCYGAIN")


def overpayment_entries(books: "Books", over: Overpayment) -> list[Entry]:
    """The excess sits on the contact's side of receivables or payables until it is allocated or refunded."""
    sign = 1 if over.sale else -1
    control = books.system_account("DEBTORS" if over.sale else "CREDITORS").id
    amount = sign * _base(over.total, over.rate)
    return [(over.account_id, amount), (control, -amount)]


def _target(books: "Books", payment: Payment) -> tuple[bool, Decimal]:
    if payment.target_kind == "overpayment":
        over = books.overpayments.rows[payment.target_id]
        return over.sale, over.rate
    doc = books.documents.rows[payment.target_id]
    return doc.sale, doc.rate


def _base(amount: Decimal, rate: Decimal) -> Decimal:
    return amount if rate == 1 else q2(amount / rate)


def _squared(books: "Books", entries: list[Entry], marker: str) -> list[Entry]:
    gap = sum((amount for _, amount in entries), ZERO)
    return [*entries, (books.system_account(marker).id, -gap)] if gap else entries
