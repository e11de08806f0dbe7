"""Bringing a database to the present schema, as its owner."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from app.db.session import Unavailable

ROLES = ("tieout_app", "tieout_system", "tieout_operator")
_HERE = Path(__file__).resolve().parents[2]


def upgrade(owner_url: str, login: str) -> None:
    """Apply all migrations, then let `login` take the service's roles.

    Raises Unavailable where nobody answers, and psycopg.errors.InsufficientPrivilege where the server forbids the owner
    to make or grant roles; `app/db/roles.sql` is what an administrator then runs once.
    """
    try:
        command.upgrade(config_for(owner_url), "head")
        grant_roles(owner_url, login)
    except (OperationalError, psycopg.OperationalError) as error:
        raise Unavailable(f"The owner's database cannot be reached: {type(error).__name__}.") from error


def config_for(owner_url: str) -> Config:
    """Alembic's configuration for one database."""
    config = Config()
    config.set_main_option("script_location", str(_HERE / "alembic"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", owner_url.replace("%", "%%"))
    return config


def grant_roles(owner_url: str, login: str) -> None:
    """Make `login` a member of the roles it lacks. Nothing happens where it has them all."""
    address = make_url(owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        for role in ROLES:
            row = connection.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", (login, role)).fetchone()
            if row is not None and not row[0]:
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(login)))


def login_of(url: str) -> str:
    """The user name in a database address."""
    return make_url(url).username or ""
