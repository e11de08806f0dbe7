"""Small stand-ins for the vendors' token endpoints and company reads, in process, with the real rotation rules."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import jwt

Answer = httpx.Response | Exception
START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@dataclass
class FakeClock:
    """Tells the time that a test sets."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        """Let time pass: `minutes=3`."""
        self.now += timedelta(**by)


@dataclass
class Vendors:
    """Intuit and Xero at once. Every token it gives out contains the word `secret`, so that a leak can be searched for.

    `realms` maps realm id to company name; `tenants` maps a Xero user to his tenants (id → name). `fail` is taken from
    the front by the next token calls; `on_token` runs before a token call is answered.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    realms: dict[str, str] = field(default_factory=lambda: {"4620816365": "Sandbox Ltd", "99": "Other Ltd"})
    tenants: dict[str, dict[str, str]] = field(default_factory=lambda: {"user-1": {"t-1": "Acme Pty"}})
    fail: list[Answer] = field(default_factory=list)
    on_token: Callable[[dict[str, str]], None] | None = None
    calls: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    unlinked: list[str] = field(default_factory=list)
    spent: dict[str, datetime] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)
    delay: Callable[[], object] | None = None
    grace: timedelta = timedelta(minutes=30)
    company_status: int = 200
    _count: int = 0

    @property
    def refreshes(self) -> int:
        """How many refreshes were asked for."""
        return self.calls.count("refresh")

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """The transport's handler."""
        path = request.url.path
        if path.endswith(("/tokens/bearer", "/connect/token")):
            return await self._token(request)
        if path.endswith(("/tokens/revoke", "/connect/revocation")):
            body = request.content.decode()
            token = json.loads(body)["token"] if body.startswith("{") else parse_qs(body)["token"][0]
            self.calls.append("revoke")
            self.revoked.append(self.live.get(token, token))
            self.live.pop(token, None)
            return httpx.Response(200)
        return self._api(request)

    async def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.calls.append("refresh" if form["grant_type"] == "refresh_token" else "exchange")
        if self.delay is not None:
            await self.delay()  # type: ignore[misc]
        if self.on_token is not None:
            self.on_token(form)
        if self.fail:
            answer = self.fail.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        xero = request.url.path.endswith("/connect/token")
        if form["grant_type"] == "authorization_code":
            return self._grant("xero" if xero else "intuit", form["code"].removeprefix("code-"))
        owner = self._owner_of(form["refresh_token"])
        if owner is None:
            return httpx.Response(400, json={"error": "invalid_grant"})
        return self._grant("xero" if xero else "intuit", owner)

    def _owner_of(self, refresh_token: str) -> str | None:
        """Rotation: the live token works and is spent by it; a spent one works again within the grace."""
        owner = self.live.get(refresh_token)
        if owner is None:
            return None
        spent_at = self.spent.setdefault(refresh_token, self.clock())
        return owner if self.clock() - spent_at <= self.grace else None

    def _grant(self, vendor: str, owner: str) -> httpx.Response:
        self._count += 1
        refresh = f"secret-refresh-{self._count}"
        access = f"secret-access-{self._count}"
        if vendor == "xero":
            claims = {"xero_userid": owner, "authentication_event_id": f"event-{owner}", "jti": access}
            access = jwt.encode(claims, "k" * 32, algorithm="HS256")
        self.live[refresh] = owner
        self.access[access] = owner
        answer: dict[str, object] = {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "bearer",
            "expires_in": 1800 if vendor == "xero" else 3600,
        }
        if vendor == "intuit":
            answer |= {"x_refresh_token_expires_in": 8726400, "x_refresh_token_hard_expires_in": 157680000}
        return httpx.Response(200, json=answer)

    def kill(self) -> None:
        """The user ends all consents at the vendor."""
        self.live.clear()
        self.access.clear()

    def _api(self, request: httpx.Request) -> httpx.Response:
        owner = self.access.get(request.headers["Authorization"].removeprefix("Bearer "))
        if owner is None:
            return httpx.Response(401, json={"Title": "Unauthorized", "Detail": "AuthenticationUnsuccessful"})
        path = request.url.path.lower()
        if "/connections" in path:
            return self._connections(request, owner)
        if self.company_status != 200:
            return httpx.Response(self.company_status, text="")
        if "/v3/company/" in path:
            return self._intuit(path, owner)
        return self._xero(path, request.headers["xero-tenant-id"], owner)

    def _connections(self, request: httpx.Request, owner: str) -> httpx.Response:
        if request.method == "DELETE":
            link = request.url.path.rsplit("/", 1)[1]
            self.unlinked.append(link)
            return httpx.Response(204)
        return httpx.Response(
            200,
            json=[
                {
                    "id": f"link-{tenant}",
                    "tenantId": tenant,
                    "tenantType": "ORGANISATION",
                    "tenantName": name,
                    "updatedDateUtc": "2026-11-21T09:00:00.0000000",
                }
                for tenant, name in self.tenants.get(owner, {}).items()
            ],
        )

    def _intuit(self, path: str, owner: str) -> httpx.Response:
        realm = path.split("/v3/company/")[1].split("/", maxsplit=1)[0]
        if realm != owner:
            fault = {
                "Message": "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
                "code": "3100",
            }
            return httpx.Response(403, json={"Fault": {"Error": [fault], "type": "AUTHORIZATION"}})
        if "companyinfo" in path:
            info = {"Id": "1", "CompanyName": self.realms[realm], "Country": "US"}
            return httpx.Response(200, json={"CompanyInfo": info})
        preferences = {
            "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}},
            "SalesFormsPrefs": {"CustomTxnNumbers": True},
        }
        return httpx.Response(200, json={"Preferences": preferences})

    def _xero(self, path: str, tenant: str, owner: str) -> httpx.Response:
        if tenant not in self.tenants.get(owner, {}):
            return httpx.Response(403, json={"Title": "Forbidden", "Detail": "AuthenticationUnsuccessful"})
        if path.endswith("/currencies"):
            return httpx.Response(200, json={"Currencies": [{"Code": "NZD"}]})
        organisation = {
            "OrganisationID": tenant,
            "Name": self.tenants[owner][tenant],
            "CountryCode": "NZ",
            "BaseCurrency": "NZD",
            "ShortCode": "!x1",
        }
        return httpx.Response(200, json={"Organisations": [organisation]})
