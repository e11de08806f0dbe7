"""The parts both simulators share."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.core.calls import CallLog
from simulators.core.clock import Clock
from simulators.core.faults import Fault, Faults
from simulators.core.money import dumps, js, loads, q2
from simulators.core.webhooks import WebhookSender, sign
from tests.simulators.intuit_client import Intuit


def test_clock_freezes_moves_and_returns():
    clock = Clock()
    at = datetime(2026, 11, 1, tzinfo=UTC)
    clock.freeze(at)
    assert clock.now() == at
    clock.advance(timedelta(hours=25))
    assert clock.now() == at + timedelta(hours=25)
    clock.reset()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    with pytest.raises(ValueError, match="aware"):
        clock.freeze(datetime(2026, 1, 1))  # noqa: DTZ001 - a naive time is the point


def test_money_rounds_half_up_and_writes_exactly():
    assert q2(Decimal("2.675")) == Decimal("2.68")
    assert q2(Decimal("-2.675")) == Decimal("-2.68")
    assert str(js(Decimal("100.00"))) == "100"
    assert str(js(Decimal("26.820"))) == "26.82"
    assert str(js(Decimal("1E+3"))) == "1000"
    assert dumps({"a": Decimal("0.10"), "b": [Decimal("12345678901234567.891")]}) == (
        b'{"a":0.10,"b":[12345678901234567.891]}'
    )
    assert dumps({"a": Decimal("0.10")}, trim=True) == b'{"a":0.1}'
    assert dumps("é\U0001f600") == '"é\U0001f600"'.encode()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.text())
def test_json_round_trip_loses_nothing(number, text):
    back = loads(dumps({"n": number, "t": text}))
    assert Decimal(back["n"]) == number
    assert back["t"] == text


def test_faults_skip_then_hit_then_are_gone():
    faults = Faults()
    faults.add(Fault("intuit", "/invoice$", "status", method="POST", times=2, skip=1))
    seen = [faults.take("intuit", "POST", "/v3/company/1/invoice") is not None for _ in range(4)]
    assert seen == [False, True, True, False]
    faults.add(Fault("xero", ".", "slow"))
    assert faults.take("intuit", "GET", "/x") is None


def test_call_log_sums_by_company_and_route():
    log = CallLog()
    log.record("intuit", "1", "POST", "/invoice", 200, 10, 20)
    log.record("intuit", "2", "POST", "/invoice", 400, 1, 2)
    assert log.snapshot("intuit")["by_route"] == {"POST /invoice": 2}
    assert log.snapshot(company="2") == {
        "total": 1,
        "bytes_in": 1,
        "bytes_out": 2,
        "by_route": {"POST /invoice": 1},
        "by_status": {"400": 1},
        "bytes_by_route": {"POST /invoice": {"in": 1, "out": 2}},
    }


def test_public_signature_vector():
    assert sign(b'{"stuff":"5"}', "verify_me") == "nfPLN16u3vMvv08ghDs+dOkLuirEVDy5wAeG/lmM2OA="


class Inbox:
    """A webhook target in process that answers as told."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.statuses.pop(0) if self.statuses else 200)


async def test_sender_retries_in_order_and_signs():
    inbox = Inbox(500, 200, 200)
    sender = WebhookSender(Clock(), [10, 20])
    sender.factor = 0.0001
    sender.transport = httpx.MockTransport(inbox)
    sender.target("http://target/hook", "k")
    sender.send(b"one", "x-sig")
    sender.send(b"two", "x-sig")
    assert await sender.settled()
    assert [r.content for r in inbox.requests] == [b"one", b"one", b"two"]
    assert inbox.requests[0].headers["x-sig"] == sign(b"one", "k")
    assert [(d.status, d.attempts) for d in sender.deliveries] == [(200, 2), (200, 1)]
    await sender.aclose()


async def test_sender_switches():
    inbox = Inbox()
    sender = WebhookSender(Clock(), [10])
    sender.transport = httpx.MockTransport(inbox)
    sender.target("http://target/hook", "k")
    sender.drop = True
    sender.send(b"lost", "x-sig")
    sender.drop, sender.duplicate, sender.corrupt = False, True, True
    sender.send(b"twice", "x-sig")
    assert await sender.settled()
    assert [r.content for r in inbox.requests] == [b"twice", b"twice"]
    assert inbox.requests[0].headers["x-sig"] != sign(b"twice", "k")
    assert sender.deliveries[0].status == -1
    await sender.aclose()


@pytest.fixture
async def intuit():
    world = Intuit()
    yield world
    await world.aclose()


async def test_faults_over_http(intuit):
    await intuit.connect()
    arm = {"provider": "intuit", "path": "/customer$", "method": "POST"}
    await intuit.control("faults", {**arm, "kind": "status", "status": 503, "headers": {"Retry-After": "7"}}, 201)
    reply = await intuit.call("POST", "customer", {"DisplayName": "Refused first"})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "7")

    await intuit.control("faults", {**arm, "kind": "lost_answer"}, 201)
    with pytest.raises(httpx.ReadTimeout):
        await intuit.call("POST", "customer", {"DisplayName": "Committed"})
    assert (await intuit.query("select count(*) from Customer where DisplayName = 'Committed'"))["totalCount"] == 1

    await intuit.control("faults", {**arm, "kind": "hang_before"}, 201)
    with pytest.raises(httpx.ReadTimeout):
        await intuit.call("POST", "customer", {"DisplayName": "Never"})
    assert (await intuit.query("select count(*) from Customer where DisplayName = 'Never'"))["totalCount"] == 0

    await intuit.control("faults", {**arm, "kind": "malformed"}, 201)
    cut = await intuit.call("POST", "customer", {"DisplayName": "Cut"})
    with pytest.raises(ValueError, match=r"."):
        loads(cut.content)


async def test_control_refuses_nonsense(intuit):
    for path, body in (
        ("faults", {"provider": "intuit", "path": "(", "kind": "slow"}),
        ("faults", {"provider": "nobody", "path": ".", "kind": "slow"}),
        ("faults", {"provider": "xero", "path": ".", "kind": "explode"}),
        ("clock", {"freeze_at": "2026-01-01T00:00:00"}),
        ("clock", {"advance_seconds": "soon"}),
        ("intuit/webhooks/switches", {"loud": True}),
    ):
        answer = await intuit.control(path, body, 422)
        assert answer["error"]


async def test_clock_and_calls_over_http(intuit):
    await intuit.control("clock", {"freeze_at": "2026-11-01T12:00:00+00:00"})
    moved = await intuit.control("clock", {"advance_seconds": "90.5"})
    assert moved == {"now": "2026-11-01T12:01:30.500000+00:00", "frozen": True}
    await intuit.connect()
    await intuit.call("GET", "customer/1")
    calls = (await intuit.http.get("/_sim/calls?provider=intuit&company=9341452900000001")).json()
    assert calls["by_route"] == {"GET /customer/{id}": 1}
    assert calls["bytes_out"] > 100
    await intuit.control("reset", {})
    assert (await intuit.control("calls"))["total"] == 0
    assert not (await intuit.control("clock"))["frozen"]
    await asyncio.sleep(0)
