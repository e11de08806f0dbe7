"""Signing in with OpenID Connect at a provider of our own: who gets in, and what is not believed."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.settings import Settings, SettingsError
from tests.support.api import Api, open_api
from tests.support.pages import Pages, Person
from tests.support.world import SIM, open_world

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """An identity provider on loopback. `claims` go into the next id token; `asked` is what our side sent last."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    key: Any = KEY
    refuses: bool = False

    def get(self, path: str) -> Any:
        """Discovery and keys."""
        if path == "/jwks":
            known = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
            return {"keys": [{**known, "kid": "k1", "use": "sig", "alg": "RS256"}]}
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        return {"issuer": self.url, **{name: f"{self.url}/{end}" for name, end in names.items()}}

    def post(self, form: dict[str, str]) -> tuple[int, Any]:
        """The token endpoint."""
        self.asked = form
        if self.refuses:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": "tieout", "iat": now, "exp": now + 60, **self.claims}
        token = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "k1"})
        return 200, {"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token}


@pytest.fixture
def provider() -> Iterator[Provider]:
    known = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, known.get(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer(*known.post({name: values[0] for name, values in parse_qs(body).items()}))

        def _answer(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_words: Any) -> None:
            """Nothing to be printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield known
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
async def api(make_settings: Callable[..., Settings], provider: Provider) -> AsyncIterator[Api]:
    given = {"oidc_issuer_url": provider.url, "oidc_client_id": "tieout", "oidc_client_secret": "s" * 32}
    async with open_world(make_settings(sim_url=SIM, **given)) as world, open_api(world) as opened:
        yield opened


async def away(pages: Pages, wanted: str = "/") -> tuple[Person, dict[str, str]]:
    """Somebody who was sent to the identity provider, and what the address says."""
    person = await pages.stranger()
    answer = await person.http.get(f"/sign-in/openid?next={wanted}")
    assert answer.status_code == 303
    query = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    return person, query


async def back(person: Person, query: dict[str, str], status: int = 200, **changes: str) -> str:
    words = {"code": "c", "state": query["state"], **changes}
    return await person.open("/sign-in/openid/callback?" + "&".join(f"{k}={v}" for k, v in words.items()), status)


async def test_whom_the_provider_vouches_for_is_let_in(pages: Pages, provider: Provider) -> None:
    firm = await pages.api.world.firm("Harbor Tea")
    stranger = await pages.stranger()
    await stranger.open("/sign-in")
    assert "Sign in with your organisation" in stranger.text
    person, query = await away(pages, "/settings")
    assert (query["code_challenge_method"], query["client_id"]) == ("S256", "tieout")
    provider.claims = {"sub": "robin", "name": "Robin", "firm": firm, "roles": ["member"], "nonce": query["nonce"]}
    await back(person, query)
    assert "Harbor Tea" in person.text
    assert "Robin · member" in person.text
    assert str(person.page.url).endswith("/settings")
    digest = hashlib.sha256(provider.asked["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == query["code_challenge"]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"nonce": "another"}, "another attempt"),
        ({"aud": "another"}, "cannot be verified"),
        ({"iss": "https://evil.example"}, "cannot be verified"),
        ({"exp": 1}, "cannot be verified"),
        ({"firm": 999}, "firm is not known"),
        ({"roles": ["emperor"]}, "none of the roles"),
        ({"sub": "key:1"}, "subject"),
    ],
    ids=str,
)
async def test_what_is_not_believed(pages: Pages, provider: Provider, claims: dict[str, Any], said: str) -> None:
    firm = await pages.api.world.firm()
    person, query = await away(pages)
    good = {"sub": "robin", "firm": firm, "roles": ["member"], "nonce": query["nonce"]}
    provider.claims = {**good, **claims}
    await back(person, query, status=401)
    assert said in person.text
    assert "Sign out" not in await person.open("/")


async def test_another_key_state_or_browser_is_refused(pages: Pages, provider: Provider) -> None:
    firm = await pages.api.world.firm()
    person, query = await away(pages)
    provider.claims = {"sub": "robin", "firm": firm, "roles": ["member"], "nonce": query["nonce"]}
    await back(person, query, status=401, state="made-up")
    await back(await pages.stranger(), query, status=401)
    provider.key = OTHER
    await back(person, query, status=401)
    provider.key, provider.refuses = KEY, True
    await back(person, query, status=401)
    assert "did not confirm" in person.text
    await back(person, query, status=401, code="")


async def test_a_provider_that_is_away_is_said_to_be(pages: Pages, provider: Provider) -> None:
    person = await pages.stranger()
    provider.url = "http://127.0.0.1:9"  # what it says it is, is not what was configured
    await person.open("/sign-in/openid", status=503)
    assert "does not answer as it should" in person.text


async def test_without_settings_there_is_no_such_way(make_settings: Callable[..., Settings]) -> None:
    async with open_world(make_settings(sim_url=SIM)) as world, open_api(world) as api:
        assert (await api.http.get("/sign-in/openid")).status_code == 404
        assert "organisation" not in (await api.http.get("/sign-in")).text


def test_half_of_the_settings_is_refused(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises((ValueError, SettingsError), match="belong together"):
        make_settings(oidc_client_id="tieout")
