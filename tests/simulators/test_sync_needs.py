"""What a fault run of the sync engine leans on: fifty elements a call, reading by change, faults before and after."""

from collections import Counter
from datetime import timedelta

import httpx

from simulators.core.faults import Fault
from simulators.core.http import Json
from simulators.intuit import US_REALM
from tests.simulators.intuit_client import Intuit
from tests.simulators.xero_client import Caller, invoice_body


def journal(at: int, **fields: object) -> Json:
    lines = [{"AccountCode": "400", "LineAmount": 1 + at}, {"AccountCode": "200", "LineAmount": -1 - at}]
    return {"Narration": f"run {at}", "Status": "POSTED", "Date": "2026-11-01", "JournalLines": lines} | fields


async def test_fifty_elements_answer_one_by_one_in_order(x: Caller) -> None:
    each = {"summarizeErrors": "false"}
    people = [{"Name": f"Person {at}"} for at in range(49)] + [{"Name": "Person 7", "EmailAddress": "no"}]
    made = (await x.ok("POST", "/Contacts", {"Contacts": people}, params=each))["Contacts"]
    assert [c["StatusAttributeString"] for c in made] == ["OK"] * 49 + ["ERROR"]
    key = made[0]["ContactID"]
    sales = [invoice_body(key, InvoiceNumber=f"S-{at}") for at in range(50)]
    sales[20] = invoice_body(key, InvoiceNumber="S-0", InvoiceID="11111111-1111-4111-8111-111111111111")
    sales[30] = invoice_body(key, InvoiceNumber="S-30", DueDate=None)
    done = (await x.ok("POST", "/Invoices", {"Invoices": sales}, params=each))["Invoices"]
    assert [i["InvoiceNumber"] for i in done] == [s["InvoiceNumber"] for s in sales]
    assert {at for at, i in enumerate(done) if i["StatusAttributeString"] == "ERROR"} == {20, 30}
    runs = [journal(at) for at in range(50)]
    runs[49] = journal(49, JournalLines=[{"AccountCode": "200", "LineAmount": 1}])
    posted = (await x.ok("POST", "/ManualJournals", {"ManualJournals": runs}, params=each))["ManualJournals"]
    assert [j["StatusAttributeString"] for j in posted] == ["OK"] * 49 + ["ERROR"]
    await x.control("POST", f"/companies/{x.tenant}/lock", {"period_lock_date": "2026-11-10"})
    late = (await x.ok("POST", "/ManualJournals", {"ManualJournals": runs[:1]}, params=each))["ManualJournals"]
    assert "period lock date" in late[0]["ValidationErrors"][0]["Message"]


async def test_reading_by_change_and_page(x: Caller) -> None:
    x.sim.clock.freeze()
    contact = {"Name": "Bank"}
    line = {"Description": "x", "AccountCode": "404", "UnitAmount": 1}
    spent = {"Type": "SPEND", "Contact": contact, "BankAccount": {"Code": "090"}, "LineItems": [line]}
    await x.ok("PUT", "/BankTransactions", {"BankTransactions": [spent | {"Reference": f"R{at}"} for at in range(5)]})
    x.sim.clock.advance(timedelta(minutes=5))
    since = {"If-Modified-Since": f"{x.sim.clock.now():%Y-%m-%dT%H:%M:%S}"}
    for path in ("BankTransactions", "Accounts", "Items", "TaxRates"):
        unchanged = await x.ok("GET", f"/{path}", headers=since)
        # Tax rates carry no time of change: they come whole.
        assert bool(unchanged[path]) is (path == "TaxRates"), path
    x.sim.clock.advance(timedelta(minutes=5))
    await x.ok("PUT", "/BankTransactions", spent | {"Reference": "late"})
    await x.ok("PUT", "/Accounts", {"Code": "777", "Name": "Fresh", "Type": "EXPENSE"})
    await x.ok("POST", "/Items", {"Code": "CONSULT", "Name": "Renamed"})
    for path, field, value in (
        ("BankTransactions", "Reference", "late"),
        ("Accounts", "Code", "777"),
        ("Items", "Code", "CONSULT"),
    ):
        assert [row[field] for row in (await x.ok("GET", f"/{path}", headers=since))[path]] == [value]
    order = {"order": "UpdatedDateUTC ASC, BankTransactionID ASC", "pageSize": "4"}
    pages = [await x.ok("GET", "/BankTransactions", params=order | {"page": str(at)}) for at in (1, 2, 3)]
    assert [len(page["BankTransactions"]) for page in pages] == [4, 2, 0]
    assert (pages[0]["pagination"]["itemCount"], pages[0]["pagination"]["pageCount"]) == (6, 2)


async def outcome(intuit: Intuit, at: int) -> str:
    try:
        reply = await intuit.call("POST", "customer", {"DisplayName": f"Run {at}"}, requestid=f"run-{at}")
    except httpx.TransportError as error:
        return type(error).__name__
    return str(reply.status_code)


async def test_a_mix_of_random_faults_loses_no_answer_twice_and_repeats(intuit: Intuit) -> None:
    """Lost answers and errors after the commit leave the write behind; 429, 503 and resets leave none."""
    mixed = [("lost_answer", 0, "0.1"), ("status_after", 502, "0.1"), ("status", 503, "0.1"), ("reset", 0, "0.1")]

    async def run() -> list[str]:
        await intuit.control(f"intuit/companies/{US_REALM}/reset", {})
        intuit.sims.faults.clear()
        for seed, (kind, status, rate) in enumerate(mixed):
            fault = {"provider": "intuit", "path": "/customer", "method": "POST", "kind": kind}
            told = {"rate": rate, "seed": seed, "status": status or 503}
            await intuit.control("faults", fault | told, 201)
        throttled = {"provider": "intuit", "path": "/customer", "kind": "preset", "preset": "throttled", "rate": "0.1"}
        await intuit.control("faults", throttled, 201)
        return [await outcome(intuit, at) for at in range(150)]

    first = await run()
    seen = Counter(first)
    assert set(seen) == {"200", "429", "502", "503", "ReadTimeout", "ReadError"}
    written = (await intuit.query("select count(*) from Customer where DisplayName like 'Run %'"))["totalCount"]
    assert written == seen["200"] + seen["502"] + seen["ReadTimeout"]
    intuit.sims.faults.clear()
    assert [await outcome(intuit, at) for at in range(150)] == ["200"] * 150
    assert await run() == first


async def test_a_server_error_after_the_commit_at_xero(x: Caller) -> None:
    x.faults.add(Fault("xero", "/ManualJournals", "status_after", method="POST", status=500))
    assert (await x.call("POST", "/ManualJournals", journal(1))).status_code == 500
    found = await x.ok("GET", "/ManualJournals")
    assert [j["Narration"] for j in found["ManualJournals"]] == ["run 1"]
