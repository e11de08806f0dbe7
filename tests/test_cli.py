"""The operator's commands, as an operator runs them."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
import structlog
from typer.testing import CliRunner

from app.canonical import Kind
from app.cli import app
from app.crypto import digest, generate_key
from app.db import stories
from app.db.health import expected_revision
from app.db.tables import Invoice
from app.errors import NotFound
from app.providers.http import reach
from tests.support.processes import free_port
from tests.support.world import World

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def environment(database_url: str, owner_url: str, tmp_path: Path) -> dict[str, str]:
    """A production-like environment over an empty database."""
    return {
        "DATABASE_URL": database_url,
        "MIGRATION_DATABASE_URL": owner_url,
        "ENCRYPTION_KEYS": f"k1:{generate_key()}",
        "SECRET_KEY": generate_key(),
        "KEY_ENVIRONMENT": "test",
        "DATA_DIR": str(tmp_path / "data"),
    }


@pytest.fixture
def tieout(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[int, str]]]:
    """Run a command in this process: (exit code, output)."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **changes: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(arguments), env=environment | changes)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            return 1, str(result.exception)
        return result.exit_code, result.output

    yield run
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_a_firm_and_its_keys(tieout: Callable[..., tuple[int, str]], owner_url: str, database_url: str) -> None:
    code, out = tieout("firm", "create", "Acme & Söhne", "--time-zone", "Europe/Vienna", "--json")
    firm = json.loads(out)["id"]
    assert code == 0
    assert json.loads(tieout("firm", "list", "--json")[1]) == [
        {"id": firm, "name": "Acme & Söhne", "time_zone": "Europe/Vienna"}
    ]
    made = json.loads(tieout("key", "create", "--firm", str(firm), "--name", "demo", "--role", "admin", "--json")[1])
    assert made["key"].startswith("tieout_test_")
    stored = _as_system(database_url, "SELECT key_hash, role, firm_id FROM api_keys")
    assert stored == [(digest(made["key"]), "admin", firm)]
    dated = tieout("key", "create", "--firm", str(firm), "--name", "short", "--expires", "2030-01-31")
    assert dated[0] == 0
    listed = tieout("key", "list", "--firm", str(firm))[1]
    assert "until 2030-01-31" in listed
    assert made["key"] not in listed
    assert tieout("key", "revoke", str(made["id"]), "--firm", str(firm))[0] == 0
    assert "revoked" in tieout("key", "list", "--firm", str(firm))[1]
    actions = _as_system(database_url, "SELECT action FROM audit_events ORDER BY id")
    assert [row[0] for row in actions] == ["firm.created", "api_key.created", "api_key.created", "api_key.revoked"]


def test_mistakes_are_told_in_one_line(tieout: Callable[..., tuple[int, str]]) -> None:
    for arguments, status, said in (
        (("firm", "create", " "), 2, "needs a name"),
        (("firm", "create", "A", "--time-zone", "Mars/Olympus"), 2, "no time zone"),
        (("key", "create", "--firm", "77", "--name", "x"), 1, "no such firm"),
        (("key", "revoke", "77", "--firm", "1"), 1, "no such API key"),
        (("key", "create", "--firm", "1", "--name", "x", "--role", "owner"), 2, "owner"),
    ):
        code, out = tieout(*arguments)
        assert (code, said in out) == (status, True), out
    code, out = tieout("firm", "list", ENCRYPTION_KEYS="k1:short")
    assert code == 1
    assert "ENCRYPTION_KEYS" in out
    assert "short" not in out.replace("cut short", "")


def test_the_doctor_finds_a_healthy_service(tieout: Callable[..., tuple[int, str]]) -> None:
    assert tieout("doctor") == (0, "All is well.\n")


def test_the_doctor_names_what_is_wrong(
    tieout: Callable[..., tuple[int, str]], environment: dict[str, str], owner_url: str
) -> None:
    code, out = tieout("doctor", "--offline", XERO_CLIENT_ID="x", XERO_CLIENT_SECRET="y")
    assert code == 1
    assert "XERO_WEBHOOK_KEYS" in out
    code, out = tieout("doctor", DATABASE_URL=owner_url)
    assert code == 1
    assert "tieout_owner" in out or "permission denied to set role" in out
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0001'")
        owner.execute("ALTER TABLE clients NO FORCE ROW LEVEL SECURITY")
        try:
            code, out = tieout("doctor")
        finally:
            owner.execute("UPDATE alembic_version SET version_num = %s", (expected_revision(),))
            owner.execute("ALTER TABLE clients FORCE ROW LEVEL SECURITY")
    assert code == 1
    assert "clients" in out
    assert "this release needs" in out
    code, out = tieout("doctor", DATABASE_URL="postgresql://tieout_login:x@127.0.0.1:1/tieout")
    assert (code, "cannot be used" in out) == (1, True)


class Vendor(BaseHTTPRequestHandler):
    """Answers every request with a refusal, as a vendor's host does to one without a credential."""

    def do_HEAD(self) -> None:
        assert "authorization" not in self.headers
        self.send_response(401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def vendor() -> Iterator[str]:
    """A host that answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_doctor_reaches_for_each_host_of_each_provider(tieout: Callable[..., tuple[int, str]], vendor: str) -> None:
    settings = {
        "ENVIRONMENT": "development",
        "XERO_CLIENT_ID": "x",
        "XERO_CLIENT_SECRET": "y",
        "XERO_WEBHOOK_KEYS": "z",
        "XERO_TOKEN_URL": f"{vendor}/connect/token",
        "XERO_REVOKE_URL": f"{vendor}/connect/revocation",
        "XERO_SANDBOX_URL": vendor.replace("127.0.0.1", "localhost"),
    }
    code, out = tieout("doctor", **settings)
    assert (code, out.splitlines()[-1]) == (0, "All is well."), out
    told = [line.partition(" in ")[0] for line in out.splitlines()[:-1]]
    assert told == [f"reached  Xero: {vendor}", f"reached  Xero: {settings['XERO_SANDBOX_URL']}"]

    code, out = tieout("doctor", **{**settings, "XERO_SANDBOX_URL": f"http://127.0.0.1:{free_port()}"})
    assert code == 1
    assert "cannot be reached: All connection attempts failed." in out
    assert f"reached  Xero: {vendor}" in out
    code, out = tieout("doctor", **{**settings, "XERO_TOKEN_URL": "https://no-such-host.invalid/token"})
    assert (code, "https://no-such-host.invalid cannot be reached: its name is not known here." in out) == (1, True), (
        out
    )
    assert tieout("doctor", "--offline", **{**settings, "XERO_TOKEN_URL": "https://no-such-host.invalid/token"})[0] == 0


async def test_a_host_that_does_not_answer_is_given_up_soon() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        end = await reach(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2)
    assert end.trouble == "no answer within 0.2 s"
    assert end.seconds < 2


async def test_a_records_story_is_told_in_order(world: World) -> None:
    firm = await world.firm()
    connection = await world.connect(firm)
    client = await world.client(firm)
    invoice = await world.invoice(firm, client)
    await world.ask(firm, connection, Kind.invoice, [invoice])
    world.fault(connection, "/invoice$", "lost_answer", method="POST")
    await world.work(connection)
    async with world.runtime.db.firm(firm) as session:
        await session.exec_driver_sql("UPDATE write_calls SET next_due_at = now() WHERE state <> 'done'")
    await world.work(connection)
    number = (await world.row(firm, Invoice, invoice)).number
    async with world.runtime.db.firm(firm) as session:
        told = [one.what for one in await stories.of_record(session, firm, Kind.invoice, number)]
        by_id = [one.what for one in await stories.of_record(session, firm, Kind.invoice, str(invoice))]
        with pytest.raises(NotFound):
            await stories.of_record(session, firm, Kind.invoice, "no such")
    assert told == by_id
    assert any(f"invoice {number}" in one for one in told[:1])
    assert any("create of revision 1 sent" in one for one in told)
    assert any("written after 2 sendings" in one for one in told), told
    assert any("now synced" in one for one in told)


def test_explaining_what_is_not_there_is_one_line(tieout: Callable[..., tuple[int, str]]) -> None:
    code, out = tieout("firm", "create", "Alder")
    firm = out.strip()
    code, out = tieout("explain", "invoice", "INV-1", "--firm", firm)
    assert (code, out.strip()) == (1, f"Firm {firm} has no invoice 'INV-1'.")
    code, out = tieout("replay-webhooks", "--firm", firm)
    assert (code, out) == (0, "0 events are looked at again.\n")


@pytest.mark.parametrize("words", [("firm", "list"), ("migrate",), ("rotate-keys",)])
def test_a_database_that_is_away_is_one_line(
    environment: dict[str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    away = "postgresql://tieout_login:x@127.0.0.1:1/tieout"
    env = _clean({**environment, "DATABASE_URL": away, "MIGRATION_DATABASE_URL": away})
    done = subprocess.run(_command(*words), env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrating_and_rotating_can_be_repeated(tieout: Callable[..., tuple[int, str]]) -> None:
    for _ in range(2):
        code, out = tieout("migrate")
        assert (code, expected_revision() in out) == (0, True), out
    code, out = tieout("rotate-keys")
    assert (code, "grants\t0" in out) == (0, True)


def test_the_openapi_document_needs_no_settings(tieout: Callable[..., tuple[int, str]]) -> None:
    code, out = tieout("openapi", ENCRYPTION_KEYS="", SECRET_KEY="", DATABASE_URL="")
    assert code == 0
    assert json.loads(out)["info"]["title"] == "Tieout"


def test_a_generated_key_is_accepted(tieout: Callable[..., tuple[int, str]]) -> None:
    key = tieout("generate-key")[1].strip()
    assert tieout("firm", "list", ENCRYPTION_KEYS=f"new:{key}")[0] == 0


class TestProcesses:
    @pytest.mark.parametrize("after", [0.0, 0.2])
    def test_the_worker_ends_when_told(self, environment: dict[str, str], tmp_path: Path, after: float) -> None:
        """Also before it is connected to the database."""
        with _started(environment, tmp_path, "worker") as process:
            assert process.stderr is not None
            assert b"worker_started" in process.stderr.readline()
            time.sleep(after)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=25)
        assert process.returncode == 0, errors.decode()

    def test_serving_without_a_database_brings_one_along(self, environment: dict[str, str], tmp_path: Path) -> None:
        port = _free_port()
        embedded = {name: value for name, value in environment.items() if not name.endswith("DATABASE_URL")}
        with _started(embedded, tmp_path, "serve", "--port", str(port)) as process:
            try:
                assert _get(port, "/readyz", patience=45)["status"] == "ok"
                firm = json.loads(_output(embedded, tmp_path, "firm", "create", "Alder", "--json"))["id"]
                key = _output(embedded, tmp_path, "key", "create", "--firm", str(firm), "--name", "k").strip()
                assert _get(port, "/api/v1/accounting/firm", key=key)["name"] == "Alder"
            finally:
                process.send_signal(signal.SIGTERM)
                _, errors = process.communicate(timeout=40)
        # uvicorn drains, closes, and then dies of the signal it was sent, as process managers expect.
        assert process.returncode == -signal.SIGTERM, errors.decode()
        assert "Application shutdown complete." in errors.decode()
        assert key not in errors.decode()
        assert not (tmp_path / "data" / "postgres" / "data" / "postmaster.pid").exists(), "the database stopped with it"


def _as_system(database_url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE tieout_system")
        return connection.execute(query).fetchall()


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app.cli", *arguments]


def _clean(environment: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | environment


def _started(environment: dict[str, str], folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        _command(*arguments), env=_clean(environment), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def _output(environment: dict[str, str], folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        _command(*arguments), env=_clean(environment), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(port: int, path: str, *, key: str = "", patience: float = 0.0) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    deadline = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.loads(answer.read())
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
