"""How a page is made: templates, the values they show, headers, and errors as pages rather than problem documents."""

import hashlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.exceptions import HTTPException

from app.db.session import Unavailable
from app.edge.models import money
from app.edge.problems import status_of
from app.errors import AppError, Forbidden, Invalid, Unauthenticated
from app.logs import current_request_id
from app.web import words
from app.web.sessions import Visitor

_HERE: Final = Path(__file__).parent
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
STATIC: Final[Mapping[str, tuple[bytes, str]]] = {
    path.name: (path.read_bytes(), _TYPES[path.suffix]) for path in sorted((_HERE / "static").iterdir())
}
_VERSION: Final = {name: hashlib.sha256(body).hexdigest()[:10] for name, (body, _) in STATIC.items()}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'{more}"
)
_log = structlog.get_logger(__name__)
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route for people: our errors become pages, and whoever is not signed in is shown the way."""

    def get_route_handler(self) -> Handler:
        """The route's handler, with errors turned into pages."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Unauthenticated:
                return _sign_in_first(request)
            except RequestValidationError:
                return error_page(request, Invalid("The address or form holds something that we cannot read."))
            except HTTPException as error:  # from reading a form: damaged, or of more fields than any of ours
                unread = Invalid("The form cannot be read: it is damaged or too long.", code="bad_form")
                return error_page(request, unread, error.status_code)
            except AppError as error:
                return error_page(request, error)
            except Unavailable as error:
                _log.error("database_unavailable", reason=str(error))
                return error_page(request, AppError("The database is not reachable. Try again in a moment."), 503)
            except Exception:  # noqa: BLE001  a person gets a page with the request's id, under which the log has the cause
                _log.exception("unexpected_error", method=request.method, path=request.url.path)
                said = AppError("An unexpected error; the operator finds it in the log.", who="operator")
                return error_page(request, said)

        return answer


def page(
    request: Request,
    template: str,
    visitor: Visitor | None = None,
    *,
    status: int = 200,
    form_targets: Iterable[str] = (),
    **shown: object,
) -> HTMLResponse:
    """Answer with a template. `form_targets`: origins besides ours to which a form of the page may lead."""
    notice = words.notice(request.query_params.get("notice", ""), request.query_params.get("n", ""))
    body = _ENVIRONMENT.get_template(template).render(
        visitor=visitor, here=request.url.path, query=request.query_params, notice=notice, **shown
    )
    return HTMLResponse(body, status_code=status, headers=headers(form_targets))


def headers(form_targets: Iterable[str] = ()) -> dict[str, str]:
    """What every page sends along. Our own referrers are kept: browsers then name the origin of a form."""
    more = "".join(f" {origin}" for origin in sorted(form_targets))
    return {"Content-Security-Policy": _POLICY.format(more=more), "Referrer-Policy": "same-origin"}


def error_page(request: Request, error: AppError, status: int | None = None) -> HTMLResponse:
    """What went wrong, what to do and who can do it."""
    back = urlsplit(request.headers.get("referer", ""))
    shown = local(back.path + (f"?{back.query}" if back.query else ""))
    return page(
        request,
        "error.html",
        status=status or status_of(error),
        error=error,
        back=shown,
        request_id=current_request_id(),
    )


def go(path: str, notice: str = "", **query: object) -> RedirectResponse:
    """After a form: on to a page, with a word about what was done."""
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    given |= {"notice": notice} if notice else {}
    joint = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{joint}{urlencode(given)}" if given else path, status_code=303)


def local(path: str) -> str:
    """A path of this site, or the first page for anything else: nobody is sent elsewhere by what stands in a query."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and path.isascii()
    return path if plain else "/"


def _sign_in_first(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return go("/sign-in", **({} if request.method != "GET" or wanted == "/" else {"next": wanted}))


def forbidden(role: str) -> Forbidden:
    """The refusal of an act whose button was not shown."""
    return Forbidden(f"This needs the role {role}.", who="admin")


def _static(name: str) -> str:
    return f"/static/{name}?v={_VERSION[name]}"


@pass_context
def _csrf(context: Context) -> Markup:
    """The hidden field without which no form is taken."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(context["visitor"].csrf)


def _amount(value: Decimal | None, currency: str) -> str:
    if value is None:
        return ""
    whole, _, fraction = money(value, currency or "USD").partition(".")
    sign, digits = ("−", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}{'.' if fraction else ''}{fraction} {currency}".strip()


@pass_context
def _moment(context: Context, value: datetime | None, missing: str = "never") -> Markup | str:
    """A moment in the viewer's zone."""
    if value is None:
        return missing
    seen = _seen(context, value)
    return _time(value, f"{seen:%d %b %Y, %H:%M:%S %Z}", f"{seen:%d %b %Y, %H:%M}")


@pass_context
def _ago(context: Context, value: datetime | None, missing: str = "never") -> Markup | str:
    """How long ago, or how long until, in words; the exact moment on hovering."""
    if value is None:
        return missing
    return _time(value, f"{_seen(context, value):%d %b %Y, %H:%M %Z}", words.ago(datetime.now(UTC) - value))


def _seen(context: Context, value: datetime) -> datetime:
    """A moment as the viewer's clock has it."""
    visitor: Visitor | None = context["visitor"]
    return value.astimezone(visitor.zone if visitor is not None else UTC)


def _time(value: datetime, exact: str, shown: str) -> Markup:
    """Made of our own words alone, so nothing has to be escaped: lists hold many."""
    machine = value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup(f'<time datetime="{machine}" title="{exact}">{shown}</time>')  # noqa: S704  no text of a caller's


def _day(value: date | None) -> str:
    return "" if value is None else f"{value:%d %b %Y}"


def _count(value: int) -> str:
    return f"{value:,}"


def _changed(query: Mapping[str, str], **more: object) -> str:
    """The present query with some values changed: links of pages and filters."""
    kept = {name: value for name, value in query.items() if name not in more and name not in ("notice", "n")}
    return urlencode({**kept, **{name: str(value) for name, value in more.items() if value not in (None, "")}})


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, Callable[..., Any]] = {
        "amount": _amount,
        "sum_of": lambda total, currency: _amount(Decimal(total), currency),
        "moment": _moment,
        "ago": _ago,
        "day": _day,
        "count": _count,
        "plural": words.plural,
        "word": words.word,
        "zip_with": lambda texts, values: list(zip(values, texts, strict=True)),
    }
    made.filters.update(filters)
    made.globals.update(static=_static, changed=_changed, nav=words.NAVIGATION, csrf=_csrf)
    return made


_ENVIRONMENT: Final = _environment()
