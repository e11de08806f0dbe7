"""Where everything is measured: a PostgreSQL of its own, settings for simulators, real processes where they matter."""

import asyncio
import contextlib
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from app.crypto import generate_key
from app.settings import Settings
from tests.support.postgres import TestServer, migrated, running_server
from tests.support.processes import environment

ROOT = Path(__file__).resolve().parents[1]
SIM = "http://localhost:8100"


@contextmanager
def database() -> Iterator[tuple[TestServer, str]]:
    """A fresh server with one migrated database; its name."""
    folder = Path(tempfile.mkdtemp(prefix="tieout-bench-"))
    folder.chmod(0o711)
    try:
        with running_server(folder) as server:
            migrated(server, "tieout_bench")
            yield server, "tieout_bench"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settings_for(url: str, sim: str = SIM, **more: Any) -> Settings:
    """Complete settings whose vendors are simulators."""
    given: dict[str, Any] = {
        "environment": "development",
        "data_dir": Path(tempfile.gettempdir()),
        "database_url": url,
        "encryption_keys": f"k1:{generate_key()}",
        "secret_key": generate_key(),
        "key_environment": "test",
        "quickbooks_client_id": "sim-intuit-client",
        "quickbooks_client_secret": "sim-intuit-secret",
        "quickbooks_sandbox_url": f"{sim}/intuit",
        "quickbooks_authorize_url": f"{sim}/intuit/connect/oauth2",
        "quickbooks_token_url": f"{sim}/intuit/oauth2/v1/tokens/bearer",
        "quickbooks_revoke_url": f"{sim}/intuit/v2/oauth2/tokens/revoke",
        "quickbooks_webhook_verifier_tokens": "intuit-verifier-old",
        "xero_client_id": "sim-xero-client",
        "xero_client_secret": "sim-xero-secret",
        "xero_sandbox_url": f"{sim}/xero",
        "xero_authorize_url": f"{sim}/xero/identity/connect/authorize",
        "xero_token_url": f"{sim}/xero/connect/token",
        "xero_revoke_url": f"{sim}/xero/connect/revocation",
        "xero_webhook_keys": "xero-key-new",
        "rate_limit": "1000000/minute",
        "log_level": "WARNING",
    }
    return Settings(**{**given, **more})


@asynccontextmanager
async def process(*command: str, env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python process of ours, ended with the block."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=ROOT,
        env=env,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.terminate()
        try:
            await asyncio.wait_for(started.wait(), 25)
        except TimeoutError:
            started.kill()
            await started.wait()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def web(application: str, settings: Settings) -> AsyncIterator[str]:
    """An application (`module:factory`) under uvicorn in its own process; its address once it answers."""
    port = free_port()
    command = (
        "-m",
        "uvicorn",
        "--factory",
        application,
        "--port",
        str(port),
        "--log-level",
        "error",
        "--no-access-log",
    )
    async with process(*command, env=environment(settings)):
        base = f"http://127.0.0.1:{port}"
        await answering(base)
        yield base


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker in its own process."""
    async with process("-m", "app.cli", "worker", env=environment(settings)) as started:
        yield started


@asynccontextmanager
async def vendors() -> AsyncIterator[str]:
    """The simulators in their own process; their address."""
    port = free_port()
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    async with process("-m", "simulators", "--port", str(port), env=env):
        base = f"http://localhost:{port}"
        await answering(base, "/_sim/")
        yield base


async def answering(base: str, path: str = "/livez") -> None:
    """Wait until somebody answers there."""
    async with httpx.AsyncClient() as http:
        for _ in range(300):
            try:
                await http.get(base + path)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
    raise TimeoutError(f"{base} does not answer")


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]


class Watch:
    """Elapsed seconds."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()

    def __call__(self) -> float:
        return time.perf_counter() - self._begun
