"""General journals at QuickBooks: their JSON both ways, what would be refused, and what makes one ours. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from app.canonical import Company, DocumentState, JournalEntry, JournalLine, RemoteJournal
from app.errors import Fault
from app.providers.quickbooks import texts
from app.providers.quickbooks.mapping import with_marker
from app.providers.quickbooks.values import amount_of, date_of, moment, text_of

Body = dict[str, object]
_POSTING = {"Debit": 1, "Credit": -1}


def journal_body(entry: JournalEntry, company: Company) -> Body:
    """A journal to write, with every line: QuickBooks replaces the lines as a whole, even in a sparse update."""
    body: Body = {
        "TxnDate": entry.on.isoformat(),
        "DocNumber": entry.number,
        "Line": [_line_body(place, line) for place, line in enumerate(entry.lines)],
        "PrivateNote": with_marker(entry.narration, entry.reference),
    }
    if company.multicurrency:
        body["CurrencyRef"] = {"value": entry.currency}
    return body


def _line_body(place: int, line: JournalLine) -> Body:
    detail: Body = {"PostingType": "Debit" if line.debit else "Credit", "AccountRef": {"value": line.account}}
    if line.customer:
        detail["Entity"] = {"Type": "Customer", "EntityRef": {"value": line.customer}}
    body: Body = {
        "Id": str(place),
        "Amount": line.debit or line.credit,
        "DetailType": "JournalEntryLineDetail",
        "JournalEntryLineDetail": detail,
    }
    if line.description:
        body["Description"] = line.description
    return body


def preflight(entry: JournalEntry, company: Company) -> Iterator[Fault]:
    """What `company` would refuse in a journal, in the order in which a person would meet it."""
    if company.lock_date and entry.on <= company.lock_date:
        yield Fault(
            "period_closed",
            f"{company.name} is closed up to {company.lock_date}; the journal entry is dated {entry.on}.",
            fix="Reopen the period in QuickBooks, or date the entry after the closing date.",
            field="date",
        )
    if len(entry.number) > texts.MAX_NUMBER:
        yield texts.number_too_long("journal entry", entry.number)
    yield from texts.characters("number", entry.number, newlines=False)
    yield from texts.text("narration", "the memo", with_marker(entry.narration, entry.reference), 4000)
    yield from texts.currency(entry.currency, company)
    for index, line in enumerate(entry.lines):
        yield from _line(index, line)


def _line(index: int, line: JournalLine) -> Iterator[Fault]:
    where = f"lines.{index}"
    if not line.account:
        yield Fault(
            "account_unmapped",
            f"Line {index + 1} has no QuickBooks account.",
            fix="Map the line's account to a QuickBooks account.",
            field=f"{where}.account_code",
        )
    if line.tax:
        # Without the amount of tax QuickBooks would compute one, and the entry would no longer be ours.
        yield Fault(
            "journal_tax_unsupported",
            f"Line {index + 1} names a tax code; a journal entry is sent without tax.",
            fix="State the tax as a line of its own, without a tax code.",
            field=f"{where}.tax_code",
        )
    yield from texts.text(f"{where}.description", f"the description of line {index + 1}", line.description, 4000)


def to_journal(data: object) -> RemoteJournal:
    """A journal as read; `total` is the sum of its debits."""
    row = data if isinstance(data, dict) else {}
    meta = row.get("MetaData")
    note = text_of(row.get("PrivateNote"))
    return RemoteJournal(
        external_id=text_of(row.get("Id")),
        version=text_of(row.get("SyncToken")),
        number=text_of(row.get("DocNumber")),
        state=DocumentState.open,
        on=date_of(row.get("TxnDate")),
        currency=text_of(_dict(row.get("CurrencyRef")).get("value")),
        total=debits(row.get("Line")),
        reference=texts.marker_in(note),
        updated_at=moment(_dict(meta).get("LastUpdatedTime")),
    )


def debits(lines: object) -> Decimal:
    """The sum of the debit sides of a journal's lines."""
    listed = lines if isinstance(lines, list) else []
    return sum((amount_of(line.get("Amount")) for line in listed if _is_debit(line)), Decimal(0))


def _is_debit(line: object) -> bool:
    detail = _dict(line).get("JournalEntryLineDetail")
    return _dict(detail).get("PostingType") == "Debit"


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def marked(entry: JournalEntry, candidates: Iterable[RemoteJournal]) -> list[RemoteJournal]:
    """Those that carry our marker."""
    return [remote for remote in candidates if entry.reference and remote.reference == entry.reference]


def differences(entry: JournalEntry, remote: RemoteJournal) -> Sequence[str]:
    """In what a journal there is not as ours wants it; by its marker it is ours or not."""
    pairs = (
        ("number", entry.number, remote.number),
        ("total", entry.total, remote.total),
        ("date", entry.on, remote.on),
    )
    found = [f"{name} is {theirs} there and {ours} here" for name, ours, theirs in pairs if ours != theirs]
    return found + texts.marker_difference(entry.reference, remote.reference)
