"""Answers: JSON with escaped /Date(…)/, XML when JSON was not asked for, and Xero's error bodies."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response

from simulators.core.http import Json, json_response
from simulators.core.money import dumps
from simulators.xero.books import new_id
from simulators.xero.identity import Grant, Identity

_DATE = re.compile(rb'"/Date\((-?\d+(?:[+-]\d{4})?)\)/"')
_MOMENT = re.compile(r"^/Date\((-?\d+)(?:[+-]\d{4})?\)/$")
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SINGULAR = {
    "Currencies": "Currency", "Addresses": "Address", "TrackingCategories": "TrackingCategory",
    "Tracking": "TrackingCategory",
}  # fmt: skip


class Unauthorized(Exception):
    """The bearer token is missing, unknown or expired; `detail` goes into the 401."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def bearer(identity: Identity, request: Request) -> Grant:
    """The grant behind the access token. Raises Unauthorized."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    grant = identity.access.get(token.strip()) if kind.lower() == "bearer" else None
    if grant is None:
        raise Unauthorized("AuthenticationUnsuccessful")
    if grant.expires <= identity.clock.now():
        raise Unauthorized(f"TokenExpired: token expired at {grant.expires:%m/%d/%Y %H:%M:%S}")
    return grant


def problem(status: int, detail: str) -> Response:
    """401 and 403 of the API gateway, always JSON."""
    title = {401: "Unauthorized", 403: "Forbidden", 400: "Bad Request"}[status]
    body: Json = {
        "Type": None, "Title": title, "Status": status, "Detail": detail, "Instance": new_id(), "Extensions": {},
    }  # fmt: skip
    headers = {"WWW-Authenticate": "insufficient_scope"} if detail == "AuthorizationUnsuccessful" else {}
    return json_response(body, status, headers)


def html_missing() -> Response:
    """404: a page, not JSON."""
    return Response(b"", 404, media_type="text/html")


def not_simulated(reason: str) -> Response:
    """501: Xero has this, the simulator has not."""
    return json_response({"Type": "NotImplemented", "Message": f"The simulator does not do this: {reason}"}, 501)


def answer(request: Request, payload: Json, status: int = 200) -> Response:
    """JSON when the caller accepts it by name; XML otherwise, as Xero answers by default."""
    headers = {"Cache-Control": "no-cache, no-store", "Xero-Correlation-Id": new_id()}
    if "json" in request.headers.get("accept", "").lower():
        raw = _DATE.sub(rb'"\\/Date(\1)\\/"', dumps(payload))
        return Response(raw, status, headers, media_type="application/json; charset=utf-8")
    root = ET.Element("ApiException" if status >= 400 else "Response")
    _fill(root, payload)
    raw = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(raw, status, headers, media_type="text/xml; charset=utf-8")


def bad_request(request: Request, number: int, kind: str, message: str, elements: list[Json] | None = None) -> Response:
    """The 400 body of the accounting API."""
    body: Json = {"ErrorNumber": number, "Type": kind, "Message": message}
    if elements is not None:
        body["Elements"] = elements
    return answer(request, body, 400)


def _fill(parent: ET.Element, value: object) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is not None:
                _fill(ET.SubElement(parent, str(key)), inner)
    elif isinstance(value, list):
        name = _SINGULAR.get(parent.tag, parent.tag.removesuffix("s"))
        for inner in value:
            _fill(ET.SubElement(parent, name), inner)
    else:
        parent.text = _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and (found := _MOMENT.match(value)):
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found[1]))
        fraction = f".{moment.microsecond // 1000:03d}" if moment.microsecond else ""
        return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}"
    if isinstance(value, Decimal):
        return format(value, "f")
    return _NOT_XML.sub("", str(value))
