"""Where providers send the browser. No credential comes with it: what it may do depends on state and cookie alone."""

from typing import Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from app import connections
from app.canonical import ProviderName
from app.connections import Arrival
from app.runtime import Runtime
from app.settings import Settings

COOKIE_SECONDS: Final = 600
_NAME: Final = "tieout-connect"


def cookie_name(settings: Settings) -> str:
    """The cookie that binds a journey to the browser it began in.

    `__Host-` keeps sub-domains from planting one, but browsers take it over https only; on plain http://localhost a
    cookie without the prefix has to do.
    """
    return f"__Host-{_NAME}" if _is_https(settings) else _NAME


def set_cookie(response: Response, settings: Settings, secret: str) -> None:
    """Give the browser the secret that `connections.begin` was told. Lax: it must come along on the way back to us."""
    response.set_cookie(
        cookie_name(settings),
        secret,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=_is_https(settings),
        httponly=True,
        samesite="lax",
    )


async def land(request: Request, runtime: Runtime, provider: ProviderName | None) -> Response:
    """Answer the browser with a clean address, as Intuit demands and as keeps codes out of histories and referrers."""
    query = request.query_params
    arrival = Arrival(
        state=query.get("state", ""),
        code=query.get("code", ""),
        error=query.get("error", ""),
        realm_id=query.get("realmId", ""),
        browser=request.cookies.get(cookie_name(runtime.settings), ""),
    )
    target = await connections.land(runtime, arrival, provider)
    return RedirectResponse(
        target, status_code=302, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


def _is_https(settings: Settings) -> bool:
    return settings.public_url.startswith("https:")
