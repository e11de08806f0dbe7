"""`/api/v1/accounting/invoice-mappings` and `customer-mappings`: what became of each record in each company."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from app.books.inputs import Id
from app.canonical import Kind
from app.db import mappings
from app.edge import paging
from app.edge.deps import FirmReads, Viewer
from app.edge.lean import LeanRoute
from app.edge.models import PageQuery, PathId
from app.edge.problems import may_raise
from app.edge.sync_answers import CustomerMappingAnswer, InvoiceMappingAnswer, mapping_answer
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting",
    tags=["mappings"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class MappingQuery(PageQuery):
    """Which mappings of either kind."""

    connection_id: Id | None = None
    sync_status: Literal["synced", "pending", "error"] | None = None


class InvoiceMappingQuery(MappingQuery):
    """Which invoice mappings."""

    invoice_id: Id | None = None


class CustomerMappingQuery(MappingQuery):
    """Which customer mappings."""

    client_id: Id | None = None


@router.get("/invoice-mappings", operation_id="invoice_mapping_list")
async def list_invoice_mappings(
    request: Request,
    response: Response,
    session: FirmReads,
    principal: Viewer,
    query: Annotated[InvoiceMappingQuery, Query()],
) -> list[InvoiceMappingAnswer]:
    """Invoice mappings in order of id; `Link: rel="next"` leads on."""
    rows = await mappings.page(
        session,
        principal.firm_id,
        Kind.invoice,
        after=paging.decode(query.cursor),
        limit=query.limit + 1,
        connection_id=query.connection_id,
        record_id=query.invoice_id,
        sync_status=query.sync_status,
    )
    shown, following = paging.split(rows, query.limit)
    paging.link_next(request, response, following)
    return [InvoiceMappingAnswer.model_validate(mapping_answer(Kind.invoice, row)) for row in shown]


@router.get("/invoice-mappings/{mapping_id}", operation_id="invoice_mapping_get", responses=may_raise(NotFound))
async def get_invoice_mapping(mapping_id: PathId, session: FirmReads, principal: Viewer) -> InvoiceMappingAnswer:
    """One invoice mapping."""
    row = await mappings.get(session, principal.firm_id, Kind.invoice, mapping_id)
    return InvoiceMappingAnswer.model_validate(mapping_answer(Kind.invoice, row))


@router.get("/customer-mappings", operation_id="customer_mapping_list")
async def list_customer_mappings(
    request: Request,
    response: Response,
    session: FirmReads,
    principal: Viewer,
    query: Annotated[CustomerMappingQuery, Query()],
) -> list[CustomerMappingAnswer]:
    """Customer mappings in order of id; `Link: rel="next"` leads on."""
    rows = await mappings.page(
        session,
        principal.firm_id,
        Kind.customer,
        after=paging.decode(query.cursor),
        limit=query.limit + 1,
        connection_id=query.connection_id,
        record_id=query.client_id,
        sync_status=query.sync_status,
    )
    shown, following = paging.split(rows, query.limit)
    paging.link_next(request, response, following)
    return [CustomerMappingAnswer.model_validate(mapping_answer(Kind.customer, row)) for row in shown]


@router.get("/customer-mappings/{mapping_id}", operation_id="customer_mapping_get", responses=may_raise(NotFound))
async def get_customer_mapping(mapping_id: PathId, session: FirmReads, principal: Viewer) -> CustomerMappingAnswer:
    """One customer mapping."""
    row = await mappings.get(session, principal.firm_id, Kind.customer, mapping_id)
    return CustomerMappingAnswer.model_validate(mapping_answer(Kind.customer, row))
