"""Bank transactions and transfers between bank accounts."""

from dataclasses import dataclass, replace
from decimal import Decimal

from simulators.core.money import q2
from simulators.xero.books import Books, new_id
from simulators.xero.contacts import contact_of, used_by
from simulators.xero.credits import credit_of, void_credit
from simulators.xero.documents import check_lock, currency_of, rate_of
from simulators.xero.element import Element, RefusedError
from simulators.xero.lines import LineRules, amount_types, check_approvable, read_lines, retax, totals
from simulators.xero.model import Account
from simulators.xero.model_cash import BankTransaction, BankTransfer, Credit

TYPES = (
    "RECEIVE", "RECEIVE-OVERPAYMENT", "RECEIVE-PREPAYMENT", "SPEND", "SPEND-OVERPAYMENT", "SPEND-PREPAYMENT",
)  # fmt: skip
NOT_MODIFIABLE = "This Bank Transaction cannot be edited as it is not of a valid status for modification"


@dataclass(frozen=True)
class BankWriting:
    """`unitdp`, and the id in the path, if any."""

    unitdp: int = 2
    path_id: str | None = None


def save_transaction(books: Books, element: Element, how: BankWriting) -> BankTransaction:
    """Create or update money received or spent; Status DELETED takes it back. Raises RefusedError.

    The OVERPAYMENT and PREPAYMENT types make an overpayment or prepayment beside it.
    """
    wanted = how.path_id or element.guid("BankTransactionID")
    if wanted is None:
        return _create(books, element, how)
    old = books.bank.get(wanted)
    if old is None:
        raise RefusedError(f"BankTransactionID {wanted} could not be found")
    if old.status != "AUTHORISED":
        raise RefusedError(NOT_MODIFIABLE)
    status = (element.text("Status") or old.status).upper()
    if status in ("DELETED", "VOIDED"):
        return _take_back(books, old, status)
    if status != "AUTHORISED":
        raise RefusedError(f"Status '{status}' is not valid for a bank transaction")
    return _update(books, old, element, how)


def save_transfer(books: Books, element: Element) -> BankTransfer:
    """Move money from one bank account to another. Raises RefusedError."""
    source, to = bank_account(books, element, "FromBankAccount"), bank_account(books, element, "ToBankAccount")
    amount, day = element.number("Amount"), element.day("Date") or books.today
    if source.id == to.id:
        raise RefusedError("The bank accounts of a transfer must differ")
    if amount is None or q2(amount) <= 0:
        raise RefusedError("The transfer amount must be greater than zero")
    check_lock(books, day)
    transfer = BankTransfer(
        id=new_id(), from_id=source.id, to_id=to.id, amount=q2(amount), date=day, created=books.now,
        updated=books.now, rate=books.day_rate(source.currency), reference=element.text("Reference") or "",
        from_transaction=new_id(), to_transaction=new_id(),
        from_reconciled=element.flag("FromIsReconciled") or False,
        to_reconciled=element.flag("ToIsReconciled") or False,
    )  # fmt: skip
    _put_half(books, transfer, source, incoming=False)
    _put_half(books, transfer, to, incoming=True)
    return books.transfers.put(transfer)


def delete_transfer(books: Books, transfer: BankTransfer) -> BankTransfer:
    """Take a transfer and both its transactions back. Raises RefusedError."""
    if transfer.status == "DELETED":
        raise RefusedError("The bank transfer has already been deleted")
    check_lock(books, transfer.date)
    for key in (transfer.from_transaction, transfer.to_transaction):
        books.bank.put(replace(books.bank.rows[key], status="DELETED", updated=books.now))
    return books.transfers.put(replace(transfer, status="DELETED", updated=books.now))


def bank_account(books: Books, element: Element, key: str) -> Account:
    """The bank account named under `key` by id or code. Raises RefusedError."""
    child = element.child(key)
    if child is None:
        raise RefusedError(f"A {key} must be specified")
    account = books.accounts.get(child.guid("AccountID")) or books.account(child.text("Code") or "")
    if account is None or account.status == "DELETED":
        raise RefusedError("The bank account could not be found")
    if account.type != "BANK":
        raise RefusedError(f"The account '{account.code}' is not a bank account")
    if account.status != "ACTIVE":
        raise RefusedError("The bank account is archived")
    return account


def _create(books: Books, element: Element, how: BankWriting) -> BankTransaction:
    type_ = (element.text("Type") or "").upper()
    if type_ not in TYPES:
        raise RefusedError("A valid Type must be specified: " + ", ".join(TYPES))
    status = (element.text("Status") or "AUTHORISED").upper()
    if status != "AUTHORISED":
        raise RefusedError(f"Status '{status}' is not valid for a new bank transaction")
    account = bank_account(books, element, "BankAccount")
    contact = contact_of(books, element.child("Contact"))
    currency = currency_of(books, element, account.currency)
    if currency != account.currency:
        raise RefusedError(f"The CurrencyCode must be that of the bank account, {account.currency}")
    blank = BankTransaction(
        id=new_id(), type=type_, contact_id=contact.id, account_id=account.id, currency=currency,
        date=element.day("Date") or books.today, updated=books.now, rate=books.day_rate(currency),
    )  # fmt: skip
    if type_.endswith("PAYMENT"):
        blank = replace(blank, credit_id=new_id())
    record = _filled(books, blank, element, how)
    check_lock(books, record.date)
    used_by(books, contact, sale=record.incoming)
    if record.credit_id:
        credit_of(books, record)
    return books.bank.put(record)


def _update(books: Books, old: BankTransaction, element: Element, how: BankWriting) -> BankTransaction:
    if old.transfer_id:
        raise RefusedError("A bank transfer cannot be edited; delete it and create another")
    type_ = element.text("Type")
    if type_ is not None and type_.upper() != old.type:
        raise RefusedError("The Type of a bank transaction cannot be changed")
    start = replace(old, date=element.day("Date") or old.date)
    child = element.child("Contact")
    if child is not None and child.raw:
        start = replace(start, contact_id=contact_of(books, child).id)
    child = element.child("BankAccount")
    if child is not None and child.raw:
        account = bank_account(books, element, "BankAccount")
        rate = old.rate if account.currency == old.currency else books.day_rate(account.currency)
        start = replace(start, account_id=account.id, currency=account.currency, rate=rate)
    fresh = _filled(books, start, element, how)
    if _money(fresh) != _money(old):
        if old.credit_id:
            raise RefusedError("An overpayment or prepayment cannot be edited; delete it and create another")
        check_lock(books, old.date)
        check_lock(books, fresh.date)
    return books.bank.put(replace(fresh, updated=books.now))


def _filled(books: Books, start: BankTransaction, element: Element, how: BankWriting) -> BankTransaction:
    amounts = amount_types(element.text("LineAmountTypes") or start.amounts)
    over = start.type.endswith("OVERPAYMENT")
    amounts = "NoTax" if over else amounts
    # The one line of an overpayment stands on receivables or payables, whatever account it names.
    rules = LineRules(amounts, how.unitdp, start.incoming, approved=not over, discounts=False)
    sent = element.children("LineItems")
    lines = start.lines if amounts == start.amounts else retax(books, start.lines, amounts)
    if sent:
        plain = [Element({k: v for k, v in e.raw.items() if k.lower() not in _ACCOUNT}) for e in sent] if over else sent
        lines = read_lines(books, plain, start.lines, rules)
    reference, url, flag = element.text("Reference"), element.text("Url"), element.flag("IsReconciled")
    record = totals(
        replace(
            start,
            amounts=amounts,
            lines=lines,
            rate=rate_of(books, element, start.currency) or start.rate,
            reference=start.reference if reference is None else reference,
            url=start.url if url is None else url,
            reconciled=start.reconciled if flag is None else flag,
        )
    )
    if not record.lines and not record.credit_id:
        raise RefusedError("One or more line items must be specified")
    if record.total < 0:
        raise RefusedError("The total of a bank transaction cannot be negative")
    if record.credit_id and record.total == 0:
        raise RefusedError("An overpayment or prepayment must be greater than zero")
    if not over:
        check_approvable(record.lines)
    return record


_ACCOUNT = ("accountcode", "accountid", "taxtype", "itemcode")


def _take_back(books: Books, old: BankTransaction, status: str) -> BankTransaction:
    if old.transfer_id:
        raise RefusedError("A bank transfer is deleted at /BankTransfers")
    check_lock(books, old.date)
    credit = _credit(books, old)
    if credit is not None:
        void_credit(books, credit)
    return books.bank.put(replace(old, status=status, updated=books.now))


def _credit(books: Books, record: BankTransaction) -> Credit | None:
    return books.overpayments.get(record.credit_id) or books.prepayments.get(record.credit_id)


def _put_half(books: Books, transfer: BankTransfer, account: Account, *, incoming: bool) -> None:
    home = transfer.amount if transfer.rate == 1 else transfer.amount / transfer.rate
    amount = q2(home * books.day_rate(account.currency)) if incoming else transfer.amount
    books.bank.put(
        BankTransaction(
            id=transfer.to_transaction if incoming else transfer.from_transaction,
            type="RECEIVE-TRANSFER" if incoming else "SPEND-TRANSFER",
            contact_id="",
            account_id=account.id,
            date=transfer.date,
            currency=account.currency,
            updated=books.now,
            rate=books.day_rate(account.currency),
            amounts="NoTax",
            subtotal=amount,
            total=amount,
            reference=transfer.reference,
            reconciled=transfer.to_reconciled if incoming else transfer.from_reconciled,
            transfer_id=transfer.id,
        )
    )


def _money(record: BankTransaction) -> tuple[object, ...]:
    lines = tuple((line.amount, line.tax, line.tax_type, line.account_id) for line in record.lines)
    return record.contact_id, record.account_id, record.date, record.rate, record.amounts, lines, Decimal(record.total)
