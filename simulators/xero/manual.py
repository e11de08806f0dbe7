"""Manual journals: lines that net to zero, in base currency."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from simulators.core.money import q2
from simulators.xero.books import Books, new_id
from simulators.xero.documents import check_lock
from simulators.xero.element import Element, RefusedError
from simulators.xero.lines import NO_CODE, amount_types, tax_amount, tax_of
from simulators.xero.model import ZERO, Account
from simulators.xero.model_cash import JournalLine, ManualJournal
from simulators.xero.tracking import tracked

TRANSITIONS = {"DRAFT": {"DRAFT", "POSTED", "DELETED"}, "POSTED": {"POSTED", "VOIDED"}}
NOT_MODIFIABLE = "The Manual Journal is not of valid status for modification"
# Postings by hand here would put the sub-ledgers out of step with their control accounts.
BLOCKED_SYSTEMS = {"DEBTORS", "CREDITORS", "RETAINEDEARNINGS"}
BLOCKED_TYPES = {"BANK", "INVENTORY"}


def save_journal(books: Books, element: Element, path_id: str | None = None) -> ManualJournal:
    """Create or update a manual journal. Raises RefusedError.

    An account that does not exist is taken off its line with a warning; posting then refuses the line.
    """
    wanted = path_id or element.guid("ManualJournalID")
    old = books.journals.get(wanted)
    if wanted and old is None:
        raise RefusedError(f"ManualJournalID {wanted} could not be found")
    status = (element.text("Status") or (old.status if old else "DRAFT")).upper()
    if old is None and status not in ("DRAFT", "POSTED"):
        raise RefusedError(f"Status '{status}' is not valid for a new manual journal")
    if old is not None and status not in TRANSITIONS.get(old.status, set()):
        raise RefusedError(NOT_MODIFIABLE)
    if old is not None and status in ("VOIDED", "DELETED"):
        if status == "VOIDED":
            check_lock(books, old.date)
        return books.journals.put(replace(old, status=status, updated=books.now))
    start = old or ManualJournal(new_id(), "", books.today, books.now)
    fresh = _filled(books, replace(start, status=status), element)
    _check(books, fresh, old)
    return books.journals.put(replace(fresh, updated=books.now))


def _filled(books: Books, start: ManualJournal, element: Element) -> ManualJournal:
    amounts = amount_types(element.text("LineAmountTypes") or start.amounts)
    sent = element.children("JournalLines")
    lines = _lines(books, sent, amounts) if sent else start.lines
    if not sent and amounts != start.amounts:
        lines = tuple(replace(x, tax=tax_amount(books, x.amount, x.tax_type, amounts)) for x in lines)
    narration, url, cash = element.text("Narration"), element.text("Url"), element.flag("ShowOnCashBasisReports")
    return replace(
        start,
        narration=start.narration if narration is None else narration,
        date=element.day("Date") or start.date,
        amounts=amounts,
        lines=lines,
        url=start.url if url is None else url,
        cash_basis=start.cash_basis if cash is None else cash,
    )


def _lines(books: Books, sent: Sequence[Element], amounts: str) -> tuple[JournalLine, ...]:
    lines: list[JournalLine] = []
    messages: list[str] = []
    for element in sent:
        try:
            lines.append(_line(books, element, amounts))
        except RefusedError as error:
            messages.extend(error.messages)
    if messages:
        raise RefusedError(*messages)
    return tuple(lines)


def _line(books: Books, element: Element, amounts: str) -> JournalLine:
    amount = q2(element.number("LineAmount") or ZERO)
    account = _account(books, element)
    description = element.text("Description") or ""
    code = element.text("TaxType") or (account.tax_type if account and amounts != "NoTax" else "NONE")
    tax_type = tax_of(books, code, account)
    tax = tax_amount(books, amount, tax_type, amounts)
    sent = element.number("TaxAmount")
    if sent is not None and amounts != "NoTax":
        tax = q2(sent)
    return JournalLine(
        amount,
        account.id if account else "",
        description,
        tax_type,
        tax,
        tracked(books, element),
        blank=element.flag("IsBlank") or False,
    )


def _account(books: Books, element: Element) -> Account | None:
    if element.is_null("AccountCode"):
        raise RefusedError(NO_CODE.format(""))
    by_id, code = element.guid("AccountID"), element.text("AccountCode") or ""
    account = books.accounts.get(by_id) if by_id else books.account(code)
    if account is None or account.status != "ACTIVE":
        if by_id or code:
            named = code or by_id
            books.warn(f"Account code '{named}' has been removed as it does not match a recognised account.")
        return None
    if account.system in BLOCKED_SYSTEMS or account.type in BLOCKED_TYPES:
        raise RefusedError(NO_CODE.format(account.code))
    return account


def _check(books: Books, journal: ManualJournal, old: ManualJournal | None) -> None:
    messages: list[str] = []
    if not journal.narration.strip():
        messages.append("The Narration must be specified")
    if len(journal.lines) < 2:
        messages.append("A Manual Journal must have at least two lines")
    debit, credit = _sides(journal)
    if debit != -credit:
        messages.append(f"The total debits ({debit:.2f}) must equal total credits ({credit:.2f})")
    if journal.status == "POSTED" and any(not line.account_id for line in journal.lines):
        messages.append("Account code must be specified")
    if messages:
        raise RefusedError(*messages)
    if journal.status == "POSTED" and (old is None or old.status != "POSTED" or _money(journal) != _money(old)):
        check_lock(books, journal.date)
        if old is not None and old.status == "POSTED":
            check_lock(books, old.date)


def _sides(journal: ManualJournal) -> tuple[Decimal, Decimal]:
    """Debits and credits; tax that comes on top of the amounts counts."""
    sums = [line.amount + (line.tax if journal.amounts == "Exclusive" else ZERO) for line in journal.lines]
    return sum((x for x in sums if x > 0), ZERO), sum((x for x in sums if x < 0), ZERO)


def _money(journal: ManualJournal) -> tuple[object, ...]:
    return journal.date, tuple((line.amount, line.account_id, line.tax) for line in journal.lines)
