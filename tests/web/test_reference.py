"""`/docs` shows every operation and schema, and loads nothing from elsewhere."""

import re

from tests.support.api import Api


async def test_every_operation_and_schema_is_on_the_page(api: Api) -> None:
    shown = await api.http.get("/docs")
    assert shown.status_code == 200
    document = (await api.http.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        assert f"<code>{path.replace(chr(39), '&#39;')}</code>" in shown.text
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in shown.text
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in shown.text


async def test_nothing_comes_from_elsewhere(api: Api) -> None:
    shown = await api.http.get("/docs")
    assert re.findall(r'(?:src|href)="(?![/#])[^"]*"', shown.text) == []
    assert "script-src 'self'" in shown.headers["Content-Security-Policy"]


async def test_what_is_no_page_may_load_nothing_at_all(api: Api) -> None:
    answer = await api.http.get("/livez")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "camera=()" in answer.headers["Permissions-Policy"]
