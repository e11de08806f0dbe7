"""Signing in and out, and the pages' own files."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.crypto import digest
from app.db import ui_sessions
from app.edge.deps import RuntimeDep
from app.edge.principals import Authenticator, Principal, Role
from app.errors import Forbidden, NotFound, Unauthenticated
from app.web import sessions
from app.web.openid import is_configured
from app.web.pages import STATIC, PageRoute, go, local, page
from app.web.sessions import FormDep, check_origin, text_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_AN_AGE = "public, max-age=31536000, immutable"  # the address holds a hash of the content


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """A style sheet, script or picture of the pages."""
    if name not in STATIC:
        raise NotFound("There is no such file.")
    body, media_type = STATIC[name]
    return Response(body, media_type=media_type, headers={"Cache-Control": _AN_AGE})


@router.get("/sign-in")
async def ask(
    request: Request, runtime: RuntimeDep, wanted: Annotated[str, Query(alias="next", max_length=2000)] = "/"
) -> Response:
    """The form to sign in with."""
    openid = is_configured(runtime.settings)
    return page(request, "sign_in.html", wanted=local(wanted), refusal="", openid=openid)


@router.post("/sign-in")
async def sign_in(request: Request, runtime: RuntimeDep) -> Response:
    """Take an API key and begin a session with its firm and role."""
    check_origin(request)
    form = await request.form()
    wanted = local(text_of(form, "next") or "/")
    authenticator: Authenticator = request.app.state.authenticator
    key = text_of(form, "key")
    try:
        if not key.startswith("tieout_"):
            raise Unauthenticated("That is not an API key: it begins with tieout_.")
        principal = await authenticator.principal(key)
    except (Unauthenticated, Forbidden) as error:
        openid = is_configured(runtime.settings)
        return page(request, "sign_in.html", status=401, wanted=wanted, refusal=error.detail, openid=openid)
    response = RedirectResponse(wanted, status_code=303)
    key_id = int(principal.subject.removeprefix("key:"))
    await sessions.begin(runtime, response, principal, name=f"API key {key_id}", api_key_id=key_id)
    return response


@router.get("/sign-in/{token}")
async def by_link(token: str, runtime: RuntimeDep) -> Response:
    """Sign in whoever opens a one-time link first."""
    async with runtime.db.system() as session:
        row = await ui_sessions.take_link(session, digest(token))
    if row is None:
        raise NotFound(
            "This sign-in link was used already, or is too old.",
            fix="Make a new one with `tieout sign-in-link`, or sign in with an API key.",
        )
    response = RedirectResponse("/", status_code=303)
    principal = Principal(firm_id=row.firm_id, subject=row.subject, role=Role(row.role))
    await sessions.begin(runtime, response, principal, name=row.name)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, runtime: RuntimeDep, _form: FormDep) -> Response:
    """End the session."""
    response = go("/sign-in", "signed_out")
    await sessions.end(runtime, request, response)
    return response
