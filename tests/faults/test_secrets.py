"""Canaries: nothing that opens a door shows in logs, answers, the database's text or a repr.

The service runs as in production — its web server on loopback, its worker, DEBUG logs — while every secret the vendors
give out, and every one of ours, is written down to be searched for afterwards.
"""

from collections.abc import AsyncIterator, Callable

import pytest

from app.crypto import KeyRing
from app.settings import Settings
from simulators.core.faults import Fault
from tests.support.api import BOOKS, open_api
from tests.support.haystack import Haystack, connect, database_values, open_haystack, own_secrets
from tests.support.world import SIM

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


@pytest.fixture
async def haystack(make_settings: Callable[..., Settings]) -> AsyncIterator[Haystack]:
    async with open_haystack(make_settings(sim_url=SIM, log_level="DEBUG", lease_seconds=2)) as opened:
        yield opened


async def story(stack: Haystack, firm: int, key: str) -> None:
    """Connect, push, renew, fail to renew in several ways, lose the grant."""
    world, sims = stack.world, stack.world.sims
    companies = {"quickbooks": "9341452900000001", "xero": "c0a80101-5d3e-4a7b-9c11-7f2b6e0d1a01"}
    connections = {name: await connect(stack, key, name, company) for name, company in companies.items()}
    for provider, connection in connections.items():
        vendor, alias = ("intuit", "qbo") if provider == "quickbooks" else ("xero", "xero")
        await world.map_codes(firm, provider)
        client = await world.client(firm, f"Canary & Sons of {provider}")
        invoice = await world.invoice(firm, client)
        pushed = f"{BOOKS}/connections/{connection}/sync_invoice"
        assert (await stack.call(key, "POST", pushed, json={"invoice_id": invoice})).json()["success"] is True
        # The vendor forgets the access token: 401, renewal, and the call again.
        await world.http.post(f"{SIM}/_sim/{vendor}/tokens/expire", json={"grant": "access"})
        another = await world.invoice(firm, client)
        assert (await stack.call(key, "POST", pushed, json={"invoice_id": another})).json()["success"] is True
        await stack.call(key, "POST", f"/api/auth/{alias}/refresh")
        # A vendor that repeats what it was sent, and breaks.
        held = [secret for secret, what in stack.vendors.secrets.items() if what == "given refresh_token"]
        for status in (500, 400, 400):
            said = f'{{"error": "server_error", "error_description": "{held[-1]}", "refresh_token": "{held[-1]}"}}'
            sims.faults.add(Fault(provider=vendor, path="token", kind="status", status=status, body=said))
        await stack.call(key, "POST", f"/api/auth/{alias}/refresh")
        sims.faults.clear()
        # The grant is gone.
        await world.http.post(f"{SIM}/_sim/{vendor}/tokens/expire", json={"grant": "all"})
        async with world.runtime.db.system() as session:
            await session.exec_driver_sql("UPDATE grants SET retry_at = NULL, access_expires_at = now()")
        async with world.runtime.db.firm(firm) as session:
            await session.exec_driver_sql("UPDATE connections SET throttled_until = NULL")
        await stack.call(key, "POST", f"/api/auth/{alias}/refresh")
        third = await world.invoice(firm, client)
        refused = await stack.call(key, "POST", pushed, json={"invoice_id": third})
        assert refused.json()["code"] == "needs_reauth", refused.text
    for path in (f"{BOOKS}/connections", "/api/integrations/status", "/api/sync/status", f"{BOOKS}/runs"):
        assert (await stack.call(key, "GET", path)).status_code == 200
    await stack.call("tieout_test_nobodyknowsme", "GET", f"{BOOKS}/connections")


async def test_no_secret_is_shown_anywhere(haystack: Haystack, owner_url: str) -> None:
    world, runtime = haystack.world, haystack.world.runtime
    firm = await world.firm()
    async with open_api(world) as api:
        _, key = await api.key(firm)
        await story(haystack, firm, key)
    async with runtime.db.system() as session:
        grants = (await session.exec_driver_sql("SELECT id FROM grants")).scalars().all()
    stored = "\n".join(f"{place}: {text}" for place, text in await database_values(owner_url))
    reprs = [runtime, runtime.settings, runtime.vault, runtime.db, runtime.keys, *runtime.oauth.values()]
    reprs += [runtime.vault.tokens(grant) for grant in grants]
    places = {
        "the log": haystack.log.getvalue(),
        "an answer": "\n".join(haystack.answers),
        "the database": stored,
        "a repr": "\n".join(f"{one!r} {one!s}" for one in reprs),
    }
    secrets = haystack.vendors.secrets | own_secrets(runtime.settings, key)
    kinds = set(secrets.values())
    assert {"given access_token", "given refresh_token", "given id_token", "sent code", "sent code_verifier"} <= kinds
    assert {"state", "API key", "Basic credential of quickbooks", "Basic credential of xero"} <= kinds
    # The search would find what is there: the heaps are full, and the sealed tokens are among them.
    assert "grant_renewed" in places["the log"]
    assert "grant_expired" in places["the log"]
    assert "callback" in places["the log"]
    assert "Canary & Sons of xero" in stored
    assert "grants.sealed_refresh: v1.k1." in stored
    assert "connection_work" in places["the log"]
    assert "needs_reauth" in places["an answer"]
    shown = [
        f"{what} in {place}" for place, text in places.items() for secret, what in secrets.items() if secret in text
    ]
    assert shown == []
    keys = KeyRing.parse(runtime.settings.encryption_keys.get_secret_value())
    assert repr(keys) == repr(runtime.keys)
