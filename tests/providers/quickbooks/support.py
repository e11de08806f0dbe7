"""What the tests of the QuickBooks adapter share: a company, records of ours, and an API that answers as told."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from app.canonical import Address, Company, Customer, Invoice, InvoiceLine, Kind, Operation, TaxMode
from app.providers.base import WriteItem
from app.providers.http import Meter, ProviderHttp
from app.providers.quickbooks import QuickBooks

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
REALM = "9130001"
SAMPLES = Path(__file__).parent / "samples"

US = Company(
    external_id=REALM,
    name="Harbor Tea Ltd",
    country="US",
    currency="USD",
    multicurrency=False,
    lock_date=date(2026, 9, 30),
    facts={"country": "US", "us": True, "custom_numbers": True, "using_sales_tax": True, "automated_sales_tax": True},
    checks=(),
)
GB = replace(US, country="GB", currency="GBP", multicurrency=True, facts={**US.facts, "country": "GB", "us": False})

CUSTOMER = Customer(
    name="Larkspur Dental",
    reference="cli_17",
    email="ap@larkspur.example",
    phone="(775) 555-0114",
    company_name="Larkspur Dental LLC",
    currency="USD",
    billing_address=Address(
        line1="12 Elm", line2="Suite 4", city="Reno", region="NV", postal_code="89501", country="USA"
    ),
    notes="Net 30",
)
LINES = (
    InvoiceLine(
        description="Matcha tins",
        quantity=Decimal(10),
        unit_price=Decimal("15.00"),
        amount=Decimal("150.00"),
        tax_amount=Decimal("12.38"),
        item="5",
        tax="TAX",
    ),
    InvoiceLine(
        description="Tasting",
        quantity=Decimal(2),
        unit_price=Decimal(40),
        amount=Decimal("70.00"),
        discount_percent=Decimal("12.5"),
        item="6",
        tax="NON",
        service_date=date(2026, 11, 17),
    ),
)
INVOICE = Invoice(
    number="HT-2041",
    customer="60",
    issue_date=date(2026, 11, 18),
    due_date=date(2026, 12, 18),
    currency="USD",
    tax_mode=TaxMode.exclusive,
    lines=LINES,
    subtotal=Decimal("220.00"),
    tax_total=Decimal("12.38"),
    total=Decimal("232.38"),
    reference="inv_881",
    memo="Thank you",
    private_note="Second delivery",
)


class Tokens:
    """Hands out token-1 until it is rejected, then token-2."""

    def __init__(self) -> None:
        self.rejected: list[str] = []

    async def access_token(self, *, rejected: str | None = None) -> str:
        if rejected:
            self.rejected.append(rejected)
        return f"token-{len(self.rejected) + 1}"


Handler = Callable[[httpx.Request], httpx.Response]
Answers = Handler | Sequence[httpx.Response]


def _in_turn(answers: Sequence[httpx.Response]) -> Handler:
    """A handler that gives one answer after another and fails when asked once more."""
    left = iter(answers)
    return lambda _request: next(left)


class Api:
    """Answers each request from a list or a function and keeps what was asked."""

    def __init__(self, answer: Answers) -> None:
        self.requests: list[httpx.Request] = []
        self.tokens = Tokens()
        self.meter = Meter()
        self._answer = answer if callable(answer) else _in_turn(answer)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request)

    @property
    def http(self) -> ProviderHttp:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return ProviderHttp(client, "https://qbo.test/", self.tokens, self.meter)

    def adapter(self) -> Any:
        """The adapter under test; untyped, so that a test may read an outcome without narrowing it first."""
        return QuickBooks(self.http, REALM, lambda: NOW)

    @property
    def statements(self) -> list[str]:
        """The queries that were asked, in order."""
        return [request.content.decode() for request in self.requests if request.url.path.endswith("/query")]


def sample(name: str) -> Any:
    """A golden answer as Python values, amounts as Decimal."""
    return json.loads((SAMPLES / name).read_text(), parse_float=Decimal)


def raw(name: str) -> bytes:
    """A golden answer as it comes over the wire."""
    return (SAMPLES / name).read_bytes()


def rows(entity: str, *records: dict[str, object], time: str = "2026-11-20T03:00:00.100-08:00") -> httpx.Response:
    """A query's answer; no rows is the empty object that QuickBooks sends."""
    found = {entity: list(records), "startPosition": 1, "maxResults": len(records)} if records else {}
    return httpx.Response(200, json={"QueryResponse": found, "time": time})


def fault(code: str, detail: str = "", message: str = "Refused", status: int = 400) -> httpx.Response:
    """A fault in the normal envelope."""
    error = {"Message": message, "Detail": detail, "code": code, "element": ""}
    return httpx.Response(status, json={"Fault": {"Error": [error], "type": "ValidationFault"}, "time": "2026-11-20"})


def invoice_item(item_id: Any = "i1", invoice: Any = INVOICE, **more: Any) -> WriteItem:
    """An invoice to create, unless `more` says otherwise."""
    return WriteItem(
        **{"item_id": item_id, "kind": Kind.invoice, "operation": Operation.create, "record": invoice, **more}
    )


def customer_item(item_id: Any = "c1", customer: Any = CUSTOMER, **more: Any) -> WriteItem:
    """A customer to create, unless `more` says otherwise."""
    return WriteItem(
        **{"item_id": item_id, "kind": Kind.customer, "operation": Operation.create, "record": customer, **more}
    )
