"""The connect journey as a person makes it: why, the vendor's consent, which company, ready or not."""

import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response

from app import connections as journeys
from app.canonical import ProviderName
from app.connections.consent import held
from app.db import connections, mappings
from app.edge.connection_answers import answer
from app.edge.deps import RuntimeDep
from app.edge.landing import set_cookie
from app.edge.models import Provider
from app.edge.principals import Role
from app.errors import Conflict, Invalid
from app.providers.registry import SPECS
from app.runtime import Runtime
from app.web import health
from app.web.pages import PageRoute, go, page
from app.web.sessions import FormDep, Visitor, VisitorDep, text_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Text = Annotated[str, Query(max_length=4096)]
_CAUSES = {
    "access_denied": "You did not allow the connection on the provider's page. Nothing was changed.",
    "state_expired": "That took longer than ten minutes, so the journey ended for safety. Nothing was changed.",
    "state_invalid": "This journey was finished already, or was begun elsewhere. Look whether it is connected.",
    "state_mismatch": "This journey was begun in another browser. Nothing was changed.",
    "company_connected_elsewhere": "Another organisation using this service is connected to that company. It must be "
    "disconnected there first.",
    "company_mismatch": "The consent does not open the company that was named. Choose the company on the provider's "
    "page once more.",
    "no_company": "The consent opened no company with books. Choose one on the provider's page.",
    "provider_unavailable": "The provider did not answer. Nothing was changed; try again in a moment.",
    "server_error": "The provider could not ask for consent at the moment. Nothing was changed.",
}


@router.get("/connect/{provider}")
async def why(request: Request, provider: Provider, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """Who asks for what, and why, before the vendor asks."""
    visitor.principal.require(Role.admin)
    endpoints = runtime.oauth_of(provider).authorization_url(state="x", redirect_uri="x", code_verifier="x" * 43)
    parts = urlsplit(endpoints)
    present = await _present(runtime, visitor, provider)
    target = f"{parts.scheme}://{parts.netloc}"
    return page(
        request,
        "connect.html",
        visitor,
        form_targets=[target],
        spec=SPECS[provider],
        present=present,
        host=parts.netloc,
    )


@router.post("/connect/{provider}")
async def begin(provider: Provider, runtime: RuntimeDep, visitor: VisitorDep, _form: FormDep) -> Response:
    """Off to the vendor. The browser keeps a secret, so that the journey completes here and nowhere else."""
    visitor.principal.require(Role.admin)
    browser = secrets.token_urlsafe(32)
    begun = await journeys.begin(
        runtime, visitor.caller, provider, return_url=f"/connect/{provider}/done", browser=browser
    )
    response = Response(status_code=303, headers={"Location": begun.authorization_url})
    set_cookie(response, runtime.settings, browser)
    return response


@router.get("/connect/{provider}/done")
async def done(
    request: Request,
    provider: Provider,
    runtime: RuntimeDep,
    visitor: VisitorDep,
    connection_id: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    selection_token: Text = "",
    code: Text = "",
) -> Response:
    """Where the journey ends: ready, a choice of companies, another company than before, or what went wrong."""
    if connection_id:
        connection = await answer(runtime, visitor.firm_id, connection_id)
        async with runtime.db.firm(visitor.firm_id) as session:
            states = health.counted(await mappings.state_counts(session, visitor.firm_id))
        there = health.there(states.get(connection_id, {}))
        return page(request, "connected.html", visitor, connection=connection, spec=SPECS[provider], there=there)
    if selection_token:
        return await _choose(request, runtime, visitor, provider, selection_token, changed=code == "company_changed")
    said = _CAUSES.get(code, "The provider or the way back failed us. Nothing was changed.")
    return page(request, "not_connected.html", visitor, status=200, spec=SPECS[provider], said=said, code=code)


@router.post("/connect/{provider}/company")
async def choose(
    request: Request, provider: Provider, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep
) -> Response:
    """Connect one of the companies that the consent opened."""
    visitor.principal.require(Role.admin)
    token, company = text_of(form, "selection_token"), text_of(form, "company_id")
    if not token or not company:
        raise Invalid("Choose one of the companies.", code="company_missing", fix="Go back and tick one.")
    try:
        found = await journeys.select_company(
            runtime, visitor.caller, token, company, confirm_company_change="confirmed" in form
        )
    except Conflict as error:
        if error.public_code != "company_changed":
            raise
        return await _choose(request, runtime, visitor, provider, token, changed=True, chosen=company)
    return go(f"/connect/{provider}/done", connection_id=found.connection_id)


async def _choose(
    request: Request,
    runtime: Runtime,
    visitor: Visitor,
    provider: ProviderName,
    token: str,
    *,
    changed: bool,
    chosen: str = "",
) -> Response:
    visitor.principal.require(Role.admin)
    consent = await held(runtime, visitor.caller, "selection", token=token)
    companies = [one for one in consent.identity.companies if not chosen or one.external_id == chosen]
    return page(
        request,
        "choose_company.html",
        visitor,
        spec=SPECS[provider],
        companies=companies,
        token=token,
        changed=changed,
        present=await _present(runtime, visitor, provider),
    )


async def _present(runtime: Runtime, visitor: Visitor, provider: ProviderName) -> connections.ConnectionRow | None:
    async with runtime.db.firm(visitor.firm_id) as session:
        return await connections.live(session, visitor.firm_id, provider)
