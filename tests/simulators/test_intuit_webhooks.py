"""Webhooks of the Intuit simulator: both formats, signature, coalescing, retries (reference 4)."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import httpx
import pytest

from simulators.core.money import loads
from simulators.core.webhooks import sign
from tests.simulators.intuit_client import UK_REALM, US_REALM, Intuit, Json

KEY = "verify_me"


class Inbox:
    """The target in process."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["intuit-signature"] == sign(request.content, KEY)
        self.requests.append(request)
        return httpx.Response(self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def intuit() -> AsyncIterator[Intuit]:
    world = Intuit()
    await world.connect()
    await world.control("intuit/webhooks", {"url": "http://target.example/hook", "key": KEY})
    await world.control("intuit/webhooks/switches", {"batch_window": "0.02"})
    yield world
    await world.aclose()


@pytest.fixture
def inbox(intuit: Intuit) -> Inbox:
    target = Inbox()
    intuit.sims.intuit.webhooks.transport = httpx.MockTransport(target)
    return target


async def settle(intuit: Intuit) -> None:
    await asyncio.sleep(0.05)
    assert await intuit.sims.intuit.webhooks.settled()


def told(request: httpx.Request) -> set[tuple[str, str]]:
    events: list[Json] = loads(request.content)
    return {(e["type"], e["intuitentityid"]) for e in events}


async def test_own_writes_and_linked_changes_arrive_together(intuit: Intuit, inbox: Inbox) -> None:
    key = (await intuit.invoice("A"))["Id"]
    await settle(intuit)
    assert told(inbox.requests[0]) == {("qbo.invoice.created.v1", key)}
    paid = await intuit.control(f"intuit/companies/{US_REALM}/pay", {"invoice_id": key})
    await settle(intuit)
    assert told(inbox.requests[1]) == {
        ("qbo.payment.created.v1", paid["payment_id"]),
        ("qbo.invoice.updated.v1", key),
    }
    event = loads(inbox.requests[1].content)[0]
    assert set(event) == {
        "specversion", "id", "source", "type", "datacontenttype", "time", "intuitentityid", "intuitaccountid", "data",
    }  # fmt: skip
    assert (event["intuitaccountid"], event["specversion"], event["data"]) == (US_REALM, "1.0", {})
    assert len(event["time"]) == len("2025-10-07T19:59:07.034359333Z")


async def test_void_and_delete_have_their_own_types(intuit: Intuit, inbox: Inbox) -> None:
    a, b = (await intuit.invoice("A"))["Id"], (await intuit.invoice("B"))["Id"]
    await intuit.control(f"intuit/companies/{US_REALM}/void_invoice", {"invoice_id": a})
    await intuit.control(f"intuit/companies/{US_REALM}/delete_invoice", {"invoice_id": b})
    await settle(intuit)
    assert len(inbox.requests) == 1
    kinds = [(e["type"].split(".")[2], e["intuitentityid"]) for e in loads(inbox.requests[0].content)]
    assert kinds == [("created", a), ("created", b), ("voided", a), ("deleted", b)]


async def test_legacy_format_gathers_companies(intuit: Intuit, inbox: Inbox) -> None:
    await intuit.control("intuit/webhooks/format", {"legacy": True})
    await intuit.save("Customer", {"DisplayName": "US one"})
    await intuit.connect(UK_REALM)
    await intuit.save("Customer", {"DisplayName": "UK one"}, UK_REALM)
    await settle(intuit)
    notes = loads(inbox.requests[0].content)["eventNotifications"]
    assert [n["realmId"] for n in notes] == [US_REALM, UK_REALM]
    entity = notes[0]["dataChangeEvent"]["entities"][0]
    assert (entity["name"], entity["id"], entity["operation"]) == ("Customer", "60", "Create")


async def test_refused_delivery_is_repeated_and_holds_back_the_next(intuit: Intuit, inbox: Inbox) -> None:
    await intuit.control("intuit/webhooks/switches", {"factor": "0.0001"})
    inbox.statuses = [503, 500]
    await intuit.save("Customer", {"DisplayName": "One"})
    await asyncio.sleep(0.05)
    await intuit.save("Customer", {"DisplayName": "Two"})
    await settle(intuit)
    bodies = [r.content for r in inbox.requests]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[3] != bodies[0]
    seen = (await intuit.control("intuit/webhooks"))["deliveries"]
    assert [(d["status"], d["attempts"]) for d in seen] == [(200, 3), (200, 1)]


async def test_dropped_webhooks_leave_the_change_to_be_found(intuit: Intuit, inbox: Inbox) -> None:
    await intuit.control("intuit/webhooks/switches", {"drop": True})
    key = (await intuit.invoice("A"))["Id"]
    await intuit.control(f"intuit/companies/{US_REALM}/pay", {"invoice_id": key, "amount": "40"})
    await settle(intuit)
    assert inbox.requests == []
    assert (await intuit.read("Invoice", key))["Balance"] == Decimal(60)
