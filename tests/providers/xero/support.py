"""What the tests of the Xero adapter share: a company, records of ours, and an API that answers from a function."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from app.canonical import Address, Company, Customer, Invoice, InvoiceLine, Kind, Operation, TaxMode
from app.providers.base import WriteItem
from app.providers.http import Meter, ProviderHttp
from app.providers.xero import Xero

TENANT = "5f0c0000-0000-4000-8000-000000000001"
CONTACT = "8b1f0000-0000-4000-8000-000000000007"
INVOICE_ID = "c1d2e3f4-0000-4000-8000-000000000042"
SAMPLES = Path(__file__).parent / "samples"

COMPANY = Company(
    external_id=TENANT,
    name="Harbour Kiosk Ltd",
    country="NZ",
    currency="NZD",
    multicurrency=True,
    lock_date=date(2026, 3, 30),
    facts={"short_code": "!1lqVQ", "currencies": "AUD,NZD", "base_currency": "NZD"},
    checks=(),
)
CUSTOMER = Customer(
    name="Pier 7 Cafe",
    reference="cus_0042",
    email="ap@pier7.example",
    phone="+64 9 555 0100",
    currency="NZD",
    tax_number="12-345",
    billing_address=Address(line1="1 Quay St", city="Auckland", postal_code="1010", country="New Zealand"),
    company_name="Pier Seven Limited",
    notes="Pays late",
)
LINE = InvoiceLine(
    description="Plan November",
    quantity=Decimal("1.5"),
    unit_price=Decimal("33.3333"),
    amount=Decimal("45.00"),
    tax_amount=Decimal("6.75"),
    discount_percent=Decimal(10),
    account="200",
    tax="OUTPUT2",
)
INVOICE = Invoice(
    number="SUB-2026-0042",
    customer=CONTACT,
    issue_date=date(2026, 11, 18),
    due_date=date(2026, 12, 2),
    currency="NZD",
    tax_mode=TaxMode.exclusive,
    lines=(LINE,),
    subtotal=Decimal("45.00"),
    tax_total=Decimal("6.75"),
    total=Decimal("51.75"),
    reference="inv_42",
    memo="Thank you",
    private_note="Ask Bob",
)


def sample(name: str) -> Any:
    """A golden answer; numbers as the adapter sees them."""
    return json.loads((SAMPLES / f"{name}.json").read_text(), parse_float=Decimal)


def item(
    record: Customer | Invoice = INVOICE,
    operation: Operation = Operation.create,
    *,
    item_id: str = "1",
    external_id: str = "",
) -> WriteItem:
    """A record to write."""
    kind = Kind.invoice if isinstance(record, Invoice) else Kind.customer
    return WriteItem(item_id=item_id, kind=kind, operation=operation, record=record, external_id=external_id)


class Tokens:
    """Always the same live token."""

    async def access_token(self, *, rejected: str | None = None) -> str:
        return "token"


class Api:
    """A Xero that answers from `answer` and remembers what was asked."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | httpx.Response | Exception) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._handle))
        self.xero = Xero(ProviderHttp(client, "https://xero.test", Tokens(), Meter()), TENANT)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, httpx.Response) else self.answer(request)


def sampled(name: str) -> httpx.Response:
    """A 200 with the very bytes of a golden answer."""
    return httpx.Response(
        200, content=(SAMPLES / f"{name}.json").read_bytes(), headers={"Content-Type": "application/json"}
    )
