"""Invoices, bills and credit notes: create, update, change of status, settlement."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from simulators.xero.books import Books, new_id
from simulators.xero.contacts import contact_of, used_by
from simulators.xero.element import Element, RefusedError
from simulators.xero.lines import LineRules, amount_types, check_approvable, read_lines, retax, totals
from simulators.xero.model import ZERO, DocKind, Document
from simulators.xero.postings import base

TYPES: dict[DocKind, tuple[str, str]] = {
    "invoice": ("ACCREC", "ACCPAY"),
    "creditnote": ("ACCRECCREDIT", "ACCPAYCREDIT"),
}
NUMBER_FIELD: dict[DocKind, str] = {"invoice": "InvoiceNumber", "creditnote": "CreditNoteNumber"}
ID_FIELD: dict[DocKind, str] = {"invoice": "InvoiceID", "creditnote": "CreditNoteID"}
CATEGORY: dict[DocKind, str] = {"invoice": "INVOICE", "creditnote": "CREDITNOTE"}
# What a caller may ask for, from each status. PAID is set by settlement alone.
TRANSITIONS = {
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"SUBMITTED", "AUTHORISED", "DRAFT", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "VOIDED"},
}
NOT_MODIFIABLE = "Invoice not of valid status for modification"
HAS_PAYMENTS = "This document cannot be edited as it has a payment or credit note allocated to it."


@dataclass(frozen=True)
class Writing:
    """How the request came: PUT or POST, `unitdp`, and the id in the path, if any."""

    put: bool
    unitdp: int = 2
    path_id: str | None = None


def save_document(books: Books, kind: DocKind, element: Element, how: Writing) -> Document:
    """Create or update one document from a request element. Raises RefusedError.

    POST without an id but with the number of an existing sales document updates that one.
    """
    old = _existing(books, kind, element, how)
    if old is None:
        return _create(books, kind, element, how)
    return _update(books, old, element, how)


def void(books: Books, doc: Document) -> Document:
    """Void an approved document. Raises RefusedError when money is attached."""
    return _leave(books, doc, "VOIDED")


def settle(books: Books, doc: Document, when: date) -> Document:
    """Bring paid, credited, status and FullyPaidOnDate in step with payments and allocations."""
    live = [p for p in books.payments.find("target", doc.id) if p.status == "AUTHORISED"]
    index = "invoice" if doc.kind == "invoice" else "source"
    allocations = books.allocations.find(index, doc.id)
    paid = sum((p.amount for p in live), ZERO)
    credited = sum((a.amount for a in allocations), ZERO)
    amounts = [p.amount for p in live] + [a.amount for a in allocations]
    settled = sum((base(amount, doc.rate) for amount in amounts), ZERO)
    full = doc.total - paid - credited <= 0
    status = doc.status
    if status in ("AUTHORISED", "PAID"):
        status = "PAID" if full else "AUTHORISED"
    last = max([when, *(p.date for p in live), *(a.date for a in allocations)]) if status == "PAID" else None
    changed = books.documents.put(
        replace(
            doc,
            paid=paid,
            credited=credited,
            settled=settled,
            status=status,
            fully_paid_on=last,
            updated=books.now,
        )
    )
    books.changed(CATEGORY[doc.kind], doc.id)
    return changed


def check_lock(books: Books, day: date) -> None:
    """Refuse dates in a locked period. Raises RefusedError."""
    for limit, name in ((books.tenant.lock_date, "period"), (books.tenant.year_lock_date, "end of year")):
        if limit is not None and day <= limit:
            raise RefusedError(
                f"The document date cannot be before the {name} lock date, currently set at {limit:%d/%m/%Y}"
            )


def currency_of(books: Books, element: Element, default: str) -> str:
    """The currency of a write. Raises RefusedError when the organisation does not use it."""
    code = (element.text("CurrencyCode") or default).upper()
    if code not in books.currencies:
        raise RefusedError(f"Organisation is not subscribed to currency {code}")
    return code


def rate_of(books: Books, element: Element, currency: str) -> Decimal | None:
    """The CurrencyRate of a write; None where none was sent or it is the base currency. Raises RefusedError."""
    rate = element.number("CurrencyRate")
    if currency == books.tenant.currency or rate is None or rate == 0:
        return None
    if rate < 0:
        raise RefusedError("The CurrencyRate must be greater than zero")
    if rate == 1:
        books.warn(f"A CurrencyRate of 1 was given for a document in {currency}")
    return rate


def _existing(books: Books, kind: DocKind, element: Element, how: Writing) -> Document | None:
    wanted = how.path_id or element.guid(ID_FIELD[kind])
    if wanted:
        found = books.documents.get(wanted)
        if found is None or found.kind != kind:
            raise RefusedError(f"{ID_FIELD[kind]} {wanted} could not be found")
        return found
    number = element.text(NUMBER_FIELD[kind])
    if how.put or not number or (element.text("Type") or "").startswith("ACCPAY"):
        return None
    same = books.documents.find(f"{kind}-sale-number", number.lower())
    return same[0] if same else None


def _create(books: Books, kind: DocKind, element: Element, how: Writing) -> Document:
    type_ = (element.text("Type") or "").upper()
    if type_ not in TYPES[kind]:
        raise RefusedError("A valid Type must be specified: " + " or ".join(TYPES[kind]))
    status = (element.text("Status") or "DRAFT").upper()
    if status not in ("DRAFT", "SUBMITTED", "AUTHORISED"):
        raise RefusedError(f"Status '{status}' is not valid for a new document")
    contact = contact_of(books, element.child("Contact"))
    currency = currency_of(books, element, contact.texts.get("DefaultCurrency") or books.tenant.currency)
    number = element.text(NUMBER_FIELD[kind]) or (books.next_number(kind) if type_.startswith("ACCREC") else "")
    blank = Document(
        id=new_id(), kind=kind, type=type_, contact_id=contact.id, number=number, status=status,
        date=element.day("Date") or books.today, currency=currency, updated=books.now,
        rate=books.day_rate(currency), app=books.client,
    )  # fmt: skip
    doc = _filled(books, blank, element, how)
    _check(books, doc, None)
    used_by(books, contact, sale=doc.sale)
    saved = books.documents.put(doc)
    books.changed(CATEGORY[kind], saved.id, created=True)
    return settle(books, saved, doc.date) if doc.posted and doc.total == 0 else saved


def _update(books: Books, old: Document, element: Element, how: Writing) -> Document:
    wanted = (element.text("Status") or old.status).upper()
    if old.status not in TRANSITIONS:
        raise RefusedError(NOT_MODIFIABLE)
    if wanted == "VOIDED" or (wanted == "DELETED" and old.status == "AUTHORISED"):
        return _leave(books, old, wanted)
    if wanted not in TRANSITIONS[old.status]:
        raise RefusedError(NOT_MODIFIABLE)
    if wanted == "DELETED":
        return _put(books, replace(old, status="DELETED"))
    type_ = element.text("Type")
    if type_ is not None and type_.upper() != old.type:
        raise RefusedError("The Type of a document cannot be changed")
    start = old
    if (child := element.child("Contact")) is not None and child.raw:
        start = replace(start, contact_id=contact_of(books, child).id)
    if element.has("CurrencyCode"):
        currency = currency_of(books, element, old.currency)
        start = replace(
            start, currency=currency, rate=old.rate if currency == old.currency else books.day_rate(currency)
        )
    number = element.text(NUMBER_FIELD[old.kind])
    start = replace(
        start, status=wanted, date=element.day("Date") or old.date, number=number if number is not None else old.number
    )
    doc = _filled(books, start, element, how)
    if (old.paid or old.credited) and _money(doc) != _money(old):
        raise RefusedError(HAS_PAYMENTS)
    _check(books, doc, old)
    saved = _put(books, doc, quiet=bool(old.paid or old.credited) and doc == replace(old, due=doc.due, sent=doc.sent))
    return settle(books, saved, doc.date) if doc.posted and doc.total == 0 else saved


def _filled(books: Books, start: Document, element: Element, how: Writing) -> Document:
    amounts = amount_types(element.text("LineAmountTypes") or start.amounts)
    rules = LineRules(amounts, how.unitdp, start.sale, start.status in ("SUBMITTED", "AUTHORISED"))
    sent = element.children("LineItems")
    lines = start.lines if amounts == start.amounts else retax(books, start.lines, amounts)
    # The SDKs send an empty list when a caller only wants to change a header field; Xero leaves the lines alone.
    if sent:
        lines = read_lines(books, sent, start.lines, rules)
    reference = element.text("Reference")
    flag = element.flag("SentToContact")
    rate = rate_of(books, element, start.currency)
    url = element.text("Url")
    doc = replace(
        start,
        amounts=amounts,
        lines=lines,
        due=element.day("DueDate") or start.due,
        reference=reference if reference is not None and start.sale else start.reference,
        rate=rate or start.rate,
        url=start.url if url is None else url,
        sent=start.sent if flag is None else flag,
        expected_payment=element.day("ExpectedPaymentDate") or start.expected_payment,
        planned_payment=element.day("PlannedPaymentDate") or start.planned_payment,
    )
    return totals(doc)


def _check(books: Books, doc: Document, old: Document | None) -> None:
    messages: list[str] = []
    approved = doc.status in ("SUBMITTED", "AUTHORISED")
    if approved and not doc.lines:
        messages.append("One or more line items must be specified")
    if approved and doc.kind == "invoice" and doc.due is None:
        messages.append("The Due Date must be specified")
    if len(doc.number) > 255:
        messages.append(f"{NUMBER_FIELD[doc.kind]} must be at most 255 characters")
    same = books.documents.find(f"{doc.kind}-sale-number", doc.number.lower()) if doc.number and doc.sale else []
    if any(other.id != doc.id for other in same):
        noun = "Invoice #" if doc.kind == "invoice" else "Credit Note #"
        messages.append(f"{noun} must be unique.")
    if doc.total < 0:
        messages.append("The document total cannot be negative")
    if messages:
        raise RefusedError(*messages)
    if approved:
        check_approvable(doc.lines)
    # A locked period refuses new dates and changed money, not an edit of a reference.
    if old is None or _money(doc) != _money(old):
        check_lock(books, doc.date)
        if old is not None:
            check_lock(books, old.date)


def _leave(books: Books, doc: Document, wanted: str) -> Document:
    if doc.status != "AUTHORISED" and not (doc.status == "PAID" and wanted == "VOIDED"):
        raise RefusedError(NOT_MODIFIABLE)
    if doc.paid or doc.credited:
        raise RefusedError(HAS_PAYMENTS)
    if wanted == "DELETED":
        raise RefusedError(NOT_MODIFIABLE)
    check_lock(books, doc.date)
    return _put(books, replace(doc, status="VOIDED", fully_paid_on=None))


def _put(books: Books, doc: Document, *, quiet: bool = False) -> Document:
    """Save with a new UpdatedDateUTC; Xero leaves it when a part-paid document only gets another due date."""
    saved = books.documents.put(doc if quiet else replace(doc, updated=books.now))
    books.changed(CATEGORY[doc.kind], saved.id)
    return saved


def _money(doc: Document) -> tuple[object, ...]:
    """What an edit of a part-paid or locked document must not change."""
    lines = tuple(replace(line, id="", description="", tracking=()) for line in doc.lines)
    return doc.contact_id, doc.date, doc.currency, doc.rate, doc.amounts, lines
