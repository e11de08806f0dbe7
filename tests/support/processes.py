"""Real processes for the tests of faults: simulators that listen on loopback, and actors to be killed and frozen."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from app.runtime import open_runtime
from app.settings import Settings
from simulators.root import Simulators
from tests.support.world import World

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # seconds a process gets to start on a busy machine


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The environment of a process that shall read exactly these settings."""
    given: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is not None and value != "":
            given[name.upper()] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", **given, **more}


@dataclass
class Actor:
    """One process of ours that is about to suffer. It reports by JSON lines on its standard output."""

    process: asyncio.subprocess.Process
    log: Path
    heard: list[dict[str, Any]] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def hear(self, event: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait for the next report of this name. Fails with the process's log when it ends or stays silent."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(timeout):
                while line := await self.process.stdout.readline():
                    report: dict[str, Any] = json.loads(line)
                    self.heard.append(report)
                    if report["event"] == event:
                        return report
        except TimeoutError:
            raise AssertionError(f"no {event!r} within {timeout} s; heard {self.heard}\n{self.tail()}") from None
        raise AssertionError(f"it ended before {event!r}; heard {self.heard}\n{self.tail()}")

    async def tell(self, **order: Any) -> None:
        """Send one order as a JSON line."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        await self.process.stdin.drain()

    def pause(self) -> None:
        """Freeze it, as a suspended machine or a long garbage collection would."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """SIGKILL: nothing of it runs afterwards. It may just have died by itself.

        Not by `process.kill`: that asks for the exit status first, and the one who waits for it would be told 255.
        """
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        await self.process.wait()

    async def stop(self, timeout: float) -> int:
        """SIGTERM; the exit code. Fails when it takes longer than `timeout` seconds."""
        self.process.terminate()
        try:
            return await asyncio.wait_for(self.process.wait(), timeout)
        except TimeoutError:
            raise AssertionError(f"still there {timeout} s after SIGTERM\n{self.tail()}") from None

    def tail(self) -> str:
        """The end of what it logged."""
        return self.log.read_text(errors="replace")[-4000:]

    async def end(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self.process.returncode is None:
            self.process.kill()
        assert self.process.stdout is not None
        with suppress(Exception):  # the rest of its words is of no interest
            await asyncio.wait_for(self.process.stdout.read(), 5)
        await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
            with suppress(ConnectionError):
                await self.process.stdin.wait_closed()


class Cast:
    """Starts actors and ends all of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.actors: list[Actor] = []

    async def start(self, *command: str, env: Mapping[str, str]) -> Actor:
        """Start `python -m <command>` in the repository's folder."""
        log = self._folder / f"actor-{len(self.actors)}.log"
        with log.open("wb") as sink:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *command,
                cwd=ROOT,
                env=dict(env),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=sink,
                limit=1 << 20,  # a line may carry many tokens
            )
        actor = Actor(process, log)
        self.actors.append(actor)
        return actor

    async def end(self) -> None:
        """End whoever is left."""
        for actor in self.actors:
            await actor.end()


async def until(
    what: str, happened: Callable[[], Awaitable[Any]], timeout: float = PATIENCE, every: float = 0.05
) -> Any:
    """Ask again until the answer is true; it is returned. Fails after `timeout` seconds, naming `what` and the last."""
    deadline = time.monotonic() + timeout
    while not (answer := await happened()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s (last: {answer!r})")
        await asyncio.sleep(every)
    return answer


@contextmanager
def simulator_process() -> Iterator[str]:
    """Both vendors in a process of their own; yields their base address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(httpx.HTTPError):
                httpx.get(f"{base}/_sim/clock", trust_env=False).raise_for_status()
                break
            assert process.poll() is None, "the simulator does not start"
            assert time.monotonic() < deadline, "the simulator does not answer"
            time.sleep(0.05)
        yield base
    finally:
        process.kill()
        process.wait()


@dataclass
class RemoteWorld(World):
    """A world whose vendors live in another process: the same gestures, over the wire."""

    async def look(self, path: str) -> Any:
        """GET a control route below /_sim."""
        answer = await self.http.get(f"{self.base}/_sim/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def control(self, path: str, /, **body: Any) -> Any:
        """POST to a control route below /_sim."""
        answer = await self.http.post(f"{self.base}/_sim/{path}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def arm(self, vendor: str, path: str, kind: str, **more: Any) -> str:
        """Arm a fault; returns its id."""
        answer = await self.control("faults", provider=vendor, path=path, kind=kind, **more)
        return str(answer["id"])

    async def taken(self, fault_id: str, timeout: float = PATIENCE) -> None:
        """Wait until a call has run into the fault: it is now in the vendor's hands."""

        async def gone() -> bool:
            armed = (await self.look("faults"))["faults"]
            return all(one["id"] != fault_id for one in armed)

        await until(f"fault {fault_id} is met", gone, timeout)

    async def refreshes(self, vendor: str) -> int:
        """How many refreshes the vendor has carried out."""
        return int((await self.look(f"{vendor}/tokens"))["refreshes"])

    async def written(self, connection_id: int) -> list[str]:
        """The numbers of our invoices in the company's books, every document counted."""
        books = await self.ledger(connection_id)
        return sorted(one["number"] for one in books["invoices"] if one["number"].startswith("T-"))


@asynccontextmanager
async def remote_world(settings: Settings, base: str) -> AsyncIterator[RemoteWorld]:
    """A runtime in this process over vendors in another; begins with fresh seeds."""
    async with open_runtime(settings) as runtime, httpx.AsyncClient(trust_env=False, timeout=30) as http:
        world = RemoteWorld(runtime, Simulators(), http, base=base)
        await world.control("reset")
        yield world
