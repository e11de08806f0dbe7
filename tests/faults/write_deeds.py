"""How the write machine does what its rules say, looks at both sides, and mends everything in the end."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.books import clients as books_clients
from app.books import invoices as books_invoices
from app.books.inputs import ClientIn, InvoiceIn
from app.canonical import Kind
from app.db import mappings, status
from app.db.mending import Choice
from app.db.sync_tables import SyncRun
from app.db.tables import Client, Invoice
from app.errors import AppError
from app.sync import mending, requests
from app.sync.controlling import Act, control
from simulators.intuit import ledger_view
from simulators.xero import documents_at_hand
from tests.faults.comparing import compare, stands, wait, why
from tests.faults.machines import Machine
from tests.faults.stage import quieted, read_again

KINDS = (Kind.customer, Kind.invoice, Kind.journal_entry)
QUIET = ("synced", "unchanged", "superseded")
ROUNDS = 12
# What a person may archive there that our invoices need.
NEEDED = {
    "quickbooks": (("archive", {"entity": "Item", "id": "2"}), ("restore", {"entity": "Item", "id": "2"})),
    "xero": (("archive_account", {"account": "200"}), ("restore_account", {"account": "200"})),
}
_LINKED_TWICE = """
    SELECT 'mapping ' || m.id || ' was linked to ' || string_agg(a.external_id, ', ') AS what
    FROM {table} m JOIN (SELECT DISTINCT mapping_id, external_id FROM write_attempts
        WHERE mapping_kind = '{kind}' AND operation = 'create' AND outcome = 'written') a ON a.mapping_id = m.id
    GROUP BY m.id, m.generation HAVING count(*) > m.generation
    UNION ALL
    SELECT '{kind} ' || external_id || ' was linked to mappings ' || string_agg(DISTINCT mapping_id::text, ', ')
    FROM write_attempts WHERE mapping_kind = '{kind}' AND outcome = 'written'
    GROUP BY external_id HAVING count(DISTINCT mapping_id) > 1"""


class WriteDeeds(Machine):
    """Deeds on both sides, and what is to be seen of them."""

    # --- how it is done

    def _journal(self, cents: int) -> int:
        """No vendor keeps its number unique: nothing but our own care keeps it from being there twice."""
        self.of.journals.append(self.go(self.of.world.journal(self.of.firm, str(Decimal(cents) / 100))))
        return self.of.journals[-1]

    async def _long_after(self) -> None:
        """No vendor remembers a key any more, so that what is in doubt has to be looked up."""
        async with self.of.world.runtime.db.firm(self.of.firm) as session:
            await session.exec_driver_sql("UPDATE write_calls SET created_at = created_at - interval '1 day'")
        await wait(self.of)

    async def _save_client(self, given: dict[str, Any]) -> int:
        async with self.of.world.runtime.db.firm(self.of.firm) as session:
            done = await books_clients.save_clients(session, self.of.firm, [ClientIn.model_validate(given)])
        return done.outcomes[0].id

    async def _save_invoice(self, given: dict[str, Any], cents: int) -> int:
        async with self.of.world.runtime.db.firm(self.of.firm) as session:
            model = InvoiceIn.model_validate(_document(cents) | given)
            done = await books_invoices.save_invoices(session, self.of.firm, [model])
        return done.outcomes[0].id

    async def _change_invoice(self, invoice: int, cents: int) -> None:
        row = await self.of.world.row(self.of.firm, Invoice, invoice)
        if row.status == "approved" and not row.amount_paid and not self._paid_there(invoice):
            await self._save_invoice({"id": invoice, "client_id": row.client_id, "number": row.number}, cents)

    async def _void_invoice(self, invoice: int) -> None:
        row = await self.of.world.row(self.of.firm, Invoice, invoice)
        if row.status == "approved" and not row.amount_paid and not self._paid_there(invoice):
            async with self.of.world.runtime.db.firm(self.of.firm) as session:
                await books_invoices.void_invoice(session, self.of.firm, invoice, actor="alice")

    async def _ask(self, kind: Kind, record: int) -> None:
        db = self.of.world.runtime.db
        await requests.push_one(db, self.of.firm, self.of.connection, kind, record, requested_by="alice")

    async def _push_all(self, kinds: list[Kind] | None) -> None:
        """What is owed goes as one run, as when a person presses the button."""
        push = requests.push_many(
            self.of.world.runtime.db, self.of.firm, self.of.connection, kinds, None, requested_by="alice"
        )
        await self._tolerated(push)

    async def _runs(self, *states: str) -> list[int]:
        """The runs of the company in these states, the oldest first."""
        async with self.of.world.runtime.db.firm(self.of.firm) as session:
            found = select(SyncRun.id).where(SyncRun.state.in_(states)).order_by(SyncRun.id)
            return list((await session.execute(found)).scalars())

    async def _control(self, act: Act, back: int) -> None:
        """A person pauses, resumes or cancels a run that is not over."""
        before = ("paused",) if act is Act.resume else ("queued", "running", "paused")
        runs = await self._runs(*before)
        if runs:
            run = runs[-1 - back % len(runs)]
            await self._tolerated(control(self.of.world.runtime.db, self.of.firm, run, act, actor="alice"))

    async def _tolerated(self, act: Any) -> None:
        """A person may be refused."""
        try:
            await act
        except AppError:
            return

    async def _mend(self, how: Callable[..., Any], kind: Kind, record: int) -> None:
        found = await self.of.world.mapping(self.of.firm, kind, self.of.connection, record)
        choice = Choice(ids=[found.id])
        await self._tolerated(how(self.of.world.runtime.db, self.of.firm, kind, choice, actor="alice"))

    def _standing(self, invoice: int) -> Any | None:
        """The document there that says it is this invoice, as long as it counts."""
        _, company = self.of.world.companies[self.of.connection]
        if self.of.provider == "quickbooks":
            listed = ledger_view.documents(self.of.world.sims.intuit.companies[company])
            ours = (one for one in listed if f"tieout:i-{invoice}" in one["note"].split())
        else:
            held = documents_at_hand.listed(self.of.world.sims.xero.world.books[company])
            ours = (one for one in held if one["reference"] == f"i-{invoice}")
        return next((one for one in ours if stands(one)), None)

    def _paid_there(self, invoice: int) -> bool:
        there = self._standing(invoice)
        return there is not None and Decimal(there["balance"]) != Decimal(there["total"])

    async def _pay(self, invoice: int, part: bool) -> None:
        there = self._standing(invoice)
        row = await self.of.world.row(self.of.firm, Invoice, invoice)
        if there is None or row.status == "void" or Decimal(there["total"]) != row.total:
            return  # money for what is about to change or to go would rightly hold that up
        balance = Decimal(there["balance"])
        if balance > 0:
            await self.act(
                "pay", invoice_id=there["id"], amount=str(min(balance, Decimal("1.50")) if part else balance)
            )

    async def _touch(self, invoice: int, deed: str) -> None:
        there = self._standing(invoice)
        if there is None or self._paid_there(invoice):
            return
        if deed == "due_date":
            await self.act("edit_invoice", invoice_id=there["id"], DueDate="2026-12-24")
        elif deed == "amount":
            await self.act("edit_invoice", invoice_id=there["id"], **_OTHER_LINES[self.of.provider])
        else:
            await self.act(deed, invoice_id=there["id"])

    async def _touch_customer(self, client: int, deed: str) -> None:
        found = await self.of.world.mapping(self.of.firm, Kind.customer, self.of.connection, client)
        if found.external_id is None:
            return
        if deed == "archive":
            await self.act("archive_customer", customer_id=found.external_id)
        elif deed == "restore":
            await self._restore(found.external_id)
        elif self.of.provider == "quickbooks":
            await self.act("edit_customer", customer_id=found.external_id, PrimaryPhone={"FreeFormNumber": "555"})
        else:
            phones = [{"PhoneType": "DEFAULT", "PhoneNumber": "555"}]
            await self.act("edit_customer", customer_id=found.external_id, Phones=phones)

    async def _restore(self, external_id: str) -> None:
        if self.of.provider == "quickbooks":
            await self.act("restore", entity="Customer", id=external_id)
        else:
            await self.act("restore_customer", customer_id=external_id)

    # --- the end of a story

    async def ending(self) -> None:
        """Everything works again, and people decide what waits for them, until nothing does."""
        await self.all_works()
        for run in await self._runs("paused"):
            await control(self.of.world.runtime.db, self.of.firm, run, Act.resume, actor="alice")
        deed, body = NEEDED[self.of.provider][1]
        await self.act(deed, **body)
        for client in self.of.clients:
            await self._save_client({"id": client, "active": True})
        for _ in range(ROUNDS):
            await quieted(self.stage, self.of)
            await read_again(self.of)
            await read_again(self.of, [Kind.customer])
            if not await self._decide():
                break
        else:
            raise AssertionError(f"still not mended after {ROUNDS} rounds: {await why(self.of)}")
        await compare(self.of)
        await self._compare_customers()

    async def _decide(self) -> int:
        """A person looks at whatever waits for one; how many there were."""
        waiting = 0
        for kind, records in zip(KINDS, (self.of.clients, self.of.invoices, self.of.journals), strict=True):
            for record in records:
                found = await self.of.world.mapping(self.of.firm, kind, self.of.connection, record)
                if found.state in QUIET:
                    continue
                waiting += 1
                code = found.fault.get("code", "")
                if code == "archived_there":
                    await self._restore(found.external_id)
                elif code == "voided_there" or (code == "number_taken" and "voided" in found.sync_error):
                    await self._void_invoice(record)  # its number is used up there: the firm lets it go, too
                else:
                    await self._mend(mending.retry, kind, record)
        return waiting

    async def _compare_customers(self) -> None:
        for client in self.of.clients:
            ours = await self.of.world.row(self.of.firm, Client, client)
            found = await self.of.world.mapping(self.of.firm, Kind.customer, self.of.connection, client)
            (there,) = await self.of.world.fetch(
                self.of.firm, self.of.connection, Kind.customer, [str(found.external_id)]
            )
            theirs = (there.customer.name, there.customer.phone, there.active)
            assert theirs == (ours.name, ours.phone, ours.active), f"client {client}: {theirs} there"

    # --- what is to be seen

    def _origins(self) -> list[str]:
        """Which record of ours each standing document and each customer of the company says it is."""
        _, company = self.of.world.companies[self.of.connection]
        if self.of.provider == "quickbooks":
            books = self.of.world.sims.intuit.companies[company]
            notes = [one["note"] for one in ledger_view.documents(books) if stands(one)]
            notes += [row.get("Notes", "") for row in books.tables["Customer"].rows.values()]
            return [word for note in notes for word in note.split() if word.startswith("tieout:")]
        held = self.of.world.sims.xero.world.books[company]
        marks = [one["reference"] for one in documents_at_hand.listed(held) if stands(one)]
        marks += [contact.number for contact in held.contacts.rows.values()]
        words = [word for one in documents_at_hand.listed(held) if stands(one) for word in one["note"].split()]
        return [mark for mark in (*marks, *words) if mark.startswith(("i-", "c-", "tieout:"))]

    async def _check_tables(self) -> None:
        async with self.of.world.runtime.db.firm(self.of.firm) as session:
            for kind in KINDS:
                table = mappings.TABLES[kind].__tablename__
                found = await session.exec_driver_sql(_LINKED_TWICE.format(table=table, kind=kind.value))
                assert [row.what for row in found] == []
            told = (await status.overview(session, self.of.firm)).dispositions
        made = len(self.of.clients) + len(self.of.invoices) + len(self.of.journals)
        assert told["accepted"] == sum(told["by_state"].values()) == made, told


_OTHER_LINES: dict[str, dict[str, Any]] = {
    "quickbooks": {
        "Line": [
            {
                "Amount": "7.00",
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": {"value": "2"}, "TaxCodeRef": {"value": "NON"}},
            }
        ]
    },
    "xero": {
        "LineItems": [
            {"Description": "Less", "Quantity": "1", "UnitAmount": "7.00", "AccountCode": "200", "TaxType": "NONE"}
        ]
    },
}


def _document(cents: int) -> dict[str, Any]:
    """Two units at this price with 8 % tax, and a line without."""
    price = Decimal(cents) / 100
    taxed, plain = price * 2, Decimal("15.50")
    tax = (taxed * Decimal("0.08")).quantize(Decimal("0.01"))
    codes = {"account_code": "4000", "item_code": "WORK"}
    return {
        "issue_date": "2026-11-02",
        "due_date": "2026-12-02",
        "currency": "USD",
        "status": "approved",
        "lines": [
            {"description": "Line 1", "quantity": 2, "unit_price": price, "tax_code": "TAXED", "tax_amount": tax}
            | codes,
            {"description": "Line 2", "quantity": 1, "unit_price": plain, "tax_code": "FREE"} | codes,
        ],
        "subtotal": taxed + plain,
        "tax_total": tax,
        "total": taxed + plain + tax,
    }
