"""Running one command over the service's own database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from app.logs import configure_logs
from app.runtime import Runtime, open_runtime
from app.settings import load_settings

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
OPERATOR = "operator"


def with_runtime(act: Callable[[Runtime], Awaitable[T]]) -> T:
    """Run `act` over the service's database; without DATABASE_URL that is the embedded one, started for the moment."""
    settings = load_settings()
    configure_logs("WARNING")

    async def run() -> T:
        async with open_runtime(settings) as runtime:
            return await act(runtime)

    return asyncio.run(run())
