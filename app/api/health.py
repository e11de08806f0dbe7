"""`/livez`, `/readyz`, `/metrics`: for the machines that watch this one. No credential, and nothing about any firm."""

import asyncio

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.db import gauges, health
from app.edge.deps import RuntimeDep
from app.edge.problems import problem

router = APIRouter(tags=["health"])
_PATIENCE_SECONDS = 1.0
_EXPECTED = health.expected_revision()
_log = structlog.get_logger(__name__)


@router.get("/livez", operation_id="health_live")
async def live() -> dict[str, str]:
    """Whether the process answers at all."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="health_ready")
async def ready(runtime: RuntimeDep) -> JSONResponse:
    """Whether requests can be served: the database answers within a second and is migrated. Else 503."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            present = await health.present_revision(runtime.db)
    except Exception as error:  # noqa: BLE001  whatever keeps the database away, the answer is: not ready
        _log.warning("not_ready", reason=type(error).__name__)
        return problem(503, "database_unavailable", "Not ready", "The database does not answer.", who="operator")
    if present != _EXPECTED:
        detail = f"The database stands at revision {present}; this release needs {_EXPECTED}: run `tieout migrate`."
        return problem(503, "migrations_pending", "Not ready", detail, who="operator")
    async with runtime.db.system() as session:
        waited = {name: value for name, _, value in await gauges.queue(session)}
    return JSONResponse(
        {"status": "ok", "revision": present, "queue_oldest_seconds": waited["tieout_queue_oldest_seconds"]}
    )


@router.get("/metrics", operation_id="health_metrics", response_class=Response)
async def metrics(request: Request, runtime: RuntimeDep) -> Response:
    """Prometheus' text format: this process's requests, and what the tables tell of the whole service."""
    await request.app.state.gauges.refresh(runtime.db)
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
