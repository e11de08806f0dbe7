"""The types an account may have: `class.subtype`, the words both vendors' charts translate to and from."""

from typing import Literal, get_args

AccountType = Literal[
    "asset.bank",
    "asset.in_transit",
    "asset.receivable",
    "asset.inventory",
    "asset.prepayment",
    "asset.current_other",
    "asset.fixed",
    "asset.accum_depreciation",
    "asset.noncurrent_other",
    "liability.payable",
    "liability.credit_card",
    "liability.sales_tax",
    "liability.payroll",
    "liability.customer_credit",
    "liability.loan_short",
    "liability.current_other",
    "liability.long_term",
    "liability.owner",
    "equity.general",
    "equity.retained",
    "revenue.sales",
    "revenue.discount",
    "revenue.other",
    "expense.cogs",
    "expense.operating",
    "expense.payroll",
    "expense.fees",
    "expense.depreciation",
    "expense.other",
]
ACCOUNT_TYPES: tuple[str, ...] = get_args(AccountType)
