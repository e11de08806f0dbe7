"""QuickBooks' lists (accounts, items, tax codes) and its bank transactions in our vocabulary. Pure."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from app.canonical import (
    BankLine,
    DocumentState,
    RemoteAccount,
    RemoteBankTransaction,
    RemoteItem,
    RemoteTaxRate,
)
from app.providers.quickbooks.values import amount_of, date_of, moment, text_of

Row = Mapping[str, object]
_NOTHING: Row = {}

# By AccountType; where one holds several of our types, by AccountSubType first.
_BY_SUBTYPE = {
    ("Other Current Asset", "UndepositedFunds"): "asset.in_transit",
    ("Other Current Asset", "Inventory"): "asset.inventory",
    ("Other Current Asset", "PrepaidExpenses"): "asset.prepayment",
    ("Fixed Asset", "AccumulatedDepreciation"): "asset.accum_depreciation",
    ("Fixed Asset", "AccumulatedAmortization"): "asset.accum_depreciation",
    ("Fixed Asset", "AccumulatedDepletion"): "asset.accum_depreciation",
    ("Other Current Liability", "SalesTaxPayable"): "liability.sales_tax",
    ("Other Current Liability", "GlobalTaxPayable"): "liability.sales_tax",
    ("Other Current Liability", "GlobalTaxSuspense"): "liability.sales_tax",
    ("Other Current Liability", "PayrollClearing"): "liability.payroll",
    ("Other Current Liability", "PayrollTaxPayable"): "liability.payroll",
    ("Other Current Liability", "LineOfCredit"): "liability.loan_short",
    ("Other Current Liability", "LoanPayable"): "liability.loan_short",
    ("Equity", "RetainedEarnings"): "equity.retained",
    ("Income", "DiscountsRefundsGiven"): "revenue.discount",
    ("Expense", "PayrollExpenses"): "expense.payroll",
    ("Expense", "BankCharges"): "expense.fees",
    ("Other Expense", "Depreciation"): "expense.depreciation",
    ("Other Expense", "Amortization"): "expense.depreciation",
}
_BY_TYPE = {
    "Bank": "asset.bank",
    "Accounts Receivable": "asset.receivable",
    "Other Current Asset": "asset.current_other",
    "Fixed Asset": "asset.fixed",
    "Other Asset": "asset.noncurrent_other",
    "Accounts Payable": "liability.payable",
    "Credit Card": "liability.credit_card",
    "Other Current Liability": "liability.current_other",
    "Long Term Liability": "liability.long_term",
    "Equity": "equity.general",
    "Income": "revenue.sales",
    "Other Income": "revenue.other",
    "Cost of Goods Sold": "expense.cogs",
    "Expense": "expense.operating",
    "Other Expense": "expense.other",
}


def account_type(row: Row) -> str:
    """Our `class.subtype`, "unknown" for a type that posts nothing or that we do not know."""
    kind, subtype = text_of(row.get("AccountType")), text_of(row.get("AccountSubType"))
    return _BY_SUBTYPE.get((kind, subtype)) or _BY_TYPE.get(kind, "unknown")


def to_account(row: Row) -> RemoteAccount:
    """An account; documents name it by its id, people by its number where numbers are on."""
    return RemoteAccount(
        external_id=text_of(row.get("Id")),
        version=text_of(row.get("SyncToken")),
        code=text_of(row.get("Id")),
        name=text_of(row.get("FullyQualifiedName")) or text_of(row.get("Name")),
        type=account_type(row),
        active=row.get("Active") is not False,
        number=text_of(row.get("AcctNum")),
        currency=_ref(row, "CurrencyRef"),
        parent_id=_ref(row, "ParentRef"),
        description=text_of(row.get("Description")),
        updated_at=_updated(row),
    )


def to_item(row: Row) -> RemoteItem:
    """A product or service; documents name it by its id."""
    return RemoteItem(
        external_id=text_of(row.get("Id")),
        version=text_of(row.get("SyncToken")),
        code=text_of(row.get("Id")),
        name=text_of(row.get("FullyQualifiedName")) or text_of(row.get("Name")),
        active=row.get("Active") is not False,
        updated_at=_updated(row),
    )


def to_tax_code(row: Row, rates: Mapping[str, Decimal]) -> RemoteTaxRate:
    """A tax code; `rates` are the company's tax rates by id. Its rate on sales is the sum of those it names."""
    named = _ids_of_rates(row)
    known = [rates[one] for one in named if one in rates]
    rate = sum(known, Decimal(0)) if named and len(known) == len(named) else None
    return RemoteTaxRate(
        external_id=text_of(row.get("Id")),
        version=text_of(row.get("SyncToken")),
        code=text_of(row.get("Id")),
        name=text_of(row.get("Name")),
        active=row.get("Active") is not False,
        rate=Decimal(0) if row.get("Taxable") is False else rate,
        updated_at=_updated(row),
    )


def rate_of(row: Row) -> tuple[str, Decimal]:
    """A tax rate's id and per cent."""
    return text_of(row.get("Id")), amount_of(row.get("RateValue"))


def _ids_of_rates(row: Row) -> list[str]:
    details = _dict(row.get("SalesTaxRateList")).get("TaxRateDetail")
    listed = details if isinstance(details, list) else []
    return [_ref(_dict(detail), "TaxRateRef") for detail in listed]


def to_bank_transaction(entity: str, row: Row) -> RemoteBankTransaction:
    """Money that moved: `entity` is Purchase, Deposit or Transfer, and part of the id, as each counts its own."""
    kind, bank, other = _sides(entity, row)
    total = amount_of(row.get("Amount" if entity == "Transfer" else "TotalAmt"))
    party = _dict(row.get("EntityRef"))
    return RemoteBankTransaction(
        external_id=f"{entity}:{text_of(row.get('Id'))}",
        version=text_of(row.get("SyncToken")),
        type=kind,
        state=DocumentState.open,
        on=date_of(row.get("TxnDate")),
        currency=_ref(row, "CurrencyRef"),
        amount=abs(total),
        bank_account_id=bank,
        to_account_id=other,
        contact_id=text_of(party.get("value")),
        contact_name=text_of(party.get("name")),
        reference=text_of(row.get("DocNumber")),
        lines=tuple(_line(_dict(line)) for line in _list(row.get("Line"))),
        updated_at=_updated(row),
    )


def _sides(entity: str, row: Row) -> tuple[str, str, str]:
    if entity == "Transfer":
        return "transfer", _ref(row, "FromAccountRef"), _ref(row, "ToAccountRef")
    if entity == "Deposit":
        return "receive", _ref(row, "DepositToAccountRef"), ""
    # A credit on a credit card is money that came back.
    return ("receive" if row.get("Credit") is True else "spend"), _ref(row, "AccountRef"), ""


def _line(line: Row) -> BankLine:
    details = ("AccountBasedExpenseLineDetail", "DepositLineDetail", "ItemBasedExpenseLineDetail")
    detail = next((_dict(line[name]) for name in details if name in line), _NOTHING)
    return BankLine(
        amount=amount_of(line.get("Amount")),
        description=text_of(line.get("Description")),
        account_id=_ref(detail, "AccountRef"),
    )


def _ref(row: Row, name: str) -> str:
    return text_of(_dict(row.get(name)).get("value"))


def _updated(row: Row) -> datetime | None:
    return moment(_dict(row.get("MetaData")).get("LastUpdatedTime"))


def _dict(value: object) -> Row:
    return value if isinstance(value, Mapping) else _NOTHING


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
