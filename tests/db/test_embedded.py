"""The embedded server: started, kept to itself, and never left behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.db import embedded_host
from app.db.embedded import LOGIN, SUPERUSER, EmbeddedPostgres
from app.db.embedded_host import EmbeddedUnavailable, binaries, read_postmaster

FAST = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the server's own user can reach, gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="tieout-test-"))
    made.chmod(0o711)
    yield made / "data"
    shutil.rmtree(made)


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, connect_timeout=5) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def cluster_of(folder: Path) -> Path:
    return folder / "postgres" / "data"


def wait_for(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_cold_start_makes_roles_and_a_warm_start_keeps_the_data(folder):
    with EmbeddedPostgres(folder, settings=FAST) as server:
        with psycopg.connect(server.url()) as owner:
            owner.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert ask(server.url(), "SELECT current_user") == "tieout_owner"
    assert read_postmaster(cluster_of(folder)) is None

    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert ask(server.url(), "SELECT answer FROM kept") == 42


def test_neither_owner_nor_login_is_superuser_and_the_login_has_only_what_it_becomes(folder):
    with EmbeddedPostgres(folder, settings=FAST) as server:
        mighty = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert ask(server.url(), mighty) is False
        assert ask(server.url(user=LOGIN), mighty) is False
        with psycopg.connect(server.url()) as owner:
            owner.execute("CREATE TABLE secret AS SELECT 1 AS x; GRANT SELECT ON secret TO tieout_app")
        with psycopg.connect(server.url(user=LOGIN), autocommit=True) as login:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute("SELECT x FROM secret")
            login.execute("SET ROLE tieout_app")
            assert login.execute("SELECT x FROM secret").fetchone() == (1,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute("SET ROLE tieout_owner")


def test_it_listens_to_nobody_else(folder):
    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert ask(server.url(user=SUPERUSER, database="postgres"), "SHOW listen_addresses") == ""
        socket_dir = Path(server.url().rpartition("host=")[2])
        assert socket_dir.stat().st_mode & 0o077 == 0
        assert (folder / "credentials.json").stat().st_mode & 0o077 == 0
        without_password = server.url().replace(server.url().split("@")[0], "postgresql://tieout_owner")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(without_password, connect_timeout=5)
    assert not socket_dir.exists()


def test_a_second_process_is_a_guest_and_does_not_stop_the_server(folder):
    with EmbeddedPostgres(folder, settings=FAST) as server:
        with EmbeddedPostgres(folder, settings=FAST) as guest:
            assert not guest.supervising
            assert guest.url() == server.url()
        assert ask(server.url(), "SELECT 1") == 1


def test_a_guest_of_a_cold_start_waits_for_roles_and_database(folder):
    script = (
        "import time, psycopg; from pathlib import Path; from app.db.embedded import EmbeddedPostgres\n"
        f"server = EmbeddedPostgres(Path({str(folder)!r}), settings={FAST!r}); server.start()\n"
        "with psycopg.connect(server.url()) as owner: print(owner.execute('SELECT 1').fetchone()[0], flush=True)\n"
        "time.sleep(60) if server.supervising else None"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.stdout.readline() for process in both if process.stdout] == ["1\n", "1\n"]
    for process in both:
        process.kill()
        process.communicate()
    EmbeddedPostgres(folder, settings=FAST).__enter__().stop()


def test_after_kill_9_of_the_supervisor_the_next_start_has_server_and_data(folder):
    script = (
        "import sys, time, psycopg; from pathlib import Path; from app.db.embedded import EmbeddedPostgres\n"
        f"server = EmbeddedPostgres(Path({str(folder)!r}), settings={FAST!r}); server.start()\n"
        "with psycopg.connect(server.url()) as owner: owner.execute('CREATE TABLE kept AS SELECT 7 AS n')\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    assert supervisor.stdout.readline() == "ready\n"
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    supervisor.stdout.close()

    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert server.supervising
        assert ask(server.url(), "SELECT n FROM kept") == 7
    assert read_postmaster(cluster_of(folder)) is None


def test_the_server_does_not_outlive_its_supervisor_where_the_kernel_can_tell(folder):
    script = (
        "import time; from pathlib import Path; from app.db.embedded import EmbeddedPostgres\n"
        f"server = EmbeddedPostgres(Path({str(folder)!r}), settings={FAST!r}); server.start()\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    supervisor.stdout.readline()
    assert read_postmaster(cluster_of(folder)) is not None
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    if sys.platform == "linux":
        wait_for(lambda: read_postmaster(cluster_of(folder)) is None)
    EmbeddedPostgres(folder, settings=FAST).__enter__().stop()
    assert read_postmaster(cluster_of(folder)) is None


def test_a_leftover_server_is_replaced_by_a_supervised_one(folder):
    with EmbeddedPostgres(folder, settings=FAST) as server:
        user = server._user
    socket_dir = embedded_host.socket_dir(folder / "socket_dir", user)
    leftover = subprocess.Popen(
        [
            *(str(binaries(user) / "postgres"), "-D", str(cluster_of(folder))),
            *("-c", f"unix_socket_directories={socket_dir}", "-c", "listen_addresses="),
        ],
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: (found := read_postmaster(cluster_of(folder))) is not None and found.status == "ready")

    with EmbeddedPostgres(folder, settings=FAST) as server:
        found = read_postmaster(cluster_of(folder))
        assert found is not None
        assert leftover.wait(timeout=10) == 0, "stopped in good order"
        assert found.pid != leftover.pid
        assert ask(server.url(), "SELECT 1") == 1


def test_a_pid_file_naming_a_stranger_is_no_server(folder):
    with EmbeddedPostgres(folder, settings=FAST):
        content = (cluster_of(folder) / "postmaster.pid").read_text().splitlines()
    stale = "\n".join([str(os.getpid()), *content[1:]]) + "\n"
    (cluster_of(folder) / "postmaster.pid").write_text(stale)
    assert read_postmaster(cluster_of(folder)) is None
    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert ask(server.url(), "SELECT 1") == 1


def test_a_closed_parent_folder_stays_closed(folder, monkeypatch):
    folder.parent.chmod(0o700)
    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert ask(server.url(), "SELECT 1") == 1
        home = cluster_of(folder).parent.resolve()
        assert home.stat().st_mode & 0o077 == 0
        assert home.stat().st_uid == (server._user.pw_uid if server._user else os.geteuid())
    assert folder.parent.stat().st_mode & 0o077 == 0
    if home.parent != folder:
        (folder / "postgres").unlink()
        monkeypatch.setattr(embedded_host, "_SWEPT_AFTER_SECONDS", -1.0)
        embedded_host._sweep()
        assert not home.exists(), "what lay outside a temporary folder goes with it"


async def test_it_starts_beside_a_running_event_loop(folder):
    async with EmbeddedPostgres(folder, settings=FAST) as server:
        assert ask(server.url(), "SELECT 1") == 1


def test_without_the_wheel_it_says_what_to_do(folder, monkeypatch):
    monkeypatch.setattr(embedded_host, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedUnavailable, match="DATABASE_URL"):
        EmbeddedPostgres(folder).start()
    assert not (folder / "postgres").exists()
