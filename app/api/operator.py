"""`/api/v1/operator`: what the operator of the service does across firms. It mostly looks.

Changes go through the use cases that firms themselves have, in a transaction of the firm concerned, and into its audit.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.api_keys import KeyAnswer, KeyIn, KeyList, NewKey, RotateIn, key_answer, new_key
from app.api.webhook_events import EventState
from app.books.inputs import Id, Input, Name, Word
from app.canonical import ProviderName
from app.db import api_keys, audit, firms, operating, wakeups
from app.edge import keys, paging
from app.edge.connection_answers import Status
from app.edge.deps import RuntimeDep
from app.edge.models import Answer, Moment, PageQuery, PathId
from app.edge.operating import PREFIX, OperatorDep
from app.edge.problems import may_raise
from app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from app.sync import replaying

router = APIRouter(prefix=PREFIX, tags=["operator"], responses=may_raise(Unauthenticated, Forbidden, Invalid))


class TenantAnswer(Answer):
    """A firm, as its operator sees it."""

    id: int
    name: str
    time_zone: str
    sync_enabled: bool
    created_at: Moment


class TenantPage(Answer):
    """One page of firms."""

    items: list[TenantAnswer]
    next: str | None


class TenantIn(Input):
    """A new firm. `time_zone` decides what today is there."""

    name: Name
    time_zone: Word = "UTC"


class ServedAnswer(Answer):
    """A connection of some firm: enough to see whether it works."""

    id: int
    firm_id: int
    provider: ProviderName
    company_name: str
    status: Status
    error_code: str
    error_message: str
    sync_enabled: bool
    connected_at: Moment


class ServedPage(Answer):
    """One page of connections."""

    items: list[ServedAnswer]
    next: str | None


class ServedQuery(PageQuery):
    """Which connections."""

    firm_id: Id | None = None
    status: Status | None = None


class ReplayAcross(Input):
    """Which events to look at again: of all firms, or of those named, at most 1,000."""

    state: EventState = "parked"
    firm_ids: Annotated[list[Id], Field(min_length=1, max_length=1_000)] | None = None


class ReplayedAcross(Answer):
    """How many events are looked at again, in all and by firm."""

    count: int
    firms: dict[int, int]


@router.get("/firms", operation_id="operator_firm_list")
async def list_firms(runtime: RuntimeDep, _operator: OperatorDep, query: Annotated[PageQuery, Query()]) -> TenantPage:
    """All firms, newest first."""
    async with runtime.db.operator() as session:
        rows = await operating.firms_page(session, after=paging.decode(query.cursor), limit=query.limit + 1)
    shown, following = paging.split(rows, query.limit)
    return TenantPage(items=[TenantAnswer.model_validate(row) for row in shown], next=following)


@router.post("/firms", operation_id="operator_firm_create", status_code=201)
async def create_firm(body: TenantIn, runtime: RuntimeDep, operator: OperatorDep) -> TenantAnswer:
    """Make a firm. It has no key yet."""
    async with runtime.db.system() as session:
        if not await firms.is_time_zone(session, body.time_zone):
            raise Invalid(
                f"{body.time_zone!r} is no time zone; use a name such as Europe/Paris.", code="time_zone_unknown"
            )
        firm_id = await firms.create(session, name=body.name, time_zone=body.time_zone)
        await audit.record(session, firm_id, actor=operator.actor, action="firm.created", subject="firm")
        return TenantAnswer.model_validate(await firms.get(session, firm_id))


@router.get("/connections", operation_id="operator_connection_list")
async def list_connections(
    runtime: RuntimeDep, _operator: OperatorDep, query: Annotated[ServedQuery, Query()]
) -> ServedPage:
    """Connections of all firms, newest first; `status=error` and `status=expired` are those that somebody must mend."""
    async with runtime.db.operator() as session:
        rows = await operating.connections_page(
            session,
            after=paging.decode(query.cursor),
            limit=query.limit + 1,
            firm_id=query.firm_id,
            status=query.status,
        )
    shown, following = paging.split(rows, query.limit)
    return ServedPage(items=[ServedAnswer.model_validate(row) for row in shown], next=following)


@router.get("/firms/{firm_id}/api-keys", operation_id="operator_key_list", responses=may_raise(NotFound))
async def list_keys(firm_id: PathId, runtime: RuntimeDep, _operator: OperatorDep) -> KeyList:
    """A firm's keys, never the keys themselves."""
    async with runtime.db.firm(firm_id) as session:
        await firms.get(session, firm_id)
        return KeyList(items=[key_answer(row) for row in await api_keys.of_firm(session, firm_id)])


@router.post(
    "/firms/{firm_id}/api-keys",
    operation_id="operator_key_create",
    status_code=201,
    responses=may_raise(NotFound, Conflict),
)
async def create_key(firm_id: PathId, body: KeyIn, runtime: RuntimeDep, operator: OperatorDep) -> NewKey:
    """Make a key for a firm. It is shown in this answer and never again."""
    environment = runtime.settings.key_environment
    async with runtime.db.firm(firm_id) as session:
        await firms.get(session, firm_id)
        made = await keys.create(session, environment, operator.within(firm_id), body.name, body.role, body.expires_at)
    return new_key(*made)


@router.post(
    "/firms/{firm_id}/api-keys/{key_id}/rotate",
    operation_id="operator_key_rotate",
    status_code=201,
    responses=may_raise(NotFound, Conflict),
)
async def rotate_key(
    firm_id: PathId, key_id: PathId, runtime: RuntimeDep, operator: OperatorDep, body: RotateIn | None = None
) -> NewKey:
    """Make a key like this one; the old one counts for a while yet."""
    grace = timedelta(minutes=(body or RotateIn()).grace_minutes)
    environment = runtime.settings.key_environment
    async with runtime.db.firm(firm_id) as session:
        made = await keys.rotate(session, environment, operator.within(firm_id), key_id, grace)
    return new_key(*made)


@router.post(
    "/firms/{firm_id}/api-keys/{key_id}/revoke", operation_id="operator_key_revoke", responses=may_raise(NotFound)
)
async def revoke_key(firm_id: PathId, key_id: PathId, runtime: RuntimeDep, operator: OperatorDep) -> KeyAnswer:
    """Make a firm's key useless from the next request on."""
    async with runtime.db.firm(firm_id) as session:
        return key_answer(await keys.revoke(session, operator.within(firm_id), key_id))


@router.post("/webhook-events/replay", operation_id="operator_event_replay")
async def replay(body: ReplayAcross, runtime: RuntimeDep, operator: OperatorDep) -> ReplayedAcross:
    """Look again at what events were about, in every firm that has such; each firm is a transaction of its own."""
    async with runtime.db.operator() as session:
        concerned = await operating.firms_with_events(session, body.state, body.firm_ids)
    counts: dict[int, int] = {}
    for firm_id in concerned:
        async with runtime.db.firm(firm_id) as session:
            count, woken = await replaying.replay(session, firm_id, state=body.state, actor=operator.actor)
        for connection_id in sorted(woken):
            await wakeups.wake(runtime.db, connection_id)
        if count:
            counts[firm_id] = count
    return ReplayedAcross(count=sum(counts.values()), firms=counts)
