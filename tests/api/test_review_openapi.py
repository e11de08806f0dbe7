"""Bodies and queries drawn from our own OpenAPI document, with nastier values mixed in: never a 5xx, only problems."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.api import Api

NASTY: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from(["", "\x00", "\ud800", "a\x00b", "🌿" * 50, "//evil", "0", "-0", "1e400", "9" * 400, "qbo"]),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


class Document:
    """Strategies for the operations of one OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.schemas = document["components"]["schemas"]
        self.operations = sorted(
            (operation["operationId"], method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        )

    def call(self, method: str, path: str, operation: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        """A request: method, path filled in, query and body."""
        parameters = operation.get("parameters", [])
        inside = {one["name"]: self.place(one["name"]) for one in parameters if one["in"] == "path"}
        query = {one["name"]: self.value(one["schema"]) for one in parameters if one["in"] == "query"}
        endless = query.pop("seconds", None) is not None  # a stream ends when it is told to
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        return st.fixed_dictionaries(
            {
                "method": st.just(method),
                "path": st.fixed_dictionaries(inside).map(lambda ids: path.format(**ids)),
                "query": st.fixed_dictionaries({"seconds": st.just(0)} if endless else {}, optional=query),
                "body": st.just(None) if schema is None else self.value(schema) | NASTY,
            }
        )

    @staticmethod
    def place(name: str) -> st.SearchStrategy[str]:
        """A part of the path: mostly what may be right."""
        if name == "provider":
            return st.sampled_from(["xero", "qbo", "quickbooks", "sage", "%00"])
        return st.sampled_from(["1", "1", "2", "0", "-1", "x", "9223372036854775807", "9" * 30])

    def value(self, schema: Mapping[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
        """Values of a schema; now and then one of another kind."""
        if "$ref" in schema:
            return self.value(self.schemas[schema["$ref"].rsplit("/", 1)[1]], depth)
        for union in ("anyOf", "oneOf"):
            if union in schema:
                return st.one_of(*(self.value(one, depth) for one in schema[union]))
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        return st.one_of(*[self.plain(schema, depth)] * 4, NASTY)

    def plain(self, schema: Mapping[str, Any], depth: int) -> st.SearchStrategy[Any]:
        """Values of a schema's own type."""
        match schema.get("type"):
            case "object":
                fields = {name: self.value(one, depth + 1) for name, one in schema.get("properties", {}).items()}
                needed = {name: fields.pop(name) for name in schema.get("required", []) if name in fields}
                return st.fixed_dictionaries(needed, optional=fields)
            case "array":
                return st.lists(self.value(schema["items"], depth + 1), max_size=2)
            case "integer" | "number":
                return st.integers(schema.get("minimum", -3), min(schema.get("maximum", 99), 99))
            case "boolean":
                return st.booleans()
            case "null":
                return st.none()
            case _ if schema.get("format") == "date":
                return st.dates().map(str)
            case _ if schema.get("format") == "date-time":
                return st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
        return st.sampled_from(["USD", "1", "acme", "10.00", "xero", "2026-11-02", "T", "/back"]) | st.text(max_size=12)


async def test_no_request_that_the_document_allows_or_nearly_allows_is_a_500(api: Api) -> None:
    firm = await api.world.firm()
    for provider in ("quickbooks", "xero"):
        await api.world.connect(firm, provider)
    http = await api.caller(firm)
    await http.post("/api/v1/accounting/clients", json={"name": "Acme", "external_ref": "acme"})
    document = Document(api.app.openapi())
    assert len(document.operations) > 40
    for name, method, path, operation in document.operations:
        calls = sample(document.call(method, path, operation), 12)
        for call in calls:
            answer = await send(http, call)
            assert answer.status_code < 500, f"{name}: {call} {answer.text}"
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json", f"{name}: {call}"
                assert answer.json()["code"], name


def sample(calls: st.SearchStrategy[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Requests, always the same ones. Hypothesis runs no coroutines, so they are drawn first and sent afterwards."""
    drawn: list[dict[str, Any]] = []

    @seed(20261121)
    @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(calls)
    def draw(call: dict[str, Any]) -> None:
        drawn.append(call)

    draw()
    return drawn


async def send(http: httpx.AsyncClient, call: Mapping[str, Any]) -> httpx.Response:
    """Send it as JSON in ASCII, which may hold what httpx itself would refuse to encode."""
    query = {name: shown(value) for name, value in call["query"].items()}
    content = None if call["body"] is None else json.dumps(call["body"])
    headers = {"Content-Type": "application/json", "Prefer": "wait=0"}
    return await http.request(call["method"], call["path"], params=query, content=content, headers=headers)


def shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()
