"""Browsers that ask for other sites: those on the list may read answers, nobody else, and no cache mixes them up."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from app.settings import Settings
from tests.support.api import BOOKS, Api, open_api
from tests.support.world import SIM, open_world

OURS, OTHER = "https://app.example", "https://other.example"
LIST = f"{BOOKS}/clients"
EXPOSED = {"etag", "link", "retry-after", "x-request-id", "ratelimit-remaining", "idempotency-replayed"}


@pytest.fixture
async def api(make_settings: Callable[..., Settings]) -> AsyncIterator[Api]:
    async with (
        open_world(make_settings(sim_url=SIM, cors_origins=f"{OURS},https://second.example")) as world,
        open_api(world) as opened,
    ):
        yield opened


@pytest.fixture
async def caller(api: Api) -> httpx.AsyncClient:
    return await api.caller(await api.world.firm())


def _allowed(answer: httpx.Response) -> str | None:
    return answer.headers.get("access-control-allow-origin")


@pytest.mark.parametrize("path", [LIST, f"{LIST}/1", f"{LIST}?limit=x", "/livez", "/nowhere", f"{BOOKS}/connections"])
async def test_those_on_the_list_may_read_every_answer(caller: httpx.AsyncClient, path: str) -> None:
    mine = await caller.get(path, headers={"Origin": OURS})
    assert _allowed(mine) == OURS
    assert set(mine.headers["access-control-expose-headers"].lower().split(", ")) >= EXPOSED
    for headers in ({"Origin": OTHER}, {"Origin": "null"}, {"Origin": f"{OURS}.evil.example"}, {"Origin": ""}, {}):
        other = await caller.get(path, headers=headers)
        assert (_allowed(other), other.status_code) == (None, mine.status_code)
        assert "access-control-allow-credentials" not in other.headers
        assert other.headers.get_list("vary", split_commas=True).count("Origin") == 1
    assert mine.headers.get_list("vary", split_commas=True).count("Origin") == 1


async def test_an_answer_to_an_unknown_caller_can_be_read_too(api: Api) -> None:
    answer = await api.http.get(LIST, headers={"Origin": OURS})
    assert (answer.status_code, _allowed(answer)) == (401, OURS)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_browsers_that_ask_first_are_told(api: Api, method: str) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization, if-match"}
    mine = await api.http.options(LIST, headers={"Origin": OURS, **asked})
    assert (mine.status_code, _allowed(mine)) == (200, OURS)
    assert method in mine.headers["access-control-allow-methods"]
    other = await api.http.options(LIST, headers={"Origin": OTHER, **asked})
    assert (other.status_code, _allowed(other)) == (400, None)


async def test_who_asks_first_for_something_odd_is_refused(api: Api) -> None:
    for more in ({"Access-Control-Request-Method": "TRACE"}, {"Access-Control-Request-Headers": "x-anything"}):
        asked = {"Origin": OURS, "Access-Control-Request-Method": "GET", **more}
        assert (await api.http.options(LIST, headers=asked)).status_code == 400


async def test_our_own_fault_can_be_read_by_the_site_that_asked(
    caller: httpx.AsyncClient, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What went wrong, and the request's id, reach the person; the browser shows an application nothing else."""

    async def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(api.app.state.limits, "count", broken)
    answer = await caller.get(LIST, headers={"Origin": OURS})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert _allowed(answer) == OURS


async def test_what_is_answered_before_a_route_sees_it_can_be_read_too(caller: httpx.AsyncClient) -> None:
    asked = {"Origin": OURS, "Idempotency-Key": "order-1"}
    first = await caller.post(LIST, headers=asked, json={"name": "Maple"})
    replayed = await caller.post(LIST, headers=asked, json={"name": "Maple"})
    reused = await caller.post(LIST, headers=asked, json={"name": "Oak"})
    large = await caller.post(LIST, headers={"Origin": OURS, "Content-Length": "99999999"}, content=b"{}")
    answers = (first, replayed, reused, large)
    assert [answer.status_code for answer in answers] == [201, 201, 422, 413]
    assert replayed.headers["idempotency-replayed"] == "true"
    for answer in answers:
        assert _allowed(answer) == OURS
        assert answer.headers.get_list("vary", split_commas=True).count("Origin") == 1
