"""Many firms, each with a QuickBooks company of its own: what a service for a thousand bookkeepers has to serve."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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
