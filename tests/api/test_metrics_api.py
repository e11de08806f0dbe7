"""`/metrics`: what is owed, how old it is, and how the queue stands; nothing that names a firm."""

import re

from prometheus_client.parser import text_string_to_metric_families

from app.canonical import Kind
from app.db import wakeups
from tests.support.api import Api


async def numbers(api: Api) -> dict[str, dict[tuple[str, ...], float]]:
    """Samples by name and label values."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families((await api.http.get("/metrics")).text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


async def test_what_is_owed_and_waits_is_told(api: Api) -> None:
    world = api.world
    firm = await world.firm("Secretive & Sons")
    connection = await world.connect(firm)
    await world.ask(firm, connection, Kind.customer, [await world.client(firm), await world.client(firm)])
    await wakeups.wake(world.runtime.db, connection)
    shown = await numbers(api)
    assert shown["tieout_database_up"] == {(): 1.0}
    assert shown["tieout_records"] == {("customer", "pending"): 2.0}
    assert shown["tieout_records_oldest_seconds"][("customer", "pending")] >= 0
    assert shown["tieout_connections"] == {("quickbooks", "active"): 1.0}
    assert shown["tieout_queue"][("waiting",)] == 1.0
    assert "Secretive" not in (await api.http.get("/metrics")).text


async def test_the_tables_are_not_read_for_every_scrape(api: Api) -> None:
    first = (await api.http.get("/metrics")).text
    world = api.world
    firm = await world.firm()
    await world.connect(firm)
    again = (await api.http.get("/metrics")).text
    pattern = re.compile(r"^tieout_connections.*$", re.MULTILINE)
    assert pattern.findall(first) == pattern.findall(again)


async def test_readiness_tells_how_long_the_oldest_bell_waits(api: Api) -> None:
    shown = (await api.http.get("/readyz")).json()
    assert shown["queue_oldest_seconds"] == 0


async def test_calls_budgets_and_refreshes_are_told_by_provider(api: Api) -> None:
    world = api.world
    firm = await world.firm()
    connection = await world.connect(firm)
    for status in (200, 500):
        await world.ask(firm, connection, Kind.customer, [await world.client(firm)])
        if status == 500:
            world.fault(connection, "/customer", "status", method="POST", status=status)
        await world.work(connection)
    async with world.runtime.db.system() as session:
        await session.exec_driver_sql("UPDATE grants SET version = version + 3")
    shown = await numbers(api)
    calls = {outcome: count for (outcome, _provider), count in shown["tieout_provider_calls"].items()}
    assert set(calls) == {"ok", "refused", "throttled", "failed", "silent"}
    assert calls["ok"] > 0
    assert calls["failed"] == 1
    made = sum(calls.values())
    assert shown["tieout_provider_calls_today_most"] == {("quickbooks",): made}
    assert shown["tieout_provider_calls_this_month"] == {("quickbooks",): made}
    assert shown["tieout_token_refreshes"] == {("quickbooks",): 3.0}
