"""Intuit's own clients, connected to a simulator on a real loopback port; callers connected in process."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from quickbooks import QuickBooks

from simulators.app import create_app
from simulators.intuit import CLIENT_ID, CLIENT_SECRET, US_REALM
from simulators.root import Simulators
from tests.simulators.intuit_client import Intuit
from tests.simulators.test_xero_bank import ALL
from tests.simulators.xero_client import Caller, opened

REDIRECT = "http://localhost:9999/callback"


@pytest.fixture(scope="module")
def intuit_served() -> Iterator[SimpleNamespace]:
    sims = Simulators()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(sims), port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    yield SimpleNamespace(sims=sims, base=f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(timeout=10)


def connected(base: str) -> Any:
    client = AuthClient(CLIENT_ID, CLIENT_SECRET, REDIRECT, f"{base}/intuit/.well-known/openid_configuration")
    url = client.get_authorization_url([Scopes.ACCOUNTING], state_token="s")
    form = {"user": "admin", "realm": US_REALM, "decision": "allow"}
    back = httpx.post(url, data=form).headers["location"]
    params = httpx.URL(back).params
    client.get_bearer_token(params["code"], realm_id=params["realmId"])
    return client


@pytest.fixture
def auth(intuit_served: SimpleNamespace) -> Iterator[Any]:
    client = connected(intuit_served.base)
    yield client
    client.close()


@pytest.fixture
def qb(intuit_served: SimpleNamespace, auth: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setattr(QuickBooks, "api_url_v3", f"{intuit_served.base}/intuit/v3")
    client = QuickBooks(auth_client=auth, refresh_token=auth.refresh_token, company_id=US_REALM, minorversion=75)
    yield client
    client.session.close()


@pytest.fixture
async def intuit() -> AsyncIterator[Intuit]:
    world = Intuit()
    await world.connect()
    yield world
    await world.aclose()


@pytest.fixture
async def x() -> AsyncIterator[Caller]:
    async with opened() as caller:
        await caller.connect(scopes=ALL)
        yield caller
