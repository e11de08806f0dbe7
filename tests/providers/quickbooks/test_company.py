from datetime import date
from typing import Any

import httpx
import pytest

from app.errors import ProviderUnavailable
from app.providers.base import AccountingProvider
from app.providers.quickbooks import QuickBooks, companies
from tests.providers.quickbooks.support import REALM, Api, raw, sample

conformance: type[AccountingProvider] = QuickBooks

# Untyped: a test hands over plain dictionaries, as they come from JSON.
to_company: Any = companies.to_company


def company(**preferences):
    return to_company(
        REALM, sample("companyinfo.json")["CompanyInfo"], {**sample("preferences.json")["Preferences"], **preferences}
    )


def level(company, code):
    return next(check.level for check in company.checks if check.code == code)


async def test_a_company_is_read_in_two_calls():
    api = Api(
        [httpx.Response(200, content=raw("companyinfo.json")), httpx.Response(200, content=raw("preferences.json"))]
    )
    company = await api.adapter().company()
    assert [request.url.path for request in api.requests] == [
        "/v3/company/9130001/companyinfo/9130001",
        "/v3/company/9130001/preferences",
    ]
    assert (company.external_id, company.name, company.country) == (REALM, "Harbor Tea Ltd", "US")
    assert (company.currency, company.multicurrency, company.lock_date) == ("USD", False, date(2026, 9, 30))
    assert company.facts == {
        "country": "US",
        "us": True,
        "custom_numbers": True,
        "allow_discount": True,
        "using_sales_tax": True,
        "automated_sales_tax": True,
    }


def test_readiness_says_what_is_well_and_what_is_not():
    assert {check.code: check.level for check in company().checks} == {
        "currency": "ok",
        "closing_date": "warning",
        "invoice_numbers": "ok",
        "tax": "ok",
    }


def test_every_cross_says_how_to_mend_it():
    bare = to_company(REALM, {}, {})
    assert all(check.fix for check in bare.checks if check.level != "ok")
    assert level(bare, "currency") == "problem"
    assert level(bare, "closing_date") == "ok"
    assert level(bare, "invoice_numbers") == "warning"
    assert level(bare, "tax") == "warning"


def test_a_company_of_another_country_is_not_taken_for_american():
    info = {**sample("companyinfo.json")["CompanyInfo"], "Country": "GB"}
    assert to_company(REALM, info, {}).facts["us"] is False


async def test_an_answer_without_the_company_is_no_company():
    with pytest.raises(ProviderUnavailable):
        await Api([httpx.Response(200, json={}), httpx.Response(200, json={})]).adapter().company()
