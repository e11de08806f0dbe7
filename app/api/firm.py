"""`/api/v1/accounting/firm`: the caller's firm and its defaults."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from app.books import firm
from app.books.inputs import Id, Input, Name, Word
from app.db import firms
from app.edge import etags
from app.edge.deps import Admin, BellDep, FirmReads, FirmSession, Viewer
from app.edge.etags import IfMatch
from app.edge.lean import LeanRoute
from app.edge.models import Answer, Moment
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, PreconditionFailed, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting/firm",
    tags=["firm"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden),
)

UpdatePolicy = Literal["none", "customers", "all"]


class FirmAnswer(Answer):
    """A firm. `update_policy`: which changes of records that were already pushed are pushed too."""

    id: int
    name: str
    sync_enabled: bool
    frequency_minutes: int
    update_policy: UpdatePolicy
    time_zone: str
    default_connection_id: int | None
    created_at: Moment
    updated_at: Moment


class FirmChange(Input):
    """What to change; fields not sent stay. `sync_enabled: false` pauses all automatic work of the firm."""

    name: Name = ""
    sync_enabled: bool = True
    frequency_minutes: Annotated[int, Field(ge=5, le=1440)] = 60
    update_policy: UpdatePolicy = "customers"
    time_zone: Word = Field("UTC", examples=["America/New_York"])
    default_connection_id: Id | None = None


@router.get("", operation_id="firm_get")
async def get(session: FirmReads, principal: Viewer, response: Response) -> FirmAnswer:
    """The caller's firm."""
    row = await firms.get(session, principal.firm_id)
    response.headers["ETag"] = etags.tag_of(row.id, row.updated_at)
    return FirmAnswer.model_validate(row)


@router.patch("", operation_id="firm_change", responses=may_raise(Invalid, PreconditionFailed))
async def change(
    body: FirmChange,
    session: FirmSession,
    principal: Admin,
    bell: BellDep,
    response: Response,
    if_match: IfMatch = None,
) -> FirmAnswer:
    """Change the firm's defaults."""
    before = await firms.get(session, principal.firm_id, lock=True)
    etags.check(if_match, before.id, before.updated_at)
    given = body.model_dump(exclude_unset=True)
    bell |= await firm.change(session, principal.firm_id, given, actor=principal.subject)
    row = await firms.get(session, principal.firm_id)
    response.headers["ETag"] = etags.tag_of(row.id, row.updated_at)
    return FirmAnswer.model_validate(row)
