"""What must hold in a journal entry or an account before it is stored. Pure: no database, no clock."""

from collections.abc import Iterator
from decimal import Decimal

from app.books.checks import Finding
from app.books.inputs import MAX_AMOUNT, finer
from app.books.ledger_inputs import AccountIn, JournalEntryIn
from app.canonical import is_currency, minor_digits


def entry(index: int, item: JournalEntryIn) -> Iterator[Finding]:
    """What is wrong with an entry by itself: currency, decimals, balance."""
    if not is_currency(item.currency):
        yield unknown_currency(index, item.currency, item.external_ref)
        return
    allowed = minor_digits(item.currency)
    for position, line in enumerate(item.lines):
        side = "debit" if line.debit else "credit"
        amount = line.debit or line.credit
        if finer(amount, allowed):
            message = f"{amount} has more than the {allowed} decimals of {item.currency}."
            yield Finding(index, f"/lines/{position}/{side}", "too_many_decimals", message, item.external_ref)
    debit = total(item)
    credit = sum((line.credit for line in item.lines), Decimal(0))
    if max(debit, credit) >= MAX_AMOUNT:
        yield Finding(index, "/lines", "out_of_range", "The amounts are larger than can be kept.", item.external_ref)
    elif debit != credit:
        message = f"The debits come to {debit} and the credits to {credit}: {abs(debit - credit)} apart."
        yield Finding(index, "/lines", "journal_unbalanced", message, item.external_ref)


def total(item: JournalEntryIn) -> Decimal:
    """The sum of the debits."""
    return sum((line.debit for line in item.lines), Decimal(0))


def account(index: int, item: AccountIn) -> Iterator[Finding]:
    """What is wrong with an account by itself."""
    if item.currency and not is_currency(item.currency):
        yield unknown_currency(index, item.currency, item.external_ref)
    if item.parent_code and item.parent_code == item.code:
        message = f"The account {item.code} cannot lie under itself."
        yield Finding(index, "/parent_code", "account_cycle", message, item.external_ref)


def unknown_currency(index: int, code: str, ref: str | None) -> Finding:
    """The finding for a currency that does not exist."""
    message = f"{code!r} is not a currency of ISO 4217; write it as three capital letters, such as USD."
    return Finding(index, "/currency", "currency_unknown", message, ref)
