"""Account mappings as a CSV, suggestions with their reasons, and warnings."""

from typing import Any

import httpx
import pytest

from app.canonical import Kind
from app.db import remote_records
from tests.support.api import BOOKS, Api

MAPPINGS = f"{BOOKS}/account-mappings"
CHART = [
    ("4000", "Sales", "revenue.sales"),
    ("6000", "Rent expense", "expense.operating"),
    ("6100", "Telephone & internet", "expense.operating"),
    ("1200", "Debtors", "asset.receivable"),
    ("9000", "Suspense", "equity.general"),
]
THERE = [
    ("79", "4000", "Services", "revenue.sales", True),
    ("80", "", "Rent expense", "expense.operating", True),
    ("81", "", "Utilities:Telephone internet", "expense.operating", True),
    ("84", "", "Accounts Receivable (A/R)", "asset.receivable", True),
    ("90", "", "Old", "expense.other", False),
]


@pytest.fixture
async def firm(api: Api) -> int:
    return await api.world.firm()


@pytest.fixture
async def http(api: Api, firm: int) -> httpx.AsyncClient:
    http = await api.caller(firm, "member")
    items = [{"code": code, "name": name, "type": kind} for code, name, kind in CHART]
    await http.post(f"{BOOKS}/accounts", json={"items": items})
    return http


async def pulled(api: Api, firm: int) -> int:
    """A connection whose accounts were pulled, and no mapping."""
    connection = await api.world.connect(firm)
    async with api.world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("DELETE FROM account_mappings")
        for code, number, name, kind, active in THERE:
            record = {"code": code, "number": number, "name": name, "type": kind, "active": active}
            more: dict[str, Any] = {"version": "", "record": record, "updated_at": None}
            await remote_records.save(session, firm, connection, Kind.account, code, **more)
    return connection


async def send(http: httpx.AsyncClient, text: str, **query: Any) -> httpx.Response:
    return await http.put(f"{MAPPINGS}/csv", files={"file": ("m.csv", text)}, params={"provider": "xero", **query})


async def test_down_filled_in_and_up_again(http: httpx.AsyncClient) -> None:
    down = await http.get(f"{MAPPINGS}/csv?provider=xero")
    assert down.headers["content-disposition"] == "attachment; filename=xero_account_mappings.csv"
    lines = down.text.splitlines()
    assert lines[:2] == [
        "internal_code,internal_name,type,external_code,external_name",
        "1200,Debtors,asset.receivable,,",
    ]
    filled = down.text.replace("revenue.sales,,", "revenue.sales,200,=Sales")
    first = await send(http, filled)
    assert (first.json()["imported"], first.json()["updated"]) == (1, 0)
    mapped = (await http.get(f"{MAPPINGS}?provider=xero")).json()["items"]
    assert [(one["internal_code"], one["xero_code"], one["external_name"]) for one in mapped] == [
        ("4000", "200", "=Sales")
    ]
    again = await http.get(f"{MAPPINGS}/csv?provider=xero")
    assert "4000,Sales,revenue.sales,200,'=Sales" in again.text
    assert (await send(http, again.text)).json()["unchanged"] == 1
    other = await send(http, again.text.replace(",200,", ",201,"))
    assert (other.json()["imported"], other.json()["updated"]) == (0, 1)


async def test_wrong_rows_come_back_as_a_csv(http: httpx.AsyncClient) -> None:
    answer = await send(http, f"internal_code;xero_code\n4000;200\n4000;201\n;7\n6000;{'9' * 200}\n")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "rows_rejected")
    assert [(one["row"], one["column"]) for one in problem["errors"]] == [
        (3, "internal_code"),
        (4, "internal_code"),
        (5, "external_code"),
    ]
    rejected = await http.get(f"{BOOKS}/import-batches/{problem['import_id']}/rejected")
    assert rejected.text.splitlines()[0] == "internal_code,xero_code,Reason"
    assert len(rejected.text.splitlines()) == 4
    assert (await http.get(MAPPINGS)).json()["items"] == []
    unknown = await send(http, "a,b\n1,2\n")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unsupported_file")


async def test_suggestions_say_why(api: Api, firm: int, http: httpx.AsyncClient) -> None:
    nothing = (await http.get(f"{MAPPINGS}/suggestions?provider=qbo")).json()
    assert nothing == {"items": [], "known": 0}
    await pulled(api, firm)
    found = (await http.get(f"{MAPPINGS}/suggestions?provider=qbo")).json()
    assert found["known"] == 5
    said = {one["internal_code"]: (one["external_code"], one["confidence"], one["reason"]) for one in found["items"]}
    assert said == {
        "4000": ("79", "certain", "It has the same number 4000 and kind."),
        "6000": ("80", "certain", "It has the same name 'Rent expense' and kind."),
        "6100": ("81", "possible", "It has words of the name in common, and the same kind."),
        "1200": ("84", "possible", "It has a type of which there is no other account: asset.receivable."),
    }
    items = [{"internal_code": "4000", "external_code": "79"}]
    await http.put(MAPPINGS, json={"provider": "qbo", "items": items})
    rest = (await http.get(f"{MAPPINGS}/suggestions?provider=qbo")).json()["items"]
    assert "4000" not in {one["internal_code"] for one in rest}


async def test_warnings(api: Api, firm: int, http: httpx.AsyncClient) -> None:
    await pulled(api, firm)
    targets = {"4000": "80", "6000": "80", "6100": "90", "1200": "404", "9000": "79"}
    items = [{"internal_code": ours, "external_code": theirs} for ours, theirs in targets.items()]
    await http.put(MAPPINGS, json={"provider": "qbo", "items": items})
    account = (await http.get(f"{BOOKS}/accounts?code=6100")).json()["items"][0]
    await http.post(f"{BOOKS}/accounts/{account['id']}/archive")
    found = (await http.get(f"{MAPPINGS}/warnings?provider=qbo")).json()["items"]
    assert {(one["internal_code"], one["code"]) for one in found} == {
        ("4000", "target_type"),
        ("4000", "target_shared"),
        ("6000", "target_shared"),
        ("6100", "account_archived"),
        ("6100", "target_archived"),
        ("1200", "target_unknown"),
        ("9000", "target_type"),
    }


async def test_a_file_tells_quickbooks_ids_once_the_accounts_were_pulled(
    api: Api, firm: int, http: httpx.AsyncClient
) -> None:
    await pulled(api, firm)
    text = "Account Number,Account Name,Type,Detail Type\n6000,Rent expense,Expenses,\n7000,New,Expenses,\n"
    await http.post("/api/import/quickbooks", files={"file": ("c.csv", text)})
    mapped = (await http.get(f"{MAPPINGS}?provider=qbo")).json()["items"]
    assert {(one["internal_code"], one["external_code"]) for one in mapped} == {("6000", "80"), ("7000", "")}
    doubts = (await http.get(f"{MAPPINGS}/warnings?provider=qbo")).json()["items"]
    assert [(one["internal_code"], one["code"]) for one in doubts] == [("7000", "target_missing")]
