"""Any document by the name of its entity: how a person enters, changes and takes one back, and a list of them all.

Entities: Invoice, CreditNote, ManualJournal, BankTransaction, BankTransfer, Payment.
"""

from collections.abc import Iterator

from simulators.core.checks import choice_of
from simulators.core.http import Json
from simulators.xero.bank import BankWriting, delete_transfer, save_transaction, save_transfer
from simulators.xero.books import Books
from simulators.xero.documents import Writing, save_document
from simulators.xero.element import Element, RefusedError
from simulators.xero.manual import save_journal
from simulators.xero.model import DocKind, Document
from simulators.xero.model_cash import BankTransaction, BankTransfer, Credit, ManualJournal, Payment
from simulators.xero.money_in import create_payment, delete_payment

KINDS: dict[str, DocKind] = {"Invoice": "invoice", "CreditNote": "creditnote"}
ENTITIES = (*KINDS, "ManualJournal", "BankTransaction", "BankTransfer", "Payment")


def create(books: Books, entity: str, fields: Json) -> str:
    """Enter a document with fields by their API names; its id. Raises RefusedError, Unprocessable."""
    element = Element(fields)
    match choice_of(entity, "entity", ENTITIES):
        case "ManualJournal":
            return save_journal(books, element).id
        case "BankTransaction":
            return save_transaction(books, element, BankWriting()).id
        case "BankTransfer":
            return save_transfer(books, element).id
        case "Payment":
            return create_payment(books, element).id
        case kind:
            return save_document(books, KINDS[kind], element, Writing(put=True)).id


def edit(books: Books, entity: str, key: str, fields: Json) -> str:
    """Change a document. Raises RefusedError, Unprocessable; transfers and payments are taken back instead."""
    element = Element(fields)
    match choice_of(entity, "entity", ENTITIES):
        case "ManualJournal":
            return save_journal(books, element, key.lower()).id
        case "BankTransaction":
            return save_transaction(books, element, BankWriting(path_id=key.lower())).id
        case "BankTransfer" | "Payment":
            raise RefusedError(f"A {entity} is not edited; delete it and enter another")
        case kind:
            return save_document(books, KINDS[kind], element, Writing(put=False, path_id=key.lower())).id


def take_back(books: Books, entity: str, key: str) -> str:
    """Delete or void, whichever Xero offers for the document's state; its new status.

    Raises LookupError, RefusedError, Unprocessable.
    """
    wanted = key.lower()
    match choice_of(entity, "entity", ENTITIES):
        case "ManualJournal":
            status = "VOIDED" if books.journals.rows[wanted].status == "POSTED" else "DELETED"
            return save_journal(books, Element({"Status": status}), wanted).status
        case "BankTransaction":
            how = BankWriting(path_id=books.bank.rows[wanted].id)
            return save_transaction(books, Element({"Status": "DELETED"}), how).status
        case "BankTransfer":
            return delete_transfer(books, books.transfers.rows[wanted]).status
        case "Payment":
            return delete_payment(books, books.payments.rows[wanted]).status
        case kind:
            drafted = books.documents.rows[wanted].status in ("DRAFT", "SUBMITTED")
            status = "DELETED" if drafted else "VOIDED"
            how_ = Writing(put=False, path_id=wanted)
            return save_document(books, KINDS[kind], Element({"Status": status}), how_).status


def listed(books: Books) -> Iterator[Json]:
    """Every document of the books in one flat form, oldest first by kind; amounts are text.

    `{entity, id, type, number, reference, note, date, party, currency, total, balance, status, url}`, "" or null where
    a kind has no such thing. `note` is a manual journal's narration.
    """
    for doc in books.documents.rows.values():
        yield _document(doc)
    for journal in books.journals.rows.values():
        yield _journal(books, journal)
    for record in books.bank.rows.values():
        yield _bank(record)
    for transfer in books.transfers.rows.values():
        yield _transfer(transfer)
    for payment in books.payments.rows.values():
        yield _payment(payment)
    for credit in (*books.overpayments.rows.values(), *books.prepayments.rows.values()):
        yield _credit(credit)


def _flat(entity: str, record: Document | ManualJournal | BankTransaction | BankTransfer | Payment | Credit) -> Json:
    return {
        "entity": entity, "id": record.id, "type": "", "number": "", "reference": "", "note": "",
        "date": record.date.isoformat(), "party": "", "currency": "", "balance": None, "status": record.status,
        "url": "", "updated": record.updated.isoformat(),
    }  # fmt: skip


def _document(doc: Document) -> Json:
    return _flat("Invoice" if doc.kind == "invoice" else "CreditNote", doc) | {
        "type": doc.type, "number": doc.number, "reference": doc.reference, "party": doc.contact_id,
        "currency": doc.currency, "total": str(doc.total), "balance": str(doc.due_amount), "url": doc.url,
    }  # fmt: skip


def _journal(books: Books, journal: ManualJournal) -> Json:
    debits = sum(line.amount for line in journal.lines if line.amount > 0)
    shown = {"note": journal.narration, "currency": books.tenant.currency, "total": str(debits), "url": journal.url}
    return _flat("ManualJournal", journal) | shown


def _bank(record: BankTransaction) -> Json:
    return _flat("BankTransaction", record) | {
        "type": record.type, "reference": record.reference, "party": record.contact_id, "currency": record.currency,
        "total": str(record.total), "url": record.url,
    }  # fmt: skip


def _transfer(transfer: BankTransfer) -> Json:
    return _flat("BankTransfer", transfer) | {"reference": transfer.reference, "total": str(transfer.amount)}


def _payment(payment: Payment) -> Json:
    shown = {"type": payment.type, "reference": payment.reference, "pays": payment.target_id}
    return _flat("Payment", payment) | shown | {"total": str(payment.amount)}


def _credit(credit: Credit) -> Json:
    return _flat(credit.kind.capitalize(), credit) | {
        "type": credit.type, "party": credit.contact_id, "currency": credit.currency, "total": str(credit.total),
        "balance": str(credit.remaining),
    }  # fmt: skip
