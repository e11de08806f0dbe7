"""API keys, tokens and roles: who gets in, and what they may do."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from sqlalchemy import text

from app.db import api_keys
from app.db.session import Database
from app.edge.principals import Authenticator, Principal, Role, key_environment, key_prefix, make_key
from app.errors import Forbidden, Unauthenticated
from app.settings import Settings
from tests.support.api import BOOKS, Api

SHARED = "a shared key of more than thirty-two characters"
ISSUER, AUDIENCE = "https://id.example", "tieout"


class TestKeys:
    def test_a_key_has_the_published_shape(self) -> None:
        key = make_key("live")
        assert re.fullmatch(r"tieout_[a-z0-9]{1,12}_[0-9A-Za-z]{49}", key)
        assert key_environment(key) == "live"
        assert key.startswith(key_prefix(key))
        assert len(key_prefix(key)) == len("tieout_live_") + 8
        assert len({make_key("live") for _ in range(100)}) == 100

    def test_every_mistyped_letter_is_noticed_without_a_database(self) -> None:
        key = make_key("test")
        for place in range(len(key)):
            for other in "x7":
                mistyped = key[:place] + other + key[place + 1 :]
                assert key_environment(mistyped) is None or mistyped == key
        assert key_environment(key[:-1]) is None
        assert key_environment(key + "\n") is None

    async def test_what_is_not_a_key_never_reaches_the_database(self, settings: Settings) -> None:
        nowhere = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
        authenticator = Authenticator(settings, nowhere)
        for credential in (make_key("test")[:-1] + "!", make_key("live"), "tieout_test_short", "", "a.b.c"):
            with pytest.raises(Unauthenticated):
                await authenticator.principal(credential)
        await nowhere.dispose()

    async def test_a_key_counts_until_it_is_revoked_or_expires(self, api: Api) -> None:
        firm = await api.world.firm()
        key_id, key = await api.key(firm)
        _, expired = await api.key(firm, expires_at=datetime.now(UTC) - timedelta(seconds=1))
        _, fresh = await api.key(firm, expires_at=datetime.now(UTC) + timedelta(hours=1))
        caller = await api.with_credential(key)
        assert (await caller.get(f"{BOOKS}/firm")).json()["id"] == firm
        assert (await (await api.with_credential(fresh)).get(f"{BOOKS}/firm")).status_code == 200
        async with api.world.runtime.db.system() as session:
            await api_keys.revoke(session, firm, key_id)
        for refused in (key, expired, make_key("test"), None):
            answer = await (await api.with_credential(refused)).get(f"{BOOKS}/firm")
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"
            assert refused is None or refused not in answer.text

    async def test_its_use_is_noted_at_most_once_a_minute(self, api: Api) -> None:
        firm = await api.world.firm()
        key_id, key = await api.key(firm)
        caller = await api.with_credential(key)

        async def noted() -> datetime:
            async with api.world.runtime.db.system() as session:
                query = text("SELECT last_used_at FROM api_keys WHERE id = :id")
                return (await session.execute(query, {"id": key_id})).scalar_one()

        await asyncio.gather(*(caller.get(f"{BOOKS}/firm") for _ in range(5)))
        first = await noted()
        assert first is not None
        await caller.get(f"{BOOKS}/firm")
        assert await noted() == first
        async with api.world.runtime.db.system() as session:
            await session.execute(text("UPDATE api_keys SET last_used_at = now() - interval '61 seconds'"))
        await caller.get(f"{BOOKS}/firm")
        assert await noted() >= first

    async def test_the_key_itself_is_nowhere_in_the_database(self, api: Api) -> None:
        _, key = await api.key(await api.world.firm())
        async with api.world.runtime.db.system() as session:
            rows = (await session.execute(text("SELECT api_keys::text FROM api_keys"))).scalars().all()
        assert key_prefix(key) in rows[0]
        assert key not in rows[0]
        assert key[-20:] not in rows[0]


class TestRoles:
    async def test_each_role_may_do_what_the_one_below_may(self, api: Api) -> None:
        firm = await api.world.firm()
        calls: dict[str, Callable[[Any], Any]] = {
            "read": lambda http: http.get(f"{BOOKS}/clients"),
            "write": lambda http: http.post(f"{BOOKS}/clients", json={"name": "A"}),
            "govern": lambda http: http.patch(f"{BOOKS}/firm", json={"name": "B"}),
        }
        seen = {}
        for role in Role:
            caller = await api.caller(firm, role)
            seen[role] = [(await call(caller)).status_code for call in calls.values()]
        assert seen == {
            Role.viewer: [200, 403, 403],
            Role.member: [200, 201, 403],
            Role.admin: [200, 201, 200],
        }

    def test_a_refusal_names_both_roles(self) -> None:
        with pytest.raises(Forbidden, match=r"needs the role admin.*has the role viewer"):
            Principal(firm_id=1, subject="key:1", role=Role.viewer).require(Role.admin)


def claims(firm: object, /, **changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    given = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": now + timedelta(minutes=5), "firm": firm}
    return {name: value for name, value in (given | {"roles": ["member"]} | changes).items() if value is not None}


class TestSharedKeyTokens:
    @pytest.fixture
    def authenticator(self, make_settings: Callable[..., Settings], database: Database) -> Authenticator:
        return Authenticator(make_settings(jwt_shared_key=SHARED, jwt_issuer=ISSUER, jwt_audience=AUDIENCE), database)

    @pytest.fixture
    async def firm(self, database: Database) -> int:
        async with database.system() as session:
            return (await session.execute(text("INSERT INTO firms (name) VALUES ('A') RETURNING id"))).scalar_one()

    @pytest.mark.parametrize(
        ("roles", "role"),
        [
            (["member"], Role.member),
            (["viewer", "admin", "janitor"], Role.admin),
            ("viewer", Role.viewer),
            ("openid member", Role.member),
            ("admin,viewer", Role.admin),
        ],
    )
    async def test_a_good_token(self, authenticator: Authenticator, firm: int, roles: object, role: Role) -> None:
        for named in (firm, str(firm)):
            token = jwt.encode(claims(named, roles=roles), SHARED, "HS256")
            assert await authenticator.principal(token) == Principal(firm_id=firm, subject="alice", role=role)

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "https://elsewhere.example"},
            {"aud": "another-service"},
            {"exp": datetime.now(UTC) - timedelta(minutes=1)},
            {"nbf": datetime.now(UTC) + timedelta(hours=1)},
            {"exp": None},
            {"sub": None},
            {"aud": None},
            {"firm": None},
            {"firm": 987654},
            {"firm": "1 OR 1=1"},
            {"firm": True},
            {"firm": -1},
            {"sub": "key:1"},
            {"sub": "operator:Robin"},
            {"sub": "system"},
            {"sub": "a\x00b"},
            {"exp": float("inf")},
            {"nbf": float("inf")},
        ],
    )
    async def test_a_bad_token(self, authenticator: Authenticator, firm: int, changes: dict[str, Any]) -> None:
        with pytest.raises(Unauthenticated):
            await authenticator.principal(jwt.encode(claims(firm, **changes), SHARED, "HS256"))

    async def test_signatures(self, authenticator: Authenticator, firm: int) -> None:
        for token in (
            jwt.encode(claims(firm), "another key that is also long enough to be one", "HS256"),
            jwt.encode(claims(firm), SHARED * 2, "HS512"),
            jwt.encode(claims(firm), "", "none"),
            jwt.encode(claims(firm), SHARED, "HS256")[:-2],
        ):
            with pytest.raises(Unauthenticated):
                await authenticator.principal(token)

    @pytest.mark.parametrize("roles", [[], None, ["operator"], "administrator", 7, {"admin": True}])
    async def test_a_user_without_a_role_is_forbidden(
        self, authenticator: Authenticator, firm: int, roles: object
    ) -> None:
        with pytest.raises(Forbidden):
            await authenticator.principal(jwt.encode(claims(firm, roles=roles), SHARED, "HS256"))

    async def test_without_a_verifier_no_token_counts(self, settings: Settings, database: Database, firm: int) -> None:
        with pytest.raises(Unauthenticated):
            await Authenticator(settings, database).principal(jwt.encode(claims(firm), SHARED, "HS256"))


class Jwks:
    """An identity provider's key address on this machine."""

    def __init__(self) -> None:
        self.keys: dict[str, RSAPrivateKey] = {}
        self.asked = 0
        self.broken = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                body = json.dumps({"keys": [_public(name, key) for name, key in outer.keys.items()]}).encode()
                self.send_response(500 if outer.broken else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"

    def token(self, name: str, payload: dict[str, Any]) -> str:
        """A token signed with one of the keys."""
        return jwt.encode(payload, self.keys[name], "RS256", headers={"kid": name})


def _public(name: str, key: RSAPrivateKey) -> dict[str, Any]:
    return json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": name, "alg": "RS256"}


@pytest.fixture(scope="module")
def rsa_keys() -> list[RSAPrivateKey]:
    return [generate_private_key(65537, 2048) for _ in range(2)]


@pytest.fixture
def jwks(rsa_keys: list[RSAPrivateKey]) -> Iterator[Jwks]:
    found = Jwks()
    found.keys = {"one": rsa_keys[0]}
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


class TestJwks:
    @pytest.fixture
    def authenticator(self, make_settings: Callable[..., Settings], database: Database, jwks: Jwks) -> Authenticator:
        return Authenticator(make_settings(jwt_jwks_url=jwks.url, jwt_issuer=ISSUER, jwt_audience=AUDIENCE), database)

    @pytest.fixture
    async def firm(self, database: Database) -> int:
        async with database.system() as session:
            return (await session.execute(text("INSERT INTO firms (name) VALUES ('A') RETURNING id"))).scalar_one()

    async def test_many_tokens_one_fetch(self, authenticator: Authenticator, firm: int, jwks: Jwks) -> None:
        token = jwks.token("one", claims(firm))
        found = await asyncio.gather(*(authenticator.principal(token) for _ in range(20)))
        assert {one.firm_id for one in found} == {firm}
        assert jwks.asked == 1

    async def test_invented_key_ids_do_not_become_fetches(
        self, authenticator: Authenticator, firm: int, jwks: Jwks, rsa_keys: list[RSAPrivateKey]
    ) -> None:
        await authenticator.principal(jwks.token("one", claims(firm)))
        for number in range(10):
            forged = jwt.encode(claims(firm), rsa_keys[1], "RS256", headers={"kid": f"invented-{number}"})
            with pytest.raises(Unauthenticated):
                await authenticator.principal(forged)
        assert jwks.asked == 1

    async def test_a_new_key_is_found_after_a_while_and_old_ones_outlive_an_outage(
        self,
        authenticator: Authenticator,
        firm: int,
        jwks: Jwks,
        rsa_keys: list[RSAPrivateKey],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await authenticator.principal(jwks.token("one", claims(firm)))
        jwks.keys["two"] = rsa_keys[1]
        monkeypatch.setattr("app.edge.jwks._LOOK_AGAIN_SECONDS", 0.0)
        await authenticator.principal(jwks.token("two", claims(firm)))
        assert jwks.asked == 2
        jwks.broken = True
        monkeypatch.setattr("app.edge.jwks._FRESH_SECONDS", 0.0)
        await authenticator.principal(jwks.token("one", claims(firm)))
        assert jwks.asked == 3

    async def test_a_public_key_is_no_shared_key(self, authenticator: Authenticator, firm: int, jwks: Jwks) -> None:
        public = jwks.keys["one"].public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        header, payload = (
            jwt.utils.base64url_encode(json.dumps(part, default=lambda moment: int(moment.timestamp())).encode())
            for part in ({"alg": "HS256", "typ": "JWT", "kid": "one"}, claims(firm))
        )
        signed = header + b"." + payload
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signed, pem)
        forged = (signed + b"." + jwt.utils.base64url_encode(signature)).decode()
        with pytest.raises(Unauthenticated):
            await authenticator.principal(forged)

    async def test_a_token_without_a_key_id(self, authenticator: Authenticator, firm: int, jwks: Jwks) -> None:
        with pytest.raises(Unauthenticated):
            await authenticator.principal(jwt.encode(claims(firm), jwks.keys["one"], "RS256"))
