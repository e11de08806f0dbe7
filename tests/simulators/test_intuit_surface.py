"""What there is looks as recorded; what there is not says so (reference 2.7-2.9, 3)."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from simulators.core.money import loads
from simulators.intuit.entities import ENTITIES
from tests.simulators.intuit_client import US_REALM, Intuit, Json, line

DOCS = Path(__file__).parents[2] / "docs" / "simulators.md"
# Everything else the accounting API has, as far as its documentation names entities.
ABSENT = (
    "Attachable Bill BillPayment Budget CompanyCurrency CreditCardPayment CustomerType Estimate ExchangeRate "
    "InventoryAdjustment JournalCode PurchaseOrder RecurringTransaction RefundReceipt ReimburseCharge SalesReceipt "
    "TaxPayment TimeActivity VendorCredit"
).split()
COMMON = {"Id", "SyncToken", "MetaData", "domain", "sparse"}


@pytest.mark.parametrize("entity", ABSENT)
async def test_absent_entities_say_so_everywhere(intuit: Intuit, entity: str) -> None:
    assert entity not in ENTITIES
    name = entity.lower()
    replies = [
        await intuit.call("POST", name, {}),
        await intuit.call("GET", f"{name}/1"),
        await intuit.call("GET", "query", query=f"select * from {entity}"),
    ]
    for reply in replies:
        assert (reply.status_code, reply.json()["error"]) == (501, "not_simulated")
        assert entity.lower() in reply.json()["reason"].lower()
    assert re.search(rf"\b{entity}\b", DOCS.read_text()), f"{entity} is missing from the table"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "reports/TrialBalance"),
        ("POST", "upload"),
        ("GET", "download/1"),
        ("GET", "invoice/1/pdf"),
        ("POST", "payment/1/send"),
        ("GET", "invoice"),
        ("POST", "invoice/1"),
        ("PUT", "customer"),
        ("PATCH", "customer"),
        ("DELETE", "customer"),
        ("POST", "companyinfo"),
        ("POST", "preferences"),
        ("POST", "employee"),
        ("POST", "taxcode"),
    ],
)
async def test_absent_routes_say_so(intuit: Intuit, method: str, path: str) -> None:
    reply = await intuit.call(method, path, {})
    assert reply.status_code == 501, reply.text
    assert reply.json()["reason"]


@pytest.mark.parametrize(
    ("entity", "changes"),
    [
        ("Customer", {"Balance": 5, "OpenBalanceDate": "2026-01-01"}),
        ("Account", {"OpeningBalance": 5}),
        ("Item", {"Type": "Inventory"}),
        ("Invoice", {"Deposit": 5}),
        ("Invoice", {"ProjectRef": {"value": "1"}}),
        ("Invoice", {"Line": [{"Amount": 1, "DetailType": "GroupLineDetail", "GroupLineDetail": {}}]}),
        ("Invoice", {"Line": [line("1", item="SHIPPING_ITEM_ID")]}),
    ],
)
async def test_absent_properties_say_so(intuit: Intuit, entity: str, changes: Json) -> None:
    bodies: dict[str, Json] = {
        "Customer": {"DisplayName": "x"},
        "Account": {"Name": "x", "AccountType": "Bank"},
        "Item": {"Name": "x", "IncomeAccountRef": {"value": "1"}},
        "Invoice": {"CustomerRef": {"value": "1"}, "Line": [line("1")]},
    }
    reply = await intuit.call("POST", entity.lower(), {**bodies[entity], **changes})
    assert reply.status_code == 501, reply.text


async def test_every_entity_reads_queries_counts_and_refuses_unknown_properties(intuit: Intuit) -> None:
    for entity in ENTITIES.values():
        count = (await intuit.query(f"select count(*) from {entity.name}"))["totalCount"]
        rows = (await intuit.query(f"select * from {entity.name} maxresults 1")).get(entity.name, [])
        assert bool(rows) == bool(count), entity.name
        if rows and rows[0]["Id"].isdigit():
            assert set(await intuit.read(entity.name, rows[0]["Id"])) >= COMMON
        if entity.schema is not None:
            error = await intuit.fault("POST", entity.path, {"Nonsense": 1})
            assert (error["code"], error["element"]) == ("2010", "Nonsense"), entity.name
        gone = await intuit.fault("GET", f"{entity.path}/99999")
        assert gone["code"] == "610"


async def test_voiding_per_entity(intuit: Intuit) -> None:
    for name in ("CreditMemo", "Purchase", "Deposit", "Transfer", "Payment", "Customer"):
        for params in ({"operation": "void"}, {"operation": "update", "include": "void"}):
            if name == "Payment" and "include" in params:
                continue
            error = await intuit.fault("POST", name.lower(), {"Id": "1", "SyncToken": "0"}, **params)
            assert error["code"] == "500", name


async def test_recorded_shapes(intuit: Intuit) -> None:
    customer = await intuit.save("Customer", {"DisplayName": "Larkspur Dental", "CompanyName": "Larkspur Dental LLC"})
    assert set(customer) == COMMON | set(
        "Taxable Job BillWithParent Balance BalanceWithJobs CurrencyRef PreferredDeliveryMethod IsProject CompanyName "
        "FullyQualifiedName DisplayName PrintOnCheckName Active DefaultTaxCodeRef".split()
    )
    assert customer["PrintOnCheckName"] == "Larkspur Dental LLC"
    invoice = await intuit.save("Invoice", {"CustomerRef": {"value": customer["Id"]}, "Line": [line("150", "NON")]})
    assert set(invoice) >= COMMON | set(
        "CustomerRef Line TxnDate DueDate TotalAmt Balance LinkedTxn TxnTaxDetail EmailStatus PrintStatus CurrencyRef "
        "CustomField ApplyTaxAfterDiscount AllowOnlineACHPayment AllowOnlineCreditCardPayment".split()
    )
    link = {"Amount": 150, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
    body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 150, "PaymentRefNum": "ACH 7741", "Line": [link]}
    payment = await intuit.save("Payment", body)
    assert set(payment) == COMMON | set(
        "CustomerRef DepositToAccountRef TotalAmt UnappliedAmt ProcessPayment TxnDate CurrencyRef Line LinkedTxn "
        "PaymentRefNum".split()
    )
    extra = {v["value"]["Name"] for v in payment["Line"][0]["LineEx"]["any"]}
    assert extra >= {"txnId", "txnOpenBalance"}
    transfer = await intuit.save(
        "Transfer", {"FromAccountRef": {"value": "35"}, "ToAccountRef": {"value": "36"}, "Amount": Decimal("5.10")}
    )
    assert set(transfer) == COMMON | {"FromAccountRef", "ToAccountRef", "Amount", "TxnDate", "CurrencyRef"}


async def test_cdc_of_everything_it_covers(intuit: Intuit) -> None:
    await intuit.control("clock", {"freeze_at": "2026-11-01T00:00:00+00:00"})
    await intuit.connect()
    await intuit.save("Class", {"Name": "C"})
    await intuit.save("Vendor", {"DisplayName": "V"})
    covered = [entity for entity in ENTITIES.values() if entity.in_cdc]
    names = ",".join(entity.name for entity in covered)
    reply = await intuit.call("GET", "cdc", entities=names, changedSince="2026-10-31T23:00:00Z")
    answers = loads(reply.content)["CDCResponse"][0]["QueryResponse"]
    assert len(answers) == len(covered)
    told = {key for answer in answers for key in answer if key in ENTITIES}
    assert told == {"Class", "Vendor"}
    for never in ("TaxCode", "TaxRate", "TaxAgency", "TimeActivity", "JournalCode"):
        error = await intuit.fault("GET", "cdc", entities=never, changedSince="2026-10-31T23:00:00Z")
        assert error["code"] == "500"


async def test_batch_options(intuit: Intuit) -> None:
    journal: Json = {"Line": []}
    key = (await intuit.invoice("A"))["Id"]
    row: Json = {"PaymentType": "CreditCard", "AccountRef": {"value": "41"}, "DocNumber": "7"}
    kind = "AccountBasedExpenseLineDetail"
    row["Line"] = [{"Amount": 1, "DetailType": kind, kind: {"AccountRef": {"value": "55"}}}]
    items: list[Json] = [
        {"bId": "a", "operation": "create", "Purchase": row},
        {"bId": "b", "operation": "create", "Purchase": row},
        {"bId": "c", "operation": "create", "optionsData": "allowduplicatedocnum", "Purchase": row},
        {"bId": "d", "operation": "update", "optionsData": "void", "Invoice": {"Id": key, "SyncToken": "0"}},
        {"bId": "e", "operation": "create", "JournalEntry": journal},
        {"bId": "f", "Query": "select count(*) from Purchase"},
        {"bId": "g", "Query": "select * from Bill"},
        {"bId": "h", "operation": "create", "optionsData": "surprise", "Customer": {"DisplayName": "x"}},
    ]
    reply = await intuit.call("POST", "batch", {"BatchItemRequest": items})
    answers: dict[str, Json] = {item["bId"]: item for item in loads(reply.content)["BatchItemResponse"]}
    codes = {b: item["Fault"]["Error"][0]["code"] for b, item in answers.items() if "Fault" in item}
    assert codes == {"b": "6140", "e": "2250", "g": "501", "h": "500"}
    assert answers["f"]["QueryResponse"] == {"totalCount": 2}
    assert answers["d"]["Invoice"]["TotalAmt"] == 0


async def test_the_page_shows_journals_books_and_calls(intuit: Intuit) -> None:
    kind = "JournalEntryLineDetail"
    sides = (("Debit", "55"), ("Credit", "35"))
    rows = [
        {"Amount": 7, "DetailType": kind, kind: {"PostingType": side, "AccountRef": {"value": account}}}
        for side, account in sides
    ]
    await intuit.save("JournalEntry", {"DocNumber": "<J>", "Line": rows})
    await intuit.invoice("A")
    page = (await intuit.http.get(f"/intuit/ui/{US_REALM}")).text
    for text in ("&lt;J&gt;", "Debit Insurance", "Aged receivables", "POST /journalentry", "2 calls"):
        assert text in page, text
