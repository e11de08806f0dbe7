"""Control of the app itself: tokens, tier, limits, half batches and webhook categories. See control.py for fields."""

from decimal import Decimal, InvalidOperation

from starlette.requests import Request

from simulators.core.http import BadRequest, Json
from simulators.xero.events import CATEGORIES
from simulators.xero.world import World

_LIMITS = {"minute", "day", "concurrent", "app", "volume"}


def tokens(world: World, _request: Request, _body: Json) -> object:
    """Counters of the token endpoint."""
    names = ("exchanges", "refreshes", "refresh_failures", "revocations")
    return {name: world.identity.counters[name] for name in names}


def expire(world: World, _request: Request, body: Json) -> object:
    """Make live tokens invalid."""
    what = body.get("grant", "all")
    if what not in ("access", "refresh", "all"):
        raise BadRequest("grant must be access, refresh or all")
    world.identity.expire(what)
    return {"expired": what}


def limits(world: World, _request: Request, body: Json) -> object:
    """Read or set the limits."""
    limits = world.limits
    for key, value in body.items():
        if key == "enforce" and isinstance(value, bool):
            limits.enforce = value
        elif key in _LIMITS and isinstance(value, int) and not isinstance(value, bool):
            setattr(limits, key, value)
        elif key == "latency":
            limits.latency = float(decimal_of(value))
        else:
            raise BadRequest(f"unknown or wrong limit: {key}")
    shown = {name: getattr(limits, name) for name in sorted(_LIMITS)}
    return shown | {"enforce": limits.enforce, "latency": str(limits.latency)}


def partial(world: World, _request: Request, body: Json) -> object:
    """Arm a failure in the middle of the next batch."""
    after = body.get("after")
    if after is not None and (not isinstance(after, int) or after < 0):
        raise BadRequest("after must be a whole number, or null to disarm")
    world.cut_after = after
    return {"after": after}


def categories(world: World, _request: Request, body: Json) -> object:
    """Which webhooks the app subscribes to."""
    wanted = body.get("categories")
    if not isinstance(wanted, list) or not set(wanted) <= CATEGORIES:
        raise BadRequest(f"categories must be of {', '.join(sorted(CATEGORIES))}")
    world.events.categories = frozenset(wanted)
    return {"categories": sorted(wanted)}


def consent(world: World, _request: Request, body: Json) -> object:
    """The app's tier and age."""
    for name, value in body.items():
        if name not in ("bulk", "granular_only") or not isinstance(value, bool):
            raise BadRequest(f"unknown or wrong: {name}")
        setattr(world.identity, name, value)
    return {"bulk": world.identity.bulk, "granular_only": world.identity.granular_only}


def reorder(world: World, _request: Request, body: Json) -> object:
    """Let webhook bodies overtake each other."""
    if not isinstance(body.get("on"), bool):
        raise BadRequest("on must be true or false")
    world.events.set_reorder(body["on"])
    return {"reorder": body["on"]}


def decimal_of(value: object) -> Decimal:
    """A finite number. Raises BadRequest."""
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise BadRequest(f"not a number: {value}") from error
    if not number.is_finite():
        raise BadRequest(f"not a number: {value}")
    return number
