"""Bank transactions, transfers and manual journals as Xero's JSON."""

from decimal import Decimal

from simulators.core.http import Json
from simulators.xero.books import Books
from simulators.xero.dates import day_out, moment_out
from simulators.xero.model_cash import BankTransaction, BankTransfer, JournalLine, ManualJournal
from simulators.xero.render import account_stub, day_twins, line_item, tracking
from simulators.xero.render_contact import contact_stub

SIX = Decimal("0.000001")


def bank_transaction(books: Books, record: BankTransaction, *, full: bool) -> Json:
    """Money received or spent; lines come `full` (paged or by id) only."""
    account = books.accounts.rows[record.account_id]
    out: Json = {
        "BankTransactionID": record.id,
        "BankAccount": account_stub(account) | {"Name": account.name},
        "Type": record.type,
        "Reference": record.reference,
        "IsReconciled": record.reconciled,
        "HasAttachments": False,
    }
    if record.contact_id:
        out["Contact"] = contact_stub(books, record.contact_id)
    out |= {
        **day_twins("Date", record.date),
        "Status": record.status,
        "LineAmountTypes": record.amounts,
        "LineItems": [line_item(books, line) for line in record.lines] if full else [],
        "SubTotal": record.subtotal,
        "TotalTax": record.tax,
        "Total": record.total,
        "UpdatedDateUTC": moment_out(record.updated),
        "CurrencyCode": record.currency,
        "CurrencyRate": record.rate.quantize(SIX),
    }
    if record.url:
        out["Url"] = record.url
    if record.credit_id:
        out["OverpaymentID" if record.type.endswith("OVERPAYMENT") else "PrepaymentID"] = record.credit_id
    return out


def bank_transfer(books: Books, record: BankTransfer) -> Json:
    """A transfer with the ids of its two bank transactions."""
    source, to = books.accounts.rows[record.from_id], books.accounts.rows[record.to_id]
    return {
        "BankTransferID": record.id,
        "CreatedDateUTCString": f"{record.created:%Y-%m-%dT%H:%M:%S}",
        "CreatedDateUTC": moment_out(record.created),
        **day_twins("Date", record.date),
        "Status": record.status,
        "FromBankAccount": account_stub(source) | {"Name": source.name},
        "ToBankAccount": account_stub(to) | {"Name": to.name},
        "Amount": record.amount,
        "FromBankTransactionID": record.from_transaction,
        "ToBankTransactionID": record.to_transaction,
        "FromIsReconciled": record.from_reconciled,
        "ToIsReconciled": record.to_reconciled,
        "CurrencyRate": record.rate.quantize(SIX),
        "Reference": record.reference,
        "HasAttachments": False,
    }


def manual_journal(books: Books, record: ManualJournal, *, full: bool) -> Json:
    """A manual journal; lines come `full` (paged or by id) only."""
    out: Json = {
        "ManualJournalID": record.id,
        "Narration": record.narration,
        "Date": day_out(record.date),
        "Status": record.status,
        "LineAmountTypes": record.amounts,
        "ShowOnCashBasisReports": record.cash_basis,
        "HasAttachments": False,
        "UpdatedDateUTC": moment_out(record.updated),
        "JournalLines": [_line(books, line) for line in record.lines] if full else [],
    }
    return out | {"Url": record.url} if record.url else out


def _line(books: Books, line: JournalLine) -> Json:
    out: Json = {
        "Description": line.description,
        "TaxType": line.tax_type,
        "TaxAmount": line.tax,
        "LineAmount": line.amount,
        "Tracking": tracking(books, line.tracking),
        "IsBlank": line.blank,
    }
    account = books.accounts.get(line.account_id)
    return out | {"AccountCode": account.code, "AccountID": account.id} if account else out
