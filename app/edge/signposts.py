"""The way to the routes that are asked for most, without trying one pattern after the other."""

import re
from collections.abc import Sequence
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from app.edge.lean import LeanRoute

_ANY = "~"  # stands for whatever a caller may write there
_PARAMETER = re.compile(r"\{[^}]*\}")


class Signposts:
    """In front of a router: GETs are found by their path, those of lean routes also by all of it but its last part.

    A signpost is put up only where the router, asked for such a path, would choose that very route.
    """

    def __init__(self, router: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._router = router
        self._routes = routes
        self._whole: dict[str, APIRoute] = {}
        self._parts: dict[str, tuple[LeanRoute, str, frozenset[str]]] = {}
        for route in routes:
            if isinstance(route, APIRoute) and route.methods == {"GET"}:
                self._put_up(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and not scope.get("root_path"):
            route, parts = self._find(scope["path"])
            if route is not None:
                scope.update({"route": route, "endpoint": route.endpoint, "path_params": parts})
                await route.app(scope, receive, send)
                return
        await self._router(scope, receive, send)

    def _find(self, path: str) -> tuple[APIRoute | None, dict[str, Any]]:
        if path in self._whole:
            return self._whole[path], {}
        folder, _, last = path.rpartition("/")
        if last and folder in self._parts:
            route, name, taken = self._parts[folder]
            if last not in taken:
                return route, {name: last}
        return None, {}

    def _put_up(self, route: APIRoute) -> None:
        folder, _, last = route.path.rpartition("/")
        if "{" not in route.path:
            if self._chosen(route.path) is route:
                self._whole[route.path] = route
        elif not isinstance(route, LeanRoute) or not route.lean:
            return
        elif "{" not in folder and last == f"{{{route.dependant.path_params[0].alias}}}":
            taken = self._taken(folder, route)
            if taken is not None and self._chosen(f"{folder}/{_ANY}") is route:
                self._parts[folder] = route, last[1:-1], taken

    def _taken(self, folder: str, route: LeanRoute) -> frozenset[str] | None:
        """Words that other routes claim below this folder; None where they claim more than words."""
        words = set()
        for other in self._routes:
            last = getattr(other, "path", "").rpartition("/")[2]
            word = _PARAMETER.sub(_ANY, last)
            if other is not route and _leads(other, f"{folder}/{word}"):
                if word != last:
                    return None
                words.add(word)
        return frozenset(words)

    def _chosen(self, path: str) -> BaseRoute | None:
        return next((route for route in self._routes if _leads(route, path)), None)


def _leads(route: BaseRoute, path: str) -> bool:
    asked = {"type": "http", "method": "GET", "path": path, "root_path": "", "path_params": {}}
    return route.matches(asked)[0] is Match.FULL
