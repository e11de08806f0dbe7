"""`/api/export/{quickbooks,xero}`: the books as files of the providers' import formats."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from app.canonical import ProviderName
from app.edge.deps import Member, RuntimeDep
from app.edge.exported import HEADERS, QuickBooksQuery, XeroQuery, exported
from app.edge.files import FileAnswer
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated
from app.files.exporting import MEDIA_TYPES

router = APIRouter(tags=["files"], responses=may_raise(Unauthenticated, Forbidden, Invalid, NotFound))
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            media_type.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for media_type in MEDIA_TYPES.values()
        },
        "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()},
    }
}


@router.post("/api/export/quickbooks", operation_id="export_quickbooks", responses=_FILE, response_class=Response)
async def export_quickbooks(
    runtime: RuntimeDep, principal: Member, query: Annotated[QuickBooksQuery, Query()]
) -> FileAnswer:
    """Journal entries (or accounts, clients, invoices) as QuickBooks imports them. Needs no connection.

    A file is written and checked as a whole before its first byte is sent: what the format cannot hold is refused
    with a list, and what had to be altered is listed in the export's log. The same call gives the same file again.
    """
    wish = query.wish(ProviderName.quickbooks, query.format)
    return await exported(runtime, principal.firm_id, wish, principal.subject)


@router.post("/api/export/xero", operation_id="export_xero", responses=_FILE, response_class=Response)
async def export_xero(runtime: RuntimeDep, principal: Member, query: Annotated[XeroQuery, Query()]) -> FileAnswer:
    """Manual journals (or accounts, clients, invoices) as Xero imports them; otherwise as for QuickBooks."""
    return await exported(runtime, principal.firm_id, query.wish(ProviderName.xero, query.format), principal.subject)
