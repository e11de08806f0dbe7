"""Control routes below /_sim/xero.

GET  /companies                             the organisations
GET  /companies/{id}/ledger                 customers, invoices, payments, totals, trial balance
POST /companies/{id}/pay                    {invoice_id | number, amount?, date?, overpay?}
POST /companies/{id}/void_payment           {payment_id}
POST /companies/{id}/edit_invoice           {invoice_id | number, plus fields by their API names}
POST /companies/{id}/void_invoice, /delete_invoice   {invoice_id | number}
POST /companies/{id}/archive_customer       {customer_id}
POST /companies/{id}/rename_customer        {customer_id, name}
POST /companies/{id}/lock                   {period_lock_date?, year_lock_date?} (null or absent lifts it)
POST /companies/{id}/disconnect             the user removes the app on Xero's side
POST /tokens/expire {grant?}  GET /tokens   make tokens invalid; counters of the token endpoint
POST /limits                                {enforce?, minute?, day?, concurrent?, app?, latency?, volume?}
POST /partial                               {after: n}: the next batch saves n elements and answers 500
POST /webhooks/intent                       the intent-to-receive handshake
POST /webhooks/categories                   {categories: [...]} of those that Xero has webhooks for
plus the sender's own /webhooks, /webhooks/switches and /webhooks/retry.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.core.http import BadRequest, Handler, Json, NotFound, controlled, json_object, json_response
from simulators.core.webhook_routes import webhook_routes
from simulators.core.webhooks import WebhookSender
from simulators.xero import acting, reading
from simulators.xero.books import Books
from simulators.xero.element import MalformedError, RefusedError
from simulators.xero.events import CATEGORIES
from simulators.xero.world import World

Deed = Callable[[World, Books, Json], Json]
_LIMITS = {"minute", "day", "concurrent", "app", "volume"}


def xero_control(world: Callable[[], World], sender: WebhookSender) -> list[Route]:
    """All routes; `world` gives the present state."""

    def deed(act: Deed) -> Handler:
        async def run(request: Request) -> Response:
            books = _books(world(), request)
            body = await json_object(request)
            mark = books.mark()
            try:
                answer = act(world(), books, body)
            except (RefusedError, MalformedError) as error:
                books.rollback(mark)
                raise BadRequest(str(error)) from error
            except LookupError as error:
                books.rollback(mark)
                raise NotFound(f"not found: {error.args[0]}") from error
            world().publish(books)
            return json_response(answer)

        return controlled(run)

    def plain(act: Callable[[World, Request, Json], object]) -> Handler:
        async def run(request: Request) -> Response:
            return json_response(act(world(), request, await json_object(request)))

        return controlled(run)

    async def intent(_request: Request) -> Response:
        if sender.url is None:
            raise BadRequest("no webhook target is set")
        return json_response(await world().events.intent_to_receive())

    deeds: dict[str, Deed] = {
        "pay": _pay, "void_payment": _void_payment, "edit_invoice": _edit, "void_invoice": _void,
        "delete_invoice": _delete, "archive_customer": _archive, "rename_customer": _rename, "lock": _lock,
        "disconnect": _disconnect,
    }  # fmt: skip
    return [
        Route("/companies", plain(_companies), methods=["GET"]),
        Route("/companies/{id}/ledger", plain(_ledger), methods=["GET"]),
        *(Route(f"/companies/{{id}}/{name}", deed(act), methods=["POST"]) for name, act in deeds.items()),
        Route("/tokens", plain(_tokens), methods=["GET"]),
        Route("/tokens/expire", plain(_expire), methods=["POST"]),
        Route("/limits", plain(_limits), methods=["GET", "POST"]),
        Route("/partial", plain(_partial), methods=["POST"]),
        Route("/webhooks/intent", controlled(intent), methods=["POST"]),
        Route("/webhooks/categories", plain(_categories), methods=["POST"]),
        *webhook_routes(sender),
    ]


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


def _pay(_world: World, books: Books, body: Json) -> Json:
    invoice = acting.find_invoice(books, _text(body, "invoice_id", "number"))
    amount = None if body.get("amount") is None else _decimal(body["amount"])
    day = _day(body.get("date")) or books.today
    out = acting.pay_invoice(books, invoice, amount, day, overpay=body.get("overpay") is True)
    after = books.documents.rows[invoice.id]
    return out | {"invoice_id": after.id, "balance": str(after.due_amount), "status": after.status}


def _void_payment(_world: World, books: Books, body: Json) -> Json:
    acting.void_payment(books, _text(body, "payment_id"))
    return {"voided": True}


def _edit(_world: World, books: Books, body: Json) -> Json:
    invoice = acting.find_invoice(books, _text(body, "invoice_id", "number"))
    changes = {key: value for key, value in body.items() if key not in ("invoice_id", "number")}
    acting.edit_invoice(books, invoice, changes)
    return _shown(books, invoice.id)


def _void(_world: World, books: Books, body: Json) -> Json:
    invoice = acting.find_invoice(books, _text(body, "invoice_id", "number"))
    acting.void_invoice(books, invoice)
    return _shown(books, invoice.id)


def _delete(_world: World, books: Books, body: Json) -> Json:
    invoice = acting.find_invoice(books, _text(body, "invoice_id", "number"))
    acting.delete_invoice(books, invoice)
    return _shown(books, invoice.id)


def _archive(_world: World, books: Books, body: Json) -> Json:
    acting.archive_customer(books, _text(body, "customer_id"))
    return {"archived": True}


def _rename(_world: World, books: Books, body: Json) -> Json:
    acting.rename_customer(books, _text(body, "customer_id"), _text(body, "name"))
    return {"renamed": True}


def _lock(_world: World, books: Books, body: Json) -> Json:
    books.lock(_day(body.get("period_lock_date")), _day(body.get("year_lock_date")))
    return {"locked": True}


def _disconnect(world: World, books: Books, _body: Json) -> Json:
    return {"disconnected": world.identity.disconnect(books.tenant.id)}


def _tokens(world: World, _request: Request, _body: Json) -> object:
    names = ("exchanges", "refreshes", "refresh_failures", "revocations")
    return {name: world.identity.counters[name] for name in names}


def _expire(world: World, _request: Request, body: Json) -> object:
    what = body.get("grant", "all")
    if what not in ("access", "refresh", "all"):
        raise BadRequest("grant must be access, refresh or all")
    world.identity.expire(what)
    return {"expired": what}


def _limits(world: World, _request: Request, body: Json) -> object:
    limits = world.limits
    for key, value in body.items():
        if key == "enforce" and isinstance(value, bool):
            limits.enforce = value
        elif key in _LIMITS and isinstance(value, int) and not isinstance(value, bool):
            setattr(limits, key, value)
        elif key == "latency":
            limits.latency = float(_decimal(value))
        else:
            raise BadRequest(f"unknown or wrong limit: {key}")
    shown = {name: getattr(limits, name) for name in sorted(_LIMITS)}
    return shown | {"enforce": limits.enforce, "latency": str(limits.latency)}


def _partial(world: World, _request: Request, body: Json) -> object:
    after = body.get("after")
    if after is not None and (not isinstance(after, int) or after < 0):
        raise BadRequest("after must be a whole number, or null to disarm")
    world.cut_after = after
    return {"after": after}


def _categories(world: World, _request: Request, body: Json) -> object:
    wanted = body.get("categories")
    if not isinstance(wanted, list) or not set(wanted) <= CATEGORIES:
        raise BadRequest(f"categories must be of {', '.join(sorted(CATEGORIES))}")
    world.events.categories = frozenset(wanted)
    return {"categories": sorted(wanted)}


def _shown(books: Books, invoice_id: str) -> Json:
    doc = books.documents.rows[invoice_id]
    return {"invoice_id": doc.id, "status": doc.status, "total": str(doc.total), "balance": str(doc.due_amount)}


def _text(body: Json, *keys: str) -> str:
    for key in keys:
        if isinstance(value := body.get(key), str) and value:
            return value
    raise BadRequest(f"{' or '.join(keys)} is required")


def _decimal(value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise BadRequest(f"not a number: {value}") from error
    if not number.is_finite():
        raise BadRequest(f"not a number: {value}")
    return number


def _day(value: object) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise BadRequest(f"not a date: {value}") from error
