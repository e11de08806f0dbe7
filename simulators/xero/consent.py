"""The consent page: who signs in, which organisations, Allow or Cancel.

A program may POST the form itself to the same address with the same query string; fields: `user`
(accountant or bookkeeper), `tenant` (a tenant id, repeatable unless bulk connections are off or the query says
`acr_values=bulk_connect:false`) and `action` (allow or cancel). The answer is a 302 to redirect_uri with `code`
and `state`, or with `error=access_denied`.
"""

from html import escape
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from simulators.xero.identity import Identity
from simulators.xero.scopes import unknown
from simulators.xero.seeds import TENANTS, USERS, User

_NAMES = {tenant.id: tenant.name for tenant in TENANTS}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px system-ui;max-width:34rem;margin:3rem auto}}button{{padding:.5rem 1.2rem}}</style>
<h1>{title}</h1>{body}</html>"""


class RefusedRequest(Exception):
    """The authorize request is wrong in a way that must not be sent to its redirect_uri."""


async def authorize(identity: Identity, request: Request) -> Response:
    """GET shows the page, POST carries out the choice."""
    try:
        scopes = _checked(identity, request)
    except RefusedRequest as refusal:
        return HTMLResponse(_PAGE.format(title="Sorry, something went wrong", body=f"<p>{escape(str(refusal))}"), 400)
    several = identity.bulk and "bulk_connect:false" not in request.query_params.get("acr_values", "").split()
    if request.method == "GET":
        return HTMLResponse(_page(request, scopes, several=several))
    form = await request.form()
    state = request.query_params.get("state")
    echo = {} if state is None else {"state": state}
    if form.get("action") != "allow":
        return _back(request, {"error": "access_denied", **echo})
    user = USERS.get(str(form.get("user", "accountant")))
    wanted = [str(value).lower() for value in form.getlist("tenant")]
    too_many = len(set(wanted)) > 1 and not several
    if user is None or not wanted or too_many or not set(wanted) <= set(user.tenants):
        return HTMLResponse(_PAGE.format(title="Choose an organisation", body="<p>Go back and choose one."), 400)
    code = identity.consent(
        request.query_params["client_id"], user, wanted, scopes,
        request.query_params["redirect_uri"], request.query_params.get("code_challenge", ""),
    )  # fmt: skip
    return _back(request, {"code": code, "scope": " ".join(sorted(scopes)), **echo})


def _checked(identity: Identity, request: Request) -> frozenset[str]:
    query = request.query_params
    if query.get("client_id") not in identity.clients:
        raise RefusedRequest("unauthorized_client : Unknown client or client not enabled")
    if not _may_return_to(query.get("redirect_uri", "")):
        raise RefusedRequest("unauthorized_client : Invalid redirect_uri")
    if query.get("response_type") != "code":
        raise RefusedRequest("unsupported_response_type : Only response_type=code is supported")
    scopes = set(query.get("scope", "").split())
    if not scopes:
        raise RefusedRequest("invalid_scope : Missing scope")
    if unknown(scopes, granular=identity.granular_only):
        raise RefusedRequest("unauthorized_client : Invalid scope for client")
    if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
        raise RefusedRequest("invalid_request : Transform algorithm not supported")
    return frozenset(scopes)


def _may_return_to(uri: str) -> bool:
    """https anywhere, http only on the name localhost: Xero refuses 127.0.0.1."""
    parts = urlsplit(uri)
    local = parts.scheme == "http" and parts.hostname == "localhost"
    return local or (parts.scheme == "https" and bool(parts.hostname))


def _page(request: Request, scopes: frozenset[str], *, several: bool) -> str:
    user = USERS.get(request.query_params.get("sim_user", ""), USERS["accountant"])
    others = "".join(f'<li><a href="{_as_user(request, u)}">Sign in as {escape(u.name)}</a>' for u in USERS.values())
    kind = "checkbox" if several else "radio"
    boxes = "".join(
        f'<p><label><input type="{kind}" name="tenant" value="{tenant}"{" checked" if at == 0 else ""}> '
        f"{escape(_NAMES[tenant])}</label>"
        for at, tenant in enumerate(user.tenants)
    )
    wants = "".join(f"<li>{escape(scope)}" for scope in sorted(scopes))
    action = escape(f"?{request.url.query}")
    body = f"""<p>Signed in as <b>{escape(user.name)}</b></p><ul>{others}</ul>
<form method="post" action="{action}"><input type="hidden" name="user" value="{user.key}">
<p>{escape(request.query_params["client_id"])} wants access to:</p><ul>{wants}</ul>
<h2>Which organisations?</h2>{boxes}
<p><button name="action" value="allow">Allow access</button>
<button name="action" value="cancel">Cancel</button></form>"""
    return _PAGE.format(title="Connect to Xero (simulated)", body=body)


def _as_user(request: Request, user: User) -> str:
    return escape(f"?{request.url.include_query_params(sim_user=user.key).query}")


def _back(request: Request, answer: dict[str, str]) -> Response:
    uri = request.query_params["redirect_uri"]
    return RedirectResponse(f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer)}", 302)
