"""Whether the database answers and stands at this release's schema."""

from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import text

from app.db.session import Database

_ALEMBIC = Path(__file__).resolve().parents[2] / "alembic"


def expected_revision() -> str:
    """The newest migration this release carries."""
    return ScriptDirectory(str(_ALEMBIC)).get_current_head() or ""


async def present_revision(database: Database) -> str:
    """The migration the database stands at. Raises what the driver raises while the database is away."""
    async with database.system() as session:
        return str((await session.execute(text("SELECT version_num FROM alembic_version"))).scalar_one())
