"""One provider's adapter over its simulator, in process, as the contract suite sees it.

A provider joins by adding its `opener` to `OPENERS`: it returns a `Side` for a company with no documents yet.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx

from app.canonical import (
    Customer,
    Invoice,
    InvoiceLine,
    JournalEntry,
    JournalLine,
    Kind,
    Operation,
    OwnRecord,
    TaxMode,
)
from app.providers.base import AccountingProvider, TokenSource, WriteItem
from app.providers.http import Meter, ProviderHttp
from app.providers.quickbooks import QuickBooks
from app.providers.xero import Xero
from simulators.app import create_app
from simulators.core.faults import Fault, in_process
from simulators.intuit.oauth import Code
from simulators.intuit.seeds import US_REALM
from simulators.intuit.simulator import CLIENT_ID as INTUIT_CLIENT
from simulators.root import Simulators
from simulators.xero.seeds import CLIENT_ID as XERO_CLIENT
from simulators.xero.seeds import TENANT_US, USERS

DAY = date(2026, 11, 18)


@dataclass
class Side:
    """An open company. Its lines name `item`, `account`, `tax` (of `rate` per cent) and `untaxed`.

    `income` and `expense` are accounts that a journal may name, `bank` and `savings` bank accounts. `absent_id` is an
    id of the right form that nothing has; `removal` is what a person does there to be rid of an invoice.
    """

    simulator: str
    company_id: str
    provider: Any
    sims: Simulators
    client: httpx.AsyncClient
    currency: str
    item: str
    account: str
    tax: str
    untaxed: str
    rate: Decimal
    absent_id: str
    income: str
    expense: str
    bank: str
    savings: str
    removal: str = "delete_invoice"
    keys: int = 0

    def key(self) -> str:
        """An idempotency key that was not used before."""
        self.keys += 1
        return f"0191d3a2-0000-7000-8000-{self.keys:012d}"

    def customer(self, name: str, **more: Any) -> Customer:
        """A customer of ours."""
        fields: dict[str, Any] = {
            "reference": f"cli_{name.lower().replace(' ', '_')}",
            "email": "ap@firm.example",
            "currency": self.currency,
        }
        return Customer(name=name, **(fields | more))

    def invoice(self, number: str, customer_id: str, price: str = "100.00", **more: Any) -> Invoice:
        """An invoice of ours with a taxed line (2 × `price`) and one without tax (15.50)."""
        amount = Decimal(price) * 2
        tax = (amount * self.rate / 100).quantize(Decimal("0.01"))
        taxed = InvoiceLine(
            description="Consulting",
            quantity=Decimal(2),
            unit_price=Decimal(price),
            amount=amount,
            tax_amount=tax,
            item=self.item,
            account=self.account,
            tax=self.tax,
        )
        plain = replace(
            taxed,
            description="Postage",
            quantity=Decimal(1),
            unit_price=Decimal("15.50"),
            amount=Decimal("15.50"),
            tax_amount=Decimal(0),
            tax=self.untaxed,
        )
        subtotal = amount + plain.amount
        fields: dict[str, Any] = {
            "number": number,
            "customer": customer_id,
            "issue_date": DAY,
            "due_date": DAY + timedelta(days=30),
            "currency": self.currency,
            "tax_mode": TaxMode.exclusive,
            "lines": (taxed, plain),
            "subtotal": subtotal,
            "tax_total": tax,
            "total": subtotal + tax,
            "reference": f"inv_{number}",
        }
        return Invoice(**(fields | more))

    def journal(self, number: str, amount: str = "120.50", **more: Any) -> JournalEntry:
        """A journal entry of ours between two accounts."""
        lines = (
            JournalLine(account=self.expense, debit=Decimal(amount), description="Rent"),
            JournalLine(account=self.income, credit=Decimal(amount)),
        )
        fields: dict[str, Any] = {
            "number": number,
            "on": DAY,
            "narration": "November & rent",
            "currency": self.currency,
            "lines": lines,
            "reference": f"j-{number}",
        }
        return JournalEntry(**(fields | more))

    async def write(self, *items: WriteItem) -> list[Any]:
        """Preflight, prepare and send; a record that preflight lets pass must not be malformed."""
        return await self.provider.write(await self.prepared(*items))

    async def prepared(self, *items: WriteItem) -> Any:
        """The call that writes `items`, under a new key."""
        company = await self.provider.company()
        for item in items:
            assert self.provider.preflight(item, company) == ()
        return self.provider.prepare(items, self.key(), company)

    async def added_customer(self, name: str) -> str:
        """The provider's id of a customer just created."""
        (written,) = await self.write(creating("c1", self.customer(name)))
        return str(written.external_id)

    async def added_invoice(self, number: str, customer_id: str, **more: Any) -> Any:
        """What came of creating an invoice."""
        (written,) = await self.write(creating("i1", self.invoice(number, customer_id, **more)))
        return written

    async def pull(self, kind: Kind, cursor: str | None = None, since: date | None = None) -> tuple[list[Any], str]:
        """All records of one pull, and the cursor to go on from."""
        records: list[Any] = []
        async for page in self.provider.changes(kind, cursor, since):
            records.extend(page.records)
            cursor = page.cursor
        assert cursor is not None
        return records, cursor

    async def act(self, action: str, **body: Any) -> Any:
        """A person does something at the provider's own screen (`/_sim/{simulator}/companies/{id}/{action}`)."""
        response = await self.client.post(f"/_sim/{self.simulator}/companies/{self.company_id}/{action}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def ledger(self) -> Any:
        """The provider's own books."""
        return (await self.client.get(f"/_sim/{self.simulator}/companies/{self.company_id}/ledger")).json()

    def lose_next_answer(self, method: str, path: str) -> None:
        """The next call to `path` is carried out, and its answer never comes."""
        self.sims.faults.add(Fault(provider=self.simulator, path=path, kind="lost_answer", method=method))


class MintedToken:
    """A token source that has a new token made whenever the clock has outlived the last one."""

    def __init__(self, mint: Callable[[], str]) -> None:
        self._mint = mint
        self._token = mint()

    async def access_token(self, *, rejected: str | None = None) -> str:
        """The present token, or a new one in place of `rejected`."""
        if rejected == self._token:
            self._token = self._mint()
        return self._token


def creating(item_id: str, record: OwnRecord) -> WriteItem:
    """A record to create."""
    kinds = {Invoice: Kind.invoice, Customer: Kind.customer, JournalEntry: Kind.journal_entry}
    kind = kinds[type(record)]
    return WriteItem(item_id=item_id, kind=kind, operation=Operation.create, record=record)


def changing(operation: Operation, record: OwnRecord, external_id: str, version: str) -> WriteItem:
    """A record to update, void or deactivate."""
    return replace(creating("u1", record), operation=operation, external_id=external_id, version=version)


def simulated(sims: Simulators) -> httpx.AsyncClient:
    """A client whose calls are answered by the simulators without a socket."""
    transport = httpx.ASGITransport(in_process(create_app(sims)))
    return httpx.AsyncClient(transport=transport, base_url="http://sims.test", timeout=10)


def http_to(client: httpx.AsyncClient, base_path: str, tokens: TokenSource) -> ProviderHttp:
    """The door to one provider's API."""
    return ProviderHttp(client, f"http://sims.test{base_path}", tokens, Meter())


Opener = Callable[[Simulators, httpx.AsyncClient], Awaitable[Side]]


async def open_quickbooks(sims: Simulators, client: httpx.AsyncClient, realm: str = US_REALM) -> Side:
    """Intuit's US sample company, or another realm."""
    store = sims.intuit.tokens
    address = "http://localhost/callback"
    scope = "com.intuit.quickbooks.accounting"

    def token() -> str:
        code = store.issue_code(Code(INTUIT_CLIENT, address, realm, scope, store.code_expiry()))
        return store.exchange(INTUIT_CLIENT, code, address, "").access

    provider: AccountingProvider = QuickBooks(http_to(client, "/intuit", MintedToken(token)), realm, sims.clock.now)
    return Side(
        simulator="intuit",
        company_id=realm,
        provider=provider,
        sims=sims,
        client=client,
        currency="USD",
        item="3",
        account="",
        tax="TAX",
        untaxed="NON",
        rate=Decimal(8),
        absent_id="999999",
        income="1",
        expense="55",
        bank="35",
        savings="36",
    )


async def open_xero(sims: Simulators, client: httpx.AsyncClient) -> Side:
    """Xero's US demo organisation, opened by its accountant."""
    identity = sims.xero.world.identity
    address = "http://localhost/callback"
    nouns = ("invoices", "payments", "contacts", "settings", "manualjournals", "banktransactions")
    scopes = frozenset(f"accounting.{noun}" for noun in nouns)

    def token() -> str:
        code = identity.consent(XERO_CLIENT, USERS["accountant"], [TENANT_US], scopes, address, "")
        return str(identity.exchange(XERO_CLIENT, code, address, "")["access_token"])

    provider: AccountingProvider = Xero(http_to(client, "/xero", MintedToken(token)), TENANT_US)
    return Side(
        simulator="xero",
        company_id=TENANT_US,
        provider=provider,
        sims=sims,
        client=client,
        currency="USD",
        item="",
        account="200",
        tax="OUTPUT",
        untaxed="NONE",
        rate=Decimal(8),
        absent_id="11111111-1111-4111-8111-111111111111",
        income="200",
        expense="429",
        bank="090",
        savings="091",
        # An approved invoice can be voided there, only a draft deleted.
        removal="void_invoice",
    )


OPENERS: dict[str, Opener] = {"quickbooks": open_quickbooks, "xero": open_xero}
