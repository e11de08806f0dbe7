"""The organisations and users known from the start. The GUIDs are stable, so tests and demos may name them."""

import uuid
from dataclasses import dataclass, replace
from decimal import Decimal

from simulators.core.clock import Clock
from simulators.xero.books import Books, Tenant
from simulators.xero.model import Account, Item, TaxRate
from simulators.xero.model_lists import TrackingCategory, TrackingOption

CLIENT_ID, CLIENT_SECRET = "sim-xero-client", "sim-xero-secret"

TENANT_US = "c0a80101-5d3e-4a7b-9c11-7f2b6e0d1a01"
TENANT_NZ = "c0a80102-8b4f-4c6d-8e22-1d9c3f5b2a02"
TENANT_UK = "c0a80103-2e6a-4f8c-9d33-6a4e8c7d3b03"
TENANT_AU = "c0a80104-7c1d-4b2e-8f44-3b7d2e9a4c04"
USER_ACCOUNTANT = "a11ce000-1f2e-4d3c-8b4a-5e6f7a8b9c01"
USER_BOOKKEEPER = "b0b00000-2f3e-4d4c-9b5a-6e7f8a9b0c02"

_NAMESPACE = uuid.UUID("9b3a1d52-55d0-4d0e-8a6f-2c8e5f7d4b10")
_ALL = frozenset({"ASSET", "EQUITY", "EXPENSE", "LIABILITY", "REVENUE"})
_SALES = _ALL - {"EXPENSE"}
_COSTS = _ALL - {"REVENUE"}


@dataclass(frozen=True)
class User:
    """Somebody who can sign in at the consent page. `id` is the xero_userid claim."""

    key: str
    id: str
    name: str
    email: str
    tenants: tuple[str, ...]


USERS = {
    "accountant": User(
        "accountant", USER_ACCOUNTANT, "Avery Accountant", "avery@ledgerlane.example", (TENANT_US, TENANT_NZ)
    ),
    "bookkeeper": User(
        "bookkeeper", USER_BOOKKEEPER, "Robin Bookkeeper", "robin@quayside.example", (TENANT_UK, TENANT_AU)
    ),
}

TENANTS = (
    Tenant(
        TENANT_US, "Demo Company (US)", "USD", "US", "America/New_York", "EASTERNSTANDARDTIME", "!us1Dm",
        {}, "Tax Exclusive",
    ),
    Tenant(
        TENANT_NZ, "Harbour Demo (NZ)", "NZD", "NZ", "Pacific/Auckland", "NEWZEALANDSTANDARDTIME", "!nz2Hb",
        {"USD": Decimal("0.586200"), "AUD": Decimal("0.911500")}, "Tax Exclusive",
    ),
    Tenant(
        TENANT_UK, "Quayside Demo (UK)", "GBP", "GB", "Europe/London", "GMTSTANDARDTIME", "!uk3Qs", {}, "Tax Exclusive"
    ),
    Tenant(
        TENANT_AU, "Atlas Demo (AU)", "AUD", "AU", "Australia/Sydney", "AUSEASTERNSTANDARDTIME", "!au4At",
        {"USD": Decimal("0.643100"), "NZD": Decimal("1.097000"), "GBP": Decimal("0.508400")}, "Tax Inclusive",
    ),
)  # fmt: skip
CURRENCY_NAMES = {
    "USD": "United States Dollar", "NZD": "New Zealand Dollar", "AUD": "Australian Dollar",
    "GBP": "British Pound", "EUR": "Euro", "CAD": "Canadian Dollar", "SGD": "Singapore Dollar",
}  # fmt: skip

# tax type, name, per cent, classes, ReportTaxType
_TaxRow = tuple[str, str, str, frozenset[str], str]
_TAXES: dict[str, list[_TaxRow]] = {
    "US": [
        ("OUTPUT", "Tax on Sales", "8", _SALES, "OUTPUT"),
        ("INPUT", "Tax on Purchases", "8", _COSTS, "INPUT"),
        ("NONE", "Tax Exempt", "0", _ALL, "NONE"),
    ],
    "NZ": [
        ("OUTPUT2", "15% GST on Income", "15", _SALES, "OUTPUT"),
        ("INPUT2", "15% GST on Expenses", "15", _COSTS, "INPUT"),
        ("ZERORATED", "Zero Rated", "0", _SALES, "OUTPUT"),
        ("NONE", "No GST", "0", _ALL, "NONE"),
    ],
    "AU": [
        ("OUTPUT", "GST on Income", "10", _SALES, "OUTPUT"),
        ("INPUT", "GST on Expenses", "10", _COSTS, "INPUT"),
        ("EXEMPTOUTPUT", "GST Free Income", "0", _SALES, "EXEMPTOUTPUT"),
        ("EXEMPTEXPENSES", "GST Free Expenses", "0", _COSTS, "EXEMPTEXPENSES"),
        ("BASEXCLUDED", "BAS Excluded", "0", _ALL, "BASEXCLUDED"),
        ("NONE", "No Tax", "0", _ALL, "NONE"),
    ],
    "GB": [
        ("OUTPUT2", "20% (VAT on Income)", "20", _SALES, "OUTPUT"),
        ("INPUT2", "20% (VAT on Expenses)", "20", _COSTS, "INPUT"),
        ("RROUTPUT", "5% (VAT on Income)", "5", _SALES, "OUTPUT"),
        ("ZERORATEDOUTPUT", "Zero Rated Income", "0", _SALES, "OUTPUT"),
        ("NONE", "No VAT", "0", _ALL, "NONE"),
    ],
}
# code, name, type, class, tax role (S sales, P purchases, - none), SystemAccount, payments enabled
_ACCOUNTS = [
    ("090", "Checking Account", "BANK", "ASSET", "-", "", False),
    ("091", "Savings Account", "BANK", "ASSET", "-", "", False),
    ("200", "Sales", "REVENUE", "REVENUE", "S", "", False),
    ("260", "Other Revenue", "REVENUE", "REVENUE", "S", "", False),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "EXPENSE", "P", "", False),
    ("400", "Advertising", "EXPENSE", "EXPENSE", "P", "", False),
    ("404", "Bank Fees", "EXPENSE", "EXPENSE", "-", "", False),
    ("429", "General Expenses", "EXPENSE", "EXPENSE", "P", "", False),
    ("477", "Wages and Salaries", "EXPENSE", "EXPENSE", "-", "", False),
    ("497", "Bank Revaluations", "EXPENSE", "EXPENSE", "-", "BANKCURRENCYGAIN", False),
    ("498", "Unrealised Currency Gains", "EXPENSE", "EXPENSE", "-", "UNREALISEDCURRENCYGAIN", False),
    ("499", "Realised Currency Gains", "EXPENSE", "EXPENSE", "-", "REALISEDCURRENCYGAIN", False),
    ("610", "Accounts Receivable", "CURRENT", "ASSET", "-", "DEBTORS", False),
    ("620", "Prepayments", "CURRENT", "ASSET", "-", "", False),
    ("800", "Accounts Payable", "CURRLIAB", "LIABILITY", "-", "CREDITORS", False),
    ("820", "Sales Tax", "CURRLIAB", "LIABILITY", "-", "GST", False),
    ("830", "Deferred Revenue", "CURRLIAB", "LIABILITY", "-", "", False),
    ("850", "Suspense", "CURRLIAB", "LIABILITY", "-", "", True),
    ("860", "Rounding", "CURRLIAB", "LIABILITY", "-", "ROUNDING", False),
    ("960", "Retained Earnings", "EQUITY", "EQUITY", "-", "RETAINEDEARNINGS", False),
]
_REGIONS = ("North", "South", "East", "West")
_ITEMS = [("CONSULT", "Consulting", "Consulting, per hour", "120.00"), ("SUPPORT", "Support", "Support plan", "49.50")]


def seeded(tenant: Tenant, clock: Clock) -> Books:
    """An organisation with chart of accounts, taxes, items and currencies, and nothing else."""
    books = Books(tenant, clock)
    for currency in (tenant.currency, *tenant.rates):
        books.currencies[currency] = CURRENCY_NAMES[currency]
    taxes = _TAXES[tenant.country]
    for code, name, rate, classes, report in taxes:
        books.taxes.put(TaxRate(code, name, Decimal(rate), classes, report))
    roles = {"S": taxes[0][0], "P": taxes[1][0], "-": "NONE"}
    for code, name, kind, account_class, role, system, payments in _ACCOUNTS:
        account = Account(
            id=_stable(tenant.id, "account", code),
            code=code,
            name=name,
            type=kind,
            account_class=account_class,
            updated=books.now,
            tax_type=roles[role],
            system=system,
            payments=payments,
        )
        books.accounts.put(_banked(account, tenant.currency) if kind == "BANK" else account)
    for currency in tenant.rates:
        # A bank account may have no code: callers must use its id.
        key = _stable(tenant.id, "account", currency)
        name = f"{currency} Account"
        books.accounts.put(_banked(Account(key, "", name, "BANK", "ASSET", books.now), currency))
    for code, name, description, price in _ITEMS:
        sales = {"UnitPrice": Decimal(price), "AccountCode": "200", "TaxType": roles["S"]}
        books.items.put(Item(_stable(tenant.id, "item", code), code, name, books.now, description, sales=sales))
    options = tuple(TrackingOption(_stable(tenant.id, "option", name), name) for name in _REGIONS)
    books.tracking.put(TrackingCategory(_stable(tenant.id, "tracking", "Region"), "Region", options=options))
    books.commit()
    return books


def _banked(account: Account, currency: str) -> Account:
    return replace(account, currency=currency, bank_number="0100-0002-0003")


def _stable(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))
