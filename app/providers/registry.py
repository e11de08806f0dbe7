"""The providers there are, as a literal: all that differs between them and is not behind `AccountingProvider`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from app.canonical import Company, ProviderName
from app.errors import Invalid, Misconfigured
from app.providers import quickbooks, xero
from app.providers.base import AccountingProvider, Capabilities, RemoteEvent, TokenSource
from app.providers.http import Meter, ProviderHttp
from app.providers.oauth import Client, OAuthSpec, ProviderOAuth, RevokeBody, Transport
from app.settings import Settings

QUICKBOOKS_SCOPES = "com.intuit.quickbooks.accounting"

Clock = Callable[[], datetime]


class DeepLink(Protocol):
    """The address at which a person sees a record. `sandbox`: the company is one of Intuit's sandbox companies."""

    def __call__(self, company: Company, external_id: str, *, sandbox: bool = False) -> str: ...


class Open(Protocol):
    """Makes the adapter for one company over the process's HTTP client. No call is made yet."""

    def __call__(
        self, client: Client, base_url: str, company_id: str, tokens: TokenSource, meter: Meter, clock: Clock
    ) -> AccountingProvider: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """Our registration with a provider, as the settings have it; None where the provider is left off."""

    client_id: str | None
    client_secret: SecretStr | None
    redirect_uri: str
    scopes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """One provider. `alias` is its name on the routes of the second brief document; `display` is for people."""

    name: ProviderName
    alias: str
    display: str
    capabilities: Capabilities
    signature_header: str
    read_webhook: Callable[[bytes], tuple[RemoteEvent, ...]]
    oauth: Callable[[Settings], OAuthSpec]
    client: Callable[[Settings], OAuthClient]
    api_url: Callable[[Settings], str]
    open: Open
    customer_url: DeepLink
    invoice_url: DeepLink
    journal_url: DeepLink


def parse_provider(text: str) -> ProviderName:
    """The provider that a path, body or filter names: `quickbooks`, `qbo` or `xero`. Raises Invalid for any other."""
    wanted = text.strip().lower()
    for spec in SPECS.values():
        if wanted in {spec.name, spec.alias}:
            return spec.name
    known = ", ".join(sorted({word for spec in SPECS.values() for word in (spec.name.value, spec.alias)}))
    raise Invalid(f"There is no such provider. Known: {known}.", code="provider_unknown")


def is_configured(settings: Settings, name: ProviderName) -> bool:
    """Whether the operator has registered us with the provider."""
    client = SPECS[name].client(settings)
    return client.client_id is not None and client.client_secret is not None


def build_oauth(settings: Settings, name: ProviderName, transport: Transport | None, clock: Clock) -> ProviderOAuth:
    """The provider's OAuth endpoints with our registration. Raises Misconfigured where the settings hold none."""
    spec = SPECS[name]
    client = spec.client(settings)
    if client.client_id is None or client.client_secret is None:
        prefix = name.value.upper()
        raise Misconfigured(
            f"{spec.display} is not set up on this service.",
            who="operator",
            fix=f"Set {prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET.",
        )
    return ProviderOAuth(
        spec.oauth(settings),
        client_id=client.client_id,
        client_secret=client.client_secret.get_secret_value(),
        scopes=client.scopes,
        transport=transport,
        clock=clock,
    )


def redirect_uri(settings: Settings, name: ProviderName) -> str:
    """The callback address registered with the provider, which compares it letter by letter."""
    return SPECS[name].client(settings).redirect_uri


def api_url(settings: Settings, name: ProviderName) -> str:
    """The base address of the provider's API, without a trailing slash."""
    return SPECS[name].api_url(settings)


def addresses(settings: Settings, name: ProviderName) -> list[str]:
    """The hosts this process will speak to itself, each once: scheme, host, port. The consent page is a browser's."""
    oauth = SPECS[name].oauth(settings)
    used = (oauth.token_url, oauth.revoke_url, oauth.connections_url or "", api_url(settings, name))
    parts = [urlsplit(address) for address in used if address]
    return list(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts))


def webhook_keys(settings: Settings, name: ProviderName) -> tuple[bytes, ...]:
    """The HMAC keys that may have signed a webhook; none: the provider's webhook is off."""
    return settings.webhook_keys(name.value)


def _quickbooks_oauth(settings: Settings) -> OAuthSpec:
    return OAuthSpec(
        provider=ProviderName.quickbooks,
        authorize_url=settings.quickbooks_authorize_url,
        token_url=settings.quickbooks_token_url,
        revoke_url=settings.quickbooks_revoke_url,
        # Intuit documents no PKCE and its own clients send none.
        pkce=False,
        revoke_body=RevokeBody.json,
        refresh_lifetime=None,
        # Asks for the end of the chain of refresh tokens, five years after the consent.
        headers=MappingProxyType({"x-include-refresh-token-hard-expires-in": "true"}),
    )


def _xero_oauth(settings: Settings) -> OAuthSpec:
    return OAuthSpec(
        provider=ProviderName.xero,
        authorize_url=settings.xero_authorize_url,
        token_url=settings.xero_token_url,
        revoke_url=settings.xero_revoke_url,
        pkce=True,
        revoke_body=RevokeBody.form,
        # Documented, and not told in any answer.
        refresh_lifetime=timedelta(days=60),
        connections_url=f"{settings.xero_api_url}/connections",
    )


def _quickbooks_client(settings: Settings) -> OAuthClient:
    return OAuthClient(
        client_id=settings.quickbooks_client_id,
        client_secret=settings.quickbooks_client_secret,
        redirect_uri=settings.quickbooks_redirect_uri,
        scopes=QUICKBOOKS_SCOPES,
    )


def _xero_client(settings: Settings) -> OAuthClient:
    return OAuthClient(
        client_id=settings.xero_client_id,
        client_secret=settings.xero_client_secret,
        redirect_uri=settings.xero_redirect_uri,
        scopes=settings.xero_scopes,
    )


def _open_quickbooks(
    client: Client, base_url: str, company_id: str, tokens: TokenSource, meter: Meter, clock: Clock
) -> AccountingProvider:
    return quickbooks.QuickBooks(ProviderHttp(client, base_url, tokens, meter), company_id, clock)


def _open_xero(
    client: Client,
    base_url: str,
    company_id: str,
    tokens: TokenSource,
    meter: Meter,
    clock: Clock,  # noqa: ARG001 - one signature for all; Xero needs no time of ours
) -> AccountingProvider:
    return xero.Xero(ProviderHttp(client, base_url, tokens, meter), company_id)


def _quickbooks_customer_url(company: Company, external_id: str, *, sandbox: bool = False) -> str:
    return _quickbooks_link(company, f"customerdetail?nameId={external_id}", sandbox=sandbox)


def _quickbooks_invoice_url(company: Company, external_id: str, *, sandbox: bool = False) -> str:
    return _quickbooks_link(company, f"invoice?txnId={external_id}", sandbox=sandbox)


def _quickbooks_journal_url(company: Company, external_id: str, *, sandbox: bool = False) -> str:
    return _quickbooks_link(company, f"journal?txnId={external_id}", sandbox=sandbox)


def _quickbooks_link(company: Company, page: str, *, sandbox: bool) -> str:
    """Through the sign-in page, which alone switches to the right company first."""
    host = "sandbox.qbo.intuit.com" if sandbox else "qbo.intuit.com"
    return f"https://{host}/app/login?pagereq={quote(page, safe='')}&deeplinkcompanyid={company.external_id}"


def _xero_customer_url(company: Company, external_id: str, *, sandbox: bool = False) -> str:  # noqa: ARG001 - Xero has none
    return xero.customer_url(company, external_id)


def _xero_invoice_url(company: Company, external_id: str, *, sandbox: bool = False) -> str:  # noqa: ARG001 - Xero has none
    return xero.invoice_url(company, external_id)


def _xero_journal_url(company: Company, external_id: str, *, sandbox: bool = False) -> str:  # noqa: ARG001 - Xero has none
    return xero.journal_url(company, external_id)


SPECS: Mapping[ProviderName, ProviderSpec] = MappingProxyType(
    {
        ProviderName.quickbooks: ProviderSpec(
            name=quickbooks.NAME,
            alias="qbo",
            display="QuickBooks Online",
            capabilities=quickbooks.CAPABILITIES,
            signature_header=quickbooks.SIGNATURE_HEADER,
            read_webhook=quickbooks.read_webhook,
            oauth=_quickbooks_oauth,
            client=_quickbooks_client,
            api_url=lambda settings: settings.quickbooks_api_url,
            open=_open_quickbooks,
            customer_url=_quickbooks_customer_url,
            invoice_url=_quickbooks_invoice_url,
            journal_url=_quickbooks_journal_url,
        ),
        ProviderName.xero: ProviderSpec(
            name=xero.NAME,
            alias="xero",
            display="Xero",
            capabilities=xero.CAPABILITIES,
            signature_header=xero.SIGNATURE_HEADER,
            read_webhook=xero.read_webhook,
            oauth=_xero_oauth,
            client=_xero_client,
            api_url=lambda settings: settings.xero_api_url,
            open=_open_xero,
            customer_url=_xero_customer_url,
            invoice_url=_xero_invoice_url,
            journal_url=_xero_journal_url,
        ),
    }
)
