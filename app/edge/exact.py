"""Bodies whose numbers stay exact: `0.10` in JSON becomes Decimal("0.10"), never a float."""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

from fastapi import Request, Response

from app.edge.lean import LeanRoute


class _ExactRequest(Request):
    async def json(self) -> Any:
        """The body with exact numbers. NaN and Infinity are no JSON, nor what is too deep or too long to be read."""
        try:
            return json.loads(await self.body(), parse_float=Decimal, parse_constant=_refuse)
        except json.JSONDecodeError:
            raise
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise json.JSONDecodeError("It cannot be read", "", 0) from error


class ExactRoute(LeanRoute):
    """For routers whose bodies hold amounts: `APIRouter(route_class=ExactRoute)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, given a request that reads numbers exactly."""
        handle = super().get_route_handler()

        async def handle_exactly(request: Request) -> Response:
            return await handle(_ExactRequest(request.scope, request.receive))

        return handle_exactly


def _refuse(word: str) -> None:
    raise json.JSONDecodeError(f"{word} is not a JSON number", word, 0)
