"""What changed: the question for each page, and the cursor that outlives a restart. Pure.

A round reads in the order of change. Inside a round the next page starts at the last change seen, not at a page
number: a record that changes while we read moves to the end and would pull another one across a page border unseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from app.canonical import Kind, RemoteRecord
from app.providers.jsontext import dumps, loads
from app.providers.xero import records, spec
from app.providers.xero.values import Element, child, moment, since_text

PLURALS: Mapping[Kind, str] = {Kind.customer: "Contacts", Kind.invoice: "Invoices", Kind.payment: "Payments"}
ID_KEYS: Mapping[Kind, str] = {Kind.customer: "ContactID", Kind.invoice: "InvoiceID", Kind.payment: "PaymentID"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where reading goes on. `since`: only what changed after it; `first_day`: in a first load, only from that day.

    `page` is 1 except while more records than fit a page carry one and the same second. `started` is when this round
    began by Xero's own clock: the next round starts a little before it.
    """

    since: datetime | None = None
    page: int = 1
    started: datetime | None = None
    first_day: date | None = None

    @classmethod
    def parse(cls, cursor: str | None, first_day: date | None) -> "Cursor":
        """The stored cursor, or a first load from `first_day` on. Raises ValueError for text that is no cursor."""
        if cursor is None:
            return cls(first_day=first_day)
        stored = loads(cursor.encode())
        if not isinstance(stored, dict):
            raise ValueError("not a cursor of Xero")
        return cls(
            since=moment(stored.get("since")),
            page=int(stored.get("page", 1)),
            started=moment(stored.get("started")),
            first_day=date.fromisoformat(stored["from"]) if stored.get("from") else None,
        )

    def text(self) -> str:
        """The cursor as it is stored."""
        parts = {
            "since": self.since.isoformat() if self.since else None,
            "page": self.page,
            "started": self.started.isoformat() if self.started else None,
            "from": self.first_day.isoformat() if self.first_day else None,
        }
        return dumps({key: value for key, value in parts.items() if value is not None}).decode()


def page_query(kind: Kind, cursor: Cursor) -> dict[str, str]:
    """The query of one page, in the order of change with a unique second key."""
    query = {
        "page": str(cursor.page),
        "pageSize": str(spec.PAGE_SIZE),
        "order": f"UpdatedDateUTC ASC, {ID_KEYS[kind]} ASC",
    }
    conditions = []
    if kind is Kind.invoice:
        conditions.append('Type=="ACCREC"')
    if kind is Kind.customer:
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


def to_records(kind: Kind, elements: Sequence[Element]) -> tuple[RemoteRecord, ...]:
    """The records among `elements` that concern sales; bills and their payments are left out."""
    if kind is Kind.customer:
        return tuple(records.to_customer(element) for element in elements)
    if kind is Kind.invoice:
        return tuple(records.to_invoice(element) for element in elements if records.is_sale(element))
    payments = (records.to_payment(element) for element in elements)
    return tuple(payment for payment in payments if payment is not None)


def _stamps(elements: Sequence[Element]) -> list[datetime]:
    stamps = (moment(element.get("UpdatedDateUTC")) for element in elements)
    return [stamp for stamp in stamps if stamp is not None]
