"""The one ASGI app: both vendors and the control API under their prefixes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from simulators.control import control_routes
from simulators.root import Simulators

_INDEX = """<!doctype html><meta charset="utf-8"><title>Simulators</title>
<h1>Stand-in Intuit and Xero</h1>
<ul><li><a href="/intuit/ui">QuickBooks companies</a><li><a href="/xero/ui">Xero organisations</a>
<li><a href="/_sim/calls">Log of calls</a></ul>"""


def create_app(sims: Simulators | None = None) -> Starlette:
    """Mounts /intuit, /xero and /_sim; `app.state.sims` holds the simulators behind it."""
    world = sims if sims is not None else Simulators()

    async def index(_request: Request) -> HTMLResponse:
        return HTMLResponse(_INDEX)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await world.aclose()

    app = Starlette(
        routes=[
            Route("/", index),
            Mount("/intuit", app=world.intuit.app),
            Mount("/xero", app=world.xero.app),
            Mount("/_sim", routes=control_routes(world)),
        ],
        lifespan=lifespan,
    )
    app.state.sims = world
    return app
