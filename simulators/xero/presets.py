"""Xero's failures in its own words, by name, for `preset` faults."""

from collections.abc import Callable

from simulators.core.faults import CannedAnswer, Presets
from simulators.core.money import dumps
from simulators.xero.books import new_id

_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html"}


def presets() -> Presets:
    """429 of each kind, refused tokens and tenants, outages as page and as text, and a refused refresh."""
    return {
        "rate_minute": _limited("minute", 26),
        "rate_day": _limited("day", 66_975),
        "rate_concurrent": _limited("concurrent", None),
        "rate_app": _limited("appminute", None),
        "token_expired": _problem(401, "Unauthorized", "TokenExpired: token expired at 01/23/2020 18:21:16"),
        "token_unknown": _problem(401, "Unauthorized", "AuthenticationUnsuccessful"),
        "scope_missing": _problem(401, "Unauthorized", "AuthorizationUnsuccessful"),
        "tenant_refused": _problem(403, "Forbidden", "AuthenticationUnsuccessful"),
        "missing": lambda: CannedAnswer(404, dict(_HTML)),
        "server_error": lambda: CannedAnswer(500, dict(_HTML), "<html><body>An error occurred</body></html>"),
        "organisation_offline": lambda: CannedAnswer(
            503, {"Content-Type": "text/plain"}, "The organisation for this access token is not active or is offline"
        ),
        "invalid_grant": lambda: CannedAnswer(400, dict(_JSON), '{"error":"invalid_grant"}'),
    }


def _limited(problem: str, wait: int | None) -> Callable[[], CannedAnswer]:
    headers = {"X-Rate-Limit-Problem": problem} | ({} if wait is None else {"Retry-After": str(wait)})
    return lambda: CannedAnswer(429, dict(headers))


def _problem(status: int, title: str, detail: str) -> Callable[[], CannedAnswer]:
    def build() -> CannedAnswer:
        body = {"Type": None, "Title": title, "Status": status, "Detail": detail, "Instance": new_id()}
        return CannedAnswer(status, dict(_JSON), dumps(body | {"Extensions": {}}).decode())

    return build
