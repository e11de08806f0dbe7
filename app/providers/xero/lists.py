"""Xero's lists (accounts, items, tax rates) and its bank transactions in our vocabulary. Pure."""

from collections.abc import Mapping

from app.canonical import BankLine, DocumentState, RemoteAccount, RemoteBankTransaction, RemoteItem, RemoteTaxRate
from app.providers.xero.values import Element, amount, child, children, day, identifier, moment, text

_BY_SYSTEM_ACCOUNT = {
    "DEBTORS": "asset.receivable",
    "CREDITORS": "liability.payable",
    "GST": "liability.sales_tax",
    "GSTONIMPORTS": "liability.sales_tax",
    "WAGEPAYABLES": "liability.payroll",
    "RETAINEDEARNINGS": "equity.retained",
}
_BY_TYPE: Mapping[str, str] = {
    "BANK": "asset.bank",
    "CURRENT": "asset.current_other",
    "CURRLIAB": "liability.current_other",
    "DEPRECIATN": "expense.depreciation",
    "DIRECTCOSTS": "expense.cogs",
    "EQUITY": "equity.general",
    "EXPENSE": "expense.operating",
    "FIXED": "asset.fixed",
    "INVENTORY": "asset.inventory",
    "LIABILITY": "liability.current_other",
    "NONCURRENT": "asset.noncurrent_other",
    "OTHERINCOME": "revenue.other",
    "OVERHEADS": "expense.operating",
    "PAYG": "liability.payroll",
    "PREPAYMENT": "asset.prepayment",
    "REVENUE": "revenue.sales",
    "SALES": "revenue.sales",
    "TERMLIAB": "liability.long_term",
}
_STATES = {
    "AUTHORISED": DocumentState.open,
    "PAID": DocumentState.open,
    "VOIDED": DocumentState.voided,
    "DELETED": DocumentState.deleted,
}


def account_type(element: Element) -> str:
    """Our `class.subtype`; "unknown" for a type that Xero invents later."""
    system = _BY_SYSTEM_ACCOUNT.get(text(element, "SystemAccount"))
    if text(element, "Type") == "BANK" and text(element, "BankAccountType") == "CREDITCARD":
        return "liability.credit_card"
    return system or _BY_TYPE.get(text(element, "Type"), "unknown")


def to_account(element: Element) -> RemoteAccount:
    """An account; documents name it by its code, which a bank account may lack."""
    return RemoteAccount(
        external_id=identifier(element, "AccountID"),
        version=_version(element),
        code=text(element, "Code"),
        name=text(element, "Name"),
        type=account_type(element),
        active=text(element, "Status") == "ACTIVE",
        number=text(element, "Code"),
        currency=text(element, "CurrencyCode"),
        description=text(element, "Description"),
        updated_at=moment(element.get("UpdatedDateUTC")),
    )


def to_item(element: Element) -> RemoteItem:
    """A product or service; Xero has no inactive ones."""
    return RemoteItem(
        external_id=identifier(element, "ItemID"),
        version=_version(element),
        code=text(element, "Code"),
        name=text(element, "Name") or text(element, "Code"),
        active=True,
        updated_at=moment(element.get("UpdatedDateUTC")),
    )


def to_tax_rate(element: Element) -> RemoteTaxRate:
    """A tax rate; it has no id and no date of change, its type is what documents name."""
    code = text(element, "TaxType")
    return RemoteTaxRate(
        external_id=code,
        version="",
        code=code,
        name=text(element, "Name"),
        active=text(element, "Status") == "ACTIVE",
        rate=amount(element, "EffectiveRate"),
    )


def to_bank_transaction(element: Element) -> RemoteBankTransaction | None:
    """Money spent or received; overpayments and prepayments among them are payments to us as well.

    None for a side of a transfer: the list of transfers has that as one.
    """
    if text(element, "Type").endswith("-TRANSFER"):
        return None
    contact = child(element, "Contact")
    return RemoteBankTransaction(
        external_id=identifier(element, "BankTransactionID"),
        version=_version(element),
        type="receive" if text(element, "Type").startswith("RECEIVE") else "spend",
        state=_STATES.get(text(element, "Status"), DocumentState.draft),
        on=day(element.get("Date")),
        currency=text(element, "CurrencyCode"),
        amount=amount(element, "Total"),
        bank_account_id=identifier(child(element, "BankAccount"), "AccountID"),
        contact_id=identifier(contact, "ContactID"),
        contact_name=text(contact, "Name"),
        reference=text(element, "Reference"),
        lines=tuple(_line(line) for line in children(element, "LineItems")),
        updated_at=moment(element.get("UpdatedDateUTC")),
    )


def to_transfer(element: Element) -> RemoteBankTransaction:
    """Money moved between two bank accounts."""
    return RemoteBankTransaction(
        external_id=identifier(element, "BankTransferID"),
        version=_version(element),
        type="transfer",
        state=_STATES.get(text(element, "Status"), DocumentState.open),
        on=day(element.get("Date")),
        currency=text(element, "CurrencyCode"),
        amount=amount(element, "Amount"),
        bank_account_id=identifier(child(element, "FromBankAccount"), "AccountID"),
        to_account_id=identifier(child(element, "ToBankAccount"), "AccountID"),
        reference=text(element, "Reference"),
        updated_at=moment(element.get("UpdatedDateUTC") or element.get("CreatedDateUTC")),
    )


def _line(line: Element) -> BankLine:
    return BankLine(
        amount=amount(line, "LineAmount"),
        description=text(line, "Description"),
        account_id=text(line, "AccountCode") or text(line, "AccountID"),
    )


def _version(element: Element) -> str:
    updated = moment(element.get("UpdatedDateUTC"))
    return "" if updated is None else updated.isoformat()
