"""The accounting API over HTTP: authentication, throttling, replay, dispatch, envelopes (reference 2)."""

import uuid
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.core.http import Json, json_response
from simulators.core.money import dumps, loads
from simulators.intuit.company import Company
from simulators.intuit.entities import BY_PATH, Entity
from simulators.intuit.faults import NotSimulated, QboFault, gateway_fault, throttle_xml, unsupported, wrong_cluster_xml
from simulators.intuit.limits import Limits
from simulators.intuit.multi import batch, changes
from simulators.intuit.oauth import Grant, TokenStore
from simulators.intuit.operations import INCLUDES, delete, read, save, void
from simulators.intuit.query_run import run
from simulators.intuit.sending import send
from simulators.intuit.stamps import answer_time
from simulators.intuit.tax_service import create_tax_code

MAX_REQUEST_ID = 50
_VOIDS = (("Invoice", "void", None), ("Payment", "update", "void"))
_SENT = ("invoice", "creditmemo")


class AccountingApi:
    """All of /v3/company/{realm}/..."""

    def __init__(
        self, tokens: TokenStore, limits: Limits, companies: dict[str, Company], production: frozenset[str]
    ) -> None:
        self._tokens = tokens
        # Client ids of production keys, which do not open sandbox companies.
        self._production = production
        self._limits = limits
        self._companies = companies

    def routes(self) -> list[Route]:
        """What is mounted under /intuit."""
        return [Route("/v3/company/{realm}/{rest:path}", self.call, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]

    async def call(self, request: Request) -> Response:
        """One API call, from the bearer to the answer. Nothing awaits between reading and committing."""
        body = await request.body()
        realm = request.path_params["realm"]
        grant = self._authorize(request, realm)
        if isinstance(grant, Response):
            return grant
        company = self._companies[realm]
        path = request.path_params["rest"]
        metered = request.method == "GET" or path == "query"
        if not self._limits.admit(realm, grant.client, batch=path == "batch", core_plus=metered):
            return Response(throttle_xml(answer_time(company.now)), 429, media_type="application/xml")
        if "application/json" not in request.headers.get("accept", ""):
            return self._not_simulated("XML answers (no Accept: application/json) are not simulated")
        try:
            status, payload = self._replayed(company, request, path, body)
        except NotSimulated as reason:
            return self._not_simulated(str(reason))
        if metered and status == 200:
            self._limits.meter()
        headers = {"intuit_tid": str(uuid.uuid4()), "qbo-version": "simulated"}
        return Response(dumps(payload, trim=True), status, headers, media_type="application/json;charset=UTF-8")

    def _authorize(self, request: Request, realm: str) -> Response | Grant:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant, why = self._tokens.check(token.strip() if scheme.lower() == "bearer" else "")
        if grant is None:
            message = "message=AuthenticationFailed; errorCode=003200; statusCode=401"
            return self._gateway("AUTHENTICATION", message, why, "3200", 401)
        if grant.client in self._production:
            now = answer_time(self._tokens.now())
            return Response(wrong_cluster_xml(now), 401, media_type="application/xml")
        accounting = "com.intuit.quickbooks.accounting" in grant.scope.split()
        if grant.realm != realm or realm not in self._companies or not accounting:
            message = "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"
            return self._gateway("AUTHORIZATION", message, "", "3100", 403)
        return grant

    def _gateway(self, kind: str, message: str, detail: str, code: str, status: int) -> Response:
        body = gateway_fault(kind, message, detail, code, int(self._tokens.now().timestamp() * 1000))
        return json_response(body, status, {"intuit_tid": str(uuid.uuid4())})

    def _not_simulated(self, reason: str) -> Response:
        return json_response({"error": "not_simulated", "reason": reason}, 501)

    def _replayed(self, company: Company, request: Request, path: str, body: bytes) -> tuple[int, Json]:
        """Run once per requestid; the first answer, faults included, is given again (reference 2.2)."""
        request_id = request.query_params.get("requestid")
        if not request_id or path == "batch":
            return self._answered(company, request, path, body)
        if len(request_id) > MAX_REQUEST_ID:
            fault = QboFault("2130", "Invalid Request Id", f"requestid has at most {MAX_REQUEST_ID} characters")
            return _faulty(company, fault)
        if request_id not in company.replay:
            company.replay[request_id] = self._answered(company, request, path, body)
        return company.replay[request_id]

    def _answered(self, company: Company, request: Request, path: str, body: bytes) -> tuple[int, Json]:
        try:
            payload = _dispatch(company, request, path, body)
        except QboFault as fault:
            return _faulty(company, fault)
        return 200, {**payload, "time": answer_time(company.now)}


def _faulty(company: Company, fault: QboFault) -> tuple[int, Json]:
    return fault.status, {"Fault": fault.body(), "time": answer_time(company.now)}


def _dispatch(company: Company, request: Request, path: str, body: bytes) -> Json:
    method, query = request.method, request.query_params
    if path == "query" and method in ("GET", "POST"):
        statement = query.get("query") or (text_of(body) if method == "POST" else "")
        return {"QueryResponse": run(company, statement)}
    if path == "cdc" and method == "GET":
        return changes(company, query.get("entities", ""), query.get("changedSince", ""))
    if path == "batch" and method == "POST":
        return batch(company, _json(body), query.get("requestid"))
    if path == f"companyinfo/{company.realm}" and method == "GET":
        return {"CompanyInfo": company.info}
    if path == "preferences" and method == "GET":
        return {"Preferences": company.preferences}
    if path.lower() == "taxservice/taxcode" and method == "POST":
        return create_tax_code(company, _json(body))
    name, _, key = path.partition("/")
    if method == "POST" and name in _SENT and key.endswith("/send"):
        entity = BY_PATH[name]
        return {entity.name: send(company, entity.name, key.removesuffix("/send"), query.get("sendTo"))}
    found = BY_PATH.get(name)
    if found is None or "/" in key or method not in ("GET", "POST") or (method == "GET") != bool(key):
        raise NotSimulated(f"{method} /{path} is not simulated")
    if method == "GET":
        return {found.name: read(company, found, key)}
    return _change(company, found, query, _json(body))


def _change(company: Company, entity: Entity, query: Mapping[str, str], body: Json) -> Json:
    """POST to an entity; voiding is spelt differently per entity (reference 2.9)."""
    operation, include = query.get("operation"), query.get("include")
    if operation == "delete":
        return {entity.name: delete(company, entity, body)}
    if (entity.name, operation, include) in _VOIDS:
        return {entity.name: void(company, entity, body)}
    if (entity.name, operation) == ("JournalEntry", "void"):
        # Observed: a success that does nothing.
        return {"BatchItemResponse": []}
    if include and include.lower() == "invoicelink":
        raise NotSimulated("invoice links (include=invoiceLink) are not simulated")
    if operation in (None, "update", "create") and (include is None or (entity.name, include) in INCLUDES):
        return {entity.name: save(company, entity, body, include)}
    raise unsupported(" ".join(filter(None, (operation, include))))


def text_of(body: bytes) -> str:
    """The request body as text. Raises 500 when it is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise unsupported("MalformedByteSequenceException") from error


def _json(body: bytes) -> Json:
    """The request body as an object. Raises 2010 when it is not, 500 when it is not UTF-8."""
    text = text_of(body)
    try:
        parsed = loads(text)
    except ValueError as error:
        raise QboFault("2010", "Request has invalid or unsupported property", "The body is not JSON") from error
    if not isinstance(parsed, dict):
        raise QboFault("2010", "Request has invalid or unsupported property", "The body is not a JSON object")
    return parsed
