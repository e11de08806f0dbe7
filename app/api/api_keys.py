"""`/api/v1/accounting/api-keys`: the firm's own keys. A key is shown once, when it is made."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from app.books.inputs import Input, Line
from app.db import api_keys
from app.edge import keys
from app.edge.deps import Admin, FirmReads, FirmSession, RuntimeDep
from app.edge.lean import LeanRoute
from app.edge.models import Answer, Moment, PathId
from app.edge.principals import Role
from app.edge.problems import may_raise
from app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting/api-keys",
    tags=["api keys"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class KeyAnswer(Answer):
    """A key as lists show it: never the key itself."""

    id: int
    name: str
    prefix: str
    role: Role
    state: Literal["active", "expired", "revoked"]
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None


class NewKey(KeyAnswer):
    """A key that was just made; `key` is shown this once."""

    key: str


class KeyList(Answer):
    """All keys of the firm, oldest first."""

    items: list[KeyAnswer]


class KeyIn(Input):
    """What a key is for, what it may do, and until when."""

    name: Annotated[Line, Field(min_length=1)]
    role: Role = Role.member
    expires_at: AwareDatetime | None = None


class RotateIn(Input):
    """How long the old key still counts."""

    grace_minutes: Annotated[int, Field(ge=0, le=7 * 24 * 60)] = 60


@router.get("", operation_id="api_key_list")
async def list_keys(session: FirmReads, principal: Admin) -> KeyList:
    """The firm's keys."""
    return KeyList(items=[key_answer(row) for row in await api_keys.of_firm(session, principal.firm_id)])


@router.post("", operation_id="api_key_create", status_code=201, responses=may_raise(Conflict))
async def create(body: KeyIn, session: FirmSession, runtime: RuntimeDep, principal: Admin) -> NewKey:
    """Make a key. It is shown in this answer and never again."""
    environment = runtime.settings.key_environment
    return new_key(*await keys.create(session, environment, principal, body.name, body.role, body.expires_at))


@router.post(
    "/{key_id}/rotate", operation_id="api_key_rotate", status_code=201, responses=may_raise(NotFound, Conflict)
)
async def rotate(
    key_id: PathId, session: FirmSession, runtime: RuntimeDep, principal: Admin, body: RotateIn | None = None
) -> NewKey:
    """Make a key like this one; the old one counts for a while yet, so that callers can change over."""
    grace = timedelta(minutes=(body or RotateIn()).grace_minutes)
    return new_key(*await keys.rotate(session, runtime.settings.key_environment, principal, key_id, grace))


@router.post("/{key_id}/revoke", operation_id="api_key_revoke", responses=may_raise(NotFound))
async def revoke(key_id: PathId, session: FirmSession, principal: Admin) -> KeyAnswer:
    """Make a key useless from the next request on."""
    return key_answer(await keys.revoke(session, principal, key_id))


def new_key(row: Any, key: str) -> NewKey:
    """A key that was just made, with the key itself."""
    return NewKey(**key_answer(row).model_dump(), key=key)


def key_answer(row: Any) -> KeyAnswer:
    """A key's row as it is shown."""
    return KeyAnswer.model_validate({**row._mapping, "state": keys.state(row)})  # noqa: SLF001  SQLAlchemy's own name for it
