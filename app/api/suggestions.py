"""`/api/v1/accounting/client-suggestions`: customers at a provider whom nobody here knows yet."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.clients import ClientAnswer, client_answer
from app.books.inputs import Id, Input, Reference
from app.db import clients, suggestions
from app.edge import paging
from app.edge.deps import BellDep, FirmReads, FirmSession, Member, Viewer
from app.edge.lean import LeanRoute
from app.edge.models import Answer, Moment, PageQuery, PathId
from app.edge.problems import may_raise
from app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from app.sync import suggesting

router = APIRouter(
    prefix="/api/v1/accounting/client-suggestions",
    tags=["books"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class Guess(Answer):
    """The client it may be, and what speaks for it."""

    client_id: int
    name: str
    reason: Literal["same_email", "same_name", "same_company"]


class ClientSuggestionAnswer(Answer):
    """A customer there that is linked to no client here; `match` is the client it may be."""

    id: int
    connection: int
    external_id: str
    name: str
    email: str
    phone: str
    company_name: str
    dismissed: bool
    match: Guess | None
    updated_at: Moment


class ClientSuggestionPage(Answer):
    """One page of suggestions."""

    items: list[ClientSuggestionAnswer]
    next: str | None


class SuggestionQuery(PageQuery):
    """Which suggestions."""

    connection_id: Id | None = None
    dismissed: bool = False


class MatchIn(Input):
    """The client of ours that it is, by id or external reference."""

    client_id: Id | None = None
    client_ref: Reference | None = Field(None, description="The client's `external_ref`, instead of `client_id`.")


@router.get("", operation_id="client_suggestion_list")
async def list_suggestions(
    session: FirmReads, principal: Viewer, query: Annotated[SuggestionQuery, Query()]
) -> ClientSuggestionPage:
    """Customers pulled that are linked to no client, in order of id."""
    rows = await suggestions.page(
        session,
        principal.firm_id,
        connection_id=query.connection_id,
        dismissed=query.dismissed,
        after=paging.decode(query.cursor),
        limit=query.limit + 1,
    )
    shown, following = paging.split(rows, query.limit)
    return ClientSuggestionPage(items=[_answer(row) for row in shown], next=following)


@router.post("/{suggestion_id}/match", operation_id="client_suggestion_match", responses=may_raise(NotFound, Conflict))
async def match(
    suggestion_id: PathId, body: MatchIn, session: FirmSession, principal: Member, bell: BellDep
) -> ClientAnswer:
    """It is this client of ours: link the two. What is empty here is filled from there; nothing is overwritten."""
    if (body.client_id is None) == (body.client_ref is None):
        raise Invalid("Name the client by client_id or by client_ref, one of them.", code="client_missing")
    ids = [body.client_id] if body.client_id is not None else []
    refs = [body.client_ref] if body.client_ref is not None else []
    rows = await clients.resolve(session, principal.firm_id, ids, refs)
    if not rows:
        raise NotFound("There is no such client.", record={"kind": "client", "id": body.client_id or body.client_ref})
    client_id = rows[0].id
    bell |= await suggesting.match(session, principal.firm_id, suggestion_id, client_id, actor=principal.subject)
    return client_answer(await clients.get(session, principal.firm_id, client_id))


@router.post(
    "/{suggestion_id}/create", operation_id="client_suggestion_create", status_code=201, responses=may_raise(NotFound)
)
async def create(suggestion_id: PathId, session: FirmSession, principal: Member) -> ClientAnswer:
    """It is a client we do not have: make one, linked to it."""
    client_id = await suggesting.create(session, principal.firm_id, suggestion_id, actor=principal.subject)
    return client_answer(await clients.get(session, principal.firm_id, client_id))


@router.post(
    "/{suggestion_id}/dismiss",
    operation_id="client_suggestion_dismiss",
    status_code=204,
    responses=may_raise(NotFound),
)
async def dismiss(suggestion_id: PathId, session: FirmSession, principal: Member) -> None:
    """It is nobody of ours: suggest it no more."""
    await suggesting.dismiss(session, principal.firm_id, suggestion_id, actor=principal.subject)


def _answer(row: Any) -> ClientSuggestionAnswer:
    customer = row.record.get("customer", {})
    guess = None if row.client_id is None else Guess(client_id=row.client_id, name=row.client_name, reason=row.reason)
    return ClientSuggestionAnswer(
        id=row.id,
        connection=row.connection_id,
        external_id=row.external_id,
        name=row.record.get("name", ""),
        email=customer.get("email", ""),
        phone=customer.get("phone", ""),
        company_name=customer.get("company_name", ""),
        dismissed=row.dismissed,
        match=guess,
        updated_at=row.updated_at,
    )
