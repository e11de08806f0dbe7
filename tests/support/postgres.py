"""The PostgreSQL of a test process: the embedded one, or the server that TIEOUT_TEST_DATABASE_URL names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from app.db.embedded import EmbeddedPostgres
from app.db.migrating import upgrade

TEMPLATE = "tieout_template"
PASSWORD = "test-only"
ROLES_SQL = Path(__file__).resolve().parents[2] / "app" / "db" / "roles.sql"


@dataclass(frozen=True)
class TestServer:
    """Addresses on one server. `owner` may create databases and is no superuser; `login` is the service's."""

    __test__ = False
    owner: str
    login: str

    def owner_url(self, database: str) -> str:
        """For migrations."""
        return make_url(self.owner).set(database=database).render_as_string(hide_password=False)

    def login_url(self, database: str) -> str:
        """For the service."""
        return make_url(self.login).set(database=database).render_as_string(hide_password=False)

    def create(self, name: str, template: str | None = None) -> None:
        """A new database, owned by the owner."""
        with psycopg.connect(self.owner_url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            source = sql.SQL("TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
            connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), source))

    def drop(self, name: str) -> None:
        """Remove a database and whoever is connected to it."""
        with psycopg.connect(self.owner_url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def running_server(directory: Path) -> Iterator[TestServer]:
    """Start or borrow a server for this test process."""
    given = os.environ.get("TIEOUT_TEST_DATABASE_URL")
    if given:
        yield _borrowed(given)
        return
    with EmbeddedPostgres(directory, settings={"fsync": "off", "max_connections": "200"}) as postgres:
        owner = postgres.url(database="postgres", user="tieout_owner")
        login = postgres.url(database="postgres", user="tieout_login")
        yield TestServer(owner=owner, login=login)


def migrated(server: TestServer, name: str) -> None:
    """A database at head, with the login in its roles."""
    server.create(name)
    upgrade(server.owner_url(name), make_url(server.login).username or "")


def _borrowed(superuser_url: str) -> TestServer:
    with psycopg.connect(superuser_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('tieout-tests'))")
        connection.execute(ROLES_SQL.read_bytes())
        for role in ("tieout_owner", "tieout_login"):
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(PASSWORD)))
    url = make_url(superuser_url)
    owner = url.set(username="tieout_owner", password=PASSWORD).render_as_string(hide_password=False)
    login = url.set(username="tieout_login", password=PASSWORD).render_as_string(hide_password=False)
    return TestServer(owner=owner, login=login)
