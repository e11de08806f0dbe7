"""The audit tells three things apart: known to be clean, known to be vulnerable, and not known."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.processes import free_port
from tools.audit import CLEAN, UNKNOWN, VULNERABLE, Release, main, pinned

ROOT = Path(__file__).resolve().parents[2]
ADVISORY = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fixed_in": ["2.0"], "withdrawn": None}
Pages = Mapping[str, Any]


@contextmanager
def index(pages: Pages) -> Iterator[str]:
    """A package index on loopback that has these pages."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.removeprefix("/pypi/"))
            body = page if isinstance(page, bytes) else json.dumps(page).encode()
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/pypi"
    finally:
        server.shutdown()
        server.server_close()


def page(version: str, *advisories: Mapping[str, Any]) -> dict[str, Any]:
    return {"info": {"version": version}, "vulnerabilities": list(advisories)}


@pytest.fixture
def lock(tmp_path: Path) -> Callable[..., str]:
    def write(*pins: str) -> str:
        path = tmp_path / "some.lock"
        path.write_text("".join(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n    # via something\n" for pin in pins))
        return str(path)

    return write


def run(pages: Pages, lock: str) -> int:
    with index(pages) as address:
        return main([lock, "--index", address])


def test_all_clean(lock, capsys):
    pages = {"alpha/1.0/json": page("1.0"), "beta-two/2.1/json": page("2.1")}
    assert run(pages, lock("alpha==1.0", "beta-two[extra]==2.1 ; python_version < '3.12'")) == CLEAN
    assert capsys.readouterr().out == "2 of 2 locked releases audited, 0 vulnerable\n"


def test_a_vulnerability_is_told_with_its_names_and_cure(lock, capsys):
    assert run({"alpha/1.0/json": page("1.0", ADVISORY)}, lock("alpha==1.0")) == VULNERABLE
    said = capsys.readouterr().out
    assert "VULNERABLE   alpha 1.0: PYSEC-2026-1 (CVE-2026-1), mended in 2.0" in said
    assert said.endswith("1 of 1 locked releases audited, 1 vulnerable\n")


def test_a_withdrawn_advisory_is_none(lock):
    assert run({"alpha/1.0/json": page("1.0", ADVISORY | {"withdrawn": "2026-05-01"})}, lock("alpha==1.0")) == CLEAN


def test_a_mirror_that_knows_only_the_newest_release_speaks_for_that_one_alone(lock, capsys):
    pages = {"alpha/json": page("1.0"), "beta/json": page("3.0")}
    assert run(pages, lock("alpha==1.0")) == CLEAN
    assert run(pages, lock("alpha==1.0", "beta==2.0")) == UNKNOWN
    said = capsys.readouterr().out
    assert "NOT AUDITED  beta 2.0: only 3.0 is described" in said
    assert said.endswith("1 of 2 locked releases audited, 0 vulnerable\n")


@pytest.mark.parametrize("answer", [None, b"<html>sign in</html>", [], {"info": {"version": "1.0"}}])
def test_whoever_does_not_know_has_not_audited(lock, capsys, answer):
    assert run({"alpha/1.0/json": answer}, lock("alpha==1.0")) == UNKNOWN
    assert "0 of 1 locked releases audited" in capsys.readouterr().out


def test_nobody_there_and_nothing_to_ask_about_are_failures(lock, capsys):
    assert main([lock("alpha==1.0"), "--index", f"http://127.0.0.1:{free_port()}/pypi"]) == UNKNOWN
    assert "NOT AUDITED  alpha 1.0: no usable answer (ConnectError)" in capsys.readouterr().out
    assert run({}, lock()) == UNKNOWN


def test_every_release_of_our_locks_is_asked_about():
    locks = [ROOT / "requirements.lock", ROOT / "requirements-dev.lock"]
    releases = pinned(locks)
    lines = [line for lock in locks for line in lock.read_text().splitlines()]
    assert len(releases) == len(
        {line.rstrip(" \\").split(" ;")[0] for line in lines if "==" in line and line[0] not in " #"}
    )
    assert Release("fastapi", next(one.version for one in releases if one.name == "fastapi")) in releases
    assert len(releases) > 100
