"""The moments at which a runner may die: before, within and after its transactions, and around each call."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from app.db.session import Session
from app.providers.http import ProviderHttp
from app.sync.turn import Turn


def announced(step: Callable[[], None], put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Have `step` called at each of them from now on. `put` sets an attribute; a test's monkeypatch takes it back."""
    effects, send = Turn.effects, ProviderHttp._send

    @asynccontextmanager
    async def mortal_effects(turn: Turn) -> AsyncIterator[Session]:
        step()
        async with effects(turn) as session:
            yield session
            step()
        step()

    async def mortal_send(http: ProviderHttp, *given: Any) -> Any:
        step()
        answer = await send(http, *given)
        step()
        return answer

    put(Turn, "effects", mortal_effects)
    put(ProviderHttp, "_send", mortal_send)
