"""The one door to provider APIs over HTTP: explicit time-outs, no redirects, a bearer that renews itself once on 401.

Only this module and `oauth` import httpx.
"""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from app import tracing
from app.errors import OutcomeUnknown, ProviderUnavailable
from app.guards import forbid_open_transaction
from app.providers.base import TokenSource

# Intuit ends a call after 120 s on its side; waiting longer than this for anything we ask for gains nothing.
TIMEOUT = httpx.Timeout(connect=5.0, read=60.0, write=30.0, pool=30.0)
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=40, keepalive_expiry=30.0)

# These happen before a request has left: the provider cannot have acted on it.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


Gate = Callable[[str], Awaitable[None]]


class BearerAuth(httpx.Auth):
    """Sends the vault's token; a 401 is answered once with a renewed one.

    Getting a token may take as long as a renewal. So the gate stands here, between token and send, and before the
    second send too: a runner whose lease passed while it waited sends nothing.
    """

    requires_response_body = True

    def __init__(self, tokens: TokenSource, gate: Gate | None, path: str) -> None:
        self._tokens = tokens
        self._gate = gate
        self._path = path

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See httpx.Auth."""
        token = await self._tokens.access_token()
        request.headers["Authorization"] = f"Bearer {token}"
        await self._admitted()
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            token = await self._tokens.access_token(rejected=token)
            request.headers["Authorization"] = f"Bearer {token}"
            await self._admitted()
            yield request

    async def _admitted(self) -> None:
        if self._gate is not None:
            await self._gate(self._path)


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer, whatever its status. `elapsed` is in seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float

    @property
    def content_type(self) -> str:
        """The media type without parameters, lower case."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


@dataclass(slots=True)
class Meter:
    """Counts calls and bytes. `gate` is awaited before each send and may refuse it; `on_answer` sees every answer."""

    gate: Gate | None = None
    on_answer: Callable[[Answer, int], None] | None = None
    calls: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    by_status: dict[int, int] = field(default_factory=dict)

    def count(self, answer: Answer, sent: int) -> None:
        """Add one call to the meter."""
        self.calls += 1
        self.bytes_out += sent
        self.bytes_in += len(answer.body)
        self.by_status[answer.status] = self.by_status.get(answer.status, 0) + 1
        if self.on_answer is not None:
            self.on_answer(answer, sent)


class ProviderHttp:
    """Requests to one company's API under one base address, as one authorised user."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, tokens: TokenSource, meter: Meter) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._meter = meter

    async def read(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> Answer:
        """A call that changes nothing. Raises ProviderUnavailable when no answer came."""
        try:
            return await self._send(method, path, query or {}, headers, body)
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"No answer from the provider ({type(error).__name__}).") from error

    async def write(
        self, method: str, path: str, *, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """A call that writes. Raises ProviderUnavailable if it certainly never left, OutcomeUnknown if it may have."""
        try:
            return await self._send(method, path, query, headers, body)
        except _NEVER_SENT as error:
            raise ProviderUnavailable(f"The provider could not be reached ({type(error).__name__}).") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"No answer after the write was sent ({type(error).__name__}).") from error

    async def _send(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        forbid_open_transaction(f"{method} {path}")
        started = time.monotonic()
        host = httpx.URL(self._base_url).host
        with tracing.span(method, "client", http__request__method=method, server__address=host) as span:
            response = await self._client.request(
                method,
                f"{self._base_url}{path}",
                params=dict(query),
                headers=dict(headers),
                content=body or None,
                auth=BearerAuth(self._tokens, self._meter.gate, path),
                follow_redirects=False,
            )
            span.set_attribute("http.response.status_code", response.status_code)
            if response.is_error:
                tracing.failed(span, str(response.status_code))
        elapsed = time.monotonic() - started
        for refused in response.history:  # the 401 after which the token was renewed
            self._meter.count(Answer(refused.status_code, refused.headers, refused.content, elapsed), len(body))
        answer = Answer(response.status_code, response.headers, response.content, elapsed)
        self._meter.count(answer, len(body))
        return answer


@dataclass(frozen=True, slots=True)
class Reached:
    """Whether a host answered: `trouble` says why not, and is empty if it did. `seconds` is how long that took."""

    trouble: str
    seconds: float


async def reach(address: str, patience: float) -> Reached:
    """Ask a host for any answer at all, without a credential; `patience` is in seconds. Raises nothing."""
    begun = time.monotonic()
    trouble = ""
    url = httpx.URL(address)
    try:
        async with asyncio.timeout(patience), httpx.AsyncClient(timeout=patience, trust_env=False) as client:
            await asyncio.get_running_loop().getaddrinfo(url.host, url.port or 443)
            await client.head(url, follow_redirects=False)
    except socket.gaierror:
        trouble = "its name is not known here"
    except (TimeoutError, httpx.TimeoutException):
        trouble = f"no answer within {patience:g} s"
    except httpx.HTTPError as error:
        trouble = str(error) or type(error).__name__
    return Reached(trouble, time.monotonic() - begun)


@asynccontextmanager
async def open_client(transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """The process's HTTP client; `transport` lets tests answer in process."""
    # No cookies: what one firm's company sets must not travel to another's.
    no_cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=()))
    async with httpx.AsyncClient(
        timeout=TIMEOUT, limits=LIMITS, transport=transport, trust_env=False, cookies=no_cookies
    ) as client:
        yield client
