"""`/api/auth/{provider}`: the second brief document's routes for connecting, and where QuickBooks' Disconnect lands."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from app import connections as journeys
from app.api.connections import caller_of
from app.books.inputs import Opaque
from app.canonical import ProviderName
from app.db import connections, runs, wakeups
from app.edge.connection_answers import BegunAnswer, ask_worker
from app.edge.deps import Admin, Member, RuntimeDep
from app.edge.landing import land
from app.edge.models import Answer, Provider
from app.edge.principals import Principal
from app.edge.problems import later, may_raise
from app.edge.sync_answers import RunAnswer, preferred_wait, run_answer
from app.errors import Conflict, Forbidden, Invalid, Misconfigured, NotConnected, Unauthenticated
from app.providers.registry import SPECS
from app.runtime import Runtime

router = APIRouter(tags=["connections"], responses=may_raise(Invalid))
BASE = "/api/auth/{provider}"
_KNOWN = may_raise(Unauthenticated, Forbidden)
_DISCONNECTED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Disconnected</title>
<h1>Disconnected</h1><p>QuickBooks says that it was disconnected. We are checking that; nothing else is changed, and you
can connect again at any time.</p></html>"""


class Done(Answer):
    """What was done, or is still being done by `run`."""

    message: str
    run: RunAnswer


_ACTED = {**_KNOWN, **later(Done, NotConnected, Conflict)}


@router.get(BASE, operation_id="auth_begin", responses={**_KNOWN, **may_raise(Misconfigured)})
async def begin(
    provider: Provider,
    runtime: RuntimeDep,
    principal: Admin,
    state: Annotated[Opaque, Query()] = "",
    return_url: Annotated[str, Query(max_length=2000)] = "",
) -> BegunAnswer:
    """Begin connecting. `state` is the caller's own and comes back on the return address."""
    begun = await journeys.begin(runtime, caller_of(principal), provider, return_url=return_url, caller_state=state)
    return BegunAnswer.model_validate(begun)


@router.get(BASE + "/callback", operation_id="auth_callback", status_code=302, response_class=Response)
async def callback(provider: Provider, request: Request, runtime: RuntimeDep) -> Response:
    """Where the provider sends the browser; it is sent on to the journey's return address, whatever happened.

    The address then carries `connection_id`, `selection_token`, `completion_token` or an error's `code`, and `state`.
    """
    return await land(request, runtime, provider)


@router.get(
    BASE + "/refresh",
    operation_id="auth_refresh",
    responses=_ACTED,
)
async def refresh(
    provider: Provider, request: Request, response: Response, runtime: RuntimeDep, principal: Member
) -> Done:
    """Renew the tokens now. They are renewed by themselves; this shows whether that works."""
    return await _act(provider, request, response, runtime, principal, "refresh", "Tokens refreshed successfully")


@router.post(
    BASE + "/refresh",
    operation_id="auth_refresh_post",
    responses=_ACTED,
)
async def refresh_by_post(
    provider: Provider, request: Request, response: Response, runtime: RuntimeDep, principal: Member
) -> Done:
    """The same, for callers who keep GET for reading."""
    return await _act(provider, request, response, runtime, principal, "refresh", "Tokens refreshed successfully")


@router.delete(
    BASE + "/revoke",
    operation_id="auth_revoke",
    responses=_ACTED,
)
async def revoke(
    provider: Provider, request: Request, response: Response, runtime: RuntimeDep, principal: Admin
) -> Done:
    """End the firm's connection: the same as `connections/{id}/disconnect`."""
    return await _act(provider, request, response, runtime, principal, "disconnect", "Disconnected")


async def _act(
    provider: ProviderName,
    request: Request,
    response: Response,
    runtime: Runtime,
    principal: Principal,
    action: str,
    message: str,
) -> Done:
    async with runtime.db.firm(principal.firm_id) as session:
        row = await connections.live(session, principal.firm_id, provider)
    if row is None:
        raise NotConnected(f"{SPECS[provider].display} is not connected.", who="admin", fix="Connect it first.")
    done, run = await ask_worker(runtime, principal, row.id, action, preferred_wait(request))
    response.status_code = 200 if done else 202
    return Done(message=message if done else "Asked for; the worker has not finished yet.", run=run_answer(run))


@router.get("/disconnected", operation_id="auth_disconnected", response_class=HTMLResponse, include_in_schema=False)
async def disconnected(
    runtime: RuntimeDep, realm_id: Annotated[str, Query(alias="realmId", max_length=64)] = ""
) -> str:
    """Where QuickBooks sends a user who ended the connection there.

    Anybody can call this, so it only makes a worker look; at most one such look is waiting per connection.
    """
    found = None
    if realm_id.isalnum():  # the database refuses null bytes
        async with runtime.db.system() as session:
            found = await connections.by_company(session, ProviderName.quickbooks, realm_id)
    if found is not None:
        firm_id, connection_id = found
        async with runtime.db.firm(firm_id) as session:
            waiting = await connections.is_asked(session, firm_id, connection_id, "check")
            if not waiting:
                await runs.request(session, firm_id, connection_id, "check", trigger="disconnected")
        if not waiting:
            await wakeups.wake(runtime.db, connection_id)
    return _DISCONNECTED
