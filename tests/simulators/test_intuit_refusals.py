"""Bodies that are not text, batches that repeat themselves, entities that nobody has, and lists as long as they get."""

from datetime import UTC, datetime, timedelta

from simulators.core.money import loads
from tests.simulators.intuit_client import BASIC, Intuit, Json, line

LATIN = "café".encode("latin-1")


async def test_bodies_that_are_not_utf8(intuit: Intuit) -> None:
    assert (await intuit.fault("POST", "query", b"select * from Item where Name = '" + LATIN + b"'"))["code"] == "500"
    assert (await intuit.fault("POST", "customer", b'{"DisplayName": "' + LATIN + b'"}'))["code"] == "500"
    assert (await intuit.fault("POST", "batch", LATIN))["code"] == "500"
    form = {"authorization": BASIC, "content-type": "application/x-www-form-urlencoded"}
    url = "/intuit/oauth2/v1/tokens/bearer"
    reply = await intuit.http.post(url, content=b"grant_type=refresh_token&refresh_token=" + LATIN, headers=form)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    for secret in (b"Basic \xe9", b"Basic 6Q=="):
        headers = {b"authorization": secret, b"content-type": b"application/x-www-form-urlencoded"}
        reply = await intuit.http.post(url, content=b"x=y", headers=headers)
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    revoked = await intuit.http.post(
        "/intuit/v2/oauth2/tokens/revoke",
        content=LATIN,
        headers={"authorization": BASIC, "content-type": "application/json"},
    )
    assert revoked.status_code == 400
    page = await intuit.http.post("/intuit/connect/oauth2", content=b"user=" + LATIN)
    assert page.status_code == 400


async def test_a_batch_that_uses_a_bid_twice_runs_nothing(intuit: Intuit) -> None:
    items = [{"bId": "1", "operation": "create", "Customer": {"DisplayName": name}} for name in ("One", "Two")]
    fault = await intuit.fault("POST", "batch", {"BatchItemRequest": items})
    assert (fault["code"], "bId 1" in fault["Detail"]) == ("600", True)
    assert (await intuit.query("select count(*) from Customer where DisplayName in ('One','Two')"))["totalCount"] == 0


async def test_unknown_entities_and_absent_ones(intuit: Intuit) -> None:
    assert (await intuit.fault("GET", "query", query="select * from Unicorn"))["code"] == "4001"
    absent = await intuit.call("GET", "query", query="select * from bill")
    assert (absent.status_code, "bill" in absent.text) == (501, True)
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert (await intuit.fault("GET", "cdc", entities="Unicorn", changedSince=since))["code"] == "2000"
    assert (await intuit.call("GET", "cdc", entities="Bill", changedSince=since)).status_code == 501
    items = [{"bId": "1", "operation": "create", "Bill": {}}, {"bId": "2", "operation": "create", "Unicorn": {}}]
    items += [{"bId": "3", "Query": "select * from Unicorn"}, {"bId": "4", "Query": "select * from Estimate"}]
    answer = loads((await intuit.call("POST", "batch", {"BatchItemRequest": items})).content)
    codes = [item["Fault"]["Error"][0]["code"] for item in answer["BatchItemResponse"]]
    assert codes == ["501", "2000", "4001", "501"]


async def test_thirty_mixed_items_in_one_batch(intuit: Intuit) -> None:
    made = [await intuit.invoice(f"B-{at}") for at in range(3)]
    paid = {"CustomerRef": {"value": "1"}, "TotalAmt": 100}
    link = [{"Amount": 100, "LinkedTxn": [{"TxnId": made[0]["Id"], "TxnType": "Invoice"}]}]
    payment = await intuit.save("Payment", paid | {"Line": link})
    names = [{"operation": "create", "Customer": {"DisplayName": f"Batch {at}"}} for at in range(12)]
    bills = [{"operation": "create", "Invoice": {"CustomerRef": {"value": "2"}, "Line": [line("5")]}}] * 10
    edit = {"Id": made[1]["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "edited"}
    void = {"Id": made[2]["Id"], "SyncToken": "0"}
    undo = {"Id": payment["Id"], "SyncToken": "0", "sparse": True}
    items: list[Json] = [
        *names, *bills,
        {"operation": "update", "Invoice": edit},
        {"operation": "update", "optionsData": "void", "Invoice": void},
        {"operation": "update", "optionsData": "void", "Payment": undo},
        {"operation": "update", "Invoice": edit | {"SyncToken": "9"}},
        {"operation": "create", "Customer": {"DisplayName": "Batch 0"}},
        {"Query": "select * from Invoice where DocNumber = 'B-2'"},
        {"Query": "select count(*) from Customer where DisplayName like 'Batch %'"},
        {"operation": "delete", "Invoice": {"Id": made[0]["Id"], "SyncToken": "2"}},
    ]  # fmt: skip
    body = {"BatchItemRequest": [{"bId": str(at), **item} for at, item in enumerate(items)]}
    assert len(items) == 30
    answer = loads((await intuit.call("POST", "batch", body, requestid="run-1")).content)["BatchItemResponse"]
    faults = {item["bId"]: item["Fault"]["Error"][0]["code"] for item in answer if "Fault" in item}
    assert faults == {"25": "5010", "26": "6240"}
    by = {item["bId"]: item for item in answer}
    assert by["22"]["Invoice"]["PrivateNote"] == "edited"
    assert (by["23"]["Invoice"]["TotalAmt"], by["24"]["Payment"]["TotalAmt"]) == (0, 0)
    assert by["27"]["QueryResponse"]["Invoice"][0]["PrivateNote"] == "Voided"
    assert (by["28"]["QueryResponse"], by["29"]["Invoice"]["status"]) == ({"totalCount": 12}, "Deleted")
    again = loads((await intuit.call("POST", "batch", body, requestid="run-1")).content)["BatchItemResponse"]
    assert again == answer
    body["BatchItemRequest"].append({"bId": "30", "Query": "select * from Item"})
    assert (await intuit.fault("POST", "batch", body))["code"] == "1040"


async def test_changes_of_many_entities_with_their_limits(intuit: Intuit) -> None:
    await intuit.control("clock", {"freeze_at": "2026-11-20T12:00:00+00:00"})
    await intuit.connect()
    detail = {"AccountRef": {"value": "55"}}
    cost = {"DetailType": "AccountBasedExpenseLineDetail", "Amount": 9, "AccountBasedExpenseLineDetail": detail}
    body = {"PaymentType": "Cash", "AccountRef": {"value": "35"}, "Line": [cost]}
    purchase = await intuit.save("Purchase", body)
    income = {"DetailType": "DepositLineDetail", "Amount": 9, "DepositLineDetail": {"AccountRef": {"value": "1"}}}
    deposit = await intuit.save("Deposit", {"DepositToAccountRef": {"value": "35"}, "Line": [income]})
    both = {"FromAccountRef": {"value": "35"}, "ToAccountRef": {"value": "36"}, "Amount": 3}
    transfer = await intuit.save("Transfer", both)
    await intuit.save("Account", {"Name": "Fees", "AccountType": "Expense"})
    await intuit.save("Item", {"Name": "Plan", "Type": "Service", "IncomeAccountRef": {"value": "1"}})
    names = "Purchase,Deposit,Transfer,JournalEntry,Account,Item"
    since = "2026-11-20T11:00:00Z"
    reply = await intuit.call("GET", "cdc", entities=names, changedSince=since)
    pages = loads(reply.content)["CDCResponse"][0]["QueryResponse"]
    assert [len(page.get(name, [])) for name, page in zip(names.split(","), pages, strict=True)] == [1, 1, 1, 0, 1, 1]
    for entity, row in (("purchase", purchase), ("deposit", deposit), ("transfer", transfer)):
        gone = await intuit.call("POST", entity, {"Id": row["Id"], "SyncToken": "0"}, operation="delete")
        assert gone.status_code == 200
    reply = await intuit.call("GET", "cdc", entities="Purchase,Deposit,Transfer", changedSince=since)
    pages = loads(reply.content)["CDCResponse"][0]["QueryResponse"]
    assert [page[name][0]["status"] for name, page in zip(names.split(",")[:3], pages, strict=True)] == ["Deleted"] * 3
    for name in ("TaxCode", "TaxRate", "TaxAgency"):
        assert (await intuit.fault("GET", "cdc", entities=name, changedSince=since))["code"] == "500"
    intuit.sims.clock.advance(timedelta(days=29))
    await intuit.connect()
    assert (await intuit.call("GET", "cdc", entities=names, changedSince=since)).status_code == 200
    intuit.sims.clock.advance(timedelta(days=1, hours=2))
    await intuit.connect()
    old = await intuit.fault("GET", "cdc", entities=names, changedSince=since)
    assert (old["code"], "older than fixed days" in old["Detail"]) == ("500", True)
