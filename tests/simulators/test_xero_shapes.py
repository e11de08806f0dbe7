"""The shape of every answer: names and types that the published schema knows, in the forms that it gives them.

The names come from the models of Xero's own client, which is generated from that schema; the forms (identifiers,
dates and their twins, money with two places) are written down here.
"""

import re
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from xero_python.accounting import models

from tests.simulators.test_xero_bank import ALL, journal, made, money
from tests.simulators.xero_client import Caller, opened

# Real answers carry these although the schema lacks them (recorded 2026).
BEYOND = {
    "DateString", "DueDateString", "CreatedDateUTCString", "ID", "TaxNumberName", "IsDiscounted", "AppliedAmount",
    "HasErrors", "HasValidationErrors", "ValidationErrors", "AccountID", "TaxAmount", "Date", "Total",
    "StatusAttributeString", "Warnings", "CurrencyRate",
}  # fmt: skip
GUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
MOMENT = re.compile(r"^/Date\((-?\d+)\+0000\)/$")
TWIN = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")
UTC_TWIN = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
MONEY = {
    "Amount", "AmountDue", "AmountPaid", "AmountCredited", "AppliedAmount", "BankAmount", "LineAmount", "SubTotal",
    "TaxAmount", "Total", "TotalTax", "RemainingCredit", "Outstanding", "Overdue",
}  # fmt: skip
SCALARS: Mapping[str, type | tuple[type, ...]] = {
    "str": str, "bool": bool, "int": int, "float": (int, Decimal), "date[ms-format]": str, "datetime[ms-format]": str,
}  # fmt: skip


def faults_of(value: object, kind: str, path: str) -> list[str]:
    """What is wrong with a value of this type of the schema."""
    if kind.startswith("list["):
        if not isinstance(value, list):
            return [f"{path}: not a list"]
        return [fault for at, inner in enumerate(value) for fault in faults_of(inner, kind[5:-1], f"{path}[{at}]")]
    if kind in SCALARS:
        right = isinstance(value, SCALARS[kind]) and (kind == "bool" or not isinstance(value, bool))
        if not right:
            return [f"{path}: {value!r} is no {kind}"]
        if kind.endswith("[ms-format]"):
            return date_faults(str(value), midnight=kind.startswith("date["), path=path)
        return []
    model: Any = getattr(models, kind)
    if isinstance(model, type) and issubclass(model, Enum):
        return [] if value in {member.value for member in model} else [f"{path}: {value!r} is not of {kind}"]
    return object_faults(value, model, path)


def date_faults(text: str, *, midnight: bool, path: str) -> list[str]:
    found = MOMENT.match(text)
    if found is None or (midnight and int(found[1]) % 86_400_000):
        return [f"{path}: {text}"]
    return []


def object_faults(value: object, model: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: not an object"]
    names = {wire: attribute for attribute, wire in model.attribute_map.items()}
    found: list[str] = []
    for key, inner in value.items():
        here = f"{path}.{key}"
        if inner is None:
            found.append(f"{here}: null")
        elif key in names:
            found += faults_of(inner, model.openapi_types[names[key]], here)
        elif key not in BEYOND:
            found.append(f"{here}: unknown to the schema")
        if key.endswith("ID") and not (isinstance(inner, str) and GUID.match(inner)):
            found.append(f"{here}: {inner!r} is no identifier")
        if key in MONEY and isinstance(inner, Decimal) and inner != round(inner, 2):
            found.append(f"{here}: {inner} has more than two places")
        if key.endswith("DateUTCString") and not (UTC_TWIN if key.startswith("Upd") else TWIN).match(str(inner)):
            found.append(f"{here}: {inner}")
        if key in ("DateString", "DueDateString") and (not TWIN.match(str(inner)) or key[:-6] not in value):
            found.append(f"{here}: {inner}")
    return found


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        await caller.connect(scopes=ALL)
        yield caller


async def fill(x: Caller) -> None:
    """One record of every kind, with everything that can hang on it."""
    person = [{"FirstName": "Ann", "EmailAddress": "ann@pier7.example"}]
    body = {"Name": "Pier 7 Cafe", "ContactNumber": "c1", "EmailAddress": "ap@pier7.example", "ContactPersons": person}
    cid = (await made(x, "Contacts", body | {"DefaultCurrency": "NZD"}))["ContactID"]
    group = await made(x, "ContactGroups", {"Name": "VIP"})
    await x.ok("PUT", f"/ContactGroups/{group['ContactGroupID']}/Contacts", {"Contacts": [{"ContactID": cid}]})
    line = {"ItemCode": "CONSULT", "Quantity": "1.5", "DiscountRate": 10}
    tracked = line | {"Tracking": [{"Name": "Region", "Option": "North"}]}
    invoice = await x.invoice(cid, LineItems=[tracked, {"Description": "thanks"}], Url="https://a.example/1")
    lock = {"period_lock_date": "2020-01-01", "year_lock_date": "2019-12-31"}
    await x.control("POST", f"/companies/{x.tenant}/lock", lock)
    await made(x, "Items", {"Code": "B", "PurchaseDetails": {"UnitPrice": 1, "AccountCode": "429"}})
    pays = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Account": {"Code": "090"}, "Date": "2026-11-20"}
    await made(x, "Payments", pays | {"Amount": 10})
    plain = {"Description": "Sorry", "UnitAmount": 20, "AccountCode": "200"}
    note = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": cid}, "Status": "AUTHORISED", "LineItems": [plain]}
    noted = await made(x, "CreditNotes", note | {"Date": "2026-11-19"})
    share = {"Amount": 5, "Date": "2026-11-20", "Invoice": {"InvoiceID": invoice["InvoiceID"]}}
    await x.ok("PUT", f"/CreditNotes/{noted['CreditNoteID']}/Allocations", {"Allocations": [share]})
    for kind, plural in (("PREPAYMENT", "Prepayments"), ("OVERPAYMENT", "Overpayments")):
        credit = await made(x, "BankTransactions", money(cid, f"RECEIVE-{kind}", Reference="r"))
        key = f"{kind.capitalize()}ID"
        await x.ok("PUT", f"/{plural}/{credit[key]}/Allocations", {"Allocations": [share]})
        await made(x, "Payments", {key[:-2]: {key: credit[key]}, "Account": {"Code": "090"}, "Amount": 1} | {
            "Date": "2026-11-20",
        })  # fmt: skip
    move = {"FromBankAccount": {"Code": "090"}, "ToBankAccount": {"Code": "091"}, "Amount": 3, "Date": "2026-11-20"}
    await made(x, "BankTransfers", move)
    await made(x, "ManualJournals", journal(5, -5, Status="POSTED", Url="https://a.example/2"))


LISTS = {
    "Accounts": "Account", "BankTransactions": "BankTransaction", "BankTransfers": "BankTransfer",
    "ContactGroups": "ContactGroup", "Contacts": "Contact", "CreditNotes": "CreditNote", "Currencies": "Currency",
    "Invoices": "Invoice", "Items": "Item", "ManualJournals": "ManualJournal", "Organisation": "Organisation",
    "Overpayments": "Overpayment", "Payments": "Payment", "Prepayments": "Prepayment", "TaxRates": "TaxRate",
    "TrackingCategories": "TrackingCategory", "Users": "User",
}  # fmt: skip
ENVELOPE = {"Id", "Status", "ProviderName", "DateTimeUTC"}


async def test_every_answer_has_the_shape_of_the_schema(x: Caller) -> None:
    await fill(x)
    for path, kind in LISTS.items():
        listed = await x.ok("GET", f"/{path}")
        plural = "Organisations" if path == "Organisation" else path
        assert set(listed) == ENVELOPE | {plural}
        assert GUID.match(listed["Id"])
        assert listed["Status"] == "OK"
        assert MOMENT.match(listed["DateTimeUTC"])
        paged = await x.ok("GET", f"/{path}", params={"page": "1"})
        assert len(listed[plural]) >= 1, path
        key = next((name for name in listed[plural][0] if name == f"{kind}ID"), None)
        single = [] if key is None or kind == "Organisation" else await one_by_one(x, path, plural, listed[plural], key)
        for at, element in enumerate([*listed[plural], *paged[plural], *single]):
            assert object_faults(element, getattr(models, kind), f"{kind}[{at}]") == []


async def one_by_one(x: Caller, path: str, plural: str, listed: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    answers = [await x.ok("GET", f"/{path}/{element[key]}") for element in listed]
    return [answer[plural][0] for answer in answers]


async def test_lists_without_pages_have_no_lines_and_single_reads_do(x: Caller) -> None:
    await fill(x)
    for path, lines in (
        ("Invoices", "LineItems"), ("CreditNotes", "LineItems"), ("BankTransactions", "LineItems"),
        ("Prepayments", "LineItems"), ("Overpayments", "LineItems"), ("ManualJournals", "JournalLines"),
    ):  # fmt: skip
        bare = (await x.ok("GET", f"/{path}"))[path]
        full = (await x.ok("GET", f"/{path}?page=1"))[path]
        assert all(element[lines] == [] for element in bare), path
        assert any(element[lines] for element in full), path
    listed = (await x.ok("GET", "/Payments"))["Payments"]
    stub = next(p["Invoice"] for p in listed if "Invoice" in p)
    assert set(stub) <= {
        "Type", "InvoiceID", "InvoiceNumber", "Contact", "CurrencyCode", "IsDiscounted", "LineItems", "HasErrors",
    }  # fmt: skip


def test_the_check_itself_finds_faults() -> None:
    wrong = {"InvoiceID": "X", "Date": "2026-11-18", "Total": Decimal("1.005"), "Nope": 1, "Type": None}
    assert len(object_faults(wrong, models.Invoice, "i")) == 5
    assert faults_of("ZMK", "CurrencyCode", "c") == []
    assert faults_of("XXX", "CurrencyCode", "c") != []
    assert faults_of("/Date(1794960000001+0000)/", "date[ms-format]", "d") != []
