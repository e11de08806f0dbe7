import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from simulators.core.webhooks import sign
from simulators.xero import TENANT_NZ
from tests.simulators.test_xero_bank import ALL, made, money
from tests.simulators.xero_client import Caller, opened

KEY = "LR+QgKlbRciIPYpi65tTKLaZ3FzLLofCNEQWrRXqWXJeDFrfexzfVI9SmnVuCWDJ4jnjHB9ECtOyxZSofRxwWw=="
TARGET = "http://receiver.test/hook"


class Receiver:
    """An honest receiver: 401 for a wrong signature, otherwise `status`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.statuses: list[int] = []
        self.answer_body = b""

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Check the signature over the raw body."""
        digest = hmac.new(KEY.encode(), request.content, hashlib.sha256).digest()
        if request.headers["x-xero-signature"] != base64.b64encode(digest).decode():
            return httpx.Response(401, content=self.answer_body)
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.bodies.append(request.content)
        return httpx.Response(status, content=self.answer_body)

    def events(self) -> list[dict[str, Any]]:
        """All events received."""
        return [event for body in self.bodies for event in json.loads(body)["events"]]

    def seen(self) -> list[tuple[str, str]]:
        """Category and type of each."""
        return [(event["eventCategory"], event["eventType"]) for event in self.events()]


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        await caller.connect()
        await caller.control("POST", "/webhooks", {"url": TARGET, "key": KEY})
        yield caller


@pytest.fixture
def receiver(x: Caller) -> Receiver:
    receiver = Receiver()
    x.sim.webhooks.transport = httpx.MockTransport(receiver.handle)
    return receiver


async def delivered(x: Caller) -> None:
    x.sim.events.flush()
    assert await x.sim.webhooks.settled()


def test_the_published_vectors() -> None:
    body = b'{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, "entropy": "LUWDSUDGSWNZVALZXBEV"}'
    assert sign(body, KEY) == "BjzNbYUfrzg4g8wxm+dKHaZVrKxr2m75E296fUbD1E4="
    other = body.replace(b"LUWDSUDGSWNZVALZXBEV", b"NLDZEGWUXNHESAQVGLYF")
    assert sign(other, "test_key") == "ixznmr+Pdl6QymsWZM+9UkY4lu97q04sJyejmSOp25U="


async def test_changes_are_gathered_numbered_and_signed(x: Caller, receiver: Receiver) -> None:
    cid = await x.contact()
    invoice = await x.invoice(cid)
    await delivered(x)
    assert len(receiver.bodies) == 1
    assert receiver.seen() == [("CONTACT", "CREATE"), ("INVOICE", "CREATE")]
    event = receiver.events()[1]
    assert (event["resourceId"], event["tenantId"], event["tenantType"]) == (
        invoice["InvoiceID"], TENANT_NZ, "ORGANISATION",
    )  # fmt: skip
    assert b'],"firstEventSequence": 1,"lastEventSequence": 2, "entropy": "' in receiver.bodies[0]
    await x.control("POST", f"/companies/{TENANT_NZ}/pay", {"invoice_id": invoice["InvoiceID"]})
    await delivered(x)
    assert receiver.seen()[2:] == [("INVOICE", "UPDATE")]
    assert b'"firstEventSequence": 3,"lastEventSequence": 3' in receiver.bodies[1]


async def test_a_refused_or_unchanged_write_says_nothing(x: Caller, receiver: Receiver) -> None:
    cid = await x.contact()
    await delivered(x)
    await x.call("PUT", "/Contacts", {"Contacts": [{"Name": "Good"}, {"Name": "a<b"}]})
    await x.ok("POST", f"/Contacts/{cid}", {"Name": "Pier 7 Cafe"})
    await delivered(x)
    assert receiver.seen() == [("CONTACT", "CREATE")]


async def test_nothing_is_sent_for_a_disconnected_company(x: Caller, receiver: Receiver) -> None:
    invoice = await x.invoice(await x.contact())
    await delivered(x)
    before = len(receiver.bodies)
    await x.control("POST", f"/companies/{TENANT_NZ}/disconnect")
    await x.control("POST", f"/companies/{TENANT_NZ}/pay", {"invoice_id": invoice["InvoiceID"]})
    await delivered(x)
    assert len(receiver.bodies) == before


async def test_credit_notes_only_when_subscribed(x: Caller, receiver: Receiver) -> None:
    await x.control("POST", "/webhooks/categories", {"categories": ["CREDITNOTE"]})
    line = {"Description": "Sorry", "Quantity": 1, "UnitAmount": "50.10", "AccountCode": "200"}
    body = {"Type": "ACCRECCREDIT", "Contact": {"Name": "New"}, "Status": "AUTHORISED", "LineItems": [line]}
    note = (await x.ok("PUT", "/CreditNotes", body))["CreditNotes"][0]
    assert note["SubTotal"] == Decimal("50.10")
    await delivered(x)
    assert receiver.seen() == [("CREDITNOTE", "CREATE")]
    assert receiver.events()[0]["data"] == {"Type": "ACCRECCREDIT", "Status": "AUTHORISED"}


async def test_a_failed_delivery_is_repeated_with_the_same_body(x: Caller, receiver: Receiver) -> None:
    receiver.statuses = [503, 200]
    await x.contact()
    await delivered(x)
    [delivery] = x.sim.webhooks.deliveries
    assert (delivery.attempts, delivery.status, delivery.done) == (2, 200, True)
    assert receiver.seen() == [("CONTACT", "CREATE")]


async def test_switches_drop_duplicate_and_forge(x: Caller, receiver: Receiver) -> None:
    await x.control("POST", "/webhooks/switches", {"drop": True})
    await x.contact("One")
    await delivered(x)
    assert receiver.bodies == []
    await x.control("POST", "/webhooks/switches", {"drop": False, "duplicate": True})
    await x.contact("Two")
    await delivered(x)
    assert receiver.bodies[0] == receiver.bodies[1]
    # The numbering shows the hole that the dropped one left.
    assert b'"firstEventSequence": 2' in receiver.bodies[0]


async def test_prepayments_and_overpayments_have_events_of_their_own(x: Caller, receiver: Receiver) -> None:
    await x.connect(scopes=ALL)
    await x.control("POST", "/webhooks/categories", {"categories": ["PREPAYMENT", "OVERPAYMENT"]})
    cid = await x.contact()
    for kind in ("RECEIVE-PREPAYMENT", "RECEIVE-OVERPAYMENT"):
        await made(x, "BankTransactions", money(cid, kind))
    await delivered(x)
    assert receiver.seen() == [("PREPAYMENT", "CREATE"), ("OVERPAYMENT", "CREATE")]
    assert receiver.events()[0]["resourceUrl"].endswith(f"/Prepayments/{receiver.events()[0]['resourceId']}")


async def test_after_a_day_of_failures_the_subscription_is_off_and_replays_later(x: Caller, receiver: Receiver) -> None:
    await x.control("POST", "/webhooks/switches", {"factor": "0"})
    receiver.statuses = [500] * 98
    await x.contact("One")
    await delivered(x)
    assert x.sim.webhooks.deliveries[0].attempts == 98
    assert await x.control("GET", "/webhooks/subscription") == {"disabled": True, "waiting": 1}
    x.sim.clock.advance(timedelta(minutes=20))
    for name in ("Two", "Three"):
        await x.contact(name)
        await delivered(x)
    assert (receiver.bodies, (await x.control("GET", "/webhooks/subscription"))["waiting"]) == ([], 3)
    # The first is too old by then, the others come in order.
    x.sim.clock.advance(timedelta(days=31, minutes=-10))
    await x.control("POST", "/webhooks/enable")
    await delivered(x)
    assert [json.loads(body)["firstEventSequence"] for body in receiver.bodies] == [2, 3]
    assert await x.control("GET", "/webhooks/subscription") == {"disabled": False, "waiting": 0}


async def test_deliveries_can_be_late_or_out_of_order(x: Caller, receiver: Receiver) -> None:
    await x.control("POST", "/webhooks/reorder", {"on": True})
    for name in ("One", "Two", "Three"):
        await x.contact(name)
        await delivered(x)
    assert [json.loads(body)["firstEventSequence"] for body in receiver.bodies] == [2, 1]
    await x.control("POST", "/webhooks/reorder", {"on": False})
    await delivered(x)
    assert json.loads(receiver.bodies[-1])["firstEventSequence"] == 3
    await x.control("POST", "/webhooks/switches", {"delay": "0.05", "corrupt": True})
    await x.contact("Four")
    x.sim.events.flush()
    assert x.sim.webhooks.deliveries[-1].attempts == 0
    await x.control("POST", "/webhooks/switches", {"delay": "0", "factor": "0"})
    assert await x.sim.webhooks.settled()
    assert x.sim.webhooks.deliveries[-1].status == 401


async def test_a_stranger_forges_and_a_delivery_comes_again(x: Caller, receiver: Receiver) -> None:
    await x.contact("One")
    await delivered(x)
    assert await x.control("POST", "/webhooks/replay") == {"replayed": True}
    await delivered(x)
    assert receiver.bodies[1] == receiver.bodies[0]
    event = {"id": x.tenant, "category": "INVOICE", "resource_id": "11111111-1111-4111-8111-111111111111"}
    await x.control("POST", "/webhooks/switches", {"factor": "0"})
    await x.control("POST", "/webhooks/forge", event)
    forged = x.sim.webhooks.deliveries[-1]
    assert json.loads(forged.body)["events"][0]["resourceId"] == event["resource_id"]
    assert forged.headers["x-xero-signature"] != sign(forged.body, x.sim.webhooks.key)
    # A forged event takes no number: the next genuine one follows the last genuine one.
    await x.contact("Two")
    x.sim.events.flush()
    assert json.loads(x.sim.webhooks.deliveries[-1].body)["firstEventSequence"] == 2


async def test_intent_to_receive(x: Caller, receiver: Receiver) -> None:
    result = await x.control("POST", "/webhooks/intent")
    assert result["ok"] is True
    assert [a["status"] for a in result["answers"]] == [200, 401, 200, 401]
    receiver.answer_body = b"ok"
    assert (await x.control("POST", "/webhooks/intent"))["ok"] is False
    careless = httpx.MockTransport(lambda _request: httpx.Response(200))
    x.sim.webhooks.transport = careless
    assert (await x.control("POST", "/webhooks/intent"))["ok"] is False
