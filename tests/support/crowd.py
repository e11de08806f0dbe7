"""Many firms, each with a QuickBooks company of its own: what a service for a thousand bookkeepers has to serve."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.db import inbox
from app.db.tables import Connection
from tests.support.world import World

AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class Member:
    """One firm, its connection, and the company there."""

    firm: int
    connection: int
    company: str


async def crowd(world: World, count: int) -> list[Member]:
    """So many firms, connected by the real journey. Nothing is scheduled for them within the next day."""
    answer = await world.http.post(f"{world.base}/_sim/intuit/companies", json={"count": count})
    assert answer.status_code == 200, answer.text
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(company: str) -> Member:
        async with gate:
            firm = await world.firm(f"Firm of {company}")
            connection = await world.connect(firm, "quickbooks", company)
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            await world.set(firm, Connection, connection, next_sync_at=tomorrow, next_nightly_at=tomorrow)
            return Member(firm, connection, company)

    return list(await asyncio.gather(*map(one, answer.json()["realms"])))


def customers(world: World, company: str, count: int) -> list[str]:
    """So many new customers at a company of the simulators in this process; their ids."""
    books = world.sims.intuit.companies[company]
    pattern = next(iter(books.tables["Customer"].rows.values()))
    keys = [books.next_id("name") for _ in range(count)]
    for key in keys:
        books.store("Customer", key, {**pattern, "DisplayName": f"Changed {key}"}, "created")
    return keys


async def told(world: World, company: str, external_ids: Sequence[str], kind: str = "customer") -> None:
    """Events about records of a company, in the inbox as the door stores them; nobody is woken."""
    events = [
        {
            "provider": "quickbooks",
            "event_key": f"{company}-{kind}-{external_id}",
            "company_id": company,
            "kind": kind,
            "external_id": external_id,
            "operation": "updated",
            "label": "Customer",
            "occurred_at": None,
        }
        for external_id in external_ids
    ]
    async with world.runtime.db.system() as session:
        await inbox.store(session, [inbox.Delivery("quickbooks", "", tuple(events))])
