"""Who is at the page: a session behind a cookie, made by signing in with an API key, a one-time link or OpenID Connect.

The cookie holds a random token of which the database knows the hash only. Every form carries a token derived from the
session and the service's secret, and a browser that says where a form comes from must name this site.
"""

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import structlog
from fastapi import Depends, Request, Response
from starlette.datastructures import FormData

from app.connections import Caller
from app.crypto import digest
from app.db import audit, firms, ui_sessions
from app.edge.deps import RuntimeDep
from app.edge.paging import MAX_ID
from app.edge.principals import Principal, Role
from app.errors import Forbidden, Invalid, Unauthenticated
from app.runtime import Runtime
from app.settings import Settings

LASTS: Final = timedelta(hours=12)
LINK_LASTS: Final = timedelta(minutes=15)
ZONE_COOKIE: Final = "tieout-zone"
_NAME: Final = "tieout-session"
_DIGITS: Final = 19
ZONES: Final = frozenset(available_timezones())


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A signed-in person: what pages show of him, and what his role permits. Dates are shown in `zone`."""

    principal: Principal
    name: str
    firm_name: str
    csrf: str
    zone: ZoneInfo

    @property
    def firm_id(self) -> int:
        """The wall."""
        return self.principal.firm_id

    @property
    def subject(self) -> str:
        """As the audit records him."""
        return self.principal.subject

    @property
    def caller(self) -> Caller:
        """As the connect journey knows him."""
        return Caller(self.firm_id, self.subject)

    def may(self, role: str) -> bool:
        """Whether a button that needs this role is shown."""
        return self.principal.role.covers(Role(role))


def cookie_name(settings: Settings, name: str = _NAME) -> str:
    """`__Host-` keeps sub-domains from planting one; browsers take it over https only."""
    return f"__Host-{name}" if settings.public_url.startswith("https:") else name


async def begin(
    runtime: Runtime, response: Response, principal: Principal, *, name: str, api_key_id: int | None = None
) -> None:
    """Sign somebody in: a new session, its cookie, and a note in the audit."""
    token = secrets.token_urlsafe(32)
    values = {**_values(principal, name, token, "session"), "api_key_id": api_key_id}
    async with runtime.db.system() as session:
        await ui_sessions.add(session, {**values, "expires_at": runtime.clock() + LASTS})
        await audit.record(
            session, principal.firm_id, actor=principal.subject, action="ui.signed_in", details={"name": name}
        )
    response.set_cookie(
        cookie_name(runtime.settings),
        token,
        max_age=int(LASTS.total_seconds()),
        path="/",
        secure=runtime.settings.public_url.startswith("https:"),
        httponly=True,
        samesite="lax",  # it must come along when a vendor sends the browser back
    )


async def make_link(runtime: Runtime, principal: Principal, *, name: str) -> str:
    """An address that signs whoever opens it first in, once, within a quarter of an hour. Raises NotFound (firm)."""
    token = secrets.token_urlsafe(32)
    async with runtime.db.system() as session:
        await firms.get(session, principal.firm_id)
        values = _values(principal, name, token, "link")
        await ui_sessions.add(session, {**values, "expires_at": runtime.clock() + LINK_LASTS})
    return f"{runtime.settings.public_url}/sign-in/{token}"


async def end(runtime: Runtime, request: Request, response: Response) -> None:
    """Sign out: here and in the database."""
    token = request.cookies.get(cookie_name(runtime.settings), "")
    async with runtime.db.system() as session:
        await ui_sessions.end(session, digest(token))
    response.delete_cookie(cookie_name(runtime.settings), path="/")


async def get_visitor(request: Request, runtime: RuntimeDep) -> Visitor:
    """Who is at the page. Raises Unauthenticated, which a page answers by showing the way to sign in."""
    token = request.cookies.get(cookie_name(runtime.settings), "")
    if not token:
        raise Unauthenticated("You are not signed in.")
    token_hash = digest(token)
    row = await ui_sessions.find(runtime.db.glances, token_hash)
    if row is None:
        raise Unauthenticated("You were signed out: the session has ended, or its key was revoked.")
    structlog.contextvars.bind_contextvars(firm_id=row.firm_id, subject=row.subject)
    return Visitor(
        principal=Principal(firm_id=row.firm_id, subject=row.subject, role=Role(row.role)),
        name=row.name,
        firm_name=row.firm_name,
        csrf=_csrf(runtime.settings, token_hash),
        zone=_zone(request.cookies.get(ZONE_COOKIE, ""), row.time_zone),
    )


VisitorDep = Annotated[Visitor, Depends(get_visitor)]


async def get_form(request: Request, visitor: VisitorDep) -> AsyncIterator[FormData]:
    """The fields of a form that this site showed to this visitor. Raises Forbidden for any other."""
    check_origin(request)
    async with request.form() as form:  # closes the files that came with it
        given = form.get("csrf")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
            raise Forbidden(
                "This form is out of date: you have signed in anew since it was shown.",
                code="form_outdated",
                fix="Go back, reload the page and send it again.",
            )
        if any("\0" in text for pair in form.multi_items() for text in pair if isinstance(text, str)):
            raise Invalid("The form holds a character that no text may hold.", code="bad_form")
        yield form


FormDep = Annotated[FormData, Depends(get_form, scope="function")]


def check_origin(request: Request) -> None:
    """Refuse forms that a browser says come from another site."""
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None:
        foreign = fetch_site not in ("same-origin", "none")
    else:
        origin = request.headers.get("origin")
        own = urlsplit(request.app.state.runtime.settings.public_url)
        foreign = origin is not None and urlsplit(origin)[:2] != own[:2]
    if foreign:
        raise Forbidden("This form came from another site.", code="foreign_form", fix="Open the page here.")


def text_of(form: FormData | Mapping[str, object], name: str) -> str:
    """One field as text, trimmed; "" where it is missing or a file."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def number_of(form: FormData, name: str) -> int | None:
    """One field that holds an id or a count; None where it is empty. Raises Invalid."""
    value = text_of(form, name)
    return _number(name, value) if value else None


def ids_of(form: FormData, name: str = "id") -> list[int]:
    """The ids of the boxes that were ticked. Raises Invalid."""
    return [_number(name, value) for value in form.getlist(name) if isinstance(value, str)]


def _number(name: str, value: str) -> int:
    if not value.isdecimal() or len(value) > _DIGITS or int(value) > MAX_ID:
        raise Invalid(f"The field {name} holds no number that can be.", code="bad_number")
    return int(value)


def _values(principal: Principal, name: str, token: str, purpose: str) -> dict[str, object]:
    return {
        "firm_id": principal.firm_id,
        "token_hash": digest(token),
        "purpose": purpose,
        "subject": principal.subject,
        "name": name,
        "role": principal.role.value,
    }


def _csrf(settings: Settings, token_hash: str) -> str:
    key = settings.secret_key.get_secret_value().encode()
    return hmac.new(key, b"form:" + token_hash.encode(), hashlib.sha256).hexdigest()


def _zone(wanted: str, firms: str) -> ZoneInfo:
    """The browser's zone if it names one that exists, else the firm's."""
    return ZoneInfo(next((name for name in (wanted, firms) if name in ZONES), "UTC"))
