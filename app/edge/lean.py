"""Routes that only read, without what FastAPI does for every request of every route.

What a route needs is written as always, and FastAPI describes it as always; the same dependencies are called, the same
fields validated, the same answer serialised. Only the way there is worked out once, when the route is made, instead of
for each request. A route that needs more than is known here stays with FastAPI, and so does every other method.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

_JSON: Final = "application/json"


class _NotLean(Exception):
    """A route needs more than is known here."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A dependency, or the endpoint itself: what is called with which of the values that are there by then."""

    what: Callable[..., Awaitable[Any]]
    takes: Sequence[tuple[str, Any]]
    request_as: str | None

    async def __call__(self, request: Request, values: dict[Any, Any], given: dict[str, Any]) -> Any:
        for name, needed in self.takes:
            given[name] = values[needed]
        if self.request_as is not None:
            given[self.request_as] = request
        return await self.what(**given)


@dataclass(slots=True)
class _Plan:
    """What is done for each request of one route."""

    endpoint: _Call
    path: Sequence[Any]
    query: Any | None
    steps: list[_Call] = field(default_factory=list)

    async def answer(self, request: Request) -> Any:
        """What the endpoint returns. Raises what dependencies raise, then RequestValidationError."""
        values: dict[Any, Any] = {}
        for step in self.steps:
            values[step.what] = await step(request, values, {})
        return await self.endpoint(request, values, self._fields(request))

    def _fields(self, request: Request) -> dict[str, Any]:
        given: dict[str, Any] = {}
        errors: list[Any] = []
        for one in self.path:
            given[one.name], wrong = one.validate(request.path_params[one.alias], {}, loc=("path", one.alias))
            errors += wrong
        if self.query is not None:
            asked = dict(request.query_params) if request.scope["query_string"] else {}
            given[self.query.name], wrong = self.query.validate(asked, {}, loc=("query",))
            errors += wrong
        if errors:
            raise RequestValidationError(errors)
        return given


class LeanRoute(APIRoute):
    """`APIRouter(route_class=LeanRoute)`: its GETs go straight where that is possible."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.lean = False
        if self.methods == {"GET"}:
            try:
                self._plan = _planned(self.dependant)
            except _NotLean:
                return
            self.lean = True
            self.app = self._straight

    async def _straight(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._plan.answer(Request(scope, receive, send))
        if not isinstance(answer, Response):
            kept = self.response_field
            if kept is None:
                raise TypeError(f"{self.path} answers with neither its model nor a response")
            value, wrong = kept.validate(answer, {}, loc=("response",))
            if wrong:
                raise TypeError(f"{self.path} answers with something else than its model: {wrong}")
            answer = Response(kept.serialize_json(value), self.status_code or 200, media_type=_JSON)
        await answer(scope, receive, send)


def _planned(route: Dependant) -> _Plan:
    """Raises _NotLean."""
    query = route.query_params[0] if route.query_params else None
    if len(route.query_params) > 1 or (query is not None and not _is_flat(query.field_info.annotation)):
        raise _NotLean
    plan = _Plan(_call(route), route.path_params, query)
    for needed in route.dependencies:
        _add(plan.steps, needed)
    return plan


def _add(steps: list[_Call], dependant: Dependant) -> None:
    """Plan a dependency after those that it needs itself."""
    for needed in dependant.dependencies:
        _add(steps, needed)
    if dependant.query_params or dependant.path_params or not dependant.use_cache:
        raise _NotLean
    if all(step.what is not dependant.call for step in steps):
        steps.append(_call(dependant))


def _call(dependant: Dependant) -> _Call:
    more = (
        *(dependant.header_params, dependant.cookie_params, dependant.body_params, dependant.concurrency),
        *(dependant.websocket_param_name, dependant.response_param_name),
        *(dependant.background_tasks_param_name, dependant.security_scopes_param_name),
    )
    what = dependant.call
    plain = what if inspect.isroutine(what) else getattr(what, "__call__", None)  # noqa: B004  asked for, not tested
    if any(more) or (dependant.request_param_name and dependant.http_connection_param_name):
        raise _NotLean
    if what is None or not inspect.iscoroutinefunction(plain):
        raise _NotLean
    takes = [(needed.name, needed.call) for needed in dependant.dependencies if needed.name is not None]
    return _Call(what, takes, dependant.request_param_name or dependant.http_connection_param_name)


def _is_flat(model: Any) -> bool:
    """Whether each field of a query takes one value, so that the last of several counts."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return False
    return not any("list[" in repr(one.annotation) or one.alias for one in model.model_fields.values())
