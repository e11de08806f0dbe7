"""A small caller of the Xero simulator in process, for the simulator's own tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from simulators.core.calls import CallLog
from simulators.core.clock import Clock
from simulators.core.faults import Faults, in_process
from simulators.core.money import loads
from simulators.xero import CLIENT_ID, CLIENT_SECRET, TENANT_NZ, TENANT_US, XeroSimulator

REDIRECT = "http://localhost:8000/api/v1/accounting/oauth/callback"
SCOPES = (
    "openid profile email offline_access accounting.contacts accounting.invoices accounting.payments "
    "accounting.settings.read"
)
API = "/xero/api.xro/2.0"


class Caller:
    """One app at work: holds a token, names a tenant."""

    def __init__(self, sim: XeroSimulator, http: httpx.AsyncClient, faults: Faults, calls: CallLog) -> None:
        self.sim = sim
        self.http = http
        self.faults = faults
        self.calls = calls
        self.tokens: dict[str, Any] = {}
        self.tenant = TENANT_NZ

    async def consent(self, *tenants: str, user: str = "accountant", scopes: str = SCOPES, **query: str) -> str:
        """Click through the consent page; returns the code."""
        params = {
            "response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "scope": scopes, "state": "s1",
        } | query  # fmt: skip
        form = {"user": user, "tenant": list(tenants), "action": "allow"}
        answer = await self.http.post("/xero/identity/connect/authorize", params=params, data=form)
        assert answer.status_code == 302, answer.text
        back = parse_qs(urlsplit(answer.headers["location"]).query)
        assert back["state"] == ["s1"]
        return back["code"][0]

    async def token(self, **form: str) -> httpx.Response:
        """POST to the token endpoint with Basic authentication."""
        return await self.http.post("/xero/connect/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET))

    async def connect(self, *tenants: str, user: str = "accountant", scopes: str = SCOPES) -> None:
        """Consent and exchange; the first tenant becomes the current one."""
        wanted = tenants or (TENANT_US, TENANT_NZ)
        code = await self.consent(*wanted, user=user, scopes=scopes)
        answer = await self.token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()
        self.tenant = wanted[-1]

    async def call(self, method: str, path: str, body: object = None, **extra: Any) -> httpx.Response:
        """One accounting call; `headers` and `params` may be given."""
        headers = {
            "Authorization": f"Bearer {self.tokens['access_token']}",
            "xero-tenant-id": self.tenant,
            "Accept": "application/json",
        } | extra.pop("headers", {})
        if body is not None:
            extra["json"] = body
        return await self.http.request(method, API + path, headers=headers, **extra)

    async def ok(self, method: str, path: str, body: object = None, **extra: Any) -> Any:
        """The parsed answer (decimals exact) of a call that must succeed."""
        answer = await self.call(method, path, body, **extra)
        assert answer.status_code == 200, answer.text
        return loads(answer.content)

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """A control call that must succeed."""
        answer = await self.http.request(method, f"/_sim/xero{path}", json=body)
        assert answer.status_code == 200, answer.text
        return loads(answer.content)

    async def contact(self, name: str = "Pier 7 Cafe") -> str:
        """A new contact's id."""
        return str((await self.ok("PUT", "/Contacts", {"Name": name}))["Contacts"][0]["ContactID"])

    async def invoice(self, contact_id: str, **fields: object) -> dict[str, Any]:
        """A new approved invoice of 100.00 plus tax, unless `fields` say otherwise."""
        element = invoice_body(contact_id) | fields
        made: dict[str, Any] = (await self.ok("PUT", "/Invoices", {"Invoices": [element]}))["Invoices"][0]
        return made


def invoice_body(contact_id: str, **fields: object) -> dict[str, object]:
    """The request element of a plain approved sale."""
    line = {"Description": "Plan November", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200"}
    return {
        "Type": "ACCREC", "Contact": {"ContactID": contact_id}, "Date": "2026-11-18", "DueDate": "2026-12-02",
        "Status": "AUTHORISED", "LineItems": [line],
    } | fields  # fmt: skip


@asynccontextmanager
async def opened() -> AsyncIterator[Caller]:
    """A fresh simulator and a caller, not yet connected."""
    faults, calls = Faults(), CallLog()
    sim = XeroSimulator(Clock(), faults, calls)
    app = Starlette(routes=[Mount("/xero", app=sim.app), Mount("/_sim/xero", routes=sim.control_routes)])
    transport = httpx.ASGITransport(in_process(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8100") as http:
        yield Caller(sim, http, faults, calls)
    await sim.aclose()
