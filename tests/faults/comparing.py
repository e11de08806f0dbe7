"""What every run of failures ends with: it is brought to quiet, and both sides' books are laid beside each other."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.canonical import Kind
from app.db import mappings, status
from app.db.tables import Connection, Invoice
from tests.support.world import World


@dataclass
class Affair:
    """The records that a run made at one company, by our ids."""

    world: World
    firm: int
    provider: str
    connection: int
    clients: list[int] = field(default_factory=list)
    invoices: list[int] = field(default_factory=list)
    journals: list[int] = field(default_factory=list)


async def mend(of: Affair) -> None:
    """Whatever waits has waited long enough; an expired connection is renewed by its person."""
    async with of.world.runtime.db.firm(of.firm) as session:
        found = await session.exec_driver_sql(f"SELECT status FROM connections WHERE id = {of.connection}")
        state = found.scalar_one()
    if state in ("expired", "error"):
        await of.world.connect(of.firm, of.provider)
    await wait(of)


async def wait(of: Affair) -> None:
    """Time passes: whatever waits has waited long enough."""
    await of.world.hurry(of.firm, of.connection)
    await of.world.set(of.firm, Connection, of.connection, budget={})
    await of.world.settle_now(of.firm, of.connection)
    async with of.world.runtime.db.firm(of.firm) as session:
        for table in ("webhook_events", "sync_runs"):
            await session.exec_driver_sql(
                f"UPDATE {table} SET next_due_at = now() WHERE connection_id = {of.connection}"
            )


async def owed(of: Affair) -> list[str]:
    """What is still to be done at the company, in words; empty when all is quiet."""
    async with of.world.runtime.db.firm(of.firm) as session:
        found = await session.exec_driver_sql(
            " UNION ALL ".join(
                f"SELECT '{table} ' || state || ' ' || count(*) AS what FROM {table}"
                f" WHERE connection_id = {of.connection} AND state IN ({states}) GROUP BY state"
                for table, states in (
                    *(
                        (one.__tablename__, "'pending','in_flight','waiting','unknown','parked'")
                        for one in mappings.TABLES.values()
                    ),
                    ("webhook_events", "'pending'"),
                    ("sync_runs", "'queued','running'"),
                    ("write_calls", "'sent','unknown'"),
                )
            )
        )
        return [row.what for row in found]


async def why(of: Affair) -> list[str]:
    """What the connection and the records that are owed say of themselves."""
    async with of.world.runtime.db.firm(of.firm) as session:
        facts = "status, error_message, throttled_until, next_due_at, lease_owner, crashes"
        row = (await session.exec_driver_sql(f"SELECT {facts} FROM connections WHERE id = {of.connection}")).one()
        told = [f"connection {tuple(row)}"]
        for table in mappings.TABLES.values():
            found = await session.exec_driver_sql(
                f"SELECT state, sync_error, next_due_at <= now() AS due, run_id, failures FROM {table.__tablename__}"
                f" WHERE connection_id = {of.connection} AND state NOT IN ('synced', 'superseded')"
            )
            told += [f"{table.__tablename__} {tuple(row)}" for row in found]
    return told


async def compare(of: Affair) -> None:
    """Every record there exactly once, in the state and with the sums that it has here. Raises AssertionError."""
    documents = await of.world.documents(of.connection)
    numbers = Counter(number_of(one) for one in documents if one["entity"] == "Invoice" and stands(one))
    for invoice in of.invoices:
        await _compare_invoice(of, invoice, numbers, documents)
    for entry in of.journals:
        ours = [one for one in documents if f"tieout:j-{entry}" in one["note"].split()]
        assert len(ours) == 1, f"journal {entry} is there {len(ours)} times"
        found = await of.world.mapping(of.firm, Kind.journal_entry, of.connection, entry)
        assert (found.state, found.external_id) == ("synced", ours[0]["id"]), (found.state, found.sync_error)
        assert Decimal(ours[0]["total"]) == found.external_total
    names = Counter(one["name"] for one in (await of.world.ledger(of.connection))["customers"])
    for client in of.clients:
        found = await of.world.mapping(of.firm, Kind.customer, of.connection, client)
        assert found.state == "synced", (client, found.state, found.sync_error)
        assert names[found.external_name] == 1, f"{found.external_name} is there {names[found.external_name]} times"
    async with of.world.runtime.db.firm(of.firm) as session:
        shown = (await status.overview(session, of.firm)).dispositions
    assert shown["accepted"] == sum(shown["by_state"].values())


async def _compare_invoice(of: Affair, invoice: int, numbers: Counter[str], documents: list[Any]) -> None:
    row = await of.world.row(of.firm, Invoice, invoice)
    found = await of.world.mapping(of.firm, Kind.invoice, of.connection, invoice)
    if row.status == "void":
        assert numbers[row.number] == 0, f"void invoice {invoice} stands there {numbers[row.number]} times"
        expected = "superseded" if found.external_id is None else "synced"
        assert found.state == expected, (invoice, found.state, found.sync_error)
        return
    assert numbers[row.number] == 1, f"invoice {invoice} is there {numbers[row.number]} times"
    (there,) = [one for one in documents if one["entity"] == "Invoice" and stands(one) and number_of(one) == row.number]
    assert (found.state, found.external_id) == ("synced", there["id"]), (invoice, found.state, found.sync_error)
    assert (found.external_number, found.external_total) == (row.number, row.total)
    assert Decimal(there["total"]) == row.total
    assert Decimal(there["total"]) - Decimal(there["balance"]) == row.amount_paid, f"invoice {invoice}: paid differs"


def stands(document: Any) -> bool:
    """Whether a document of the company counts: it is neither voided nor deleted."""
    return not document.get("voided") and document.get("status") not in ("VOIDED", "DELETED")


def number_of(document: Any) -> str:
    """The number on a document of the company."""
    return str(document["number"])
