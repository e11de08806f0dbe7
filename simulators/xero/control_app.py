"""Control of the app itself: tokens, tier, limits, half batches and webhook categories. See control.py for fields."""

from starlette.requests import Request

from simulators.core.checks import choice_of, flag_of, wait_of, whole_of
from simulators.core.http import Json, Unprocessable
from simulators.xero.events import CATEGORIES
from simulators.xero.world import World

_LIMITS = {"minute", "day", "concurrent", "app", "volume"}
_SETTINGS = ("enforce", "latency", *sorted(_LIMITS))


def tokens(world: World, _request: Request, _body: Json) -> object:
    """Counters of the token endpoint."""
    names = ("exchanges", "refreshes", "refresh_failures", "revocations")
    return {name: world.identity.counters[name] for name in names}


def expire(world: World, _request: Request, body: Json) -> object:
    """Make live tokens invalid."""
    what = body.get("grant", "all")
    choice_of(what, "grant", ("access", "refresh", "all"))
    world.identity.expire(what)
    return {"expired": what}


def limits(world: World, _request: Request, body: Json) -> object:
    """Read or set the limits."""
    limits = world.limits
    fresh: Json = {"enforce": flag_of(body, "enforce", limits.enforce)}
    for key, value in body.items():
        if key == "enforce":
            continue
        choice_of(key, "a limit", _SETTINGS)
        fresh[key] = whole_of(value, key) if key in _LIMITS else wait_of(value, key)
    for key, value in fresh.items():
        setattr(limits, key, value)
    shown = {name: getattr(limits, name) for name in sorted(_LIMITS)}
    return shown | {"enforce": limits.enforce, "latency": str(limits.latency)}


def partial(world: World, _request: Request, body: Json) -> object:
    """Arm a failure in the middle of the next batch."""
    after = body.get("after")
    if after is not None:
        whole_of(after, "after")
    world.cut_after = after
    return {"after": after}


def categories(world: World, _request: Request, body: Json) -> object:
    """Which webhooks the app subscribes to."""
    wanted = body.get("categories")
    if not isinstance(wanted, list):
        raise Unprocessable("categories must be a list")
    for name in wanted:
        choice_of(name, "a category", sorted(CATEGORIES))
    world.events.categories = frozenset(wanted)
    return {"categories": sorted(wanted)}


def consent(world: World, _request: Request, body: Json) -> object:
    """The app's tier and age."""
    for name in body:
        choice_of(name, "a setting", ("bulk", "granular_only"))
        flag_of(body, name, False)
    for name, value in body.items():
        setattr(world.identity, name, value)
    return {"bulk": world.identity.bulk, "granular_only": world.identity.granular_only}


def reorder(world: World, _request: Request, body: Json) -> object:
    """Let webhook bodies overtake each other."""
    world.events.set_reorder(flag_of(body, "on", world.events.reorder))
    return {"on": world.events.reorder}


def forge(world: World, _request: Request, body: Json) -> object:
    """A stranger sends an event under a signature that does not fit."""
    category = choice_of(body.get("category"), "category", sorted(CATEGORIES))
    kind = choice_of(body.get("kind", "UPDATE"), "kind", ("CREATE", "UPDATE"))
    world.events.forge(str(body.get("id")), category, kind, str(body.get("resource_id")))
    return {"forged": True}


def replay(world: World, _request: Request, _body: Json) -> object:
    """The latest delivery again, byte for byte."""
    return {"replayed": world.events.replay()}
