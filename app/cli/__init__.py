"""`tieout`: the operator's commands. They act across firms and need the service's own settings."""

import asyncio
import json
import sys
from typing import Annotated

import typer
import uvicorn
from uvicorn.importer import import_from_string

from app.cli import files
from app.cli.doctoring import doctor
from app.cli.explaining import explain, replay_webhooks
from app.cli.running import with_runtime
from app.cli.tenants import firm_commands, key_commands, sign_in_link
from app.crypto import generate_key
from app.db import health, migrating
from app.db.session import Unavailable
from app.errors import AppError
from app.logs import configure_logs
from app.settings import SettingsError, load_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Operate Tieout.")
app.add_typer(firm_commands, name="firm")
app.add_typer(key_commands, name="key")
app.add_typer(files.commands, name="files")
app.command("sign-in-link")(sign_in_link)
app.command("doctor")(doctor)
app.command("explain")(explain)
app.command("replay-webhooks")(replay_webhooks)

# The other two entries are named, as a process manager would name them: none of the three imports another.
_WEB = "app.main:create_app"
_WORKER = "app.worker:work"
_DRAIN_SECONDS = 20


def main() -> None:
    """The console script: failures an operator can mend are one line, not a traceback."""
    try:
        app()
    except (SettingsError, AppError) as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except Unavailable as error:
        typer.echo(
            f"The database cannot be reached ({error}). Check DATABASE_URL and MIGRATION_DATABASE_URL.", err=True
        )
        sys.exit(1)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
) -> None:
    """Serve the API. Without DATABASE_URL the embedded PostgreSQL runs, migrated, as long as this does."""
    configure_logs(load_settings().log_level)
    uvicorn.run(
        _WEB,
        factory=True,
        host=host,
        port=port,
        log_config=None,
        proxy_headers=False,  # whoever can reach the port could otherwise choose the caller's address
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


@app.command()
def worker() -> None:
    """Work in the background until told to stop; SIGTERM finishes what is in hand."""
    asyncio.run(import_from_string(_WORKER)(load_settings()))


@app.command()
def migrate() -> None:
    """Bring the database to this release's schema and let the service's login take its roles."""
    settings = load_settings()
    url = settings.migrations_url
    if url is None or settings.database_url is None:
        revision = with_runtime(lambda runtime: health.present_revision(runtime.db))
        typer.echo(f"The embedded database is at revision {revision}.")
        return
    login = migrating.login_of(settings.database_url.get_secret_value())
    migrating.upgrade(url.get_secret_value(), login)
    typer.echo(f"The database is at revision {health.expected_revision()}; {login} holds the service's roles.")


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Seal everything at rest anew under the first of ENCRYPTION_KEYS; the service may keep running."""
    counts = with_runtime(lambda runtime: runtime.vault.rotate_keys())
    for what, count in counts.items():
        typer.echo(f"{what}\t{count}")
    if counts["unreadable"]:
        raise typer.Exit(1)


@app.command("generate-key")
def generate() -> None:
    """Print a new key for ENCRYPTION_KEYS, to be set as `<id>:<key>`."""
    typer.echo(generate_key())


@app.command()
def openapi() -> None:
    """Print the API's OpenAPI document."""
    settings = load_settings(env_file=None, encryption_keys=f"k1:{generate_key()}", secret_key=generate_key())
    document = import_from_string(_WEB)(settings).openapi()
    typer.echo(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False))
