"""Records as Xero's JSON: which fields come in a list, in a page and by id differs per entity."""

from datetime import date, datetime
from decimal import Decimal

from simulators.core.http import Json
from simulators.xero.books import Books
from simulators.xero.dates import day_out, day_string, moment_out, moment_string
from simulators.xero.documents import ID_FIELD, NUMBER_FIELD
from simulators.xero.model import ZERO, Account, Document, Line, Tracking
from simulators.xero.model_cash import Allocation, Credit, Payment
from simulators.xero.render_contact import contact_stub


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
    out |= day_twins("Date", doc.date) | day_twins("DueDate", doc.due)
    out |= {"Status": doc.status, "LineAmountTypes": doc.amounts}
    out["LineItems"] = [line_item(books, line) for line in doc.lines] if lines else []
    out |= {"SubTotal": doc.subtotal, "TotalTax": doc.tax, "Total": doc.total}
    out |= updated_twins(doc.updated) | {"CurrencyCode": doc.currency}
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
        "BankAmount": record.bank_amount,
        "Amount": record.amount,
        "Reference": record.reference,
        "CurrencyRate": record.rate.quantize(Decimal("0.000001")),
        "PaymentType": record.type,
        "Status": record.status,
        **updated_twins(record.updated),
        "HasAccount": True,
        "IsReconciled": record.reconciled,
        "Account": account_stub(account) | ({"Name": account.name} if full else {}),
        "HasValidationErrors": False,
    }
    if record.target_kind in ("overpayment", "prepayment"):
        name = record.target_kind.capitalize()
        return out | {name: {f"{name}ID": record.target_id}}
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


def credit(books: Books, record: Credit, *, full: bool) -> Json:
    """An overpayment or prepayment with its allocations and refunds; lines come `full` only."""
    name = record.kind.capitalize()
    refunds = [p for p in books.payments.find("target", record.id) if p.status == "AUTHORISED"]
    out: Json = {
        f"{name}ID": record.id,
        "ID": record.id,
        "Type": record.type,
        "Reference": record.reference,
        "RemainingCredit": record.remaining if record.live else ZERO,
        "AppliedAmount": record.allocated,
        "Allocations": [allocation(books, a) for a in books.allocations.find("source", record.id)],
        "Payments": [_paid(p) for p in refunds],
        "HasAttachments": False,
        "Contact": contact_stub(books, record.contact_id),
        **day_twins("Date", record.date),
        "Status": record.status,
        "LineAmountTypes": record.amounts,
        "LineItems": _credit_lines(books, record) if full else [],
        "SubTotal": record.total - record.tax,
        "TotalTax": record.tax,
        "Total": record.total,
        **updated_twins(record.updated),
        "CurrencyCode": record.currency,
        "CurrencyRate": record.rate.quantize(Decimal("0.000001")),
    }
    if record.kind == "prepayment":
        out["InvoiceNumber"] = record.reference
    return out


def _credit_lines(books: Books, record: Credit) -> list[Json]:
    if record.kind == "prepayment":
        return [line_item(books, line) for line in record.lines]
    control = books.system_account("DEBTORS" if record.sale else "CREDITORS")
    return [
        {
            "Description": "Overpayment", "UnitAmount": record.total, "Quantity": Decimal(1),
            "LineAmount": record.total, "TaxType": "NONE", "TaxAmount": ZERO, "AccountCode": control.code,
            "Tracking": [],
        }
    ]  # fmt: skip


def account_stub(account: Account) -> Json:
    """An account inside another element; the Code may be missing on bank accounts."""
    return {"AccountID": account.id} | ({"Code": account.code} if account.code else {})


def tracking(books: Books, pairs: Tracking) -> list[Json]:
    """The tracking of a line under its present names."""
    shown: list[Json] = []
    for category_id, option_id in pairs:
        category = books.tracking.rows[category_id]
        option = category.option(option_id)
        shown.append(
            {
                "Name": category.name,
                "Option": option.name if option else "",
                "TrackingCategoryID": category_id,
                "TrackingOptionID": option_id,
            }
        )
    return shown


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
    out["CreditNotes"] = [
        {
            "CreditNoteID": a.source_id,
            "CreditNoteNumber": books.documents.rows[a.source_id].number,
            "ID": a.source_id,
            "HasErrors": False,
            "AppliedAmount": a.amount,
            "Total": books.documents.rows[a.source_id].total,
            **day_twins("Date", a.date),
        }
        for a in notes
    ]
    for kind, plural in (("prepayment", "Prepayments"), ("overpayment", "Overpayments")):
        name = kind.capitalize()
        out[plural] = [
            {
                f"{name}ID": a.source_id,
                "ID": a.source_id,
                "AppliedAmount": a.amount,
                "Total": books.source_of(a).total,
                **day_twins("Date", a.date),
            }
            for a in used
            if a.source_kind == kind
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


def line_item(books: Books, line: Line) -> Json:
    """A line of a document or bank transaction."""
    out: Json = {"LineItemID": line.id, "Description": line.description}
    if line.unit is not None and line.quantity is not None:
        out |= {"UnitAmount": line.unit, "Quantity": line.quantity}
    out |= {"TaxType": line.tax_type} if line.tax_type else {}
    out |= {"TaxAmount": line.tax, "LineAmount": line.amount, "Tracking": tracking(books, line.tracking)}
    out["ValidationErrors"] = []
    account = books.accounts.get(line.account_id)
    if account is not None:
        out |= {"AccountCode": account.code, "AccountID": account.id}
    if line.item_code:
        out["ItemCode"] = line.item_code
    if line.discount_rate is not None:
        out["DiscountRate"] = line.discount_rate
    if line.discount_amount is not None:
        out["DiscountAmount"] = line.discount_amount
    return out


def day_twins(key: str, day: date | None) -> Json:
    """A date and its twin; nothing for no date."""
    return {} if day is None else {f"{key}String": day_string(day), key: day_out(day)}


def updated_twins(moment: datetime) -> Json:
    """UpdatedDateUTC and its twin."""
    return {"UpdatedDateUTC": moment_out(moment), "UpdatedDateUTCString": moment_string(moment)}
