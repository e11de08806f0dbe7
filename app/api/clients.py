"""`/api/v1/accounting/clients`: the firm's own customers."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Discriminator, Field, Tag

from app.api.batches import BATCH, ONE, BatchAnswer, batch_answer, which
from app.books import clients as books
from app.books.inputs import MAX_ITEMS, ClientIn, Id, Input, Line, Reference
from app.db import clients
from app.edge import paging
from app.edge.deps import BellDep, FirmReads, FirmSession, Member, Viewer
from app.edge.exact import ExactRoute
from app.edge.models import Answer, Moment, PageQuery, PathId, Since
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting/clients",
    tags=["books"],
    route_class=ExactRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class ClientBatch(Input):
    """Up to 1,000 clients; all are stored, or none."""

    items: Annotated[list[ClientIn], Field(min_length=1, max_length=MAX_ITEMS)]


ClientBody = Annotated[Annotated[ClientBatch, Tag(BATCH)] | Annotated[ClientIn, Tag(ONE)], Discriminator(which)]


class AddressAnswer(Answer):
    """A postal address; empty strings where unknown."""

    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str


class ClientAnswer(Answer):
    """A client. `revision` counts changes a provider would see; `connection_id` is its home, if it has its own."""

    id: int
    external_ref: str | None
    name: str
    email: str
    phone: str
    company_name: str
    currency: str
    tax_number: str
    billing_address: AddressAnswer
    notes: str
    active: bool
    connection_id: int | None
    revision: int
    changed_since_sync: bool
    created_at: Moment
    updated_at: Moment


class ClientPage(Answer):
    """One page of clients."""

    items: list[ClientAnswer]
    next: str | None


class ClientQuery(PageQuery):
    """Which clients."""

    external_ref: Reference | None = None
    search: Line | None = Field(None, description="A part of name, company or e-mail.")
    active: bool | None = None
    connection_id: Id | None = None
    updated_since: Since | None = None


_NO_ADDRESS = dict.fromkeys(AddressAnswer.model_fields, "")


def client_answer(row: Any) -> ClientAnswer:
    """A client as callers see it."""
    return ClientAnswer.model_validate(_shown(row))


def _shown(row: Any) -> dict[str, Any]:
    values = {**row._mapping}  # noqa: SLF001  SQLAlchemy's own name for it
    values["billing_address"] = {**_NO_ADDRESS, **address} if (address := values["billing_address"]) else _NO_ADDRESS
    return values


@router.post("", operation_id="client_upsert", responses={201: {"model": ClientAnswer}})
async def upsert(
    body: ClientBody, response: Response, session: FirmSession, principal: Member, bell: BellDep
) -> ClientAnswer | BatchAnswer:
    """Create or change one client, or up to 1,000 with `items`. A record is named by `id` or `external_ref`."""
    single = isinstance(body, ClientIn)
    items = [body] if isinstance(body, ClientIn) else body.items
    saved = await books.save_clients(session, principal.firm_id, items, single=single)
    bell |= saved.connections
    if not single:
        return batch_answer(saved.outcomes)
    response.status_code = 201 if saved.outcomes[0].result == "created" else 200
    return client_answer(await clients.get(session, principal.firm_id, saved.outcomes[0].id))


@router.get("", operation_id="client_list")
async def list_clients(session: FirmReads, principal: Viewer, query: Annotated[ClientQuery, Query()]) -> ClientPage:
    """Clients in order of id."""
    filters = clients.Filters(**query.model_dump(exclude={"cursor", "limit"}))
    after = paging.decode(query.cursor)
    rows = await clients.page(session, principal.firm_id, filters, after=after, limit=query.limit + 1)
    shown, following = paging.split(rows, query.limit)
    return ClientPage.model_validate({"items": [_shown(row) for row in shown], "next": following})


@router.get("/{client_id}", operation_id="client_get", responses=may_raise(NotFound))
async def get(client_id: PathId, session: FirmReads, principal: Viewer) -> ClientAnswer:
    """One client."""
    return client_answer(await clients.get(session, principal.firm_id, client_id))


@router.post("/{client_id}/archive", operation_id="client_archive", responses=may_raise(NotFound))
async def archive(client_id: PathId, session: FirmSession, principal: Member, bell: BellDep) -> ClientAnswer:
    """Make a client inactive, here and at its home."""
    bell |= await books.archive_client(session, principal.firm_id, client_id, actor=principal.subject)
    return client_answer(await clients.get(session, principal.firm_id, client_id))
