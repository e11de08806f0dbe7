"""`tieout doctor`: what an operator would otherwise learn from the first failure."""

import asyncio
import time
from typing import Annotated, Final

import typer

from app.canonical import ProviderName
from app.cli.running import with_runtime
from app.db import health
from app.providers import registry
from app.providers.http import reach
from app.runtime import Runtime
from app.settings import Settings, load_settings

_CLOCK_TOLERANCE: Final = 5.0
_PATIENCE: Final = 5.0  # seconds for one provider's host; a healthy one answers within one
_WEBHOOK_KEYS: Final = {
    ProviderName.quickbooks: "QUICKBOOKS_WEBHOOK_VERIFIER_TOKENS",
    ProviderName.xero: "XERO_WEBHOOK_KEYS",
}


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Do not call the providers' hosts.")] = False,
) -> None:
    """Check settings, database, walls, schema, webhook keys, clock, providers; exit 1 if something must be mended."""
    settings = load_settings()
    problems = _of_settings(settings)
    try:
        problems += with_runtime(_of_database)
    except Exception as error:  # noqa: BLE001  a doctor reports whatever is wrong
        problems.append(
            health.Finding(f"The database cannot be used: {error}.", "See DATABASE_URL and app/db/roles.sql.")
        )
    if not offline:
        problems += asyncio.run(_of_providers(settings))
    for found in problems:
        typer.echo(f"PROBLEM  {found.what} {found.cure}")
    if problems:
        raise typer.Exit(1)
    typer.echo("All is well.")


def _of_settings(settings: Settings) -> list[health.Finding]:
    """Webhooks of a configured provider would all be refused without a key, and the provider would switch them off."""
    return [
        health.Finding(f"{registry.SPECS[name].display} is set up without webhook keys.", f"Set {setting}.")
        for name, setting in _WEBHOOK_KEYS.items()
        if registry.is_configured(settings, name) and not settings.webhook_keys(name.value)
    ]


async def _of_database(runtime: Runtime) -> list[health.Finding]:
    examination = await health.examine(runtime.db)
    found = list(examination.findings)
    if abs(examination.clock - time.time()) > _CLOCK_TOLERANCE:
        found.append(health.Finding("This machine's clock and the database's differ.", "Synchronise both (NTP)."))
    return found


async def _of_providers(settings: Settings) -> list[health.Finding]:
    """Ask every host that the service will speak to for any answer at all; each is told in a line of its own."""
    asked = [
        (registry.SPECS[name].display, address)
        for name in ProviderName
        if registry.is_configured(settings, name)
        for address in registry.addresses(settings, name)
    ]
    ends = await asyncio.gather(*(reach(address, _PATIENCE) for _, address in asked))
    found = []
    for (display, address), end in zip(asked, ends, strict=True):
        if end.trouble:
            what = f"{display}: {address} cannot be reached: {end.trouble}."
            found.append(health.Finding(what, "Check the network, the proxy, the DNS and the address in the settings."))
        else:
            typer.echo(f"reached  {display}: {address} in {end.seconds:.2f} s")
    return found
