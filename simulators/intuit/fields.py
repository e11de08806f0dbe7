"""The fields of each simulated entity (reference 3; lengths from 2.10). Read-only and unused ones are IGNORED."""

from simulators.intuit.schema import (
    AS_IS,
    DAY,
    FLAG,
    IGNORED,
    NUMBER,
    REF,
    Field,
    Schema,
    absent,
    choice,
    names,
    nested,
    rows,
    text,
)

NAME_BANNED = ":\t\n"

COMMON: Schema = names("Id SyncToken MetaData domain sparse status AttachableRef V4IDPseudonym ClientEntityId", IGNORED)

ADDRESS = nested(
    {
        **names("Line1 Line2 Line3 Line4 Line5", text(500)),
        **names("City CountrySubDivisionCode Country", text(255)),
        "PostalCode": text(30),
        **names("Id Lat Long Tag Note CountryCode CountrySubDivision PostalCodeSuffix", IGNORED),
    }
)
EMAIL = nested({"Address": Field("email", 100), **names("Id Default Tag", IGNORED)})
PHONE = nested(
    {
        "FreeFormNumber": text(30),
        **names("Id DeviceType CountryCode AreaCode ExchangeCode Extension Default Tag", IGNORED),
    }
)
WEB = nested({"URI": text(1000), **names("Id Default Tag", IGNORED)})
MEMO = nested({"value": text(1000), "id": IGNORED})
CUSTOM = rows({"DefinitionId": text(30), "Name": text(30), "Type": text(30), "StringValue": text(31)})

CUSTOMER: Schema = {
    **COMMON,
    "DisplayName": text(500, NAME_BANNED),
    **names("Title Suffix", text(16, NAME_BANNED)),
    **names("GivenName MiddleName FamilyName CompanyName", text(100, NAME_BANNED)),
    "PrintOnCheckName": text(110, NAME_BANNED),
    "PrimaryEmailAddr": EMAIL,
    **names("PrimaryPhone AlternatePhone Mobile Fax", PHONE),
    "WebAddr": WEB,
    "Notes": text(2000),
    "ResaleNum": text(16),
    **names("BillAddr ShipAddr", ADDRESS),
    **names("Job BillWithParent Taxable Active", FLAG),
    **names("ParentRef DefaultTaxCodeRef SalesTermRef PaymentMethodRef CurrencyRef", REF),
    "PreferredDeliveryMethod": choice("Print", "Email", "None"),
    "OpenBalanceDate": absent("opening balances"),
    **names("AcctNum BusinessNumber GSTIN PrimaryTaxIdentifier TaxExemptionReasonId", text(100)),
    **names(
        "Balance BalanceWithJobs FullyQualifiedName Level IsProject ARAccountRef CustomerTypeRef "
        "Source RootCustomerRef CustomField OtherContactInfo CreditLimit OverDueBalance",
        IGNORED,
    ),
}

_ITEM_DETAIL: Schema = {
    **names("ItemRef TaxCodeRef ClassRef", REF),
    **names("Qty UnitPrice TaxInclusiveAmt", NUMBER),
    "ServiceDate": DAY,
    **names("ItemAccountRef MarkupInfo PriceLevelRef DiscountRate DiscountAmt TaxClassificationRef", IGNORED),
}
_SALES_LINE: Schema = {
    **names("Id LineNum", text(30)),
    "Description": text(4000),
    "Amount": NUMBER,
    "DetailType": choice(
        "SalesItemLineDetail", "DescriptionOnly", "DiscountLineDetail", "SubTotalLineDetail", "GroupLineDetail"
    ),
    "SalesItemLineDetail": nested(_ITEM_DETAIL),
    "DescriptionLineDetail": nested({"ServiceDate": DAY, "TaxCodeRef": REF}),
    "DiscountLineDetail": nested(
        {
            "PercentBased": FLAG,
            "DiscountPercent": NUMBER,
            **names("DiscountAccountRef TaxCodeRef", REF),
            **names("ClassRef DiscountRef Discount", IGNORED),
        }
    ),
    **names("SubTotalLineDetail GroupLineDetail LinkedTxn CustomField CustomExtensions", IGNORED),
}
_TAX_LINE: Schema = {
    "Amount": NUMBER,
    "DetailType": choice("TaxLineDetail"),
    "TaxLineDetail": nested(
        {
            "TaxRateRef": REF,
            "PercentBased": FLAG,
            **names("TaxPercent NetAmountTaxable TaxInclusiveAmount OverrideDeltaAmount", NUMBER),
        }
    ),
    **names("Id LineNum Description", IGNORED),
}
TAX_DETAIL = nested(
    {
        "TotalTax": NUMBER,
        "TxnTaxCodeRef": REF,
        "TaxLine": rows(_TAX_LINE),
        **names("DefaultTaxCodeRef TaxReviewStatus UseAutomatedSalesTax", IGNORED),
    }
)
_SALES: Schema = {
    **COMMON,
    "DocNumber": text(21),
    **names("TxnDate ShipDate", DAY),
    **names("CustomerRef CurrencyRef SalesTermRef ClassRef DepartmentRef DepositToAccountRef PaymentMethodRef", REF),
    "ExchangeRate": NUMBER,
    "PrivateNote": text(4000),
    "CustomerMemo": MEMO,
    "Line": rows(_SALES_LINE),
    "TxnTaxDetail": TAX_DETAIL,
    "GlobalTaxCalculation": choice("TaxExcluded", "TaxInclusive", "NotApplicable"),
    "ApplyTaxAfterDiscount": FLAG,
    **names("BillAddr ShipAddr ShipFromAddr", ADDRESS),
    **names("BillEmail BillEmailCc BillEmailBcc", EMAIL),
    "EmailStatus": choice("NotSet", "NeedToSend", "EmailSent"),
    "PrintStatus": choice("NotSet", "NeedToPrint", "PrintComplete"),
    "CustomField": CUSTOM,
    "ProjectRef": absent("projects"),
    **names(
        "TotalAmt Balance HomeTotalAmt HomeBalance LinkedTxn DeliveryInfo FreeFormAddress RecurDataRef TaxExemptionRef "
        "TxnSource CustomExtensions ARAccountRef TxnStatus TransactionLocationType",
        IGNORED,
    ),
}
INVOICE: Schema = {
    **_SALES,
    "DueDate": DAY,
    "TrackingNum": text(31),
    "ShipMethodRef": AS_IS,
    **names("AllowIPNPayment AllowOnlinePayment AllowOnlineCreditCardPayment AllowOnlineACHPayment", FLAG),
    "Deposit": absent("deposits taken on an invoice"),
    **names("InvoiceLink EInvoiceStatus", IGNORED),
}
CREDIT_MEMO: Schema = {**_SALES, **names("RemainingCredit InvoiceRef", IGNORED)}

PAYMENT: Schema = {
    **COMMON,
    **names("CustomerRef CurrencyRef DepositToAccountRef ARAccountRef PaymentMethodRef", REF),
    **names("TotalAmt ExchangeRate", NUMBER),
    "TxnDate": DAY,
    "PrivateNote": text(4000),
    "PaymentRefNum": text(21),
    "Line": rows(
        {
            "Amount": NUMBER,
            "LinkedTxn": rows({"TxnId": text(30), "TxnType": text(30), "TxnLineId": text(30)}),
            **names("Id LineNum LineEx Description DetailType", IGNORED),
        }
    ),
    **names(
        "UnappliedAmt LinkedTxn ProcessPayment CreditCardPayment TaxExemptionRef TransactionLocationType TxnSource "
        "TxnStatus HomeTotalAmt CustomField",
        IGNORED,
    ),
}

ACCOUNT: Schema = {
    **COMMON,
    "Name": text(100, '":'),
    **names("AccountType AccountSubType", text(100)),
    "AcctNum": text(20, ":"),
    "Description": text(100),
    **names("ParentRef CurrencyRef TaxCodeRef", REF),
    "Active": FLAG,
    **names("OpeningBalance OpeningBalanceDate", absent("opening balances")),
    **names(
        "SubAccount Classification FullyQualifiedName CurrentBalance CurrentBalanceWithSubAccounts AccountAlias "
        "TxnLocationType",
        IGNORED,
    ),
}

ITEM: Schema = {
    **COMMON,
    "Name": text(100, NAME_BANNED),
    "Type": choice("Service", "NonInventory", "Inventory", "Category", "Group", "Bundle"),
    "Sku": text(100),
    "Description": text(4000),
    "PurchaseDesc": text(1000),
    **names("UnitPrice PurchaseCost", NUMBER),
    **names("Taxable Active SalesTaxIncluded PurchaseTaxIncluded", FLAG),
    **names("IncomeAccountRef ExpenseAccountRef SalesTaxCodeRef PurchaseTaxCodeRef ParentRef", REF),
    **names(
        "SubItem Level FullyQualifiedName TrackQtyOnHand QtyOnHand ItemCategoryType ServiceType "
        "AbatementRate ReverseChargeRate TaxClassificationRef CustomExtensions PrefVendorRef "
        "UQCId UQCDisplayText ClassRef Source DeferredRevenue",
        IGNORED,
    ),
    **names("AssetAccountRef InvStartDate", absent("inventory items")),
}
