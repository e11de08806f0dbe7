"""Control routes below /_sim/xero.

GET  /companies                             the organisations
GET  /companies/{id}/ledger                 customers, invoices, payments, totals, trial balance
GET  /companies/{id}/trial_balance, /journals
GET  /companies/{id}/aged?side=&date=       open receivables (or side=payables) by days overdue, per customer
GET  /companies/{id}/documents              every document in one flat form with its marks (documents_at_hand.py) and
                                            the trial balance: what to compare after a run, in one cheap call
POST /companies/{id}/reset                  the organisation as it was seeded; tokens and connections stay
POST /companies/{id}/{deed}                 a person acts: see deeds.py
POST /tokens/expire {grant?}  GET /tokens   make tokens invalid; counters of the token endpoint
POST /limits                                {enforce?, minute?, day?, concurrent?, app?, latency?, volume?}
POST /partial                               {after: n}: the next batch saves n elements and answers 500
POST /consent                               {bulk?, granular_only?}: the app's tier and age
GET  /webhooks/subscription                 {disabled, waiting}
POST /webhooks/enable                       after a day of failures: on again, replay what was kept
POST /webhooks/reorder                      {on}: every second body overtakes the one before it
POST /webhooks/forge                        {id: organisation, category, resource_id, kind?}: an event that never
                                            happened, under a signature that does not fit
POST /webhooks/replay                       the latest delivery again, byte for byte
POST /webhooks/intent                       the intent-to-receive handshake
POST /webhooks/categories                   {categories: [...]} of those that Xero has webhooks for
plus the sender's own /webhooks, /webhooks/switches and /webhooks/retry.
"""

from collections.abc import Callable
from decimal import DecimalException

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.core.checks import day_of
from simulators.core.http import BadRequest, Handler, Json, NotFound, controlled, json_object, json_response
from simulators.core.webhook_routes import webhook_routes
from simulators.xero import control_app, reading
from simulators.xero.books import Books
from simulators.xero.deeds import DEEDS, Deed
from simulators.xero.documents_at_hand import listed
from simulators.xero.element import MalformedError, RefusedError
from simulators.xero.sender import XeroSender
from simulators.xero.world import World
from simulators.xero.writes import OUT_OF_RANGE

View = Callable[[World, Request, Json], object]


def xero_control(world: Callable[[], World], sender: XeroSender) -> list[Route]:
    """All routes; `world` gives the present state."""
    views: dict[str, View] = {
        "": _companies, "/{id}/ledger": _ledger, "/{id}/trial_balance": _trial_balance, "/{id}/aged": _aged,
        "/{id}/journals": _journals, "/{id}/documents": _documents,
    }  # fmt: skip
    return [
        *(Route(f"/companies{path}", _plain(world, view), methods=["GET"]) for path, view in views.items()),
        Route("/companies/{id}/reset", _plain(world, _reset), methods=["POST"]),
        *(Route(f"/companies/{{id}}/{name}", _deed(world, act), methods=["POST"]) for name, act in DEEDS.items()),
        Route("/tokens", _plain(world, control_app.tokens), methods=["GET"]),
        Route("/tokens/expire", _plain(world, control_app.expire), methods=["POST"]),
        Route("/limits", _plain(world, control_app.limits), methods=["GET", "POST"]),
        Route("/partial", _plain(world, control_app.partial), methods=["POST"]),
        Route("/consent", _plain(world, control_app.consent), methods=["POST"]),
        Route("/webhooks/categories", _plain(world, control_app.categories), methods=["POST"]),
        Route("/webhooks/reorder", _plain(world, control_app.reorder), methods=["POST"]),
        Route("/webhooks/forge", _plain(world, control_app.forge), methods=["POST"]),
        Route("/webhooks/replay", _plain(world, control_app.replay), methods=["POST"]),
        *_subscription_routes(world, sender),
        *webhook_routes(sender),
    ]


def _subscription_routes(world: Callable[[], World], sender: XeroSender) -> list[Route]:
    def subscription(_world: World, _request: Request, _body: Json) -> object:
        return {"disabled": sender.disabled, "waiting": sender.waiting}

    def enable(_world: World, _request: Request, _body: Json) -> object:
        sender.enable()
        return {"disabled": sender.disabled, "waiting": sender.waiting}

    async def intent(_request: Request) -> Response:
        return json_response(await world().events.intent_to_receive())

    return [
        Route("/webhooks/subscription", _plain(world, subscription), methods=["GET"]),
        Route("/webhooks/enable", _plain(world, enable), methods=["POST"]),
        Route("/webhooks/intent", controlled(intent), methods=["POST"]),
    ]


def _deed(world: Callable[[], World], act: Deed) -> Handler:
    """A person's act on the books of one organisation: all or nothing, and the webhooks tell of it."""

    async def run(request: Request) -> Response:
        books = _books(world(), request)
        body = await json_object(request)
        books.client = ""
        mark = books.mark()
        try:
            answer = act(world(), books, body)
        except (RefusedError, MalformedError, DecimalException) as error:
            books.rollback(mark)
            raise BadRequest(str(error) or OUT_OF_RANGE) from error
        except LookupError as error:
            books.rollback(mark)
            raise NotFound(f"not found: {error.args[0]}") from error
        except BaseException:  # a value that cannot be, or a bug of ours: nothing of the act stays
            books.rollback(mark)
            raise
        world().publish(books)
        return json_response(answer)

    return controlled(run)


def _plain(world: Callable[[], World], act: View) -> Handler:
    async def run(request: Request) -> Response:
        return json_response(act(world(), request, await json_object(request)))

    return controlled(run)


def _books(world: World, request: Request) -> Books:
    books = world.books.get(request.path_params["id"].lower())
    if books is None:
        raise NotFound("no such organisation")
    return books


def _companies(world: World, _request: Request, _body: Json) -> object:
    return [
        {"id": b.tenant.id, "name": b.tenant.name, "currency": b.tenant.currency, "country": b.tenant.country}
        for b in world.books.values()
    ]


def _ledger(world: World, request: Request, _body: Json) -> object:
    return reading.ledger(_books(world, request))


def _trial_balance(world: World, request: Request, _body: Json) -> object:
    return {"trial_balance": reading.trial_balance(_books(world, request))}


def _aged(world: World, request: Request, _body: Json) -> object:
    books = _books(world, request)
    day = day_of(request.query_params.get("date"), "date") or books.today
    return reading.aged(books, day, sale=request.query_params.get("side") != "payables")


def _journals(world: World, request: Request, _body: Json) -> object:
    return {"journals": reading.journals(_books(world, request))}


def _documents(world: World, request: Request, _body: Json) -> object:
    books = _books(world, request)
    return {"documents": list(listed(books)), "trial_balance": reading.trial_balance(books)}


def _reset(world: World, request: Request, _body: Json) -> object:
    world.reset_books(_books(world, request).tenant.id)
    return {"reset": True}
