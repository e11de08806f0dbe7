"""How the inbox machine does what its rules say, what the inbox must hold, and how both sides compare in the end."""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

import httpx
import pytest

from app.canonical import Kind
from app.db import inbox, work
from app.db.session import Unavailable
from app.db.tables import Client, Invoice
from app.sync import replaying
from simulators.core.webhooks import corrupted
from tests.faults.comparing import stands, wait
from tests.faults.machines import Machine
from tests.faults.stage import DOORS, KEYS, MOST_ROUNDS, VENDOR, quieted, read_again, turn

T = TypeVar("T")
SIGNATURE = {"quickbooks": "intuit-signature", "xero": "x-xero-signature"}
NEVER = 3600.0  # seconds that events wait to be told together, unless somebody collects them
READ = (Kind.invoice, Kind.payment, Kind.customer)


@dataclass(frozen=True, eq=False)
class Post:
    """One delivery as the vendor sent it."""

    body: bytes
    headers: dict[str, str]


@dataclass
class Mailbox(httpx.AsyncBaseTransport):
    """Takes what a vendor posts, and keeps it."""

    posts: list[Post] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Always 200: delivering is the story's."""
        kept = {name: text for name, text in request.headers.items() if name not in ("host", "content-length")}
        self.posts.append(Post(await request.aread(), kept))
        return httpx.Response(200)


class InboxDeeds(Machine):
    """Deeds at the company and at our door.

    `answered`: bodies that were answered 200, as often as they were; `told` and `lost`: posts that arrived, and those
    that the vendor gave up on; `known`, `paid`: the ids of the story's invoices and payments there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mailbox = Mailbox()
        self.answered: Counter[bytes] = Counter()
        self.told: set[Post] = set()
        self.lost: set[Post] = set()
        self.known: list[str] = []
        self.paid: list[str] = []

    async def _begin(self, provider: str) -> list[str]:
        await self.opening(provider)
        world = self.of.world
        async with world.runtime.db.system() as session:
            await session.exec_driver_sql("DELETE FROM webhook_deliveries")
        hooks = self.stage.hooks(provider)
        self.stage.feed(provider).reset()
        hooks.reset()
        hooks.transport, hooks.batch_window = self.mailbox, NEVER
        hooks.target("http://localhost:8000/", KEYS[provider])
        self.of.clients = [await world.client(self.of.firm, name="Client", connection_id=self.of.connection)]
        self.of.invoices = [
            await world.invoice(self.of.firm, self.of.clients[0], number=number) for number in ("T-1", "T-2")
        ]
        await world.ask(self.of.firm, self.of.connection, Kind.invoice, self.of.invoices)
        await self._told(world.work(self.of.connection))
        for invoice in self.of.invoices:
            found = await world.mapping(self.of.firm, Kind.invoice, self.of.connection, invoice)
            self.known.append(found.external_id)
        return list(self.known)

    async def _told(self, act: Coroutine[Any, Any, T]) -> T:
        """Something happens at the company, and its vendor posts it."""
        done = await act
        self.stage.feed(self.of.provider).flush()
        assert await self.stage.hooks(self.of.provider).settled()
        return done

    def _posted(self, back: int) -> Post:
        return self.mailbox.posts[-1 - back % len(self.mailbox.posts)]

    async def _post(self, provider: str, body: bytes, headers: dict[str, str]) -> int:
        transport = httpx.ASGITransport(app=self.stage.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as vendor:
            answer = await vendor.post(f"/api/webhooks/{DOORS[provider]}", content=body, headers=headers)
        assert answer.content == b""
        return answer.status_code

    async def _deliver(self, post: Post) -> int:
        status = await self._post(self.of.provider, post.body, post.headers)
        if status == 200:
            self.answered[post.body] += 1
            self.told.add(post)
        return status

    async def _deliver_together(self, several: list[Post]) -> list[int]:
        return await asyncio.gather(*(self._deliver(post) for post in several))

    async def _forge(self, post: Post, how: str) -> int:
        name = SIGNATURE[self.of.provider]
        headers, body, provider = dict(post.headers), post.body, self.of.provider
        if how == "signature":
            headers[name] = corrupted(headers[name])
        elif how == "body":
            body += b" "
        elif how == "door":
            provider = next(other for other in VENDOR if other != provider)
            headers[SIGNATURE[provider]] = headers.pop(name)
        else:
            del headers[name]
        return await self._post(provider, body, headers)

    async def _turn_away(self, post: Post) -> int:
        async def away(*_: Any) -> Any:
            raise Unavailable("The database is away.")

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(inbox, "store", away)
            return await self._deliver(post)

    async def _replay(self, state: str | None) -> None:
        given: dict[str, Any] = {"connection_id": self.of.connection, "state": state, "actor": "operator"}
        async with self.of.world.runtime.db.firm(self.of.firm) as session:
            await replaying.replay(session, self.of.firm, **given)

    async def _pay(self, invoice: str, cents: int) -> list[str]:
        done = await self.act("pay", invoice_id=invoice, amount=f"{Decimal(cents) / 100:.2f}")
        if done is None:
            return []
        self.paid.append(done["payment_id"])
        return [done["payment_id"]]

    async def _enter(self, cents: int) -> list[str]:
        found = await self.of.world.mapping(self.of.firm, Kind.customer, self.of.connection, self.of.clients[0])
        price = f"{Decimal(cents) / 100:.2f}"
        if self.of.provider == "quickbooks":
            line = {"ItemRef": {"value": "2"}, "TaxCodeRef": {"value": "NON"}}
            lines = [{"Amount": price, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": line}]
            fields: dict[str, Any] = {"CustomerRef": {"value": found.external_id}, "Line": lines}
        else:
            line_item = {"Description": "By hand", "Quantity": "1", "UnitAmount": price, "AccountCode": "200"}
            fields = {"Type": "ACCREC", "Status": "AUTHORISED", "Contact": {"ContactID": found.external_id}}
            fields |= {"Date": "2026-11-20", "DueDate": "2026-12-20", "LineItems": [line_item]}
        done = await self.act("create_document", entity="Invoice", **fields)
        assert done is not None
        self.known.append(done["id"])
        return [done["id"]]

    async def _edit_customer(self, phone: str) -> None:
        found = await self.of.world.mapping(self.of.firm, Kind.customer, self.of.connection, self.of.clients[0])
        if self.of.provider == "quickbooks":
            change: dict[str, Any] = {"PrimaryPhone": {"FreeFormNumber": phone}}
        else:
            change = {"Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": phone}]}
        await self.act("edit_customer", customer_id=found.external_id, **change)

    # --- the end of a story

    async def ending(self) -> None:
        """What is not lost arrives in the end, and no bell rings: the sweep finds what is owed.

        If nothing was lost, what was told made our books as theirs are, before anybody asks for a pull. What happened
        while there was no consent, which Xero does not tell, is read by itself once there is one.
        """
        await self.all_works()
        if self.renewed:
            await turn(self.stage, self.of.connection)
        missing = [post for post in self.mailbox.posts if post not in self.told]
        for post in missing:
            if post not in self.lost:
                assert await self._deliver(post) == 200
        await self._swept()
        await self._replay("parked")  # over which runners died again and again: a person says when to try once more
        await self._swept()
        await self._check_inbox()
        await self._nothing_left()
        if self.lost.isdisjoint(missing):
            await self._compare_money()
        for kind in READ:
            await read_again(self.of, [kind])
        await quieted(self.stage, self.of)
        await self._compare_money()
        await self._compare_copies()

    async def _swept(self) -> None:
        """Runners work as long as the sweep finds something owed at the company."""
        for _ in range(MOST_ROUNDS):
            await wait(self.of)
            async with self.of.world.runtime.db.system() as session:
                found = {*await work.forgotten(session), *await work.abandoned(session)}
            if self.of.connection not in found:
                return
            await turn(self.stage, self.of.connection)
        raise AssertionError("the sweep finds something owed again and again")

    async def _nothing_left(self) -> None:
        async with self.of.world.runtime.db.firm(self.of.firm) as session:
            left = await inbox.page(session, self.of.firm, after=None, limit=1000)
        assert {one.state for one in left} <= {"done", "ignored"}, [(one.label, one.state, one.reason) for one in left]

    async def _compare_money(self) -> None:
        """What is paid of our invoices is what their company says; and so is each payment."""
        documents = {one["id"]: one for one in await self.of.world.documents(self.of.connection)}
        for invoice in self.of.invoices:
            row = await self.of.world.row(self.of.firm, Invoice, invoice)
            found = await self.of.world.mapping(self.of.firm, Kind.invoice, self.of.connection, invoice)
            there = documents.get(found.external_id)
            if there is None or not stands(there):
                assert (found.state, row.amount_paid) == ("conflict", 0), (invoice, found.state, row.amount_paid)
                continue
            owed = Decimal(there["total"]) - Decimal(there["balance"])
            assert (found.state, row.amount_paid) == ("synced", owed), (invoice, found.state, row.amount_paid, owed)

    async def _compare_copies(self) -> None:
        """The copies of all documents of the story, its payments and its customer are as they stand there."""
        documents = {one["id"]: one for one in await self.of.world.documents(self.of.connection)}
        async with self.of.world.runtime.db.firm(self.of.firm) as session:
            found = await session.exec_driver_sql(
                "SELECT external_id, gone OR record ->> 'state' IN ('voided', 'deleted') AS ended, record"
                f" FROM remote_records WHERE kind = 'invoice' AND connection_id = {self.of.connection}"
            )
            copies = {row.external_id: row for row in found}
            found = await session.exec_driver_sql(
                f"SELECT external_id, active, amount FROM payments WHERE connection_id = {self.of.connection}"
            )
            payments = {row.external_id: row.amount for row in found if row.active}
        for invoice in self.known:
            there, copy = documents.get(invoice), copies.get(invoice)
            if there is None or not stands(there):
                assert copy is None or copy.ended, f"{invoice} does not stand there: {copy}"
                continue
            assert copy is not None, f"{invoice} was never read"
            assert not copy.ended, f"{invoice} stands there: {copy}"
            ours = (Decimal(copy.record["total"]), Decimal(copy.record["balance"]))
            assert ours == (Decimal(there["total"]), Decimal(there["balance"])), f"{invoice}: {copy.record}, {there}"
        standing = {one: documents[one] for one in self.paid if one in documents and stands(documents[one])}
        assert {one: payments.get(one) for one in self.paid if one in payments} == {
            one: Decimal(there["total"]) for one, there in standing.items()
        }
        client = await self.of.world.row(self.of.firm, Client, self.of.clients[0])
        mapping = await self.of.world.mapping(self.of.firm, Kind.customer, self.of.connection, client.id)
        (theirs,) = await self.of.world.fetch(
            self.of.firm, self.of.connection, Kind.customer, [str(mapping.external_id)]
        )
        assert (client.phone, mapping.state) == (theirs.customer.phone, "synced")

    # --- what the inbox must hold

    async def _check_inbox(self) -> None:
        async with self.of.world.runtime.db.system() as session:
            kept = await session.exec_driver_sql("SELECT body FROM webhook_deliveries")
            assert Counter(bytes(row.body) for row in kept) == self.answered
            held = await session.exec_driver_sql("SELECT company_id, external_id FROM webhook_events")
            events = Counter((row.company_id, row.external_id) for row in held)
        told = {event for body in self.answered for event in self._events(body)}
        assert events == Counter((company, record) for company, record, _ in told)

    def _events(self, body: bytes) -> list[tuple[str, str, str]]:
        """Company, record and identity of each event of a body, in the vendor's own words."""
        said = json.loads(body)
        if self.of.provider == "quickbooks":
            return [(one["intuitaccountid"], one["intuitentityid"], one["id"]) for one in said]
        return [(one["tenantId"], one["resourceId"].lower(), json.dumps(one)) for one in said["events"]]
