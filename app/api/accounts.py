"""`/api/v1/accounting/accounts`: the firm's own chart of accounts."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Discriminator, Field, Tag

from app.api.batches import BATCH, ONE, BatchAnswer, batch_answer, which
from app.books import accounts as books
from app.books.account_types import AccountType
from app.books.inputs import MAX_ITEMS, Code, Input, Line, Reference, Word
from app.books.ledger_inputs import AccountIn
from app.db import accounts
from app.edge import paging
from app.edge.deps import FirmReads, FirmSession, Member, Viewer
from app.edge.exact import ExactRoute
from app.edge.models import Answer, Moment, PageQuery, PathId
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting/accounts",
    tags=["books"],
    route_class=ExactRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class AccountBatch(Input):
    """Up to 1,000 accounts; all are stored, or none."""

    items: Annotated[list[AccountIn], Field(min_length=1, max_length=MAX_ITEMS)]


AccountBody = Annotated[Annotated[AccountBatch, Tag(BATCH)] | Annotated[AccountIn, Tag(ONE)], Discriminator(which)]


class AccountAnswer(Answer):
    """An account. `type` is `class.subtype`."""

    id: int
    external_ref: str | None
    code: str
    name: str
    type: AccountType
    parent_code: str
    currency: str
    description: str
    active: bool
    revision: int
    created_at: Moment
    updated_at: Moment


class AccountPage(Answer):
    """One page of accounts."""

    items: list[AccountAnswer]
    next: str | None


class AccountQuery(PageQuery):
    """Which accounts."""

    external_ref: Reference | None = None
    code: Code | None = None
    type: AccountType | None = None
    parent_code: Word | None = None
    active: bool | None = None
    search: Line | None = Field(None, description="A part of code or name.")


@router.post("", operation_id="account_upsert", responses={201: {"model": AccountAnswer}})
async def upsert(
    body: AccountBody, response: Response, session: FirmSession, principal: Member
) -> AccountAnswer | BatchAnswer:
    """Create or change one account, or up to 1,000 with `items`, named by `id`, `external_ref` or `code`."""
    single = isinstance(body, AccountIn)
    items = [body] if isinstance(body, AccountIn) else body.items
    saved = await books.save_accounts(session, principal.firm_id, items, single=single)
    if not single:
        return batch_answer(saved.outcomes)
    response.status_code = 201 if saved.outcomes[0].result == "created" else 200
    return AccountAnswer.model_validate(await accounts.get(session, principal.firm_id, saved.outcomes[0].id))


@router.get("", operation_id="account_list")
async def list_accounts(session: FirmReads, principal: Viewer, query: Annotated[AccountQuery, Query()]) -> AccountPage:
    """Accounts in order of id."""
    filters = accounts.Filters(**query.model_dump(exclude={"cursor", "limit"}))
    after = paging.decode(query.cursor)
    rows = await accounts.page(session, principal.firm_id, filters, after=after, limit=query.limit + 1)
    shown, following = paging.split(rows, query.limit)
    return AccountPage(items=[AccountAnswer.model_validate(row) for row in shown], next=following)


@router.get("/{account_id}", operation_id="account_get", responses=may_raise(NotFound))
async def get(account_id: PathId, session: FirmReads, principal: Viewer) -> AccountAnswer:
    """One account."""
    return AccountAnswer.model_validate(await accounts.get(session, principal.firm_id, account_id))


@router.post("/{account_id}/archive", operation_id="account_archive", responses=may_raise(NotFound))
async def archive(account_id: PathId, session: FirmSession, principal: Member) -> AccountAnswer:
    """Make an account inactive."""
    await books.archive_account(session, principal.firm_id, account_id, actor=principal.subject)
    return AccountAnswer.model_validate(await accounts.get(session, principal.firm_id, account_id))
