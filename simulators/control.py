"""Shared control routes under /_sim: reset, clock, faults and the call log.

POST   /reset                                  back to the seeds
GET|POST /clock  {advance_seconds | freeze_at (ISO 8601 with offset) | freeze: true | reset: true}
GET|POST|DELETE /faults  {provider, path, kind, method?, status?, headers?, body?, delay?, times?, skip?, preset?,
                          rate?, seed?}   GET also lists the presets of each provider
GET|DELETE /calls?provider=&company=
Each provider adds its own routes under /{provider}. A value that cannot be is answered 422 and changes nothing; 400
means that the body is not JSON or that the vendor refuses the act, 404 that something is not there.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from simulators.core.checks import YEARS, decimal_of, flag_of
from simulators.core.http import Handler, Unprocessable, controlled, json_object, json_response
from simulators.fault_requests import PROVIDERS, fault_of, shown
from simulators.root import Simulators

# The most that the clock moves at once: a hundred years, in seconds.
_LEAP = Decimal(100 * 366 * 86_400)


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
            frozen_at = _moment(body["freeze_at"]) if "freeze_at" in body else None
            by = _seconds(body.get("advance_seconds", 0))
            reset, freeze = flag_of(body, "reset", False), flag_of(body, "freeze", False)
            start = datetime.now(UTC) if reset else sims.clock.now()
            _bearable((frozen_at or start) + by)
            if reset:
                sims.clock.reset()
            if freeze or frozen_at is not None:
                sims.clock.freeze(frozen_at)
            sims.clock.advance(by)
        return json_response({"now": sims.clock.now().isoformat(), "frozen": sims.clock.frozen})

    return clock


def _faults(sims: Simulators) -> Handler:
    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            sims.faults.clear()
        elif request.method == "POST":
            fault = fault_of(await json_object(request))
            try:
                return json_response({"id": sims.faults.add(fault)}, 201)
            except ValueError as error:
                raise Unprocessable(str(error)) from error
        armed = [{"id": key, **shown(fault)} for key, fault in sims.faults.armed().items()]
        presets = {provider: sorted(sims.faults.presets(provider)) for provider in PROVIDERS}
        return json_response({"faults": armed, "presets": presets})

    return faults


def _calls(sims: Simulators) -> Handler:
    async def calls(request: Request) -> Response:
        if request.method == "DELETE":
            sims.calls.clear()
        query = request.query_params
        return json_response(sims.calls.snapshot(query.get("provider"), query.get("company")))

    return calls


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise Unprocessable(f"freeze_at: {error}") from error
    if moment.tzinfo is None:
        raise Unprocessable("freeze_at needs an offset")
    return _bearable(moment)


def _seconds(value: object) -> timedelta:
    return timedelta(microseconds=int(decimal_of(value, "advance_seconds", -_LEAP, _LEAP) * 1_000_000))


def _bearable(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise Unprocessable(f"the clock runs from {YEARS.start} to {YEARS.stop}")
    return moment
