"""A small strict client of the Intuit simulator for its own tests."""

import base64
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from simulators.app import create_app
from simulators.core.faults import in_process
from simulators.core.money import dumps, loads
from simulators.intuit import AU_REALM, CLIENT_ID, CLIENT_SECRET, UK_REALM, US_REALM
from simulators.root import Simulators

Json = dict[str, Any]
REDIRECT = "http://localhost:9999/callback"


def basic(client: str, secret: str) -> str:
    """The Authorization header of the token endpoint."""
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


BASIC = basic(CLIENT_ID, CLIENT_SECRET)
BASE = "http://127.0.0.1:8100"
__all__ = ["AU_REALM", "BASIC", "REDIRECT", "UK_REALM", "US_REALM", "Intuit", "basic", "line"]


class Intuit:
    """The simulators in process, with shortcuts for OAuth, API and control calls."""

    def __init__(self) -> None:
        self.sims = Simulators()
        self.sims.intuit.oauth.refresh_latency = 0
        transport = httpx.ASGITransport(in_process(create_app(self.sims)))
        self.http = httpx.AsyncClient(transport=transport, base_url=BASE)
        self.access = ""

    async def aclose(self) -> None:
        await self.http.aclose()
        await self.sims.aclose()

    async def consent(self, **changes: str) -> dict[str, str]:
        """POST the consent form; the parameters of the redirect."""
        form = {
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "com.intuit.quickbooks.accounting",
            "state": "s-1",
            "user": "admin",
            "realm": US_REALM,
            "decision": "allow",
        } | changes
        reply = await self.http.post("/intuit/connect/oauth2", data=form)
        assert reply.status_code == 302, reply.text
        return {k: v[0] for k, v in parse_qs(urlsplit(reply.headers["location"]).query).items()}

    async def token(self, auth: str = BASIC, headers: Json | None = None, **form: str) -> httpx.Response:
        return await self.http.post(
            "/intuit/oauth2/v1/tokens/bearer", data=form, headers={"authorization": auth, **(headers or {})}
        )

    async def exchange(self, code: str, **more: str) -> httpx.Response:
        form: Json = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, **more}
        return await self.token(**form)

    async def refresh(self, value: str) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=value)

    async def connect(self, realm: str = US_REALM) -> Json:
        """The whole journey; remembers the access token."""
        back = await self.consent(realm=realm)
        tokens: Json = (await self.exchange(back["code"])).json()
        self.access = tokens["access_token"]
        return tokens

    async def call(
        self, method: str, path: str, body: object = None, realm: str = US_REALM, **params: str
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.access}", "accept": "application/json"}
        content = body if isinstance(body, bytes | None) else dumps(body)
        url = f"/intuit/v3/company/{realm}/{path}"
        return await self.http.request(method, url, content=content, params=params, headers=headers)

    async def save(self, entity: str, body: Json, realm: str = US_REALM, **params: str) -> Json:
        """POST that must succeed; the entity, with numbers as Decimal."""
        reply = await self.call("POST", entity.lower(), body, realm, **params)
        assert reply.status_code == 200, reply.text
        answer: Json = loads(reply.content)[entity]
        return answer

    async def read(self, entity: str, key: str, realm: str = US_REALM) -> Json:
        reply = await self.call("GET", f"{entity.lower()}/{key}", realm=realm)
        assert reply.status_code == 200, reply.text
        answer: Json = loads(reply.content)[entity]
        return answer

    async def fault(self, method: str, path: str, body: object = None, realm: str = US_REALM, **params: str) -> Json:
        """A call that must be refused with one Fault error."""
        reply = await self.call(method, path, body, realm, **params)
        assert reply.status_code == 400, reply.text
        error: Json = loads(reply.content)["Fault"]["Error"][0]
        return error

    async def query(self, statement: str, realm: str = US_REALM) -> Json:
        reply = await self.call("GET", "query", realm=realm, query=statement)
        assert reply.status_code == 200, reply.text
        answer: Json = loads(reply.content)["QueryResponse"]
        return answer

    async def control(self, path: str, body: Json | None = None, status: int = 200) -> Any:
        reply = (
            await self.http.get(f"/_sim/{path}") if body is None else await self.http.post(f"/_sim/{path}", json=body)
        )
        assert reply.status_code == status, reply.text
        return reply.json()

    async def books(self, realm: str = US_REALM) -> Json:
        """The company's ledger, checked: debits equal credits, and customers owe what documents say."""
        books: Json = await self.control(f"intuit/companies/{realm}/ledger")
        debits = sum(Decimal(row["debit"]) for row in books["trial_balance"])
        assert debits == sum(Decimal(row["credit"]) for row in books["trial_balance"])
        owed = sum(Decimal(c["balance"]) for c in books["customers"])
        unapplied = sum(Decimal(p["unapplied"]) for p in books["payments"])
        assert owed == Decimal(books["totals"]["outstanding"]) - unapplied
        return books

    async def invoice(self, number: str, amount: str = "100", **fields: Any) -> Json:
        """A one-line untaxed invoice for customer 1 of the US company."""
        body = {"CustomerRef": {"value": "1"}, "DocNumber": number, "Line": [line(amount)], **fields}
        return await self.save("Invoice", body)


def line(amount: str, code: str | None = None, item: str = "1", **detail: Any) -> Json:
    """A sales line."""
    inner: Json = {"ItemRef": {"value": item}, **detail}
    if code is not None:
        inner["TaxCodeRef"] = {"value": code}
    return {"DetailType": "SalesItemLineDetail", "Amount": Decimal(amount), "SalesItemLineDetail": inner}
