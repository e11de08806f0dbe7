"""The operator's admin: its own credential, reading across firms without a secret, changing by the use cases alone."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import DBAPIError

from app.canonical import Kind
from app.db.sync_tables import AccountMapping
from app.settings import Settings
from tests.support.api import Api, client, open_api
from tests.support.world import SIM, World, open_world

SECRET = "operators-only-" + "0123456789" * 3
LISTS = (
    "connections", "invoice-mappings", "customer-mappings", "journal-mappings", "runs", "webhook-events", "firms",
    "api-keys", "audit",
)  # fmt: skip


@pytest.fixture
async def desk(make_settings: Callable[..., Settings]) -> AsyncIterator[Api]:
    """The application with an admin."""
    async with open_world(make_settings(sim_url=SIM, operator_secret=SECRET)) as world, open_api(world) as opened:
        yield opened


async def operator(api: Api, name: str = "Olga", secret: str = SECRET, **headers: str) -> httpx.AsyncClient:
    http = await api.stack.enter_async_context(client(api.app))
    answer = await http.post("/admin/login", data={"username": name, "password": secret}, headers=headers)
    http.headers["x-login"] = str(answer.status_code)
    return http


async def scene(world: World) -> tuple[int, int, int]:
    """A firm with a connection and one invoice that lacks a mapping."""
    firm = await world.firm("Harbor Tea")
    connection = await world.connect(firm, "xero")
    async with world.runtime.db.firm(firm) as session:
        await session.execute(delete(AccountMapping))
    pier = await world.client(firm, "Pier 7")
    invoice = await world.invoice(firm, pier)
    await world.ask(firm, connection, Kind.customer, [pier])
    await world.ask(firm, connection, Kind.invoice, [invoice])
    await world.work(connection)
    return firm, connection, (await world.mapping(firm, Kind.invoice, connection, invoice)).id


async def audited(world: World, firm: int) -> list[tuple[str, str]]:
    async with world.runtime.db.firm(firm) as session:
        rows = await session.execute(text("SELECT actor, action FROM audit_events ORDER BY id"))
        return [(row.actor, row.action) for row in rows]


async def test_without_a_secret_there_is_no_admin(world: World) -> None:
    async with open_api(world) as api:
        assert (await api.http.get("/admin/")).status_code == 404


@pytest.mark.parametrize(
    ("name", "secret", "headers"),
    [("Olga", "wrong", {}), ("", SECRET, {}), ("Olga", SECRET, {"Sec-Fetch-Site": "cross-site"})],
)
async def test_only_the_operators_own_credential_opens_it(
    desk: Api, name: str, secret: str, headers: dict[str, str]
) -> None:
    http = await operator(desk, name, secret, **headers)
    assert http.headers["x-login"] == "400"
    assert (await http.get("/admin/")).headers["location"].endswith("/admin/login")
    firm = await desk.world.firm()
    key = (await desk.key(firm))[1]
    assert (await http.get("/admin/connections/list", headers={"Authorization": f"Bearer {key}"})).status_code == 302


async def test_every_list_and_record_is_shown_and_nothing_secret(desk: Api) -> None:
    firm, connection, _ = await scene(desk.world)
    _, key = await desk.key(firm)
    http = await operator(desk)
    async with desk.world.runtime.db.system() as session:
        sealed = list((await session.execute(text("SELECT sealed_access FROM grants"))).scalars())
        hashes = list((await session.execute(text("SELECT key_hash FROM api_keys"))).scalars())
    for name in LISTS:
        answer = await http.get(f"/admin/{name}/list")
        assert answer.status_code == 200, name
        assert not any(secret in answer.text for secret in (*sealed, *hashes, key)), name
    assert "Harbor Tea" in (await http.get("/admin/connections/list")).text
    shown = await http.get(f"/admin/connections/details/{connection}")
    for words in ("Identity", "OAuth", "Provider", "Sync", "Status", "Audit", "set · expires "):
        assert words in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert (await http.get("/admin")).status_code == 200


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("invoice-mappings/list?search=T-000", True),
        ("invoice-mappings/list?search=Harbor", True),
        ("invoice-mappings/list?search=nothing", False),
        ("invoice-mappings/list?sync_status=error", True),
        ("invoice-mappings/list?sync_status=synced", False),
        ("connections/list?provider=xero&status=active&sync_enabled=true&created_at=7", True),
        ("connections/list?status=expired", False),
        ("connections/list?search=Demo+Company", True),
        ("customer-mappings/list?search=Pier", True),
    ],
)
async def test_filters_and_searches(desk: Api, path: str, found: bool) -> None:
    await scene(desk.world)
    http = await operator(desk)
    answer = await http.get(f"/admin/{path}")
    assert answer.status_code == 200
    assert ("Harbor Tea" in answer.text) is found


async def act(http: httpx.AsyncClient, path: str, pk: int, **headers: str) -> Any:
    return await http.get(f"/admin/{path}?pks={pk}", headers=headers)


async def test_acts_run_the_use_cases_and_are_audited(desk: Api) -> None:
    world = desk.world
    firm, connection, mapping = await scene(world)
    http = await operator(desk)
    for path, pk in (
        ("connections/action/pause", connection),
        ("connections/action/resume", connection),
        ("connections/action/look", connection),
        ("connections/action/sync", connection),
        ("invoice-mappings/action/skip", mapping),
        ("invoice-mappings/action/retry", mapping),
    ):
        assert (await act(http, path, pk)).status_code == 303, path
    found = [action for actor, action in await audited(world, firm) if actor == "operator:Olga"]
    wanted = ["connection.changed", "connection.changed", "connection.check_asked", "connection.sync_asked"]
    assert found == [*wanted, "mapping.skipped", "mapping.retried"]


async def test_runs_keys_and_events_too(desk: Api) -> None:
    world = desk.world
    firm, connection, _ = await scene(world)
    key_id, key = await desk.key(firm)
    caller = await desk.with_credential(key)
    run = (await caller.post("/api/sync/xero/pull", headers={"Prefer": "wait=0"})).json()["run"]["run_id"]
    async with world.runtime.db.system() as session:
        await session.execute(
            text(
                "WITH d AS (INSERT INTO webhook_deliveries (provider, body, events) VALUES ('xero', '', 1)"
                " RETURNING id) INSERT INTO webhook_events"
                " (firm_id, connection_id, delivery_id, provider, event_key, company_id, state)"
                f" SELECT {firm}, {connection}, id, 'xero', 'k', 'c', 'done' FROM d"
            )
        )
    http = await operator(desk)
    for path, pk in (("runs/action/pause", run), ("runs/action/resume", run), ("runs/action/cancel", run)):
        assert (await act(http, path, pk)).status_code == 303
    await act(http, "webhook-events/action/replay", 1)
    await act(http, "api-keys/action/revoke", key_id)
    assert (await caller.get("/api/v1/accounting/firm")).status_code == 401
    found = {action for actor, action in await audited(world, firm) if actor == "operator:Olga"}
    assert found == {"run.paused", "run.resumed", "run.cancelled", "webhook_events.replayed", "api_key.revoked"}


async def test_an_event_of_a_company_that_nobody_connected_is_not_said_to_be_looked_at(desk: Api) -> None:
    await scene(desk.world)
    async with desk.world.runtime.db.system() as session:
        await session.execute(
            text(
                "WITH d AS (INSERT INTO webhook_deliveries (provider, body, events) VALUES ('xero', '', 1)"
                " RETURNING id) INSERT INTO webhook_events (delivery_id, provider, event_key, company_id, state)"
                " SELECT id, 'xero', 'k', 'c', 'ignored' FROM d"
            )
        )
    http = await operator(desk)
    await act(http, "webhook-events/action/replay", 1)
    shown = (await http.get("/admin/webhook-events/list")).text
    assert "No firm has connected this company." in shown
    assert "1 looked at again." not in shown


async def test_another_site_cannot_make_the_operator_act(desk: Api) -> None:
    firm, connection, _ = await scene(desk.world)
    http = await operator(desk)
    answer = await act(http, "connections/action/disconnect", connection, **{"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["location"].endswith("/admin/login")
    assert not [one for one in await audited(desk.world, firm) if one[0] == "operator:Olga"]


async def test_there_is_no_way_to_edit_and_the_role_could_not(desk: Api) -> None:
    _, connection, _ = await scene(desk.world)
    http = await operator(desk)
    for path in ("create", f"edit/{connection}"):
        assert (await http.get(f"/admin/connections/{path}")).status_code in (403, 404)
    assert (await http.delete(f"/admin/connections/delete?pks={connection}")).status_code in (403, 404)
    async with desk.world.runtime.db.operator_engine.connect() as session:
        with pytest.raises(DBAPIError):
            await session.execute(text("UPDATE connections SET status = 'revoked'"))
