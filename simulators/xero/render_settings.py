"""Organisation, accounts, tax rates, items and currencies as Xero's JSON."""

from simulators.core.http import Json
from simulators.xero.books import Books
from simulators.xero.dates import day_out, moment_out
from simulators.xero.model import Account, Item, TaxRate

_VERSIONS = {"US": "US", "NZ": "NZ", "GB": "UK", "AU": "AU"}
_TAX_NUMBER_NAMES = {"NZ": "GST Number", "GB": "VAT Number", "US": "Tax ID"}


def organisation(books: Books) -> Json:
    """The organisation; lock dates are absent when unset."""
    tenant = books.tenant
    out: Json = {
        "Name": tenant.name,
        "LegalName": tenant.name,
        "PaysTax": True,
        "Version": _VERSIONS.get(tenant.country, "GLOBAL"),
        "OrganisationType": "COMPANY",
        "BaseCurrency": tenant.currency,
        "CountryCode": tenant.country,
        "IsDemoCompany": True,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 12 if tenant.country == "US" else 3,
        "SalesTaxBasis": "ACCRUALS",
        "DefaultSalesTax": tenant.default_sales_tax,
        "DefaultPurchasesTax": tenant.default_sales_tax,
        "CreatedDateUTC": moment_out(books.created),
        "OrganisationEntityType": "COMPANY",
        "Timezone": tenant.xero_timezone,
        "ShortCode": tenant.short_code,
        "OrganisationID": tenant.id,
        "Class": "DEMO",
        "Edition": "BUSINESS",
        "TaxNumberName": _TAX_NUMBER_NAMES.get(tenant.country, "Tax Number"),
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }
    if tenant.lock_date is not None:
        out["PeriodLockDate"] = day_out(tenant.lock_date)
    if tenant.year_lock_date is not None:
        out["EndOfYearLockDate"] = day_out(tenant.year_lock_date)
    return out


def account(record: Account) -> Json:
    """An account; the Code may be missing on bank accounts."""
    out: Json = {"AccountID": record.id}
    if record.code:
        out["Code"] = record.code
    out |= {
        "Name": record.name,
        "Status": record.status,
        "Type": record.type,
        "TaxType": record.tax_type,
        "Class": record.account_class,
        "EnablePaymentsToAccount": record.payments,
        "ShowInExpenseClaims": False,
        "HasAttachments": False,
        "UpdatedDateUTC": moment_out(record.updated),
        "AddToWatchlist": False,
    }
    if record.description:
        out["Description"] = record.description
    if record.system:
        out["SystemAccount"] = record.system
    if record.type == "BANK":
        out |= {"BankAccountNumber": record.bank_number, "BankAccountType": "BANK", "CurrencyCode": record.currency}
    return out


def tax_rate(record: TaxRate) -> Json:
    """A tax rate with its single component."""
    out: Json = {"Name": record.name, "TaxType": record.id, "ReportTaxType": record.report_type}
    for name in ("Assets", "Equity", "Expenses", "Liabilities", "Revenue"):
        singular = {"Assets": "ASSET", "Expenses": "EXPENSE", "Liabilities": "LIABILITY"}.get(name, name.upper())
        out[f"CanApplyTo{name}"] = singular in record.applies
    component = {"Name": record.name, "Rate": record.rate, "IsCompound": False, "IsNonRecoverable": False}
    return out | {
        "DisplayTaxRate": record.rate,
        "EffectiveRate": record.rate,
        "Status": record.status,
        "TaxComponents": [component],
    }


def item(record: Item) -> Json:
    """A product or service."""
    return {
        "ItemID": record.id,
        "Code": record.code,
        "Name": record.name,
        "Description": record.description,
        "PurchaseDescription": record.purchase_description,
        "UpdatedDateUTC": moment_out(record.updated),
        "PurchaseDetails": dict(record.purchases),
        "SalesDetails": dict(record.sales),
        "IsTrackedAsInventory": False,
        "IsSold": record.sold,
        "IsPurchased": record.purchased,
    }


def actions() -> list[Json]:
    """What the connecting user may do in the organisation."""
    allowed = (
        "CreateApprovedInvoice", "CreateDraftInvoice", "CreateApprovedBill", "CreateDraftBill", "CreateContact",
        "CreateCreditNote", "UpdateOrganisation", "UseMulticurrency", "CreateManualJournal",
        "ApproveTransactionsBeforePeriodLockDate",
    )  # fmt: skip
    return [{"Name": name, "Status": "ALLOWED"} for name in allowed]
