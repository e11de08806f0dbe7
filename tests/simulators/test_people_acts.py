"""What a person can do at both vendors, the flat list of documents to compare with, and resets of one company."""

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from simulators.app import create_app
from simulators.core.http import Json
from simulators.intuit import US_REALM
from simulators.root import Simulators
from simulators.xero import TENANT_NZ

US, NZ = f"/_sim/intuit/companies/{US_REALM}", f"/_sim/xero/companies/{TENANT_NZ}"
SALE = {"DetailType": "SalesItemLineDetail", "Amount": 100, "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
LINE = {"Description": "Plan", "AccountCode": "200", "UnitAmount": 100, "Quantity": 1, "TaxType": "NONE"}
XERO_JOURNAL = [{"AccountCode": "400", "LineAmount": 30}, {"AccountCode": "200", "LineAmount": -30}]


@pytest.fixture
def sims() -> Simulators:
    return Simulators()


def browser(sims: Simulators) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(sims))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8100")


@pytest.fixture
async def http(sims: Simulators) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(sims) as client:
        yield client
    await sims.aclose()


async def act(http: httpx.AsyncClient, path: str, status: Any = 200, **body: Any) -> Json:
    answer = await http.post(path, json=body)
    assert answer.status_code == status, answer.text
    out: Json = answer.json()
    return out


async def listed(http: httpx.AsyncClient, company: str) -> list[Json]:
    """All documents; debits equal credits."""
    books = (await http.get(f"{company}/documents")).json()
    sums = [sum(Decimal(row[side]) for row in books["trial_balance"]) for side in ("debit", "credit")]
    assert sums[0] == sums[1]
    rows: list[Json] = books["documents"]
    return rows


async def us_invoice(http: httpx.AsyncClient, **fields: object) -> str:
    body = {"entity": "Invoice", "CustomerRef": {"value": "1"}, "Line": [SALE]} | fields
    return str((await act(http, f"{US}/create_document", **body))["id"])


async def nz_invoice(http: httpx.AsyncClient, name: str = "Pier 7", **fields: object) -> str:
    body = {"Type": "ACCREC", "Contact": {"Name": name}, "Status": "AUTHORISED", "DueDate": "2026-12-02"}
    whole = {"entity": "Invoice", "LineItems": [LINE]} | body | fields
    return str((await act(http, f"{NZ}/create_document", **whole))["id"])


def postings(side: str, account: str, amount: int) -> Json:
    detail = {"PostingType": side, "AccountRef": {"value": account}}
    return {"DetailType": "JournalEntryLineDetail", "Amount": amount, "JournalEntryLineDetail": detail}


# Intuit ------------------------------------------------------------------------------------------------------------


async def test_an_invoice_at_intuit_from_draft_to_grave(http: httpx.AsyncClient) -> None:
    key = await us_invoice(http, DocNumber="T-1", PrivateNote="ours: 7")
    assert (await act(http, f"{US}/pay", invoice_id=key, amount=40))["unapplied"] == "0.00"
    rows = {row["entity"]: row for row in (await listed(http, US))}
    assert {k: rows["Invoice"][k] for k in ("number", "note", "total", "balance", "party", "voided")} == {
        "number": "T-1", "note": "ours: 7", "total": "100.00", "balance": "60.00", "party": "1", "voided": False,
    }  # fmt: skip
    assert (rows["Payment"]["total"], rows["Payment"]["links"]) == ("40.00", [["Invoice", key]])
    await act(http, f"{US}/void_document", entity="Payment", id=rows["Payment"]["id"])
    await act(http, f"{US}/edit_document", entity="Invoice", id=key, PrivateNote="changed")
    await act(http, f"{US}/void_document", entity="Invoice", id=key)
    assert [(r["total"], r["voided"]) for r in (await listed(http, US))] == [("0.00", True)] * 2
    await act(http, f"{US}/delete_document", entity="Invoice", id=key)
    assert [r["entity"] for r in (await listed(http, US))] == ["Payment"]


async def test_other_documents_at_intuit(http: httpx.AsyncClient) -> None:
    lines = [postings("Debit", "35", 30), postings("Credit", "1", 30)]
    journal = (await act(http, f"{US}/create_document", entity="JournalEntry", PrivateNote="run 17", Line=lines))["id"]
    await act(http, f"{US}/edit_document", entity="JournalEntry", id=journal, DocNumber="J-9")
    row = (await listed(http, US))[0]
    assert (row["number"], row["note"], row["total"]) == ("J-9", "run 17", "30.00")
    await act(http, f"{US}/void_document", 400, entity="JournalEntry", id=journal)
    refused = await act(http, f"{US}/create_document", 400, entity="JournalEntry", Line=[postings("Debit", "35", 30)])
    assert refused["error"].startswith("2")
    memo = {"entity": "CreditMemo", "CustomerRef": {"value": "1"}, "Line": [SALE]}
    credit = (await act(http, f"{US}/create_document", **memo))["id"]
    await act(http, f"{US}/edit_document", entity="CreditMemo", id=credit, PrivateNote="kept whole")
    assert {r["total"] for r in (await listed(http, US)) if r["entity"] == "CreditMemo"} == {"100.00"}


async def test_lists_at_intuit_are_switched_off_and_on(http: httpx.AsyncClient) -> None:
    for entity, key in (("Account", "35"), ("Item", "2"), ("Vendor", "30"), ("Customer", "2"), ("Term", "3")):
        assert (await act(http, f"{US}/archive", entity=entity, id=key))["active"] is False
        assert (await act(http, f"{US}/restore", entity=entity, id=key))["active"] is True
    await act(http, f"{US}/archive_account", account="1")
    await act(http, f"{US}/rename_customer", customer_id="3", name="Renamed")
    names = {c["id"]: c["name"] for c in (await http.get(f"{US}/ledger")).json()["customers"]}
    assert names["3"] == "Renamed"
    await act(http, f"{US}/archive", 404, entity="Item", id="999")


# Xero --------------------------------------------------------------------------------------------------------------


async def test_an_invoice_at_xero_from_draft_to_grave(http: httpx.AsyncClient) -> None:
    key = await nz_invoice(http, Reference="ours: 7")
    await act(http, f"{NZ}/edit_document", entity="Invoice", id=key, Reference="theirs")
    await act(http, f"{NZ}/email_invoice", invoice_id=key)
    paid = await act(http, f"{NZ}/pay", invoice_id=key, amount=40)
    rows = {row["entity"]: row for row in (await listed(http, NZ))}
    shown = {k: rows["Invoice"][k] for k in ("reference", "total", "balance", "status")}
    assert shown == {"reference": "theirs", "total": "100.00", "balance": "60.00", "status": "AUTHORISED"}
    assert (rows["Payment"]["pays"], rows["Payment"]["total"]) == (key, "40.00")
    await act(http, f"{NZ}/void_document", 400, entity="Invoice", id=key)
    await act(http, f"{NZ}/delete_payment", payment_id=paid["payment_id"])
    assert (await act(http, f"{NZ}/void_document", entity="Invoice", id=key))["status"] == "VOIDED"
    draft = await nz_invoice(http, Status="DRAFT")
    await act(http, f"{NZ}/email_invoice", 400, invoice_id=draft)
    assert (await act(http, f"{NZ}/delete_document", entity="Invoice", id=draft))["status"] == "DELETED"
    await act(http, f"{NZ}/delete_document", 404, entity="Invoice", id="nobody")


async def test_other_documents_at_xero(http: httpx.AsyncClient) -> None:
    create, edit, delete = (f"{NZ}/{name}_document" for name in ("create", "edit", "delete"))
    who = {"Contact": {"Name": "Pier 7"}}
    fields = {"Narration": "run 17", "Status": "POSTED", "JournalLines": XERO_JOURNAL, "Date": "2026-11-01"}
    journal = (await act(http, create, entity="ManualJournal", **fields))["id"]
    await act(http, edit, entity="ManualJournal", id=journal, Narration="run 18")
    money = {"Type": "SPEND", "BankAccount": {"Code": "090"}, "LineItems": [LINE | {"AccountCode": "404"}]} | who
    spent = (await act(http, create, entity="BankTransaction", **money))["id"]
    await act(http, edit, entity="BankTransaction", id=spent, Reference="R")
    sides = {"FromBankAccount": {"Code": "090"}, "ToBankAccount": {"Code": "091"}, "Amount": 5}
    moved = (await act(http, create, entity="BankTransfer", **sides))["id"]
    await act(http, edit, 400, entity="BankTransfer", id=moved, Amount=6)
    credit = {"Type": "ACCRECCREDIT", "Status": "AUTHORISED", "LineItems": [LINE]} | who
    note = (await act(http, create, entity="CreditNote", **credit))["id"]
    invoice = await nz_invoice(http)
    settle = {"Invoice": {"InvoiceID": invoice}, "Account": {"Code": "090"}, "Date": "2026-11-20", "Amount": 1}
    payment = (await act(http, create, entity="Payment", **settle))["id"]
    rows = {row["id"]: row for row in (await listed(http, NZ))}
    assert (rows[journal]["note"], rows[journal]["total"], rows[spent]["reference"]) == ("run 18", "30.00", "R")
    kinds = {"ManualJournal": journal, "BankTransaction": spent, "BankTransfer": moved, "CreditNote": note}
    ends = [
        (await act(http, delete, entity=kind, id=key))["status"] for kind, key in (kinds | {"Payment": payment}).items()
    ]
    assert ends == ["VOIDED", "DELETED", "DELETED", "VOIDED", "DELETED"]
    await listed(http, NZ)


async def test_people_and_lists_at_xero(http: httpx.AsyncClient) -> None:
    await nz_invoice(http, "First")
    kept = await nz_invoice(http, "Second")
    ids = {c["name"]: c["id"] for c in (await http.get(f"{NZ}/ledger")).json()["customers"]}
    await act(http, f"{NZ}/edit_customer", customer_id=ids["First"], EmailAddress="a@example.com")
    await act(http, f"{NZ}/rename_customer", 400, customer_id=ids["First"], name="Second")
    await act(http, f"{NZ}/merge_customers", 400, customer_id=ids["First"], into=ids["First"])
    assert (await act(http, f"{NZ}/merge_customers", customer_id=ids["First"], into=ids["Second"]))["documents"] == 1
    books = {c["name"]: c for c in (await http.get(f"{NZ}/ledger")).json()["customers"]}
    assert (books["First"]["active"], books["First"]["balance"]) == (False, "0.00")
    assert (books["Second"]["active"], books["Second"]["balance"]) == (True, "200.00")
    assert {row["party"] for row in (await listed(http, NZ))} == {ids["Second"]}
    await act(http, f"{NZ}/archive_customer", customer_id=ids["Second"])
    await act(http, f"{NZ}/restore_customer", customer_id=ids["Second"])
    await act(http, f"{NZ}/archive_account", account="260")
    await act(http, f"{NZ}/archive_account", 400, account="610")
    await act(http, f"{NZ}/restore_account", account="260")
    await act(http, f"{NZ}/delete_item", item="CONSULT")
    await act(http, f"{NZ}/delete_item", 404, item="CONSULT")
    await act(http, f"{NZ}/close_books", date="2199-01-01")
    await act(http, f"{NZ}/void_document", 400, entity="Invoice", id=kept)
    await act(http, f"{NZ}/close_books", date=None)
    await act(http, f"{NZ}/void_document", entity="Invoice", id=kept)


# Both --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["100.00", "40.00"])
async def test_a_stale_page_at_xero_takes_money_once(http: httpx.AsyncClient, amount: str) -> None:
    key = await nz_invoice(http)
    page = (await http.get(f"/xero/ui/{TENANT_NZ}")).text
    due = re.search(r'name="due" value="([^"]+)"', page)
    assert due is not None
    form = {"invoice_id": key, "amount": amount, "due": due[1]}
    first = await http.post(f"/xero/ui/{TENANT_NZ}/pay", data=form, follow_redirects=False)
    second = await http.post(f"/xero/ui/{TENANT_NZ}/pay", data=form, follow_redirects=False)
    assert (first.status_code, second.status_code) == (303, 409)
    assert [p["amount"] for p in (await http.get(f"{NZ}/ledger")).json()["payments"]] == [amount]
    if amount == "100.00":
        del form["due"]
        assert (await http.post(f"/xero/ui/{TENANT_NZ}/pay", data=form)).status_code == 409


async def test_a_stale_page_at_intuit_makes_no_empty_payment(http: httpx.AsyncClient) -> None:
    key = await us_invoice(http)
    page = (await http.get(f"/intuit/ui/{US_REALM}")).text
    shown = re.search(r'name=balance value="([^"]+)"', page)
    assert shown is not None
    form = {"invoice_id": key, "balance": shown[1]}
    answers = [await http.post(f"/intuit/ui/{US_REALM}/pay", data=form, follow_redirects=False) for _ in range(2)]
    assert [a.status_code for a in answers] == [303, 409]
    assert (await http.post(f"/intuit/ui/{US_REALM}/pay", data={"invoice_id": key})).status_code == 400
    assert "nothing to pay" in (await act(http, f"{US}/pay", 400, invoice_id=key))["error"]
    assert [p["amount"] for p in (await http.get(f"{US}/ledger")).json()["payments"]] == ["100.00"]
    assert (await http.post(f"/intuit/ui/{US_REALM}/pay", content=b"invoice_id=%ff\xff")).status_code == 400


async def test_one_company_goes_back_to_its_seed(http: httpx.AsyncClient, sims: Simulators) -> None:
    await us_invoice(http)
    await nz_invoice(http)
    await act(http, f"{US}/close_books", date="2026-10-01")
    await act(http, f"{NZ}/lock", period_lock_date="2026-10-01")
    await act(http, f"{US}/reset")
    assert ((await listed(http, US)), len(await listed(http, NZ))) == ([], 1)
    await act(http, f"{NZ}/reset")
    assert (await listed(http, NZ)) == []
    assert sims.xero.world.books[TENANT_NZ].tenant.lock_date is None
    fresh = Simulators()
    for company in (US, NZ):
        async with browser(fresh) as other:
            assert (await http.get(f"{company}/ledger")).json() == (await other.get(f"{company}/ledger")).json()


async def test_more_companies_are_opened_and_a_reset_takes_them_away(http: httpx.AsyncClient, sims: Simulators) -> None:
    first = (await act(http, "/_sim/intuit/companies", count=2))["realms"]
    realms = first + (await act(http, "/_sim/intuit/companies", count=1))["realms"]
    seeds = {one.realm for one in Simulators().intuit.companies.values()}
    assert len(set(realms) - seeds) == 3
    assert set(sims.intuit.companies) == {*seeds, *realms}
    fresh, seed = (sims.intuit.companies[realm].tables["Customer"].rows for realm in (realms[2], US_REALM))
    assert fresh.keys() == seed.keys()
    await http.post("/_sim/reset")
    assert set(sims.intuit.companies) == seeds
