"""Everything the story needs, brought up on a machine where nothing runs, and taken down again whatever happens.

The database is supervised by this process; the simulators, the service and its worker are its children. Secrets are
made here, travel in the children's environment, and end with the stage (`run` also keeps them in a file of ours alone).
"""

import fcntl
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType

import httpx

from app.crypto import generate_key
from app.db.embedded import LOGIN, OWNER, EmbeddedPostgres
from demo.books import Json

ROOT = Path(__file__).parents[1]
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_READY_SECONDS = 60.0
_COMMAND_SECONDS = 60.0
_STOP_SECONDS = 25.0
_TAIL_LINES = 25


class StageError(Exception):
    """The stage cannot be set; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the service and the simulators listen on 127.0.0.1."""

    service: int
    simulators: int


def free_ports() -> Ports:
    """Two ports that nothing listens on at the moment."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return Ports(first.getsockname()[1], second.getsockname()[1])


@dataclass
class Stage:
    """A context manager. Inside it `service_url` and `simulators_url` answer, and `command` runs the operator's CLI."""

    data_dir: Path
    ports: Ports
    webhook_keys: Mapping[str, str] = field(
        default_factory=lambda: {name: secrets.token_urlsafe(32) for name in ("quickbooks", "xero")}
    )

    def __post_init__(self) -> None:
        self.service_url = f"http://localhost:{self.ports.service}"
        self.simulators_url = f"http://127.0.0.1:{self.ports.simulators}"
        self.environment: dict[str, str] = {}
        self._postgres = EmbeddedPostgres(self.data_dir)
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._lock: int | None = None

    def __enter__(self) -> "Stage":
        try:
            self._raise()
        except BaseException:  # whatever stopped us half-way must not leave processes behind
            self._strike()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        dead = self.dead_children() if kind is not None else []
        self._strike()
        for name in dead:
            print(f"     The {name} had ended before its time.", file=sys.stderr)

    @property
    def logs(self) -> Path:
        """What the children print."""
        return self.data_dir / "logs"

    def command(self, *arguments: str) -> str:
        """Run one of the operator's commands as a process of its own; its standard output. Raises StageError."""
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            cwd=self.data_dir,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise StageError(f"tieout {' '.join(arguments)} failed:\n{done.stderr.strip()}")
        return done.stdout.strip()

    def command_json(self, *arguments: str) -> Json:
        """The same for commands that answer JSON."""
        found: Json = json.loads(self.command(*arguments, "--json"), parse_float=Decimal)
        return found

    def dead_children(self) -> list[str]:
        """The names of children that have ended."""
        return [name for name, child in self._children if child.poll() is not None]

    def tails(self) -> str:
        """The last lines of every child's log, for a person who has to find out what went wrong."""
        told: list[str] = []
        if not self._children:  # what lies there is of an earlier stage
            return ""
        for path in sorted(self.logs.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
            told += [f"--- the end of {path}", *(lines or ["(empty)"])]
        return "\n".join(told)

    def keep_secrets(self, more: Mapping[str, str]) -> Path:
        """Write the children's environment and `more` to a file that only we may read; for `. FILE` in a shell."""
        path = self.data_dir / "environment"
        values = {name: value for name, value in self.environment.items() if name not in _KEPT} | dict(more)
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.writelines(lines)
        return path

    def _raise(self) -> None:
        for name, port in (("service", self.ports.service), ("simulators", self.ports.simulators)):
            if _is_taken(port):
                raise StageError(
                    f"Something listens on 127.0.0.1:{port} already, where the {name} should. Stop it, or choose other"
                    " ports: .venv/bin/python -m demo run --port 8001 --simulators-port 8101"
                )
        self._take_folder()
        self.logs.mkdir()
        self._postgres.start()
        self.environment = self._environment()
        self._start("simulators", "simulators", "--port", str(self.ports.simulators))
        self.command("migrate")
        self._start("service", "app.cli", "serve", "--port", str(self.ports.service))
        self._start("worker", "app.cli", "worker")
        self._await("simulators", f"{self.simulators_url}/")
        self._await("service", f"{self.service_url}/readyz")

    def _take_folder(self) -> None:
        """Empty the data folder, after making sure that no other stage stands on it."""
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.data_dir.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise StageError(f"Another demo or run uses {self.data_dir}. Stop it first.") from None
        self._lock = lock
        server = self.data_dir / "postgres"
        if server.is_symlink():  # root's server lives where its own user can reach it
            shutil.rmtree(server.resolve(), ignore_errors=True)
        shutil.rmtree(self.data_dir, ignore_errors=True)
        self.data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700)

    def _environment(self) -> dict[str, str]:
        """A child's whole environment: nothing of the person's own settings, none of which is meant for a demo."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        sim = self.simulators_url
        return kept | {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "SECRETS_DIR": str(self.data_dir / "no-secrets"),
            "ENVIRONMENT": "development",
            "KEY_ENVIRONMENT": "demo",
            "PUBLIC_URL": self.service_url,
            "DATA_DIR": str(self.data_dir),
            "DATABASE_URL": self._postgres.url(user=LOGIN),
            "MIGRATION_DATABASE_URL": self._postgres.url(user=OWNER),
            "ENCRYPTION_KEYS": f"k1:{generate_key()}",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "OPERATOR_SECRET": secrets.token_urlsafe(32),
            "QUICKBOOKS_CLIENT_ID": "sim-intuit-client",
            "QUICKBOOKS_CLIENT_SECRET": "sim-intuit-secret",
            "QUICKBOOKS_SANDBOX_URL": f"{sim}/intuit",
            "QUICKBOOKS_AUTHORIZE_URL": f"{sim}/intuit/connect/oauth2",
            "QUICKBOOKS_TOKEN_URL": f"{sim}/intuit/oauth2/v1/tokens/bearer",
            "QUICKBOOKS_REVOKE_URL": f"{sim}/intuit/v2/oauth2/tokens/revoke",
            "QUICKBOOKS_WEBHOOK_VERIFIER_TOKENS": self.webhook_keys["quickbooks"],
            "XERO_CLIENT_ID": "sim-xero-client",
            "XERO_CLIENT_SECRET": "sim-xero-secret",
            "XERO_SANDBOX_URL": f"{sim}/xero",
            "XERO_AUTHORIZE_URL": f"{sim}/xero/identity/connect/authorize",
            "XERO_TOKEN_URL": f"{sim}/xero/connect/token",
            "XERO_REVOKE_URL": f"{sim}/xero/connect/revocation",
            "XERO_WEBHOOK_KEYS": self.webhook_keys["xero"],
        }

    def _start(self, name: str, module: str, *arguments: str) -> None:
        """A child in a session of its own, so that Ctrl-C reaches us alone and we stop them in order."""
        with (self.logs / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.data_dir,  # where there is no .env
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append((name, child))

    def _await(self, name: str, url: str) -> None:
        """Poll until it answers 200."""
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(url):
            dead = self.dead_children()
            if dead:
                raise StageError(f"The {' and the '.join(dead)} ended at once.")
            if time.monotonic() > deadline:
                raise StageError(f"The {name} was not ready within {_READY_SECONDS:.0f} s ({url}).")
            time.sleep(0.05)

    def _strike(self) -> None:
        """Worker and service first, then what they depend on; hard where patience ends."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # asking twice must not leave half of it running
        self._stop("worker", "service")
        self._stop("simulators")
        self._postgres.stop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _stop(self, *names: str) -> None:
        children = [child for name, child in self._children if name in names and child.poll() is None]
        for child in children:
            child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for child in children:
            try:
                child.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
