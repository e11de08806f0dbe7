"""Two firms try every route on each other's records, and raw SQL tries what the routes do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from app.canonical import DocumentState, Kind, RemoteBankTransaction
from app.db import audit, bank_transactions, remote_records, runs, tables
from app.db.base import Table
from app.db.session import Database
from app.db.sync_tables import AccountMapping, CustomerSyncMapping, InvoiceSyncMapping, ItemMapping, TaxMapping
from app.edge.operating import PREFIX
from tests.support.api import BOOKS, Api, invoice

MARK = "Belongs-To-B"
PUBLIC = {"health_live", "health_ready", "health_metrics", "auth_callback", "connection_oauth_landing"}
WALLED = sorted(table.name for table in Table.metadata.sorted_tables if "firm_id" in table.columns)
# What a POST or PATCH on somebody else's record would need to be valid otherwise.
BODIES: dict[str, dict[str, Any]] = {"connection_change": {"sync_enabled": False}}
# Lists that ask for which provider.
QUERIES: dict[str, dict[str, Any]] = {
    **{f"account_mapping_{what}": {"provider": "xero"} for what in ("csv", "suggestions", "warnings")},
    "run_live": {"seconds": 0},
}


@dataclass
class Firm:
    """A firm and one of each of its records, by the names that paths and bodies use."""

    id: int
    ids: dict[str, int]


@dataclass
class Town:
    """Two firms side by side."""

    api: Api
    mine: Firm
    theirs: Firm
    caller: httpx.AsyncClient


@pytest.fixture
async def town(api: Api) -> Town:
    mine = await _settle(api, "quickbooks", "Mine")
    theirs = await _settle(api, "xero", MARK)
    return Town(api, mine, theirs, await api.caller(mine.id))


async def _settle(api: Api, provider: str, mark: str) -> Firm:
    world = api.world
    firm = await world.firm(f"{mark} & Co")
    caller = await api.caller(firm)
    connection = await world.connect(firm, provider, subject=mark)
    client = (await caller.post(f"{BOOKS}/clients", json={"name": mark, "external_ref": mark})).json()["id"]
    sent = invoice(mark, mark, memo=mark, status="approved")
    invoice_id = (await caller.post(f"{BOOKS}/invoices", json=sent)).json()["id"]
    ids = {"connection_id": connection, "client_id": client, "invoice_id": invoice_id}
    lines = [{"account_code": mark, "debit": "1"}, {"account_code": mark, "credit": "1"}]
    journal = {"number": mark, "date": "2026-11-02", "currency": "USD", "lines": lines, "status": "posted"}
    ids["entry_id"] = (await caller.post(f"{BOOKS}/journal-entries", json=journal)).json()["id"]
    chart = {"code": mark, "name": mark, "type": "revenue.sales"}
    ids["account_id"] = (await caller.post(f"{BOOKS}/accounts", json=chart)).json()["id"]
    ids["export_log_id"] = int((await caller.post("/api/export/quickbooks")).headers["x-export-id"])
    file = {"file": (f"{mark}.csv", "*Code,*Name,*Type,*Tax Code\n200,Sales,Revenue,\n")}
    ids["import_batch_id"] = (await caller.post("/api/import/xero", files=file)).json()["import_id"]
    ids["payment_id"] = await api.payment(firm, connection, invoice_id)
    async with world.runtime.db.firm(firm) as session:
        ids["run_id"] = await runs.request(session, firm, connection, "pull", params={"by": mark}, requested_by=mark)
        for table in (AccountMapping, TaxMapping, ItemMapping):
            values = {"firm_id": firm, "provider": provider, "internal_code": mark, "external_code": mark}
            made = await session.execute(insert(table).values(values).returning(table.id))
            ids[table.__tablename__] = made.scalar_one()
        await audit.record(session, firm, actor=mark, action="test")
        query = text("SELECT min(id) FROM api_keys WHERE revoked_at IS NULL")
        ids["key_id"] = (await session.execute(query)).scalar_one()
    ids[CustomerSyncMapping.__tablename__] = (await world.mapping(firm, Kind.customer, connection, client)).id
    ids["mappings"] = (await world.mapping(firm, Kind.journal_entry, connection, ids["entry_id"])).id
    moved = RemoteBankTransaction(
        external_id=mark, version="", type="spend", state=DocumentState.open, on=None, currency="USD", amount=Decimal(1)
    )
    async with world.runtime.db.firm(firm) as session:
        await bank_transactions.save(session, firm, connection, moved)
        ids["transaction_id"] = (await session.execute(text("SELECT id FROM bank_transactions"))).scalar_one()
        copy: dict[str, Any] = {"version": "", "record": {"name": mark}, "updated_at": None}
        await remote_records.save(session, firm, connection, Kind.item, mark, **copy)
        query = text("SELECT id FROM remote_records WHERE kind = 'item'")
        ids["record_id"] = (await session.execute(query)).scalar_one()
        stranger = {"name": mark, "active": True, "customer": {"name": mark}}
        await remote_records.save(session, firm, connection, Kind.customer, mark, **{**copy, "record": stranger})
        query = text("SELECT id FROM remote_records WHERE kind = 'customer' ORDER BY id DESC LIMIT 1")
        ids["suggestion_id"] = (await session.execute(query)).scalar_one()
    ids[InvoiceSyncMapping.__tablename__] = (await world.mapping(firm, Kind.invoice, connection, invoice_id)).id
    return Firm(firm, ids)


def operations(api: Api) -> Iterator[tuple[str, str, str]]:
    """(operation id, method, path template) of every route of ours."""
    for path, methods in api.app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path


def of_firms(api: Api) -> Iterator[tuple[str, str, str]]:
    """The same without the operator's, which no firm's credential opens (tests/api/test_operator_api.py)."""
    return (one for one in operations(api) if not one[2].startswith(PREFIX))


def fill(path: str, ids: dict[str, int]) -> str:
    """The path with a firm's own ids; `mapping_id` is an id of the table that the path speaks of."""
    noun = path.split("/")[4] if path.startswith(BOOKS) else ""
    named = {"invoice-mappings": "invoice_sync_mappings", "customer-mappings": "customer_sync_mappings"}
    mapping = named.get(noun, noun.replace("-", "_"))
    return path.format(**ids, provider="xero", kind="journal_entry", mapping_id=ids.get(mapping, 0))


async def everything(database: Database, firm: int) -> dict[str, str]:
    """A digest of all that a firm has, by table."""
    digest = "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM {} t"
    async with database.firm(firm) as session:
        return {table: str((await session.execute(text(digest.format(table)))).scalar_one()) for table in WALLED}


class TestRoutes:
    async def test_the_other_firms_ids_are_not_found_by_any_route(self, town: Town) -> None:
        before = await everything(town.api.world.runtime.db, town.theirs.id)
        tried = []
        for name, method, path in of_firms(town.api):
            if not path.count("_id}"):
                continue
            own = {"invoice_id": town.mine.ids["invoice_id"], "client_id": town.mine.ids["client_id"]}
            needed = {
                "connection_sync_invoice": "invoice_id",
                "connection_sync_customer": "client_id",
                "client_suggestion_match": "client_id",
            }
            body = {needed[name]: own[needed[name]]} if name in needed else BODIES.get(name, {})
            json = None if method in ("GET", "DELETE") else body
            answer = await town.caller.request(method, fill(path, town.theirs.ids), json=json)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), f"{name}: {answer.text}"
            assert MARK not in answer.text
            tried.append(name)
        assert len(tried) >= 16
        assert await everything(town.api.world.runtime.db, town.theirs.id) == before

    async def test_the_same_ids_are_found_by_their_own_firm(self, town: Town) -> None:
        owner = await town.api.caller(town.theirs.id)
        for name, method, path in of_firms(town.api):
            if method == "GET" and path.count("_id}"):
                answer = await owner.get(fill(path, town.theirs.ids))
                assert answer.status_code == 200, f"{name}: {answer.text}"

    async def test_no_list_shows_anything_of_the_other_firm(self, town: Town) -> None:
        owner = await town.api.caller(town.theirs.id)
        marked = 0
        for name, method, path in of_firms(town.api):
            if method != "GET" or "{" in path or name in PUBLIC:
                continue
            answer = await town.caller.get(path, params=QUERIES.get(name))
            assert answer.status_code == 200, f"{name}: {answer.text}"
            assert MARK not in answer.text, name
            marked += MARK in (await owner.get(path, params=QUERIES.get(name))).text
        assert marked >= 7, "the owner's own lists do show the mark, so that its absence means something"

    async def test_bodies_and_filters_cannot_name_the_other_firms_records(self, town: Town) -> None:
        before = await everything(town.api.world.runtime.db, town.theirs.id)
        theirs, mine = town.theirs.ids, town.mine.ids
        push = {"kind": "invoice", "ids": [theirs["invoice_id"]]}
        refused: list[tuple[str, str, Any]] = [
            ("POST", f"{BOOKS}/clients", {"id": theirs["client_id"], "name": "Stolen"}),
            ("POST", f"{BOOKS}/clients", {"name": "Mine", "connection_id": theirs["connection_id"]}),
            ("POST", f"{BOOKS}/invoices", invoice("N", client_ref=None, client_id=theirs["client_id"])),
            ("POST", f"{BOOKS}/invoices", invoice("N", client_ref=MARK)),
            ("POST", f"{BOOKS}/invoices", invoice("N", client_ref="Mine", id=theirs["invoice_id"])),
            ("PATCH", f"{BOOKS}/firm", {"default_connection_id": theirs["connection_id"]}),
            (
                "PUT",
                f"{BOOKS}/account-mappings",
                {
                    "provider": "xero",
                    "connection_id": theirs["connection_id"],
                    "items": [{"internal_code": "1", "external_code": "2"}],
                },
            ),
            (
                "POST",
                f"{BOOKS}/connections/{mine['connection_id']}/sync_invoice",
                {"invoice_id": theirs["invoice_id"]},
            ),
            ("POST", f"{BOOKS}/connections/{mine['connection_id']}/sync_customer", {"client_id": theirs["client_id"]}),
            ("POST", "/api/sync/quickbooks/push", push),
            ("POST", "/api/sync/xero/push", push),
            ("POST", "/api/auth/xero/refresh", None),
            ("DELETE", "/api/auth/xero/revoke", None),
        ]
        for method, path, body in refused:
            answer = await town.caller.request(method, path, json=body, headers={"Prefer": "wait=0"})
            assert 400 <= answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text}"
            assert f'"{MARK}"' not in answer.text or MARK in str(body)
        for query in (
            f"invoices?client_id={theirs['client_id']}",
            f"invoices?client_ref={MARK}",
            f"clients?external_ref={MARK}",
            f"payments?invoice_id={theirs['invoice_id']}",
            f"account-mappings?connection_id={theirs['connection_id']}",
        ):
            assert (await town.caller.get(f"{BOOKS}/{query}")).json()["items"] == []
        assert await everything(town.api.world.runtime.db, town.theirs.id) == before

    async def test_the_same_names_may_exist_in_both_firms(self, town: Town) -> None:
        answer = await town.caller.post(f"{BOOKS}/clients", json={"name": "Mine too", "external_ref": MARK})
        assert answer.status_code == 201
        number = await town.caller.post(f"{BOOKS}/invoices", json=invoice(MARK, "Mine", external_ref=f"ref-{MARK}"))
        assert number.status_code == 201

    async def test_without_a_credential_every_route_is_closed(self, town: Town) -> None:
        anyone = await town.api.with_credential()
        for name, method, path in operations(town.api):
            if name in PUBLIC:
                continue
            filled = fill(path, {**town.theirs.ids, "firm_id": town.theirs.id})
            answer = await anyone.request(method, filled, json={})
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), f"{name}: {answer.text}"


class TestRawSql:
    async def test_every_table_of_firms_has_its_wall_forced(self, database: Database) -> None:
        async with database.system() as session:
            rows = await session.execute(
                text(
                    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname <> 'alembic_version'"
                    " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
                )
            )
            assert rows.scalars().all() == []

    @pytest.mark.parametrize("table", WALLED)
    async def test_without_a_firm_and_with_another_firm_nothing_is_seen_or_changed(
        self, town: Town, table: str
    ) -> None:
        database = town.api.world.runtime.db
        async with database.no_firm() as session:
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0
        theirs = {"firm": town.theirs.id}
        async with database.firm(town.mine.id) as session:
            seen = await session.execute(text(f"SELECT count(*) FROM {table} WHERE firm_id = :firm"), theirs)
            assert seen.scalar_one() == 0
            changed = await session.execute(text(f"UPDATE {table} SET firm_id = firm_id WHERE firm_id = :firm"), theirs)
            assert changed.rowcount == 0
            removed = await session.execute(text(f"DELETE FROM {table} WHERE firm_id = :firm"), theirs)
            assert removed.rowcount == 0

    async def test_no_row_can_be_written_into_another_firm(self, town: Town) -> None:
        database = town.api.world.runtime.db
        for statement in (
            "INSERT INTO clients (firm_id, name) VALUES (:theirs, 'planted')",
            "UPDATE clients SET firm_id = :theirs WHERE firm_id = :mine",
            "INSERT INTO audit_events (firm_id, actor, action) VALUES (:theirs, 'nobody', 'nothing')",
        ):
            given = {"theirs": town.theirs.id, "mine": town.mine.id}
            used = {name: value for name, value in given.items() if f":{name}" in statement}
            async with database.firm(town.mine.id) as session:
                with pytest.raises(DBAPIError, match="row-level security"):
                    await session.execute(text(statement), used)
                await session.rollback()

    async def test_a_row_cannot_point_at_another_firms_row(self, town: Town) -> None:
        with pytest.raises(DBAPIError, match="foreign key"):
            async with town.api.world.runtime.db.firm(town.mine.id) as session:
                await session.execute(
                    text("UPDATE invoices SET client_id = :client"), {"client": town.theirs.ids["client_id"]}
                )

    async def test_the_firm_role_reads_no_grants_and_makes_no_firms(self, town: Town) -> None:
        database = town.api.world.runtime.db
        for statement in ("SELECT * FROM grants", "INSERT INTO firms (name) VALUES ('new')", "DELETE FROM firms"):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.firm(town.mine.id) as session:
                    await session.execute(text(statement))
        async with database.firm(town.mine.id) as session:
            assert (await session.execute(text("SELECT id FROM firms"))).scalars().all() == [town.mine.id]

    async def test_the_operator_reads_across_firms_and_writes_nothing(self, town: Town) -> None:
        database = town.api.world.runtime.db
        async with database.operator() as session:
            assert (await session.execute(text("SELECT count(*) FROM clients"))).scalar_one() == 2
        for statement in (
            "UPDATE clients SET name = 'x'",
            "SELECT key_hash FROM api_keys",
            "SELECT sealed_access FROM grants",
        ):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.operator() as session:
                    await session.execute(text(statement))


def test_the_list_of_walled_tables_is_not_empty() -> None:
    assert {"clients", "invoices", "connections", "webhook_events"} <= set(WALLED)
    assert tables.Firm.__tablename__ not in WALLED
