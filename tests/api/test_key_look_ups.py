"""Key look-ups that arrive together share one; limits counted in memory are those of the library."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from limits import parse

from app.crypto import digest
from app.db import api_keys
from app.db.session import Unavailable
from app.edge import limits
from app.edge.key_look_ups import KeyLookUps
from app.edge.limits import PrincipalLimits
from app.settings import Settings
from tests.support.api import BOOKS, Api


class TestLookUps:
    async def test_those_that_arrive_while_one_runs_share_the_next(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        firm = await api.world.firm()
        keys = [await api.key(firm) for _ in range(3)]
        asked: list[list[str]] = []
        really = api_keys.find

        async def find(session: Any, hashes: list[str]) -> Any:
            asked.append(list(hashes))
            await asyncio.sleep(0.05)
            return await really(session, hashes)

        monkeypatch.setattr(api_keys, "find", find)
        look_ups = KeyLookUps(api.world.runtime.db)
        hashes = [digest(key) for _, key in keys]
        first = asyncio.create_task(look_ups.find(hashes[0]))
        await asyncio.sleep(0.01)
        rest = await asyncio.gather(*(look_ups.find(one) for one in [*hashes, *hashes, digest("unknown")]))
        ids = [key_id for key_id, _ in keys]
        assert [row and row.id for row in (await first, *rest)] == [ids[0], *ids, *ids, None]
        assert [len(one) for one in asked] == [1, 4]

    async def test_one_that_begins_after_a_revocation_never_gets_an_older_answer(self, api: Api) -> None:
        firm = await api.world.firm()
        for _ in range(5):
            key_id, key = await api.key(firm)
            caller = await api.with_credential(key)
            earlier = [asyncio.create_task(caller.get(f"{BOOKS}/clients")) for _ in range(8)]
            await asyncio.sleep(0.002)
            async with api.world.runtime.db.firm(firm) as session:
                await api_keys.revoke(session, firm, key_id)
            later = await asyncio.gather(*(caller.get(f"{BOOKS}/clients") for _ in range(8)))
            assert {answer.status_code for answer in later} == {401}
            assert {answer.status_code for answer in await asyncio.gather(*earlier)} <= {200, 401}

    async def test_nobody_waits_for_a_note_that_another_process_makes(self, api: Api) -> None:
        """Two that note several keys each, crosswise, would else wait for each other."""
        firm = await api.world.firm()
        _, key = await api.key(firm)
        caller = await api.with_credential(key)
        async with api.world.runtime.db.system() as session:
            await session.exec_driver_sql("UPDATE api_keys SET last_used_at = NULL")
            async with asyncio.timeout(5):
                answer = await caller.get(f"{BOOKS}/clients")
        assert answer.status_code == 200

    async def test_who_hangs_up_takes_nobody_with_him_and_a_failure_is_everybodys(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look_ups = KeyLookUps(api.world.runtime.db)
        gone, stays = (asyncio.create_task(look_ups.find("x")) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays is None

        async def away(*_: Any) -> Any:
            raise Unavailable("gone")

        monkeypatch.setattr(api_keys, "find", away)
        told = await asyncio.gather(*(look_ups.find("x") for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in told] == [Unavailable] * 3


class TestLimitsInMemory:
    async def test_they_are_what_the_library_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1_800_000_007.25
        monkeypatch.setattr(time, "time", lambda: now)
        limit = parse("5/minute")
        mine, theirs = limits._InMemory(limit), limits._InStorage(limit, limits.IN_MEMORY)
        steps = [0, 1, 0.5, 3, 20, 0, 0, 0, 40, 0, 0, 0, 30, 10, 10, 10, 0, 0, 0, 61, 0, 200, 0, 0, 0, 0, 0, 0, 59]
        for step in steps:
            now += step
            for who in (("1", "a"), ("1", "b"), ("2", "a")):
                told, expected = await mine.hit(*who), await theirs.hit(*who)
                assert told[:2] == expected[:2]
                assert told[2] == pytest.approx(expected[2], abs=0.001)

    def test_another_storage_is_the_librarys(self, make_settings: Callable[..., Settings]) -> None:
        assert isinstance(PrincipalLimits(make_settings())._counter, limits._InMemory)
        with pytest.raises(Exception, match="redis"):
            PrincipalLimits(make_settings(rate_limit_storage="async+redis://127.0.0.1:1"))
