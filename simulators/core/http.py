"""JSON in and out for simulator routes, with Decimals."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulators.core.money import dumps, loads

Json = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]


class BadRequest(Exception):
    """A control request that cannot be read, or an act that the vendor refuses; answered 400 with the text."""


class NotFound(BadRequest):
    """A control request that names something that is not there; answered 404 with the text."""


class Unprocessable(BadRequest):
    """A control request with a value that cannot be; answered 422 with the text."""


def json_response(payload: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response that writes Decimals exactly."""
    return Response(dumps(payload), status, headers, media_type="application/json")


async def json_object(request: Request) -> Json:
    """The request body as an object ({} when empty). Raises BadRequest when it is anything else."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        parsed = loads(raw)
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise BadRequest("the body must be a JSON object")
    return parsed


def controlled(handler: Handler) -> Handler:
    """Wrap a control handler: BadRequest becomes a 400, NotFound a 404, Unprocessable a 422."""

    async def wrapped(request: Request) -> Response:
        try:
            return await handler(request)
        except NotFound as error:
            return json_response({"error": str(error)}, 404)
        except Unprocessable as error:
            return json_response({"error": str(error)}, 422)
        except BadRequest as error:
            return json_response({"error": str(error)}, 400)

    return wrapped
