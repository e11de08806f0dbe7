"""The whole list of pages that the service serves to people."""

from inspect import isawaitable

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from app.errors import NotFound
from app.web import (
    activity,
    attention,
    connecting,
    exports,
    house,
    imports,
    integrations,
    landing,
    mapping,
    openid,
    reference,
    reports,
    sign_in,
    timeline,
)
from app.web.pages import error_page

ROUTERS: tuple[APIRouter, ...] = (
    landing.router,
    openid.router,  # before the links, which take any word behind /sign-in/
    sign_in.router,
    integrations.router,
    connecting.router,
    activity.router,
    timeline.router,
    attention.router,
    mapping.router,
    exports.router,
    imports.router,
    reports.router,
    house.router,
    reference.router,
)


def install(app: FastAPI) -> None:
    """Show a page to people who follow an address that leads nowhere; programs get their problem document as ever."""
    tell = app.exception_handlers[HTTPException]

    async def nowhere(request: Request, error: Exception) -> Response:
        person = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        missing = isinstance(error, HTTPException) and error.status_code == 404
        if person and missing and not request.url.path.startswith("/api/"):
            return error_page(request, NotFound("There is no page at this address."))
        told = tell(request, error)
        return await told if isawaitable(told) else told

    app.add_exception_handler(HTTPException, nowhere)
