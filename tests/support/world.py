"""A whole small world in one process: the simulators, a runtime that speaks to them, firms, books and connections."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from sqlalchemy import func, insert, select, update

from app.books import journals
from app.books.ledger_inputs import JournalEntryIn
from app.canonical import Kind, ProviderName
from app.connections import Arrival, Caller, Connected, begin, complete
from app.db import mappings, owners
from app.db.sync_tables import AccountMapping, ItemMapping, TaxMapping
from app.db.tables import Client, Connection, Firm, Invoice, InvoiceLine
from app.providers.http import Meter
from app.runtime import Runtime, open_runtime
from app.settings import Settings
from app.sync import runner
from simulators.app import create_app
from simulators.core.faults import Fault, in_process
from simulators.intuit.seeds import US_REALM
from simulators.root import Simulators
from simulators.xero import TENANT_US

SIM = "http://localhost:8100"
TABLES: dict[Kind, Any] = {Kind.customer: Client, Kind.invoice: Invoice}
CODES = {
    "quickbooks": {
        "accounts": {"4000": "1", "6000": "55", "1200": "84"},
        "items": {"WORK": "2"},
        "taxes": {"TAXED": "TAX", "FREE": "NON"},
    },
    "xero": {"accounts": {"4000": "200", "6000": "429"}, "items": {}, "taxes": {"TAXED": "OUTPUT", "FREE": "NONE"}},
}


@dataclass
class World:
    """What a test of the engine needs at hand."""

    runtime: Runtime
    sims: Simulators
    http: httpx.AsyncClient
    counter: int = 0
    companies: dict[int, tuple[str, str]] = field(default_factory=dict)
    base: str = SIM

    async def firm(self, name: str = "Alder & Ash") -> int:
        """A new firm."""
        async with self.runtime.db.system() as session:
            return int((await session.execute(insert(Firm).values(name=name).returning(Firm.id))).scalar_one())

    async def connect(
        self,
        firm_id: int,
        provider: str = "quickbooks",
        company: str | None = None,
        subject: str = "alice",
        **form: Any,
    ) -> int:
        """The real journey: begin, consent at the simulator, complete; then the firm's code mappings."""
        name = ProviderName(provider)
        caller = Caller(firm_id, subject)
        begun = await begin(self.runtime, caller, name)
        company = company or (US_REALM if name is ProviderName.quickbooks else TENANT_US)
        answer = await self.consent(begun.authorization_url, provider, company, **form)
        arrival = Arrival(state=begun.state_token, code=answer["code"], realm_id=answer.get("realmId", ""))
        done = await complete(self.runtime, caller, arrival)
        assert isinstance(done, Connected)
        self.companies[done.connection_id] = ("intuit" if name is ProviderName.quickbooks else "xero", company)
        await self.map_codes(firm_id, provider)
        return done.connection_id

    async def consent(self, url: str, provider: str, company: str, **form: Any) -> dict[str, str]:
        """What a person does on the vendor's page; returns the query of the redirect."""
        if provider == "quickbooks":
            query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
            choice = {"user": "admin", "realm": company, "decision": "allow", **query, **form}
            answer = await self.http.post(url.split("?", maxsplit=1)[0], data=choice)
        else:
            answer = await self.http.post(
                url, data={"user": "accountant", "tenant": company, "action": "allow", **form}
            )
        assert answer.status_code == 302, answer.text
        return {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    async def map_codes(self, firm_id: int, provider: str) -> None:
        """The firm's accounts, items and taxes in the provider's words; known ones stay."""
        tables: dict[str, Any] = {"accounts": AccountMapping, "items": ItemMapping, "taxes": TaxMapping}
        async with self.runtime.db.firm(firm_id) as session:
            for what, codes in CODES[provider].items():
                table = tables[what]
                known = await session.execute(select(table.internal_code).where(table.provider == provider))
                have = {row.internal_code for row in known}
                for internal, external in codes.items():
                    if internal not in have:
                        values = {"firm_id": firm_id, "provider": provider, "internal_code": internal}
                        await session.execute(insert(table).values(**values, external_code=external))

    async def client(self, firm_id: int, name: str | None = None, **more: Any) -> int:
        """A client of the firm."""
        self.counter += 1
        values = {"firm_id": firm_id, "name": name or f"Client {self.counter}", "currency": "USD", **more}
        async with self.runtime.db.firm(firm_id) as session:
            return int((await session.execute(insert(Client).values(values).returning(Client.id))).scalar_one())

    async def invoice(self, firm_id: int, client_id: int, price: str = "100.00", **more: Any) -> int:
        """An approved invoice: one taxed line of two units (8 %), one untaxed."""
        self.counter += 1
        taxed = Decimal(price) * 2
        tax = (taxed * Decimal("0.08")).quantize(Decimal("0.01"))
        plain = Decimal("15.50")
        values = {
            "firm_id": firm_id,
            "client_id": client_id,
            "number": f"T-{self.counter:04d}",
            "issue_date": date(2026, 11, 2),
            "due_date": date(2026, 12, 2),
            "currency": "USD",
            "tax_mode": "exclusive",
            "subtotal": taxed + plain,
            "tax_total": tax,
            "total": taxed + plain + tax,
            "status": "approved",
            **more,
        }
        async with self.runtime.db.firm(firm_id) as session:
            invoice_id = int((await session.execute(insert(Invoice).values(values).returning(Invoice.id))).scalar_one())
            lines = ((2, Decimal(price), taxed, "TAXED", tax), (1, plain, plain, "FREE", Decimal(0)))
            for position, (quantity, unit, amount, code, line_tax) in enumerate(lines, start=1):
                await session.execute(
                    insert(InvoiceLine).values(
                        firm_id=firm_id,
                        invoice_id=invoice_id,
                        position=position,
                        description=f"Line {position}",
                        quantity=quantity,
                        unit_price=unit,
                        amount=amount,
                        account_code="4000",
                        item_code="WORK",
                        tax_code=code,
                        tax_amount=line_tax,
                    )
                )
        return invoice_id

    async def journal(self, firm_id: int, amount: str = "120.50") -> int:
        """A posted entry between two mapped accounts."""
        self.counter += 1
        lines = [
            {"account_code": "6000", "debit": amount, "description": "Rent"},
            {"account_code": "4000", "credit": amount},
        ]
        given = {
            "number": f"J-{self.counter:04d}",
            "date": "2026-11-02",
            "narration": "Rent",
            "currency": "USD",
            "lines": lines,
            "status": "posted",
        }
        async with self.runtime.db.firm(firm_id) as session:
            done = await journals.save_entries(session, firm_id, [JournalEntryIn.model_validate(given)])
        return done.outcomes[0].id

    async def ask(self, firm_id: int, connection_id: int, kind: Kind, ids: Sequence[int]) -> None:
        """Make records owed to a company."""
        async with self.runtime.db.firm(firm_id) as session:
            await mappings.ask(session, firm_id, kind, connection_id, ids, priority=30, run_id=None)

    async def work(self, connection_id: int, turns: int = 10) -> None:
        """Let a runner take turns until nothing is due."""
        for _ in range(turns):
            if not await runner.work_on(self.runtime, connection_id):
                return
        raise AssertionError("there is always more due")

    async def mapping(self, firm_id: int, kind: Kind, connection_id: int, record_id: int) -> Any:
        """One record's mapping."""
        async with self.runtime.db.firm(firm_id) as session:
            return await mappings.for_record(session, firm_id, kind, connection_id, record_id)

    async def row(self, firm_id: int, table: Any, record_id: int) -> Any:
        """One row of the firm's."""
        async with self.runtime.db.firm(firm_id) as session:
            return (await session.execute(select(table).where(table.id == record_id))).one()

    async def fetch(self, firm_id: int, connection_id: int, kind: Kind, external_ids: Sequence[str]) -> list[Any]:
        """Records as the company holds them now, in our words."""
        async with self.runtime.db.firm(firm_id) as session:
            row = await owners.connection(session, firm_id, connection_id)
        provider = self.runtime.provider(row, Meter())
        return list(await provider.fetch(kind, external_ids))

    async def set(self, firm_id: int, table: Any, record_id: int, **values: Any) -> None:
        """Change a row behind the books' back."""
        async with self.runtime.db.firm(firm_id) as session:
            await session.execute(update(table).where(table.id == record_id).values(values))

    async def hurry(self, firm_id: int, connection_id: int) -> None:
        """End whatever the connection is waiting for."""
        await self.set(firm_id, Connection, connection_id, throttled_until=None, next_due_at=None)

    async def ledger(self, connection_id: int) -> Any:
        """The company's books at the simulator."""
        vendor, company = self.companies[connection_id]
        return (await self.http.get(f"{self.base}/_sim/{vendor}/companies/{company}/ledger")).json()

    async def documents(self, connection_id: int) -> list[dict[str, Any]]:
        """Every document of the company, in the simulator's flat form."""
        vendor, company = self.companies[connection_id]
        answer = await self.http.get(f"{self.base}/_sim/{vendor}/companies/{company}/documents")
        return list(answer.json()["documents"])

    async def settle_now(self, firm_id: int, connection_id: int) -> None:
        """Let what is in doubt be as old as it takes for a look-up, and due; what a person paused stays so."""
        ages = datetime(2900, 1, 1, tzinfo=UTC)
        async with self.runtime.db.firm(firm_id) as session:
            await session.exec_driver_sql(
                "UPDATE write_calls SET next_due_at = now(), sent_at = sent_at - interval '10 minutes'"
                f" WHERE state <> 'done' AND connection_id = {connection_id}"
            )
            for table in mappings.TABLES.values():
                await session.execute(update(table).where(table.next_due_at < ages).values(next_due_at=func.now()))

    async def act(self, connection_id: int, action: str, **body: Any) -> Any:
        """A person does something in the vendor's own pages."""
        vendor, company = self.companies[connection_id]
        answer = await self.http.post(f"{self.base}/_sim/{vendor}/companies/{company}/{action}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, connection_id: int, path: str, kind: Any, **more: Any) -> None:
        """Arm a fault at the company's vendor."""
        vendor, _ = self.companies[connection_id]
        self.sims.faults.add(Fault(provider=vendor, path=path, kind=kind, **more))

    def calls(self, connection_id: int) -> int:
        """How many calls the company has seen so far."""
        vendor, company = self.companies[connection_id]
        return int(self.sims.calls.snapshot(vendor, company)["total"])


@asynccontextmanager
async def open_world(settings: Settings, clock: Callable[[], Any] | None = None) -> AsyncIterator[World]:
    """Simulators and runtime in one process; vendors answer under SIM, in process."""
    sims = Simulators()
    transport = httpx.ASGITransport(app=in_process(create_app(sims)))
    async with (
        open_runtime(settings, transport=transport, clock=clock) as runtime,
        httpx.AsyncClient(transport=transport) as http,
    ):
        yield World(runtime, sims, http)
    await sims.aclose()
