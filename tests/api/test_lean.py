"""Routes that go straight: to the byte what FastAPI would have answered, and the way to them leads nowhere else."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, request_response
from pydantic import BaseModel
from starlette.routing import Match, Router

from app.api import clients, invoices
from app.edge.lean import LeanRoute
from app.edge.limits import PrincipalLimits
from app.edge.signposts import Signposts
from app.main import ROUTERS
from tests.api.test_walls import Town, fill, town
from tests.support.api import BOOKS, Api, invoice

__all__ = ["town"]
LEAN = [route for router in ROUTERS for route in router.routes if isinstance(route, LeanRoute) and route.lean]
IDS = {route.operation_id or "": route for route in LEAN}
ODD = (
    *(
        "?limit=",
        "?limit",
        "?=1",
        "?cursor=%00",
        "?search=%00",
        "?limit=%31",
        "?limit=1e1",
        "?connection_id=" + "9" * 20,
    ),
    *("?updated_since=9999-12-31T23:59:59-05:00", "?updated_since=2020-01-01", "?external_ref="),
    *("", "?limit=1", "?limit=0&limit=2", "?limit=x&cursor=y", "?cursor=Zm9v", "?nothing=1&nothing=2", "?active=1"),
)


def test_the_lists_of_the_books_and_their_records_are_among_them() -> None:
    kinds = ("client", "invoice", "journal_entry", "account", "payment", "run")
    assert {f"{kind}_{what}" for kind in kinds for what in ("list", "get")} <= set(IDS)


class TestTheSameAnswer:
    @pytest.mark.timeout(180)  # every one of them, a dozen times, twice
    async def test_to_the_byte(self, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(PrincipalLimits, "count", _uncounted)  # all refusals for being too many are alike
        for route in LEAN:
            path = fill(route.path, town.mine.ids)
            asked: list[tuple[str, dict[str, str]]] = [(path + odd, {}) for odd in ODD]
            asked += [(path, {"Authorization": "Bearer x"}), (path, {"Authorization": ""}), (_filled(route, "x"), {})]
            words = ("9", "0", "9" * 30, "1%0A", "%201", "a%2Fb", "%00") if route.dependant.path_params else ()
            asked += [(_filled(route, word), {}) for word in words]
            for at, headers in asked:
                mine = await town.caller.get(at, headers=headers)
                with monkeypatch.context() as patch:
                    patch.setattr(route, "app", request_response(APIRoute.get_route_handler(route)))
                    plain = await town.caller.get(at, headers=headers)
                assert _told(mine) == _told(plain), at
                assert mine.status_code in {200, 401, 403, 404, 422}, at

    async def test_a_page_is_what_its_model_makes_of_it(self, api: Api) -> None:
        firm = await api.world.firm()
        caller = await api.caller(firm)
        address = {"line1": 'Königs\\tr. "1"', "city": "Zürich", "country": "CH"}
        client = {"name": "Acme — Ünïcode", "external_ref": "acme", "email": "a@b.example", "billing_address": address}
        assert (await caller.post(f"{BOOKS}/clients", json=client)).status_code == 201
        assert (await caller.post(f"{BOOKS}/invoices", json=invoice())).status_code == 201
        models: list[tuple[str, type[BaseModel]]] = [
            ("clients", clients.ClientPage),
            ("clients/1", clients.ClientAnswer),
            ("invoices", invoices.InvoicePage),
            ("invoices/1", invoices.InvoiceAnswer),
        ]
        for path, model in models:
            answer = await caller.get(f"{BOOKS}/{path}")
            assert answer.status_code == 200, answer.text
            assert answer.content == model.model_validate_json(answer.content).model_dump_json().encode()
            assert answer.headers["content-type"] == "application/json"
        line = (await caller.get(f"{BOOKS}/invoices/1")).json()["lines"][0]
        assert (line["quantity"], line["unit_price"], line["amount"]) == ("2", "10.125", "20.25")


async def _uncounted(*_: object) -> None:
    pass


def _told(answer: httpx.Response) -> Any:
    own = {"x-request-id", "ratelimit-remaining", "ratelimit-reset"}
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in own)
    body = answer.content
    if answer.status_code >= 400:
        problem = json.loads(body)
        problem.pop("request_id")
        return answer.status_code, headers, problem
    return answer.status_code, headers, body


class TestSignposts:
    @pytest.fixture
    def posts(self, api: Api) -> Signposts:
        found = api.app.router.middleware_stack
        assert isinstance(found, Signposts)
        return found

    @pytest.mark.parametrize("route", LEAN, ids=lambda route: route.operation_id)
    def test_they_lead_where_the_router_leads(self, api: Api, posts: Signposts, route: LeanRoute) -> None:
        for word in ("1", "0", "x", "live", "summary", "suggestions", "a.csv", "~", "%20"):
            path = _filled(route, word)
            found, parts = posts._find(path)
            chosen, scope = _chosen(api.app, path)
            if found is not None:
                assert found is chosen
                assert parts == scope["path_params"]

    def test_most_of_them_stand(self, posts: Signposts) -> None:
        there = [*posts._whole.values(), *(route for route, *_ in posts._parts.values())]
        reached = {route.operation_id for route in there}
        assert {route.operation_id for route in LEAN} - reached <= {"import_batch_rejected", "mapping_get"}

    async def test_other_methods_and_trailing_slashes_go_on_as_before(self, api: Api) -> None:
        caller = await api.caller(await api.world.firm())
        assert (await caller.get(f"{BOOKS}/clients/")).status_code == 200
        assert (await caller.get(f"{BOOKS}/clients/1/")).status_code == 404
        assert (await caller.put(f"{BOOKS}/clients")).status_code == 405
        assert (await caller.head(f"{BOOKS}/clients")).status_code == 405


def _filled(route: LeanRoute, word: str) -> str:
    return route.path.format(**{field.alias: word for field in route.dependant.path_params})


def _chosen(app: FastAPI, path: str) -> tuple[Any, dict[str, Any]]:
    asked: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "root_path": "", "path_params": {}}
    router: Router = app.router
    for route in router.routes:
        match, scope = route.matches(dict(asked))
        if match is Match.FULL:
            return route, dict(scope)
    return None, {}
