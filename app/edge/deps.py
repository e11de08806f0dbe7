"""What routes ask for: the runtime, the caller, and a transaction of the caller's firm."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.db import wakeups
from app.db.reading import Reads
from app.db.session import Session
from app.edge.principals import Authenticator, Principal, Role
from app.errors import Unauthenticated
from app.runtime import Runtime

_log = structlog.get_logger(__name__)
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    bearerFormat="API key or JWT",
    description="An API key (`tieout_…`) or a JSON Web Token of your identity provider.",
)


# Dependencies are async even where they await nothing: FastAPI sends the others through its threads.
async def get_runtime(request: Request) -> Runtime:
    """The process's runtime, which `app.main` puts on the application."""
    runtime: Runtime = request.app.state.runtime
    return runtime


RuntimeDep = Annotated[Runtime, Depends(get_runtime)]


async def get_principal(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    """The caller. Raises Unauthenticated; never says whether a credential was ever valid."""
    if credentials is None:
        raise Unauthenticated("Send an API key or a token as `Authorization: Bearer …`.")
    authenticator: Authenticator = request.app.state.authenticator
    principal = await authenticator.principal(credentials.credentials)
    await request.app.state.limits.count(request, principal.firm_id, principal.subject)
    structlog.contextvars.bind_contextvars(firm_id=principal.firm_id, subject=principal.subject)
    return principal


PrincipalDep = Annotated[Principal, Depends(get_principal)]


def _at_least(role: Role) -> Callable[[Principal], Awaitable[Principal]]:
    async def check(principal: PrincipalDep) -> Principal:
        principal.require(role)
        return principal

    return check


viewer = _at_least(Role.viewer)
member = _at_least(Role.member)
admin = _at_least(Role.admin)

Viewer = Annotated[Principal, Depends(viewer)]
Member = Annotated[Principal, Depends(member)]
Admin = Annotated[Principal, Depends(admin)]


async def get_firm_reads(request: Request, principal: PrincipalDep) -> Reads:
    """Reads of the caller's firm: for routes that change nothing."""
    runtime: Runtime = request.app.state.runtime
    return runtime.db.reads(principal.firm_id)


FirmReads = Annotated[Reads, Depends(get_firm_reads)]


async def get_bell(runtime: RuntimeDep) -> AsyncIterator[set[int]]:
    """A set to put connection ids in: they are woken once the firm's transaction has committed, never before."""
    connections: set[int] = set()
    yield connections
    for connection_id in sorted(connections):
        try:
            await wakeups.wake(runtime.db, connection_id)
        except Exception as error:  # noqa: BLE001  the change is committed and must be answered; the sweep wakes what is owed
            _log.warning("wake_failed", connection_id=connection_id, reason=type(error).__name__)


BellDep = Annotated[set[int], Depends(get_bell, scope="function")]


async def get_firm_session(runtime: RuntimeDep, principal: PrincipalDep, _bell: BellDep) -> AsyncIterator[Session]:
    """A transaction of the caller's firm. It asks for the bell so that it ends, and commits, before the bell rings."""
    async with runtime.db.firm(principal.firm_id) as session:
        yield session


# scope="function": FastAPI would otherwise commit after the answer has left, and a failed commit would be a 200.
FirmSession = Annotated[Session, Depends(get_firm_session, scope="function")]
