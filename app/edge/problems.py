"""Every error leaves as an RFC 9457 problem document with a stable `code`; the one table from errors to statuses."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.db.session import Unavailable
from app.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    Misconfigured,
    NeedsReauth,
    NotConnected,
    NotFound,
    OutcomeUnknown,
    PreconditionFailed,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    StaleLease,
    TooManyRequests,
    Unauthenticated,
    Unsupported,
)
from app.logs import current_request_id

MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[type[AppError], int] = {
    Invalid: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    TooManyRequests: 429,
    NotConnected: 400,
    Unsupported: 400,
    StaleLease: 409,
    NeedsReauth: 409,
    Misconfigured: 502,
    RateLimited: 503,
    ProviderUnavailable: 503,
    OutcomeUnknown: 504,
    ProviderRejected: 422,
    ProviderError: 502,
    AppError: 500,
}
# Pydantic's names for what is wrong with a field, in ours; its names are not ours to promise.
_FIELD_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_many",
    "too_short": "too_few",
    "enum": "not_allowed",
    "literal_error": "not_allowed",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "json_invalid": "not_json",
}
# The codes of our own checks on a field (`PydanticCustomError`) go out as they are.
_OWN_CODES = frozenset(
    "unknown_provider not_a_number not_a_date not_an_id too_many_decimals control_characters client_missing".split()
)
MOST_ERRORS = 2_000
"""As many as a full batch may reasonably have; a caller's body can hold a hundred times more."""
_LONGEST_POINTER = 1_000
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
_log = structlog.get_logger(__name__)


def status_of(error: AppError) -> int:
    """The status of the closest class in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def may_raise(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for a route that may answer with these errors: `responses=may_raise(NotFound)`."""
    titles: dict[int, list[str]] = {}
    for error in errors:
        status = next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)
        titles.setdefault(status, []).append(error.title)
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": " · ".join(names), "content": {MEDIA_TYPE: schema}} for status, names in titles.items()
    }


def later(model: type[BaseModel], *errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """`may_raise` for a route that answers 202 with `model` where the work takes longer than the caller waits."""
    return {202: {"model": model, "description": "Asked for; the work goes on."}, **may_raise(*errors)}


def anywhere() -> dict[str, dict[str, Any]]:
    """OpenAPI responses that any route may give, by status: limits, and what is nobody's fault in particular."""
    described = {
        "413": "The body is too large",
        "429": TooManyRequests.title,
        "500": AppError.title,
        "503": "The service's database is not reachable",
    }
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": text, "content": content} for status, text in described.items()}


def problem(status: int, code: str, title: str, detail: str, **members: object) -> JSONResponse:
    """A problem document; `members` are its further fields (`errors`, `record`, `who`, …) and win over the defaults."""
    content = {
        "type": f"urn:tieout:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [],
        "record": None,
        "who": "",
        "fix": "",
        "retries_itself": False,
        "request_id": current_request_id(),
        **members,
    }
    return JSONResponse(content, status_code=status, media_type=MEDIA_TYPE)


def internal_error() -> JSONResponse:
    """What a caller learns of an unexpected error: the request id, under which the log has the rest."""
    return problem(
        500,
        "internal_error",
        "Something went wrong",
        "An unexpected error; the operator finds it in the log under this request id.",
        who="operator",
    )


def install(app: FastAPI) -> None:
    """Register the handlers. Unexpected exceptions are answered by `middleware.RequestContext`."""
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Unavailable, _on_unavailable)


def from_error(error: AppError) -> JSONResponse:
    """The problem document of one of our errors."""
    status = status_of(error)
    response = problem(
        status,
        error.public_code,
        error.title,
        error.detail,
        errors=[dict(found) for found in error.errors],
        record=dict(error.record) if error.record is not None else None,
        who=error.who,
        fix=error.fix,
        retries_itself=error.retries_itself,
        **error.extra,
    )
    if isinstance(error, RateLimited | TooManyRequests) and error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    elif status == 503:
        response.headers["Retry-After"] = "30"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status >= 500:
        _log.warning("request_failed", error_code=error.public_code, reason=error.detail)
    return response


async def _on_app_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, AppError):
        raise error
    return from_error(error)


async def _on_unavailable(_request: Request, error: Exception) -> JSONResponse:
    _log.error("database_unavailable", reason=str(error))
    response = problem(
        503,
        "database_unavailable",
        "The service's database is not reachable",
        "It is not certain that anything was stored. Send the request again in a while.",
        who="operator",
        retries_itself=False,
    )
    response.headers["Retry-After"] = "5"
    return response


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:  # FastAPI's own answer to bytes that are no text, and to broken multipart
        return problem(422, "not_json", Invalid.title, "The body cannot be read.", who="bookkeeper")
    code = _HTTP_CODES.get(status, status.phrase.lower().replace(" ", "_"))
    response = problem(status, code, status.phrase, str(error.detail))
    response.headers.update(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(_allowed(request))
    return response


def _allowed(request: Request) -> list[str]:
    """The methods of every route of this path: the router names those of the first one alone."""
    here = (route for route in request.app.router.routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in here for method in getattr(route, "methods", None) or ()})


async def _on_bad_request(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    every = error.errors()
    errors = [_field_error(found, error.body) for found in every[:MOST_ERRORS]]
    codes = {str(found["code"]) for found in errors}
    code = codes.pop() if len(codes) == 1 else Invalid.code
    first = errors[0]
    detail = f"{first['pointer']}: {first['message']}" if first["pointer"] else f"{first['message']}"
    if len(every) > 1:
        detail += f" (and {len(every) - 1} more)"
    return problem(422, code, Invalid.title, detail, errors=errors, who="bookkeeper")


def _field_error(found: Mapping[str, Any], body: object) -> dict[str, object]:
    where, *path = found["loc"]
    if found["type"] == "json_invalid":
        path = []  # there the location is a byte, not a field
    if path and isinstance(path[0], str) and path[0].startswith("#"):
        del path[0]  # the tag of a union: one object or a batch
    code = str(found["type"])
    answer: dict[str, object] = {
        "pointer": _pointer(path if where == "body" else (where, *path)),
        "code": code if code in _OWN_CODES else _FIELD_CODES.get(code, "invalid_value"),
        "message": str(found["msg"]),
    }
    if where == "body" and len(path) > 1 and path[0] == "items" and isinstance(path[1], int):
        answer["index"] = path[1]
        answer["external_ref"] = _reference(body, path[1])
    return answer


def _pointer(path: Sequence[object]) -> str:
    parts = (str(part)[:_LONGEST_POINTER].replace("~", "~0").replace("/", "~1") for part in path)
    text = "".join("/" + part for part in parts)
    return text.encode("utf-8", "replace").decode()  # an unknown field may bear any name, even half a character


def _reference(body: object, index: int) -> str | None:
    """The caller's own id of an item that did not pass, if it has one we can show."""
    items = body.get("items") if isinstance(body, dict) else None
    item = items[index] if isinstance(items, list) and index < len(items) else None
    reference = item.get("external_ref") if isinstance(item, dict) else None
    return reference if isinstance(reference, str) and reference.isprintable() else None
