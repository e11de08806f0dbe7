"""What changed: the lists to read, the question for each page, and the cursor that outlives a restart. Pure.

A round reads in the order of change. Inside a round the next page starts at the last change seen, not at a page
number: a record that changes while we read moves to the end and would pull another one across a page border unseen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from app.canonical import Kind, RemoteRecord
from app.providers.jsontext import dumps, loads
from app.providers.xero import journals, lists, records, spec
from app.providers.xero.values import Element, child, moment, since_text


@dataclass(frozen=True, slots=True)
class Listing:
    """One of Xero's lists: `plural` is path and wrapper; `to_record` gives None for what does not concern sales.

    `paged` is False where Xero gives the whole list at once, whatever page is asked for; then all of it is read, as
    what was deleted shows by its absence alone.
    """

    kind: Kind
    plural: str
    id_key: str
    to_record: Callable[[Element], RemoteRecord | None]
    paged: bool = True


# A kind's own list comes first: by it single records are read.
LISTS: Mapping[Kind, tuple[Listing, ...]] = {
    Kind.customer: (Listing(Kind.customer, "Contacts", "ContactID", records.to_customer),),
    Kind.invoice: (Listing(Kind.invoice, "Invoices", "InvoiceID", records.to_sale),),
    Kind.journal_entry: (Listing(Kind.journal_entry, "ManualJournals", "ManualJournalID", journals.to_journal),),
    Kind.account: (Listing(Kind.account, "Accounts", "AccountID", lists.to_account, paged=False),),
    Kind.item: (Listing(Kind.item, "Items", "ItemID", lists.to_item, paged=False),),
    Kind.tax_rate: (Listing(Kind.tax_rate, "TaxRates", "TaxType", lists.to_tax_rate, paged=False),),
    Kind.bank_transaction: (
        Listing(Kind.bank_transaction, "BankTransactions", "BankTransactionID", lists.to_bank_transaction),
        Listing(Kind.bank_transaction, "BankTransfers", "BankTransferID", lists.to_transfer),
    ),
    # What was paid beyond an invoice is no payment there, and no invoice shows it before it is used.
    Kind.payment: (
        Listing(Kind.payment, "Payments", "PaymentID", records.to_payment),
        Listing(Kind.payment, "Overpayments", "OverpaymentID", records.to_overpayment),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where to go on in a list. `since`: only what changed after it; `first_day`: in a first load, from that day on.

    `page` is 1 except while more records than fit a page carry one and the same second. `started` is when this round
    began by Xero's own clock: the next round starts a little before it.
    """

    since: datetime | None = None
    page: int = 1
    started: datetime | None = None
    first_day: date | None = None

    @classmethod
    def of(cls, stored: object) -> "Cursor":
        """The cursor from its parts. Raises ValueError for what is no cursor."""
        if not isinstance(stored, Mapping):
            raise ValueError("not a cursor of Xero")
        return cls(
            since=moment(stored.get("since")),
            page=int(stored.get("page", 1)),
            started=moment(stored.get("started")),
            first_day=date.fromisoformat(stored["from"]) if stored.get("from") else None,
        )

    def parts(self) -> dict[str, object]:
        """The cursor as JSON, without what is not set."""
        parts = {
            "since": self.since.isoformat() if self.since else None,
            "page": self.page,
            "started": self.started.isoformat() if self.started else None,
            "from": self.first_day.isoformat() if self.first_day else None,
        }
        return {key: value for key, value in parts.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where reading of a kind goes on: a cursor for each of its lists, in the order of `LISTS`."""

    cursors: tuple[Cursor, ...]

    @classmethod
    def parse(cls, kind: Kind, text: str | None, first_day: date | None) -> "Bookmark":
        """The stored bookmark; a list it does not know yet begins with a first load from `first_day` on.

        Raises ValueError for text that is no bookmark.
        """
        new = Cursor(first_day=first_day)
        if text is None:
            return cls((new,) * len(LISTS[kind]))
        stored = loads(text.encode())
        if not isinstance(stored, dict):
            raise ValueError("not a cursor of Xero")
        further = (Cursor.of(stored[one.plural]) if one.plural in stored else new for one in LISTS[kind][1:])
        return cls((Cursor.of(stored), *further))

    def moved(self, place: int, cursor: Cursor) -> "Bookmark":
        """The same with another cursor for one list."""
        return Bookmark((*self.cursors[:place], cursor, *self.cursors[place + 1 :]))

    def text(self, kind: Kind) -> str:
        """As it is stored: the parts of the first list's cursor, and those of any other under its name."""
        parts = self.cursors[0].parts()
        for listing, cursor in zip(LISTS[kind][1:], self.cursors[1:], strict=True):
            parts[listing.plural] = cursor.parts()
        return dumps(parts).decode()


def page_query(listing: Listing, cursor: Cursor) -> dict[str, str]:
    """The query of one page, in the order of change with a unique second key."""
    query = {
        "page": str(cursor.page),
        "pageSize": str(spec.PAGE_SIZE),
        "order": f"UpdatedDateUTC ASC, {listing.id_key} ASC",
    }
    conditions = []
    if listing.kind is Kind.invoice:
        conditions.append('Type=="ACCREC"')
    if listing.kind is Kind.customer:
        query["includeArchived"] = "true"
    elif cursor.first_day is not None:
        day = cursor.first_day
        conditions.append(f"Date>=DateTime({day.year},{day.month:02},{day.day:02})")
    if conditions:
        query["where"] = " AND ".join(conditions)
    return query


def page_headers(cursor: Cursor) -> dict[str, str]:
    """The header that restricts a page to what changed."""
    return {"If-Modified-Since": since_text(cursor.since)} if cursor.since else {}


def is_last(body: Mapping[str, object], elements: Sequence[Element]) -> bool:
    """Whether a page ends the round; Xero may give smaller pages than asked for, so its own count goes first."""
    pagination = child(body, "pagination")
    page, count = pagination.get("page"), pagination.get("pageCount")
    if isinstance(page, int) and isinstance(count, int):
        return page >= count or not elements
    return len(elements) < spec.PAGE_SIZE


def begun(cursor: Cursor, body: Mapping[str, object]) -> Cursor:
    """The cursor with the beginning of its round, which the first answer of the round tells."""
    return cursor if cursor.started else replace(cursor, started=moment(body.get("DateTimeUTC")))


def next_page(cursor: Cursor, elements: Sequence[Element]) -> Cursor:
    """Where a full page leads."""
    stamps = _stamps(elements)
    if len(stamps) == len(elements) and all(earlier <= later for earlier, later in pairwise(stamps)):
        # A second early, because the header counts in seconds and may or may not include its own.
        since = stamps[-1].replace(microsecond=0) - timedelta(seconds=1)
        if cursor.since is None or since > cursor.since:
            return replace(cursor, since=since, page=1)
    return replace(cursor, page=cursor.page + 1)


def next_round(cursor: Cursor, elements: Sequence[Element]) -> Cursor:
    """Where the next round starts after a round's last page."""
    # Without Xero's time, the last change seen is the latest moment up to which all is known.
    seen = cursor.started or max(_stamps(elements), default=None)
    if seen is None:
        return Cursor(since=cursor.since, first_day=cursor.first_day)
    return Cursor(since=seen - spec.OVERLAP)


def to_records(listing: Listing, elements: Sequence[Element]) -> tuple[RemoteRecord, ...]:
    """The records among `elements` that concern sales; bills and their payments are left out."""
    found = (listing.to_record(element) for element in elements)
    return tuple(record for record in found if record is not None)


def _stamps(elements: Sequence[Element]) -> list[datetime]:
    stamps = (moment(element.get("UpdatedDateUTC")) for element in elements)
    return [stamp for stamp in stamps if stamp is not None]
