"""The two seeded companies: Intuit's US sample company (its ids, reference 6) and a UK one with VAT."""

from datetime import UTC, datetime
from decimal import Decimal

from simulators.core.clock import Clock
from simulators.core.http import Json
from simulators.intuit.account_types import KINDS
from simulators.intuit.company import CURRENCY_NAMES, Company, OnChange
from simulators.intuit.stamps import rounded, stamp

US_REALM = "9341452900000001"
UK_REALM = "9341452900000002"
# Long past, so that change data capture does not tell of seeds.
_FOUNDED = datetime(2024, 1, 9, 16, tzinfo=UTC)

# id, name, AccountType, AccountSubType
_ACCOUNTS = (
    ("1", "Services", "Income", "ServiceFeeIncome"),
    ("2", "Retained Earnings", "Equity", "RetainedEarnings"),
    ("4", "Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("33", "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    ("34", "Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    ("35", "Checking", "Bank", "Checking"),
    ("36", "Savings", "Bank", "Savings"),
    ("41", "Mastercard", "Credit Card", "CreditCard"),
    ("45", "Landscaping Services", "Income", "OtherPrimaryIncome"),
    ("55", "Insurance", "Expense", "Insurance"),
    ("79", "Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("80", "Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs"),
    ("82", "Design income", "Income", "OtherPrimaryIncome"),
    ("84", "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    ("86", "Discounts given", "Income", "DiscountsRefundsGiven"),
)
_US_TAX_ACCOUNT = ("90", "Board of Equalization Payable", "Other Current Liability", "SalesTaxPayable")
_UK_TAX_ACCOUNT = ("90", "VAT Control", "Other Current Liability", "GlobalTaxPayable")

# id, name, Type, UnitPrice, income account
_ITEMS = (
    ("1", "Services", "Service", "0", "1"),
    ("2", "Hours", "Service", "0", "1"),
    ("3", "Design", "Service", "75", "82"),
    ("5", "Rock Fountain", "NonInventory", "275", "79"),
    ("6", "Pump", "NonInventory", "15", "79"),
    ("11", "Gardening", "Service", "0", "45"),
)
_US_CUSTOMERS = (
    ("1", "Amy's Bird Sanctuary", "Amy", "Lauterbach"),
    ("2", "Bill's Windsurf Shop", "Bill", "Lucchini"),
    ("3", "Cool Cars", "Grace", "Pariente"),
    ("4", "Diego Rodriguez", "Diego", "Rodriguez"),
    ("5", "Dukes Basketball Camp", "Peter", "Dukes"),
)
_US_VENDORS = (("30", "Books by Bessie"), ("56", "Bob's Burger Joint"))
# id, name, per cent
_US_RATES = (("1", "AZ State tax", "7.1"), ("2", "Tucson City", "2"), ("3", "California", "8"))
_UK_RATES = (("3", "20.0% S", "20"), ("5", "0.0% Z", "0"), ("7", "5.0% R", "5"))
# id, name, description, rate ids
_US_CODES = (("2", "California", "California", ("3",)), ("3", "Tucson", "Tucson", ("1", "2")))
_UK_CODES = (
    ("3", "20.0% S", "Standard rate", ("3",)),
    ("5", "0.0% Z", "Zero rate", ("5",)),
    ("7", "5.0% R", "Reduced rate", ("7",)),
)


def seeded(clock: Clock, on_change: OnChange) -> dict[str, Company]:
    """Fresh companies by realm. Nothing is announced for seeds."""
    then = Clock()
    then.freeze(_FOUNDED)
    us = Company(US_REALM, "Sandbox Company_US_1", "US", "USD", then, _silent)
    uk = Company(UK_REALM, "Sandbox Company_UK_1", "GB", "GBP", then, _silent)
    _fill(us, (*_ACCOUNTS, _US_TAX_ACCOUNT))
    _fill(uk, (*_ACCOUNTS, _UK_TAX_ACCOUNT))
    _taxes(us, _US_RATES, _US_CODES)
    _taxes(uk, _UK_RATES, _UK_CODES)
    for code, taxable in (("TAX", True), ("NON", False)):
        row = {"Id": code, "Name": code, "Description": code, "Active": True, "Taxable": taxable, "TaxGroup": False}
        us.tables["TaxCode"].put(row, rounded(us.now))
    _people(us)
    for company in (us, uk):
        company.roles = {"receivable": "84", "undeposited": "4", "tax": "90", "discount": "86"}
        company.info = _info(company)
        company.preferences = _preferences(company)
        company.open(clock, on_change)
    return {us.realm: us, uk.realm: uk}


def _silent(_realm: str, _entity: str, _key: str, _operation: str) -> None:
    """Seeds make no events."""


def _fill(company: Company, accounts: tuple[tuple[str, str, str, str], ...]) -> None:
    currency = {"value": company.currency, "name": CURRENCY_NAMES[company.currency]}
    for key, name, kind, subtype in accounts:
        row: Json = {"Name": name, "FullyQualifiedName": name, "SubAccount": False, "Active": True}
        row |= {"AccountType": kind, "AccountSubType": subtype, "Classification": KINDS[kind].classification}
        company.store("Account", key, {**row, "CurrencyRef": currency}, "created")
    names = {key: name for key, name, _, _ in accounts}
    for key, name, kind, price, income in _ITEMS:
        row = {"Name": name, "FullyQualifiedName": name, "Active": True, "Taxable": False, "Type": kind}
        row |= {"UnitPrice": Decimal(price), "PurchaseCost": 0, "TrackQtyOnHand": False}
        row |= {"IncomeAccountRef": {"value": income, "name": names[income]}}
        company.store("Item", key, row, "created")
    for counter, upto in (("account", 100), ("item", 30), ("name", 59), ("txn", 128)):
        company.reserve(counter, upto)


def _taxes(
    company: Company,
    rates: tuple[tuple[str, str, str], ...],
    codes: tuple[tuple[str, str, str, tuple[str, ...]], ...],
) -> None:
    for key, name, percent in rates:
        row: Json = {"Name": name, "Description": name, "Active": True, "RateValue": Decimal(percent)}
        row |= {"AgencyRef": {"value": "1"}, "SpecialTaxType": "NONE", "DisplayType": "ReadOnly"}
        company.store("TaxRate", key, row, "created")
    names = {key: name for key, name, _ in rates}
    for key, name, description, of_code in codes:
        details = [
            {"TaxRateRef": {"value": r, "name": names[r]}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0}
            for r in of_code
        ]
        row = {"Name": name, "Description": description, "Active": True, "Taxable": True, "TaxGroup": True}
        row |= {"SalesTaxRateList": {"TaxRateDetail": details}, "PurchaseTaxRateList": {"TaxRateDetail": []}}
        company.store("TaxCode", key, row, "created")


def _people(company: Company) -> None:
    currency = {"value": company.currency, "name": CURRENCY_NAMES[company.currency]}
    for key, name, given, family in _US_CUSTOMERS:
        row: Json = {"DisplayName": name, "FullyQualifiedName": name, "PrintOnCheckName": name, "Active": True}
        row |= {"GivenName": given, "FamilyName": family, "CompanyName": name, "Taxable": True, "Job": False}
        row |= {"BillWithParent": False, "IsProject": False, "PreferredDeliveryMethod": "Print"}
        row |= {"CurrencyRef": currency, "DefaultTaxCodeRef": {"value": "2"}}
        company.store("Customer", key, row, "created")
    for key, name in _US_VENDORS:
        row = {"DisplayName": name, "PrintOnCheckName": name, "Active": True, "Balance": 0, "Vendor1099": False}
        company.store("Vendor", key, {**row, "CurrencyRef": currency}, "created")


def _info(company: Company) -> Json:
    state = {"US": {"City": "San Pablo", "CountrySubDivisionCode": "CA", "PostalCode": "87999"}}
    address = {"Id": "1", "Line1": "123 Sierra Way", **state.get(company.country, {"City": "London"})}
    at = stamp(rounded(company.now))
    return {
        "CompanyName": company.name,
        "LegalName": company.name,
        "CompanyAddr": address,
        "LegalAddr": address,
        "CustomerCommunicationAddr": address,
        "Country": company.country,
        "Email": {"Address": "books@example.com"},
        "FiscalYearStartMonth": "January",
        "SupportedLanguages": "en",
        "CompanyStartDate": "2024-01-09",
        "DefaultTimeZone": "America/Los_Angeles" if company.us else "Europe/London",
        "NameValue": [
            {"Name": "SubscriptionStatus", "Value": "PAID"},
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
        ],
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": "0",
        "MetaData": {"CreateTime": at, "LastUpdatedTime": at},
    }


def _preferences(company: Company) -> Json:
    at = stamp(rounded(company.now))
    tax: Json = {"UsingSalesTax": True}
    if company.us:
        tax |= {"PartnerTaxEnabled": False, "TaxGroupCodeRef": {"value": "2"}}
    return {
        "AccountingInfoPrefs": {
            "UseAccountNumbers": False,
            "TrackDepartments": False,
            "ClassTrackingPerTxn": False,
            "ClassTrackingPerTxnLine": False,
            "FirstMonthOfFiscalYear": "January",
        },
        "SalesFormsPrefs": {
            "CustomTxnNumbers": company.us,
            "AllowDiscount": True,
            "AllowShipping": False,
            "DefaultDiscountAccount": "86",
            "CustomField": [],
        },
        "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": company.currency}},
        "TaxPrefs": tax,
        "VendorAndPurchasesPrefs": {"BillableExpenseTracking": False},
        "ReportPrefs": {"ReportBasis": "Accrual"},
        "OtherPrefs": {"NameValue": []},
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": "0",
        "MetaData": {"CreateTime": at, "LastUpdatedTime": at},
    }
