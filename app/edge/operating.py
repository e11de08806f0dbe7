"""The operator of the service as a caller of the API: a credential of its own, for routes of its own."""

import hmac
from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.edge.deps import RuntimeDep
from app.edge.principals import Authenticator, Principal, Role
from app.errors import Forbidden, Unauthenticated

PREFIX = "/api/v1/operator"
_NOBODYS_FIRM = 0
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="operator",
    bearerFormat="OPERATOR_SECRET",
    description="The service's own operator. Without OPERATOR_SECRET in the settings these routes are closed.",
)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs the service. `actor` stands in the audit of the firm that something is done to."""

    name: str

    @property
    def actor(self) -> str:
        """As the audit has it; a firm's own users cannot be called so."""
        return f"operator:{self.name}"

    def within(self, firm_id: int) -> Principal:
        """For use cases that want to know for which firm, and who."""
        return Principal(firm_id=firm_id, subject=self.actor, role=Role.admin)


async def get_operator(
    request: Request,
    runtime: RuntimeDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    name: Annotated[
        str,
        Header(
            alias="X-Operator",
            max_length=60,
            pattern=r"^[A-Za-z0-9@._ -]*$",
            description="Who acts; it goes into the audit.",
        ),
    ] = "",
) -> Operator:
    """Raises Unauthenticated for what is no credential, and Forbidden for a firm's own, whatever its role."""
    if credentials is None:
        raise Unauthenticated("Send the operator's secret as `Authorization: Bearer …`.")
    secret = runtime.settings.operator_secret
    given = credentials.credentials
    if secret is None or not hmac.compare_digest(given.encode(), secret.get_secret_value().encode()):
        authenticator: Authenticator = request.app.state.authenticator
        principal = await authenticator.principal(given)
        await request.app.state.limits.count(request, principal.firm_id, principal.subject)
        raise Forbidden("This is the operator's; the credential used belongs to a firm.", who="operator")
    operator = Operator(name.strip() or "api")
    await request.app.state.limits.count(request, _NOBODYS_FIRM, operator.actor)
    structlog.contextvars.bind_contextvars(subject=operator.actor)
    return operator


OperatorDep = Annotated[Operator, Depends(get_operator)]
