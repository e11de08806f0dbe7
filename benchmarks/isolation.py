"""Whether one connection with ten thousand waiting events slows a thousand others."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import httpx

from app.db import owners
from benchmarks.results import Figure
from benchmarks.scaling import quiet, workers
from benchmarks.stage import database, percentile, settings_for, vendors, web
from tests.support.crowd import Member, crowd
from tests.support.processes import RemoteWorld, remote_world, until

OTHERS, BACKLOG = 1_000, 10_000
ENOUGH = 500  # so many of the others' events must have come while the backlog lasted
WARM = 150  # a worker that has just started also looks through all firms for what is to be forgotten
A_SECOND = 10  # events for the others
CALL_SECONDS = 0.25
BATCH, DELIVERY = 30, 100
KEY = b"intuit-verifier-old"
SEEDED_CUSTOMER = "1"  # every company like the US one has it
PATIENCE = 280.0


async def measure() -> AsyncIterator[Figure]:
    """The 99th percentile of the others' latency while the backlog lasts, beside that of the same events without it."""
    with database() as (server, name):
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(vendors())
            settings = settings_for(server.login_url(name), base)
            world = await stack.enter_async_context(remote_world(settings, base))
            serving = await stack.enter_async_context(web("app.main:create_app", settings))
            busy, *others = await crowd(world, 1 + OTHERS)
            changed = await _records(world, busy)
            await stack.enter_async_context(workers(world, settings, 1))
            await until("the connections are quiet", lambda: quiet(world), PATIENCE)
            await world.arm("intuit", "/v3/company/", "slow", delay=CALL_SECONDS, times=10_000_000)
            door = f"{serving}/api/webhooks/qbo"
            await _latencies(world, door, others[:WARM])
            idle = await _latencies(world, door, others)
            await asyncio.gather(*(_deliver(world, door, busy, part) for part in _parts(changed)))
            begun = await _left(world, busy)
            await _latencies(world, door, others)
            loaded = await _during(world, busy, others)
            yield _figure(idle, loaded, begun)


def _figure(idle: Sequence[float], loaded: Sequence[float], begun: int) -> Figure:
    quiet_most, loud_most = percentile(list(idle), 0.99), percentile(list(loaded), 0.99)
    return Figure(
        name=f"webhook accepted → handled, {OTHERS:,} connections, while {BACKLOG:,} events of another wait",
        ours=loud_most,
        beside=quiet_most,
        beside_what="the same without the backlog",
        ratio=loud_most / quiet_most,
        target="p99 ≤ 2 ×",
        kept=loud_most <= 2 * quiet_most and len(loaded) >= ENOUGH,
        unit="s (p99)",
        note=f"p50 {percentile(list(loaded), 0.5):.3f} s, idle {percentile(list(idle), 0.5):.3f} s;"
        f" {begun:,} waiting at the first event; {len(loaded):,} events came while any waited;"
        f" {CALL_SECONDS:g} s a call, {A_SECOND} events/s",
    )


async def _records(world: RemoteWorld, member: Member) -> list[str]:
    """Ten thousand customers at the company; their ids."""
    async with world.runtime.db.firm(member.firm) as session:
        row = await owners.connection(session, member.firm, member.connection)
    token = await world.runtime.vault.tokens(row.grant_id).access_token()
    url = f"{world.base}/intuit/v3/company/{member.company}/batch"
    found: list[str] = []
    for first in range(0, BACKLOG, BATCH):
        items = [
            {"bId": str(n), "operation": "create", "Customer": {"DisplayName": f"Changed {n}"}}
            for n in range(first, min(first + BATCH, BACKLOG))
        ]
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer = await world.http.post(url, json={"BatchItemRequest": items}, headers=headers)
        found += [one["Customer"]["Id"] for one in answer.json()["BatchItemResponse"]]
    return found


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[first : first + DELIVERY] for first in range(0, len(ids), DELIVERY)]


async def _latencies(world: RemoteWorld, door: str, others: Sequence[Member]) -> list[float]:
    """Seconds from commit at the door to commit of what came of it, by the database's own clock."""
    begun = datetime.now(UTC)
    loop = asyncio.get_running_loop()
    start = loop.time()
    sent = []
    for number, member in enumerate(others):
        await asyncio.sleep(start + number / A_SECOND - loop.time())
        sent.append(asyncio.create_task(_deliver(world, door, member, [SEEDED_CUSTOMER])))
    await asyncio.gather(*sent)
    connections = [member.connection for member in others]

    async def handled() -> list[float]:
        async with world.runtime.db.system() as session:
            rows = await session.exec_driver_sql(
                "SELECT extract(epoch FROM handled_at - created_at)::float8 AS seconds FROM webhook_events"
                " WHERE created_at >= $1 AND connection_id = ANY($2) AND state = 'done'",
                (begun, connections),
            )
            found = [row.seconds for row in rows]
        return found if len(found) == len(others) else []

    found: list[float] = await until("every event of the others is handled", handled, PATIENCE)
    return found


async def _during(world: RemoteWorld, busy: Member, others: Sequence[Member]) -> list[float]:
    """The latencies of those events of the others that came while some of the backlog waited."""
    async with world.runtime.db.system() as session:
        rows = await session.exec_driver_sql(
            "SELECT extract(epoch FROM e.handled_at - e.created_at)::float8 AS seconds FROM webhook_events e,"
            " (SELECT min(created_at) AS first, max(handled_at) AS last FROM webhook_events WHERE connection_id = $1) b"
            " WHERE e.connection_id = ANY($2) AND e.state = 'done' AND e.created_at BETWEEN b.first AND b.last",
            (busy.connection, [member.connection for member in others]),
        )
        return [row.seconds for row in rows]


async def _deliver(world: RemoteWorld, door: str, member: Member, ids: Sequence[str]) -> None:
    events = [
        {
            "specversion": "1.0",
            "id": secrets.token_hex(16),
            "source": "intuit.bench",
            "type": "qbo.customer.updated.v1",
            "datacontenttype": "application/json",
            "time": datetime.now(UTC).isoformat(),
            "intuitentityid": external_id,
            "intuitaccountid": member.company,
            "data": {},
        }
        for external_id in ids
    ]
    body = json.dumps(events).encode()
    signature = base64.b64encode(hmac.new(KEY, body, hashlib.sha256).digest()).decode()
    headers = {"intuit-signature": signature, "Content-Type": "application/json"}
    answer = await world.http.post(door, content=body, headers=headers)
    if answer.status_code != httpx.codes.OK:
        raise AssertionError(answer.text)


async def _left(world: RemoteWorld, member: Member) -> int:
    async with world.runtime.db.system() as session:
        found = await session.exec_driver_sql(
            "SELECT count(*) FROM webhook_events WHERE state = 'pending' AND connection_id = $1", (member.connection,)
        )
        return int(found.scalar_one())
