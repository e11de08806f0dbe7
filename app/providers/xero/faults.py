"""From an answer of Xero to our errors.

Xero tells apart only a few things by number; for the rest its text is all there is, and one table reads it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from app.errors import (
    Fault,
    Misconfigured,
    NeedsReauth,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from app.providers.http import Answer
from app.providers.jsontext import loads
from app.providers.xero.fault_texts import OTHER, WHOLE_CALL, meaning_of
from app.providers.xero.values import Element, children, text

# How long to wait when a 429 does not say: by what ran out. Concurrency frees itself within a call's length.
_PAUSES = (
    ("day", timedelta(hours=1)),
    ("concurrent", timedelta(seconds=3)),
    ("app", timedelta(seconds=10)),
    ("minute", timedelta(seconds=60)),
)
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Problem:
    """What an answer other than 200 says about itself; empty strings where it says nothing.

    `elements` are the refused records with their own messages, in the order of the request.
    """

    number: str
    kind: str
    message: str
    detail: str
    elements: tuple[Element, ...]

    @property
    def said(self) -> str:
        """Xero's words."""
        return self.detail or self.message

    @property
    def vendor_code(self) -> str:
        """Its number and type of error, as support knows them."""
        return f"{self.number} {self.kind}".strip()


def success_body(answer: Answer) -> Mapping[str, object]:
    """The JSON object of a successful read.

    Raises RateLimited, NeedsReauth, Misconfigured, ProviderUnavailable or ProviderRejected for anything else.
    """
    if answer.status != 200:
        raise_problem(answer)
    body = json_object(answer.body)
    if body is None:
        raise ProviderUnavailable("Xero answered a read with something that is not JSON.")
    return body


def raise_problem(answer: Answer) -> NoReturn:
    """Raise what an unsuccessful read comes to."""
    refusal = access_error(answer)
    if refusal is not None:
        raise refusal
    if answer.status == 429:
        limit, wait = throttle(answer)
        raise RateLimited(f"Xero's {limit} limit is reached.", retry_after=wait, limit=limit)
    if answer.status == 404:
        raise Misconfigured("Xero does not know this address.", who="operator", fix="Check the Xero API address.")
    if 400 <= answer.status < 500 and answer.status not in {408, 412}:
        raise ProviderRejected([whole_call_fault(answer)])
    raise ProviderUnavailable(f"Xero gave no usable answer (HTTP {answer.status}).")


def access_error(answer: Answer) -> ProviderError | None:
    """What a 401 or 403 means once the token has been renewed; None for any other status.

    A scope or permission that is missing concerns one kind of record, so the connection stays as it is. A 403 in
    Xero's own shape means that the organisation is not (or no longer) connected; any other comes from a gateway.
    """
    if answer.status not in {401, 403}:
        return None
    detail = problem_of(answer).detail
    challenge = answer.headers.get("www-authenticate", "")
    if "AuthorizationUnsuccessful" in detail or "insufficient_scope" in challenge:
        return ProviderRejected([_missing_scope(detail)])
    if answer.status == 401:
        return NeedsReauth("Xero no longer accepts our access. Connect the organisation again.")
    if "AuthenticationUnsuccessful" in detail:
        return NeedsReauth("The organisation is no longer connected to this service in Xero. Connect it again.")
    if detail:
        return ProviderRejected([_no_permission(detail)])
    return ProviderUnavailable("Xero's gateway refused the call (HTTP 403).")


def throttle(answer: Answer) -> tuple[str, timedelta]:
    """Which limit a 429 is about (day, concurrent, app or minute) and how long to wait."""
    problem = answer.headers.get("x-rate-limit-problem", "").lower()
    # The spelling of the rarer values is undocumented; `appminute` holds `minute`, so the order above matters.
    limit, pause = next(((name, pause) for name, pause in _PAUSES if name in problem), _PAUSES[-1])
    said = answer.headers.get("retry-after", "").strip()
    # The longest window is a day; a header that says more is no reason to stand still longer.
    told = said.isascii() and said.isdigit() and len(said) <= 6
    return limit, timedelta(seconds=int(said)) if told else pause


def whole_call_fault(answer: Answer) -> Fault:
    """Why a call as a whole was refused."""
    problem = problem_of(answer)
    messages = [message for element in problem.elements for message in messages_of(element)]
    if messages:
        return fault_of(messages[0], problem.vendor_code)
    meaning = meaning_of(problem.said)
    if meaning is OTHER:
        meaning = WHOLE_CALL
    return meaning.fault(problem.said, problem.vendor_code or f"HTTP {answer.status}")


def element_faults(element: Element) -> tuple[Fault, ...]:
    """Why one record was refused: one fault per message."""
    return tuple(fault_of(message, "ValidationException") for message in messages_of(element))


def fault_of(message: str, vendor_code: str) -> Fault:
    """One of Xero's messages in our words."""
    return meaning_of(message).fault(message, vendor_code)


def messages_of(element: Element, key: str = "ValidationErrors") -> list[str]:
    """The messages of an element; the vendor's examples show them under either of two names."""
    found = (text(entry, "Message") or text(entry, "Description") for entry in children(element, key))
    return [message for message in found if message]


def problem_of(answer: Answer) -> Problem:
    """Read an unsuccessful answer of any shape; the gateways differ in the case of their keys."""
    body = json_object(answer.body)
    if body is None:
        return Problem("", "", _readable(answer), "", ())
    fields = {key.lower(): value for key, value in body.items()}
    number = fields.get("errornumber")
    elements = fields.get("elements")
    listed: Sequence[object] = elements if isinstance(elements, list) else ()
    return Problem(
        number=str(number) if isinstance(number, int) else "",
        kind=text(fields, "type"),
        message=text(fields, "message") or text(fields, "title"),
        detail=text(fields, "detail"),
        elements=tuple(element for element in listed if isinstance(element, Mapping)),
    )


def json_object(body: bytes) -> Mapping[str, object] | None:
    """The body as a JSON object, or None where it is anything else."""
    try:
        value = loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _readable(answer: Answer) -> str:
    """A plain-text body, shortened; a page of HTML says nothing to a bookkeeper."""
    words = answer.body.decode("utf-8", "replace").strip()
    return "" if answer.content_type == "text/html" or re.match(r"<|\{|\[", words) else words[:_SHOWN]


def _missing_scope(said: str) -> Fault:
    return Fault(
        "missing_scope",
        "This connection was made without a permission that this needs.",
        who="admin",
        fix="Reconnect the organisation and allow everything that is asked for.",
        vendor_code="401",
        vendor_message=said,
    )


def _no_permission(said: str) -> Fault:
    return Fault(
        "permission_denied",
        "The person who connected Xero may not do this there.",
        who="admin",
        fix="Let an administrator of the organisation reconnect it.",
        vendor_code="403",
        vendor_message=said,
    )
