"""Journal entries, the chart of accounts, and mappings of every kind over HTTP."""

from typing import Any

import httpx
import pytest

from tests.support.api import BOOKS, Api

ENTRIES, ACCOUNTS = f"{BOOKS}/journal-entries", f"{BOOKS}/accounts"


@pytest.fixture
async def firm(api: Api) -> int:
    return await api.world.firm()


@pytest.fixture
async def http(api: Api, firm: int) -> httpx.AsyncClient:
    return await api.caller(firm)


def entry(number: str = "JE-1", **more: Any) -> dict[str, Any]:
    lines = [
        {"account_code": "6000", "debit": "120.50", "description": "Rent"},
        {"account_code": "4000", "credit": "120.50"},
    ]
    given = {"external_ref": f"j-{number}", "number": number, "date": "2026-11-02", "currency": "USD", "lines": lines}
    return {**given, **more}


class TestJournalEntries:
    async def test_an_upsert_creates_then_changes_then_changes_nothing(self, http: httpx.AsyncClient) -> None:
        made = await http.post(ENTRIES, json=entry(narration="Rent"))
        again = await http.post(ENTRIES, json=entry())
        changed = await http.post(ENTRIES, json=entry(narration="Rent of November", status="posted"))
        assert [made.status_code, again.status_code, changed.status_code] == [201, 200, 200]
        assert [one.json()["revision"] for one in (made, again, changed)] == [1, 1, 2]
        shown = changed.json()
        assert (shown["total"], shown["status"], shown["date"]) == ("120.50", "posted", "2026-11-02")
        assert [(line["debit"], line["credit"]) for line in shown["lines"]] == [("120.50", "0.00"), ("0.00", "120.50")]
        assert (await http.get(f"{ENTRIES}/{shown['id']}/")).json() == shown

    @pytest.mark.parametrize(
        ("change", "code", "pointer"),
        [
            (
                {"lines": [{"account_code": "1", "debit": "1"}, {"account_code": "2", "credit": "1.01"}]},
                "journal_unbalanced",
                "/lines",
            ),
            ({"currency": "XXY"}, "currency_unknown", "/currency"),
            ({"lines": [{"account_code": "1", "debit": "1"}]}, None, "/lines"),
            (
                {"lines": [{"account_code": "1", "debit": "1", "credit": "1"}, {"account_code": "2", "credit": "1"}]},
                None,
                "/lines/0",
            ),
            (
                {"lines": [{"account_code": "1", "debit": "0.001"}, {"account_code": "2", "credit": "0.001"}]},
                "too_many_decimals",
                "/lines/0/debit",
            ),
            (
                {
                    "lines": [
                        {"account_code": "1", "debit": "1", "client_ref": "nobody"},
                        {"account_code": "2", "credit": "1"},
                    ]
                },
                "client_unknown",
                "/lines/0/client_ref",
            ),
        ],
    )
    async def test_what_is_wrong_is_named_and_nothing_is_stored(
        self, http: httpx.AsyncClient, change: dict[str, Any], code: str | None, pointer: str
    ) -> None:
        answer = await http.post(ENTRIES, json={"items": [entry("JE-0"), entry("JE-1", **change)]})
        problem = answer.json()
        assert answer.status_code == 422
        assert any(error["pointer"].startswith(f"/items/1{pointer}") for error in problem["errors"]), problem
        if code is not None:
            assert problem["code"] == code
        assert (await http.get(ENTRIES)).json()["items"] == []

    async def test_a_status_never_goes_back(self, http: httpx.AsyncClient) -> None:
        await http.post(ENTRIES, json=entry(status="posted"))
        answer = await http.post(ENTRIES, json=entry(status="approved"))
        assert (answer.status_code, answer.json()["code"]) == (422, "status_reversed")

    async def test_a_number_belongs_to_one_entry(self, http: httpx.AsyncClient) -> None:
        await http.post(ENTRIES, json=entry())
        answer = await http.post(ENTRIES, json=entry(external_ref="another"))
        assert (answer.status_code, answer.json()["code"]) == (422, "number_taken")

    async def test_a_thousand_are_listed_by_pages_and_filters(self, http: httpx.AsyncClient) -> None:
        items = [entry(f"JE-{n}", date=f"2026-11-{1 + n % 28:02}") for n in range(300)]
        stored = (await http.post(ENTRIES, json={"items": items})).json()
        assert (stored["created"], stored["updated"], stored["unchanged"]) == (300, 0, 0)
        query: dict[str, Any] = {"date_from": "2026-11-10", "date_to": "2026-11-11", "limit": 5}
        found: list[str] = []
        while True:
            page = (await http.get(ENTRIES, params=query)).json()
            found += [one["date"] for one in page["items"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert len(found) == len([one for one in items if "2026-11-10" <= one["date"] <= "2026-11-11"])
        reversed_days = await http.get(ENTRIES, params={"date_from": "2026-11-10", "date_to": "2026-11-09"})
        assert (reversed_days.status_code, reversed_days.json()["code"]) == (422, "dates_reversed")

    async def test_void_and_reverse(self, http: httpx.AsyncClient) -> None:
        draft = (await http.post(ENTRIES, json=entry("JE-1"))).json()
        posted = (await http.post(ENTRIES, json=entry("JE-2", status="posted"))).json()
        refused = await http.post(f"{ENTRIES}/{draft['id']}/reverse")
        assert (refused.status_code, refused.json()["code"]) == (409, "not_posted")
        turned = await http.post(f"{ENTRIES}/{posted['id']}/reverse", json={"date": "2026-11-30"})
        again = await http.post(f"{ENTRIES}/{posted['id']}/reverse")
        assert [turned.status_code, again.status_code] == [201, 200]
        assert turned.json()["id"] == again.json()["id"]
        assert (turned.json()["number"], turned.json()["date"]) == ("JE-2-R", "2026-11-30")
        voided = await http.post(f"{ENTRIES}/{draft['id']}/void")
        assert voided.json()["status"] == "void"
        edited = await http.post(ENTRIES, json=entry("JE-1", narration="After all"))
        assert (edited.status_code, edited.json()["code"]) == (422, "journal_entry_void")


class TestAccounts:
    async def test_an_account_is_named_by_its_code(self, http: httpx.AsyncClient) -> None:
        given = {"code": "4000", "name": "Sales", "type": "revenue.sales"}
        made = await http.post(ACCOUNTS, json=given)
        again = await http.post(ACCOUNTS, json=given)
        changed = await http.post(ACCOUNTS, json={"code": "4000", "name": "Sales of tea"})
        assert [made.status_code, again.status_code, changed.status_code] == [201, 200, 200]
        assert (changed.json()["name"], changed.json()["type"]) == ("Sales of tea", "revenue.sales")
        assert made.json()["id"] == changed.json()["id"]

    async def test_a_new_account_needs_name_and_type(self, http: httpx.AsyncClient) -> None:
        answer = await http.post(ACCOUNTS, json={"code": "4000"})
        assert answer.status_code == 422
        assert {error["pointer"] for error in answer.json()["errors"]} == {"/name", "/type"}

    async def test_a_chart_is_a_tree(self, http: httpx.AsyncClient) -> None:
        def one(code: str, parent: str = "") -> dict[str, str]:
            return {"code": code, "name": code, "type": "expense.operating", "parent_code": parent}

        good = await http.post(ACCOUNTS, json={"items": [one("6010", "6000"), one("6000"), one("6011", "6010")]})
        assert good.json()["created"] == 3
        lost = await http.post(ACCOUNTS, json=one("7000", "6999"))
        assert (lost.status_code, lost.json()["code"]) == (422, "account_unknown")
        circle = await http.post(ACCOUNTS, json=one("6000", "6011"))
        assert (circle.status_code, circle.json()["code"]) == (422, "account_cycle")
        below = (await http.get(ACCOUNTS, params={"parent_code": "6010"})).json()["items"]
        assert [account["code"] for account in below] == ["6011"]

    async def test_an_archived_account_stays_in_the_list(self, http: httpx.AsyncClient) -> None:
        made = (await http.post(ACCOUNTS, json={"code": "1", "name": "Old", "type": "asset.bank"})).json()
        assert (await http.post(f"{ACCOUNTS}/{made['id']}/archive")).json()["active"] is False
        assert (await http.get(ACCOUNTS, params={"active": "true"})).json()["items"] == []
        assert len((await http.get(ACCOUNTS, params={"search": "old"})).json()["items"]) == 1


class TestPushing:
    async def test_a_bare_list_names_journal_entries(self, api: Api, firm: int, http: httpx.AsyncClient) -> None:
        connection = await api.world.connect(firm, "xero")
        ids = [(await http.post(ENTRIES, json=entry(f"JE-{n}", status="approved"))).json()["id"] for n in range(2)]
        asked = await http.post("/api/sync/xero/push", json=ids, headers={"Prefer": "wait=0"})
        assert asked.status_code == 202
        await api.world.work(connection)
        run = (await http.get(f"{BOOKS}/runs/{asked.json()['run']['run_id']}")).json()
        assert (run["state"], run["counts"]["pushed"]) == ("done", 2)
        listed = (await http.get(f"{BOOKS}/mappings/journal_entry")).json()["items"]
        assert [(one["journal_entry"], one["external_number"]) for one in listed] == [
            (ids[0], "JE-0"),
            (ids[1], "JE-1"),
        ]

    async def test_a_part_of_what_is_owed(self, api: Api, firm: int, http: httpx.AsyncClient) -> None:
        connection = await api.world.connect(firm, "xero")
        await http.patch(f"{BOOKS}/connections/{connection}", json={"sync_enabled": False})
        for number, day in (("JE-1", "2026-10-31"), ("JE-2", "2026-11-01"), ("JE-3", "2026-11-30")):
            await http.post(ENTRIES, json=entry(number, date=day, status="posted"))
        part = {"kind": "journal_entry", "filter": {"date_from": "2026-11-01", "date_to": "2026-11-29"}}
        asked = await http.post("/api/sync/xero/push", json=part, headers={"Prefer": "wait=0"})
        await api.world.work(connection)
        run = (await http.get(f"{BOOKS}/runs/{asked.json()['run']['run_id']}")).json()
        assert run["counts"]["pushed"] == 1
        wrong = {"filter": {"date_from": "2026-11-02", "date_to": "2026-11-01"}}
        assert (await http.post("/api/sync/xero/push", json=wrong)).status_code == 422

    async def test_retry_and_skip_by_filter(self, api: Api, firm: int, http: httpx.AsyncClient) -> None:
        connection = await api.world.connect(firm, "xero")
        lines = [{"account_code": "none", "debit": "1"}, {"account_code": "4000", "credit": "1"}]
        await http.post(ENTRIES, json=entry("JE-1", status="posted", lines=lines))
        await api.world.work(connection)
        where = f"{BOOKS}/mappings/journal_entry"
        failed = (await http.get(where, params={"state": "error", "code": "account_unmapped"})).json()["items"]
        assert len(failed) == 1
        everything = await http.post(f"{where}/retry", json={})
        assert (everything.status_code, everything.json()["code"]) == (422, "filter_missing")
        skipped = await http.post(f"{where}/skip", json={"code": "account_unmapped"})
        assert skipped.json()["mapping_ids"] == [failed[0]["mapping_id"]]
        one = (await http.get(f"{where}/{failed[0]['mapping_id']}")).json()
        assert (one["state"], one["sync_status"], one["fault"]["code"]) == ("excluded", "synced", "skipped")
        retried = await http.post(f"{where}/{failed[0]['mapping_id']}/retry")
        assert list(retried.json()["runs"]) == [str(connection)]
        nothing = await http.post(f"{where}/{10**12}/retry")
        assert nothing.status_code == 404
        other = await api.caller(await api.world.firm("Other"))
        assert (await other.post(f"{where}/{failed[0]['mapping_id']}/skip")).status_code == 404
        viewer = await api.caller(firm, "viewer")
        assert (await viewer.post(f"{where}/retry", json={"state": "error"})).status_code == 403
