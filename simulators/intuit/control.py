"""Control routes of the Intuit simulator, mounted under /_sim/intuit.

GET  /companies ; POST /companies {count}: so many more, each like the US one
GET  /companies/{realm}/ledger ; GET /companies/{realm}/trial_balance
GET  /companies/{realm}/aged_receivables?as_of=
GET  /companies/{realm}/documents: every transaction in one flat form (ledger_view.documents) and the trial balance,
     what to compare after a run, in one cheap call
POST /companies/{realm}/reset: the company as it was seeded; tokens stay
POST /companies/{realm}/{action}: a person acts, see the functions of people.py for their fields: pay, void_payment,
     delete_payment, edit_invoice, void_invoice, delete_invoice, email_invoice, create_document, edit_document,
     void_document, delete_document, edit_customer, rename_customer, archive_customer, merge_customers, archive_account,
     archive, restore, close_books; and disconnect
GET  /tokens ; POST /tokens/expire {grant: access|refresh|all}
POST /tokens/mode {strict_rotation?, kill_on_parallel?, refresh_latency?}
GET|POST /limits {enforce?, monthly?: number of CorePlus calls or null} ; POST /webhooks/format {legacy}
POST /webhooks/reorder {on} ; POST /webhooks/forge {realm, entity, id, operation} ; POST /webhooks/replay
POST /webhooks, /webhooks/switches, /webhooks/retry ; GET /webhooks (core)
"""

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simulators.core.checks import choice_of, day_of, flag_of, wait_of, whole_of
from simulators.core.http import NotFound, controlled, json_object, json_response
from simulators.core.webhook_routes import webhook_routes
from simulators.core.webhooks import WebhookSender
from simulators.intuit.aging import aged_receivables
from simulators.intuit.company import Company, Operation
from simulators.intuit.events import Event, EventFeed
from simulators.intuit.ledger_view import documents, ledger_view, trial_balance
from simulators.intuit.limits import Limits
from simulators.intuit.oauth import TokenStore
from simulators.intuit.oauth_routes import OAuthRoutes
from simulators.intuit.people import ACTIONS
from simulators.intuit.seeds import MOST_COMPANIES, more_realms


class Control:
    """Handlers over the parts of one simulator. `companies` is shared and refilled on reset."""

    def __init__(
        self,
        companies: dict[str, Company],
        tokens: TokenStore,
        oauth: OAuthRoutes,
        limits: Limits,
        feed: EventFeed,
        sender: WebhookSender,
        open_company: Callable[[str], None],
    ) -> None:
        self._open_company = open_company
        self._companies = companies
        self._tokens = tokens
        self._oauth = oauth
        self._limits = limits
        self._feed = feed
        self._sender = sender

    def routes(self) -> list[BaseRoute]:
        """All routes below /_sim/intuit."""
        table = (
            ("/companies", self.companies, "GET"),
            ("/companies", self.found, "POST"),
            ("/companies/{realm}/ledger", self.ledger, "GET"),
            ("/companies/{realm}/trial_balance", self.trial_balance, "GET"),
            ("/companies/{realm}/aged_receivables", self.aged, "GET"),
            ("/companies/{realm}/documents", self.documents, "GET"),
            ("/companies/{realm}/reset", self.reset_company, "POST"),
            ("/companies/{realm}/disconnect", self.disconnect, "POST"),
            ("/companies/{realm}/{action}", self.act, "POST"),
            ("/tokens", self.counters, "GET"),
            ("/tokens/expire", self.expire, "POST"),
            ("/tokens/mode", self.mode, "POST"),
            ("/limits", self.limits, "GET"),
            ("/limits", self.limits, "POST"),
            ("/webhooks/format", self.format, "POST"),
            ("/webhooks/reorder", self.reorder, "POST"),
            ("/webhooks/forge", self.forge, "POST"),
            ("/webhooks/replay", self.replay, "POST"),
        )
        own = [Route(path, controlled(handler), methods=[method]) for path, handler, method in table]
        return [*own, *webhook_routes(self._sender)]

    async def companies(self, _request: Request) -> Response:
        """The seeded companies."""
        rows = [
            {"id": c.realm, "name": c.name, "currency": c.currency, "country": c.country}
            for c in self._companies.values()
        ]
        return json_response(rows)

    async def found(self, request: Request) -> Response:
        """So many more companies; answers their realms. A reset of everything takes them away."""
        count = whole_of((await json_object(request)).get("count"), "count", 1, MOST_COMPANIES - len(self._companies))
        realms = more_realms(self._companies, count)
        for realm in realms:
            self._open_company(realm)
        return json_response({"realms": realms})

    async def ledger(self, request: Request) -> Response:
        """The books of one company."""
        return json_response(ledger_view(self._company(request)))

    async def trial_balance(self, request: Request) -> Response:
        """Debits and credits by account, with their equal totals."""
        rows = trial_balance(self._company(request))
        totals = {side: str(sum((Decimal(row[side]) for row in rows), Decimal("0.00"))) for side in ("debit", "credit")}
        return json_response({"accounts": rows, "totals": totals})

    async def aged(self, request: Request) -> Response:
        """What customers owe, by how long it has been due."""
        as_of = day_of(request.query_params.get("as_of"), "as_of")
        return json_response(aged_receivables(self._company(request), as_of.isoformat() if as_of else None))

    async def documents(self, request: Request) -> Response:
        """Every transaction in one flat form, and the trial balance."""
        company = self._company(request)
        rows = {"documents": list(documents(company)), "trial_balance": trial_balance(company)}
        return json_response(rows)

    async def reset_company(self, request: Request) -> Response:
        """The company as it was seeded."""
        self._open_company(self._company(request).realm)
        return json_response({"reset": True})

    async def act(self, request: Request) -> Response:
        """A person does something in QuickBooks."""
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            raise NotFound(f"no action {request.path_params['action']}; known: {', '.join(ACTIONS)}, disconnect")
        return json_response(action(self._company(request), await json_object(request)))

    async def disconnect(self, request: Request) -> Response:
        """The user disconnects the app in QuickBooks: its grants for the company end."""
        return json_response({"ended": self._tokens.end_company(self._company(request).realm)})

    async def counters(self, _request: Request) -> Response:
        """How often tokens were exchanged, refreshed, refused and revoked."""
        return json_response(asdict(self._tokens.counters))

    async def expire(self, request: Request) -> Response:
        """Live tokens become invalid."""
        said = (await json_object(request)).get("grant", "all")
        which = choice_of(said, "grant", ("access", "refresh", "all"))
        self._tokens.expire(which)
        return json_response({"expired": which})

    async def mode(self, request: Request) -> Response:
        """How refresh tokens behave."""
        body = await json_object(request)
        strict = flag_of(body, "strict_rotation", self._tokens.strict_rotation)
        kill = flag_of(body, "kill_on_parallel", self._tokens.kill_on_parallel)
        self._oauth.refresh_latency = wait_of(
            body.get("refresh_latency", self._oauth.refresh_latency), "refresh_latency"
        )
        self._tokens.strict_rotation, self._tokens.kill_on_parallel = strict, kill
        latency = str(self._oauth.refresh_latency)
        flags = {"strict_rotation": self._tokens.strict_rotation, "kill_on_parallel": self._tokens.kill_on_parallel}
        return json_response({**flags, "refresh_latency": latency})

    async def limits(self, request: Request) -> Response:
        """Throttling on or off, and the monthly allowance."""
        if request.method == "POST":
            body = await json_object(request)
            monthly = body.get("monthly", self._limits.monthly)
            if monthly is not None:
                whole_of(monthly, "monthly")
            self._limits.enforce = flag_of(body, "enforce", self._limits.enforce)
            self._limits.monthly = monthly
        limits = self._limits
        return json_response({"enforce": limits.enforce, "monthly": limits.monthly, "metered": limits.metered})

    async def format(self, request: Request) -> Response:
        """CloudEvents (default) or the legacy webhook format."""
        self._feed.legacy = flag_of(await json_object(request), "legacy", self._feed.legacy)
        return json_response({"legacy": self._feed.legacy})

    async def reorder(self, request: Request) -> Response:
        """Every second delivery overtakes the one before it."""
        self._feed.reorder(flag_of(await json_object(request), "on", self._feed.reordering))
        return json_response({"on": self._feed.reordering})

    async def forge(self, request: Request) -> Response:
        """A stranger sends an event under a signature that does not fit."""
        body = await json_object(request)
        operation = body.get("operation", "updated")
        choice_of(operation, "operation", get_args(Operation))
        self._feed.forge(Event(str(body.get("realm")), str(body.get("entity")), str(body.get("id")), operation))
        return json_response({"forged": True})

    async def replay(self, _request: Request) -> Response:
        """The latest delivery again, byte for byte."""
        return json_response({"replayed": self._feed.replay()})

    def _company(self, request: Request) -> Company:
        realm = request.path_params["realm"]
        company = self._companies.get(realm)
        if company is None:
            raise NotFound(f"no company {realm}")
        return company
