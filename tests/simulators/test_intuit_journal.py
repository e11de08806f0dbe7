"""Journal entries: balance rules, names on control accounts, line ids, numbers (reference 3.6, 2.9)."""

from decimal import Decimal

import pytest

from tests.simulators.intuit_client import US_REALM, Intuit, Json


def side(posting: str | None, account: str | None, amount: str, entity: tuple[str, str] | None = None) -> Json:
    detail: Json = {}
    if posting is not None:
        detail["PostingType"] = posting
    if account is not None:
        detail["AccountRef"] = {"value": account}
    if entity is not None:
        detail["Entity"] = {"Type": entity[0], "EntityRef": {"value": entity[1]}}
    return {"Amount": Decimal(amount), "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}


def entry(*lines: Json, **fields: object) -> Json:
    return {"TxnDate": "2026-10-31", "Line": list(lines), **fields}


WAGES = (side("Debit", "55", "5200.50"), side("Credit", "35", "5200.50"))


async def test_entry_shape_and_postings(intuit: Intuit) -> None:
    first = {**WAGES[0], "Description": "Wages"}
    made = await intuit.save("JournalEntry", entry(first, WAGES[1], DocNumber="PR-1031", PrivateNote="Payroll Oct"))
    assert made["Line"][0] == {
        "Id": "0",
        "Description": "Wages",
        "Amount": Decimal("5200.5"),
        "DetailType": "JournalEntryLineDetail",
        "JournalEntryLineDetail": {"PostingType": "Debit", "AccountRef": {"value": "55", "name": "Insurance"}},
        "CustomExtensions": [],
    }
    assert [row["Id"] for row in made["Line"]] == ["0", "1"]
    assert (made["TotalAmt"], made["TxnTaxDetail"], made["Adjustment"], made["SyncToken"]) == (0, {}, False, "0")
    trial = (await intuit.books())["trial_balance"]
    assert {(row["account"], row["debit"], row["credit"]) for row in trial} == {
        ("Insurance", "5200.50", "0.00"),
        ("Checking", "0.00", "5200.50"),
    }


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), "2250"),
        ((side("Debit", "55", "10"), side("Credit", "35", "9.99")), "2300"),
        ((side("Debit", "55", "0"), side("Debit", "35", "0")), "2300"),
        ((side("Debit", "55", "10"), side(None, "35", "10")), "2260"),
        ((side("Debit", "55", "10"), side("Sideways", "35", "10")), "2260"),
        ((side("Debit", "55", "-10"), side("Credit", "35", "-10")), "2290"),
        ((side("Debit", None, "10"), side("Credit", "35", "10")), "2020"),
        ((side("Debit", "777", "10"), side("Credit", "35", "10")), "2500"),
        ((side("Debit", "84", "10"), side("Credit", "35", "10")), "6000"),
        ((side("Debit", "84", "10", ("Vendor", "30")), side("Credit", "35", "10")), "6000"),
        ((side("Debit", "55", "10"), side("Credit", "33", "10", ("Customer", "1"))), "6000"),
        ((side("Debit", "84", "10", ("Customer", "77")), side("Credit", "35", "10")), "2500"),
        ((side("Debit", "84", "10", ("Customer", "1")), side("Credit", "33", "10", ("Vendor", "30"))), "6000"),
    ],
)
async def test_refusals(intuit: Intuit, lines: tuple[Json, ...], code: str) -> None:
    error = await intuit.fault("POST", "journalentry", entry(*lines))
    assert error["code"] == code
    if code == "2020":
        assert error["element"] == "AccountRef"
    assert (await intuit.query("select count(*) from JournalEntry"))["totalCount"] == 0


async def test_tax_on_lines_is_refused_with_its_codes_and_then_with_a_reason(intuit: Intuit) -> None:
    taxed = side("Debit", "55", "10")
    detail = taxed["JournalEntryLineDetail"]
    detail["TaxCodeRef"] = {"value": "2"}
    body = entry(taxed, side("Credit", "35", "10"))
    assert (await intuit.fault("POST", "journalentry", body))["code"] == "2270"
    detail["TaxApplicableOn"] = "Sales"
    assert (await intuit.fault("POST", "journalentry", body))["code"] == "2280"
    detail["TaxAmount"] = 1
    assert (await intuit.call("POST", "journalentry", body)).status_code == 501


async def test_receivable_and_payable_lines_move_the_names_balances(intuit: Intuit) -> None:
    await intuit.save("JournalEntry", entry(side("Debit", "84", "30", ("Customer", "1")), side("Credit", "1", "30")))
    await intuit.save("JournalEntry", entry(side("Debit", "55", "12"), side("Credit", "33", "12", ("Vendor", "30"))))
    assert (await intuit.read("Customer", "1"))["Balance"] == 30
    assert (await intuit.read("Vendor", "30"))["Balance"] == 12
    assert (await intuit.read("Account", "33"))["CurrentBalance"] == -12
    aged = (await intuit.http.get(f"/_sim/intuit/companies/{US_REALM}/aged_receivables")).json()
    assert (aged["customers"][0]["name"], aged["total"]) == ("Amy's Bird Sanctuary", "30.00")
    refused = await intuit.fault("POST", "vendor", {"Id": "30", "SyncToken": "0", "sparse": True, "Active": False})
    assert refused["code"] == "6220"


async def test_numbers(intuit: Intuit) -> None:
    bare = await intuit.save("JournalEntry", entry(*WAGES))
    assert "DocNumber" not in bare
    numbered = [await intuit.save("JournalEntry", entry(*WAGES), include="autodocnumber") for _ in range(2)]
    assert [row["DocNumber"] for row in numbered] == ["1", "2"]
    error = await intuit.fault("POST", "journalentry", entry(*WAGES, DocNumber="2"))
    assert error["code"] == "6140"
    assert error["Detail"].endswith(f"assigned to TxnType=Journal Entry with TxnId={numbered[1]['Id']}")
    assert (await intuit.fault("POST", "journalentry", entry(*WAGES, DocNumber="x" * 22)))["code"] == "2050"


async def test_update_keeps_line_ids_and_replaces_lines(intuit: Intuit) -> None:
    made = await intuit.save("JournalEntry", entry(*WAGES, PrivateNote="first"))
    identity = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    lines = [{**side("Debit", "55", "7"), "Id": "0"}, side("Credit", "36", "7")]
    changed = await intuit.save("JournalEntry", {**identity, "Line": lines})
    assert [row["Id"] for row in changed["Line"]] == ["0", "2"]
    assert changed["PrivateNote"] == "first"
    full = await intuit.save("JournalEntry", {**identity, "sparse": False, "SyncToken": "1", "Line": lines})
    assert "PrivateNote" not in full
    stale = await intuit.fault("POST", "journalentry", {**identity, "Line": lines})
    assert stale["code"] == "5010"


async def test_void_does_nothing_and_delete_takes_it_out(intuit: Intuit) -> None:
    made = await intuit.save("JournalEntry", entry(*WAGES))
    body = {"Id": made["Id"], "SyncToken": "0"}
    reply = (await intuit.call("POST", "journalentry", body, operation="void")).json()
    assert reply["BatchItemResponse"] == []
    assert (await intuit.read("JournalEntry", made["Id"]))["SyncToken"] == "0"
    stub = await intuit.save("JournalEntry", body, operation="delete")
    assert stub["status"] == "Deleted"
    assert (await intuit.books())["trial_balance"] == []


async def test_closed_period_with_and_without_password(intuit: Intuit) -> None:
    made = await intuit.save("JournalEntry", entry(*WAGES))
    at = f"intuit/companies/{US_REALM}/close_books"
    for password, code in ((False, "6200"), (True, "6210")):
        await intuit.control(at, {"date": "2026-10-31", "password": password})
        assert (await intuit.fault("POST", "journalentry", entry(*WAGES)))["code"] == code
        body = {"Id": made["Id"], "SyncToken": "0"}
        assert (await intuit.fault("POST", "journalentry", body, operation="delete"))["code"] == code
    await intuit.control(at, {"date": None})
    await intuit.save("JournalEntry", entry(*WAGES))
