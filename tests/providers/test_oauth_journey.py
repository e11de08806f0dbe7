"""The whole life of a consent against both simulated vendors: asked for, exchanged, renewed, given up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.canonical import ProviderName
from app.crypto import generate_key
from app.errors import Invalid, Misconfigured, NeedsReauth
from app.providers.oauth import ProviderOAuth, TokenSet
from app.providers.registry import build_oauth
from app.settings import load_settings
from simulators.app import create_app
from simulators.core.faults import in_process
from simulators.intuit import CLIENT_ID as INTUIT_ID
from simulators.intuit import CLIENT_SECRET as INTUIT_SECRET
from simulators.intuit import US_REALM
from simulators.root import Simulators
from simulators.xero import CLIENT_ID as XERO_ID
from simulators.xero import CLIENT_SECRET as XERO_SECRET
from simulators.xero import TENANT_NZ, TENANT_US, USER_ACCOUNTANT

BASE = "http://127.0.0.1:8100"
CALLBACK = "http://localhost:8000/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


class Journey:
    """A browser, the vendors and our client."""

    def __init__(self, name: ProviderName, **overrides: Any) -> None:
        self.name = name
        self.sims = Simulators()
        transport = httpx.ASGITransport(in_process(create_app(self.sims)))
        self.browser = httpx.AsyncClient(transport=transport)
        values: dict[str, Any] = {
            "environment": "development",
            "encryption_keys": f"k1:{generate_key()}",
            "secret_key": "s" * 40,
            "quickbooks_client_id": INTUIT_ID,
            "quickbooks_client_secret": INTUIT_SECRET,
            "quickbooks_authorize_url": f"{BASE}/intuit/connect/oauth2",
            "quickbooks_token_url": f"{BASE}/intuit/oauth2/v1/tokens/bearer",
            "quickbooks_revoke_url": f"{BASE}/intuit/v2/oauth2/tokens/revoke",
            "xero_client_id": XERO_ID,
            "xero_client_secret": XERO_SECRET,
            "xero_sandbox_url": f"{BASE}/xero",
            "xero_authorize_url": f"{BASE}/xero/identity/connect/authorize",
            "xero_token_url": f"{BASE}/xero/connect/token",
            "xero_revoke_url": f"{BASE}/xero/connect/revocation",
        }
        settings = load_settings(env_file=None, **(values | overrides))
        self.oauth: ProviderOAuth = build_oauth(settings, name, transport, self.sims.clock.now)

    async def consent(self, *tenants: str) -> dict[str, str]:
        """Somebody clicks Allow; the parameters of the callback."""
        url = self.oauth.authorization_url(state="s-1", redirect_uri=CALLBACK, code_verifier=VERIFIER)
        if self.name is ProviderName.xero:
            form: dict[str, Any] = {"user": "accountant", "tenant": list(tenants), "action": "allow"}
            answer = await self.browser.post(url, data=form)
        else:
            query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
            form = query | {"user": "admin", "realm": US_REALM, "decision": "allow"}
            answer = await self.browser.post(url.split("?")[0], data=form)
        assert answer.status_code == 302, answer.text
        return {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    async def exchange(self, code: str, verifier: str = VERIFIER) -> TokenSet:
        return await self.oauth.exchange(code=code, redirect_uri=CALLBACK, code_verifier=verifier)

    async def connected(self, *tenants: str) -> TokenSet:
        return await self.exchange((await self.consent(*tenants))["code"])


@asynccontextmanager
async def journey(name: ProviderName, **overrides: Any) -> AsyncIterator[Journey]:
    begun = Journey(name, **overrides)
    yield begun
    await begun.oauth.aclose()
    await begun.browser.aclose()
    await begun.sims.aclose()


async def test_quickbooks_from_consent_to_revocation() -> None:
    async with journey(ProviderName.quickbooks) as trip:
        back = await trip.consent()
        tokens = await trip.exchange(back["code"])
        identity = await trip.oauth.identity(tokens, realm_id=back["realmId"])
        assert [company.external_id for company in identity.companies] == [US_REALM]
        now = trip.sims.clock.now()
        assert tokens.access_expires_at - now <= timedelta(hours=1)
        assert tokens.refresh_expires_at is not None
        assert tokens.refresh_expires_at > now + timedelta(days=99)
        assert tokens.hard_expires_at is not None
        assert tokens.hard_expires_at > now + timedelta(days=1800)
        renewed = await trip.oauth.refresh(tokens.refresh_token)
        assert renewed.access_token != tokens.access_token
        await trip.oauth.revoke(renewed.refresh_token)
        with pytest.raises(NeedsReauth):
            await trip.oauth.refresh(renewed.refresh_token)
        await trip.oauth.revoke(renewed.refresh_token)


async def test_xero_from_consent_to_revocation() -> None:
    async with journey(ProviderName.xero) as trip:
        tokens = await trip.connected(TENANT_US, TENANT_NZ)
        identity = await trip.oauth.identity(tokens, realm_id=None)
        assert identity.provider_user == USER_ACCOUNTANT
        assert {company.external_id for company in identity.companies} == {TENANT_US, TENANT_NZ}
        assert tokens.refresh_expires_at is not None
        assert tokens.refresh_expires_at > trip.sims.clock.now() + timedelta(days=59)
        renewed = await trip.oauth.refresh(tokens.refresh_token)
        # The answer of the first attempt may be lost: the old token still works for a while.
        again = await trip.oauth.refresh(tokens.refresh_token)
        assert len({tokens.refresh_token, renewed.refresh_token, again.refresh_token}) == 3
        gone, kept = identity.companies
        await trip.oauth.unlink(again.access_token, gone.link_id)
        await trip.oauth.unlink(again.access_token, gone.link_id)
        left = await trip.oauth.identity(again, realm_id=None)
        assert [company.external_id for company in left.companies] == [kept.external_id]
        await trip.oauth.revoke(again.refresh_token)
        with pytest.raises(NeedsReauth):
            await trip.oauth.refresh(again.refresh_token)


async def test_a_second_consent_names_what_it_opened_alone() -> None:
    async with journey(ProviderName.xero) as trip:
        await trip.connected(TENANT_US)
        identity = await trip.oauth.identity(await trip.connected(TENANT_NZ), realm_id=None)
        assert [company.external_id for company in identity.companies] == [TENANT_NZ]


@pytest.mark.parametrize("name", ProviderName)
async def test_a_code_works_once(name: ProviderName) -> None:
    async with journey(name) as trip:
        code = (await trip.consent(TENANT_US))["code"]
        await trip.exchange(code)
        with pytest.raises(Invalid) as caught:
            await trip.exchange(code)
        assert caught.value.public_code == "oauth_code_rejected"


async def test_a_stolen_code_is_worth_nothing_without_its_verifier() -> None:
    async with journey(ProviderName.xero) as trip:
        code = (await trip.consent(TENANT_US))["code"]
        with pytest.raises(Invalid):
            await trip.exchange(code, verifier="another" * 7)


@pytest.mark.parametrize("name", ProviderName)
async def test_a_wrong_secret_is_the_operators_fault_and_ends_no_connection(name: ProviderName) -> None:
    async with journey(name, **{f"{name.value}_client_secret": "wrong"}) as trip:
        code = (await trip.consent(TENANT_US))["code"]
        with pytest.raises(Misconfigured):
            await trip.exchange(code)
        with pytest.raises(Misconfigured):
            await trip.oauth.refresh("whatever")
