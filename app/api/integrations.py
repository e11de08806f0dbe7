"""`/api/integrations`: the second brief document's view of connections, one entry per service."""

from collections.abc import Mapping
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from app import connections as journeys
from app.api.connections import caller_of
from app.books.inputs import Input, Opaque
from app.canonical import ProviderName
from app.db import connections
from app.db.connections import ConnectionRow, Owed
from app.edge.connection_answers import BegunAnswer
from app.edge.deps import Admin, FirmSession, RuntimeDep, Viewer
from app.edge.models import Answer, Moment, Provider
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, Misconfigured, Unauthenticated
from app.providers.registry import SPECS

router = APIRouter(
    prefix="/api/integrations",
    tags=["integrations"],
    responses=may_raise(Unauthenticated, Forbidden),
)


class Connect(Input):
    """Where the browser goes afterwards, and a state of the caller's own."""

    return_url: str = Field("", max_length=2000)
    state: Opaque = ""
    confirm_company_change: bool = False


class IntegrationAnswer(Answer):
    """One service. `sync_status`: error (somebody must act), pending (work is owed, or nothing ran yet) or success."""

    service: str
    connected: bool
    is_active: bool
    company_id: str | None = None
    company_name: str | None = None
    last_sync_at: Moment | None = None
    sync_status: Literal["success", "error", "pending"] | None = None
    error_message: str | None = None


@router.get("/status", operation_id="integration_status")
async def status(session: FirmSession, principal: Viewer) -> list[IntegrationAnswer]:
    """Every service, connected or not."""
    rows = {row.provider: row for row in await connections.page(session, principal.firm_id, limit=len(ProviderName))}
    owed = await connections.owed(session, principal.firm_id, [row.id for row in rows.values()])
    return [_answer(spec.alias, rows.get(spec.name), owed) for spec in SPECS.values()]


@router.post("/{provider}/connect", operation_id="integration_connect", responses=may_raise(Invalid, Misconfigured))
async def connect(
    provider: Provider, runtime: RuntimeDep, principal: Admin, body: Connect | None = None
) -> BegunAnswer:
    """Begin connecting: the same as `connections/initiate_oauth`."""
    asked = body or Connect()
    begun = await journeys.begin(
        runtime,
        caller_of(principal),
        provider,
        return_url=asked.return_url,
        caller_state=asked.state,
        confirm_company_change=asked.confirm_company_change,
    )
    return BegunAnswer.model_validate(begun)


def _answer(service: str, row: ConnectionRow | None, owed: Mapping[int, Owed]) -> IntegrationAnswer:
    if row is None:
        return IntegrationAnswer(service=service, connected=False, is_active=False)
    left = owed.get(row.id, Owed())
    synced = [row.last_invoice_sync_at, row.last_payment_sync_at, row.last_customer_sync_at]
    last = max((moment for moment in synced if moment is not None), default=None)
    message = row.error_message or (f"{left.failed} records need attention." if left.failed else "")
    state: Literal["success", "error", "pending"] = "success"
    if row.status != "active" or message:
        state = "error"
    elif left.count or last is None:
        state = "pending"
    return IntegrationAnswer(
        service=service,
        connected=True,
        is_active=row.status == "active",
        company_id=row.company_id,
        company_name=row.company_name,
        last_sync_at=last,
        sync_status=state,
        error_message=message or None,
    )
