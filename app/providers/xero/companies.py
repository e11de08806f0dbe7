"""An organisation as Xero describes it, and whether we may write to it. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date

from app.canonical import Check, Company
from app.providers.xero.spec import settings_url
from app.providers.xero.values import Element, day, text

_LOCK_DATES = "/Setup/FinancialSettings.aspx"
_CURRENCIES = "/Settings/Currencies"


def to_company(company_id: str, organisation: Element, currencies: Sequence[Element]) -> Company:
    """The company of an Organisation and its Currencies.

    Facts: country, version (the edition of the tax rules), base_currency, short_code (for links), currencies (those in
    use, with commas), demo, sales_tax_basis, timezone.
    """
    base = text(organisation, "BaseCurrency")
    enabled = sorted({base, *(text(currency, "Code") for currency in currencies)} - {""})
    facts: dict[str, str | bool] = {
        "country": text(organisation, "CountryCode"),
        "version": text(organisation, "Version"),
        "base_currency": base,
        "short_code": text(organisation, "ShortCode"),
        "currencies": ",".join(enabled),
        "demo": organisation.get("IsDemoCompany") is True,
        "sales_tax_basis": text(organisation, "SalesTaxBasis"),
        "timezone": text(organisation, "Timezone"),
    }
    lock_date = _lock_date(organisation)
    return Company(
        external_id=company_id,
        name=text(organisation, "Name"),
        country=text(organisation, "CountryCode"),
        currency=base,
        multicurrency=len(enabled) > 1,
        lock_date=lock_date,
        facts=facts,
        checks=tuple(_checks(facts, enabled, lock_date)),
    )


def _lock_date(organisation: Element) -> date | None:
    """The later of the two: nothing dated on or before it may be written."""
    days = (day(organisation.get(key)) for key in ("PeriodLockDate", "EndOfYearLockDate"))
    return max((one for one in days if one is not None), default=None)


def _checks(facts: dict[str, str | bool], currencies: Sequence[str], lock_date: date | None) -> Iterator[Check]:
    base = facts["base_currency"]
    yield Check(code="base_currency", level="ok", message=f"The books are kept in {base}.")
    others = [currency for currency in currencies if currency != base]
    yield Check(
        code="multicurrency",
        level="ok",
        message=f"Invoices may also be in {', '.join(others)}." if others else f"Invoices can be in {base} alone.",
        fix="" if others else "Add the currencies you invoice in to Xero, if there are any.",
        link="" if others else settings_url(facts, _CURRENCIES),
    )
    untaxed = facts["sales_tax_basis"] in {"", "NONE"}
    yield Check(
        code="tax_setup",
        level="warning" if untaxed else "ok",
        message="The organisation is not set up for sales tax." if untaxed else "Sales tax is set up.",
        fix="Choose the tax basis in Xero's financial settings if you charge tax." if untaxed else "",
        link=settings_url(facts, _LOCK_DATES) if untaxed else "",
    )
    yield Check(
        code="closing_date",
        level="ok",
        message=f"Locked up to {lock_date}: nothing dated before can be written."
        if lock_date
        else "No lock date is set.",
        link=settings_url(facts, _LOCK_DATES) if lock_date else "",
    )
    # Invoice numbers are ours in every Xero organisation, so there is no setting to check for them.
    if facts["demo"]:
        yield Check(
            code="demo_company",
            level="warning",
            message="This is Xero's demo company, which Xero resets from time to time.",
            fix="Connect the real organisation before going live.",
        )
