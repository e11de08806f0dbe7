"""Signing in with OpenID Connect, where the operator has configured a provider: authorization code, PKCE and a nonce.

What a journey must remember travels in a signed cookie of ten minutes; nothing of it is kept here.
"""

import json
import secrets
import warnings
from typing import Annotated, Any, Final

import jwt
from authlib.deprecate import AuthlibDeprecationWarning
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from itsdangerous import BadData, URLSafeTimedSerializer

from app.edge.deps import RuntimeDep
from app.edge.jwks import SIGNATURES, KeySet
from app.edge.principals import Authenticator
from app.errors import AppError, Forbidden, NotFound, ProviderUnavailable, Unauthenticated
from app.providers.oauth import NoAnswer
from app.settings import Settings
from app.web import sessions
from app.web.pages import PageRoute, local, page

with warnings.catch_warnings():
    # Authlib announces its move to httpx2 when it finds httpx alone.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_SECONDS: Final = 600
_TIMEOUT: Final = 10.0
_SCOPE: Final = "openid profile email"
_WORDS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri", "issuer")


@router.get("/sign-in/openid")
async def begin(runtime: RuntimeDep, wanted: Annotated[str, Query(alias="next", max_length=2000)] = "/") -> Response:
    """Off to the identity provider."""
    settings = _configured(runtime.settings)
    found = await _discover(settings)
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    async with _client(settings) as client:
        target, state = client.create_authorization_url(
            found["authorization_endpoint"], code_verifier=verifier, nonce=nonce
        )
    response = RedirectResponse(target, status_code=303, headers={"Cache-Control": "no-store"})
    kept = _signer(settings).dumps({"state": state, "verifier": verifier, "nonce": nonce, "next": local(wanted)})
    response.set_cookie(
        sessions.cookie_name(settings, "tieout-openid"),
        kept,
        max_age=_SECONDS,
        path="/",
        secure=settings.public_url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/sign-in/openid/callback")
async def finish(request: Request, runtime: RuntimeDep) -> Response:
    """Back from the identity provider: a session for whoever it vouches for, in the firm and role that it names."""
    settings = _configured(runtime.settings)
    try:
        kept = _kept(request, settings)
        claims = await _claims(request, settings, kept)
        authenticator: Authenticator = request.app.state.authenticator
        principal = await authenticator.from_claims(claims)
    except (Unauthenticated, Forbidden) as error:
        return page(request, "sign_in.html", status=401, wanted="/", refusal=error.detail, openid=True)
    response = RedirectResponse(kept["next"], status_code=303)
    response.delete_cookie(sessions.cookie_name(settings, "tieout-openid"), path="/")
    name = next((str(claims[one]) for one in ("name", "email") if claims.get(one)), principal.subject)
    await sessions.begin(runtime, response, principal, name=name[:100])
    return response


def is_configured(settings: Settings) -> bool:
    """Whether the sign-in page offers it."""
    return settings.oidc_issuer_url is not None


def _configured(settings: Settings) -> Settings:
    if not is_configured(settings):
        raise NotFound("Signing in with OpenID Connect is not set up on this service.")
    return settings


def _client(settings: Settings) -> Any:
    secret = settings.oidc_client_secret
    return AsyncOAuth2Client(
        client_id=settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret is not None else None,
        scope=_SCOPE,
        redirect_uri=f"{settings.public_url}/sign-in/openid/callback",
        code_challenge_method="S256",
        timeout=_TIMEOUT,
        follow_redirects=False,
        trust_env=False,
    )


async def _discover(settings: Settings) -> dict[str, str]:
    """The provider's addresses, asked for each time: people sign in seldom. Raises ProviderUnavailable."""
    url = f"{settings.oidc_issuer_url}/.well-known/openid-configuration"
    try:
        async with _client(settings) as client:
            answer = await client.request("GET", url, withhold_token=True)
            found = json.loads(answer.content)
    except (OSError, ValueError, NoAnswer) as error:
        raise _away() from error
    if not isinstance(found, dict) or not all(isinstance(found.get(word), str) for word in _WORDS):
        raise _away()
    if found["issuer"].rstrip("/") != settings.oidc_issuer_url:
        raise _away()
    return {word: found[word] for word in _WORDS}


def _kept(request: Request, settings: Settings) -> dict[str, str]:
    cookie = request.cookies.get(sessions.cookie_name(settings, "tieout-openid"), "")
    try:
        kept: dict[str, str] = _signer(settings).loads(cookie, max_age=_SECONDS)
    except BadData:
        raise Unauthenticated("Signing in took too long, or was begun in another browser. Begin again.") from None
    if not secrets.compare_digest(request.query_params.get("state", "").encode(), kept["state"].encode()):
        raise Unauthenticated("This answer belongs to another attempt to sign in. Begin again.")
    return kept


async def _claims(request: Request, settings: Settings, kept: dict[str, str]) -> dict[str, Any]:
    """The verified claims of the id token. Raises Unauthenticated, ProviderUnavailable."""
    code = request.query_params.get("code", "")
    if not code:
        raise Unauthenticated("The identity provider did not sign you in.")
    found = await _discover(settings)
    try:
        async with _client(settings) as client:
            answer = await client.fetch_token(found["token_endpoint"], code=code, code_verifier=kept["verifier"])
    except OAuthError:
        raise Unauthenticated("The identity provider did not confirm the sign-in. Begin again.") from None
    except (OSError, ValueError, NoAnswer) as error:
        raise _away() from error
    token = str(answer.get("id_token", ""))
    try:
        key = await KeySet(found["jwks_uri"]).key(str(jwt.get_unverified_header(token).get("kid", "")))
        if key is None:
            raise Unauthenticated("The identity provider signed with a key that it does not publish.")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=SIGNATURES,
            issuer=found["issuer"],
            audience=settings.oidc_client_id,
            leeway=30,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError:
        raise Unauthenticated("The identity provider's answer cannot be verified.") from None
    if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), kept["nonce"].encode()):
        raise Unauthenticated("The identity provider's answer belongs to another attempt to sign in.")
    return claims


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.secret_key.get_secret_value(), salt="openid")


def _away() -> AppError:
    return ProviderUnavailable("The identity provider does not answer as it should. Try again in a moment.")
