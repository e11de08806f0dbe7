"""Manual journals at Xero: their JSON both ways, what would be refused, and what makes one ours. Pure.

A manual journal has neither a number nor a reference. Ours begins its narration with our number and ends it with a
line that marks it, by which it is found again.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from app.canonical import Company, DocumentState, JournalEntry, JournalLine, Operation, RemoteJournal
from app.errors import Fault
from app.providers.base import Match, WriteItem
from app.providers.xero import texts
from app.providers.xero.values import Element, amount, children, day, identifier, moment, text

Body = dict[str, object]
_MARKER = re.compile(r"\btieout:(\S+)")
_STATES = {
    "DRAFT": DocumentState.draft,
    "POSTED": DocumentState.open,
    "VOIDED": DocumentState.voided,
    "DELETED": DocumentState.deleted,
}
_ENDED = frozenset({DocumentState.voided, DocumentState.deleted})
_LONGEST = 4000


def narration_of(entry: JournalEntry) -> str:
    """Our number, what the entry is about, and the line that marks it as ours."""
    head = f"{entry.number}: {entry.narration}" if entry.narration else entry.number
    return f"{head}\ntieout:{entry.reference}" if entry.reference else head


def number_in(narration: str) -> str:
    """Our number out of a narration of ours; its first line for any other."""
    head = narration.split("\n", 1)[0]
    return head.split(": ", 1)[0] if _MARKER.search(narration) else head


def element(entry: JournalEntry, operation: Operation, external_id: str) -> Body:
    """A posted manual journal, or the void of one. Without tax: the lines come to what they say."""
    if operation is Operation.void:
        return {"ManualJournalID": external_id, "Status": "VOIDED"}
    body: Body = {
        "Narration": narration_of(entry),
        "Date": entry.on.isoformat(),
        "LineAmountTypes": "NoTax",
        "Status": "POSTED",
        "JournalLines": [
            {"LineAmount": line.debit - line.credit, "AccountCode": line.account, "Description": line.description}
            for line in entry.lines
        ],
    }
    return {"ManualJournalID": external_id, **body} if external_id else body


def preflight(entry: JournalEntry, operation: Operation, company: Company) -> Iterator[Fault]:
    """What `company` would refuse in a journal, in the order in which a person would meet it."""
    if company.lock_date and entry.on <= company.lock_date:
        yield Fault(
            "period_closed",
            f"The books of {company.name} are locked up to {company.lock_date}; the entry is dated {entry.on}.",
            fix="Move the lock date in Xero, or date the entry after it.",
            field="date",
        )
    if operation is Operation.void:
        return
    yield from texts.too_long("narration", "a narration", narration_of(entry), _LONGEST)
    if entry.currency and entry.currency != company.currency:
        yield Fault(
            "currency_not_enabled",
            f"Xero keeps manual journals in {company.currency} alone; this one is in {entry.currency}.",
            fix=f"State the entry in {company.currency}.",
            field="currency",
        )
    for index, line in enumerate(entry.lines):
        yield from _line(index, line)


def _line(index: int, line: JournalLine) -> Iterator[Fault]:
    where = f"lines.{index}"
    if not line.account:
        yield Fault(
            "account_unmapped",
            f"Line {index + 1} has no Xero account.",
            fix="Map the line's account to a Xero account.",
            field=f"{where}.account_code",
        )
    if line.tax:
        # Xero would compute the tax on top, and the entry would no longer be ours.
        yield Fault(
            "journal_tax_unsupported",
            f"Line {index + 1} names a tax code; a journal entry is sent without tax.",
            fix="State the tax as a line of its own, without a tax code.",
            field=f"{where}.tax_code",
        )
    yield from texts.too_long(f"{where}.description", "a line's description", line.description, _LONGEST)


def to_journal(data: Element) -> RemoteJournal:
    """A journal read by page or by id; `total` is the sum of its debits."""
    narration = text(data, "Narration")
    found = _MARKER.search(narration)
    updated = moment(data.get("UpdatedDateUTC"))
    return RemoteJournal(
        external_id=identifier(data, "ManualJournalID"),
        version="" if updated is None else updated.isoformat(),
        number=number_in(narration),
        state=_STATES.get(text(data, "Status"), DocumentState.draft),
        on=day(data.get("Date")),
        currency="",
        total=debits(data),
        reference=found.group(1) if found else "",
        updated_at=updated,
    )


def debits(data: Element) -> Decimal:
    """The sum of the debit sides of a journal's lines."""
    amounts = (amount(line, "LineAmount") for line in children(data, "JournalLines"))
    return sum((one for one in amounts if one > 0), Decimal(0))


def day_query(on: date, page: int) -> dict[str, str]:
    """The question for the journals of one day, in an order that paging can rely on."""
    where = f"Date==DateTime({on.year},{on.month:02},{on.day:02})"
    return {"where": where, "order": "ManualJournalID ASC", "page": str(page), "pageSize": "1000"}


def best(item: WriteItem, entry: JournalEntry, elements: Sequence[Element]) -> Match | None:
    """The journal that carries our marker, a live one before a voided one; None: certainly not there."""
    ours = [one for one in map(to_journal, elements) if entry.reference and one.reference == entry.reference]
    ours.sort(key=lambda remote: remote.state in _ENDED)
    return match(item, entry, ours[0]) if ours else None


def match(item: WriteItem, entry: JournalEntry, remote: RemoteJournal) -> Match:
    """How a journal compares with ours; after a void, being voided is all that counts."""
    if item.operation is Operation.void:
        found = [] if remote.state in _ENDED else ["not voided"]
    else:
        found = list(_differences(entry, remote))
    return Match(
        external_id=remote.external_id,
        version=remote.version,
        label=remote.number,
        equal=not found,
        total=remote.total,
        difference=", ".join(found),
    )


def _differences(entry: JournalEntry, remote: RemoteJournal) -> Iterator[str]:
    if remote.reference != entry.reference:
        yield "reference"
    if remote.state is not DocumentState.open:
        yield f"it is {remote.state} there"
    if remote.total != entry.total:
        yield f"total {remote.total} instead of {entry.total}"
    if remote.on != entry.on:
        yield f"date {remote.on} instead of {entry.on}"
