"""OAuth 2.0 with both providers: authorize, exchange, refresh, revoke, and whose books a consent opened.

Authlib speaks the protocol; what differs between the vendors is data in an `OAuthSpec`. Nothing here stores a token or
puts one into a message.
"""

import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import quote

import httpx
from authlib.deprecate import AuthlibDeprecationWarning

from app.canonical import ProviderName
from app.errors import Invalid, Misconfigured, NeedsReauth, OutcomeUnknown, ProviderUnavailable
from app.guards import forbid_open_transaction
from app.providers.base import CompanyChoice, Identity
from app.providers.tokens import Refusal, TokenSet, is_token, json_object, json_objects, read_claims, read_token_set

with warnings.catch_warnings():
    # Authlib announces its move to httpx2 when it finds httpx alone; the brief asks for httpx.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client

__all__ = ["Client", "NoAnswer", "OAuthSpec", "ProviderOAuth", "RevokeBody", "TokenSet", "Transport"]

# Names for what the composition root hands through without importing httpx.
Client = httpx.AsyncClient
Transport = httpx.AsyncBaseTransport
NoAnswer = httpx.HTTPError

# Token endpoints answer in well under a second, and a person or a lease is waiting meanwhile.
TIMEOUT = httpx.Timeout(connect=5.0, read=20.0, write=10.0, pool=10.0)
LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=5, keepalive_expiry=30.0)

# Raised before a request has left: the provider cannot have acted on it.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_CLIENT_AUTH = "client_secret_basic"


class RevokeBody(StrEnum):
    """How the revocation endpoint wants its token: as RFC 7009 says, or as JSON (Intuit refuses a form)."""

    form = "form"
    json = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthSpec:
    """What differs between the providers.

    `headers` go with every token request. `refresh_lifetime` is how long a refresh token lives after each use where the
    vendor's answer does not tell (Xero); None where it does (Intuit). `connections_url` lists the companies a consent
    opened; empty where the browser's callback names the one company.
    """

    provider: ProviderName
    authorize_url: str
    token_url: str
    revoke_url: str
    pkce: bool
    revoke_body: RevokeBody
    refresh_lifetime: timedelta | None
    headers: Mapping[str, str] = field(default_factory=dict)
    connections_url: str = ""


class ProviderOAuth:
    """One provider's OAuth endpoints, as our registered client. One per provider and process; close with `aclose`."""

    def __init__(
        self,
        spec: OAuthSpec,
        *,
        client_id: str,
        client_secret: str,
        scopes: str,
        clock: Callable[[], datetime],
        transport: Transport | None = None,
    ) -> None:
        self.spec = spec
        self._clock = clock
        self._scopes = scopes
        self._client = AsyncOAuth2Client(
            client_id=client_id,
            client_secret=client_secret,
            token_endpoint_auth_method=_CLIENT_AUTH,
            revocation_endpoint_auth_method=_CLIENT_AUTH,
            code_challenge_method="S256" if spec.pkce else None,
            timeout=TIMEOUT,
            limits=LIMITS,
            follow_redirects=False,
            trust_env=False,
            transport=transport,
            # One client serves every firm: a session that a vendor sets by cookie must not carry over.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
        )
        self._client.register_compliance_hook("access_token_response", _require_token)
        self._client.register_compliance_hook("refresh_token_response", _require_token)

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self._client.aclose()

    def authorization_url(self, *, state: str, redirect_uri: str, code_verifier: str) -> str:
        """Where to send the browser. The S256 challenge is included where the provider takes PKCE."""
        url, _ = self._client.create_authorization_url(
            self.spec.authorize_url,
            state=state,
            scope=self._scopes,
            redirect_uri=redirect_uri,
            code_verifier=code_verifier,
        )
        return str(url)

    async def exchange(self, *, code: str, redirect_uri: str, code_verifier: str) -> TokenSet:
        """Trade the code of a callback for tokens. A code works once: never call this twice with the same one.

        Raises Invalid (`oauth_code_rejected`) for a used, expired or foreign code, Misconfigured when our own client or
        its scopes are wrong, ProviderUnavailable when the code is surely unused, OutcomeUnknown when it may be used up.
        """
        forbid_open_transaction("OAuth code exchange")
        pkce = {"code_verifier": code_verifier} if self.spec.pkce else {}
        started = self._clock()
        request = self._client.fetch_token(
            self.spec.token_url,
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            headers=self._token_headers(),
            **pkce,
        )
        try:
            answer = await self._token(request)
        except Refusal as refusal:
            if refusal.is_invalid_grant:
                message = "The provider did not accept the authorization code: it is used up or has expired."
                raise Invalid(message, code="oauth_code_rejected", fix="Start connecting again.") from refusal
            refusal.raise_if_operators_fault()
            if refusal.may_have_acted:
                raise OutcomeUnknown("The provider did not confirm the consent. Start connecting again.") from refusal
            raise refusal.as_unavailable() from refusal
        except _NEVER_SENT as error:
            raise ProviderUnavailable(f"The provider could not be reached ({type(error).__name__}).") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown("The provider did not confirm the consent. Start connecting again.") from error
        if not answer.get("refresh_token"):
            message = "The provider gave no refresh token: the scope for offline access is missing."
            raise Misconfigured(message, who="operator", fix="Add it to the scopes in the settings.")
        return self._read(answer, started)

    async def refresh(self, refresh_token: str) -> TokenSet:
        """Renew the tokens. Store the answer before using it: the provider may have retired `refresh_token`.

        Raises NeedsReauth only when the provider said `invalid_grant`, Misconfigured when it does not know our client,
        and ProviderUnavailable otherwise: another try with the same token is safe even if the first one was carried
        out, since both vendors honour the previous token for a while (Xero 30 minutes, Intuit about a day).
        """
        forbid_open_transaction("OAuth refresh")
        started = self._clock()
        request = self._client.refresh_token(
            self.spec.token_url, refresh_token=refresh_token, headers=self._token_headers()
        )
        try:
            answer = await self._token(request)
        except Refusal as refusal:
            if refusal.is_invalid_grant:
                raise NeedsReauth("The provider no longer accepts this connection's grant. Connect again.") from refusal
            refusal.raise_if_operators_fault()
            raise refusal.as_unavailable() from refusal
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"No answer to the token refresh ({type(error).__name__}).") from error
        return self._read(answer, started)

    async def revoke(self, token: str) -> None:
        """End the consent behind `token` (either kind). A token that the provider no longer knows counts as revoked.

        Xero removes every connection of that user to our app with it. Raises ProviderUnavailable when not confirmed.
        """
        forbid_open_transaction("OAuth revocation")
        try:
            response = await self._send_revocation(token)
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"The revocation was not confirmed ({type(error).__name__}).") from error
        refusal = _refusal(response)
        if not (response.is_success or refusal.means_unknown_token):
            raise refusal.as_unavailable()

    async def identity(self, tokens: TokenSet, *, realm_id: str | None) -> Identity:
        """Whose consent this is and which companies it opened.

        QuickBooks names the company on the callback only (`realm_id`; without it: Invalid `realm_missing`) and no user.
        Xero names the user and the consent in the access token, and lists the companies. Raises ProviderUnavailable.
        """
        if not self.spec.connections_url:
            if not realm_id:
                raise Invalid("The callback names no company (realmId).", code="realm_missing")
            return Identity(provider_user="", consent_id="", companies=(CompanyChoice(external_id=realm_id, name=""),))
        claims = read_claims(tokens.access_token)
        consent = claims.get("authentication_event_id", "")
        opened = await self._connections(tokens.access_token, {"authEventId": consent}) if consent else []
        if not opened:
            # A reconnect does not always carry the new event id; the connection it touched is the newest one.
            # Their timestamps have one fixed form, so text order is time order.
            everything = await self._connections(tokens.access_token, {})
            opened = sorted(everything, key=lambda one: str(one.get("updatedDateUtc")))[-1:]
        companies = tuple(
            CompanyChoice(
                external_id=str(one["tenantId"]), name=str(one.get("tenantName") or ""), link_id=str(one["id"])
            )
            for one in opened
        )
        return Identity(provider_user=claims.get("xero_userid", ""), consent_id=consent, companies=companies)

    async def unlink(self, access_token: str, link_id: str) -> None:
        """Remove one company from the consent (Xero); nothing to do where a consent is one company (QuickBooks).

        A connection that is gone already counts as done. Raises NeedsReauth on a dead token, else ProviderUnavailable.
        """
        if not self.spec.connections_url:
            return
        url = f"{self.spec.connections_url}/{quote(link_id, safe='')}"
        response = await self._bearer("DELETE", url, access_token, {})
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise NeedsReauth("The provider no longer accepts this connection's grant.")
        if not response.is_success and response.status_code != httpx.codes.NOT_FOUND:
            raise _refusal(response).as_unavailable()

    def _token_headers(self) -> dict[str, str]:
        return {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            **self.spec.headers,
        }

    async def _token(self, request: Awaitable[Mapping[str, object]]) -> Mapping[str, object]:
        answer = dict(await request)
        # Authlib keeps the last token for calls of its own; here the vault alone remembers tokens.
        self._client.token = None
        return answer

    def _read(self, answer: Mapping[str, object], started: datetime) -> TokenSet:
        return read_token_set(answer, started=started, scopes=self._scopes, refresh_lifetime=self.spec.refresh_lifetime)

    async def _send_revocation(self, token: str) -> httpx.Response:
        headers = {"Accept": "application/json"}
        response: httpx.Response
        if self.spec.revoke_body is RevokeBody.form:
            response = await self._client.revoke_token(self.spec.revoke_url, token=token, headers=headers)
        else:
            auth = self._client.client_auth(_CLIENT_AUTH)
            response = await self._client.post(self.spec.revoke_url, json={"token": token}, headers=headers, auth=auth)
        return response

    async def _connections(self, access_token: str, query: Mapping[str, str]) -> Sequence[Mapping[str, object]]:
        response = await self._bearer("GET", self.spec.connections_url, access_token, query)
        if response.status_code != httpx.codes.OK:
            raise _refusal(response).as_unavailable()
        listed = json_objects(response.content)
        if listed is None:
            raise ProviderUnavailable("The provider's list of connections could not be read.")
        # Practice-manager tenants hold no ledger.
        return [one for one in listed if one.get("tenantType") == "ORGANISATION"]

    async def _bearer(self, method: str, url: str, access_token: str, query: Mapping[str, str]) -> httpx.Response:
        forbid_open_transaction(f"{method} connections")
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        try:
            response: httpx.Response = await self._client.request(
                method, url, params=dict(query), headers=headers, auth=None, withhold_token=True
            )
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"No answer about the connections ({type(error).__name__}).") from error
        return response


def _refusal(response: httpx.Response) -> Refusal:
    return Refusal(response.status_code, response.headers, response.content)


def _require_token(response: httpx.Response) -> httpx.Response:
    """Let Authlib parse only what surely is a token: by itself it judges answers without their status."""
    if not is_token(response.status_code, json_object(response.content)):
        raise _refusal(response)
    return response
