"""The accounting API: token, scope, organisation, limits, idempotency, then the endpoint.

The order is Xero's: a replay by Idempotency-Key still costs a call, a refused token costs none.
"""

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from simulators.xero.bank_routes import bank_transactions, bank_transfers, manual_journals
from simulators.xero.call import Call, MissingError, query_of
from simulators.xero.document_routes import credit_notes, invoices
from simulators.xero.element import MalformedError, NotSimulatedError, RefusedError
from simulators.xero.idempotency import fingerprint_of
from simulators.xero.list_routes import contact_groups, tracking_categories, users
from simulators.xero.party_routes import contacts, overpayments, payments, prepayments
from simulators.xero.queries import VolumeError
from simulators.xero.scopes import allows
from simulators.xero.settings_routes import accounts, currencies, items, organisation, tax_rates
from simulators.xero.where import QueryError
from simulators.xero.wire import Unauthorized, bad_request, bearer, html_missing, not_simulated, problem
from simulators.xero.world import World
from simulators.xero.writes import BatchError, CutShortError

Endpoint = Callable[[Call], Response]


def journals(_call: Call) -> Response:
    """The ledger itself belongs to the Advanced tier, which this app has not got."""
    return problem(403, "AuthorizationUnsuccessful")


ENDPOINTS: dict[str, Endpoint] = {
    "contacts": contacts,
    "invoices": invoices,
    "creditnotes": credit_notes,
    "payments": payments,
    "overpayments": overpayments,
    "prepayments": prepayments,
    "banktransactions": bank_transactions,
    "banktransfers": bank_transfers,
    "manualjournals": manual_journals,
    "journals": journals,
    "contactgroups": contact_groups,
    "trackingcategories": tracking_categories,
    "users": users,
    "organisation": organisation,
    "accounts": accounts,
    "taxrates": tax_rates,
    "items": items,
    "currencies": currencies,
}
ABSENT = {
    "batchpayments", "brandingthemes", "budgets", "employees", "expenseclaims", "invoicereminders",
    "linkedtransactions", "paymentservices", "purchaseorders", "quotes", "receipts", "repeatinginvoices", "reports",
    "setup",
}  # fmt: skip
# Below a record of any kind.
ABSENT_PARTS = {"attachments", "history", "pdf", "email", "onlineinvoice", "cissettings"}
MOST_BYTES = 10 * 1024 * 1024
# What a web server of that make lets through: some fifty ids.
LONGEST_QUERY = 2048
WRITES = ("PUT", "POST", "PATCH", "DELETE")


async def accounting(world: World, request: Request) -> Response:
    """Answer one request below /api.xro/2.0."""
    name, *rest = [part for part in request.path_params["path"].split("/") if part] or [""]
    resource = name.lower()
    try:
        grant = bearer(world.identity, request)
    except Unauthorized as refusal:
        return problem(401, refusal.detail)
    if resource not in ENDPOINTS:
        return not_simulated(f"/{name} is absent in this version") if resource in ABSENT else html_missing()
    if not allows(grant.scopes, resource, write=request.method in WRITES):
        return problem(401, "AuthorizationUnsuccessful")
    tenant = request.headers.get("xero-tenant-id", "").lower()
    if tenant not in {c.tenant_id for c in world.identity.connections_of(grant)}:
        return problem(403, "AuthenticationUnsuccessful")
    limited = world.limits.enter(grant.client_id, tenant)
    if limited is not None:
        headers = world.limits.headers(grant.client_id, tenant) | {"X-Rate-Limit-Problem": limited.problem}
        headers |= {} if limited.wait is None else {"Retry-After": str(limited.wait)}
        return Response(None, 429, headers)
    if len(request.url.query) > LONGEST_QUERY:
        world.limits.leave(grant.client_id, tenant)
        return Response(b"<html><body>Request-URI Too Long</body></html>", 414, media_type="text/html")
    try:
        body = await request.body()
        if len(body) > MOST_BYTES:
            return Response(b"<html><body>Request Entity Too Large</body></html>", 413, media_type="text/html")
        if world.limits.latency:
            await asyncio.sleep(world.limits.latency)
        response = _once(world, request, grant.client_id, tenant, resource, tuple(rest), body)
    finally:
        world.limits.leave(grant.client_id, tenant)
    response.headers.update(world.limits.headers(grant.client_id, tenant))
    return response


def _once(
    world: World, request: Request, client: str, tenant: str, resource: str, rest: tuple[str, ...], body: bytes
) -> Response:
    """Run the endpoint, or give the answer that its Idempotency-Key already has."""
    key = request.headers.get("idempotency-key") if request.method in ("PUT", "POST", "PATCH") else None
    fingerprint = fingerprint_of(request, body)
    if key:
        found = world.replays.find(client, key, fingerprint)
        if isinstance(found, str):
            return problem(400, found)
        if found is not None:
            return found
    if any(part.lower() in ABSENT_PARTS for part in rest[1:2]):
        return not_simulated(f"/{resource}/{{id}}/{rest[1]} is absent in this version")
    books = world.books[tenant]
    books.client = client
    cut = world.cut_after if request.method in ("PUT", "POST") else None
    call = Call(request, books, client, rest, query_of(request, world.limits.volume), body, cut)
    response = _run(world, call, ENDPOINTS[resource])
    # A failed server keeps nothing, or no retry could ever succeed within the six minutes.
    if key and response.status_code < 500:
        world.replays.keep(client, key, fingerprint, response)
    return response


def _run(world: World, call: Call, endpoint: Endpoint) -> Response:
    start = call.books.mark()
    try:
        response = _answered(world, call, endpoint, start)
    except BaseException:  # whatever bug of ours it is, half of a request must not stay in the books
        call.books.rollback(start)
        raise
    world.publish(call.books)
    return response


def _answered(world: World, call: Call, endpoint: Endpoint, start: tuple[int, int]) -> Response:
    """The endpoint's answer, or the refusal in its own shape with nothing saved."""
    request = call.request
    try:
        response = endpoint(call)
    except CutShortError:
        world.cut_after = None
        response = Response("<html><body>An error occurred</body></html>", 500, media_type="text/html")
    except BatchError as error:
        response = bad_request(request, 10, "ValidationException", "A validation exception occurred", error.elements)
    except RefusedError as error:
        call.books.rollback(start)
        elements = [{"ValidationErrors": [{"Message": message} for message in error.messages]}]
        response = bad_request(request, 10, "ValidationException", "A validation exception occurred", elements)
    except QueryError as error:
        response = bad_request(request, 16, "QueryParseException", str(error))
    except MalformedError as error:
        call.books.rollback(start)
        response = bad_request(request, 17, "PostDataInvalidException", str(error))
    except VolumeError as error:
        response = bad_request(request, 10, "ValidationException", str(error))
    except MissingError:
        response = html_missing()
    except NotSimulatedError as error:
        call.books.rollback(start)
        response = not_simulated(str(error))
    return response
