"""Clients, invoices, payments, code mappings and the firm over HTTP."""

import asyncio
import json
import time
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.db.tables import Invoice
from tests.support.api import BOOKS, Api, invoice


@pytest.fixture
async def firm(api: Api) -> int:
    return await api.world.firm()


@pytest.fixture
async def http(api: Api, firm: int) -> httpx.AsyncClient:
    caller = await api.caller(firm)
    await caller.post(f"{BOOKS}/clients", json={"external_ref": "acme", "name": "Acme Ltd", "currency": "USD"})
    return caller


async def bells(api: Api) -> list[int]:
    """The connections whose bell has been rung."""
    async with api.world.runtime.db.system() as session:
        rows = await session.execute(
            text("SELECT (args ->> 'connection_id')::bigint FROM procrastinate.procrastinate_jobs ORDER BY 1")
        )
        return [row[0] for row in rows]


def silence(owner_url: str) -> None:
    """Forget the bells rung so far: connecting rings too."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("TRUNCATE procrastinate.procrastinate_jobs CASCADE")


async def mappings(api: Api, firm: int, table: str) -> list[dict[str, Any]]:
    async with api.world.runtime.db.firm(firm) as session:
        rows = await session.execute(text(f"SELECT * FROM {table} ORDER BY id"))
        return [dict(row._mapping) for row in rows]


class TestClients:
    async def test_an_upsert_creates_then_changes_then_changes_nothing(self, http: httpx.AsyncClient) -> None:
        given = {"external_ref": "obrien", "name": "Maureen & Patrick O'Brien 🌿", "email": "m@petal.example"}
        made = await http.post(f"{BOOKS}/clients", json=given)
        again = await http.post(f"{BOOKS}/clients", json=given)
        changed = await http.post(f"{BOOKS}/clients", json={"external_ref": "obrien", "phone": "(707) 555-0112"})
        assert [made.status_code, again.status_code, changed.status_code] == [201, 200, 200]
        assert made.json()["name"] == given["name"]
        assert made.json()["id"] == again.json()["id"] == changed.json()["id"]
        assert [made.json()["revision"], again.json()["revision"], changed.json()["revision"]] == [1, 1, 2]
        assert changed.json()["email"] == "m@petal.example", "a field that was not sent stays"
        assert again.json()["updated_at"] == made.json()["updated_at"]

    async def test_null_empties_a_field_and_an_id_may_get_another_reference(self, http: httpx.AsyncClient) -> None:
        made = (await http.post(f"{BOOKS}/clients", json={"name": "A", "notes": "gate code 12"})).json()
        answer = await http.post(f"{BOOKS}/clients", json={"id": str(made["id"]), "external_ref": "a", "notes": None})
        assert answer.json() | {"external_ref": "a", "notes": "", "revision": 2} == answer.json()

    async def test_a_batch_tells_what_became_of_each(self, http: httpx.AsyncClient) -> None:
        items = [{"external_ref": "acme", "name": "Acme Ltd"}, {"name": "New"}, {"external_ref": "acme2", "name": "B"}]
        answer = (await http.post(f"{BOOKS}/clients/", json={"items": items})).json()
        assert [item["result"] for item in answer["items"]] == ["unchanged", "created", "created"]
        assert (answer["created"], answer["updated"], answer["unchanged"]) == (2, 0, 1)
        listed = (await http.get(f"{BOOKS}/clients")).json()["items"]
        assert [(one["id"], one["name"]) for one in listed[1:]] == [
            (answer["items"][1]["id"], "New"),
            (answer["items"][2]["id"], "B"),
        ], "ids follow the order of the request"

    async def test_the_home_must_be_a_connection_in_use(self, api: Api, firm: int, http: httpx.AsyncClient) -> None:
        connection = await api.world.connect(firm)
        good = await http.post(f"{BOOKS}/clients", json={"external_ref": "acme", "connection_id": connection})
        assert good.json()["connection_id"] == connection
        assert good.json()["revision"] == 1, "where it is pushed is nothing a provider would see"
        bad = await http.post(f"{BOOKS}/clients", json={"external_ref": "acme", "connection_id": connection + 1})
        assert (bad.status_code, bad.json()["code"]) == (422, "connection_unknown")

    async def test_archiving_is_a_change_that_is_pushed(self, api: Api, firm: int, http: httpx.AsyncClient) -> None:
        connection = await api.world.connect(firm)
        made = (await http.post(f"{BOOKS}/clients", json={"name": "Old"})).json()
        await api.world.work(connection)
        answer = await http.post(f"{BOOKS}/clients/{made['id']}/archive")
        assert answer.json() | {"active": False, "revision": 2, "changed_since_sync": True} == answer.json()
        assert (await http.post(f"{BOOKS}/clients/{made['id']}/archive")).json()["revision"] == 2
        (mapping,) = [
            row for row in await mappings(api, firm, "customer_sync_mappings") if row["client_id"] == made["id"]
        ]
        assert (mapping["state"], mapping["wanted"]) == ("pending", "deactivate")

    async def test_filters(self, http: httpx.AsyncClient) -> None:
        items = [{"external_ref": "b", "name": "100% Wool"}, {"name": "Wolfgang", "active": False}]
        await http.post(f"{BOOKS}/clients", json={"items": items})
        for query, names in {
            "search=100%25 w": ["100% Wool"],
            "search=%25": ["100% Wool"],
            "active=false": ["Wolfgang"],
            "external_ref=b": ["100% Wool"],
            "updated_since=2099-01-01T00:00:00Z": [],
        }.items():
            found = (await http.get(f"{BOOKS}/clients?{query}")).json()["items"]
            assert [one["name"] for one in found] == names, query
        assert (await http.get(f"{BOOKS}/clients?actve=false")).json()["code"] == "unknown_field"


class TestInvoices:
    async def test_what_is_stored_is_what_was_sent(self, http: httpx.AsyncClient) -> None:
        answer = await http.post(f"{BOOKS}/invoices", json=invoice(memo="Thank you — René"))
        assert answer.status_code == 201
        got = (await http.get(f"{BOOKS}/invoices/{answer.json()['id']}")).json()
        assert got == answer.json()
        expected = {
            "total": "26.87",
            "subtotal": "25.25",
            "tax_total": "1.62",
            "status": "draft",
            "amount_paid": "0.00",
        }
        assert got | expected == got
        assert got | {"client_ref": "acme", "memo": "Thank you — René", "overdue": False} == got
        first = {"quantity": "2", "unit_price": "10.125", "amount": "20.25", "tax_amount": "1.62", "tax_code": "T"}
        assert got["lines"][0] | first == got["lines"][0]

    async def test_numbers_are_read_as_decimals_however_long(self, http: httpx.AsyncClient) -> None:
        body = json.dumps(
            invoice(
                lines=[{"unit_price": "PRICE", "quantity": "QTY"}],
                subtotal="SUM",
                tax_total=0,
                total="SUM",
                memo="exact",
            )
        )
        # No float holds these: 9007199254740.993 is read as …992, 0.1 as 0.1000000000000000055.
        for name, digits in {"PRICE": "9007199254740.993", "QTY": "0.1", "SUM": "900719925474.10"}.items():
            body = body.replace(f'"{name}"', digits)
        answer = await http.post(f"{BOOKS}/invoices", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 201, answer.text
        assert answer.json()["lines"][0]["unit_price"] == "9007199254740.993"
        assert answer.json()["total"] == "900719925474.10"

    async def test_yen_have_no_cents(self, http: httpx.AsyncClient) -> None:
        lines = [{"quantity": "3", "unit_price": "33.5"}]
        yen = invoice(currency="JPY", lines=lines, subtotal=101, tax_total=0, total="101")
        assert (await http.post(f"{BOOKS}/invoices", json=yen)).json()["total"] == "101"
        half = await http.post(f"{BOOKS}/invoices", json=yen | {"total": "101.5"})
        assert half.json()["code"] == "too_many_decimals"

    async def test_an_unchanged_upsert_changes_nothing_and_a_change_raises_the_revision(
        self, http: httpx.AsyncClient
    ) -> None:
        first = (await http.post(f"{BOOKS}/invoices", json=invoice())).json()
        same = (await http.post(f"{BOOKS}/invoices", json=invoice(total=26.87))).json()
        assert same == first
        lines = [dict(line) for line in invoice()["lines"]]
        lines[0]["description"] = "Planting, spring"
        changed = (await http.post(f"{BOOKS}/invoices", json=invoice(lines=lines))).json()
        assert (changed["revision"], len(changed["lines"])) == (2, 2)
        approved = (await http.post(f"{BOOKS}/invoices", json=invoice(lines=lines, status="approved"))).json()
        assert (approved["revision"], approved["status"]) == (2, "approved"), "a status is nothing that is pushed"

    async def test_approval_makes_it_owed_and_rings_after_the_commit(
        self, api: Api, firm: int, http: httpx.AsyncClient, owner_url: str
    ) -> None:
        connection = await api.world.connect(firm)
        silence(owner_url)
        await http.post(f"{BOOKS}/invoices", json=invoice())
        assert await mappings(api, firm, "invoice_sync_mappings") == []
        assert await bells(api) == []
        await http.post(f"{BOOKS}/invoices", json=invoice(status="approved"))
        (owed,) = await mappings(api, firm, "invoice_sync_mappings")
        assert (owed["connection_id"], owed["state"]) == (connection, "pending")
        assert await bells(api) == [connection]

    async def test_an_approved_invoice_never_becomes_a_draft_again(self, http: httpx.AsyncClient) -> None:
        await http.post(f"{BOOKS}/invoices", json=invoice(status="approved"))
        assert (await http.post(f"{BOOKS}/invoices", json=invoice())).json()["status"] == "approved"
        back = await http.post(f"{BOOKS}/invoices", json=invoice(status="draft"))
        assert (back.status_code, back.json()["code"]) == (422, "status_reversed")

    async def test_a_paid_invoice_stays_paid_when_it_is_sent_again(
        self, api: Api, firm: int, http: httpx.AsyncClient
    ) -> None:
        made = (await http.post(f"{BOOKS}/invoices", json=invoice(status="approved"))).json()
        await api.world.set(firm, Invoice, made["id"], status="paid", amount_paid="26.87")
        again = (await http.post(f"{BOOKS}/invoices", json=invoice(status="approved"))).json()
        assert again | {"status": "paid", "amount_paid": "26.87", "revision": 1} == again

    async def test_voiding(self, api: Api, firm: int, http: httpx.AsyncClient) -> None:
        made = (await http.post(f"{BOOKS}/invoices", json=invoice(status="approved"))).json()
        path = f"{BOOKS}/invoices/{made['id']}/void"
        connection = await api.world.connect(firm, "xero")
        payment = await api.payment(firm, connection, made["id"])
        refused = await http.post(path)
        assert (refused.status_code, refused.json()["code"]) == (409, "payments_allocated")
        async with api.world.runtime.db.firm(firm) as session:
            await session.execute(text("UPDATE payments SET active = false WHERE id = :id"), {"id": payment})
        voided = await http.post(path)
        assert voided.json() | {"status": "void", "revision": 2} == voided.json()
        assert (await http.post(path)).json() == voided.json()
        same = await http.post(f"{BOOKS}/invoices", json=invoice(status="approved"))
        assert (same.status_code, same.json()["status"]) == (200, "void"), "a replay of the old state is not a change"
        edited = await http.post(f"{BOOKS}/invoices", json=invoice(memo="new"))
        assert edited.json()["code"] == "invoice_void"

    async def test_a_thousand_invoices_in_well_under_two_seconds(
        self, api: Api, firm: int, http: httpx.AsyncClient
    ) -> None:
        await api.world.connect(firm)
        lines = invoice()["lines"] + [{"unit_price": "0", "description": "free of charge"}]
        items = [invoice(f"N-{n}", lines=lines, status="approved") for n in range(1000)]
        started = time.perf_counter()
        answer = await http.post(f"{BOOKS}/invoices", json={"items": items})
        seconds = time.perf_counter() - started
        assert answer.json()["created"] == 1000
        assert [item["external_ref"] for item in answer.json()["items"]] == [item["external_ref"] for item in items]
        last = (await http.get(f"{BOOKS}/invoices/{answer.json()['items'][-1]['id']}")).json()
        assert (last["number"], len(last["lines"])) == ("N-999", 3)
        assert len(await mappings(api, firm, "invoice_sync_mappings")) == 1000
        assert seconds < 5, f"{seconds:.2f} s, on a machine that does other things too"

    async def test_two_writers_of_the_same_records_do_not_meet(self, http: httpx.AsyncClient) -> None:
        items = [invoice(f"N-{n}") for n in range(50)]
        answers = await asyncio.gather(
            *(http.post(f"{BOOKS}/invoices", json={"items": items[::step]}) for step in (1, -1, 1, -1))
        )
        assert [answer.status_code for answer in answers] == [200] * 4
        assert sorted(answer.json()["created"] for answer in answers) == [0, 0, 0, 50]

    async def test_pages_neither_skip_nor_repeat(self, http: httpx.AsyncClient) -> None:
        await http.post(f"{BOOKS}/invoices", json={"items": [invoice(f"N-{n}") for n in range(7)]})
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            query: dict[str, str | int] = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = (await http.get(f"{BOOKS}/invoices", params=query)).json()
            seen += [one["number"] for one in page["items"]]
            cursor = page["next"]
        assert seen == [f"N-{n}" for n in range(7)]
        assert (await http.get(f"{BOOKS}/invoices?cursor=bm9wZQ")).json()["code"] == "bad_cursor"

    async def test_overdue_is_computed_and_filters_narrow(self, http: httpx.AsyncClient) -> None:
        old = {"issue_date": "2020-01-01", "due_date": "2020-01-31", "status": "approved"}
        await http.post(
            f"{BOOKS}/invoices", json={"items": [invoice("OLD", **old), invoice("NEW", due_date="2099-01-01")]}
        )
        for query, numbers in {
            "overdue=true": ["OLD"],
            "overdue=false": ["NEW"],
            "status=draft": ["NEW"],
            "issued_to=2020-01-01": ["OLD"],
            "issued_from=2020-01-02&due_from=2098-01-01": ["NEW"],
            "client_ref=acme&number=OLD": ["OLD"],
            "client_ref=nobody": [],
        }.items():
            found = (await http.get(f"{BOOKS}/invoices?{query}")).json()["items"]
            assert [one["number"] for one in found] == numbers, query
        reversed_ = await http.get(f"{BOOKS}/invoices?issued_from=2026-02-01&issued_to=2026-01-01")
        assert (reversed_.status_code, reversed_.json()["code"]) == (422, "dates_reversed")


BAD_INVOICES: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown currency": ({"currency": "ZZZ"}, "currency_unknown", "/currency"),
    "currency in small letters": ({"currency": "usd"}, "currency_unknown", "/currency"),
    "missing client": ({"client_ref": "nobody"}, "client_unknown", "/client_ref"),
    "client of another id": ({"client_ref": None, "client_id": 999_999}, "client_unknown", "/client_id"),
    "no client at all": ({"client_ref": None}, "client_missing", ""),
    "unbalanced tax": ({"tax_total": "1.63", "total": "26.88"}, "tax_unbalanced", "/tax_total"),
    "wrong total": ({"total": "26.88"}, "total_mismatch", "/total"),
    "wrong subtotal": ({"subtotal": "25.24"}, "total_mismatch", "/subtotal"),
    "too many decimals": ({"total": "26.871"}, "too_many_decimals", "/total"),
    "too fine a price": (
        {"lines": [{"unit_price": "1.0000001"}]},
        "too_many_decimals",
        "/lines/0/unit_price",
    ),
    "reversed dates": ({"due_date": "2026-11-01"}, "dates_reversed", "/due_date"),
    "no such day": ({"due_date": "2026-02-30"}, "invalid_value", "/due_date"),
    "seconds since 1970": ({"issue_date": 0}, "not_a_date", "/issue_date"),
    "no number": ({"total": "twelve"}, "not_a_number", "/total"),
    "an infinite number": ({"total": "1e999999999"}, "not_a_number", "/total"),
    "no lines": ({"lines": []}, "too_few", "/lines"),
    "a misspelt field": ({"curency": "USD"}, "unknown_field", "/curency"),
    "a status of the sync's": ({"status": "paid"}, "not_allowed", "/status"),
    "a null byte": ({"memo": "a\x00b"}, "control_characters", "/memo"),
    "a discount above all": (
        {"lines": [{"unit_price": "1", "discount_percent": 101}]},
        "out_of_range",
        "/lines/0/discount_percent",
    ),
    "an unknown id": ({"id": 424242}, "invoice_unknown", "/id"),
}


class TestRefusals:
    @pytest.mark.parametrize("name", BAD_INVOICES)
    async def test_bad_input_has_a_stable_code_before_any_call(
        self, api: Api, firm: int, http: httpx.AsyncClient, name: str
    ) -> None:
        changes, code, pointer = BAD_INVOICES[name]
        answer = await http.post(f"{BOOKS}/invoices", json=invoice(**changes))
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == code, answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
        assert (await http.get(f"{BOOKS}/invoices")).json()["items"] == []
        assert api.provider_calls() == 0

    async def test_a_wrong_line_amount_names_the_line(self, http: httpx.AsyncClient) -> None:
        lines = [dict(line) for line in invoice()["lines"]]
        lines[1]["amount"] = "5.01"
        answer = await http.post(f"{BOOKS}/invoices", json=invoice(lines=lines))
        assert answer.json()["code"] == "line_amount_mismatch"
        assert answer.json()["errors"][0]["pointer"] == "/lines/1/amount"

    async def test_a_batch_is_stored_whole_or_not_at_all(self, http: httpx.AsyncClient) -> None:
        items = [invoice("GOOD"), invoice("BAD", total="1.00"), invoice("WORSE", currency="ZZZ")]
        answer = await http.post(f"{BOOKS}/invoices", json={"items": items})
        assert answer.status_code == 422
        assert [(one["index"], one["external_ref"], one["code"]) for one in answer.json()["errors"]] == [
            (1, "ref-BAD", "total_mismatch"),
            (2, "ref-WORSE", "currency_unknown"),
        ]
        assert (await http.get(f"{BOOKS}/invoices")).json()["items"] == []

    async def test_a_field_of_the_wrong_kind_in_a_batch_is_named_by_item(self, http: httpx.AsyncClient) -> None:
        answer = await http.post(f"{BOOKS}/invoices", json={"items": [invoice("A"), invoice("B", total=[])]})
        (error,) = answer.json()["errors"]
        assert error | {"pointer": "/items/1/total", "index": 1, "external_ref": "ref-B"} == error

    async def test_taken_and_repeated_names(self, http: httpx.AsyncClient) -> None:
        await http.post(f"{BOOKS}/invoices", json=invoice("A"))
        taken = await http.post(f"{BOOKS}/invoices", json=invoice("A", external_ref="other"))
        assert taken.json()["code"] == "number_taken"
        twice = await http.post(f"{BOOKS}/invoices", json={"items": [invoice("B"), invoice("C", external_ref="ref-B")]})
        assert twice.json()["code"] == "duplicate_in_request"
        known = (await http.get(f"{BOOKS}/invoices?number=A")).json()["items"][0]
        both = [invoice("A"), invoice("D", id=known["id"], external_ref="ref-D")]
        assert (await http.post(f"{BOOKS}/invoices", json={"items": both})).json()["code"] == "duplicate_in_request"
        await http.post(f"{BOOKS}/invoices", json=invoice("E"))
        stolen = await http.post(f"{BOOKS}/invoices", json=invoice("F", id=known["id"], external_ref="ref-E"))
        assert stolen.json()["code"] == "external_ref_taken"

    @pytest.mark.parametrize(
        ("content", "status", "code"),
        [
            (b"{", 422, "not_json"),
            (b'{"total": NaN}', 422, "not_json"),
            (b"[]", 422, "invalid_value"),
            (b"\xff\xfe", 422, "not_json"),
            (b'{"items": []}', 422, "too_few"),
            (b'{"number": "\\ud800", "external_ref": "\\ud800"}', 422, "invalid"),
        ],
    )
    async def test_bodies_that_are_no_such_thing(
        self, http: httpx.AsyncClient, content: bytes, status: int, code: str
    ) -> None:
        answer = await http.post(f"{BOOKS}/invoices", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text

    @pytest.mark.parametrize(
        "query",
        [
            "clients?search=%00",
            "clients?external_ref=a%00b",
            "invoices?number=%00",
            "invoices?client_ref=%00",
            "invoices?updated_since=0001-01-01T00:00:00%2B14:00",
            "invoices?updated_since=2026-01-01T00:00:00",
            "clients?limit=201",
            "clients?cursor=%00",
            f"clients?connection_id={2**63}",
            f"clients/{2**63}",
            "clients/0",
            "payments/one",
        ],
    )
    async def test_queries_that_are_no_such_thing(self, http: httpx.AsyncClient, query: str) -> None:
        answer = await http.get(f"{BOOKS}/{query}")
        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] != "internal_error"

    async def test_a_body_may_not_be_endless(self, http: httpx.AsyncClient) -> None:
        async def endless() -> Any:
            for _ in range(14):
                yield b" " * 1_000_000

        for content in (b" " * 12_000_001, endless()):
            answer = await http.post(f"{BOOKS}/invoices", content=content, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


class TestCommit:
    async def test_a_failed_commit_is_not_answered_200(self, api: Api, firm: int, owner_url: str) -> None:
        caller = await api.caller(firm)
        await api.world.connect(firm)
        silence(owner_url)
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute(
                "CREATE FUNCTION boom() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;"
                "CREATE CONSTRAINT TRIGGER boom AFTER INSERT ON clients DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION boom()"
            )
            try:
                with capture_logs() as logs:
                    answer = await caller.post(f"{BOOKS}/clients", json={"name": "Lost"})
            finally:
                owner.execute("DROP FUNCTION boom() CASCADE")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert "disk full" not in answer.text
        assert [entry["event"] for entry in logs] == ["unexpected_error"]
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert (await caller.get(f"{BOOKS}/clients")).json()["items"] == []
        assert await bells(api) == [], "what was not committed is not announced"

    async def test_a_bell_that_cannot_be_rung_does_not_undo_the_answer(
        self, api: Api, firm: int, http: httpx.AsyncClient, owner_url: str
    ) -> None:
        await api.world.connect(firm)
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute("ALTER TABLE procrastinate.procrastinate_jobs RENAME TO away")
            try:
                answer = await http.post(f"{BOOKS}/clients", json={"name": "Kept"})
            finally:
                owner.execute("ALTER TABLE procrastinate.away RENAME TO procrastinate_jobs")
        assert answer.status_code == 201
        assert [row["state"] for row in await mappings(api, firm, "customer_sync_mappings")] == ["pending"]


class TestCodesPaymentsFirm:
    @pytest.mark.parametrize("kind", ["account", "tax", "item"])
    async def test_codes_are_set_listed_and_forgotten(self, http: httpx.AsyncClient, kind: str) -> None:
        path = f"{BOOKS}/{kind}-mappings"
        first = {
            "provider": "qbo",
            "items": [{"internal_code": "4000", "external_code": "1", "external_name": "Sales"}],
        }
        made = (await http.put(path, json=first)).json()["items"]
        second = {"provider": "xero", "items": [{"internal_code": "4000", "xero_code": "200"}]}
        await http.put(path, json=second)
        first["items"][0]["external_code"] = "79"  # type: ignore[index]
        changed = (await http.put(path, json=first)).json()["items"]
        assert (changed[0]["id"], changed[0]["external_code"]) == (made[0]["id"], "79")
        listed = (await http.get(f"{path}?provider=xero")).json()["items"]
        assert [(one["external_code"], one["xero_code"]) for one in listed] == [("200", "200")]
        assert (await http.delete(f"{path}/{made[0]['id']}")).status_code == 204
        assert (await http.delete(f"{path}/{made[0]['id']}")).status_code == 404

    async def test_bad_codes(self, api: Api, firm: int, http: httpx.AsyncClient) -> None:
        path = f"{BOOKS}/account-mappings"
        item = {"internal_code": "1", "external_code": "2"}
        connection = await api.world.connect(firm, "xero")
        for body, code in (
            ({"provider": "sage", "items": [item]}, "unknown_provider"),
            ({"provider": "xero", "items": [item, item]}, "duplicate_in_request"),
            ({"provider": "xero", "items": [{"internal_code": "1", "external_code": " "}]}, "missing"),
            ({"provider": "qbo", "connection_id": connection, "items": [item]}, "provider_differs"),
            ({"provider": "qbo", "connection_id": connection + 1, "items": [item]}, "not_found"),
        ):
            answer = await http.put(path, json=body)
            assert answer.json()["code"] == code, answer.text

    async def test_payments_show_what_they_paid(self, api: Api, firm: int, http: httpx.AsyncClient) -> None:
        made = (await http.post(f"{BOOKS}/invoices", json=invoice())).json()
        connection = await api.world.connect(firm, "xero")
        payment = await api.payment(firm, connection, made["id"], "12.50")
        got = (await http.get(f"{BOOKS}/payments/{payment}")).json()
        assert got | {"amount": "12.50", "unapplied": "0.00", "provider": "xero"} == got
        assert got["allocations"][0] | {"invoice_id": made["id"], "amount": "12.50"} == got["allocations"][0]
        assert (await http.get(f"{BOOKS}/payments?invoice_id={made['id']}")).json()["items"] == [got]
        assert (await http.get(f"{BOOKS}/payments?invoice_id={made['id'] + 1}")).json()["items"] == []

    async def test_the_firm_changes_what_is_sent_and_nothing_else(self, api: Api, firm: int) -> None:
        admin = await api.caller(firm)
        before = (await admin.get(f"{BOOKS}/firm")).json()
        after = (
            await admin.patch(f"{BOOKS}/firm", json={"time_zone": "Pacific/Auckland", "update_policy": "all"})
        ).json()
        assert after == before | {
            "time_zone": "Pacific/Auckland",
            "update_policy": "all",
            "updated_at": after["updated_at"],
        }
        for body, code in (
            ({"time_zone": "Mars/Olympus"}, "time_zone_unknown"),
            ({"default_connection_id": 99}, "connection_unknown"),
            ({"update_policy": "some"}, "not_allowed"),
            ({"name": " "}, "missing"),
        ):
            answer = await admin.patch(f"{BOOKS}/firm", json=body)
            assert (answer.status_code, answer.json()["code"]) == (422, code)


class TestEdge:
    async def test_health(self, api: Api, owner_url: str) -> None:
        anyone = await api.with_credential()
        assert (await anyone.get("/livez")).status_code == 200
        assert (await anyone.get("/readyz/")).status_code == 200
        with psycopg.connect(owner_url, autocommit=True) as owner:
            row = owner.execute("SELECT version_num FROM alembic_version").fetchone()
            assert row is not None
            owner.execute("UPDATE alembic_version SET version_num = '0000'")
            try:
                behind = await anyone.get("/readyz")
            finally:
                owner.execute("UPDATE alembic_version SET version_num = %s", row)
        assert (behind.status_code, behind.json()["code"]) == (503, "migrations_pending")

    async def test_metrics_name_routes_not_ids(self, api: Api, firm: int) -> None:
        caller = await api.caller(firm)
        await caller.get(f"{BOOKS}/clients/123456")
        text_ = (await caller.get("/metrics")).text
        assert (
            f'tieout_http_requests_total{{method="GET",route="{BOOKS}/clients/{{client_id}}",status="404"}} 1.0'
            in text_
        )
        assert "123456" not in text_

    async def test_every_answer_has_a_request_id_and_the_headers_of_a_careful_service(self, api: Api) -> None:
        anyone = await api.with_credential()
        echoed = await anyone.get("/livez", headers={"X-Request-ID": "caller-chose-this-1"})
        assert echoed.headers["x-request-id"] == "caller-chose-this-1"
        made = await anyone.get("/nowhere", headers={"X-Request-ID": "no\ttabs"})
        assert made.json()["request_id"] == made.headers["x-request-id"] != "no\ttabs"
        assert (made.status_code, made.json()["code"]) == (404, "not_found")
        assert made.headers["x-content-type-options"] == "nosniff"
        assert made.headers["cache-control"] == "no-store"

    async def test_another_method_is_405(self, api: Api, firm: int) -> None:
        answer = await (await api.caller(firm)).delete(f"{BOOKS}/firm/")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")

    async def test_openapi_describes_problems_as_they_are(self, api: Api) -> None:
        document = (await (await api.with_credential()).get("/openapi.json")).json()
        assert document["openapi"].startswith("3.1")
        operations = [operation for path in document["paths"].values() for operation in path.values()]
        names = [operation["operationId"] for operation in operations]
        assert len(names) == len(set(names)) > 40
        refused = document["paths"][f"{BOOKS}/invoices"]["post"]["responses"]["422"]
        assert list(refused["content"]) == ["application/problem+json"]
        assert "HTTPValidationError" not in json.dumps(document)
        assert document["components"]["schemas"]["Problem"]["properties"]["code"]
