"""`/docs`: the API's reference as one plain page, made from its OpenAPI document; no script, nothing from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from app.web.pages import PageRoute, page

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/docs")
async def reference(request: Request) -> Response:
    """Every operation with its parameters, body and answers, and every schema."""
    document: Mapping[str, Any] = request.app.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for operation in _operations(document):
        groups.setdefault(operation["tag"], []).append(operation)
    schemas = {name: _fields(schema) for name, schema in sorted(document["components"]["schemas"].items())}
    return page(request, "reference.html", groups=groups, schemas=schemas, about=document["info"]["description"])


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield {
                "id": operation["operationId"],
                "method": method.upper(),
                "path": path,
                "tag": (operation.get("tags") or ["other"])[0],
                "says": operation.get("description", ""),
                "parameters": [
                    {
                        "name": one["name"],
                        "in": one["in"],
                        "required": one.get("required", False),
                        "type": described(one["schema"]),
                        "says": one.get("description") or one["schema"].get("description", ""),
                    }
                    for one in operation.get("parameters", ())
                ],
                "body": _content(operation.get("requestBody", {})),
                "answers": [
                    {"status": status, "says": answer.get("description", ""), "type": _content(answer)}
                    for status, answer in operation["responses"].items()
                ],
            }


def _content(holder: Mapping[str, Any]) -> str:
    kinds = holder.get("content", {})
    return ", ".join(described(one["schema"]) if "schema" in one else kind for kind, one in kinds.items())


def described(schema: Mapping[str, Any]) -> str:
    """A schema in one line: `string (date)`, `ClientIn or ClientBatch`, `list of integer`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(described(one) for one in schema[union]))
    if "enum" in schema:
        return " or ".join(json.dumps(one) for one in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {described(schema.get('items', {}))}"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


def _fields(schema: Mapping[str, Any]) -> dict[str, Any]:
    needed = set(schema.get("required", ()))
    fields = [
        {"name": name, "required": name in needed, "type": described(one), "says": one.get("description", "")}
        for name, one in schema.get("properties", {}).items()
    ]
    return {"says": schema.get("description", ""), "fields": fields, "type": described(schema)}
