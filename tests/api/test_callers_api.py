"""What keeps callers out of trouble: idempotency keys, entity tags, limits, live progress."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from app.db import idempotency, runs
from app.edge.limits import PrincipalLimits
from app.settings import Settings
from tests.support.api import BOOKS, Api

CLIENTS = f"{BOOKS}/clients"


class TestIdempotency:
    async def test_the_same_request_twice_is_carried_out_once(self, api: Api) -> None:
        caller = await api.caller(await api.world.firm())
        sent: dict[str, Any] = {"headers": {"Idempotency-Key": "order-1"}, "json": {"name": "Maple"}}
        first, second = await caller.post(CLIENTS, **sent), await caller.post(CLIENTS, **sent)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert second.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers
        assert len((await caller.get(CLIENTS)).json()["items"]) == 1

    async def test_ten_at_a_time_store_one(self, api: Api) -> None:
        caller = await api.caller(await api.world.firm())
        sent: dict[str, Any] = {"headers": {"Idempotency-Key": "order-1"}, "json": {"name": "Maple"}}
        answers = await asyncio.gather(*(caller.post(CLIENTS, **sent) for _ in range(10)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_running"}
        assert len((await caller.get(CLIENTS)).json()["items"]) == 1

    async def test_another_body_under_the_same_key_is_refused(self, api: Api) -> None:
        caller = await api.caller(await api.world.firm())
        headers = {"Idempotency-Key": "order-1"}
        await caller.post(CLIENTS, headers=headers, json={"name": "Maple"})
        other = await caller.post(CLIENTS, headers=headers, json={"name": "Oak"})
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    async def test_keys_are_each_callers_own(self, api: Api) -> None:
        firm = await api.world.firm()
        admin, member = await api.caller(firm), await api.caller(firm, "member")
        headers = {"Idempotency-Key": "order-1"}
        for caller in (admin, member):
            assert (await caller.post(CLIENTS, headers=headers, json={"name": "Maple"})).status_code == 201
        assert len((await admin.get(CLIENTS)).json()["items"]) == 2

    async def test_a_refusal_is_kept_too_and_a_missing_role_is_not(self, api: Api) -> None:
        firm = await api.world.firm()
        viewer, member = await api.caller(firm, "viewer"), await api.caller(firm, "member")
        headers = {"Idempotency-Key": "order-1"}
        assert (await viewer.post(CLIENTS, headers=headers, json={"name": "x"})).status_code == 403
        assert "Idempotency-Replayed" not in (await viewer.post(CLIENTS, headers=headers, json={"name": "x"})).headers
        assert (await member.post(CLIENTS, headers=headers, json={"name": ""})).status_code == 422
        again = await member.post(CLIENTS, headers=headers, json={"name": ""})
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (422, "true")
        assert again.headers["content-type"] == "application/problem+json"

    async def test_an_interrupted_request_says_that_nobody_knows(self, api: Api) -> None:
        firm = await api.world.firm()
        caller = await api.caller(firm)
        sent: dict[str, Any] = {"headers": {"Idempotency-Key": "order-1"}, "json": {"name": "Maple"}}
        assert (await caller.post(CLIENTS, **sent)).status_code == 201
        async with api.world.runtime.db.firm(firm) as session:
            await session.exec_driver_sql("UPDATE idempotency_keys SET status = NULL")
        running = await caller.post(CLIENTS, **sent)
        assert (running.status_code, running.json()["code"]) == (409, "idempotency_running")
        async with api.world.runtime.db.firm(firm) as session:
            await session.exec_driver_sql("UPDATE idempotency_keys SET locked_until = now()")
        unknown = await caller.post(CLIENTS, **sent)
        assert (unknown.status_code, unknown.json()["code"]) == (409, "idempotency_outcome_unknown")

    async def test_secrets_in_answers_are_sealed_and_forgotten_after_a_day(self, api: Api) -> None:
        firm = await api.world.firm()
        caller = await api.caller(firm)
        sent: dict[str, Any] = {"headers": {"Idempotency-Key": "key-1"}, "json": {"name": "Billing"}}
        made = await caller.post(f"{BOOKS}/api-keys", **sent)
        assert (await caller.post(f"{BOOKS}/api-keys", **sent)).json()["key"] == made.json()["key"]
        async with api.world.runtime.db.firm(firm) as session:
            stored = await session.exec_driver_sql("SELECT string_agg(t::text, '') FROM idempotency_keys t")
            assert made.json()["key"] not in stored.scalar_one()
            await session.exec_driver_sql("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
        async with api.world.runtime.db.system() as session:
            assert await idempotency.forget(session) == 1

    @pytest.mark.parametrize("key", ["", "x" * 256])
    async def test_odd_keys_are_refused(self, api: Api, key: str) -> None:
        caller = await api.caller(await api.world.firm())
        answer = await caller.post(CLIENTS, headers={"Idempotency-Key": key}, json={"name": "Maple"})
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_invalid")
        assert (await caller.get(CLIENTS)).json()["items"] == []

    async def test_without_a_credential_nothing_is_said_but_that(self, api: Api) -> None:
        answer = await api.http.post(CLIENTS, headers={"Idempotency-Key": "order-1"}, json={"name": "Maple"})
        assert answer.status_code == 401


class TestEntityTags:
    async def test_a_change_of_what_was_changed_meanwhile_is_refused(self, api: Api) -> None:
        firm = await api.world.firm()
        connection = await api.world.connect(firm)
        caller = await api.caller(firm)
        for path, change in (
            (f"{BOOKS}/connections/{connection}", {"invoice_sync_enabled": False}),
            (f"{BOOKS}/firm", {"name": "Alder"}),
        ):
            tag = (await caller.get(path)).headers["ETag"]
            done = await caller.patch(path, json=change, headers={"If-Match": tag})
            assert done.status_code == 200
            assert done.headers["ETag"] != tag
            late = await caller.patch(path, json=change, headers={"If-Match": tag})
            assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
            assert (
                await caller.patch(path, json=change, headers={"If-Match": done.headers["ETag"]})
            ).status_code == 200
            assert (await caller.patch(path, json=change, headers={"If-Match": "*"})).status_code == 200


class TestLimits:
    async def test_each_credential_has_its_own_minute(self, api: Api, make_settings: Callable[..., Settings]) -> None:
        api.app.state.limits = PrincipalLimits(make_settings(rate_limit="3/minute"))
        firm = await api.world.firm()
        caller, other = await api.caller(firm), await api.caller(firm, "viewer")
        left = [(await caller.get(CLIENTS)).headers["RateLimit-Remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = await caller.get(CLIENTS)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["RateLimit-Limit"] == "3"
        assert (await other.get(CLIENTS)).status_code == 200


class TestLive:
    async def test_a_stream_tells_of_every_change_and_takes_up_where_it_ended(self, api: Api) -> None:
        firm, elsewhere = await api.world.firm(), await api.world.firm("Elsewhere")
        connection = await api.world.connect(firm)
        caller = await api.caller(firm)
        reading = asyncio.create_task(caller.get(f"{BOOKS}/runs/live", params={"seconds": 2}))
        await asyncio.sleep(0.6)
        async with api.world.runtime.db.firm(firm) as session:
            run = await runs.request(session, firm, connection, "pull")
        await asyncio.sleep(0.3)
        async with api.world.runtime.db.firm(firm) as session:
            await runs.finish(session, firm, run, {"seen": 3})
        told = _events((await reading).text)
        states = [json.loads(one["data"])["state"] for one in told if json.loads(one["data"])["run_id"] == run]
        assert states == ["queued", "done"]
        async with api.world.runtime.db.firm(firm) as session:
            later = await runs.request(session, firm, connection, "pull")
        headers = {"Last-Event-ID": told[-1]["id"]}
        again = _events((await caller.get(f"{BOOKS}/runs/live?seconds=0", headers=headers)).text)
        assert [json.loads(one["data"])["run_id"] for one in again] == [later]
        stranger = await api.caller(elsewhere)
        assert _events((await stranger.get(f"{BOOKS}/runs/live?seconds=0")).text) == []


def _events(stream: str) -> list[dict[str, str]]:
    """The events of a stream, as their fields."""
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[:8]) for block in stream.split("\n\n")
    ]
    return [block for block in blocks if block.get("event") == "run"]
