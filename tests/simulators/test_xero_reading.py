import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from simulators.core.faults import Fault
from simulators.xero import TENANT_NZ, TENANT_US
from simulators.xero.books import new_id
from tests.simulators.test_xero_bank import ALL, made
from tests.simulators.test_xero_books import refused
from tests.simulators.xero_client import Caller, invoice_body, opened

MISSING = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        await caller.connect(scopes=ALL)
        yield caller


async def numbers(x: Caller, headers: dict[str, str] | None = None, **params: str) -> list[str]:
    answer = await x.ok("GET", "/Invoices", params=params, headers=headers or {})
    return [i["InvoiceNumber"] for i in answer["Invoices"]]


def since(x: Caller, **ago: float) -> dict[str, str]:
    return {"If-Modified-Since": f"{x.sim.clock.now() - timedelta(**ago):%Y-%m-%dT%H:%M:%S}"}


# Filters -----------------------------------------------------------------------------------------------------------


async def test_deleted_payments_come_with_what_changed(x: Caller) -> None:
    invoice = await x.invoice(await x.contact())
    body = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Account": {"Code": "090"}, "Date": "2026-11-20"}
    payment = await made(x, "Payments", body | {"Amount": 5})
    x.sim.clock.advance(timedelta(minutes=20))
    assert (await x.ok("GET", "/Payments", headers=since(x, minutes=5)))["Payments"] == []
    await x.ok("POST", f"/Payments/{payment['PaymentID']}", {"Status": "DELETED"})
    [changed] = (await x.ok("GET", "/Payments", headers=since(x, minutes=5)))["Payments"]
    assert (changed["PaymentID"], changed["Status"]) == (payment["PaymentID"], "DELETED")
    # The invoice changed with it.
    assert await numbers(x, since(x, minutes=5)) == [invoice["InvoiceNumber"]]


async def test_a_new_due_date_of_a_part_paid_invoice_is_no_change_to_poll_for(x: Caller) -> None:
    invoice = await x.invoice(await x.contact())
    body = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Account": {"Code": "090"}, "Date": "2026-11-20"}
    await made(x, "Payments", body | {"Amount": 5})
    x.sim.clock.advance(timedelta(minutes=20))
    path = f"/Invoices/{invoice['InvoiceID']}"
    assert (await x.ok("POST", path, {"DueDate": "2026-12-24"}))["Invoices"][0]["DueDateString"].startswith(
        "2026-12-24"
    )
    assert await numbers(x, since(x, minutes=5)) == []
    await x.ok("POST", path, {"Reference": "seen"})
    assert await numbers(x, since(x, minutes=5)) == [invoice["InvoiceNumber"]]


async def test_own_invoices_search_and_summary(x: Caller) -> None:
    cid = await x.contact("Quay Books")
    mine = await x.invoice(cid, InvoiceNumber="A-1", Reference="sub_77")
    books = x.sim.world.books[TENANT_NZ]
    by_hand = replace(books.documents.rows[mine["InvoiceID"]], id=new_id(), number="H-1", app="", reference="")
    books.documents.put(by_hand)
    assert await numbers(x, createdByMyApp="True") == ["A-1"]
    assert await numbers(x, searchTerm="SUB_7") == ["A-1"]
    assert sorted(await numbers(x, searchTerm="quay")) == ["A-1", "H-1"]
    assert await numbers(x, IDs=f"{by_hand.id},{MISSING}", Statuses="VOIDED") == []
    assert await numbers(x, ContactIDs=cid, InvoiceNumbers="H-1") == ["H-1"]
    [short] = (await x.ok("GET", "/Invoices", params={"summaryOnly": "true", "IDs": by_hand.id}))["Invoices"]
    assert (short["LineItems"], "Payments" in short) == ([], False)


async def test_pages_follow_changes_and_orders(x: Caller) -> None:
    cid = await x.contact()
    made_ids = []
    for at in range(5):
        made_ids.append((await x.invoice(cid, InvoiceNumber=f"N-{at}"))["InvoiceID"])
        x.sim.clock.advance(timedelta(seconds=1))
    await x.ok("POST", f"/Invoices/{made_ids[0]}", {"Reference": "touched"})
    assert await numbers(x) == ["N-1", "N-2", "N-3", "N-4", "N-0"]
    usual = "UpdatedDateUTC ASC, InvoiceID ASC"
    assert await numbers(x, order=usual, page="2", pageSize="2") == ["N-3", "N-4"]
    assert await numbers(x, order="UpdatedDateUTC DESC", page="1", pageSize="2") == ["N-0", "N-4"]
    assert await numbers(x, order="InvoiceNumber", where='Type=="ACCREC"', page="1", pageSize="3") == [
        "N-0",
        "N-1",
        "N-2",
    ]
    assert await numbers(x, where='Type=="ACCPAY"', page="1") == []
    paged = await x.ok("GET", "/Invoices", params={"where": 'Type=="accrec"', "page": "3", "pageSize": "2"})
    assert paged["pagination"] == {"page": 3, "pageSize": 2, "pageCount": 3, "itemCount": 5}
    bad = await x.call("GET", "/Invoices", params={"page": "one"})
    assert bad.status_code == 400


async def test_reads_show_two_decimals_unless_four_are_asked_for(x: Caller) -> None:
    line = {"Description": "a", "Quantity": 3, "UnitAmount": "0.3333", "AccountCode": "200", "TaxType": "NONE"}
    body = invoice_body("", Contact={"Name": "A"}, LineItems=[line])
    fine = (await x.ok("PUT", "/Invoices?unitdp=4", {"Invoices": [body]}))["Invoices"][0]
    assert (fine["LineItems"][0]["UnitAmount"], fine["Total"]) == (Decimal("0.3333"), Decimal("1.00"))
    path = f"/Invoices/{fine['InvoiceID']}"
    coarse = (await x.ok("GET", path))["Invoices"][0]
    assert (coarse["LineItems"][0]["UnitAmount"], coarse["Total"]) == (Decimal("0.33"), Decimal("1.00"))
    again = (await x.ok("GET", f"{path}?unitdp=4"))["Invoices"][0]
    assert again["LineItems"][0]["UnitAmount"] == Decimal("0.3333")


async def test_discounts_and_rounding(x: Caller) -> None:
    line = {"Description": "a", "Quantity": 3, "UnitAmount": "9.99", "AccountCode": "200"}
    cid = await x.contact()
    by_rate = await x.invoice(cid, LineItems=[line | {"DiscountRate": "12.5"}], RoundingAmount="0.05")
    # 29.97 less 12.5 % is 26.22375; tax 15 % of 26.22 is 3.933. The rounding amount is off unless opted into.
    assert (by_rate["SubTotal"], by_rate["TotalTax"], by_rate["Total"]) == (
        Decimal("26.22"), Decimal("3.93"), Decimal("30.15"),
    )  # fmt: skip
    assert by_rate["IsDiscounted"] is True
    by_amount = await x.invoice(cid, LineItems=[line | {"DiscountAmount": "4.97"}])
    assert by_amount["SubTotal"] == Decimal("25.00")
    cost = {"Description": "a", "UnitAmount": 1, "AccountCode": "429", "DiscountRate": 5}
    says = "Discounts can only be applied to ACCREC invoices"
    assert await refused(x, "PUT", "/Invoices", invoice_body(cid, Type="ACCPAY", LineItems=[cost])) == [says]
    halves = [line | {"Quantity": 1, "UnitAmount": "0.10"}] * 3
    # 0.015 each rounds up to 0.02 before it is summed.
    assert (await x.invoice(cid, LineItems=halves))["TotalTax"] == Decimal("0.06")


async def test_filters_are_checked_before_there_is_anything_to_filter(x: Caller) -> None:
    for params in ({"where": "Nope==1"}, {"where": 'Nope.EndsWith("x")'}, {"order": "Nope"}):
        answer = await x.call("GET", "/Invoices", params=params)
        assert (answer.status_code, answer.json()["Type"]) == (400, "QueryParseException"), params
    assert (await x.call("GET", "/Invoices", params={"where": 'Reference.EndsWith("x")'})).status_code == 200
    absent = await x.call("GET", "/Invoices", params={"where": "HasAttachments==true"})
    assert (absent.status_code, "hasattachments" in absent.text) == (501, True)


async def test_a_high_volume_organisation_refuses_slow_filters(x: Caller) -> None:
    cid = await x.contact()
    for at in range(4):
        await x.invoice(cid, InvoiceNumber=f"N-{at}")
    await x.control("POST", "/limits", {"volume": 3})
    for params in ({"where": "Total>1"}, {"order": "Total DESC"}, {"where": 'SentToContact==true AND Type=="ACCREC"'}):
        answer = await x.call("GET", "/Invoices", params=params)
        assert answer.status_code == 400
        assert answer.json()["Message"].startswith("Your request is not filtering Invoices efficiently")
    for params in ({"where": 'Status=="AUTHORISED" AND Date>DateTime(2026,1,1)'}, {"page": "1"}, {"IDs": MISSING}):
        assert (await x.call("GET", "/Invoices", params=params)).status_code == 200
    assert (
        await x.call("GET", "/Invoices", params={"where": "Total>1"}, headers=since(x, hours=-1))
    ).status_code == 200


# Size, limits, idempotency -----------------------------------------------------------------------------------------


async def test_what_is_too_large_is_refused(x: Caller) -> None:
    ids = ",".join(new_id() for _ in range(52))
    assert (await x.call("GET", "/Invoices", params={"IDs": ids})).status_code == 200
    long = await x.call("GET", "/Invoices", params={"IDs": f"{ids},{ids}"})
    assert (long.status_code, long.headers["content-type"].split(";")[0]) == (414, "text/html")
    big = await x.call("PUT", "/Contacts", content=b" " * (10 * 1024 * 1024 + 1))
    assert (big.status_code, big.headers["content-type"].split(";")[0]) == (413, "text/html")
    # Both were counted, and neither is still running.
    await x.control("POST", "/limits", {"enforce": True, "concurrent": 1})
    assert (await x.call("GET", "/Organisation")).status_code == 200


async def test_the_four_kinds_of_429(x: Caller) -> None:
    await x.control("POST", "/limits", {"enforce": True, "minute": 1, "day": 100, "app": 100})

    async def problem() -> tuple[str, str | None]:
        answer = await x.call("GET", "/Organisation")
        assert (answer.status_code, answer.content, "content-type" in answer.headers) == (429, b"", False)
        assert {"x-daylimit-remaining", "x-minlimit-remaining", "x-appminlimit-remaining"} <= set(answer.headers)
        return answer.headers["X-Rate-Limit-Problem"], answer.headers.get("Retry-After")

    assert (await x.call("GET", "/Organisation")).status_code == 200
    x.sim.clock.advance(timedelta(seconds=20))
    kind, wait = await problem()
    assert (kind, 38 <= int(wait or 0) <= 40) == ("minute", True)
    await x.control("POST", "/limits", {"minute": 100, "day": 1})
    kind, wait = await problem()
    assert (kind, 86_000 < int(wait or 0) <= 86_400) == ("day", True)
    await x.control("POST", "/limits", {"day": 100, "app": 1})
    assert await problem() == ("appminute", None)
    x.tenant = TENANT_US
    assert await problem() == ("appminute", None)
    await x.control("POST", "/limits", {"app": 100, "concurrent": 1, "latency": "0.05"})
    answers = await asyncio.gather(*(x.call("GET", "/Organisation") for _ in range(2)))
    refusal = next(a for a in answers if a.status_code == 429)
    assert (refusal.headers["X-Rate-Limit-Problem"], "Retry-After" in refusal.headers) == ("concurrent", False)


async def test_a_replay_costs_a_call_and_a_failed_server_is_not_kept(x: Caller) -> None:
    key = {"Idempotency-Key": "k"}
    first = await x.call("PUT", "/Contacts", {"Name": "A"}, headers=key)
    again = await x.call("PUT", "/Contacts", {"Name": "A"}, headers=key)
    assert again.content == first.content
    left = [int(a.headers["X-DayLimit-Remaining"]) for a in (first, again)]
    assert left[0] - left[1] == 1
    elsewhere = await x.call("PUT", "/Contacts", {"Name": "A"}, headers=key | {"xero-tenant-id": TENANT_US})
    assert elsewhere.status_code == 400
    await x.control("POST", "/partial", {"after": 1})
    batch = {"Contacts": [{"Name": "B"}, {"Name": "C"}]}
    half = await x.call("POST", "/Contacts", batch, headers={"Idempotency-Key": "k2"})
    assert (half.status_code, half.headers["content-type"].split(";")[0]) == (500, "text/html")
    assert (await x.call("POST", "/Contacts", batch, headers={"Idempotency-Key": "k2"})).status_code == 200
    assert (await x.call("POST", "/Contacts", {"Name": "C"}, headers={"Idempotency-Key": "k" * 128})).status_code == 200


@pytest.mark.parametrize("plural", ["Invoices", "ManualJournals", "BankTransactions", "Payments"])
async def test_any_batch_can_break_in_the_middle(x: Caller, plural: str) -> None:
    invoice = await x.invoice(await x.contact())
    lines = [{"LineAmount": 1, "AccountCode": "830"}, {"LineAmount": -1, "AccountCode": "200"}]
    money = {"Account": {"Code": "090"}, "Date": "2026-11-20", "Amount": 1}
    received = [{"Description": "a", "UnitAmount": 1, "AccountCode": "200"}]
    bodies: dict[str, dict[str, Any]] = {
        "Invoices": invoice_body(invoice["Contact"]["ContactID"]),
        "ManualJournals": {"Narration": "n", "JournalLines": lines},
        "BankTransactions": {
            "Type": "RECEIVE", "Contact": {"Name": "C"}, "BankAccount": {"Code": "090"}, "LineItems": received,
        },
        "Payments": {"Invoice": {"InvoiceID": invoice["InvoiceID"]}} | money,
    }  # fmt: skip
    before = len((await x.ok("GET", f"/{plural}"))[plural])
    await x.control("POST", "/partial", {"after": 2})
    assert (await x.call("PUT", f"/{plural}", {plural: [bodies[plural]] * 3})).status_code == 500
    assert len((await x.ok("GET", f"/{plural}"))[plural]) == before + 2


# Faults ------------------------------------------------------------------------------------------------------------


async def test_faults_in_xeros_own_words(x: Caller) -> None:
    async def hit(preset: str) -> httpx.Response:
        x.faults.add(Fault("xero", "(?i)/organisation", "preset", preset=preset))
        return await x.call("GET", "/Organisation")

    day = await hit("rate_day")
    assert (day.status_code, day.content, day.headers["Retry-After"]) == (429, b"", "66975")
    assert "Retry-After" not in (await hit("rate_concurrent")).headers
    assert (await hit("token_expired")).json()["Detail"].startswith("TokenExpired")
    assert (await hit("tenant_refused")).status_code == 403
    offline = await hit("organisation_offline")
    assert (offline.status_code, offline.headers["content-type"]) == (503, "text/plain")
    with pytest.raises(ValueError, match="no preset"):
        x.faults.add(Fault("xero", "", "preset", preset="nothing"))


async def test_random_faults_lose_and_break_calls_but_never_the_books(x: Caller) -> None:
    kinds: list[Any] = ["lost_answer", "reset", "status", "malformed"]
    for seed, kind in enumerate(kinds):
        x.faults.add(Fault("xero", "(?i)/contacts", kind, rate=0.2, seed=seed))
    outcomes: set[str] = set()
    for at in range(60):
        try:
            answer = await x.call("PUT", "/Contacts", {"Name": f"C{at}"})
            outcomes.add(str(answer.status_code))
        except httpx.HTTPError as error:
            outcomes.add(type(error).__name__)
    x.faults.clear()
    assert {"200", "503", "ReadTimeout", "ReadError"} <= outcomes
    names = [c["Name"] for c in (await x.ok("GET", "/Contacts"))["Contacts"]]
    assert len(names) == len(set(names)) < 60
