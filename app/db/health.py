"""Whether the database answers, stands at this release's schema, and keeps the walls up."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import text

from app.db.session import Database

_ALEMBIC = Path(__file__).resolve().parents[2] / "alembic"
_OLDEST_SERVER = 150000

# What the login could do beyond its three roles; `session_user` is who logged in, whatever role the pool took.
_FACTS = text(
    """
    SELECT current_setting('server_version_num')::int AS version,
           session_user AS login,
           r.rolsuper AS is_superuser,
           r.rolbypassrls AS bypasses_rls,
           EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = 'public' AND c.relkind = 'r' AND pg_has_role(r.oid, c.relowner, 'MEMBER'))
               AS is_owner,
           ARRAY(SELECT c.relname::text FROM pg_class c
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'firm_id' AND NOT a.attisdropped
                 WHERE n.nspname = 'public' AND c.relkind = 'r'
                   AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                            AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))
                 ORDER BY 1) AS open_tables,
           (SELECT version_num FROM alembic_version) AS revision,
           extract(epoch FROM clock_timestamp())::float8 AS now
    FROM pg_roles r WHERE r.rolname = session_user
    """
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something an operator must mend: what is wrong, and the cure."""

    what: str
    cure: str


@dataclass(frozen=True, slots=True)
class Examination:
    """What is wrong with the database, and its clock as Unix time."""

    findings: tuple[Finding, ...]
    clock: float


def expected_revision() -> str:
    """The newest migration this release carries."""
    return ScriptDirectory(str(_ALEMBIC)).get_current_head() or ""


async def present_revision(database: Database) -> str:
    """The migration the database stands at. Raises what the driver raises while the database is away."""
    async with database.system() as session:
        return str((await session.execute(text("SELECT version_num FROM alembic_version"))).scalar_one())


async def examine(database: Database) -> Examination:
    """Look at the login's rights, the walls, the schema and the server. Raises the driver's error if it is away."""
    async with database.system() as session:
        facts = (await session.execute(_FACTS)).one()
    return Examination(tuple(_findings(facts._asdict())), facts.now)


def _findings(facts: dict[str, object]) -> Iterator[Finding]:
    login = facts["login"]
    if facts["is_superuser"]:
        yield Finding(f"{login} is a superuser: no wall binds it.", "Log in as tieout_login; see app/db/roles.sql.")
    if facts["bypasses_rls"]:
        yield Finding(f"{login} bypasses row-level security.", f"ALTER ROLE {login} NOBYPASSRLS.")
    if facts["is_owner"]:
        yield Finding(f"{login} owns the tables.", "Log in as tieout_login and keep the owner for migrations.")
    if facts["open_tables"]:
        yield Finding(f"Tables without a forced wall: {facts['open_tables']}.", "Run `tieout migrate` as the owner.")
    if facts["revision"] != (expected := expected_revision()):
        yield Finding(f"The schema is {facts['revision']}, this release needs {expected}.", "Run `tieout migrate`.")
    if isinstance(version := facts["version"], int) and version < _OLDEST_SERVER:
        yield Finding(f"PostgreSQL {version // 10000} is too old.", "Use PostgreSQL 15 or later.")
