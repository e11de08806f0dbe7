"""Shared control routes under /_sim: reset, clock, faults and the call log.

POST   /reset                                  back to the seeds
GET|POST /clock  {advance_seconds | freeze_at (ISO 8601 with offset) | freeze: true | reset: true}
GET|POST|DELETE /faults  {provider, path, kind, method?, status?, headers?, body?, delay?, times?, skip?, preset?,
                          rate?, seed?}   GET also lists the presets of each provider
GET|DELETE /calls?provider=&company=
Each provider adds its own routes under /{provider}.
"""

import re
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from simulators.core.faults import Fault, FaultKind
from simulators.core.http import BadRequest, Handler, Json, controlled, json_object, json_response
from simulators.root import Simulators

_FAULT_FIELDS = {f.name for f in fields(Fault)}
_PROVIDERS = ("intuit", "xero")


def control_routes(sims: Simulators) -> list[BaseRoute]:
    """All routes below /_sim."""
    return [
        Route("/reset", controlled(_reset(sims)), methods=["POST"]),
        Route("/clock", controlled(_clock(sims)), methods=["GET", "POST"]),
        Route("/faults", controlled(_faults(sims)), methods=["GET", "POST", "DELETE"]),
        Route("/calls", controlled(_calls(sims)), methods=["GET", "DELETE"]),
        Mount("/intuit", routes=sims.intuit.control_routes),
        Mount("/xero", routes=sims.xero.control_routes),
    ]


def _reset(sims: Simulators) -> Handler:
    async def reset(_request: Request) -> Response:
        sims.reset()
        return json_response({"reset": True})

    return reset


def _clock(sims: Simulators) -> Handler:
    async def clock(request: Request) -> Response:
        if request.method == "POST":
            body = await json_object(request)
            if body.get("reset"):
                sims.clock.reset()
            if body.get("freeze"):
                sims.clock.freeze()
            if "freeze_at" in body:
                sims.clock.freeze(_moment(body["freeze_at"]))
            if "advance_seconds" in body:
                sims.clock.advance(_seconds(body["advance_seconds"]))
        return json_response({"now": sims.clock.now().isoformat(), "frozen": sims.clock.frozen})

    return clock


def _faults(sims: Simulators) -> Handler:
    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            sims.faults.clear()
        elif request.method == "POST":
            fault = _fault(await json_object(request))
            try:
                return json_response({"id": sims.faults.add(fault)}, 201)
            except ValueError as error:
                raise BadRequest(str(error)) from error
        armed = [{"id": key, **_shown(fault)} for key, fault in sims.faults.armed().items()]
        presets = {provider: sorted(sims.faults.presets(provider)) for provider in _PROVIDERS}
        return json_response({"faults": armed, "presets": presets})

    return faults


def _calls(sims: Simulators) -> Handler:
    async def calls(request: Request) -> Response:
        if request.method == "DELETE":
            sims.calls.clear()
        query = request.query_params
        return json_response(sims.calls.snapshot(query.get("provider"), query.get("company")))

    return calls


def _shown(fault: Fault) -> Json:
    return {**asdict(fault), "delay": str(fault.delay), "rate": None if fault.rate is None else str(fault.rate)}


def _fault(body: Json) -> Fault:
    unknown = set(body) - _FAULT_FIELDS
    if unknown:
        raise BadRequest(f"unknown fault fields: {', '.join(sorted(unknown))}")
    if body.get("provider") not in _PROVIDERS:
        raise BadRequest("provider must be intuit or xero")
    if body.get("kind") not in get_args(FaultKind):
        raise BadRequest(f"kind must be one of {', '.join(get_args(FaultKind))}")
    try:
        fault = Fault(**{"path": "", **body})
        fault.delay = float(fault.delay)
        fault.rate = None if fault.rate is None else float(fault.rate)
        fault.times = None if fault.times is None else int(fault.times)
        fault.skip, fault.seed = int(fault.skip), int(fault.seed)
        re.compile(fault.path)
    except (TypeError, ValueError, re.error) as error:
        raise BadRequest(f"not a fault: {error}") from error
    return fault


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise BadRequest(f"freeze_at: {error}") from error
    if moment.tzinfo is None:
        raise BadRequest("freeze_at needs an offset")
    return moment


def _seconds(value: object) -> timedelta:
    try:
        return timedelta(microseconds=int(Decimal(str(value)) * 1_000_000))
    except InvalidOperation as error:
        raise BadRequest("advance_seconds must be a number") from error
