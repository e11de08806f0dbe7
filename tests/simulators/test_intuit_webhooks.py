"""Webhooks of the Intuit simulator: both formats, signature, coalescing, retries (reference 4)."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import httpx
import pytest

from simulators.core.money import loads
from simulators.core.webhooks import sign
from simulators.intuit.events import RETRY_SCHEDULE
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


async def test_merge_and_emailed_have_their_own_types(intuit: Intuit, inbox: Inbox) -> None:
    key = (await intuit.invoice("A"))["Id"]
    at = f"intuit/companies/{US_REALM}"
    await intuit.control(f"{at}/email_invoice", {"invoice_id": key, "to": "ap@example.com"})
    await intuit.control(f"{at}/merge_customers", {"customer_id": "3", "into": "4"})
    await settle(intuit)
    events: list[Json] = loads(inbox.requests[0].content)
    assert ("qbo.invoice.emailed.v1", key) in told(inbox.requests[0])
    merged = next(e for e in events if e["type"] == "qbo.customer.merged.v1")
    assert (merged["intuitentityid"], merged["data"]) == ("4", {"deletedid": "3"})


async def test_legacy_merge_names_the_loser(intuit: Intuit, inbox: Inbox) -> None:
    await intuit.control("intuit/webhooks/format", {"legacy": True})
    await intuit.control(f"intuit/companies/{US_REALM}/merge_customers", {"customer_id": "3", "into": "4"})
    await settle(intuit)
    entities = loads(inbox.requests[0].content)["eventNotifications"][0]["dataChangeEvent"]["entities"]
    merged = next(e for e in entities if e["operation"] == "Merge")
    assert (merged["id"], merged["deletedId"]) == ("4", "3")


async def test_every_kind_of_document_is_announced(intuit: Intuit, inbox: Inbox) -> None:
    await intuit.save("Vendor", {"DisplayName": "V"})
    await intuit.save("Class", {"Name": "C"})
    await intuit.save("Department", {"Name": "D"})
    await intuit.save("Term", {"Name": "T", "DueDays": 1})
    accounts = {"FromAccountRef": {"value": "35"}, "ToAccountRef": {"value": "36"}}
    moved = await intuit.save("Transfer", {**accounts, "Amount": 1})
    await intuit.save("Transfer", {"Id": moved["Id"], "SyncToken": "0"}, operation="delete")
    await settle(intuit)
    types = {kind for kind, _ in told(inbox.requests[0])}
    expected = {f"qbo.{name}.created.v1" for name in ("vendor", "class", "department", "term", "transfer")}
    assert types == expected | {"qbo.transfer.deleted.v1"}


async def test_reordered_replayed_and_forged_deliveries(intuit: Intuit) -> None:
    seen: list[tuple[bytes, bool]] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append((request.content, request.headers["intuit-signature"] == sign(request.content, KEY)))
        return httpx.Response(200)

    intuit.sims.intuit.webhooks.transport = httpx.MockTransport(take)
    await intuit.control("intuit/webhooks/reorder", {"on": True})
    for name in ("First", "Second"):
        await intuit.save("Customer", {"DisplayName": name})
        await asyncio.sleep(0.05)
    await settle(intuit)
    assert [loads(body)[0]["intuitentityid"] for body, _ in seen] == ["61", "60"]
    await intuit.control("intuit/webhooks/reorder", {"on": False})
    await intuit.control("intuit/webhooks/replay", {})
    await settle(intuit)
    assert seen[2] == seen[1]
    event = {"realm": US_REALM, "entity": "Invoice", "id": "1", "operation": "voided"}
    await intuit.control("intuit/webhooks/forge", event)
    await settle(intuit)
    assert [genuine for _, genuine in seen] == [True, True, True, False]
    await intuit.control("intuit/webhooks/forge", {**event, "operation": "eaten"}, 422)


def test_the_schedule_is_intuits() -> None:
    assert RETRY_SCHEDULE == (10, 20, 30, 5 * 60, 20 * 60, 2 * 3600, 4 * 3600, 6 * 3600)
