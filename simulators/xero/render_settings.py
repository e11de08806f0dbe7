"""Organisation, accounts, tax rates, items, tracking and users as Xero's JSON."""

from decimal import Decimal

from simulators.core.http import Json
from simulators.xero.books import Books
from simulators.xero.dates import day_out, moment_out
from simulators.xero.model import Account, Item, TaxRate
from simulators.xero.model_lists import TrackingCategory, TrackingOption
from simulators.xero.seeds import User

FOUR = Decimal("0.0001")
_VERSIONS = {"US": "US", "NZ": "NZ", "GB": "UK", "AU": "AU"}
_TAX_NUMBER_NAMES = {"NZ": "GST Number", "GB": "VAT Number", "US": "Tax ID", "AU": "ABN"}


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
    """A tax rate with its components."""
    out: Json = {"Name": record.name, "TaxType": record.id, "ReportTaxType": record.report_type}
    for name in ("Assets", "Equity", "Expenses", "Liabilities", "Revenue"):
        singular = {"Assets": "ASSET", "Expenses": "EXPENSE", "Liabilities": "LIABILITY"}.get(name, name.upper())
        out[f"CanApplyTo{name}"] = singular in record.applies
    parts = record.components or ((record.name, record.rate, False),)
    return out | {
        "DisplayTaxRate": record.rate.quantize(FOUR),
        "EffectiveRate": record.rate.quantize(FOUR),
        "Status": record.status,
        "TaxComponents": [
            {"Name": name, "Rate": rate.quantize(FOUR), "IsCompound": compound, "IsNonRecoverable": False}
            for name, rate, compound in parts
        ],
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


def actions(books: Books) -> list[Json]:
    """What the connecting user may do in the organisation."""
    allowed = (
        "CreateApprovedInvoice", "CreateDraftInvoice", "CreateApprovedBill", "CreateDraftBill", "CreateContact",
        "CreateCreditNote", "CreateInvoicePayment", "UpdateOrganisation", "CreateManualJournal",
        "ApproveTransactionsBeforePeriodLockDate",
    )  # fmt: skip
    plan = {"UseMulticurrency": bool(books.tenant.rates)}
    shown = dict.fromkeys(allowed, True) | plan
    return [{"Name": name, "Status": "ALLOWED" if yes else "NOT-ALLOWED"} for name, yes in shown.items()]


def tracking_category(category: TrackingCategory, *, archived: bool) -> Json:
    """A category; its archived options come when asked for."""
    return {
        "Name": category.name,
        "Status": category.status,
        "TrackingCategoryID": category.id,
        "Options": [tracking_option(category, o) for o in category.options if archived or o.status == "ACTIVE"],
    }


def tracking_option(category: TrackingCategory, option: TrackingOption) -> Json:
    """One option."""
    return {
        "TrackingOptionID": option.id,
        "Name": option.name,
        "Status": option.status,
        "TrackingCategoryID": category.id,
    }


def user(books: Books, record: User) -> Json:
    """Somebody who may sign in."""
    first, _, last = record.name.partition(" ")
    return {
        "UserID": record.id,
        "EmailAddress": record.email,
        "FirstName": first,
        "LastName": last,
        "UpdatedDateUTC": moment_out(books.created),
        "IsSubscriber": True,
        "OrganisationRole": "FINANCIALADVISER",
    }
