"""Clients for what the story speaks to: the service's REST API with a bearer key, and the simulators' control API."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from time import monotonic, sleep
from typing import Any, TypeVar

import httpx

from demo.books import Json

T = TypeVar("T")
VENDORS = {"quickbooks": "intuit", "xero": "xero"}
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')
_QUERY = "POST /query"  # reads: Intuit takes long queries in the body
_PATIENCE = 40.0
_PAGE = 200


class Refused(Exception):
    """An answer other than the expected ones. `problem` is the service's problem document, if it sent one."""

    def __init__(self, request: str, answer: httpx.Response) -> None:
        self.status = answer.status_code
        try:
            body = decode(answer)
        except ValueError:
            body = None
        self.problem: Json = body if isinstance(body, dict) else {}
        told = [str(self.problem[name]) for name in ("code", "detail", "errors") if self.problem.get(name)]
        super().__init__(f"{request} answered {self.status}: {' | '.join(told) or answer.text[:300]}")


class TookTooLong(Exception):
    """What was waited for did not come about in time."""


def decode(answer: httpx.Response) -> Any:
    """The JSON of an answer; numbers with a point become Decimal."""
    return json.loads(answer.text, parse_float=Decimal)


def wait_for(look: Callable[[], T | None], what: str, *, seconds: float = 30.0, every: float = 0.1) -> T:
    """Look again and again until there is something to see. Raises TookTooLong."""
    deadline = monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if monotonic() > deadline:
            raise TookTooLong(f"{what}: not within {seconds:.0f} s.")
        sleep(every)


class Api:
    """One caller of the service: a firm's API key."""

    def __init__(self, base_url: str, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=30"}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=_PATIENCE)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def ask(self, method: str, path: str, body: object = None, **query: object) -> Any:
        """The JSON of a successful answer. Raises Refused."""
        return decode(self._send(method, path, body, query))

    def get(self, path: str, **query: object) -> Any:
        """Read."""
        return self.ask("GET", path, None, **query)

    def post(self, path: str, body: object = None) -> Any:
        """Do."""
        return self.ask("POST", path, body)

    def every(self, path: str, **query: object) -> list[Json]:
        """All entries of a list, whichever way it is paged: `items` and `next`, or a bare array and a Link header."""
        found: list[Json] = []
        answer = self._send("GET", path, None, {"limit": _PAGE, **query})
        while True:
            body = decode(answer)
            if isinstance(body, dict):
                found += body["items"]
                if body["next"] is None:
                    return found
                answer = self._send("GET", path, None, {"limit": _PAGE, **query, "cursor": body["next"]})
                continue
            found += body
            link = _NEXT.search(answer.headers.get("link", ""))
            if link is None:
                return found
            answer = self._send("GET", link.group(1), None, {})

    def finished(self, answer: Json, what: str) -> Json:
        """The run an answer names, once it is over. Raises TookTooLong."""
        run: Json = answer["run"]
        if run["state"] in ("queued", "running"):
            path = f"/api/v1/accounting/runs/{run['run_id']}"
            run = wait_for(lambda: _closed(self.get(path)), what, seconds=60)
        return run

    def _send(self, method: str, path: str, body: object, query: Json) -> httpx.Response:
        # Without a body there is no content type either; an empty query must not erase the one in a link.
        answer = (
            self._http.request(method, path, json=body, params=query)
            if body is not None
            else (self._http.request(method, path, params=query or None))
        )
        if not answer.is_success:
            raise Refused(f"{method} {path}", answer)
        return answer


class Simulators:
    """The people at the vendors' own screens, and what the vendors count and keep."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=f"{base_url}/_sim", timeout=_PATIENCE)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def ask(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """The JSON of a successful answer. Raises Refused."""
        answer = self._http.request(method, path, json=body, params=query or None)
        if not answer.is_success:
            raise Refused(f"{method} /_sim{path}", answer)
        return decode(answer)

    def act(self, provider: str, company: str, action: str, **body: object) -> Json:
        """A person does something in a company: pay, void_payment, …"""
        found: Json = self.ask("POST", f"/{VENDORS[provider]}/companies/{company}/{action}", body)
        return found

    def ledger(self, provider: str, company: str) -> Json:
        """The company's books."""
        found: Json = self.ask("GET", f"/{VENDORS[provider]}/companies/{company}/ledger")
        return found

    def calls(self, provider: str, company: str) -> int:
        """How many API calls the company has answered."""
        return int(self._calls(provider, company)["total"])

    def writes(self, provider: str, company: str) -> int:
        """How many of them could have written something."""
        routes = self._calls(provider, company)["by_route"]
        return sum(count for route, count in routes.items() if not route.startswith("GET ") and route != _QUERY)

    def aim_webhooks(self, provider: str, url: str, key: str) -> None:
        """Where the vendor sends its webhooks, and the key it signs them with."""
        self.ask("POST", f"/{VENDORS[provider]}/webhooks", {"url": url, "key": key})

    def drop_webhooks(self, provider: str, drop: bool) -> None:
        """Whether the vendor loses every webhook from now on."""
        self.ask("POST", f"/{VENDORS[provider]}/webhooks/switches", {"drop": drop})

    def deliveries(self, provider: str) -> list[Json]:
        """The webhooks sent or lost so far."""
        found: list[Json] = self.ask("GET", f"/{VENDORS[provider]}/webhooks")["deliveries"]
        return found

    def _calls(self, provider: str, company: str) -> Json:
        found: Json = self.ask("GET", "/calls", provider=VENDORS[provider], company=company)
        return found


def _closed(run: Json) -> Json | None:
    return None if run["state"] in ("queued", "running") else run
