"""The web application: `create_app` is the factory, and the whole list of what it serves stands here."""

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from app.api import (
    accounts,
    api_keys,
    audit_events,
    auth,
    clients,
    code_files,
    codes,
    connections,
    export_logs,
    exporting,
    firm,
    health,
    importing,
    integrations,
    invoices,
    journals,
    live,
    mappings,
    mending,
    operator,
    payments,
    reconciliation,
    remote,
    runs,
    suggestions,
    sync,
    webhook_events,
    webhooks,
)
from app.db.listening import RunNews
from app.edge import problems
from app.edge.exported import HEADERS as EXPORT_HEADERS
from app.edge.gauges import TableGauges
from app.edge.idempotency import Idempotency
from app.edge.ingest import Ingest
from app.edge.limits import PrincipalLimits
from app.edge.middleware import BodyLimit, Cors, Metrics, RequestContext, TrailingSlash, unexpected
from app.edge.models import Problem
from app.edge.principals import Authenticator
from app.edge.signposts import Signposts
from app.edge.traced import Traced
from app.errors import Invalid
from app.logs import configure_logs
from app.runtime import Runtime, open_runtime
from app.settings import Settings, load_settings
from app.web import site
from app.web.admin.desk import Desk

ROUTERS: tuple[APIRouter, ...] = (
    connections.router,
    auth.router,
    integrations.router,
    clients.router,
    invoices.router,
    journals.router,
    accounts.router,
    payments.router,
    remote.router,
    suggestions.router,
    webhook_events.router,
    reconciliation.router,
    audit_events.router,
    api_keys.router,
    codes.router,
    code_files.router,
    exporting.router,
    export_logs.router,
    importing.router,
    firm.router,
    sync.router,
    mappings.router,
    mending.router,
    live.router,
    runs.router,
    operator.router,
    health.router,
    *site.ROUTERS,
)
_DESCRIPTION = """Keeps a firm's own clients and invoices and its QuickBooks Online and Xero companies tied out.

Amounts are strings of digits. Errors are problem documents (RFC 9457) with a stable `code`. Lists answer `items` and
the cursor `next`; those of connections and mappings are bare arrays with a `Link` to the next page."""


def create_app(settings: Settings | None = None, runtime: Runtime | None = None) -> FastAPI:
    """The application over `runtime`, or over one of its own that opens and closes with it.

    Raises SettingsError where no settings are given and the environment's are unusable.
    """
    chosen = runtime.settings if runtime is not None else settings or load_settings()
    app = FastAPI(
        title="Tieout",
        version="1",
        description=_DESCRIPTION,
        lifespan=_lifespan(chosen, runtime),
        redirect_slashes=False,
        docs_url=None,  # the usual pages load their scripts from elsewhere; ours is app/web/reference.py
        redoc_url=None,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # ours: app/tracing.py, app/edge/middleware.py
    )
    metrics = Metrics()
    app.state.metrics = metrics
    app.state.desk = Desk(app, chosen, lambda: app.state.runtime)
    app.state.gauges = TableGauges(metrics.registry)
    if runtime is not None:
        _attach(app, runtime)
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    app.router.routes.extend(webhooks.routes())
    app.router.middleware_stack = Signposts(app.router.middleware_stack, app.router.routes)
    problems.install(app)
    site.install(app)
    app.add_middleware(Idempotency)
    app.add_middleware(BodyLimit)
    app.add_middleware(TrailingSlash)
    # Around whatever answers on its own: the browser hides from an application what does not name its site.
    readable = _readable(chosen)
    app.add_middleware(Cors, **readable)
    https = chosen.public_url.startswith("https:")
    app.add_middleware(RequestContext, metrics=metrics, https=https, unexpected=Cors(unexpected, **readable))
    app.add_middleware(Traced)
    inside = app.build_middleware_stack
    app.build_middleware_stack = lambda: webhooks.Door(inside(), app.state)  # type: ignore[method-assign]  # outermost
    app.openapi = _described(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    return app


def _readable(settings: Settings) -> dict[str, Any]:
    """What browser applications of the listed sites may send, and see of an answer."""
    return {
        "allow_origins": list(settings.allowed_origins),
        "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
        "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Prefer", "X-Request-ID"],
        "expose_headers": [
            *EXPORT_HEADERS,
            "Content-Disposition",
            "ETag",
            "Idempotency-Replayed",
            "Link",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
            "Retry-After",
            "X-Request-ID",
        ],
    }


def _lifespan(settings: Settings, runtime: Runtime | None) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if runtime is None:
                configure_logs(settings.log_level)
                _attach(app, await stack.enter_async_context(open_runtime(settings)))
                gc.collect()
                gc.freeze()  # what is here now stays: every full collection would look through all of it
                stack.callback(gc.unfreeze)
            stack.push_async_callback(app.state.run_news.close)
            yield

    return lifespan


def _attach(app: FastAPI, runtime: Runtime) -> None:
    app.state.runtime = runtime
    app.state.desk.open(runtime)
    app.state.ingest = Ingest(runtime.db)
    app.state.authenticator = Authenticator(runtime.settings, runtime.db)
    app.state.limits = PrincipalLimits(runtime.settings)
    app.state.run_news = RunNews(runtime.db.conninfo)


def _described(app: FastAPI) -> Any:
    """OpenAPI 3.1 in which every error is our problem document, not FastAPI's own shape."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = original()
            schemas = document["components"]["schemas"]
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs"))
            schemas["Problem"] = problem
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            anywhere = document["components"]["responses"] = problems.anywhere()
            for path in document["paths"].values():
                for operation in path.values():
                    _own_errors(operation["responses"])
                    for status in anywhere:
                        operation["responses"].setdefault(status, {"$ref": f"#/components/responses/{status}"})
            app.openapi_schema = document
        return app.openapi_schema

    return openapi


def _own_errors(responses: dict[str, Any]) -> None:
    default = responses.get("422", {}).get("content", {}).get("application/json")
    if default is not None and "HTTPValidationError" in str(default):
        responses["422"] = problems.may_raise(Invalid)[422]
