"""`/api/v1/accounting/invoice-mappings` and `customer-mappings`: what became of each record in each company."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from app.canonical import Kind
from app.db import mappings
from app.edge import paging
from app.edge.deps import FirmSession, Viewer
from app.edge.models import PathId
from app.edge.problems import may_raise
from app.edge.sync_answers import CustomerMappingAnswer, InvoiceMappingAnswer, mapping_answer
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting", tags=["mappings"], responses=may_raise(Unauthenticated, Forbidden, Invalid)
)
ConnectionFilter = Annotated[int | None, Query(ge=1, le=paging.MAX_ID)]
StatusFilter = Annotated[Literal["synced", "pending", "error"] | None, Query()]


@router.get("/invoice-mappings", operation_id="invoice_mapping_list")
async def list_invoice_mappings(  # noqa: PLR0913, PLR0917  (each query parameter is one)
    request: Request,
    response: Response,
    session: FirmSession,
    principal: Viewer,
    cursor: paging.Cursor = None,
    limit: paging.Limit = 50,
    connection_id: ConnectionFilter = None,
    invoice_id: ConnectionFilter = None,
    sync_status: StatusFilter = None,
) -> list[InvoiceMappingAnswer]:
    """Invoice mappings in order of id; `Link: rel="next"` leads on."""
    rows = await mappings.page(
        session,
        principal.firm_id,
        Kind.invoice,
        after=paging.decode(cursor),
        limit=limit + 1,
        connection_id=connection_id,
        record_id=invoice_id,
        sync_status=sync_status,
    )
    shown, following = paging.split(rows, limit)
    paging.link_next(request, response, following)
    return [InvoiceMappingAnswer.model_validate(mapping_answer(Kind.invoice, row)) for row in shown]


@router.get("/invoice-mappings/{mapping_id}", operation_id="invoice_mapping_get", responses=may_raise(NotFound))
async def get_invoice_mapping(mapping_id: PathId, session: FirmSession, principal: Viewer) -> InvoiceMappingAnswer:
    """One invoice mapping."""
    row = await mappings.get(session, principal.firm_id, Kind.invoice, mapping_id)
    return InvoiceMappingAnswer.model_validate(mapping_answer(Kind.invoice, row))


@router.get("/customer-mappings", operation_id="customer_mapping_list")
async def list_customer_mappings(  # noqa: PLR0913, PLR0917  (each query parameter is one)
    request: Request,
    response: Response,
    session: FirmSession,
    principal: Viewer,
    cursor: paging.Cursor = None,
    limit: paging.Limit = 50,
    connection_id: ConnectionFilter = None,
    client_id: ConnectionFilter = None,
    sync_status: StatusFilter = None,
) -> list[CustomerMappingAnswer]:
    """Customer mappings in order of id; `Link: rel="next"` leads on."""
    rows = await mappings.page(
        session,
        principal.firm_id,
        Kind.customer,
        after=paging.decode(cursor),
        limit=limit + 1,
        connection_id=connection_id,
        record_id=client_id,
        sync_status=sync_status,
    )
    shown, following = paging.split(rows, limit)
    paging.link_next(request, response, following)
    return [CustomerMappingAnswer.model_validate(mapping_answer(Kind.customer, row)) for row in shown]


@router.get("/customer-mappings/{mapping_id}", operation_id="customer_mapping_get", responses=may_raise(NotFound))
async def get_customer_mapping(mapping_id: PathId, session: FirmSession, principal: Viewer) -> CustomerMappingAnswer:
    """One customer mapping."""
    row = await mappings.get(session, principal.firm_id, Kind.customer, mapping_id)
    return CustomerMappingAnswer.model_validate(mapping_answer(Kind.customer, row))
