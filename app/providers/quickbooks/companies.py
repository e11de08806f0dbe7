"""A QuickBooks company's identity, settings and readiness, from CompanyInfo and Preferences. Pure."""

from dataclasses import replace

from app.canonical import Check, Company
from app.providers.quickbooks import wire
from app.providers.quickbooks.values import date_of


def to_company(company_id: str, info: wire.CompanyInfo, preferences: wire.Preferences) -> Company:
    """The company and its readiness.

    `facts`: country (text), and us, custom_numbers, automated_sales_tax, using_sales_tax, allow_discount (booleans).
    """
    sales = preferences.get("SalesFormsPrefs") or {}
    taxes = preferences.get("TaxPrefs") or {}
    money = preferences.get("CurrencyPrefs") or {}
    country = info.get("Country", "")
    facts: dict[str, str | bool] = {
        "country": country,
        # CompanyInfo says "US"; addresses have said "USA" since 2025.
        "us": country in {"US", "USA"},
        "custom_numbers": bool(sales.get("CustomTxnNumbers")),
        "allow_discount": bool(sales.get("AllowDiscount")),
        "using_sales_tax": bool(taxes.get("UsingSalesTax")),
        "automated_sales_tax": bool(taxes.get("PartnerTaxEnabled")),
    }
    company = Company(
        external_id=company_id,
        name=info.get("CompanyName") or info.get("LegalName") or company_id,
        country=country,
        currency=(money.get("HomeCurrency") or {}).get("value", ""),
        multicurrency=bool(money.get("MultiCurrencyEnabled")),
        lock_date=date_of((preferences.get("AccountingInfoPrefs") or {}).get("BookCloseDate")),
        facts=facts,
        checks=(),
    )
    checks = (_currency(company), _closing(company), _numbers(facts), _tax(facts))
    return replace(company, checks=checks)


def _currency(company: Company) -> Check:
    if not company.currency:
        return Check(
            code="currency",
            level="problem",
            message="QuickBooks did not tell the company's home currency.",
            fix="Check the company's currency settings in QuickBooks.",
        )
    scope = "and other currencies" if company.multicurrency else "only"
    return Check(
        code="currency",
        level="ok",
        message=f"Books are kept in {company.currency}; invoices in {company.currency} {scope}.",
    )


def _closing(company: Company) -> Check:
    if company.lock_date is None:
        return Check(code="closing_date", level="ok", message="No period is closed.")
    return Check(
        code="closing_date",
        level="warning",
        message=f"The books are closed up to {company.lock_date}; invoices dated on or before it will not be sent.",
        fix="Nothing to do, unless older invoices are to be sent: then move the closing date in QuickBooks.",
    )


def _numbers(facts: dict[str, str | bool]) -> Check:
    if facts["custom_numbers"]:
        return Check(
            code="invoice_numbers", level="ok", message="Custom transaction numbers are on: our numbers are kept."
        )
    return Check(
        code="invoice_numbers",
        level="warning",
        message="Custom transaction numbers are off: QuickBooks does not refuse a number used twice.",
        fix="Switch on custom transaction numbers under Account and settings, Sales.",
    )


def _tax(facts: dict[str, str | bool]) -> Check:
    if not facts["using_sales_tax"]:
        return Check(
            code="tax",
            level="warning",
            message="Sales tax is off: invoices with tax cannot be sent.",
            fix="Switch sales tax on in QuickBooks if the firm charges tax.",
        )
    if facts["us"] and facts["automated_sales_tax"]:
        return Check(
            code="tax",
            level="ok",
            message="Automated sales tax is on: our tax replaces what QuickBooks computes.",
        )
    return Check(code="tax", level="ok", message="Sales tax is on.")
