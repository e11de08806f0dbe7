"""Token, revocation, connections and discovery endpoints."""

import base64
import functools
from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.core.http import Json, json_response
from simulators.xero.consent import authorize
from simulators.xero.identity import Identity, OAuthError, jwks
from simulators.xero.seeds import TENANTS
from simulators.xero.wire import Unauthorized, bearer, html_missing, problem

_NAMES = {tenant.id: tenant.name for tenant in TENANTS}
Endpoint = Callable[[Identity, Request], Awaitable[Response]]


def oauth_routes(world: Callable[[], Identity]) -> list[Route]:
    """The routes below /xero; `world` gives the present identity (a reset makes a new one)."""

    def bound(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        @functools.wraps(endpoint)
        async def call(request: Request) -> Response:
            return await endpoint(world(), request)

        return call

    return [
        Route("/identity/connect/authorize", bound(authorize), methods=["GET", "POST"]),
        Route("/connect/token", bound(_token), methods=["POST"]),
        Route("/connect/revocation", bound(_revocation), methods=["POST"]),
        Route("/connections", bound(_connections), methods=["GET"]),
        Route("/connections/{connection_id}", bound(_delete_connection), methods=["DELETE"]),
        Route("/.well-known/openid-configuration", bound(_discovery), methods=["GET"]),
        Route("/.well-known/openid-configuration/jwks", bound(_jwks), methods=["GET"]),
    ]


async def _token(identity: Identity, request: Request) -> Response:
    form = {key: str(value) for key, value in (await request.form()).items()}
    client_id, secret = _client(request, form)
    if not identity.client_is(client_id, secret):
        return json_response({"error": "invalid_client"}, 400)
    try:
        return json_response(_granted(identity, client_id, form), headers={"Cache-Control": "no-store"})
    except OAuthError as error:
        return json_response({"error": str(error)}, 400)


def _granted(identity: Identity, client_id: str, form: dict[str, str]) -> Json:
    kind = form.get("grant_type")
    if kind == "authorization_code":
        return identity.exchange(
            client_id, form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
        )
    if kind == "refresh_token":
        return identity.renew(client_id, form.get("refresh_token", ""))
    # Client credentials belong to custom connections, which this web app is not.
    raise OAuthError("unauthorized_client" if kind == "client_credentials" else "unsupported_grant_type")


async def _revocation(identity: Identity, request: Request) -> Response:
    form = {key: str(value) for key, value in (await request.form()).items()}
    client_id, secret = _client(request, form)
    if not identity.client_is(client_id, secret):
        return json_response({"error": "invalid_client"}, 400)
    identity.revoke(client_id, form.get("token", ""))
    return Response(status_code=200)


async def _connections(identity: Identity, request: Request) -> Response:
    try:
        grant = bearer(identity, request)
    except Unauthorized as refusal:
        return problem(401, refusal.detail)
    event = next((v.lower() for k, v in request.query_params.items() if k.lower() == "autheventid"), None)
    shown = [c for c in identity.connections_of(grant) if event in (None, c.auth_event)]
    return json_response(
        [
            {
                "id": c.id,
                "authEventId": c.auth_event,
                "tenantId": c.tenant_id,
                "tenantType": "ORGANISATION",
                "tenantName": _NAMES[c.tenant_id],
                "createdDateUtc": _seven(c.created),
                "updatedDateUtc": _seven(c.updated),
            }
            for c in shown
        ]
    )


async def _delete_connection(identity: Identity, request: Request) -> Response:
    try:
        grant = bearer(identity, request)
    except Unauthorized as refusal:
        return problem(401, refusal.detail)
    wanted = request.path_params["connection_id"].lower()
    if wanted not in {c.id for c in identity.connections_of(grant)}:
        return html_missing()
    del identity.connections[wanted]
    return Response(status_code=204)


async def _discovery(_identity: Identity, request: Request) -> Response:
    base = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
    return json_response(
        {
            "issuer": "https://identity.xero.com",
            "authorization_endpoint": f"{base}/identity/connect/authorize",
            "token_endpoint": f"{base}/connect/token",
            "revocation_endpoint": f"{base}/connect/revocation",
            "jwks_uri": f"{base}/.well-known/openid-configuration/jwks",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
    )


async def _jwks(_identity: Identity, _request: Request) -> Response:
    return json_response(jwks())


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret from Basic, else from the form, as xero-python sends them."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return name, secret
    return form.get("client_id", ""), form.get("client_secret", "")


def _seven(moment: datetime) -> str:
    """Seven fraction digits and no zone, as /connections writes times."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}0"
