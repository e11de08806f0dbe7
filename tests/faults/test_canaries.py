"""The canary test: every kind of sensitive text is a string of its own, and may be exactly where it is told here.

A firm's whole life passes at DEBUG, with the vendors failing in every way that the service treats differently and its
own database too: connect, write, 500, 401, an answer that never comes, webhooks genuine and forged, a refusal, an
unexpected error, disconnect. Then every line of the log, every answer, `/metrics` and every text, JSON and byte value
of every table, the queue's jobs among them, is searched.

`HOMES` is complete both ways: what is found elsewhere fails, and so does a home that holds nothing, since then either
the list or the search would be wrong.
"""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest

from app.settings import Settings
from simulators.core.faults import Fault
from tests.support.api import BOOKS, invoice, open_api
from tests.support.haystack import Haystack, connect, database_values, open_haystack, own_secrets
from tests.support.processes import until
from tests.support.world import SIM

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

COMPANIES = {"quickbooks": "9341452900000001", "xero": "c0a80101-5d3e-4a7b-9c11-7f2b6e0d1a01"}
KEYS = {"quickbooks": "intuit-verifier-new", "xero": "xero-key-new"}
SIGNATURES = {"quickbooks": "intuit-signature", "xero": "x-xero-signature"}
VENDORS = {"quickbooks": ("intuit", "qbo"), "xero": ("xero", "xero")}
# What bookkeepers write, by who may know it. Each is a word that occurs nowhere else.
CLIENT = "Canary-Client-4b1d"
ADDRESS = "canary-4b1e@example.test"
MEMO = "Canary-Memo-7c2e"
LINE = "Canary-Line-9d3f"
SECRET_NOTE = "Canary-Private-1e40"
RETRY = "canary-idempotency-5a61"
# Where each may be. Books, what is frozen to be sent, and what both sides last agreed on are made of texts; a company's
# id is needed to speak to it. A vendor's own words about a record are kept, and shown to the firm whose record it is.
# No secret is at home anywhere.
FROZEN = {"write_attempts.answer", "write_attempts.record", "write_calls.body"}
VENDORS_WORDS = {"a refusal in the vendor's words", "invoice_sync_mappings.fault", "invoice_sync_mappings.sync_error"}
AGREED = {"customer_sync_mappings.base"}
HOMES: dict[str, set[str]] = {
    CLIENT: {"an answer", "clients.name", "customer_sync_mappings.external_name", *AGREED, *FROZEN, *VENDORS_WORDS},
    ADDRESS: {"an answer", "clients.email", *AGREED, *FROZEN},
    MEMO: {"an answer", "invoices.memo", *FROZEN, *VENDORS_WORDS},
    LINE: {"an answer", "invoice_lines.description", *FROZEN, *VENDORS_WORDS},
    SECRET_NOTE: {"an answer", "invoices.private_note", *FROZEN},
    RETRY: {"idempotency_keys.key"},
    "a company's id": {
        *("an answer", "connections.company", "connections.company_id", "audit_events.details", *VENDORS_WORDS),
        *("webhook_deliveries.body", "webhook_events.company_id", "write_calls.path", "write_calls.headers"),
        "write_attempts.answer",
    },
}


@pytest.fixture
async def haystack(make_settings: Callable[..., Settings]) -> AsyncIterator[Haystack]:
    async with open_haystack(make_settings(sim_url=SIM, log_level="DEBUG", lease_seconds=2)) as opened:
        yield opened


def written(number: str, ref: str) -> dict[str, Any]:
    """An invoice that says something secret everywhere an invoice can."""
    lines = [
        {
            "description": LINE,
            "quantity": "2",
            "unit_price": "10.00",
            "account_code": "4000",
            "item_code": "WORK",
            "tax_code": "FREE",
        }
    ]
    sums = {"subtotal": "20.00", "tax_total": "0.00", "total": "20.00"}
    texts = {"memo": MEMO, "private_note": SECRET_NOTE, "status": "approved"}
    return invoice(number, ref, lines=lines, **sums, **texts)


async def keep_books(stack: Haystack, key: str, ref: str, number: str) -> int:
    """A client and an invoice, as an integrator hands them in; the id of the invoice."""
    client = {"external_ref": ref, "name": f"{CLIENT} {ref}", "email": ADDRESS, "currency": "USD"}
    assert (await stack.call(key, "POST", f"{BOOKS}/clients", json=client)).status_code in (200, 201)
    sent = written(number, ref)
    answer = await stack.call(key, "POST", f"{BOOKS}/invoices", json=sent, more={"Idempotency-Key": RETRY + number})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def webhook(stack: Haystack, provider: str, external_id: str, genuine: bool) -> int:
    """A vendor's post about an invoice, or somebody else's; the status it is answered with."""
    company = COMPANIES[provider]
    if provider == "quickbooks":
        event = {
            "specversion": "1.0",
            "id": f"canary-{external_id}",
            "source": "intuit.test",
            "type": "qbo.invoice.updated.v1",
            "time": "2026-11-21T10:00:00Z",
            "intuitentityid": external_id,
            "intuitaccountid": company,
        }
        body = json.dumps([event]).encode()
    else:
        event = {
            "resourceId": external_id,
            "eventDateUtc": "2026-11-21T10:00:00.000",
            "eventType": "UPDATE",
            "eventCategory": "INVOICE",
            "tenantId": company,
            "tenantType": "ORGANISATION",
        }
        body = json.dumps({"events": [event], "firstEventSequence": 1, "lastEventSequence": 1}).encode()
    key = KEYS[provider] if genuine else "somebody-elses"
    signature = b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode()
    headers = {SIGNATURES[provider]: signature, "content-type": "application/json"}
    async with httpx.AsyncClient(base_url=stack.base, trust_env=False) as client:
        answer = await client.post(f"/api/webhooks/{VENDORS[provider][1]}", content=body, headers=headers)
    stack.answers.append(f"{answer.status_code} {dict(answer.headers)} {answer.text}")
    return answer.status_code


def failures(provider: str, token: str) -> list[dict[str, Any]]:
    """How a write can fail, one after the other. A vendor that says something repeats all that it was sent."""
    echo = f"Bearer {token} of {COMPANIES[provider]}: {CLIENT} {MEMO} {LINE} access_token={token}"
    said: dict[str, Any] = {"ErrorNumber": 10, "Type": "ValidationException", "Message": echo}
    said["Elements"] = [{"ValidationErrors": [{"Message": echo}]}]
    if provider == "quickbooks":
        said = {"Fault": {"Error": [{"Message": echo, "Detail": echo, "code": "6000"}], "type": "ValidationFault"}}
    as_json = {"content-type": "application/json"}
    return [
        {"kind": "status", "status": 400, "body": json.dumps(said), "headers": as_json},
        {"kind": "status", "status": 400, "body": echo},
        {"kind": "status", "status": 500, "body": echo},
        {"kind": "hang_before"},
        {"kind": "lost_answer"},
        {"kind": "malformed"},
        {"kind": "status", "status": 401, "body": echo, "times": 2},
    ]


async def fail(stack: Haystack, firm: int, key: str, provider: str, connection: int) -> list[int]:
    """One write under each failure; what the caller was answered."""
    vendor, alias = VENDORS[provider]
    token = [secret for secret, what in stack.vendors.secrets.items() if what == "given access_token"][-1]
    faults = stack.world.sims.faults
    method = "POST" if provider == "quickbooks" else "PUT"  # a read there must not take the failure of a write
    answered: list[int] = []
    for number, failure in enumerate(failures(provider, token)):
        armed = faults.add(Fault(provider=vendor, path="(batch|invoice|Invoices)$", method=method, **failure))
        record = await keep_books(stack, key, alias, f"{alias}-{number}")
        path = f"{BOOKS}/connections/{connection}/sync_invoice"
        patience = {"Prefer": f"wait={1 if answered else 30}"}  # the first is refused for good, the others go on trying
        answer = await stack.call(key, "POST", path, json={"invoice_id": record}, more=patience)
        answered.append(answer.status_code)

        async def met(armed: str = armed) -> bool:
            await stack.world.hurry(firm, connection)
            return armed not in faults.armed()

        await until(f"{failure['kind']} is met", met)
    return answered


@asynccontextmanager
async def broken_table(owner_url: str) -> AsyncIterator[None]:
    """A table that refuses a row in a way nobody foresaw: PostgreSQL would quote the row, the log the statement."""
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        await connection.execute("ALTER TABLE clients ADD CONSTRAINT canary CHECK (notes = '') NOT VALID")
        try:
            yield
        finally:
            await connection.execute("ALTER TABLE clients DROP CONSTRAINT canary")


@asynccontextmanager
async def kept_jobs(owner_url: str) -> AsyncIterator[None]:
    """Jobs are deleted once they are done; this keeps what each said in a table of its own."""
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        await connection.execute("CREATE TABLE kept_jobs (args jsonb, lock text)")
        await connection.execute(
            "CREATE FUNCTION keep_job() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN"
            " INSERT INTO public.kept_jobs VALUES (new.args, new.lock); RETURN new; END $$"
        )
        await connection.execute(
            "CREATE TRIGGER keep_job AFTER INSERT ON procrastinate.procrastinate_jobs"
            " FOR EACH ROW EXECUTE FUNCTION keep_job()"
        )
        try:
            yield
        finally:
            await connection.execute("DROP FUNCTION keep_job CASCADE")
            await connection.execute("DROP TABLE kept_jobs")


async def life(stack: Haystack, firm: int, key: str, owner_url: str) -> None:
    """All that can happen to a firm with both vendors."""
    for provider, company in COMPANIES.items():
        alias = VENDORS[provider][1]
        connection = await connect(stack, key, provider, company)
        await stack.world.map_codes(firm, provider)
        record = await keep_books(stack, key, alias, f"{alias}-first")
        path = f"{BOOKS}/connections/{connection}/sync_invoice"
        pushed = await stack.call(key, "POST", path, json={"invoice_id": record})
        assert pushed.json()["success"] is True, pushed.text
        external_id = pushed.json()["mapping"]["external_id"]
        assert await webhook(stack, provider, external_id, genuine=True) == 200
        assert await webhook(stack, provider, external_id, genuine=False) == 401
        pulled = await stack.call(key, "POST", f"/api/sync/{alias}/pull", json={}, more={"Prefer": "wait=60"})
        assert pulled.status_code == 200, pulled.text
        answered = await fail(stack, firm, key, provider, connection)
        assert answered[0] == 422
        assert set(answered) <= {200, 202, 422}, answered
        ended = await stack.call(key, "POST", f"{BOOKS}/connections/{connection}/disconnect", json={})
        assert ended.status_code == 200, ended.text
    refused = await stack.call(key, "POST", f"{BOOKS}/invoices", json=written("refused", "xero") | {"due_date": MEMO})
    assert refused.status_code == 422
    async with broken_table(owner_url):
        broken = await stack.call(key, "POST", f"{BOOKS}/clients", json={"name": CLIENT, "notes": SECRET_NOTE})
        assert (broken.status_code, broken.json()["code"]) == (500, "internal_error")


async def places(stack: Haystack, metrics: str, owner_url: str) -> list[tuple[str, str]]:
    """Everything there is to search, each under what it is called in `HOMES`."""
    found = [("the log", stack.log.getvalue()), ("metrics", metrics), *await database_values(owner_url)]
    for answer in stack.answers:
        if "(the provider said: " in answer:
            place = "a refusal in the vendor's words"
        else:
            place = "a problem" if "application/problem+json" in answer else "an answer"
        found.append((place, answer))
    return found


async def test_what_is_sensitive_is_where_it_may_be_and_nowhere_else(haystack: Haystack, owner_url: str) -> None:
    firm = await haystack.world.firm()
    async with open_api(haystack.world) as api:
        _, key = await api.key(firm)
    async with kept_jobs(owner_url):
        await life(haystack, firm, key, owner_url)
        metrics = (await haystack.call(key, "GET", "/metrics")).text
        searched = await places(haystack, metrics, owner_url)
    heaps = {place for place, text in searched if text}
    assert {"the log", "metrics", "a problem", "an answer", "kept_jobs.args"} <= heaps
    log = haystack.log.getvalue()
    assert all(
        event in log for event in ("unexpected_error", "webhook_refused", "HTTP Request: PUT", "connection_work")
    )
    assert "tieout_http_requests_total" in metrics

    companies = dict.fromkeys(COMPANIES.values(), "a company's id")
    secrets = haystack.vendors.secrets | own_secrets(haystack.world.runtime.settings, key)
    secrets |= dict.fromkeys(KEYS.values(), "a webhook key")
    assert len(secrets) > 20
    needles = secrets | {text: text for text in HOMES if text != "a company's id"} | companies
    found: dict[str, set[str]] = {}
    for needle, what in needles.items():
        found.setdefault(what, set()).update(place for place, text in searched if needle in text)
    assert {what: where for what, where in found.items() if where} == HOMES
