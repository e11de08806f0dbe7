"""Under which index values each record is found."""

from simulators.xero.model import Account, Contact, Document, Line
from simulators.xero.model_cash import BankTransaction, ManualJournal, Payment
from simulators.xero.table import Key


def account_keys(account: Account) -> list[Key]:
    """By code and system marker; a deleted account gives its code free."""
    keys = [("system", account.system)] if account.system else []
    if account.status != "DELETED":
        keys += [("name", account.name.lower())]
        keys += [("code", account.code.lower())] if account.code else []
    return keys


def contact_keys(contact: Contact) -> list[Key]:
    """By number and name; names of archived contacts are kept apart because they are free again."""
    keys = [("number", contact.number.lower())] if contact.number else []
    keys.append(("name" if contact.status == "ACTIVE" else "archived-name", contact.name.lower()))
    return keys


def contact_groups(contact: Contact) -> tuple[str, ...]:
    """All contacts, and the active ones."""
    return ("", "ACTIVE") if contact.status == "ACTIVE" else ("",)


def document_keys(document: Document) -> list[Key]:
    """By contact, number, account and tracking option."""
    keys = [("contact", document.contact_id), *_line_keys(document.lines)]
    if document.number and document.status != "DELETED":
        keys.append((f"{document.kind}-number", document.number.lower()))
        if document.sale:
            # Only sales numbers are unique; bills of two suppliers may share one.
            keys.append((f"{document.kind}-sale-number", document.number.lower()))
    return keys


def document_groups(document: Document) -> tuple[str, ...]:
    """Invoices or credit notes, and each type."""
    return document.kind, document.type


def payment_keys(payment: Payment) -> list[Key]:
    """By what it pays and the account it went through."""
    return [("target", payment.target_id), ("account", payment.account_id)]


def bank_keys(record: BankTransaction) -> list[Key]:
    """By accounts, contact, tracking and the prepayment or overpayment it made."""
    keys = [("account", record.account_id), ("contact", record.contact_id), *_line_keys(record.lines)]
    return [*keys, ("credit", record.credit_id)] if record.credit_id else keys


def journal_keys(journal: ManualJournal) -> list[Key]:
    """By accounts and tracking."""
    keys = [("account", line.account_id) for line in journal.lines]
    return keys + [("option", option) for line in journal.lines for _, option in line.tracking]


def _line_keys(lines: tuple[Line, ...]) -> list[Key]:
    keys = [("account", line.account_id) for line in lines if line.account_id]
    return keys + [("option", option) for line in lines for _, option in line.tracking]
