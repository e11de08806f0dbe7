"""`tieout firm` and `tieout key`."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from app.cli.running import OPERATOR, AsJson, with_runtime
from app.crypto import digest
from app.db import api_keys, audit, firms
from app.edge.principals import Principal, Role, key_prefix, make_key
from app.runtime import Runtime
from app.web.sessions import make_link

firm_commands = typer.Typer(no_args_is_help=True, help="Firms: the tenants.")
key_commands = typer.Typer(no_args_is_help=True, help="API keys of a firm.")


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


def sign_in_link(
    firm: Annotated[int, typer.Option(help="The firm's id.")],
    role: Annotated[Role, typer.Option()] = Role.admin,
    name: Annotated[str, typer.Option(help="Whom the pages and the audit name.")] = OPERATOR,
) -> None:
    """Print an address that opens the firm's pages, once, within fifteen minutes."""
    principal = Principal(firm_id=firm, subject=f"link:{name}", role=role)
    typer.echo(with_runtime(lambda runtime: make_link(runtime, principal, name=name)))


def _state(row: api_keys.KeyRow) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is not None:
        return f"until {row.expires_at:%Y-%m-%d}"
    return "active"
