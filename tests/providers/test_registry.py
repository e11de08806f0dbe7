from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.canonical import Company, ProviderName
from app.crypto import generate_key
from app.errors import Invalid, Misconfigured
from app.providers.base import AccountingProvider
from app.providers.http import Meter
from app.providers.oauth import RevokeBody
from app.providers.registry import (
    SPECS,
    api_url,
    build_oauth,
    is_configured,
    parse_provider,
    redirect_uri,
    webhook_keys,
)
from app.settings import Settings, load_settings

NOW = datetime(2026, 11, 21, tzinfo=UTC)
COMPANY = Company(
    external_id="9341452900000001",
    name="Harbor Tea Ltd",
    country="US",
    currency="USD",
    multicurrency=False,
    lock_date=None,
    facts={},
    checks=(),
)


class Tokens:
    async def access_token(self, *, rejected: str | None = None) -> str:
        return "token"


def settings(**overrides: Any) -> Settings:
    values: dict[str, Any] = {
        "environment": "development",
        "encryption_keys": f"k1:{generate_key()}",
        "secret_key": "s" * 40,
        "quickbooks_client_id": "intuit-client",
        "quickbooks_client_secret": "intuit-secret",
        "xero_client_id": "xero-client",
        "xero_client_secret": "xero-secret",
        "xero_webhook_keys": "new,old",
        "xero_sandbox_url": "http://127.0.0.1:8100/xero/",
    }
    return load_settings(env_file=None, **(values | overrides))


def test_there_is_one_spec_for_every_provider_under_its_own_name() -> None:
    assert set(SPECS) == set(ProviderName)
    assert all(spec.name is name for name, spec in SPECS.items())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quickbooks", ProviderName.quickbooks),
        ("qbo", ProviderName.quickbooks),
        ("QBO ", ProviderName.quickbooks),
        ("xero", ProviderName.xero),
    ],
)
def test_providers_are_known_by_name_and_alias(text: str, expected: ProviderName) -> None:
    assert parse_provider(text) is expected


@pytest.mark.parametrize("text", ["", "sage", "quickbooks_desktop"])
def test_any_other_name_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="qbo, quickbooks, xero") as caught:
        parse_provider(text)
    assert caught.value.public_code == "provider_unknown"


@pytest.mark.parametrize(
    ("name", "client_id", "scope", "challenge"),
    [
        (ProviderName.quickbooks, "intuit-client", "com.intuit.quickbooks.accounting", False),
        (ProviderName.xero, "xero-client", "offline_access", True),
    ],
)
async def test_the_consent_is_asked_for_as_the_provider_wants(
    name, client_id: str, scope: str, challenge: bool
) -> None:
    oauth = build_oauth(settings(), name, None, lambda: NOW)
    url = oauth.authorization_url(state="s", redirect_uri="https://books.example/cb", code_verifier="v" * 43)
    query = parse_qs(urlsplit(url).query)
    assert query["client_id"] == [client_id]
    assert scope in query["scope"][0].split()
    assert ("code_challenge" in query) is challenge
    await oauth.aclose()


def test_what_differs_in_oauth() -> None:
    intuit, xero = (SPECS[name].oauth(settings()) for name in (ProviderName.quickbooks, ProviderName.xero))
    assert (intuit.revoke_body, xero.revoke_body) == (RevokeBody.json, RevokeBody.form)
    assert (intuit.refresh_lifetime, xero.refresh_lifetime) == (None, timedelta(days=60))
    assert intuit.headers["x-include-refresh-token-hard-expires-in"] == "true"
    assert (intuit.connections_url, xero.connections_url) == ("", "http://127.0.0.1:8100/xero/connections")


def test_a_provider_that_is_left_off_says_what_to_set() -> None:
    off = settings(quickbooks_client_id=None, quickbooks_client_secret=None)
    assert not is_configured(off, ProviderName.quickbooks)
    assert is_configured(off, ProviderName.xero)
    with pytest.raises(Misconfigured) as caught:
        build_oauth(off, ProviderName.quickbooks, None, lambda: NOW)
    assert "QUICKBOOKS_CLIENT_ID" in caught.value.fix


def test_addresses_and_keys_come_from_the_settings() -> None:
    chosen = settings()
    assert redirect_uri(chosen, ProviderName.xero) == "http://localhost:8000/api/auth/xero/callback"
    assert redirect_uri(chosen, ProviderName.quickbooks) == "http://localhost:8000/api/auth/qbo/callback"
    assert api_url(chosen, ProviderName.quickbooks) == "https://sandbox-quickbooks.api.intuit.com"
    assert api_url(chosen, ProviderName.xero) == "http://127.0.0.1:8100/xero"
    assert webhook_keys(chosen, ProviderName.xero) == (b"new", b"old")
    assert webhook_keys(chosen, ProviderName.quickbooks) == ()


@pytest.mark.parametrize("name", ProviderName)
async def test_an_adapter_is_opened_without_a_call(name: ProviderName) -> None:
    spec = SPECS[name]
    meter = Meter()
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500))) as client:
        adapter: AccountingProvider = spec.open(client, "https://api.test", "company", Tokens(), meter, lambda: NOW)
    assert adapter.name is name
    assert adapter.capabilities is spec.capabilities
    assert meter.calls == 0


def test_every_provider_links_to_its_records() -> None:
    intuit, xero = SPECS[ProviderName.quickbooks], SPECS[ProviderName.xero]
    assert intuit.invoice_url(COMPANY, "17") == (
        "https://qbo.intuit.com/app/login?pagereq=invoice%3FtxnId%3D17&deeplinkcompanyid=9341452900000001"
    )
    assert intuit.customer_url(COMPANY, "5", sandbox=True) == (
        "https://sandbox.qbo.intuit.com/app/login?pagereq=customerdetail%3FnameId%3D5&deeplinkcompanyid=9341452900000001"
    )
    tenant = replace(COMPANY, facts={"short_code": "!1lqVQ"})
    assert "shortcode=!1lqVQ" in xero.customer_url(tenant, "c1", sandbox=True)
    assert xero.invoice_url(tenant, "i1").endswith("View.aspx%3FInvoiceID%3Di1")


@pytest.mark.parametrize("name", ProviderName)
def test_batches_respect_the_shape_of_a_write_call(name: ProviderName) -> None:
    capabilities = SPECS[name].capabilities
    assert all(0 < size <= 50 for size in capabilities.batch_sizes.values())
    assert capabilities.voidable <= set(capabilities.batch_sizes)
