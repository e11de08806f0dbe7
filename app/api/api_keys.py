"""`/api/v1/accounting/api-keys`: the firm's own keys. A key is shown once, when it is made."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from app.books.inputs import Input, Line
from app.crypto import digest
from app.db import api_keys, audit
from app.db.session import Session
from app.edge.deps import Admin, FirmSession, RuntimeDep
from app.edge.models import Answer, Moment, PathId
from app.edge.principals import Principal, Role, key_prefix, make_key
from app.edge.problems import may_raise
from app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from app.runtime import Runtime

router = APIRouter(
    prefix="/api/v1/accounting/api-keys",
    tags=["api keys"],
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)
MOST_KEYS = 200


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
async def list_keys(session: FirmSession, principal: Admin) -> KeyList:
    """The firm's keys."""
    return KeyList(items=[_answer(row) for row in await api_keys.of_firm(session, principal.firm_id)])


@router.post("", operation_id="api_key_create", status_code=201, responses=may_raise(Conflict))
async def create(body: KeyIn, session: FirmSession, runtime: RuntimeDep, principal: Admin) -> NewKey:
    """Make a key. It is shown in this answer and never again."""
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        raise Invalid("The key would have expired already.", code="expires_in_the_past")
    return await _make(session, runtime, principal, body.name, body.role, body.expires_at)


@router.post(
    "/{key_id}/rotate", operation_id="api_key_rotate", status_code=201, responses=may_raise(NotFound, Conflict)
)
async def rotate(
    key_id: PathId, session: FirmSession, runtime: RuntimeDep, principal: Admin, body: RotateIn | None = None
) -> NewKey:
    """Make a key like this one; the old one counts for a while yet, so that callers can change over."""
    old = await _active(session, principal.firm_id, key_id)
    until = datetime.now(UTC) + timedelta(minutes=(body or RotateIn()).grace_minutes)
    if old.expires_at is None or old.expires_at > until:
        await api_keys.expire(session, principal.firm_id, key_id, until)
    await _told(session, principal, "rotated", key_id, {"until": until.isoformat()})
    return await _make(session, runtime, principal, old.name, Role(old.role), old.expires_at)


@router.post("/{key_id}/revoke", operation_id="api_key_revoke", responses=may_raise(NotFound))
async def revoke(key_id: PathId, session: FirmSession, principal: Admin) -> KeyAnswer:
    """Make a key useless from the next request on."""
    await api_keys.revoke(session, principal.firm_id, key_id)
    await _told(session, principal, "revoked", key_id, {})
    return _answer(await api_keys.get(session, principal.firm_id, key_id))


async def _make(
    session: Session, runtime: Runtime, principal: Principal, name: str, role: Role, expires_at: datetime | None
) -> NewKey:
    known = await api_keys.of_firm(session, principal.firm_id)
    if sum(_state(row) == "active" for row in known) >= MOST_KEYS:
        raise Conflict(f"A firm has at most {MOST_KEYS} keys in use.", code="too_many_keys", fix="Revoke some.")
    key = make_key(runtime.settings.key_environment)
    key_id = await api_keys.create(
        session,
        principal.firm_id,
        name=name,
        prefix=key_prefix(key),
        key_hash=digest(key),
        role=role.value,
        expires_at=expires_at,
    )
    await _told(session, principal, "created", key_id, {"name": name, "role": role.value})
    row = await api_keys.get(session, principal.firm_id, key_id)
    return NewKey(**_answer(row).model_dump(), key=key)


async def _active(session: Session, firm_id: int, key_id: int) -> Any:
    row = await api_keys.get(session, firm_id, key_id)
    if _state(row) != "active":
        raise Conflict(f"This key is {_state(row)}.", code="key_not_active", record={"kind": "api_key", "id": key_id})
    return row


async def _told(session: Session, principal: Principal, word: str, key_id: int, details: dict[str, Any]) -> None:
    await audit.record(
        session,
        principal.firm_id,
        actor=principal.subject,
        action=f"api_key.{word}",
        subject=f"api_key:{key_id}",
        details=details,
    )


def _state(row: Any) -> Literal["active", "expired", "revoked"]:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= datetime.now(UTC) else "active"


def _answer(row: Any) -> KeyAnswer:
    return KeyAnswer.model_validate({**row._mapping, "state": _state(row)})  # noqa: SLF001  SQLAlchemy's own name for it
