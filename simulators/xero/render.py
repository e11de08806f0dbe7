"""Records as Xero's JSON: which fields come in a list, in a page and by id differs per entity."""

from datetime import date, datetime
from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import q2
from simulators.xero.books import Books
from simulators.xero.contacts import ADDRESS_PARTS, ADDRESS_SLOTS, PHONE_PARTS, PHONE_SLOTS
from simulators.xero.dates import day_out, day_string, moment_out, moment_string
from simulators.xero.documents import ID_FIELD, NUMBER_FIELD
from simulators.xero.model import ZERO, Allocation, Contact, Document, Line, Overpayment, Payment


def contact(books: Books, record: Contact, *, full: bool) -> Json:
    """A contact; `full` (paged or by id) adds the open balances."""
    out: Json = {"ContactID": record.id}
    if record.number:
        out["ContactNumber"] = record.number
    out |= {"ContactStatus": record.status, "Name": record.name, "EmailAddress": ""}
    out |= record.texts
    out["Addresses"] = [
        {"AddressType": slot} | {part: record.addresses.get(slot, {}).get(part, "") for part in ADDRESS_PARTS}
        for slot in ADDRESS_SLOTS
    ]
    out["Phones"] = [
        {"PhoneType": slot} | {part: record.phones.get(slot, {}).get(part, "") for part in PHONE_PARTS}
        for slot in PHONE_SLOTS
    ]
    out |= {
        "UpdatedDateUTC": moment_out(record.updated),
        "ContactGroups": [],
        "IsSupplier": record.is_supplier,
        "IsCustomer": record.is_customer,
        "ContactPersons": list(record.persons),
        "HasAttachments": False,
        "HasValidationErrors": False,
    }
    if full:
        out["Balances"] = _balances(books, record)
    return out


def contact_stub(books: Books, contact_id: str) -> Json:
    """A contact inside another element."""
    record = books.contacts.rows[contact_id]
    return {"ContactID": record.id, "Name": record.name, "HasValidationErrors": False}


def document(books: Books, doc: Document, *, lines: bool, summary: bool = False) -> Json:
    """An invoice or credit note; `lines` for pages and single reads, `summary` leaves out what hangs on it."""
    out: Json = {"Type": doc.type, ID_FIELD[doc.kind]: doc.id, NUMBER_FIELD[doc.kind]: doc.number}
    if doc.sale:
        out["Reference"] = doc.reference
    if not summary and doc.status != "VOIDED":
        out |= _attached(books, doc)
    if doc.kind == "invoice":
        out |= {"AmountDue": doc.due_amount, "AmountPaid": doc.paid, "AmountCredited": doc.credited}
        out["IsDiscounted"] = any(line.discount_rate or line.discount_amount for line in doc.lines)
    else:
        out |= {"RemainingCredit": doc.due_amount, "ID": doc.id, "AppliedAmount": doc.credited}
    out |= {"SentToContact": doc.sent, "CurrencyRate": doc.rate.quantize(Decimal("0.000001")), "HasErrors": False}
    out |= {"HasAttachments": False, "Contact": contact_stub(books, doc.contact_id)}
    out |= _day("Date", doc.date) | _day("DueDate", doc.due)
    out |= {"Status": doc.status, "LineAmountTypes": doc.amounts}
    out["LineItems"] = [_line(books, line) for line in doc.lines] if lines else []
    out |= {"SubTotal": doc.subtotal, "TotalTax": doc.tax, "Total": doc.total}
    out |= _updated(doc.updated) | {"CurrencyCode": doc.currency}
    for key, day in (
        ("FullyPaidOnDate", doc.fully_paid_on),
        ("ExpectedPaymentDate", doc.expected_payment),
        ("PlannedPaymentDate", doc.planned_payment),
    ):
        if day is not None:
            out[key] = day_out(day)
    if doc.url:
        out["Url"] = doc.url
    return out


def payment(books: Books, record: Payment, *, full: bool) -> Json:
    """A payment; in a list the paid document is a stub without lines, by id it is whole."""
    account = books.accounts.rows[record.account_id]
    out: Json = {
        "PaymentID": record.id,
        "Date": day_out(record.date),
        "BankAmount": q2(record.amount / record.rate) if record.rate != 1 else record.amount,
        "Amount": record.amount,
        "Reference": record.reference,
        "CurrencyRate": record.rate.quantize(Decimal("0.000001")),
        "PaymentType": record.type,
        "Status": record.status,
        **_updated(record.updated),
        "HasAccount": True,
        "IsReconciled": record.reconciled,
        "Account": {"AccountID": account.id, "Code": account.code} | ({"Name": account.name} if full else {}),
        "HasValidationErrors": False,
    }
    if record.target_kind == "overpayment":
        out["Overpayment"] = {"OverpaymentID": record.target_id}
        return out
    doc = books.documents.rows[record.target_id]
    out["Invoice" if doc.kind == "invoice" else "CreditNote"] = (
        document(books, doc, lines=True) if full else document_stub(books, doc)
    )
    return out


def document_stub(books: Books, doc: Document) -> Json:
    """A document inside a listed payment or allocation."""
    return {
        "Type": doc.type,
        ID_FIELD[doc.kind]: doc.id,
        NUMBER_FIELD[doc.kind]: doc.number,
        "Contact": contact_stub(books, doc.contact_id),
        "CurrencyCode": doc.currency,
        "IsDiscounted": False,
        "LineItems": [],
        "HasErrors": False,
    }


def overpayment(books: Books, over: Overpayment, *, full: bool) -> Json:
    """An overpayment with its allocations and refunds."""
    control = books.system_account("DEBTORS" if over.sale else "CREDITORS")
    line = {
        "Description": "Overpayment", "UnitAmount": over.total, "Quantity": Decimal(1), "LineAmount": over.total,
        "TaxType": "NONE", "TaxAmount": ZERO, "AccountCode": control.code, "Tracking": [],
    }  # fmt: skip
    refunds = [p for p in books.payments.find("target", over.id) if p.status == "AUTHORISED"]
    return {
        "OverpaymentID": over.id,
        "ID": over.id,
        "Type": over.type,
        "Reference": over.reference,
        "RemainingCredit": over.remaining,
        "AppliedAmount": over.allocated,
        "Allocations": [allocation(books, a) for a in books.allocations.find("source", over.id)],
        "Payments": [_paid(p) for p in refunds],
        "HasAttachments": False,
        "Contact": contact_stub(books, over.contact_id),
        **_day("Date", over.date),
        "Status": over.status,
        "LineAmountTypes": "NoTax",
        "LineItems": [line] if full else [],
        "SubTotal": over.total,
        "TotalTax": ZERO,
        "Total": over.total,
        **_updated(over.updated),
        "CurrencyCode": over.currency,
        "CurrencyRate": over.rate.quantize(Decimal("0.000001")),
    }


def allocation(books: Books, record: Allocation) -> Json:
    """An allocation as it hangs on its credit."""
    invoice = books.documents.rows[record.invoice_id]
    return {
        "AllocationID": record.id,
        "Amount": record.amount,
        "Date": day_out(record.date),
        "Invoice": {"InvoiceID": invoice.id, "InvoiceNumber": invoice.number, "HasErrors": False},
        "IsDeleted": False,
    }


def _attached(books: Books, doc: Document) -> Json:
    live = [p for p in books.payments.find("target", doc.id) if p.status == "AUTHORISED"]
    out: Json = {"Payments": [_paid(p) for p in live]}
    if doc.kind == "creditnote":
        return out | {"Allocations": [allocation(books, a) for a in books.allocations.find("source", doc.id)]}
    used = books.allocations.find("invoice", doc.id)
    notes = [a for a in used if a.source_kind == "creditnote"]
    overs = [a for a in used if a.source_kind == "overpayment"]
    out["CreditNotes"] = [
        {
            "CreditNoteID": a.source_id,
            "CreditNoteNumber": books.documents.rows[a.source_id].number,
            "ID": a.source_id,
            "HasErrors": False,
            "AppliedAmount": a.amount,
            "Total": books.documents.rows[a.source_id].total,
            **_day("Date", a.date),
        }
        for a in notes
    ]
    out["Prepayments"] = []
    out["Overpayments"] = [
        {
            "OverpaymentID": a.source_id,
            "ID": a.source_id,
            "AppliedAmount": a.amount,
            "Total": books.overpayments.rows[a.source_id].total,
            **_day("Date", a.date),
        }
        for a in overs
    ]
    return out


def _paid(record: Payment) -> Json:
    return {
        "PaymentID": record.id,
        "Date": day_out(record.date),
        "Amount": record.amount,
        "Reference": record.reference,
        "CurrencyRate": record.rate.quantize(Decimal("0.000001")),
        "HasAccount": False,
        "HasValidationErrors": False,
    }


def _line(books: Books, line: Line) -> Json:
    out: Json = {"LineItemID": line.id, "Description": line.description}
    if line.unit is not None and line.quantity is not None:
        out |= {"UnitAmount": line.unit, "Quantity": line.quantity}
    out |= {"TaxType": line.tax_type} if line.tax_type else {}
    out |= {"TaxAmount": line.tax, "LineAmount": line.amount, "Tracking": list(line.tracking), "ValidationErrors": []}
    account = books.account(line.account_code)
    if account is not None:
        out |= {"AccountCode": account.code, "AccountID": account.id}
    if line.item_code:
        out["ItemCode"] = line.item_code
    if line.discount_rate is not None:
        out["DiscountRate"] = line.discount_rate
    if line.discount_amount is not None:
        out["DiscountAmount"] = line.discount_amount
    return out


def _balances(books: Books, record: Contact) -> Json:
    sides = {"AccountsReceivable": [ZERO, ZERO], "AccountsPayable": [ZERO, ZERO]}
    for doc in books.documents.find("contact", record.id):
        if doc.status != "AUTHORISED":
            continue
        side = sides["AccountsReceivable" if doc.sale else "AccountsPayable"]
        amount = doc.due_amount if doc.kind == "invoice" else -doc.due_amount
        side[0] += amount
        if doc.kind == "invoice" and doc.due is not None and doc.due < books.today:
            side[1] += amount
    for over in books.overpayments.find("contact", record.id):
        if over.status == "AUTHORISED":
            sides["AccountsReceivable" if over.sale else "AccountsPayable"][0] -= over.remaining
    return {name: {"Outstanding": open_, "Overdue": late} for name, (open_, late) in sides.items()}


def _day(key: str, day: date | None) -> Json:
    return {} if day is None else {f"{key}String": day_string(day), key: day_out(day)}


def _updated(moment: datetime) -> Json:
    return {"UpdatedDateUTC": moment_out(moment), "UpdatedDateUTCString": moment_string(moment)}
