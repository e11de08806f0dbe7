"""The floors: what FastAPI and asyncpg do at the least for the same work, without anything of ours."""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI, Request, Response

_KEY_LOOK_UP = "SELECT id, firm_id, role FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL"
_CLIENTS = """SELECT id, external_ref, name, email, phone, company_name, currency, tax_number, notes, active,
    connection_id, revision, created_at, updated_at FROM clients WHERE firm_id = $1 ORDER BY id LIMIT 50"""


def create_app() -> FastAPI:
    """Routes that only do what must be done."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async def role(connection: Any) -> None:
            await connection.execute("SET ROLE tieout_system")

        url = os.environ["DATABASE_URL"]
        app.state.system = await asyncpg.create_pool(url, min_size=10, max_size=10, init=role)
        app.state.firm = await asyncpg.create_pool(url, min_size=10, max_size=10, init=_as_firm)
        yield
        await app.state.system.close()
        await app.state.firm.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/webhook")
    async def webhook(request: Request) -> Response:
        """HMAC, one insert, one commit."""
        body = await request.body()
        key = os.environ["QUICKBOOKS_WEBHOOK_VERIFIER_TOKENS"].encode()
        wanted = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(wanted, request.headers.get("intuit-signature", "")):
            return Response(status_code=401)
        json.loads(body)
        async with app.state.system.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO webhook_deliveries (provider, body, events) VALUES ('quickbooks', $1, 1)", body
            )
        return Response(status_code=200)

    @app.get("/clients")
    async def clients(request: Request) -> Any:
        """Key look-up, transaction, set_config, one query."""
        digest = hashlib.sha256(request.headers["authorization"][7:].encode()).hexdigest()
        async with app.state.system.acquire() as connection:
            key = await connection.fetchrow(_KEY_LOOK_UP, digest)
        async with app.state.firm.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('app.firm_id', $1, true)", str(key["firm_id"]))
            rows = await connection.fetch(_CLIENTS, key["firm_id"])
        return {"items": [dict(row) for row in rows], "next": None}

    @app.get("/plain")
    async def plain() -> Any:
        """One query and nothing else."""
        async with app.state.system.acquire() as connection:
            return {"one": await connection.fetchval("SELECT 1")}

    return app


async def _as_firm(connection: Any) -> None:
    await connection.execute("SET ROLE tieout_app")
