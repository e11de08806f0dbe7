"""The whole application over a small world, as outside callers of several firms see it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import insert

from app.crypto import digest
from app.db import api_keys
from app.db.tables import Payment, PaymentAllocation
from app.edge.principals import key_prefix, make_key
from app.main import create_app
from tests.support.world import World

BOOKS = "/api/v1/accounting"


@dataclass
class Api:
    """The application, and callers of it."""

    world: World
    app: FastAPI
    http: httpx.AsyncClient
    stack: AsyncExitStack
    callers: dict[tuple[int, str], httpx.AsyncClient] = field(default_factory=dict)

    async def key(self, firm_id: int, role: str = "admin", expires_at: datetime | None = None) -> tuple[int, str]:
        """A new API key of a firm: its id and the key."""
        key = make_key("test")
        async with self.world.runtime.db.system() as session:
            key_id = await api_keys.create(
                session,
                firm_id,
                name=role,
                prefix=key_prefix(key),
                key_hash=digest(key),
                role=role,
                expires_at=expires_at,
            )
        return key_id, key

    async def caller(self, firm_id: int, role: str = "admin") -> httpx.AsyncClient:
        """A client that calls as this firm, with this role."""
        if (firm_id, role) not in self.callers:
            _, key = await self.key(firm_id, role)
            self.callers[firm_id, role] = await self.with_credential(key)
        return self.callers[firm_id, role]

    async def member(self) -> tuple[int, dict[str, str]]:
        """A new firm, and the headers of a member of it, for use with `http`."""
        firm_id = await self.world.firm()
        return firm_id, bearer((await self.key(firm_id, "member"))[1])

    async def admin(self) -> tuple[int, dict[str, str]]:
        """A new firm, and the headers of an admin of it, for use with `http`."""
        firm_id = await self.world.firm()
        return firm_id, bearer((await self.key(firm_id))[1])

    async def with_credential(self, credential: str | None = None) -> httpx.AsyncClient:
        """A client that sends this bearer credential, or none."""
        return await self.stack.enter_async_context(client(self.app, credential))

    async def payment(self, firm_id: int, connection_id: int, invoice_id: int, amount: str = "10.00") -> int:
        """A payment set against an invoice, as the sync would store it."""
        async with self.world.runtime.db.firm(firm_id) as session:
            values = {
                "firm_id": firm_id,
                "connection_id": connection_id,
                "source_kind": "payment",
                "external_id": f"p-{invoice_id}",
                "currency": "USD",
                "amount": Decimal(amount),
            }
            payment_id = int((await session.execute(insert(Payment).values(values).returning(Payment.id))).scalar_one())
            await session.execute(
                insert(PaymentAllocation).values(
                    firm_id=firm_id,
                    payment_id=payment_id,
                    connection_id=connection_id,
                    invoice_external_id=f"x-{invoice_id}",
                    invoice_id=invoice_id,
                    amount=Decimal(amount),
                )
            )
        return payment_id

    def provider_calls(self) -> int:
        """How many calls any simulated provider has seen."""
        return int(self.world.sims.calls.snapshot()["total"])


@asynccontextmanager
async def open_api(world: World) -> AsyncIterator[Api]:
    """The application over a world's runtime."""
    app = create_app(runtime=world.runtime)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(app.state.run_news.close)
        yield Api(world, app, await stack.enter_async_context(client(app)), stack)


def client(app: FastAPI, credential: str | None = None) -> httpx.AsyncClient:
    """An HTTP client over the application, in this process."""
    transport = httpx.ASGITransport(app=app)
    headers = bearer(credential) if credential is not None else {}
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:8000", headers=headers)


def bearer(credential: str) -> dict[str, str]:
    """The header that carries a credential."""
    return {"Authorization": f"Bearer {credential}"}


def invoice(number: str = "INV-1", client_ref: str | None = "acme", **changes: Any) -> dict[str, Any]:
    """A correct invoice: two units at 10.125 with 8 % tax, one at 5 without."""
    return {
        "external_ref": f"ref-{number}",
        "number": number,
        "client_ref": client_ref,
        "issue_date": "2026-11-02",
        "due_date": "2026-12-02",
        "currency": "USD",
        "lines": [
            {"description": "Planting", "quantity": "2", "unit_price": "10.125", "tax_code": "T", "tax_amount": "1.62"},
            {"description": "Visit", "quantity": 1, "unit_price": "5.00", "amount": "5.00"},
        ],
        "subtotal": "25.25",
        "tax_total": "1.62",
        "total": "26.87",
        **changes,
    }
