"""The Xero simulator on a real port, and Xero's own Python client connected to it."""

import gc
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient, Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.identity import IdentityApi

from simulators.core.calls import CallLog
from simulators.core.clock import Clock
from simulators.core.faults import Faults
from simulators.xero import CLIENT_ID, CLIENT_SECRET, TENANT_NZ, XeroSimulator
from tests.simulators.xero_client import REDIRECT, SCOPES


class Served:
    """The simulator on a port, with the SDK connected to it."""

    def __init__(self, base: str, faults: Faults, scopes: str) -> None:
        self.base = base
        self.faults = faults
        self.tokens: dict[str, Any] = self._connect(scopes)
        configuration = Configuration(oauth2_token=OAuth2Token(client_id=CLIENT_ID, client_secret=CLIENT_SECRET))
        self.client = ApiClient(
            configuration, oauth2_token_getter=lambda: self.tokens, oauth2_token_saver=self._save, pool_threads=1
        )
        self.api = AccountingApi(self.client, base_url=f"{base}/xero/api.xro/2.0")
        self.identity = IdentityApi(self.client, base_url=f"{base}/xero")

    def _save(self, tokens: dict[str, Any]) -> None:
        self.tokens = tokens

    def _connect(self, scopes: str) -> dict[str, Any]:
        params = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "scope": scopes}
        form = {"user": "accountant", "tenant": TENANT_NZ, "action": "allow"}
        answer = httpx.post(f"{self.base}/xero/identity/connect/authorize", params=params, data=form)
        code = httpx.URL(answer.headers["location"]).params["code"]
        body = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        tokens: dict[str, Any] = httpx.post(
            f"{self.base}/xero/connect/token", data=body, auth=(CLIENT_ID, CLIENT_SECRET)
        ).json()
        tokens["scope"] = tokens["scope"].split()
        return tokens | {"expires_at": time.time() + 1800}


@contextmanager
def connected(monkeypatch: pytest.MonkeyPatch, scopes: str = SCOPES) -> Iterator[Served]:
    """A fresh simulator, served until the block ends; the SDK's token addresses point at it."""
    faults = Faults()
    sim = XeroSimulator(Clock(), faults, CallLog())
    app = Starlette(routes=[Mount("/xero", app=sim.app), Mount("/_sim/xero", routes=sim.control_routes)])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # calls made before the server runs wait instead of failing
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        monkeypatch.setattr(TokenApi, "refresh_token_url", f"{base}/xero/connect/token")
        monkeypatch.setattr(TokenApi, "revoke_token_url", f"{base}/xero/connect/revocation")
        served = Served(base, faults, scopes)
        yield served
        served.client.rest_client.pool_manager.clear()
        server.should_exit = True
        thread.join(timeout=10)
    with warnings.catch_warnings():
        # The SDK leaves the connection of a refused call to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
