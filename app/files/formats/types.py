"""Our account types and the vendors' words for them, both ways.

A vendor's word that holds several of our types is read as the first of them, unless a second word (QuickBooks' detail
type, IIF's EXTRA) says more.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """How the vendors call one of our types. `extra` is IIF's mark of a special account."""

    iif: str
    qbo: str
    qbo_detail: str
    xero: str
    extra: str = ""


_OCA, _OCL, _EXP, _OTHER = "Other Current Assets", "Other Current Liabilities", "Expenses", "Other Expense"
WORDS: Mapping[str, Words] = {
    "asset.bank": Words("BANK", "Bank", "Checking", "Bank"),
    "asset.in_transit": Words("OCASSET", _OCA, "Undeposited Funds", "Current Asset", "UNDEPOSIT"),
    "asset.receivable": Words("AR", "Accounts receivable (A/R)", "Accounts Receivable (A/R)", "Accounts Receivable"),
    "asset.inventory": Words("OCASSET", _OCA, "Inventory", "Inventory", "INVENTORYASSET"),
    "asset.prepayment": Words("OCASSET", _OCA, "Prepaid Expenses", "Prepayment"),
    "asset.current_other": Words("OCASSET", _OCA, _OCA, "Current Asset"),
    "asset.fixed": Words("FIXASSET", "Fixed Assets", "Other fixed assets", "Fixed Asset"),
    "asset.accum_depreciation": Words("FIXASSET", "Fixed Assets", "Accumulated Depreciation", "Fixed Asset"),
    "asset.noncurrent_other": Words("OASSET", "Other Assets", "Other Long-term Assets", "Non-Current Asset"),
    "liability.payable": Words("AP", "Accounts payable (A/P)", "Accounts Payable (A/P)", "Accounts Payable"),
    "liability.credit_card": Words("CCARD", "Credit Card", "Credit Card", "Bank"),
    "liability.sales_tax": Words("OCLIAB", _OCL, "Sales Tax Payable", "Sales Tax", "SALESTAX"),
    "liability.payroll": Words("OCLIAB", _OCL, "Payroll Clearing", "Wages Payable"),
    "liability.customer_credit": Words("OCLIAB", _OCL, _OCL, "Current Liability"),
    "liability.loan_short": Words("OCLIAB", _OCL, "Line of Credit", "Current Liability"),
    "liability.current_other": Words("OCLIAB", _OCL, _OCL, "Current Liability"),
    "liability.long_term": Words(
        "LTLIAB", "Long Term Liabilities", "Other Long Term Liabilities", "Non-current Liability"
    ),
    "liability.owner": Words("OCLIAB", _OCL, _OCL, "Current Liability"),
    "equity.general": Words("EQUITY", "Equity", "Owner's Equity", "Equity"),
    "equity.retained": Words("EQUITY", "Equity", "Retained Earnings", "Retained Earnings", "RETEARNINGS"),
    "revenue.sales": Words("INC", "Income", "Sales of Product Income", "Revenue"),
    "revenue.discount": Words("INC", "Income", "Discounts/Refunds Given", "Revenue"),
    "revenue.other": Words("EXINC", "Other Income", "Other Miscellaneous Income", "Other Income"),
    "expense.cogs": Words("COGS", "Cost of Goods Sold", "Supplies & Materials - COGS", "Direct Costs"),
    "expense.operating": Words("EXP", _EXP, "Office/General Administrative Expenses", "Expense"),
    "expense.payroll": Words("EXP", _EXP, "Payroll Expenses", "Expense"),
    "expense.fees": Words("EXP", _EXP, "Bank Charges", "Expense"),
    "expense.depreciation": Words("EXP", _OTHER, "Depreciation", "Depreciation"),
    "expense.other": Words("EXEXP", _OTHER, "Other Miscellaneous Expense", "Expense"),
}
NONPOSTING = "NONPOSTING"
# Where one word holds several of our types, what it is read as.
IIF: Mapping[str, str] = {
    "BANK": "asset.bank",
    "AR": "asset.receivable",
    "OCASSET": "asset.current_other",
    "FIXASSET": "asset.fixed",
    "OASSET": "asset.noncurrent_other",
    "AP": "liability.payable",
    "CCARD": "liability.credit_card",
    "OCLIAB": "liability.current_other",
    "LTLIAB": "liability.long_term",
    "EQUITY": "equity.general",
    "INC": "revenue.sales",
    "COGS": "expense.cogs",
    "EXP": "expense.operating",
    "EXINC": "revenue.other",
    "EXEXP": "expense.other",
}
IIF_EXTRA: Mapping[str, str] = {words.extra: ours for ours, words in WORDS.items() if words.extra}
# QuickBooks Online writes the plural in reports and templates, the singular in its API.
_QBO: Mapping[str, str] = {
    "bank": "asset.bank",
    "accounts receivable (a/r)": "asset.receivable",
    "accounts receivable": "asset.receivable",
    "other current asset": "asset.current_other",
    "fixed asset": "asset.fixed",
    "other asset": "asset.noncurrent_other",
    "accounts payable (a/p)": "liability.payable",
    "accounts payable": "liability.payable",
    "credit card": "liability.credit_card",
    "other current liability": "liability.current_other",
    "other current liabilitie": "liability.current_other",
    "long term liability": "liability.long_term",
    "long term liabilitie": "liability.long_term",
    "equity": "equity.general",
    "income": "revenue.sales",
    "cost of goods sold": "expense.cogs",
    "expense": "expense.operating",
    "other income": "revenue.other",
    "other expense": "expense.other",
}
_QBO_DETAIL: Mapping[str, str] = {
    "undeposited funds": "asset.in_transit",
    "inventory": "asset.inventory",
    "prepaid expenses": "asset.prepayment",
    "accumulated depreciation": "asset.accum_depreciation",
    "accumulated amortization": "asset.accum_depreciation",
    "accumulated depletion": "asset.accum_depreciation",
    "sales tax payable": "liability.sales_tax",
    "global tax payable": "liability.sales_tax",
    "global tax suspense": "liability.sales_tax",
    "payroll clearing": "liability.payroll",
    "payroll tax payable": "liability.payroll",
    "line of credit": "liability.loan_short",
    "loan payable": "liability.loan_short",
    "retained earnings": "equity.retained",
    "discounts/refunds given": "revenue.discount",
    "payroll expenses": "expense.payroll",
    "bank charges": "expense.fees",
    "depreciation": "expense.depreciation",
    "amortization": "expense.depreciation",
}
_XERO: Mapping[str, str] = {
    "bank": "asset.bank",
    "current asset": "asset.current_other",
    "current liability": "liability.current_other",
    "depreciation": "expense.depreciation",
    "direct costs": "expense.cogs",
    "equity": "equity.general",
    "expense": "expense.operating",
    "fixed asset": "asset.fixed",
    "inventory": "asset.inventory",
    "liability": "liability.current_other",
    "non-current asset": "asset.noncurrent_other",
    "other income": "revenue.other",
    "overhead": "expense.operating",
    "prepayment": "asset.prepayment",
    "revenue": "revenue.sales",
    "sales": "revenue.sales",
    "non-current liability": "liability.long_term",
    "payg": "liability.payroll",
}
_XERO_SYSTEM: Mapping[str, str] = {
    "accounts receivable": "asset.receivable",
    "accounts payable": "liability.payable",
    "gst": "liability.sales_tax",
    "vat": "liability.sales_tax",
    "sales tax": "liability.sales_tax",
    "unpaid expense claims": "liability.current_other",
    "wages payable": "liability.payroll",
    "historical": "equity.general",
    "historical adjustment": "equity.general",
    "rounding": "expense.other",
    "tracking": "liability.current_other",
    "retained earnings": "equity.retained",
    "bank revaluations": "expense.other",
    "realised currency gains": "expense.other",
    "unrealised currency gains": "expense.other",
}


def from_iif(kind: str, extra: str) -> str | None:
    """Our type for an ACCNTTYPE; EXTRA counts where it is of the same ACCNTTYPE. None: no word of QuickBooks'."""
    ours = IIF_EXTRA.get(extra)
    return ours if ours is not None and WORDS[ours].iif == kind else IIF.get(kind)


def from_qbo(kind: str, detail: str) -> str | None:
    """Our type for QuickBooks Online's type and detail type, in any case, singular or plural."""
    base = _QBO.get(_folded(kind)) or _QBO.get(_folded(kind).removesuffix("s"))
    ours = _QBO_DETAIL.get(_folded(detail))
    if base is None or ours is None or ours.split(".")[0] != base.split(".")[0]:
        return base
    return ours


def from_xero(kind: str) -> tuple[str, bool] | None:
    """Our type for Xero's type, and whether it is one of the accounts that Xero keeps by itself."""
    word = _folded(kind).replace("realized", "realised")
    for known, system in ((_XERO, False), (_XERO_SYSTEM, True)):
        ours = known.get(word) or known.get(word.removesuffix("s"))
        if ours is not None:
            return ours, system
    return None


def _folded(word: str) -> str:
    return " ".join(word.casefold().split())
