"""The fields of journal entries, purchases, deposits and transfers (reference 3.6, 3.10)."""

from simulators.intuit.fields import ADDRESS, COMMON, CUSTOM, TAX_DETAIL
from simulators.intuit.schema import (
    DAY,
    FLAG,
    IGNORED,
    NUMBER,
    REF,
    TYPED_REF,
    Schema,
    absent,
    choice,
    names,
    nested,
    rows,
    text,
)

_TXN: Schema = {
    **COMMON,
    "TxnDate": DAY,
    "PrivateNote": text(4000),
    **names("CurrencyRef DepartmentRef", REF),
    "ExchangeRate": NUMBER,
    "GlobalTaxCalculation": choice("TaxExcluded", "TaxInclusive", "NotApplicable"),
    **names(
        "TotalAmt HomeTotalAmt TxnStatus TxnSource LinkedTxn RecurDataRef TransactionLocationType Tag CustomExtensions",
        IGNORED,
    ),
    "CustomField": CUSTOM,
    "ProjectRef": absent("projects"),
}
_LINE: Schema = {
    **names("Id LineNum", text(30)),
    "Description": text(4000),
    "Amount": NUMBER,
    **names("CustomField CustomExtensions LineEx", IGNORED),
    "ProjectRef": absent("projects"),
}
_BILLABLE = choice("Billable", "NotBillable", "HasBeenBilled")
_NO_JE_TAX = absent("tax on journal entry lines")

JOURNAL_ENTRY: Schema = {
    **_TXN,
    "DocNumber": text(21),
    "Adjustment": FLAG,
    "TxnTaxDetail": absent("tax on journal entries"),
    **names("HomeCurrencyAdjustment EnteredInHomeCurrency JournalEntryEx", IGNORED),
    "Line": rows(
        {
            **_LINE,
            "DetailType": choice("JournalEntryLineDetail", "DescriptionOnly"),
            "DescriptionLineDetail": IGNORED,
            "JournalEntryLineDetail": nested(
                {
                    "PostingType": text(30),
                    "Entity": nested({"Type": choice("Customer", "Vendor", "Employee"), "EntityRef": REF}),
                    **names("AccountRef ClassRef DepartmentRef", REF),
                    "TaxCodeRef": REF,
                    "TaxApplicableOn": choice("Sales", "Purchase"),
                    "TaxAmount": NUMBER,
                    "BillableStatus": _BILLABLE,
                    **names("TaxInclusiveAmt TaxRateRef JournalCodeRef", _NO_JE_TAX),
                }
            ),
            "LinkedTxn": IGNORED,
        }
    ),
}

PURCHASE: Schema = {
    **_TXN,
    "DocNumber": text(21),
    "PaymentType": choice("Cash", "Check", "CreditCard"),
    **names("AccountRef PaymentMethodRef", REF),
    "EntityRef": TYPED_REF,
    "Credit": FLAG,
    "PrintStatus": choice("NotSet", "NeedToPrint", "PrintComplete"),
    "PaymentRefNum": text(21),
    "Memo": text(4000),
    "RemitToAddr": ADDRESS,
    "TxnTaxDetail": TAX_DETAIL,
    **names("PurchaseEx CheckPayment CreditCardPayment IncludeInAnnualTPAR", IGNORED),
    "Line": rows(
        {
            **_LINE,
            "DetailType": choice("AccountBasedExpenseLineDetail", "ItemBasedExpenseLineDetail", "DescriptionOnly"),
            "DescriptionLineDetail": IGNORED,
            "AccountBasedExpenseLineDetail": nested(
                {
                    **names("AccountRef CustomerRef ClassRef TaxCodeRef", REF),
                    "BillableStatus": _BILLABLE,
                    **names("TaxAmount TaxInclusiveAmt", NUMBER),
                    "MarkupInfo": IGNORED,
                }
            ),
            "ItemBasedExpenseLineDetail": nested(
                {
                    **names("ItemRef CustomerRef ClassRef TaxCodeRef", REF),
                    **names("Qty UnitPrice TaxInclusiveAmt", NUMBER),
                    "BillableStatus": _BILLABLE,
                    **names("MarkupInfo ItemAccountRef PriceLevelRef TaxClassificationRef", IGNORED),
                }
            ),
            "LinkedTxn": IGNORED,
        }
    ),
}

DEPOSIT: Schema = {
    **_TXN,
    "DepositToAccountRef": REF,
    "CashBack": nested({"AccountRef": REF, "Amount": NUMBER, "Memo": text(4000)}),
    "TxnTaxDetail": absent("tax on deposits"),
    **names("DocNumber DepositEx", IGNORED),
    "Line": rows(
        {
            **_LINE,
            "DetailType": choice("DepositLineDetail"),
            "DepositLineDetail": nested(
                {
                    **names("AccountRef ClassRef PaymentMethodRef", REF),
                    "Entity": TYPED_REF,
                    "CheckNum": text(21),
                    "TxnType": IGNORED,
                    **names("TaxCodeRef TaxApplicableOn", absent("tax on deposit lines")),
                }
            ),
            "LinkedTxn": rows({"TxnId": text(30), "TxnType": text(30), "TxnLineId": text(30)}),
        }
    ),
}

TRANSFER: Schema = {
    **_TXN,
    **names("FromAccountRef ToAccountRef ClassRef", REF),
    "Amount": NUMBER,
    **names("Line DocNumber TransferEx", IGNORED),
}
