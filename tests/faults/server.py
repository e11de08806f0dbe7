"""A PostgreSQL server of a test's own, which may be stopped, crashed and started again behind one address."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from app.db.embedded import LOGIN, OWNER, EmbeddedPostgres
from app.db.embedded_host import read_postmaster
from app.db.migrating import upgrade


@dataclass
class Server:
    """A server of our own that can go away; its address stays, as that of one in production does."""

    postgres: EmbeddedPostgres
    directory: Path

    @property
    def address(self) -> Path:
        """Where clients look for its socket."""
        return self.directory / "address"

    def start(self) -> None:
        """Up, at the same address."""
        self.postgres.start()
        self.address.unlink(missing_ok=True)
        self.address.symlink_to(str(make_url(self.postgres.url()).query["host"]))

    def stop(self) -> None:
        """Down, as for maintenance: open transactions roll back."""
        self.postgres.stop()

    def crash(self) -> None:
        """Down at once, without a last checkpoint: the next start recovers from its log."""
        found = read_postmaster((self.directory / "postgres").resolve() / "data")
        if found is not None:
            os.kill(found.pid, signal.SIGQUIT)
        self.postgres.stop()

    def migrated(self) -> str:
        """The service's address of its database, brought to the newest schema."""
        upgrade(self.postgres.url(user=OWNER), LOGIN)
        url = make_url(self.postgres.url(user=LOGIN)).update_query_dict({"host": str(self.address)})
        return url.render_as_string(hide_password=False)


@contextmanager
def mortal_server() -> Iterator[Server]:
    """A running one in a folder of its own; removed with the block, up or down."""
    directory = Path(tempfile.mkdtemp(prefix="tieout-away-"))
    directory.chmod(0o711)
    opened = Server(EmbeddedPostgres(directory, settings={"fsync": "off"}), directory)
    try:
        opened.start()
        yield opened
    finally:
        opened.stop()
        shutil.rmtree(directory, ignore_errors=True)
