"""The fields of vendors and of the small name lists (reference 2.10, 3.2)."""

from simulators.intuit.fields import ADDRESS, COMMON, EMAIL, NAME_BANNED, PHONE, WEB
from simulators.intuit.schema import FLAG, IGNORED, NUMBER, REF, Schema, absent, choice, names, text

VENDOR: Schema = {
    **COMMON,
    "DisplayName": text(500, NAME_BANNED),
    **names("Title Suffix", text(16, NAME_BANNED)),
    **names("GivenName MiddleName FamilyName CompanyName", text(100, NAME_BANNED)),
    "PrintOnCheckName": text(110, NAME_BANNED),
    "PrimaryEmailAddr": EMAIL,
    **names("PrimaryPhone AlternatePhone Mobile Fax", PHONE),
    "WebAddr": WEB,
    "Notes": text(2000),
    **names("AcctNum TaxIdentifier BusinessNumber GSTIN", text(100)),
    **names("BillAddr ShipAddr OtherAddr", ADDRESS),
    **names("Vendor1099 Active T4AEligible T5018Eligible HasTPAR", FLAG),
    **names("TermRef CurrencyRef", REF),
    "BillRate": NUMBER,
    "TaxReportingBasis": text(30),
    "OpenBalanceDate": absent("opening balances"),
    **names(
        "Balance FullyQualifiedName APAccountRef OtherContactInfo CustomField Source CostRate VendorPaymentBankDetail "
        "GSTRegistrationType IsSubContractor CreditLimit DefaultTaxCodeRef ParentRef",
        IGNORED,
    ),
}

CLASS: Schema = {
    **COMMON,
    "Name": text(100, ":\t\n"),
    "ParentRef": REF,
    "Active": FLAG,
    **names("SubClass FullyQualifiedName", IGNORED),
}

DEPARTMENT: Schema = {
    **COMMON,
    "Name": text(100, ":\t\n"),
    "ParentRef": REF,
    "Active": FLAG,
    "Address": ADDRESS,
    **names("SubDepartment FullyQualifiedName", IGNORED),
}

TERM: Schema = {
    **COMMON,
    "Name": text(31),
    "Active": FLAG,
    **names(
        "DueDays DiscountDays DiscountPercent DayOfMonthDue DueNextMonthDays DiscountDayOfMonth",
        NUMBER,
    ),
    "Type": IGNORED,
}

PAYMENT_METHOD: Schema = {
    **COMMON,
    "Name": text(31),
    "Type": choice("CREDIT_CARD", "NON_CREDIT_CARD"),
    "Active": FLAG,
}

TAX_AGENCY: Schema = {
    **COMMON,
    "DisplayName": text(100, NAME_BANNED),
    "TaxRegistrationNumber": text(100),
    **names("TaxTrackedOnSales TaxTrackedOnPurchases", FLAG),
    **names("LastFileDate TaxAgencyConfig", IGNORED),
}
