"""What each record posts, in base currency: debits positive, credits negative.

A receivable (or payable) in another currency stands at the rate of its own document until it is settled; what a
payment or an allocation brings or costs against that rate is a realised currency gain.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from simulators.core.money import q2
from simulators.xero.ledger import Entry
from simulators.xero.model import ZERO, Document, Line
from simulators.xero.model_cash import Allocation, BankTransaction, BankTransfer, Credit, ManualJournal, Payment

if TYPE_CHECKING:
    from simulators.xero.books import Books

GAIN = "REALISEDCURRENCYGAIN"


def base(amount: Decimal, rate: Decimal) -> Decimal:
    """An amount in base currency; `rate` is foreign units per unit of base currency."""
    return amount if rate == 1 else q2(amount / rate)


def document_entries(books: "Books", doc: Document) -> list[Entry]:
    """A sale debits receivables and credits income and tax; bills and credit notes turn the signs."""
    sign = 1 if doc.sale == (doc.kind == "invoice") else -1
    control = _control(books, sale=doc.sale)
    entries = [(control, sign * base(doc.total, doc.rate)), *_lines(books, doc.lines, doc.amounts, -sign, doc.rate)]
    entries = _squared(books, entries, "ROUNDING")
    return entries + _tied(books, control, sign, doc.total, doc.due_amount, doc.settled, doc.rate)


def payment_entries(books: "Books", payment: Payment) -> list[Entry]:
    """Money in debits the bank and credits receivables (or payables for a refund from a supplier)."""
    target = books.target_of(payment)
    incoming = target.sale == (payment.target_kind == "invoice")
    sign = 1 if incoming else -1
    account = books.accounts.rows[payment.account_id]
    foreign_bank = account.currency not in ("", books.tenant.currency)
    banked = base(payment.amount, payment.rate) if foreign_bank else payment.bank_amount
    entries = [
        (payment.account_id, sign * banked),
        (_control(books, sale=target.sale), -sign * base(payment.amount, target.rate)),
    ]
    return _squared(books, entries, GAIN)


def allocation_entries(books: "Books", allocation: Allocation) -> list[Entry]:
    """Nothing, unless credit and invoice stand at different rates."""
    source = books.source_of(allocation)
    invoice = books.documents.rows[allocation.invoice_id]
    gap = base(allocation.amount, source.rate) - base(allocation.amount, invoice.rate)
    sign = 1 if source.sale else -1
    return [(_control(books, sale=source.sale), sign * gap), (books.system_account(GAIN).id, -sign * gap)]


def credit_entries(books: "Books", credit: Credit) -> list[Entry]:
    """An overpayment sits on receivables or payables; a prepayment on its lines' accounts until it is used."""
    sign = 1 if credit.sale else -1
    control = _control(books, sale=credit.sale)
    total = base(credit.total, credit.rate)
    if credit.kind == "overpayment":
        entries = [(credit.account_id, sign * total), (control, -sign * total)]
        return entries + _tied(books, control, -sign, credit.total, credit.remaining, credit.settled, credit.rate)
    parts = _squared(
        books,
        [(credit.account_id, sign * total), *_lines(books, credit.lines, credit.amounts, -sign, credit.rate)],
        "ROUNDING",
    )
    return parts + _used(books, credit, parts[1:], control, sign)


def bank_entries(books: "Books", record: BankTransaction) -> list[Entry]:
    """Money received debits the bank; money spent credits it."""
    sign = 1 if record.incoming else -1
    entries = [(record.account_id, sign * base(record.total, record.rate))]
    entries += _lines(books, record.lines, record.amounts, -sign, record.rate)
    return _squared(books, entries, "ROUNDING")


def transfer_entries(transfer: BankTransfer) -> list[Entry]:
    """From one bank account to the other."""
    amount = base(transfer.amount, transfer.rate)
    return [(transfer.from_id, -amount), (transfer.to_id, amount)]


def journal_entries(books: "Books", journal: ManualJournal) -> list[Entry]:
    """The lines as entered, tax on its own account."""
    tax_account = books.system_account("GST").id
    entries: list[Entry] = []
    for line in journal.lines:
        entries.append((line.account_id, line.amount - line.tax if journal.amounts == "Inclusive" else line.amount))
        entries.append((tax_account, line.tax))
    return _squared(books, entries, "ROUNDING")


def _control(books: "Books", *, sale: bool) -> str:
    return books.system_account("DEBTORS" if sale else "CREDITORS").id


def _lines(books: "Books", lines: Iterable[Line], amounts: str, sign: int, rate: Decimal) -> list[Entry]:
    tax_account = books.system_account("GST").id
    entries: list[Entry] = []
    for line in lines:
        net = line.amount - line.tax if amounts == "Inclusive" else line.amount
        if line.account_id:
            entries.append((line.account_id, sign * base(net, rate)))
        entries.append((tax_account, sign * base(line.tax, rate)))
    return entries


def _tied(
    books: "Books", control: str, sign: int, total: Decimal, left: Decimal, settled: Decimal, rate: Decimal
) -> list[Entry]:
    """The cents by which parts settled in another currency, each rounded, miss the rounded whole."""
    drift = base(left, rate) + settled - base(total, rate)
    return [(control, sign * drift), (books.system_account(GAIN).id, -sign * drift)] if drift else []


def _used(books: "Books", credit: Credit, parts: Sequence[Entry], control: str, sign: int) -> list[Entry]:
    """Used parts of a prepayment leave its accounts in proportion and reach receivables (or payables)."""
    used = credit.allocated + credit.refunded
    if not used:
        return []
    wanted = sign * base(used, credit.rate)
    entries: list[Entry] = []
    for account, amount in parts[:-1]:
        share = q2(-amount * used / credit.total)
        entries.append((account, share))
        wanted -= share
    entries.append((parts[-1][0], wanted))
    return _squared(books, [*entries, (control, -sign * credit.settled)], GAIN)


def _squared(books: "Books", entries: list[Entry], marker: str) -> list[Entry]:
    gap = sum((amount for _, amount in entries), ZERO)
    return [*entries, (books.system_account(marker).id, -gap)] if gap else entries
