"""A fault as the control API takes it: every field checked, so that an armed fault can always be carried out."""

import re
from dataclasses import asdict, fields
from decimal import Decimal
from typing import get_args

from simulators.core.checks import choice_of, decimal_of, wait_of, whole_of
from simulators.core.faults import Fault, FaultKind
from simulators.core.http import Json, Unprocessable

PROVIDERS = ("intuit", "xero")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_FIELDS = {f.name for f in fields(Fault)}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_WITHOUT_BODY = (204, 304)


def fault_of(body: Json) -> Fault:
    """The fault of a request. Raises Unprocessable."""
    unknown = set(body) - _FIELDS
    if unknown:
        raise Unprocessable(f"unknown fault fields: {', '.join(sorted(unknown))}")
    method = body.get("method")
    status = whole_of(body.get("status", 503), "status", 200, 599)
    said = _text(body, "body")
    if said and status in _WITHOUT_BODY:
        raise Unprocessable(f"an answer {status} has no body")
    rate = body.get("rate")
    times = body.get("times")
    return Fault(
        provider=choice_of(body.get("provider"), "provider", PROVIDERS),
        path=_pattern(body),
        kind=_KINDS[choice_of(body.get("kind"), "kind", _KINDS)],
        method=None if method is None else choice_of(str(method).upper(), "method", METHODS),
        status=status,
        headers=_headers(body.get("headers", {})),
        body=said,
        delay=wait_of(body.get("delay", 30), "delay"),
        times=None if times is None else whole_of(times, "times", 1),
        skip=whole_of(body.get("skip", 0), "skip"),
        preset=_text(body, "preset"),
        rate=None if rate is None else float(decimal_of(rate, "rate", Decimal(0), Decimal(1))),
        seed=whole_of(body.get("seed", 0), "seed"),
    )


def shown(fault: Fault) -> Json:
    """A fault as JSON; the numbers with a fraction as text."""
    return {**asdict(fault), "delay": str(fault.delay), "rate": None if fault.rate is None else str(fault.rate)}


_KINDS: dict[str, FaultKind] = {kind: kind for kind in get_args(FaultKind)}


def _text(body: Json, name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Unprocessable(f"{name} must be text")
    return value


def _pattern(body: Json) -> str:
    pattern = _text(body, "path")
    try:
        re.compile(pattern)
    except re.error as error:
        raise Unprocessable(f"path is no regular expression: {error}") from error
    return pattern


def _headers(value: object) -> dict[str, str]:
    """Names and values that HTTP can carry; the length of the body is ours to tell."""
    if not isinstance(value, dict):
        raise Unprocessable("headers must be an object of texts")
    for name, said in value.items():
        if not (isinstance(said, str) and _HEADER.fullmatch(name) and said.isprintable() and said.isascii()):
            raise Unprocessable(f"header {name!r} cannot be sent")
        if name.lower() in ("content-length", "transfer-encoding"):
            raise Unprocessable(f"header {name} is computed")
    return value
