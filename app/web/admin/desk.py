"""Putting the admin on the application: the operator's own credential, its session, its headers."""

import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog
from fastapi import FastAPI
from sqladmin import Admin
from sqladmin.authentication import AuthenticationBackend
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.crypto import digest
from app.runtime import Runtime
from app.settings import Settings
from app.web.admin import views

_LASTS: Final = 4 * 3600
# SQLAdmin brings scripts and styles of its own, some of them in its pages.
_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_log = structlog.get_logger(__name__)


class OperatorOnly(AuthenticationBackend):
    """The operator's secret opens it, for four hours and this site's own links; a name goes into the audit."""

    def __init__(self, settings: Settings, secret: str) -> None:
        secure = settings.public_url.startswith("https:")
        super().__init__(
            digest(f"operator:{settings.secret_key.get_secret_value()}:{secret}"),  # a new secret ends all sessions
            session_cookie="__Host-tieout-operator" if secure else "tieout-operator",
            max_age=_LASTS,
            same_site="strict",  # acts are links: no other site may follow them with this cookie
            https_only=secure,
        )
        self._secret = secret

    async def login(self, request: Request) -> bool:
        """Whether the secret is right and a name was given."""
        form = await request.form()
        name, given = str(form.get("username", "")).strip(), str(form.get("password", ""))
        known = hmac.compare_digest(given.encode(), self._secret.encode())
        good = known and 0 < len(name) <= 60 and name.isprintable() and _is_own(request)
        _log.info("operator_signed_in" if good else "operator_refused", operator=name[:60] if good else "")
        if good:
            request.session["operator"] = name
        return good

    async def logout(self, request: Request) -> bool:
        """End the session; SQLAdmin shows the form again."""
        request.session.clear()
        return False

    async def authenticate(self, request: Request) -> bool:
        """Whether somebody is signed in, and comes from this site where an act is asked for."""
        return "operator" in request.session and ("/action/" not in request.url.path or _is_own(request))


class Desk:
    """The admin of an application whose runtime opens later."""

    def __init__(self, app: FastAPI, settings: Settings, runtime: Callable[[], Runtime]) -> None:
        secret = settings.operator_secret
        self._sessions = async_sessionmaker(class_=AsyncSession)
        if secret is None:
            return  # without a credential there is no admin
        admin = Admin(
            app,
            session_maker=self._sessions,
            title="Tieout operator",
            templates_dir=str(Path(__file__).parent / "templates"),
            authentication_backend=OperatorOnly(settings, secret.get_secret_value()),
            middlewares=[Middleware(_Headers)],
        )
        admin.admin.state.runtime = runtime
        for view in views.ALL:
            admin.add_view(view)

    def open(self, runtime: Runtime) -> None:
        """Give the views their database, under the role that only reads."""
        self._sessions.configure(bind=runtime.db.operator_engine)


class _Headers:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY
                headers["Referrer-Policy"] = "same-origin"
            await send(message)

        await self._app(scope, receive, answer)


def _is_own(request: Any) -> bool:
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
