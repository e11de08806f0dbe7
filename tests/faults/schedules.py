"""Randomized schedules of work and failure: each is run to quiet and compared with the company's own books.

A schedule is its seed. Records of every kind are made, changed, voided and paid; meanwhile calls time out before and
after the vendor's commit, fail, are throttled, break off or come back cut in half; tokens expire or are revoked; the
runner dies before, within and after its transactions and right after a call has left; webhooks come twice and out of
order. In the end nothing is owed, nothing is there twice, nothing is missing, and every sum is equal.

The suite plays a few hundred of them, `make faults` ten thousand. A failure tells its seed and its story, and
`FAULT_SEED=<n> pytest tests/faults/test_schedules.py` plays that one again.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.books import clients as books_clients
from app.books import invoices as books_invoices
from app.books.inputs import ClientIn
from app.canonical import Kind
from app.db.tables import Invoice
from app.errors import Conflict
from app.sync import requests
from tests.faults.comparing import Affair, compare, number_of
from tests.faults.stage import ANY, VENDOR, WRITES, Stage, cleaned, quieted, read_again, turn
from tests.support.world import SIM

CLEANED_EVERY = 20  # schedules after which companies and books begin anew, so that the last is as quick as the first
KINDS = (Kind.customer, Kind.invoice, Kind.journal_entry)


@dataclass(kw_only=True)
class Play(Affair):
    """One schedule under way."""

    stage: Stage
    seed: int
    rng: random.Random
    log: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        self.log.append(what)


async def played(stage: Stage, seed: int) -> Play:
    """Run one schedule to quiet and compare. Raises AssertionError with its story."""
    if stage.done % CLEANED_EVERY == 0:
        await cleaned(stage)
    stage.done += 1
    rng = random.Random(seed)
    provider = rng.choice(sorted(VENDOR))
    play = Play(
        world=stage.world,
        firm=stage.firm,
        provider=provider,
        connection=stage.connections[provider],
        stage=stage,
        seed=seed,
        rng=rng,
    )
    try:
        for _ in range(rng.randint(2, 5)):
            await rng.choice(_ACTS)(play)
            if rng.random() < 0.6:
                await _trouble(play)
            for _ in range(rng.randint(0, 3)):
                if not await turn(stage, play.connection):
                    play.note("the runner died")
        await quieted(stage, play)
        await read_again(play)
        await compare(play)
    except Exception as error:  # whatever went wrong, the seed and its story are what a reader needs
        if "FAULT_SEED" in os.environ:
            raise
        story = "\n  ".join(play.log)
        raise AssertionError(f"seed {seed} ({provider}): {error}\n  {story}") from error
    return play


# --- what people and callers do


async def _new_client(play: Play) -> None:
    client = await play.world.client(play.firm, connection_id=play.connection, email=f"{play.seed}@books.test")
    play.clients.append(client)
    await play.world.ask(play.firm, play.connection, Kind.customer, [client])
    play.note(f"client {client}")


async def _new_invoices(play: Play) -> None:
    if not play.clients:
        await _new_client(play)
    for _ in range(play.rng.randint(1, 4)):
        price = f"{play.rng.randint(1, 999)}.{play.rng.randint(0, 99):02d}"
        invoice = await play.world.invoice(play.firm, play.rng.choice(play.clients), price)
        play.invoices.append(invoice)
        play.note(f"invoice {invoice} at {price}")
    await play.world.ask(play.firm, play.connection, Kind.invoice, play.invoices)


async def _new_journal(play: Play) -> None:
    entry = await play.world.journal(play.firm, f"{play.rng.randint(1, 500)}.25")
    play.journals.append(entry)
    await play.world.ask(play.firm, play.connection, Kind.journal_entry, [entry])
    play.note(f"journal {entry}")


async def _edit_client(play: Play) -> None:
    if not play.clients:
        await _new_client(play)
    client = play.rng.choice(play.clients)
    async with play.world.runtime.db.firm(play.firm) as session:
        change = ClientIn.model_validate({"id": client, "phone": str(play.rng.randint(100, 999))})
        await books_clients.save_clients(session, play.firm, [change])
    play.note(f"phone of client {client}")


async def _void_invoice(play: Play) -> None:
    if not play.invoices:
        await _new_invoices(play)
    invoice = play.rng.choice(play.invoices)
    row = await play.world.row(play.firm, Invoice, invoice)
    if row.status != "approved" or row.amount_paid:
        return
    doc = await _there(play, row.number)
    if doc is not None and Decimal(doc["balance"] or 0) != Decimal(doc["total"]):
        return  # paid there: a void would rightly be refused
    async with play.world.runtime.db.firm(play.firm) as session:
        await books_invoices.void_invoice(session, play.firm, invoice, actor="play")
    play.note(f"void invoice {invoice}")


async def _pay(play: Play) -> None:
    """A customer pays an invoice there; the vendor tells by webhook, once or twice."""
    for invoice in play.invoices:
        row = await play.world.row(play.firm, Invoice, invoice)
        doc = await _there(play, row.number)
        if doc is None or row.status != "approved" or Decimal(doc["balance"] or 0) <= 0:
            continue
        await play.world.act(play.connection, "pay", invoice_id=doc["id"])
        play.note(f"paid invoice {invoice}")
        break
    vendor = VENDOR[play.provider]
    play.stage.feed(play.provider).flush()
    hooks = play.stage.hooks(play.provider)
    await hooks.settled(2)
    if play.rng.random() < 0.4:
        await play.world.http.post(f"{SIM}/_sim/{vendor}/webhooks/replay", json={})
        await hooks.settled(2)
        play.note("webhooks once more")


async def _pull(play: Play) -> None:
    kinds = play.rng.choice([None, [Kind.customer], [Kind.journal_entry]])
    given: dict[str, Any] = {"kinds": kinds, "date_from": None, "date_to": None, "requested_by": "play"}
    try:
        await requests.pull(play.world.runtime.db, play.firm, play.connection, **given)
        play.note("pull")
    except Conflict as refused:
        play.note(f"pull refused: {refused.public_code}")


_ACTS: list[Callable[[Play], Any]] = [
    _new_client,
    _new_invoices,
    _new_invoices,
    _new_journal,
    _edit_client,
    _void_invoice,
    _pay,
    _pull,
]


# --- what goes wrong


async def _trouble(play: Play) -> None:
    what = play.rng.random()
    if what < 0.62:
        _break_calls(play)
    elif what < 0.87:
        at = play.rng.randint(1, 24)
        play.stage.reaper.arm(at)
        play.note(f"dies at step {at}")
    elif what < 0.95:
        vendor = VENDOR[play.provider]
        await play.world.http.post(f"{SIM}/_sim/{vendor}/tokens/expire", json={"grant": "access"})
        play.note("access tokens expire")
    else:
        await play.world.act(play.connection, "disconnect")
        play.note("revoked there")


def _break_calls(play: Play) -> None:
    rng = play.rng
    kind = rng.choice(["status", "status_after", "lost_answer", "lost_answer", "reset", "malformed", "preset"])
    more: dict[str, Any] = {"times": rng.randint(1, 3), "skip": rng.randint(0, 2)}
    if kind in ("status", "status_after"):
        more["status"] = rng.choice([500, 502, 503, 504])
    if kind == "preset":
        more["preset"] = rng.choice(
            ["throttled", "application_error", "gateway_timeout", "fault_in_200"]
            if play.provider == "quickbooks"
            else ["rate_minute", "rate_concurrent", "server_error", "organisation_offline"]
        )
    path = rng.choice([WRITES[play.provider], WRITES[play.provider], ANY])
    play.world.fault(play.connection, path, kind, **more)
    play.note(f"{kind} {more} on {path}")


async def _there(play: Play, number: str) -> Any | None:
    """The document of this number that stands there, if it has arrived."""
    for one in await play.world.documents(play.connection):
        if one["entity"] == "Invoice" and number_of(one) == number and not one.get("voided"):
            return None if one.get("status") == "VOIDED" else one
    return None
