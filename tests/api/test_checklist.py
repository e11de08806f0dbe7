"""The manual checklist of the brief's first document, line by line, over both providers and through the API alone."""

from typing import Any

import httpx
import pytest

from app.canonical import Kind
from app.db.tables import Connection
from tests.support.api import BOOKS, Api, invoice
from tests.support.working import working

pytestmark = pytest.mark.parametrize("provider", ["quickbooks", "xero"])


class Desk:
    """A firm's admin at work, with one connection."""

    def __init__(self, api: Api, firm: int, connection: int, http: httpx.AsyncClient) -> None:
        self.api, self.firm, self.connection, self.http = api, firm, connection, http
        self.place = f"{BOOKS}/connections/{connection}"

    async def post(self, path: str, **body: Any) -> Any:
        """Ask for something while a worker works."""
        async with working(self.api.world, self.connection):
            answer = await self.http.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def client(self, **fields: Any) -> Any:
        return (await self.http.post(f"{BOOKS}/clients", json={"external_ref": "acme", **fields})).json()

    async def invoice(self) -> Any:
        await self.client(name="Acme & Daughters", email="acme@acme.test")
        line = {
            "description": "Visit",
            "quantity": 1,
            "unit_price": "25.00",
            "account_code": "4000",
            "item_code": "WORK",
        }
        body = invoice("INV-1", lines=[{**line, "tax_code": "FREE"}], subtotal="25.00", tax_total="0", total="25.00")
        made = await self.http.post(f"{BOOKS}/invoices", json={**body, "status": "approved"})
        assert made.status_code == 201, made.text
        return made.json()


@pytest.fixture
async def desk(api: Api, provider: str) -> Desk:
    firm = await api.world.firm()
    connection = await api.world.connect(firm, provider)
    return Desk(api, firm, connection, await api.caller(firm))


async def test_oauth_connection(desk: Desk, provider: str) -> None:
    shown = (await desk.http.get(desk.place)).json()
    assert (shown["provider"], shown["status"]) == (provider, "active")
    assert shown["provider_display"] == {"quickbooks": "QuickBooks Online", "xero": "Xero"}[provider]
    assert shown["provider_company_id"]


async def test_create_an_invoice_and_sync_it(desk: Desk) -> None:
    made = await desk.invoice()
    done = await desk.post(f"{desk.place}/sync_invoice", invoice_id=made["id"])
    assert done["success"] is True
    assert done["mapping"]["sync_status"] == "synced"
    assert done["mapping"]["external_id"]


async def test_paid_there_becomes_paid_here(desk: Desk) -> None:
    made = await desk.invoice()
    done = await desk.post(f"{desk.place}/sync_invoice", invoice_id=made["id"])
    await desk.api.world.act(desk.connection, "pay", invoice_id=done["mapping"]["external_id"])
    pulled = await desk.post(f"{desk.place}/sync_payments")
    assert (pulled["success"], pulled["payment_count"]) == (True, 1)
    shown = (await desk.http.get(f"{BOOKS}/invoices/{made['id']}")).json()
    assert (shown["status"], shown["amount_paid"]) == ("paid", "25.00")


async def test_create_a_customer_sync_it_update_it_and_sync_again(desk: Desk) -> None:
    made = await desk.client(name="Acme", phone="1")
    first = await desk.post(f"{desk.place}/sync_customer", client_id=made["id"])
    assert first["mapping"]["sync_status"] == "synced"
    await desk.client(phone="2")
    again = await desk.post(f"{desk.place}/sync_customer", client_id=made["id"])
    assert again["mapping"]["external_id"] == first["mapping"]["external_id"]
    (there,) = await desk.api.world.fetch(desk.firm, desk.connection, Kind.customer, [first["mapping"]["external_id"]])
    assert there.customer.phone == "2"


async def test_disconnect_and_reconnect_with_other_credentials(desk: Desk, provider: str) -> None:
    ended = await desk.post(f"{desk.place}/disconnect")
    assert ended["status"] == "revoked"
    again = await desk.api.world.connect(desk.firm, provider, subject="bob")
    assert again == desk.connection
    row = await desk.api.world.row(desk.firm, Connection, again)
    assert (row.status, row.subject) == ("active", "bob")


async def test_two_firms_see_nothing_of_each_other(desk: Desk, api: Api, provider: str) -> None:
    stranger = await api.caller(await api.world.firm("Elsewhere"))
    made = await desk.invoice()
    for path in (desk.place, f"{BOOKS}/invoices/{made['id']}"):
        assert (await stranger.get(path)).status_code == 404
    assert (await stranger.get(f"{BOOKS}/connections")).json() == []


async def test_an_expired_token_is_renewed_without_anybody_noticing(desk: Desk) -> None:
    vendor, _ = desk.api.world.companies[desk.connection]
    await desk.api.world.http.post(f"http://localhost:8100/_sim/{vendor}/tokens/expire", json={"grant": "access"})
    made = await desk.client(name="Acme")
    done = await desk.post(f"{desk.place}/sync_customer", client_id=made["id"])
    assert done["mapping"]["sync_status"] == "synced"
    renewed = await desk.post(f"/api/auth/{'qbo' if vendor == 'intuit' else 'xero'}/refresh")
    assert renewed["message"]
