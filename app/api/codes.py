"""`/api/v1/accounting/{account,tax,item}-mappings`: our codes → a provider's."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AliasChoices, Field

from app.books.codes import map_codes
from app.books.inputs import Code, Id, Input, Line
from app.canonical import ProviderName
from app.db import code_mappings
from app.db.code_mappings import CodeKind
from app.edge import paging
from app.edge.deps import BellDep, FirmReads, FirmSession, Member, Viewer
from app.edge.lean import LeanRoute
from app.edge.models import Answer, Moment, PageQuery, PathId, Provider
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting",
    tags=["code mappings"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class CodeIn(Input):
    """One code. `xero_code` is accepted for `external_code`."""

    internal_code: Code
    external_code: Code = Field(
        validation_alias=AliasChoices("external_code", "xero_code"), description="The provider's code or id."
    )
    external_name: Line = ""


class CodesIn(Input):
    """Codes to set; those not named stay. With `connection_id` they hold for that connection alone."""

    provider: Provider
    connection_id: Id | None = None
    items: Annotated[list[CodeIn], Field(min_length=1, max_length=1000)]


class CodeAnswer(Answer):
    """One mapping. For Xero, `xero_code` repeats `external_code`."""

    id: int
    provider: ProviderName
    connection_id: int | None
    internal_code: str
    external_code: str
    external_name: str
    xero_code: str | None = None
    created_at: Moment
    updated_at: Moment


class CodePage(Answer):
    """One page of mappings."""

    items: list[CodeAnswer]
    next: str | None


class CodeQuery(PageQuery):
    """Which mappings; with a connection, its own overrides alone."""

    provider: Provider | None = None
    connection_id: Id | None = None


def _answer(row: Any) -> CodeAnswer:
    answer = CodeAnswer.model_validate(row)
    return answer.model_copy(update={"xero_code": row.external_code}) if answer.provider == "xero" else answer


def _add(kind: CodeKind) -> None:
    """The three routes of one kind; they differ in the path alone."""
    path = f"/{kind}-mappings"

    @router.get(path, operation_id=f"{kind}_mapping_list")
    async def list_codes(session: FirmReads, principal: Viewer, query: Annotated[CodeQuery, Query()]) -> CodePage:
        """Mappings in order of id."""
        rows = await code_mappings.page(
            session,
            principal.firm_id,
            kind,
            provider=query.provider,
            connection_id=query.connection_id,
            after=paging.decode(query.cursor),
            limit=query.limit + 1,
        )
        shown, following = paging.split(rows, query.limit)
        return CodePage(items=[_answer(row) for row in shown], next=following)

    @router.put(path, operation_id=f"{kind}_mapping_set", responses=may_raise(NotFound))
    async def put(body: CodesIn, session: FirmSession, principal: Member, bell: BellDep) -> CodePage:
        """Set up to 1,000 codes. Records that were refused for want of one are owed again."""
        _refuse_twice(body)
        targets = [(item.internal_code, item.external_code, item.external_name) for item in body.items]
        asked = (session, principal.firm_id, kind, body.provider, body.connection_id)
        rows, woken = await map_codes(*asked, targets)
        bell |= woken
        return CodePage(items=[_answer(row) for row in rows], next=None)

    @router.delete(
        f"{path}/{{mapping_id}}", operation_id=f"{kind}_mapping_delete", status_code=204, responses=may_raise(NotFound)
    )
    async def delete(mapping_id: PathId, session: FirmSession, principal: Member) -> None:
        """Forget one mapping."""
        await code_mappings.remove(session, principal.firm_id, kind, mapping_id)


for _kind in CodeKind:
    _add(_kind)


def _refuse_twice(body: CodesIn) -> None:
    seen: set[str] = set()
    errors = []
    for index, item in enumerate(body.items):
        if item.internal_code in seen:
            message = f"The code {item.internal_code!r} stands twice in this request."
            errors.append(
                {"pointer": f"/items/{index}/internal_code", "code": "duplicate_in_request", "message": message}
            )
        seen.add(item.internal_code)
    if errors:
        raise Invalid(str(errors[0]["message"]), code="duplicate_in_request", errors=errors)
