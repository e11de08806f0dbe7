from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from app.canonical import ProviderName
from app.errors import Invalid, Misconfigured, NeedsReauth, OutcomeUnknown, ProviderUnavailable
from app.guards import HttpInsideTransaction, transaction_open
from app.providers.oauth import OAuthSpec, ProviderOAuth, RevokeBody, TokenSet

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CALLBACK = "https://books.example/api/auth/callback"
USER = "6d0e9f4c-93b1-4a8e-9b0d-6f4f5c7f2a10"
CONSENT = "a3b1d5c8-0000-4000-8000-000000000001"

QUICKBOOKS = OAuthSpec(
    provider=ProviderName.quickbooks,
    authorize_url="https://intuit.test/connect/oauth2",
    token_url="https://intuit.test/tokens/bearer",
    revoke_url="https://intuit.test/tokens/revoke",
    pkce=False,
    revoke_body=RevokeBody.json,
    refresh_lifetime=None,
    headers={"x-include-refresh-token-hard-expires-in": "true"},
)
XERO = OAuthSpec(
    provider=ProviderName.xero,
    authorize_url="https://xero.test/authorize",
    token_url="https://xero.test/connect/token",
    revoke_url="https://xero.test/connect/revocation",
    pkce=True,
    revoke_body=RevokeBody.form,
    refresh_lifetime=timedelta(days=60),
    connections_url="https://api.xero.test/connections",
)
QUICKBOOKS_TOKENS = {
    "token_type": "bearer",
    "access_token": "qb-access",
    "expires_in": 3600,
    "refresh_token": "qb-refresh",
    "x_refresh_token_expires_in": 8726400,
    "x_refresh_token_hard_expires_in": 157680000,
}
XERO_TOKENS = {
    "id_token": "unused",
    "access_token": "xero-access",
    "expires_in": 1800,
    "token_type": "Bearer",
    "refresh_token": "xero-refresh",
    "scope": "offline_access accounting.invoices",
}
Answer = Callable[[httpx.Request], httpx.Response]
EVERY_REFUSAL_IS_RETRYABLE = [
    httpx.Response(429, headers={"Retry-After": "7"}),
    httpx.Response(429, json={"message": "too many"}),
    httpx.Response(400, json={"error": "invalid_request"}),
    httpx.Response(403, html="<h1>Request blocked</h1>"),
    httpx.Response(500, text=""),
    httpx.Response(502, html="<html>invalid_grant</html>"),
    httpx.Response(503, json={"error": "invalid_grant"}),
    httpx.Response(200, html="<html>maintenance</html>"),
    httpx.Response(200, json={"access_token": "", "expires_in": 1800}),
    httpx.Response(200, json={"access_token": "without-expiry"}),
    httpx.Response(200, json={"access_token": "for-ever", "expires_in": 10**30}),
    httpx.Response(429, headers={"Retry-After": "9" * 5000}),
    httpx.Response(302, headers={"Location": "https://elsewhere.test/"}),
]


class Endpoint:
    """Answers every request the same way and remembers what was asked."""

    def __init__(self, answer: httpx.Response | Exception | Answer) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, httpx.Response) else self.answer(request)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.requests[-1].content.decode()).items()}


def oauth(spec: OAuthSpec, answer: httpx.Response | Exception | Answer) -> tuple[ProviderOAuth, Endpoint]:
    endpoint = Endpoint(answer)
    client = ProviderOAuth(
        spec,
        client_id="client",
        client_secret="secret",
        scopes="accounting offline_access",
        clock=lambda: NOW,
        transport=httpx.MockTransport(endpoint),
    )
    return client, endpoint


async def exchange(client: ProviderOAuth) -> TokenSet:
    return await client.exchange(code="code/+1", redirect_uri=CALLBACK, code_verifier=VERIFIER)


class TestAuthorizationUrl:
    def test_xero_gets_the_s256_challenge_of_the_rfc(self) -> None:
        client, _ = oauth(XERO, httpx.Response(500))
        url = client.authorization_url(state="s t", redirect_uri=CALLBACK, code_verifier=VERIFIER)
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query == {
            "response_type": "code",
            "client_id": "client",
            "redirect_uri": CALLBACK,
            "scope": "accounting offline_access",
            "state": "s t",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",  # RFC 7636, appendix B
            "code_challenge_method": "S256",
        }

    def test_intuit_gets_no_challenge(self) -> None:
        client, _ = oauth(QUICKBOOKS, httpx.Response(500))
        url = client.authorization_url(state="s", redirect_uri=CALLBACK, code_verifier=VERIFIER)
        assert url.startswith("https://intuit.test/connect/oauth2?")
        assert "challenge" not in url


class TestExchange:
    async def test_quickbooks_tells_all_its_expiries(self) -> None:
        client, endpoint = oauth(QUICKBOOKS, httpx.Response(200, json=QUICKBOOKS_TOKENS))
        tokens = await exchange(client)
        assert tokens == TokenSet(
            access_token="qb-access",
            refresh_token="qb-refresh",
            token_type="bearer",
            scope="accounting offline_access",
            access_expires_at=NOW + timedelta(hours=1),
            refresh_expires_at=NOW + timedelta(days=101),
            hard_expires_at=NOW + timedelta(days=1825),
        )
        request = endpoint.requests[0]
        assert request.headers["Authorization"] == "Basic Y2xpZW50OnNlY3JldA=="
        assert request.headers["Accept"] == "application/json"
        assert request.headers["x-include-refresh-token-hard-expires-in"] == "true"
        assert endpoint.form == {"grant_type": "authorization_code", "code": "code/+1", "redirect_uri": CALLBACK}

    async def test_xero_proves_the_verifier_and_its_refresh_token_lives_sixty_days(self) -> None:
        client, endpoint = oauth(XERO, httpx.Response(200, json=XERO_TOKENS))
        tokens = await exchange(client)
        assert endpoint.form["code_verifier"] == VERIFIER
        assert tokens.scope == "offline_access accounting.invoices"
        assert tokens.refresh_expires_at == NOW + timedelta(days=60)
        assert tokens.hard_expires_at is None

    @pytest.mark.parametrize("body", [{"error": "invalid_grant"}, {"error": "invalid_grant", "error_description": "x"}])
    async def test_a_used_code_is_the_callers_problem(self, body: dict[str, str]) -> None:
        client, _ = oauth(XERO, httpx.Response(400, json=body))
        with pytest.raises(Invalid) as caught:
            await exchange(client)
        assert caught.value.public_code == "oauth_code_rejected"

    async def test_without_offline_access_the_operator_is_told(self) -> None:
        answer = {name: value for name, value in XERO_TOKENS.items() if name != "refresh_token"}
        client, _ = oauth(XERO, httpx.Response(200, json=answer))
        with pytest.raises(Misconfigured):
            await exchange(client)

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (httpx.ConnectError("refused"), ProviderUnavailable),
            (httpx.PoolTimeout("busy"), ProviderUnavailable),
            (httpx.ReadTimeout("silence"), OutcomeUnknown),
            (httpx.RemoteProtocolError("cut off"), OutcomeUnknown),
            (httpx.Response(500), OutcomeUnknown),
            (httpx.Response(200, html="<html>"), OutcomeUnknown),
            (httpx.Response(429), ProviderUnavailable),
            (httpx.Response(403, html="blocked"), ProviderUnavailable),
            (httpx.Response(401), Misconfigured),
            (httpx.Response(400, json={"error": "unauthorized_client"}), Misconfigured),
        ],
    )
    async def test_other_failures(self, answer: httpx.Response | Exception, expected: type[Exception]) -> None:
        client, endpoint = oauth(QUICKBOOKS, answer)
        with pytest.raises(expected):
            await exchange(client)
        assert len(endpoint.requests) == 1


class TestRefresh:
    async def test_sends_the_token_without_scopes_and_reads_the_new_pair(self) -> None:
        client, endpoint = oauth(XERO, httpx.Response(200, json=XERO_TOKENS))
        tokens = await client.refresh("old")
        assert endpoint.form == {"grant_type": "refresh_token", "refresh_token": "old"}
        assert (tokens.access_token, tokens.refresh_token) == ("xero-access", "xero-refresh")

    async def test_an_answer_without_a_refresh_token_keeps_the_old_one(self) -> None:
        client, _ = oauth(XERO, httpx.Response(200, json={"access_token": "new", "expires_in": "1800"}))
        tokens = await client.refresh("old")
        assert (tokens.access_token, tokens.refresh_token) == ("new", "old")
        assert tokens.access_expires_at == NOW + timedelta(minutes=30)

    async def test_only_a_parsed_invalid_grant_ends_the_connection(self) -> None:
        body = {"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"}
        client, _ = oauth(QUICKBOOKS, httpx.Response(400, json=body))
        with pytest.raises(NeedsReauth):
            await client.refresh("old")

    @pytest.mark.parametrize("answer", [httpx.Response(401), httpx.Response(400, json={"error": "invalid_client"})])
    async def test_a_wrong_secret_is_the_operators_fault(self, answer: httpx.Response) -> None:
        client, _ = oauth(QUICKBOOKS, answer)
        with pytest.raises(Misconfigured):
            await client.refresh("old")

    @pytest.mark.parametrize("answer", EVERY_REFUSAL_IS_RETRYABLE)
    async def test_anything_else_is_retryable_with_the_same_token(self, answer: httpx.Response) -> None:
        client, endpoint = oauth(XERO, answer)
        with pytest.raises(ProviderUnavailable):
            await client.refresh("old")
        assert len(endpoint.requests) == 1

    @pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.ReadError("x")])
    async def test_silence_is_retryable_too(self, error: Exception) -> None:
        client, _ = oauth(XERO, error)
        with pytest.raises(ProviderUnavailable):
            await client.refresh("old")

    async def test_says_how_long_to_wait(self) -> None:
        client, _ = oauth(XERO, httpx.Response(429, headers={"Retry-After": "7"}))
        with pytest.raises(ProviderUnavailable) as caught:
            await client.refresh("old")
        assert caught.value.retry_after == timedelta(seconds=7)

    async def test_neither_repr_nor_message_shows_a_token(self) -> None:
        client, _ = oauth(XERO, httpx.Response(200, json=XERO_TOKENS))
        shown = repr(await client.refresh("old"))
        assert "xero-access" not in shown
        assert "xero-refresh" not in shown
        echoing, _ = oauth(XERO, httpx.Response(500, json={"error": "old-token-in-here"}))
        with pytest.raises(ProviderUnavailable) as caught:
            await echoing.refresh("old-token-in-here")
        assert "old-token-in-here" not in f"{caught.value} {caught.value.__cause__}"

    async def test_a_vendors_cookie_does_not_carry_over_to_the_next_firm(self) -> None:
        client, endpoint = oauth(
            XERO, lambda _: httpx.Response(200, json=XERO_TOKENS, headers={"Set-Cookie": "session=alice; Path=/"})
        )
        await client.refresh("alice")
        await client.refresh("bob")
        assert "Cookie" not in endpoint.requests[1].headers


class TestRevoke:
    async def test_intuit_takes_json(self) -> None:
        client, endpoint = oauth(QUICKBOOKS, httpx.Response(200))
        await client.revoke("token")
        request = endpoint.requests[0]
        assert str(request.url) == "https://intuit.test/tokens/revoke"
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["Authorization"] == "Basic Y2xpZW50OnNlY3JldA=="
        assert request.content == b'{"token":"token"}'

    async def test_xero_takes_a_form(self) -> None:
        client, endpoint = oauth(XERO, httpx.Response(200))
        await client.revoke("token")
        assert endpoint.form == {"token": "token"}
        assert endpoint.requests[0].headers["Authorization"] == "Basic Y2xpZW50OnNlY3JldA=="

    async def test_an_unknown_token_counts_as_revoked(self) -> None:
        client, endpoint = oauth(QUICKBOOKS, httpx.Response(400, json={"error": "invalid_request"}))
        await client.revoke("token")
        assert len(endpoint.requests) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(429),
            httpx.Response(503),
            httpx.Response(401),
            httpx.Response(400, json={"error": "invalid_client"}),
            httpx.ReadTimeout("silence"),
        ],
    )
    async def test_anything_else_is_not_confirmed(self, answer: httpx.Response | Exception) -> None:
        client, _ = oauth(QUICKBOOKS, answer)
        with pytest.raises(ProviderUnavailable):
            await client.revoke("token")


def connection(tenant: str, *, link: str, updated: str, kind: str = "ORGANISATION") -> dict[str, str]:
    return {
        "id": link,
        "authEventId": CONSENT,
        "tenantId": tenant,
        "tenantType": kind,
        "tenantName": tenant.title(),
        "createdDateUtc": "2026-01-01T00:00:00.0000000",
        "updatedDateUtc": updated,
    }


def xero_tokens() -> TokenSet:
    claims = {"xero_userid": USER, "authentication_event_id": CONSENT, "scope": ["openid"], "exp": 1}
    return TokenSet(
        access_token=jwt.encode(claims, "k" * 32, algorithm="HS256"),
        refresh_token="r",
        token_type="Bearer",
        scope="",
        access_expires_at=NOW,
        refresh_expires_at=None,
        hard_expires_at=None,
    )


class TestIdentity:
    async def test_quickbooks_companies_come_from_the_callback(self) -> None:
        client, endpoint = oauth(QUICKBOOKS, httpx.Response(500))
        identity = await client.identity(xero_tokens(), realm_id="9341452900000001")
        assert [company.external_id for company in identity.companies] == ["9341452900000001"]
        assert identity.provider_user == ""
        assert endpoint.requests == []

    async def test_quickbooks_without_a_realm_is_refused(self) -> None:
        client, _ = oauth(QUICKBOOKS, httpx.Response(500))
        with pytest.raises(Invalid) as caught:
            await client.identity(xero_tokens(), realm_id=None)
        assert caught.value.public_code == "realm_missing"

    async def test_xero_lists_the_organisations_of_this_consent(self) -> None:
        listed = [
            connection("harbour", link="c1", updated="2026-11-21T09:59:59.1000000"),
            connection("practice", link="c2", updated="2026-11-21T09:59:59.2000000", kind="PRACTICEMANAGER"),
        ]
        client, endpoint = oauth(XERO, httpx.Response(200, json=listed))
        identity = await client.identity(xero_tokens(), realm_id=None)
        assert identity.provider_user == USER
        assert identity.consent_id == CONSENT
        assert [(one.external_id, one.name, one.link_id) for one in identity.companies] == [
            ("harbour", "Harbour", "c1")
        ]
        assert endpoint.requests[0].url.params["authEventId"] == CONSENT
        assert endpoint.requests[0].headers["Authorization"].startswith("Bearer ")

    async def test_a_reconnect_without_its_event_id_is_the_newest_connection(self) -> None:
        everything = [
            connection("newest", link="c2", updated="2026-11-21T09:59:58.0000000"),
            connection("older", link="c1", updated="2026-10-01T00:00:00.0000000"),
        ]

        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=[] if "authEventId" in request.url.params else everything)

        client, _ = oauth(XERO, answer)
        identity = await client.identity(xero_tokens(), realm_id=None)
        assert [one.external_id for one in identity.companies] == ["newest"]

    @pytest.mark.parametrize("answer", [httpx.Response(503), httpx.Response(200, html="x"), httpx.ReadTimeout("x")])
    async def test_an_unreadable_list_is_retryable(self, answer: httpx.Response | Exception) -> None:
        client, _ = oauth(XERO, answer)
        with pytest.raises(ProviderUnavailable):
            await client.identity(xero_tokens(), realm_id=None)


class TestUnlink:
    @pytest.mark.parametrize("status", [204, 404])
    async def test_deletes_the_connection_or_finds_it_gone(self, status: int) -> None:
        client, endpoint = oauth(XERO, httpx.Response(status))
        await client.unlink("access", "c/1")
        assert endpoint.requests[0].method == "DELETE"
        assert endpoint.requests[0].url.raw_path == b"/connections/c%2F1"
        assert endpoint.requests[0].headers["Authorization"] == "Bearer access"

    @pytest.mark.parametrize(("status", "expected"), [(401, NeedsReauth), (503, ProviderUnavailable)])
    async def test_says_when_it_did_not_work(self, status: int, expected: type[Exception]) -> None:
        client, _ = oauth(XERO, httpx.Response(status))
        with pytest.raises(expected):
            await client.unlink("access", "c1")

    async def test_quickbooks_has_nothing_to_unlink(self) -> None:
        client, endpoint = oauth(QUICKBOOKS, httpx.Response(500))
        await client.unlink("access", "")
        assert endpoint.requests == []


@pytest.mark.parametrize(
    "act", [exchange, lambda c: c.refresh("t"), lambda c: c.revoke("t"), lambda c: c.unlink("t", "1")]
)
async def test_nothing_is_sent_inside_a_transaction(act) -> None:
    client, endpoint = oauth(XERO, httpx.Response(200, json=XERO_TOKENS))
    with transaction_open(), pytest.raises(HttpInsideTransaction):
        await act(client)
    assert endpoint.requests == []
