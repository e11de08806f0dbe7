"""Nothing is silently absent: every operation of the published API is answered, or refused with the reason."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from simulators.xero import TENANT_NZ
from simulators.xero.contacts import save_contact
from simulators.xero.documents import Writing, save_document
from simulators.xero.element import Element
from tests.simulators.test_xero_bank import ALL
from tests.simulators.xero_client import Caller, opened

MISSING = "11111111-1111-4111-8111-111111111111"
# Resource, then the methods of its list and of a single record, as published.
SIMULATED = """
Accounts GET,PUT GET,POST,DELETE
BankTransactions GET,PUT,POST GET,POST
BankTransfers GET,PUT,POST GET,POST
ContactGroups GET,PUT GET,POST
ContactGroups/{}/Contacts PUT,DELETE DELETE
Contacts GET,PUT,POST GET,POST
CreditNotes GET,PUT,POST GET,POST
CreditNotes/{}/Allocations PUT DELETE
Currencies GET,PUT -
Invoices GET,PUT,POST GET,POST
Items GET,PUT,POST GET,POST,DELETE
ManualJournals GET,PUT,POST GET,POST
Organisation GET -
Organisation/Actions GET -
Overpayments GET GET
Overpayments/{}/Allocations PUT DELETE
Payments GET,PUT,POST GET,POST
Prepayments GET GET
Prepayments/{}/Allocations PUT DELETE
TaxRates GET,PUT,POST GET
TrackingCategories GET,PUT GET,POST,DELETE
TrackingCategories/{}/Options PUT POST,DELETE
Users GET GET
"""
ABSENT = """
BatchPayments GET,PUT,POST GET,POST
BrandingThemes GET GET
BrandingThemes/{}/PaymentServices GET,POST -
Budgets GET GET
Contacts/{}/CISSettings GET -
CreditNotes/{}/pdf GET -
ExpenseClaims GET,PUT GET,POST
InvoiceReminders/Settings GET -
Invoices/{}/pdf GET -
Invoices/{}/OnlineInvoice GET -
Invoices/{}/Email POST -
LinkedTransactions GET,PUT GET,POST,DELETE
Organisation/{}/CISSettings GET -
PaymentServices GET,PUT -
PurchaseOrders GET,PUT,POST GET,POST
PurchaseOrders/{}/pdf GET -
Quotes GET,PUT,POST GET,POST
Quotes/{}/pdf GET -
Receipts GET,PUT GET,POST
RepeatingInvoices GET,PUT,POST GET,POST
Reports GET GET
Setup POST -
"""
WITH_FILES = (
    "Accounts BankTransactions BankTransfers Contacts CreditNotes Invoices ManualJournals PurchaseOrders Quotes"
)
WITH_HISTORY = f"{WITH_FILES} BatchPayments Items Overpayments Payments Prepayments ExpenseClaims RepeatingInvoices"


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        await caller.connect(scopes=ALL)
        yield caller


def operations(table: str) -> list[tuple[str, str]]:
    found = []
    for row in table.strip().splitlines():
        path, listed, single = row.split()
        path = "/" + path.replace("{}", MISSING)
        found += [(method, path) for method in listed.split(",")]
        found += [(method, f"{path}/{MISSING}") for method in single.split(",") if method != "-"]
    return found


async def status(x: Caller, method: str, path: str) -> tuple[int, str]:
    answer = await x.call(method, path, {"Nothing": "known"} if method in ("PUT", "POST") else None)
    return answer.status_code, answer.text


async def test_every_simulated_operation_answers_for_itself(x: Caller) -> None:
    for method, path in operations(SIMULATED):
        code, text = await status(x, method, path)
        assert code in (200, 204, 400, 404), (method, path, text)
        # An unknown id is a page; what is there is listed; an empty element is refused with a message.
        if code == 400:
            assert "ValidationErrors" in text, (method, path, text)


async def test_every_other_operation_says_why_it_is_absent(x: Caller) -> None:
    assert len(operations(ABSENT)) > 40
    for method, path in operations(ABSENT):
        code, text = await status(x, method, path)
        assert (code, "The simulator does not do this" in text) == (501, True), (method, path, text)


async def test_attachments_and_history_are_absent_everywhere(x: Caller) -> None:
    for part, names in (("Attachments", WITH_FILES), ("History", WITH_HISTORY)):
        for name in names.split():
            for method in ("GET", "PUT"):
                code, _ = await status(x, method, f"/{name}/{MISSING}/{part}")
                assert code == 501, (method, name, part)


async def test_what_xero_has_not_got_is_a_page(x: Caller) -> None:
    for path in ("/Nonsense", "/", f"/Nonsense/{MISSING}"):
        answer = await x.call("GET", path)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (404, "text/html")


async def test_xml_bodies_are_refused_with_the_reason(x: Caller) -> None:
    answer = await x.call("PUT", "/Contacts", content=b"<Contact><Name>A</Name></Contact>")
    assert (answer.status_code, "XML request bodies" in answer.text) == (501, True)


async def test_a_part_that_is_not_simulated_saves_nothing(x: Caller) -> None:
    tracked = {"Items": [{"Code": "A"}, {"Code": "B", "IsTrackedAsInventory": True}]}
    assert (await x.call("PUT", "/Items", tracked)).status_code == 501
    assert (await x.call("GET", "/Items/A")).status_code == 404


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_hundred_thousand_documents_do_not_slow_a_call_down(x: Caller) -> None:
    books = x.sim.world.books[TENANT_NZ]
    line = {"Description": "Plan", "Quantity": 1, "UnitAmount": "49.50", "AccountCode": "200"}
    for at in range(1000):
        save_contact(books, Element({"Name": f"Customer {at}"}), put=True)
    contacts = list(books.contacts.rows)
    for at in range(100_000):
        body = {
            "Type": "ACCREC", "Contact": {"ContactID": contacts[at % 1000]}, "InvoiceNumber": f"N-{at}",
            "Date": "2026-11-18", "DueDate": "2026-12-02", "Status": "AUTHORISED", "LineItems": [line],
        }  # fmt: skip
        save_document(books, "invoice", Element(body), Writing(put=True))
        if at % 1000 == 0:
            books.commit()
            await asyncio.sleep(0)
    books.commit()
    one = await x.invoice(contacts[0])
    usual = {"where": 'Type=="ACCREC"', "order": "UpdatedDateUTC ASC, InvoiceID ASC", "page": "500"}
    payment = {"Invoice": {"InvoiceID": one["InvoiceID"]}, "Account": {"Code": "090"}, "Date": "2026-11-20"}
    calls: list[tuple[str, str, object, dict[str, str]]] = [
        ("GET", "/Invoices", None, usual),
        ("GET", "/Invoices", None, {"InvoiceNumbers": "N-99999", "page": "1"}),
        ("GET", "/Invoices", None, {"where": 'Type=="ACCREC" AND InvoiceNumber=="N-5"', "page": "1"}),
        ("GET", f"/Invoices/{one['InvoiceID']}", None, {}),
        ("PUT", "/Payments", payment | {"Amount": 1}, {}),
        ("POST", f"/Invoices/{one['InvoiceID']}", {"Reference": "x"}, {}),
        ("GET", f"/Contacts/{contacts[0]}", None, {}),
    ]
    for method, path, sent, params in calls:
        started = time.perf_counter()
        assert (await x.call(method, path, sent, params=params)).status_code == 200
        assert time.perf_counter() - started < 0.5, (method, path)
