"""The Intuit simulator put together."""

import re
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from simulators.core.calls import CallLog, CallMiddleware
from simulators.core.clock import Clock
from simulators.core.faults import FaultMiddleware, Faults, route_path
from simulators.core.http import BadRequest, json_response
from simulators.core.webhooks import WebhookSender
from simulators.intuit.api import AccountingApi
from simulators.intuit.company import Company
from simulators.intuit.control import Control
from simulators.intuit.events import RETRY_SCHEDULE, EventFeed
from simulators.intuit.ledger_view import latest_view
from simulators.intuit.limits import Limits
from simulators.intuit.oauth import TokenStore
from simulators.intuit.oauth_routes import OAuthClient, OAuthRoutes
from simulators.intuit.pages import company_list, company_page, error_page
from simulators.intuit.people import open_balance, pay
from simulators.intuit.presets import presets
from simulators.intuit.seeds import seeded, seeded_company

PROVIDER = "intuit"
CLIENT_ID = "sim-intuit-client"
CLIENT_SECRET = "sim-intuit-secret"
PRODUCTION_CLIENT_ID = "sim-intuit-production"
# So many of each kind stand on a company's page.
SHOWN = 200
_API = re.compile(r"/v3/company/([^/]+)/([^/?]+)(/)?")


class IntuitSimulator:
    """One Intuit: OAuth, accounting API, webhooks, pages. `app` is mounted under /intuit."""

    def __init__(self, clock: Clock, faults: Faults, calls: CallLog) -> None:
        self.clock = clock
        self.calls = calls
        self.tokens = TokenStore(clock)
        self.limits = Limits(clock)
        self.webhooks = WebhookSender(clock, RETRY_SCHEDULE)
        self.feed = EventFeed(clock, self.webhooks)
        self.clients = {
            CLIENT_ID: OAuthClient(CLIENT_ID, CLIENT_SECRET),
            PRODUCTION_CLIENT_ID: OAuthClient(PRODUCTION_CLIENT_ID, CLIENT_SECRET, production=True),
        }
        # Filled again in place on reset, so that everybody may hold on to the same dictionary.
        self.companies: dict[str, Company] = seeded(clock, self.feed.note)
        self.oauth = OAuthRoutes(self.tokens, self.clients, self.companies)
        production = frozenset(key for key, client in self.clients.items() if client.production)
        self.api = AccountingApi(self.tokens, self.limits, self.companies, production)
        faults.offer(PROVIDER, presets(clock))
        self._control = Control(
            self.companies, self.tokens, self.oauth, self.limits, self.feed, self.webhooks, self.open_company
        )
        self.control_routes = self._control.routes()
        self.app: ASGIApp = CallMiddleware(FaultMiddleware(self._routes(), PROVIDER, faults), PROVIDER, calls, describe)

    def reset(self) -> None:
        """Back to the seeds."""
        self.tokens.reset()
        self.oauth.reset()
        self.limits.reset()
        self.feed.reset()
        self.webhooks.reset()
        self.companies.clear()
        self.companies.update(seeded(self.clock, self.feed.note))

    def open_company(self, realm: str) -> None:
        """One company as it was seeded, in a millisecond or two; tokens stay. A realm not known yet is a new one."""
        self.companies[realm] = seeded_company(realm, self.clock, self.feed.note)

    async def aclose(self) -> None:
        """Stop sending webhooks."""
        self.feed.reset()
        await self.webhooks.aclose()

    def _routes(self) -> Starlette:
        return Starlette(
            routes=[
                *self.oauth.routes(),
                *self.api.routes(),
                Route("/ui", self._companies_page),
                Route("/ui/{realm}", self._company_page),
                Route("/ui/{realm}/pay", self._pay, methods=["POST"]),
                Route("/{rest:path}", _absent, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            ]
        )

    async def _companies_page(self, request: Request) -> Response:
        return HTMLResponse(company_list(f"{request.scope.get('root_path', '')}/ui", self.companies.values()))

    async def _company_page(self, request: Request) -> Response:
        company = self.companies.get(request.path_params["realm"])
        if company is None:
            return HTMLResponse(error_page("No such company."), 404)
        base = f"{request.scope.get('root_path', '')}/ui/{company.realm}"
        view = latest_view(company, SHOWN)
        return HTMLResponse(company_page(base, view, self.calls.snapshot(PROVIDER, company.realm)))

    async def _pay(self, request: Request) -> Response:
        company = self.companies.get(request.path_params["realm"])
        if company is None:
            return HTMLResponse(error_page("No such company."), 404)
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        shown = form.pop("balance", None)
        try:
            if shown is not None and shown != open_balance(company, form):
                return HTMLResponse(error_page("The invoice has changed since this page was shown."), 409)
            pay(company, form)
        except BadRequest as error:
            return HTMLResponse(error_page(str(error)), 400)
        return RedirectResponse(f"{request.scope.get('root_path', '')}/ui/{company.realm}", 303)


def describe(scope: Scope) -> tuple[str, str]:
    """(realm, route) for the call log: `/invoice`, `/invoice/{id}`, `/query`; OAuth paths as they are."""
    path = route_path(scope)
    match = _API.match(path)
    if match is None:
        return "", path
    return match.group(1), f"/{match.group(2)}" + ("/{id}" if match.group(3) else "")


async def _absent(request: Request) -> Response:
    reason = f"{request.method} {route_path(request.scope)} is not simulated"
    return json_response({"error": "not_simulated", "reason": reason}, 501)
