"""The seeded companies as they stand before anybody touches them."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice

from simulators.core.clock import Clock
from simulators.core.http import Json
from simulators.intuit import seed_data as data
from simulators.intuit.account_types import KINDS
from simulators.intuit.company import CURRENCY_NAMES, Company, OnChange
from simulators.intuit.seed_data import AU_REALM, UK_REALM, US_REALM
from simulators.intuit.stamps import rounded, stamp

__all__ = ["AU_REALM", "UK_REALM", "US_REALM", "seeded", "seeded_company"]

MOST_COMPANIES = 20_000
_MORE = 9341453000000000

# Long past, so that change data capture does not tell of seeds.
_FOUNDED = datetime(2024, 1, 9, 16, tzinfo=UTC)


def seeded(clock: Clock, on_change: OnChange) -> dict[str, Company]:
    """Fresh companies by realm. Nothing is announced for seeds."""
    return {realm: seeded_company(realm, clock, on_change) for realm in _SEEDS}


def seeded_company(realm: str, clock: Clock, on_change: OnChange) -> Company:
    """One company as it stands before anybody touches it; a millisecond or two.

    A realm that is none of the seeds' is another company like the US one.
    """
    then = Clock()
    then.freeze(_FOUNDED)
    name, country, currency, fill = _SEEDS.get(realm, _like_us(realm))
    company = Company(realm, name, country, currency, then, _silent)
    fill(company)
    company.roles = {"receivable": "84", "payable": "33", "undeposited": "4", "tax": "90", "discount": "86"}
    if company.tables["Account"].rows.get(data.EXCHANGE_ACCOUNT[0]):
        company.roles["exchange"] = data.EXCHANGE_ACCOUNT[0]
    company.info = _info(company)
    company.preferences = _preferences(company, multicurrency="exchange" in company.roles)
    company.open(clock, on_change)
    return company


def more_realms(taken: Collection[str], count: int) -> list[str]:
    """Realms of further companies, which nobody has yet."""
    free = (str(_MORE + number) for number in range(1, MOST_COMPANIES + 1) if str(_MORE + number) not in taken)
    return list(islice(free, count))


def _us(company: Company) -> None:
    _fill(company, (*data.ACCOUNTS, data.US_TAX_ACCOUNT))
    _taxes(company, data.US_TAXES, data.US_CODES)
    for code, taxable in (("TAX", True), ("NON", False)):
        row = {"Id": code, "Name": code, "Description": code, "Active": True, "Taxable": taxable, "TaxGroup": False}
        company.tables["TaxCode"].put(row, rounded(company.now))
    _us_people(company)


def _uk(company: Company) -> None:
    _fill(company, (*data.ACCOUNTS, data.UK_TAX_ACCOUNT))
    _taxes(company, data.UK_TAXES, data.UK_CODES)


def _au(company: Company) -> None:
    _fill(company, (*data.ACCOUNTS, data.AU_TAX_ACCOUNT, data.EXCHANGE_ACCOUNT))
    _account(company, *data.EURO_ACCOUNT, currency="EUR")
    _taxes(company, data.AU_TAXES, data.AU_CODES)
    _people(company, "Customer", data.AU_CUSTOMERS)
    _people(company, "Vendor", data.AU_VENDORS)
    company.rates = {code: Decimal(rate) for code, rate in data.AU_RATES.items()}


_Seed = tuple[str, str, str, Callable[[Company], None]]
_SEEDS: dict[str, _Seed] = {
    US_REALM: ("Sandbox Company_US_1", "US", "USD", _us),
    UK_REALM: ("Sandbox Company_UK_1", "GB", "GBP", _uk),
    AU_REALM: ("Sandbox Company_AU_1", "AU", "AUD", _au),
}


def _like_us(realm: str) -> _Seed:
    return f"Sandbox Company {realm}", "US", "USD", _us


def _silent(*_change: str) -> None:
    """Seeds make no events."""


def _currency(code: str) -> Json:
    return {"value": code, "name": CURRENCY_NAMES[code]}


def _account(company: Company, key: str, name: str, kind: str, subtype: str, currency: str | None = None) -> None:
    row: Json = {"Name": name, "FullyQualifiedName": name, "SubAccount": False, "Active": True}
    row |= {"AccountType": kind, "AccountSubType": subtype, "Classification": KINDS[kind].classification}
    company.store("Account", key, {**row, "CurrencyRef": _currency(currency or company.currency)}, "created")


def _fill(company: Company, accounts: tuple[tuple[str, str, str, str], ...]) -> None:
    for account in accounts:
        _account(company, *account)
    names = {key: name for key, name, _, _ in accounts}
    for key, name, kind, price, income in data.ITEMS:
        row: Json = {"Name": name, "FullyQualifiedName": name, "Active": True, "Taxable": False, "Type": kind}
        row |= {"UnitPrice": Decimal(price), "PurchaseCost": 0, "TrackQtyOnHand": False}
        row |= {"IncomeAccountRef": {"value": income, "name": names[income]}}
        if key in data.BOUGHT:
            row["ExpenseAccountRef"] = {"value": data.BOUGHT[key], "name": names[data.BOUGHT[key]]}
        company.store("Item", key, row, "created")
    for key, name, days in data.TERMS:
        company.store("Term", key, {"Name": name, "Active": True, "Type": "STANDARD", "DueDays": days}, "created")
    for key, name, kind in data.METHODS:
        company.store("PaymentMethod", key, {"Name": name, "Active": True, "Type": kind}, "created")
    key, name = data.AGENCIES[company.country]
    agency = {"DisplayName": name, "TaxTrackedOnSales": True, "TaxTrackedOnPurchases": not company.us}
    company.store("TaxAgency", key, agency, "created")
    counters = {"account": 100, "item": 30, "name": 59, "txn": 128, "term": 4, "method": 3, "agency": 1, "tax": 10}
    for counter, upto in counters.items():
        company.reserve(counter, upto)


def _taxes(
    company: Company,
    rates: Iterable[tuple[str, str, str]],
    codes: Iterable[tuple[str, str, str, tuple[str, ...]]],
) -> None:
    names = {}
    for key, name, percent in rates:
        names[key] = name
        row: Json = {"Name": name, "Description": name, "Active": True, "RateValue": Decimal(percent)}
        row |= {"AgencyRef": {"value": "1"}, "SpecialTaxType": "NONE", "DisplayType": "ReadOnly"}
        company.store("TaxRate", key, row, "created")
    for key, name, description, of_code in codes:
        details = [
            {"TaxRateRef": {"value": r, "name": names[r]}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0}
            for r in of_code
        ]
        row = {"Name": name, "Description": description, "Active": True, "Taxable": True, "TaxGroup": True}
        bought = [] if company.us else details
        row |= {"SalesTaxRateList": {"TaxRateDetail": details}, "PurchaseTaxRateList": {"TaxRateDetail": bought}}
        company.store("TaxCode", key, row, "created")


def _us_people(company: Company) -> None:
    _people(company, "Customer", [(key, name, "USD") for key, name, _, _ in data.US_CUSTOMERS])
    for key, name, given, family in data.US_CUSTOMERS:
        whole = {**company.tables["Customer"].get(key), "GivenName": given, "FamilyName": family, "CompanyName": name}
        company.tables["Customer"].put(whole, rounded(company.now))
    _people(company, "Vendor", [(key, name, "USD") for key, name in data.US_VENDORS])
    for key, given, family in data.US_EMPLOYEES:
        name = f"{given} {family}"
        row: Json = {"DisplayName": name, "PrintOnCheckName": name, "GivenName": given, "FamilyName": family}
        company.store("Employee", key, {**row, "Active": True, "BillableTime": False}, "created")


def _people(company: Company, entity: str, people: Iterable[tuple[str, str, str]]) -> None:
    for key, name, currency in people:
        row: Json = {"DisplayName": name, "PrintOnCheckName": name, "Active": True, "CurrencyRef": _currency(currency)}
        if entity == "Vendor":
            row["Vendor1099"] = False
        else:
            row |= {"FullyQualifiedName": name, "Taxable": True, "Job": False, "BillWithParent": False}
            row |= {"IsProject": False, "PreferredDeliveryMethod": "Print"}
            if company.us:
                row["DefaultTaxCodeRef"] = {"value": "2"}
        company.store(entity, key, row, "created")


def _info(company: Company) -> Json:
    address = {"Id": "1", "Line1": "123 Sierra Way", **data.CITIES[company.country]}
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
        "DefaultTimeZone": data.TIME_ZONES[company.country],
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


def _preferences(company: Company, multicurrency: bool) -> Json:
    at = stamp(rounded(company.now))
    tax: Json = {"UsingSalesTax": True}
    if company.us:
        tax |= {"PartnerTaxEnabled": False, "TaxGroupCodeRef": {"value": "2"}}
    return {
        "AccountingInfoPrefs": {
            "UseAccountNumbers": False,
            "TrackDepartments": True,
            "ClassTrackingPerTxn": False,
            "ClassTrackingPerTxnLine": True,
            "FirstMonthOfFiscalYear": "January",
        },
        "SalesFormsPrefs": {
            "CustomTxnNumbers": company.us,
            "AllowDiscount": True,
            "AllowShipping": False,
            "DefaultDiscountAccount": "86",
            "CustomField": [],
        },
        "CurrencyPrefs": {"MultiCurrencyEnabled": multicurrency, "HomeCurrency": {"value": company.currency}},
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
