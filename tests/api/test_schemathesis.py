"""Schemathesis over the whole OpenAPI document: no request is answered with a 5xx, or with what is not documented.

Requests are drawn first, always the same ones, and sent afterwards: Hypothesis runs no coroutines.
"""

import json
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.api import BOOKS, Api, invoice

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BASE = "http://localhost:8000"
LONGEST_URL = 60_000  # no client sends a longer one: httpx refuses to, and no server reads it
ENDING = ("revoke", "disconnect", "select_company")  # these go last: what they end, the others still need


def operations(api: Api) -> list[APIOperation[Any, Any, Any, Any]]:
    """Every operation of the document."""
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(api.app.openapi())))
    results = list(schema.get_all_operations())
    found = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(found) == len(results) > 90
    return sorted(found, key=lambda one: any(word in one.label for word in ENDING))


def draw(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, count: int) -> list[Case]:
    """Requests that the document allows, or that break it in one place."""
    drawn: list[Case] = []

    @seed(20261121)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def collect(case: Case) -> None:
        assume(len(_prepared(case).url or "") < LONGEST_URL)
        drawn.append(case)

    with suppress(Unsatisfiable):  # an operation that takes nothing cannot be asked wrongly
        collect()
    return drawn


def _prepared(case: Case) -> requests.PreparedRequest:
    given = case.as_transport_kwargs(base_url=BASE)
    names = ("method", "url", "params", "json", "data", "files", "cookies")
    own = {name: value for name, value in (given.get("headers") or {}).items() if name.lower() != "authorization"}
    fields = {name: given[name] for name in names if given.get(name) is not None}
    return requests.Request(**fields, headers={**own, "Prefer": "wait=0"}).prepare()


async def send(http: httpx.AsyncClient, case: Case) -> httpx.Response:
    """As Schemathesis would send it, but into the application in this process, and without waiting for a worker."""
    prepared = _prepared(case)
    url = prepared.url or ""
    if case.operation.label.endswith("/runs/live"):
        url = f"{url.partition('?')[0]}?seconds=0"  # a stream ends when it is told to
    body = prepared.body or b""
    assert isinstance(body, str | bytes)
    content = body.encode() if isinstance(body, str) else body
    sent = httpx.Headers([(_raw(name), _raw(value)) for name, value in prepared.headers.items()])
    return await http.request(case.method, url, content=content, headers=sent)


def _raw(text: str | bytes) -> bytes:
    return text.encode("latin-1", "replace") if isinstance(text, str) else text


def told(case: Case, answer: httpx.Response) -> str:
    """What is wrong with an answer; empty if nothing is."""
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as failures:
        return f"{case.operation.label}: {[str(one)[:300] for one in failures.exceptions]} {answer.text[:200]}"
    return ""


async def attack(api: Api, firm: int, count: int) -> Counter[int]:
    """Send `count` requests of either kind to every operation; how often each status was answered."""
    statuses: Counter[int] = Counter()
    wrong = []
    for operation in operations(api):
        _, key = await api.key(firm)  # a new one for each: they end keys too
        http = await api.with_credential(key)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for case in draw(operation, mode, count):
                answer = await send(http, case)
                statuses[int(answer.status_code)] += 1
                wrong.append(told(case, answer))
    assert "\n".join(one for one in wrong if one) == ""
    return statuses


async def peopled(api: Api) -> int:
    """A firm with something of most kinds, so that ids which are drawn small do exist."""
    firm = await api.world.firm()
    for provider in ("quickbooks", "xero"):
        await api.world.connect(firm, provider)
    http = await api.caller(firm)
    await http.post(f"{BOOKS}/clients", json={"name": "Acme", "external_ref": "acme"})
    stored = await http.post(f"{BOOKS}/invoices", json=invoice())
    assert stored.status_code == 201, stored.text
    return firm


@pytest.mark.timeout(240)
async def test_with_a_key_nothing_is_a_5xx_and_nothing_is_undocumented(api: Api) -> None:
    statuses = await attack(api, await peopled(api), 4)
    assert statuses[200] > 60
    assert statuses[422] > 100


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_the_same_for_longer(api: Api) -> None:
    statuses = await attack(api, await peopled(api), 60)
    assert statuses[200] > 1000


async def test_without_a_key_the_same_holds_and_hardly_anything_is_open(api: Api) -> None:
    http = await api.with_credential()
    wrong, opened = [], set()
    for operation in operations(api):
        for case in draw(operation, GenerationMode.POSITIVE, 2):
            answer = await send(http, case)
            wrong.append(told(case, answer))
            if answer.status_code != 401:
                opened.add(operation.definition.raw["operationId"])
    assert "\n".join(one for one in wrong if one) == ""
    assert opened == {"health_live", "health_ready", "health_metrics", "auth_callback", "connection_oauth_landing"}
