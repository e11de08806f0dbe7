"""A storm: real processes and a real server die while records are made, pushed and paid; in the end all must tie out.

Two workers are killed at random steps of their work, or from outside at random moments; the process that callers and
webhooks reach is killed and started again, and so is the database, by a stop or by a crash. Callers send again what
was not answered, vendors their webhooks. A storm is its seed, but for the timing of processes.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import psycopg
from sqlalchemy.exc import DBAPIError

from app.canonical import ProviderName
from app.crypto import digest
from app.db import api_keys, runs, wakeups
from app.db.session import Unavailable
from app.edge.principals import key_prefix, make_key
from app.errors import AppError
from app.providers.registry import SPECS
from app.settings import Settings
from app.sync import requests
from tests.faults.comparing import Affair, compare, mend, number_of, owed, why
from tests.faults.scene import QUICK, VENDOR, WORKER
from tests.faults.server import Server
from tests.support.processes import Actor, Cast, RemoteWorld, environment, free_port, until

AWAY = (psycopg.Error, DBAPIError, OSError, AppError, Unavailable)  # what this process meets while the database is away
BOOKS = "/api/v1/accounting"
JOURNALS_GO_TO = "xero"  # the firm's default company
QUIET_SECONDS = 90.0
HOOKS = {
    "quickbooks": ("intuit", "/api/webhooks/qbo", "intuit-verifier-old"),
    "xero": ("xero", "/api/webhooks/xero", "xero-key-new"),
}


@dataclass
class Storm:
    """One storm under way. `deaths` counts who died of what, `parked` the records that were set aside for it.

    `told` counts the vendors' events that were answered with 200.
    """

    world: RemoteWorld
    server: Server
    cast: Cast
    env: dict[str, str]
    rng: random.Random
    key: str
    affairs: list[Affair]
    port: int = field(default_factory=free_port)
    deaths: Counter[str] = field(default_factory=Counter)
    parked: int = 0
    told: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    made: int = 0

    @property
    def base(self) -> str:
        """Where callers and vendors reach the service."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self) -> Actor:
        """A web process on the storm's port, answering."""
        command = ("uvicorn", "--factory", "app.main:create_app", "--port", str(self.port), "--log-level", "error")
        actor = await self.cast.start(*command, env=self.env)

        async def answers() -> bool:
            with suppress(httpx.TransportError):
                return (await self.world.http.get(f"{self.base}/livez")).status_code == 200
            return False

        await until("the service answers", answers)
        return actor

    async def worker(self, die_at: int = 0) -> Actor:
        """A worker that dies at this step of its work; 0 lets it live."""
        return await self.cast.start(WORKER, *QUICK, "--pool-timeout", "1", "--die-at", str(die_at), env=self.env)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask as a caller does who was told by nobody that it is done: again, until an answer comes."""
        headers = {"Authorization": f"Bearer {self.key}"}
        said = ""
        for _ in range(300):
            try:
                answer = await self.world.http.post(f"{self.base}{path}", json=body, headers=headers)
            except httpx.TransportError as error:
                said = repr(error)
            else:
                said = answer.text
                if answer.status_code == 200:
                    return dict(answer.json())
                assert answer.status_code in (409, 429, 503), said
            await asyncio.sleep(0.2)
        raise AssertionError(f"no answer to {path}: {said}")

    async def persist(self, path: str, items: list[dict[str, Any]]) -> list[int]:
        """Save records; their ids."""
        return [int(one["id"]) for one in (await self.post(path, {"items": items}))["items"]]

    async def pause(self, seconds: float) -> None:
        """Some time, or less when the storm ends."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)


async def weather(storm: Storm, seconds: float) -> None:
    """Let it blow that long, then bring it to quiet and compare. Raises AssertionError."""
    web = await storm.serve()
    for affair in storm.affairs:
        vendor, path, key = HOOKS[affair.provider]
        await storm.world.control(f"{vendor}/webhooks", url=storm.base + path, key=key)
        await storm.world.control(f"{vendor}/webhooks/switches", factor=0.01, batch_window=0.1, duplicate=True)
        await _cheaply(storm.world, affair)
    doings: list[Coroutine[Any, Any, None]] = [_dying_workers(storm), _dying_workers(storm), _shaking(storm, web)]
    doings += [_life(storm, affair) for affair in storm.affairs]
    async with asyncio.TaskGroup() as tasks:
        for doing in doings:
            tasks.create_task(doing)
        await asyncio.sleep(seconds)
        storm.over.set()
    await _calm(storm)


async def _cheaply(world: RemoteWorld, affair: Affair) -> None:
    """No limit per minute, which has proofs of its own: it would only make a storm long."""
    if affair.provider == "xero":
        await world.control("xero/limits", minute=1_000_000, day=10_000_000)


# --- what goes on


async def _life(storm: Storm, affair: Affair) -> None:
    """Records of every kind are made and paid at one company, until the storm is over."""
    while not storm.over.is_set():
        await _make(storm, affair)
        await _trouble(storm, affair)
        with suppress(*AWAY):
            await _pay(storm, affair)
        await storm.pause(storm.rng.uniform(0.1, 0.6))


async def _make(storm: Storm, affair: Affair) -> None:
    storm.made += 1
    ref = f"{affair.provider}-{storm.made}"
    client = {"external_ref": ref, "name": f"Client {ref}", "currency": "USD", "connection_id": affair.connection}
    affair.clients += await storm.persist(f"{BOOKS}/clients", [client])
    invoices = [_invoice(storm.rng, ref, n) for n in range(storm.rng.randint(1, 6))]
    affair.invoices += await storm.persist(f"{BOOKS}/invoices", invoices)
    if affair.provider == JOURNALS_GO_TO:
        # Many: nothing there refuses a second one, so that it is they who show a write that was carried out twice.
        entries = [_journal(storm.rng, f"{ref}-{n}") for n in range(storm.rng.randint(1, 6))]
        affair.journals += await storm.persist(f"{BOOKS}/journal-entries", entries)


def _invoice(rng: random.Random, ref: str, n: int) -> dict[str, Any]:
    price = Decimal(rng.randint(100, 99_999)) / 100
    return {
        "external_ref": f"{ref}-{n}",
        "number": f"S-{ref}-{n}",
        "client_ref": ref,
        "issue_date": "2026-11-02",
        "due_date": "2026-12-02",
        "currency": "USD",
        "lines": [
            {
                "description": "Work",
                "quantity": "1",
                "unit_price": str(price),
                "account_code": "4000",
                "item_code": "WORK",
                "tax_code": "FREE",
            }
        ],
        "subtotal": str(price),
        "tax_total": "0",
        "total": str(price),
        "status": "approved",
    }


def _journal(rng: random.Random, ref: str) -> dict[str, Any]:
    amount = f"{rng.randint(1, 500)}.25"
    return {
        "external_ref": f"j-{ref}",
        "number": f"J-{ref}",
        "date": "2026-11-02",
        "narration": "Rent",
        "currency": "USD",
        "lines": [{"account_code": "6000", "debit": amount}, {"account_code": "4000", "credit": amount}],
        "status": "posted",
    }


async def _trouble(storm: Storm, affair: Affair) -> None:
    """Now and then a call fails, before or after the vendor's commit."""
    if storm.rng.random() > 0.4:
        return
    kind = storm.rng.choice(["status", "status_after", "lost_answer", "reset", "malformed", "slow"])
    more: dict[str, Any] = {"times": storm.rng.randint(1, 2), "skip": storm.rng.randint(0, 2)}
    if kind.startswith("status"):
        more["status"] = storm.rng.choice([500, 502, 503])
    if kind in ("slow", "lost_answer"):
        more["delay"] = storm.rng.uniform(0.2, 1.0)
    await storm.world.arm(VENDOR[affair.provider], "/v3/company/|/api.xro/", kind, **more)


async def _pay(storm: Storm, affair: Affair) -> None:
    """A customer pays in full at the vendor, who tells by webhook, twice."""
    documents = await storm.world.documents(affair.connection)
    open_ones = [
        one["id"]
        for one in documents
        if one["entity"] == "Invoice" and number_of(one).startswith("S-") and Decimal(one["balance"] or 0) > 0
    ]
    if open_ones:
        await storm.world.act(affair.connection, "pay", invoice_id=storm.rng.choice(open_ones))


# --- what dies


async def _dying_workers(storm: Storm) -> None:
    """One after the other, each at a step of its own."""
    while not storm.over.is_set():
        actor = await storm.worker(storm.rng.randint(1, 30))
        gone = asyncio.create_task(actor.process.wait())
        end = asyncio.create_task(storm.over.wait())
        await asyncio.wait({gone, end}, timeout=storm.rng.uniform(3, 7), return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        storm.deaths["worker, at a step" if gone.done() else "worker, from outside"] += 1
        if not gone.done():
            await actor.kill()
        await gone
        if actor.process.returncode != -9:
            raise AssertionError(f"a worker ended by itself: {actor.process.returncode}\n{actor.tail()}")


async def _shaking(storm: Storm, web: Actor) -> None:
    """The web process and the database go away and come back."""
    while not storm.over.is_set():
        await storm.pause(storm.rng.uniform(2, 5))
        what = storm.rng.random()
        if what < 0.6:
            await web.kill()
            storm.deaths["web"] += 1
            await storm.pause(storm.rng.uniform(0, 0.5))
            web = await storm.serve()
        else:
            down = storm.server.stop if what < 0.8 else storm.server.crash
            await asyncio.to_thread(down)
            storm.deaths["database, stopped" if what < 0.8 else "database, crashed"] += 1
            await storm.pause(storm.rng.uniform(0, 1.5))
            await asyncio.to_thread(storm.server.start)


# --- to quiet


async def _calm(storm: Storm) -> None:
    """Nothing dies any more: what is owed is done, what was paid is read, and both books are compared."""
    cleared = await storm.world.http.delete(f"{storm.world.base}/_sim/faults")
    assert cleared.is_success, cleared.text
    worker = await storm.worker()
    for affair in storm.affairs:
        await _quiet(storm, affair)
        await _arrived(storm, affair)
        await _read_again(storm, affair)
        await compare(affair)
    assert worker.process.returncode is None, worker.tail()


async def _retried(storm: Storm, affair: Affair) -> None:
    """So many deaths in a row park what was at hand, as they must; a person looks, and has it tried again."""
    for kind in ("customer", "invoice", "journal_entry"):
        which = {"state": "parked", "connection_id": affair.connection}
        storm.parked += (await storm.post(f"{BOOKS}/mappings/{kind}/retry", which))["count"]


async def _arrived(storm: Storm, affair: Affair) -> None:
    """Every event whose post was answered with 200 is in the inbox, whoever died right after; the table has it once."""
    vendor, *_ = HOOKS[affair.provider]
    posted = (await storm.world.look(f"{vendor}/webhooks"))["deliveries"]
    read = SPECS[ProviderName(affair.provider)].read_webhook
    answered = {event.event_key for one in posted if one["done"] for event in read(one["body"].encode())}
    async with storm.world.runtime.db.system() as session:
        rows = await session.exec_driver_sql(
            f"SELECT event_key FROM webhook_events WHERE provider = '{affair.provider}'"
        )
        kept = {row.event_key for row in rows}
    assert answered <= kept, f"{len(answered - kept)} of {len(answered)} events were answered with 200 and are lost"
    storm.told += len(answered)


async def _quiet(storm: Storm, affair: Affair) -> None:
    async def nothing_owed() -> bool:
        # The worker may park only now what its predecessors died over; that counts as owed here.
        await _retried(storm, affair)
        # The worker writes the same rows: where the two stand in each other's way, the next round does it.
        with suppress(*AWAY):
            await mend(affair)
        await wakeups.wake(storm.world.runtime.db, affair.connection)
        await asyncio.sleep(0.3)
        return not await owed(affair)

    try:
        await until("nothing is owed", nothing_owed, QUIET_SECONDS)
    except AssertionError as error:
        raise AssertionError(f"{affair.provider}: {await owed(affair)} {await why(affair)}") from error


async def _read_again(storm: Storm, affair: Affair) -> None:
    """A person asks for a pull, and once more where the storm has used up the calls of this minute."""
    given: dict[str, Any] = {"kinds": None, "date_from": None, "date_to": None, "requested_by": "storm"}

    async def read() -> bool:
        run_id = await requests.pull(storm.world.runtime.db, affair.firm, affair.connection, **given)
        await _quiet(storm, affair)
        async with storm.world.runtime.db.firm(affair.firm) as session:
            run = await runs.get(session, affair.firm, run_id)
        assert run.state == "done" or run.error["code"] == "rate_limited", (run.state, run.error)
        return bool(run.state == "done")

    await until("all is read", read, QUIET_SECONDS, every=5)


async def gathered(world: RemoteWorld, settings: Settings, server: Server, cast: Cast, seed: int) -> Storm:
    """A firm with both companies, its key, and everything that is to suffer."""
    firm = await world.firm()
    affairs = [Affair(world, firm, name, await world.connect(firm, name)) for name in VENDOR]
    async with world.runtime.db.firm(firm) as session:
        (default,) = [one.connection for one in affairs if one.provider == JOURNALS_GO_TO]
        await session.exec_driver_sql(f"UPDATE firms SET default_connection_id = {default}")
    key = make_key("test")
    async with world.runtime.db.system() as session:
        await api_keys.create(
            session,
            firm,
            name="storm",
            prefix=key_prefix(key),
            key_hash=digest(key),
            role="member",
            expires_at=None,
        )
    return Storm(world, server, cast, environment(settings), random.Random(seed), key, affairs)
