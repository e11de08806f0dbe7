import httpx
import pytest

from app.errors import NeedsReauth, OutcomeUnknown, ProviderUnavailable
from app.guards import HttpInsideTransaction, transaction_open
from app.providers.http import TIMEOUT, Meter, ProviderHttp, open_client

JSON = {"Accept": "application/json"}


class Tokens:
    def __init__(self, refuse=False):
        self.rejected = []
        self.refuse = refuse

    async def access_token(self, *, rejected=None):
        if rejected:
            self.rejected.append(rejected)
            if self.refuse:
                raise NeedsReauth
        return f"token-{len(self.rejected) + 1}"


def door(answer, tokens=None, meter=None):
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return ProviderHttp(client, "https://api.test/base/", tokens or Tokens(), meter or Meter())


def always(status, **content):
    return lambda request: httpx.Response(status, **content)


async def test_a_request_carries_the_token_the_query_and_the_body_as_given():
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(200, json={"ok": True}, headers={"Content-Type": "application/json; charset=utf-8"})

    sent = await door(answer).write("POST", "/v1/thing", query={"q": "a b+c&d'"}, headers=JSON, body=b'{"n": 1.10}')
    (request,) = seen
    assert request.url.copy_with(query=None) == "https://api.test/base/v1/thing"
    assert request.url.params["q"] == "a b+c&d'"
    assert request.content == b'{"n": 1.10}'
    assert request.headers["authorization"] == "Bearer token-1"
    assert sent.status == 200
    assert sent.content_type == "application/json"


async def test_every_status_is_an_answer():
    for status in (200, 400, 404, 429, 500, 503):
        assert (await door(always(status)).read("GET", "/", headers=JSON)).status == status


async def test_a_401_is_answered_once_with_a_renewed_token():
    seen = []

    def answer(request):
        seen.append(request.headers["authorization"])
        return httpx.Response(401 if len(seen) == 1 else 200)

    tokens = Tokens()
    sent = await door(answer, tokens).write("POST", "/", query={}, headers=JSON, body=b"{}")
    assert sent.status == 200
    assert seen == ["Bearer token-1", "Bearer token-2"]
    assert tokens.rejected == ["token-1"]


async def test_a_second_401_is_handed_on():
    calls = []

    def answer(request):
        calls.append(request)
        return httpx.Response(401)

    assert (await door(answer).read("GET", "/", headers=JSON)).status == 401
    assert len(calls) == 2


async def test_a_403_renews_nothing():
    tokens = Tokens()
    assert (await door(always(403), tokens).read("GET", "/", headers=JSON)).status == 403
    assert tokens.rejected == []


async def test_a_dead_grant_is_said_to_be_dead():
    with pytest.raises(NeedsReauth):
        await door(always(401), Tokens(refuse=True)).read("GET", "/", headers=JSON)


async def test_a_redirect_is_not_followed_with_the_token():
    seen = []

    def answer(request):
        seen.append(request.url.host)
        return httpx.Response(302, headers={"location": "https://elsewhere.test/"})

    assert (await door(answer).read("GET", "/", headers=JSON)).status == 302
    assert seen == ["api.test"]


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_a_write_that_never_left_is_safe_to_repeat(error):
    def fail(request):
        raise error("unreachable", request=request)

    with pytest.raises(ProviderUnavailable):
        await door(fail).write("POST", "/", query={}, headers=JSON, body=b"{}")


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError]
)
async def test_a_write_without_an_answer_may_have_been_done(error):
    def fail(request):
        raise error("silence", request=request)

    with pytest.raises(OutcomeUnknown):
        await door(fail).write("POST", "/", query={}, headers=JSON, body=b"{}")
    with pytest.raises(ProviderUnavailable):
        await door(fail).read("GET", "/", headers=JSON)


async def test_no_request_leaves_inside_a_transaction():
    with transaction_open(), pytest.raises(HttpInsideTransaction):
        await door(always(200)).read("GET", "/", headers=JSON)


async def test_the_meter_counts_calls_bytes_and_statuses():
    seen = []
    meter = Meter(on_answer=lambda answer, sent: seen.append((answer.status, sent)))
    http = door(always(200, content=b"12345"), meter=meter)
    await http.write("POST", "/", query={}, headers=JSON, body=b"123")
    await http.read("GET", "/", headers=JSON)
    assert (meter.calls, meter.bytes_out, meter.bytes_in, meter.by_status) == (2, 3, 10, {200: 2})
    assert seen == [(200, 3), (200, 0)]


async def test_the_clients_time_outs_are_explicit():
    async with open_client() as client:
        assert client.timeout == TIMEOUT
        assert client.trust_env is False
