"""A page takes at most one and a half times as long as the JSON routes that hold what it shows, over a filled firm.

Compared is the faster quarter of the requests of each: what is measured is the page, not what else the machine does.
"""

import statistics
import time

import httpx
import pytest
from sqlalchemy import text

from app.web.tables import PAGE
from tests.support.api import BOOKS
from tests.support.pages import Pages

ROUNDS = 25
PAIRS = [
    # page, and the routes that hold what it shows
    ("/", f"{BOOKS}/connections"),
    ("/activity", f"{BOOKS}/runs?limit={PAGE}", f"{BOOKS}/connections"),  # to filter by
    ("/activity/documents", f"{BOOKS}/mappings/invoice?limit={PAGE}", f"{BOOKS}/invoices?limit={PAGE}"),
    ("/attention", "/api/sync/status"),
    (
        "/mapping/account",
        f"{BOOKS}/account-mappings?limit={PAGE}",
        f"{BOOKS}/account-mappings/suggestions?provider=quickbooks",
        f"{BOOKS}/remote-records?kind=account",
        f"{BOOKS}/connections",
    ),
    ("/files", f"{BOOKS}/export-logs?limit={PAGE}", f"{BOOKS}/connections"),
    ("/files/import", f"{BOOKS}/import-batches?limit={PAGE}", f"{BOOKS}/connections"),
    ("/reports", "/api/sync/status"),
    ("/reports/reconciliation", f"{BOOKS}/connections/1/reconciliation"),
    ("/settings/audit", f"{BOOKS}/audit-events?limit={PAGE}"),
    ("/settings/events", f"{BOOKS}/webhook-events", f"{BOOKS}/webhook-events/summary"),
]
FILL = """
    INSERT INTO invoices (firm_id, number, client_id, issue_date, due_date, currency, tax_mode, subtotal, tax_total,
        total, status)
    SELECT :firm, 'N-' || n, :client, current_date - n % 80, current_date, 'USD', 'none', 10, 0, 10, 'approved'
    FROM generate_series(1, 2000) n;
    INSERT INTO invoice_lines (firm_id, invoice_id, position, description, quantity, unit_price, amount, account_code)
    SELECT :firm, id, 1, 'Line', 1, 10, 10, '4000' FROM invoices WHERE number LIKE 'N-%';
    INSERT INTO invoice_sync_mappings (firm_id, connection_id, invoice_id, external_id, external_number, external_total,
        state, base_revision) SELECT :firm, :connection, id, 'x' || id, number, 10, 'synced', 1
    FROM invoices WHERE number LIKE 'N-%';
    INSERT INTO sync_runs (firm_id, connection_id, action, state, counts, finished_at)
    SELECT :firm, :connection, 'pull', 'done', '{"seen": 3}', now() FROM generate_series(1, 200);
    INSERT INTO audit_events (firm_id, actor, action) SELECT :firm, 'key:1', 'test' FROM generate_series(1, 200)
"""


async def seconds(http: httpx.AsyncClient, path: str) -> float:
    """What one request takes."""
    started = time.perf_counter()
    answer = await http.get(path)
    taken = time.perf_counter() - started
    assert answer.status_code == 200, path
    return taken


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_pages_keep_up_with_their_routes(pages: Pages) -> None:
    world = pages.api.world
    firm = await world.firm()
    connection = await world.connect(firm)
    client = await world.client(firm)
    async with world.runtime.db.firm(firm) as session:
        for statement in FILL.split(";"):
            bound = {"firm": firm, "client": client, "connection": connection}
            wanted = {name: value for name, value in bound.items() if f":{name}" in statement}
            await session.execute(text(statement.replace('{"seen": 3}', '{"seen"\\: 3}')), wanted)
    person, caller = await pages.person(firm), await pages.api.caller(firm)
    found = {}
    for page, *routes in PAIRS:
        taken: dict[str, list[float]] = {path: [] for path in (page, *routes)}
        for _ in range(ROUNDS):  # in turns, so that a busy machine is busy for both
            for path, all_of_it in taken.items():
                all_of_it.append(await seconds(person.http if path == page else caller, path))
        usual = {path: statistics.quantiles(all_of_it, n=4)[0] for path, all_of_it in taken.items()}
        found[page] = round(usual[page] / sum(usual[route] for route in routes), 2)
    assert {page: ratio for page, ratio in found.items() if ratio > 1.5} == {}, found
