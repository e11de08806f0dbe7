"""Account mappings for people: as a CSV down and up, what fits, what looks wrong."""

from typing import Annotated, Literal

from fastapi import APIRouter, File, Query, Response, UploadFile
from pydantic import BaseModel, ConfigDict

from app.api.importing import ImportAnswer, answer_of
from app.books import matching
from app.books.inputs import Id
from app.books.matching import Target
from app.db import code_mappings, connections, coverage, file_codes
from app.db.code_mappings import CodeKind
from app.db.session import Session
from app.edge.deps import BellDep, FirmSession, Member, RuntimeDep, Viewer
from app.edge.models import Answer, Provider
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated, Unsupported
from app.files import mapping_files, planning
from app.files.batches import Sent, refusal
from app.files.planning import Place

router = APIRouter(
    prefix="/api/v1/accounting/account-mappings",
    tags=["code mappings"],
    responses=may_raise(Unauthenticated, Forbidden, Invalid, NotFound),
)
_EVERY = 1_000_000


class WhereQuery(BaseModel):
    """Which company; without a connection the firm's live one, if it has one."""

    model_config = ConfigDict(extra="forbid")

    provider: Provider
    connection_id: Id | None = None


class AccountSuggestionAnswer(Answer):
    """A target for an account of ours that has none, and why."""

    internal_code: str
    internal_name: str
    type: str
    external_code: str
    external_name: str
    external_type: str
    confidence: Literal["certain", "likely", "possible"]
    reason: str


class Suggestions(Answer):
    """What fits. `known` says how many accounts of the company were pulled: without any, nothing can."""

    items: list[AccountSuggestionAnswer]
    known: int


class DoubtAnswer(Answer):
    """What looks wrong about a mapping."""

    mapping_id: int
    internal_code: str
    external_code: str
    code: str
    message: str


class Doubts(Answer):
    """All mappings that look wrong."""

    items: list[DoubtAnswer]
    known: int


@router.get(
    "/csv",
    operation_id="account_mapping_csv",
    response_class=Response,
    responses={200: {"description": "Every account of ours, with its target.", "content": {"text/csv": {}}}},
)
async def down(session: FirmSession, principal: Viewer, query: Annotated[WhereQuery, Query()]) -> Response:
    """The whole chart with its mappings, to be filled in and sent back."""
    place = await planning.place_of(session, principal.firm_id, query.provider, query.connection_id, None)
    text = await mapping_files.down(session, principal.firm_id, place)
    name = f"attachment; filename={query.provider}_account_mappings.csv"
    return Response(text, media_type="text/csv", headers={"Content-Disposition": name})


@router.put("/csv", operation_id="account_mapping_csv_set", responses=may_raise(Unsupported))
async def up(
    file: Annotated[UploadFile, File(description="The CSV, filled in.")],
    query: Annotated[WhereQuery, Query()],
    runtime: RuntimeDep,
    principal: Member,
    bell: BellDep,
) -> ImportAnswer:
    """Set what a CSV says, all or nothing; rows without a target stay as they are.

    With `connection_id` it holds for that connection alone. The rows at fault come back as a CSV from
    `import-batches/{import_id}/rejected`.
    """
    sent = Sent(query.provider, await file.read(), file.filename or "", principal.subject)
    async with runtime.db.firm(principal.firm_id) as session:
        place = await planning.place_of(session, principal.firm_id, query.provider, query.connection_id, None)
        override = query.connection_id is not None
        outcome = await mapping_files.up(session, principal.firm_id, place, sent, override=override)
    if outcome.state == "refused":
        raise refusal(outcome)
    bell |= outcome.woken
    return answer_of(outcome)


@router.get("/suggestions", operation_id="account_mapping_suggestions")
async def suggest(
    session: FirmSession, runtime: RuntimeDep, principal: Viewer, query: Annotated[WhereQuery, Query()]
) -> Suggestions:
    """Targets for the accounts without one, in the chart or in use, by number, name and kind; the pages say the same.

    Pull the company's accounts first.
    """
    firm_id = principal.firm_id
    place = await planning.place_of(session, firm_id, query.provider, query.connection_id, None)
    if place.connection_id is None:
        return Suggestions(items=[], known=0)
    connection = await connections.get(session, firm_id, place.connection_id)
    there = await _there(session, firm_id, place)
    today = runtime.clock().date()
    rows = await coverage.codes(session, firm_id, CodeKind.account, connection, today, most=_EVERY)
    found = matching.suggestions(rows, there)
    return Suggestions(items=[AccountSuggestionAnswer.model_validate(one) for one in found], known=len(there))


async def _there(session: Session, firm_id: int, place: Place) -> list[Target]:
    """The company's accounts as they were last pulled; none where there is no connection."""
    if place.connection_id is None:
        return []
    return matching.targets(await coverage.targets(session, firm_id, CodeKind.account, place.connection_id))


@router.get("/warnings", operation_id="account_mapping_warnings")
async def warn(session: FirmSession, principal: Viewer, query: Annotated[WhereQuery, Query()]) -> Doubts:
    """Mappings of archived accounts, to archived or unknown ones, to another kind, or several to one."""
    place = await planning.place_of(session, principal.firm_id, query.provider, query.connection_id, None)
    there = await _there(session, principal.firm_id, place)
    rows = await code_mappings.page(
        session,
        principal.firm_id,
        CodeKind.account,
        provider=place.provider,
        connection_id=query.connection_id,
        after=None,
        limit=_EVERY,
    )
    chart = {row.code: row for row in await file_codes.chart(session, principal.firm_id)}
    found = matching.warnings(rows, chart, there)
    return Doubts(items=[DoubtAnswer.model_validate(one) for one in found], known=len(there))
