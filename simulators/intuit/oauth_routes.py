"""Intuit's OAuth over HTTP: discovery, consent, token, revoke, userinfo, jwks.

A program can consent without a browser: POST the form of `/connect/oauth2` with the authorize parameters
(client_id, redirect_uri, response_type, scope, state, code_challenge?, code_challenge_method?) and
`user` (admin | staff), `realm` (company id), `decision` (allow | deny). The answer is the 302 to the redirect URI.
"""

import asyncio
import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from simulators.core.http import json_response
from simulators.core.money import loads
from simulators.intuit.company import Company
from simulators.intuit.oauth import ACCESS_LIFE, Code, OAuthError, TokenSet, TokenStore
from simulators.intuit.openid import ISSUER, id_token, jwks, user_info
from simulators.intuit.pages import consent_page, error_page

SCOPES = frozenset(
    "com.intuit.quickbooks.accounting com.intuit.quickbooks.payment openid profile email phone address".split()
)
USERS = {"admin": "Alex Admin (company admin)", "staff": "Sam Staff (not an admin)"}
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
_LOOPBACK = re.compile(r"http://localhost(:\d+)?/")


@dataclass
class OAuthClient:
    """A pair of keys of an app. Without `redirect_uris` any http://localhost or https address is taken.

    The companies here are sandboxes: tokens of `production` keys meet "Accessing Wrong Cluster" there.
    """

    client_id: str
    secret: str
    production: bool = False
    redirect_uris: set[str] = field(default_factory=set)

    def allows(self, uri: str) -> bool:
        """Whether consent may return there."""
        if self.redirect_uris:
            return uri in self.redirect_uris
        return uri.startswith("https://") or _LOOPBACK.match(uri) is not None


class OAuthRoutes:
    """The routes over one token store. `refresh_latency`: seconds a refresh is in flight."""

    def __init__(self, store: TokenStore, clients: dict[str, OAuthClient], companies: dict[str, Company]):
        self._store = store
        self._clients = clients
        self._companies = companies
        self.reset()

    def reset(self) -> None:
        """Back to the default latency."""
        self.refresh_latency = 0.02

    def routes(self) -> list[Route]:
        """What is mounted under /intuit."""
        return [
            Route("/.well-known/openid_configuration", self.discovery),
            Route("/.well-known/openid_sandbox_configuration", self.discovery),
            Route("/connect/oauth2", self.authorize, methods=["GET", "POST"]),
            Route("/oauth2/v1/tokens/bearer", self.token, methods=["POST"]),
            Route("/v2/oauth2/tokens/revoke", self.revoke, methods=["POST"]),
            Route("/v1/openid_connect/userinfo", self.userinfo),
            Route("/op/v1/jwks", self.jwks),
        ]

    async def discovery(self, request: Request) -> Response:
        """The discovery document with this server's own addresses."""
        # Not request.base_url: that leaves out the prefix we are mounted under.
        base = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
        return json_response(
            {
                "issuer": ISSUER,
                "authorization_endpoint": f"{base}/connect/oauth2",
                "token_endpoint": f"{base}/oauth2/v1/tokens/bearer",
                "userinfo_endpoint": f"{base}/v1/openid_connect/userinfo",
                "revocation_endpoint": f"{base}/v2/oauth2/tokens/revoke",
                "jwks_uri": f"{base}/op/v1/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "email", "profile", "address", "phone"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
            }
        )

    async def authorize(self, request: Request) -> Response:
        """GET shows the consent page; POST is its form."""
        given = dict(request.query_params)
        if request.method == "POST":
            given |= dict(parse_qsl((await request.body()).decode(errors="replace")))
        refused = self._refuse(given)
        if refused is not None:
            return refused
        if request.method == "GET":
            return HTMLResponse(consent_page(given, USERS, self._companies.values()), headers=_NO_STORE)
        return self._decide(given)

    async def token(self, request: Request) -> Response:
        """Exchange and refresh; errors carry `error` and `error_description` only."""
        hard = request.headers.get("x-include-refresh-token-hard-expires-in", "").lower() == "true"
        try:
            client = self._authenticate(request)
            if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
                raise OAuthError("invalid_request", "The body must be form-encoded")
            form = _form(await request.body())
            tokens = await self._grant(client, form)
        except OAuthError as error:
            said = {"error": error.error, "error_description": error.description}
            return json_response({k: v for k, v in said.items() if v}, error.status, _NO_STORE)
        answer = _token_body(tokens, hard)
        if form.get("grant_type") == "authorization_code" and "openid" in tokens.grant.scope.split():
            answer["id_token"] = id_token(client, tokens.grant.user, tokens.grant.realm, self._store.now())
        return json_response(answer, 200, _NO_STORE)

    async def revoke(self, request: Request) -> Response:
        """JSON only (a form is refused), Basic authentication; 200 with an empty body."""
        try:
            client = self._authenticate(request)
        except OAuthError as error:
            return json_response({"error": error.error}, error.status)
        if not request.headers.get("content-type", "").startswith("application/json"):
            return json_response({"error": "invalid_request"}, 400)
        try:
            body = loads(await request.body())
        except ValueError:
            return json_response({"error": "invalid_request"}, 400)
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not self._store.revoke(client, token):
            return json_response({"error": "invalid_token"}, 400)
        return Response(status_code=200)

    async def userinfo(self, request: Request) -> Response:
        """Who signed in, for an access token with the openid scope."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant, _ = self._store.check(token.strip() if scheme.lower() == "bearer" else "")
        if grant is None or "openid" not in grant.scope.split():
            return json_response({"error": "invalid_token"}, 401)
        return json_response(user_info(grant.user, grant.scope.split()))

    async def jwks(self, _request: Request) -> Response:
        """The key that signs id tokens."""
        return json_response(jwks())

    def _refuse(self, given: Mapping[str, str]) -> Response | None:
        """A page for what must not redirect, a redirect for a bad scope, None when all is well."""
        client = self._clients.get(given.get("client_id", ""))
        uri = given.get("redirect_uri", "")
        if client is None:
            return HTMLResponse(error_page("The client_id is not known."), 400)
        if not client.allows(uri):
            return HTMLResponse(error_page("The redirect_uri query parameter value is invalid."), 400)
        if given.get("response_type") != "code" or not given.get("state"):
            return HTMLResponse(error_page("response_type must be code, and state is required."), 400)
        scopes = given.get("scope", "").split()
        if not scopes or not set(scopes) <= SCOPES:
            return _back(uri, {"error": "invalid_scope", "state": given["state"]})
        return None

    def _decide(self, given: Mapping[str, str]) -> Response:
        uri, state = given["redirect_uri"], given["state"]
        if given.get("decision") != "allow":
            return _back(uri, {"error": "access_denied", "state": state})
        realm = given.get("realm", "")
        if given.get("user") != "admin":
            return HTMLResponse(error_page("Only an admin of the company can connect it."), 403)
        if realm not in self._companies:
            return HTMLResponse(error_page("Choose a company."), 400)
        challenge, method = given.get("code_challenge", ""), given.get("code_challenge_method", "plain")
        expires = self._store.code_expiry()
        code = Code(given["client_id"], uri, realm, given["scope"], expires, challenge, method, given["user"])
        return _back(uri, {"code": self._store.issue_code(code), "state": state, "realmId": realm})

    async def _grant(self, client: str, form: Mapping[str, str]) -> TokenSet:
        kind = form.get("grant_type")
        if kind == "authorization_code" and "code" in form:
            uri, verifier = form.get("redirect_uri", ""), form.get("code_verifier", "")
            return self._store.exchange(client, form["code"], uri, verifier)
        if kind == "refresh_token" and "refresh_token" in form:
            grant = self._store.begin_refresh(client, form["refresh_token"])
            try:
                await asyncio.sleep(self.refresh_latency)
            except asyncio.CancelledError:
                grant.refreshing = False
                raise
            return self._store.finish_refresh(grant)
        if kind in ("authorization_code", "refresh_token"):
            raise OAuthError("invalid_request", "A required parameter is missing")
        raise OAuthError("unsupported_grant_type")

    def _authenticate(self, request: Request) -> str:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError as error:
            raise OAuthError("invalid_client", status=401) from error
        client = self._clients.get(client_id)
        if scheme.lower() != "basic" or client is None or client.secret != secret:
            raise OAuthError("invalid_client", status=401)
        return client_id


def _form(body: bytes) -> dict[str, str]:
    """A form-encoded body. Raises OAuthError when it is not UTF-8."""
    try:
        return dict(parse_qsl(body.decode()))
    except UnicodeDecodeError as error:
        raise OAuthError("invalid_request", "The body must be UTF-8") from error


def _token_body(tokens: TokenSet, hard: bool) -> dict[str, object]:
    out: dict[str, object] = {
        "token_type": "bearer",
        "access_token": tokens.access,
        "expires_in": int(ACCESS_LIFE.total_seconds()),
        "refresh_token": tokens.refresh,
        "x_refresh_token_expires_in": tokens.refresh_life,
    }
    if hard:
        out["x_refresh_token_hard_expires_in"] = tokens.hard_life
    return out


def _back(uri: str, params: dict[str, str]) -> Response:
    joint = "&" if "?" in uri else "?"
    return RedirectResponse(f"{uri}{joint}{urlencode(params)}", 302, headers=_NO_STORE)
