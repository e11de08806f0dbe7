"""The published contract: a change of the OpenAPI document is seen in a diff, and the document is usable."""

import json
from pathlib import Path
from typing import Any

from app.main import create_app
from app.settings import Settings

SNAPSHOT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]


def test_the_document_is_what_we_published(settings: Settings) -> None:
    current = json.loads(json.dumps(create_app(settings).openapi()))
    published = json.loads(SNAPSHOT.read_text())
    assert current == published, "the contract changed: run `make openapi`, review the diff, tell it in CHANGELOG.md"


def test_every_operation_has_a_name_of_its_own_and_says_what_can_go_wrong(settings: Settings) -> None:
    document = create_app(settings).openapi()
    assert document["openapi"].startswith("3.1")
    found = operations(document)
    names = [operation["operationId"] for _, _, operation in found]
    assert len(names) == len(set(names)) >= 40
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if "__" in name] == [], "two modules call different things by one name"
    guarded = [(method, path, operation) for method, path, operation in found if operation.get("security")]
    assert len(guarded) >= 40
    assert [f"{method} {path}" for method, path, operation in guarded if "401" not in operation["responses"]] == []


def test_moments_are_called_moments(settings: Settings) -> None:
    """Without their format a generated client would hand out plain strings."""
    schemas = create_app(settings).openapi()["components"]["schemas"]
    moments = {
        f"{name}.{field}": json.dumps(described)
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
        if field.endswith("_at")
    }
    assert len(moments) > 50
    assert [name for name, described in moments.items() if '"date-time"' not in described] == []
