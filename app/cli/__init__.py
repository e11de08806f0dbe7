"""`tieout`: the operator's commands. They act across firms and need the service's own settings."""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer
import uvicorn
from uvicorn.importer import import_from_string

from app.canonical import ProviderName
from app.cli import files
from app.cli.running import OPERATOR, AsJson, with_runtime
from app.crypto import digest, generate_key
from app.db import api_keys, audit, firms, health, migrating
from app.db.session import Unavailable
from app.edge.principals import Role, key_prefix, make_key
from app.errors import AppError
from app.logs import configure_logs
from app.providers import registry
from app.runtime import Runtime
from app.settings import Settings, SettingsError, load_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Operate Tieout.")
firm_commands = typer.Typer(no_args_is_help=True, help="Firms: the tenants.")
key_commands = typer.Typer(no_args_is_help=True, help="API keys of a firm.")
app.add_typer(firm_commands, name="firm")
app.add_typer(key_commands, name="key")
app.add_typer(files.commands, name="files")

# The other two entries are named, as a process manager would name them: none of the three imports another.
_WEB = "app.main:create_app"
_WORKER = "app.worker:work"
_CLOCK_TOLERANCE = 5.0
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


@firm_commands.command("create")
def firm_create(
    name: str,
    time_zone: Annotated[str, typer.Option(help="Decides what today is, e.g. Europe/Paris.")] = "UTC",
    as_json: AsJson = False,
) -> None:
    """Create a firm and print its id."""
    if not name.strip():
        raise typer.BadParameter("A firm needs a name.", param_hint="NAME")

    async def act(runtime: Runtime) -> int:
        async with runtime.db.system() as session:
            if not await firms.is_time_zone(session, time_zone):
                raise typer.BadParameter(f"{time_zone!r} is no time zone.", param_hint="--time-zone")
            firm_id = await firms.create(session, name=name.strip(), time_zone=time_zone)
            await audit.record(session, firm_id, actor=OPERATOR, action="firm.created", subject="firm")
            return firm_id

    firm_id = with_runtime(act)
    typer.echo(json.dumps({"id": firm_id, "name": name.strip()}) if as_json else f"{firm_id}")


@firm_commands.command("list")
def firm_list(as_json: AsJson = False) -> None:
    """List all firms."""

    async def act(runtime: Runtime) -> list[dict[str, object]]:
        async with runtime.db.system() as session:
            return [{"id": row.id, "name": row.name, "time_zone": row.time_zone} for row in await firms.every(session)]

    found = with_runtime(act)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for firm in found:
        typer.echo(f"{firm['id']}\t{firm['name']}\t{firm['time_zone']}")


@key_commands.command("create")
def key_create(
    firm: Annotated[int, typer.Option(help="The firm's id.")],
    name: Annotated[str, typer.Option(help="What the key is for.")],
    role: Annotated[Role, typer.Option()] = Role.member,
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day (UTC) it is refused.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key and print it: this once, it is not stored."""
    until = expires.replace(tzinfo=UTC) if expires else None

    async def act(runtime: Runtime) -> dict[str, object]:
        key = make_key(runtime.settings.key_environment)
        async with runtime.db.system() as session:
            await firms.get(session, firm)
            key_id = await api_keys.create(
                session,
                firm,
                name=name,
                prefix=key_prefix(key),
                key_hash=digest(key),
                role=role.value,
                expires_at=until,
            )
            await audit.record(
                session,
                firm,
                actor=OPERATOR,
                action="api_key.created",
                subject=f"api_key:{key_id}",
                details={"name": name},
            )
        return {"id": key_id, "firm_id": firm, "role": role.value, "key": key}

    made = with_runtime(act)
    typer.echo(json.dumps(made) if as_json else str(made["key"]))


@key_commands.command("list")
def key_list(firm: Annotated[int, typer.Option(help="The firm's id.")]) -> None:
    """List a firm's keys; of the keys themselves the first letters only."""

    async def act(runtime: Runtime) -> list[str]:
        async with runtime.db.system() as session:
            rows = await api_keys.of_firm(session, firm)
        return [f"{row.id}\t{row.prefix}…\t{row.role}\t{_state(row)}\t{row.name}" for row in rows]

    for line in with_runtime(act):
        typer.echo(line)


@key_commands.command("revoke")
def key_revoke(
    key_id: Annotated[int, typer.Argument(help="The key's id.")],
    firm: Annotated[int, typer.Option(help="The firm's id.")],
) -> None:
    """Make a key useless from now on."""

    async def act(runtime: Runtime) -> None:
        async with runtime.db.system() as session:
            await api_keys.revoke(session, firm, key_id)
            await audit.record(session, firm, actor=OPERATOR, action="api_key.revoked", subject=f"api_key:{key_id}")

    with_runtime(act)
    typer.echo(f"Key {key_id} is revoked.")


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


@app.command()
def doctor() -> None:
    """Check settings, database rights, walls, migrations, webhook keys, clock; exit 1 if something must be mended."""
    problems = _of_settings(load_settings())
    try:
        problems += with_runtime(_of_database)
    except Exception as error:  # noqa: BLE001  a doctor reports whatever is wrong
        problems.append(
            health.Finding(f"The database cannot be used: {error}.", "See DATABASE_URL and app/db/roles.sql.")
        )
    for found in problems:
        typer.echo(f"PROBLEM  {found.what} {found.cure}")
    if problems:
        raise typer.Exit(1)
    typer.echo("All is well.")


def _of_settings(settings: Settings) -> list[health.Finding]:
    """Webhooks of a configured provider would all be refused without a key, and the provider would switch them off."""
    keys = {
        ProviderName.quickbooks: "QUICKBOOKS_WEBHOOK_VERIFIER_TOKENS",
        ProviderName.xero: "XERO_WEBHOOK_KEYS",
    }
    return [
        health.Finding(f"{registry.SPECS[name].display} is set up without webhook keys.", f"Set {setting}.")
        for name, setting in keys.items()
        if registry.is_configured(settings, name) and not settings.webhook_keys(name.value)
    ]


async def _of_database(runtime: Runtime) -> list[health.Finding]:
    examination = await health.examine(runtime.db)
    found = list(examination.findings)
    if abs(examination.clock - time.time()) > _CLOCK_TOLERANCE:
        found.append(health.Finding("This machine's clock and the database's differ.", "Synchronise both (NTP)."))
    return found


def _state(row: api_keys.KeyRow) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is not None:
        return f"until {row.expires_at:%Y-%m-%d}"
    return "active"
