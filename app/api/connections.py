"""`/api/v1/accounting/connections`: connecting a company, its settings, disconnecting."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AliasChoices, Field, model_validator

from app import connections as journeys
from app.books.inputs import Day, Input, Opaque
from app.connections import Arrival, Caller
from app.db import connections
from app.edge import etags, paging
from app.edge.connection_answers import (
    BegunAnswer,
    ConnectionAnswer,
    ConnectionAsked,
    SelectionAnswer,
    Status,
    answer,
    answers,
    ask_worker,
    ended,
)
from app.edge.deps import Admin, BellDep, FirmSession, RuntimeDep, Viewer
from app.edge.etags import IfMatch
from app.edge.landing import land
from app.edge.models import PageQuery, PathId, Provider
from app.edge.principals import Principal
from app.edge.problems import may_raise
from app.edge.sync_answers import preferred_wait, run_answer
from app.edge.sync_bodies import PulledKind
from app.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Misconfigured,
    NotFound,
    PreconditionFailed,
    ProviderUnavailable,
    Unauthenticated,
)

router = APIRouter(
    prefix="/api/v1/accounting/connections",
    tags=["connections"],
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)
Secret = Annotated[str, Field(min_length=1, max_length=4096)]
ExternalId = Annotated[str, Field(min_length=1, max_length=64, coerce_numbers_to_str=True)]


class Initiate(Input):
    """Which provider, and where the browser goes afterwards: a path of ours or an address on the allow list."""

    provider: Provider
    return_url: str = Field("", max_length=2000)
    state: Opaque = Field("", description="Yours: it comes back on the return address.")
    confirm_company_change: bool = False


class Callback(Input):
    """What the provider's redirect brought (`code`, and `realm_id` from QuickBooks), or our `completion_token`."""

    state: Secret
    code: Secret | None = None
    realm_id: ExternalId | None = Field(None, validation_alias=AliasChoices("realm_id", "realmId"))
    completion_token: Secret | None = None
    confirm_company_change: bool = False

    @model_validator(mode="after")
    def _one(self) -> "Callback":
        if (self.code is None) == (self.completion_token is None):
            raise ValueError("Give either code or completion_token.")
        return self


class Selection(Input):
    """One of the companies that the consent opened."""

    selection_token: Secret
    company_id: ExternalId
    confirm_company_change: bool = False


class ConnectionChange(Input):
    """What to change; fields not sent stay. null: as the firm has it, or no bound.

    `sync_enabled` stops automatic work only; a kind's own switch also refuses calls. `sync_from`: older records are not
    pushed by themselves. `frequencies`: kinds that are read by a schedule of their own, in minutes; payments go by
    `frequency_minutes`, and everything is read once a day.
    """

    sync_enabled: bool = True
    invoice_sync_enabled: bool = True
    payment_sync_enabled: bool = True
    customer_sync_enabled: bool = True
    journal_sync_enabled: bool = True
    frequency_minutes: Annotated[int, Field(ge=5, le=1440)] | None = None
    update_policy: Literal["none", "customers", "all"] | None = None
    customer_pull: Literal["suggest", "create"] = "suggest"
    sync_from: Day | None = None
    frequencies: dict[PulledKind, Annotated[int, Field(ge=5, le=10_080)]] = Field(default_factory=dict)


class ConnectionQuery(PageQuery):
    """Which connections; without a status all but the revoked."""

    status: Status | None = None


def caller_of(principal: Principal) -> Caller:
    """The principal as the journeys know him."""
    return Caller(principal.firm_id, principal.subject)


@router.post("/initiate_oauth", operation_id="connection_initiate_oauth", responses=may_raise(Misconfigured))
async def initiate_oauth(body: Initiate, runtime: RuntimeDep, principal: Admin) -> BegunAnswer:
    """Begin connecting: answers where to send the browser. Good for ten minutes."""
    begun = await journeys.begin(
        runtime,
        caller_of(principal),
        body.provider,
        return_url=body.return_url,
        caller_state=body.state,
        confirm_company_change=body.confirm_company_change,
    )
    return BegunAnswer.model_validate(begun)


@router.post(
    "/oauth_callback",
    operation_id="connection_oauth_callback",
    responses={202: {"model": SelectionAnswer}, **may_raise(Conflict, ProviderUnavailable, Misconfigured)},
)
async def oauth_callback(
    body: Callback, response: Response, runtime: RuntimeDep, principal: Admin
) -> ConnectionAnswer | SelectionAnswer:
    """Finish connecting, as the principal that began: 202 with the companies where there are several to choose from.

    `company_changed` means that the firm is connected to another company: repeat with `confirm_company_change`.
    """
    caller, confirmed = caller_of(principal), body.confirm_company_change
    if body.completion_token is not None:
        result = await journeys.complete_pending(
            runtime, caller, body.state, body.completion_token, confirm_company_change=confirmed
        )
    else:
        arrival = Arrival(body.state, body.code or "", realm_id=body.realm_id or "")
        result = await journeys.complete(runtime, caller, arrival, confirm_company_change=confirmed)
    shown = await ended(runtime, principal.firm_id, result)
    response.status_code = 202 if isinstance(shown, SelectionAnswer) else 200
    return shown


@router.get("/oauth_callback", operation_id="connection_oauth_landing", status_code=302, response_class=Response)
async def oauth_landing(request: Request, runtime: RuntimeDep) -> Response:
    """Where a provider sends the browser: the same as `/api/auth/{provider}/callback`, without a credential."""
    return await land(request, runtime, None)


@router.post(
    "/select_company", operation_id="connection_select_company", responses=may_raise(Conflict, ProviderUnavailable)
)
async def select_company(body: Selection, runtime: RuntimeDep, principal: Admin) -> ConnectionAnswer:
    """Connect one of the companies that the consent opened. Single use; `company_changed` does not use it up."""
    result = await journeys.select_company(
        runtime,
        caller_of(principal),
        body.selection_token,
        body.company_id,
        confirm_company_change=body.confirm_company_change,
    )
    return await answer(runtime, principal.firm_id, result.connection_id)


@router.get("", operation_id="connection_list")
async def list_connections(
    request: Request,
    response: Response,
    runtime: RuntimeDep,
    session: FirmSession,
    principal: Viewer,
    query: Annotated[ConnectionQuery, Query()],
) -> list[ConnectionAnswer]:
    """Connections in order of id, with `Link: rel="next"` where there are more."""
    rows = await connections.page(
        session,
        principal.firm_id,
        status=query.status,
        after=paging.decode(query.cursor),
        limit=query.limit + 1,
    )
    shown, following = paging.split(rows, query.limit)
    paging.link_next(request, response, following)
    return await answers(runtime, session, principal.firm_id, shown)


@router.get("/{connection_id}", operation_id="connection_get", responses=may_raise(NotFound))
async def get(connection_id: PathId, runtime: RuntimeDep, principal: Viewer, response: Response) -> ConnectionAnswer:
    """One connection."""
    shown = await answer(runtime, principal.firm_id, connection_id)
    response.headers["ETag"] = etags.tag_of(connection_id, shown.updated_at)
    return shown


@router.patch(
    "/{connection_id}", operation_id="connection_change", responses=may_raise(NotFound, Conflict, PreconditionFailed)
)
async def change(
    connection_id: PathId,
    body: ConnectionChange,
    runtime: RuntimeDep,
    session: FirmSession,
    principal: Admin,
    bell: BellDep,
    response: Response,
    if_match: IfMatch = None,
) -> ConnectionAnswer:
    """Change a connection's switches and policies."""
    before = await connections.get(session, principal.firm_id, connection_id, lock=True)
    etags.check(if_match, before.id, before.updated_at)
    given = body.model_dump(exclude_unset=True)
    row = await journeys.update_settings(session, principal.firm_id, connection_id, given, actor=principal.subject)
    bell.add(connection_id)
    response.headers["ETag"] = etags.tag_of(row.id, row.updated_at)
    return (await answers(runtime, session, principal.firm_id, [row]))[0]


@router.post(
    "/{connection_id}/disconnect",
    operation_id="connection_disconnect",
    responses={202: {"model": ConnectionAsked}, **may_raise(NotFound, Conflict)},
)
async def disconnect(
    connection_id: PathId, request: Request, response: Response, runtime: RuntimeDep, principal: Admin
) -> ConnectionAnswer | ConnectionAsked:
    """End a connection at the provider and erase its tokens; mappings stay for a reconnect of the same company."""
    before = await answer(runtime, principal.firm_id, connection_id)
    if before.status == "revoked":
        return before
    done, run = await ask_worker(runtime, principal, connection_id, "disconnect", preferred_wait(request))
    shown = await answer(runtime, principal.firm_id, connection_id)
    if done:
        return shown
    response.status_code = 202
    return ConnectionAsked(connection=shown, run=run_answer(run))
