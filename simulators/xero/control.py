"""Control routes below /_sim/xero.

GET  /companies                             the organisations
GET  /companies/{id}/ledger                 customers, invoices, payments, totals, trial balance
GET  /companies/{id}/trial_balance, /journals
GET  /companies/{id}/aged?side=&date=       open receivables (or side=payables) by days overdue, per customer
POST /companies/{id}/pay                    {invoice_id | number, amount?, date?, overpay?}
POST /companies/{id}/void_payment           {payment_id}
POST /companies/{id}/edit_invoice           {invoice_id | number, plus fields by their API names}
POST /companies/{id}/void_invoice, /delete_invoice   {invoice_id | number}
POST /companies/{id}/archive_customer       {customer_id}
POST /companies/{id}/rename_customer        {customer_id, name}
POST /companies/{id}/lock                   {period_lock_date?, year_lock_date?} (null or absent lifts it)
POST /companies/{id}/archive_account        {account: id or code}
POST /companies/{id}/disconnect             the user removes the app on Xero's side
POST /tokens/expire {grant?}  GET /tokens   make tokens invalid; counters of the token endpoint
POST /limits                                {enforce?, minute?, day?, concurrent?, app?, latency?, volume?}
POST /partial                               {after: n}: the next batch saves n elements and answers 500
POST /consent                               {bulk?, granular_only?}: the app's tier and age
GET  /webhooks/subscription                 {disabled, waiting}
POST /webhooks/enable                       after a day of failures: on again, replay what was kept
POST /webhooks/reorder                      {on}: every second body overtakes the one before it
POST /webhooks/intent                       the intent-to-receive handshake
POST /webhooks/categories                   {categories: [...]} of those that Xero has webhooks for
plus the sender's own /webhooks, /webhooks/switches and /webhooks/retry.
"""

from collections.abc import Callable
from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.core.http import BadRequest, Handler, Json, NotFound, controlled, json_object, json_response
from simulators.core.webhook_routes import webhook_routes
from simulators.xero import acting, control_app, reading
from simulators.xero.books import Books
from simulators.xero.control_app import decimal_of
from simulators.xero.element import MalformedError, RefusedError
from simulators.xero.sender import XeroSender
from simulators.xero.world import World

Deed = Callable[[World, Books, Json], Json]
View = Callable[[World, Request, Json], object]


def xero_control(world: Callable[[], World], sender: XeroSender) -> list[Route]:
    """All routes; `world` gives the present state."""
    deeds: dict[str, Deed] = {
        "pay": _pay, "void_payment": _void_payment, "edit_invoice": _edit, "void_invoice": _void,
        "delete_invoice": _delete, "archive_customer": _archive, "rename_customer": _rename, "lock": _lock,
        "archive_account": _archive_account, "disconnect": _disconnect,
    }  # fmt: skip
    views: dict[str, View] = {
        "": _companies, "/{id}/ledger": _ledger, "/{id}/trial_balance": _trial_balance, "/{id}/aged": _aged,
        "/{id}/journals": _journals,
    }  # fmt: skip
    return [
        *(Route(f"/companies{path}", _plain(world, view), methods=["GET"]) for path, view in views.items()),
        *(Route(f"/companies/{{id}}/{name}", _deed(world, act), methods=["POST"]) for name, act in deeds.items()),
        Route("/tokens", _plain(world, control_app.tokens), methods=["GET"]),
        Route("/tokens/expire", _plain(world, control_app.expire), methods=["POST"]),
        Route("/limits", _plain(world, control_app.limits), methods=["GET", "POST"]),
        Route("/partial", _plain(world, control_app.partial), methods=["POST"]),
        Route("/consent", _plain(world, control_app.consent), methods=["POST"]),
        Route("/webhooks/categories", _plain(world, control_app.categories), methods=["POST"]),
        Route("/webhooks/reorder", _plain(world, control_app.reorder), methods=["POST"]),
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
        except (RefusedError, MalformedError) as error:
            books.rollback(mark)
            raise BadRequest(str(error)) from error
        except LookupError as error:
            books.rollback(mark)
            raise NotFound(f"not found: {error.args[0]}") from error
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
    day = _day(request.query_params.get("date")) or books.today
    return reading.aged(books, day, sale=request.query_params.get("side") != "payables")


def _journals(world: World, request: Request, _body: Json) -> object:
    return {"journals": reading.journals(_books(world, request))}


def _archive_account(_world: World, books: Books, body: Json) -> Json:
    acting.archive_account(books, _text(body, "account"))
    return {"archived": True}


def _pay(_world: World, books: Books, body: Json) -> Json:
    invoice = acting.find_invoice(books, _text(body, "invoice_id", "number"))
    amount = None if body.get("amount") is None else decimal_of(body["amount"])
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


def _shown(books: Books, invoice_id: str) -> Json:
    doc = books.documents.rows[invoice_id]
    return {"invoice_id": doc.id, "status": doc.status, "total": str(doc.total), "balance": str(doc.due_amount)}


def _text(body: Json, *keys: str) -> str:
    for key in keys:
        if isinstance(value := body.get(key), str) and value:
            return value
    raise BadRequest(f"{' or '.join(keys)} is required")


def _day(value: object) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise BadRequest(f"not a date: {value}") from error
