import asyncio
import logging
from collections.abc import AsyncIterator
from io import StringIO

import httpx
import pytest

from app.connections import (
    Choose,
    Connected,
    begin,
    check,
    complete,
    complete_pending,
    disconnect,
    land,
    refresh,
    select_company,
    tidy,
    update_settings,
)
from app.connections.consent import Caller
from app.connections.returning import HOME, checked
from app.crypto import generate_key
from app.errors import (
    AppError,
    Conflict,
    Invalid,
    Misconfigured,
    NeedsReauth,
    NotConnected,
    NotFound,
    ProviderUnavailable,
)
from app.logs import configure_logs
from app.settings import Settings
from tests.support.journeys import OTHER_REALM, QUICKBOOKS, REALM, XERO, Desk, open_desk, words_of

BACK = "http://localhost:3000/integrations"
TWO = {"t-1": "Acme Pty", "t-2": "Acme Trust"}


@pytest.fixture
async def desk(settings: Settings, database_url: str) -> AsyncIterator[Desk]:
    async with open_desk(settings, database_url) as opened:
        yield opened


class TestBegin:
    async def test_the_url_carries_state_redirect_and_challenge(self, desk) -> None:
        begun = await begin(desk.runtime, desk.firm(), XERO)
        words = words_of(begun.authorization_url)
        assert words["state"] == begun.state_token
        assert words["redirect_uri"] == "http://localhost:8000/api/auth/xero/callback"
        assert words["code_challenge_method"] == "S256"
        assert "offline_access" in words["scope"]

    async def test_neither_state_nor_verifier_is_stored_readable(self, desk) -> None:
        begun = await begin(desk.runtime, desk.firm(), XERO)
        text = str(desk.sql("SELECT * FROM oauth_states"))
        assert begun.state_token not in text
        assert begun.state_token not in repr(begun)
        assert desk.sql("SELECT expires_at - %s = interval '10 minutes' FROM oauth_states", desk.vendors.clock())

    async def test_a_provider_that_is_not_set_up(self, make_settings, database_url) -> None:
        settings = make_settings(xero_client_id=None, xero_client_secret=None)
        async with open_desk(settings, database_url) as desk:
            with pytest.raises(Misconfigured) as refused:
                await begin(desk.runtime, desk.firm(), XERO)
        assert refused.value.public_code == "provider_not_configured"


class TestReturnAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "",
            "/settings/integrations?tab=1",
            BACK,
            BACK + "/",
            BACK + "?firm=7",
            "http://localhost:8000/anything",
        ],
    )
    def test_allowed(self, settings, url: str) -> None:
        assert checked(settings, url) == url

    @pytest.mark.parametrize(
        "url",
        [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/ok\r\nSet-Cookie: a=b",
            "/ok\tx",
            "http://localhost:3000/other",
            "http://localhost:3000/integrations/../other",
            "http://localhost:3000.evil.example/integrations",
            "http://user@localhost:3000/integrations",
            "http://localhost:3000/integrations#token",
            "https://localhost:3000/integrations",
            "relative",
            "/ünï",
            "http://[::1",
            "/" + "a" * 2001,
        ],
    )
    def test_refused(self, settings, url: str) -> None:
        with pytest.raises(Invalid) as refused:
            checked(settings, url)
        assert refused.value.public_code == "return_url_not_allowed"


class TestThroughTheApi:
    async def test_quickbooks_connects_and_says_what_was_found(self, desk) -> None:
        caller = desk.firm()
        row = await desk.row(caller, await desk.connect(caller))
        assert (row.status, row.subject, row.company_id, row.company_name) == ("active", "ann", REALM, "Sandbox Ltd")
        assert (row.environment, row.company["currency"]) == ("sandbox", "USD")
        assert {check["code"] for check in row.readiness} >= {"currency", "closing_date"}
        assert desk.sql("SELECT action, actor FROM audit_events ORDER BY id") == [
            ("connect.begun", "ann"),
            ("connection.connected", "ann"),
        ]
        assert desk.sql("SELECT count(*) FROM procrastinate.procrastinate_jobs") == [(1,)]

    async def test_a_callback_works_once(self, desk) -> None:
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, QUICKBOOKS)
        await complete(desk.runtime, caller, desk.back(begun))
        with pytest.raises(Invalid) as refused:
            await complete(desk.runtime, caller, desk.back(begun))
        assert refused.value.public_code == "state_invalid"
        assert desk.vendors.calls == ["exchange"]

    async def test_of_two_at_the_same_moment_one_wins(self, desk) -> None:
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, QUICKBOOKS)
        arrival = desk.back(begun)
        results = await asyncio.gather(
            *(complete(desk.runtime, caller, arrival) for _ in range(5)), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in results) == ["Connected"] + ["Invalid"] * 4
        assert desk.vendors.calls == ["exchange"]

    async def test_a_forged_state(self, desk) -> None:
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, QUICKBOOKS)
        with pytest.raises(Invalid) as refused:
            await complete(desk.runtime, caller, desk.back(begun, state=begun.state_token + "x"))
        assert refused.value.public_code == "state_invalid"
        assert desk.vendors.calls == []

    @pytest.mark.parametrize("stranger", ["another firm", "another person"])
    async def test_somebody_elses_state_is_worth_nothing_and_used_up(self, desk, stranger: str) -> None:
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, QUICKBOOKS)
        thief = desk.firm("Globex") if stranger == "another firm" else Caller(caller.firm_id, "bob")
        with pytest.raises(Invalid) as refused:
            await complete(desk.runtime, thief, desk.back(begun))
        assert refused.value.public_code == "state_mismatch"
        with pytest.raises(Invalid):
            await complete(desk.runtime, caller, desk.back(begun))
        assert desk.vendors.calls == []

    async def test_after_ten_minutes_it_is_over(self, desk) -> None:
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, QUICKBOOKS)
        desk.vendors.clock.advance(minutes=10)
        with pytest.raises(Invalid) as refused:
            await complete(desk.runtime, caller, desk.back(begun))
        assert refused.value.public_code == "state_expired"
        assert desk.vendors.calls == []

    async def test_a_realm_that_the_consent_does_not_open(self, desk) -> None:
        """The realm id comes through the browser: code of one company, realm of another."""
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, QUICKBOOKS)
        with pytest.raises(Invalid) as refused:
            await complete(desk.runtime, caller, desk.back(begun, realm_id=OTHER_REALM))
        assert refused.value.public_code == "company_mismatch"
        assert desk.sql("SELECT (SELECT count(*) FROM connections), (SELECT count(*) FROM grants)") == [(0, 0)]

    async def test_a_used_code_is_reported_and_counted(self, desk) -> None:
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, QUICKBOOKS)
        desk.vendors.fail = [httpx.Response(400, json={"error": "invalid_grant"})]
        with pytest.raises(Invalid) as refused:
            await complete(desk.runtime, caller, desk.back(begun))
        assert refused.value.public_code == "oauth_code_rejected"
        assert desk.sql("SELECT details->>'reason' FROM audit_events WHERE action = 'connect.failed'") == [
            ("oauth_code_rejected",)
        ]

    async def test_a_provider_that_stumbles_does_not_cost_the_user_the_journey(self, desk) -> None:
        desk.vendors.fail = [httpx.ConnectError("no route"), httpx.Response(503)]
        with pytest.raises(AppError):  # a 503 may have used the code up: it is not sent again
            await desk.connect(desk.firm())
        desk.vendors.fail = [httpx.ConnectError("no route")]
        caller = desk.firm("Globex")
        assert (await desk.row(caller, await desk.connect(caller))).status == "active"

    async def test_one_xero_tenant_needs_no_choice(self, desk) -> None:
        caller = desk.firm()
        row = await desk.row(caller, await desk.connect(caller, XERO, "user-1"))
        assert (row.company_id, row.company_name, row.link_id) == ("t-1", "Acme Pty", "link-t-1")

    async def test_a_consent_without_a_company(self, desk) -> None:
        desk.vendors.tenants["user-1"] = {}
        with pytest.raises(Invalid) as refused:
            await desk.connect(desk.firm(), XERO, "user-1")
        assert refused.value.public_code == "no_company"


class TestChoosing:
    @pytest.fixture
    async def chosen_from(self, desk) -> tuple[Caller, Choose]:
        desk.vendors.tenants["user-1"] = dict(TWO)
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, XERO)
        result = await complete(desk.runtime, caller, desk.back(begun, "user-1"))
        assert isinstance(result, Choose)
        return caller, result

    async def test_two_tenants_wait_for_a_choice(self, desk, chosen_from) -> None:
        caller, choice = chosen_from
        assert {one.external_id: one.name for one in choice.companies} == TWO
        assert desk.sql("SELECT count(*) FROM connections") == [(0,)]
        connected = await select_company(desk.runtime, caller, choice.selection_token, "t-2")
        assert (await desk.row(caller, connected.connection_id)).company_name == "Acme Trust"

    async def test_a_choice_works_once(self, desk, chosen_from) -> None:
        caller, choice = chosen_from
        await select_company(desk.runtime, caller, choice.selection_token, "t-2")
        with pytest.raises(Invalid) as refused:
            await select_company(desk.runtime, caller, choice.selection_token, "t-2")
        assert refused.value.public_code == "selection_invalid"

    async def test_two_choices_at_the_same_moment_make_one_connection(self, desk, chosen_from) -> None:
        caller, choice = chosen_from
        results = await asyncio.gather(
            *(select_company(desk.runtime, caller, choice.selection_token, one) for one in TWO),
            return_exceptions=True,
        )
        assert sum(isinstance(one, Connected) for one in results) == 1
        codes = {one.public_code for one in results if isinstance(one, AppError)}
        assert codes <= {"selection_invalid", "company_changed"}  # whichever it met first
        assert desk.sql("SELECT count(*) FROM connections WHERE status = 'active'") == [(1,)]

    async def test_strangers_and_strange_companies_are_refused_and_the_choice_stays(self, desk, chosen_from) -> None:
        caller, choice = chosen_from
        for thief, company, code in (
            (desk.firm("Globex"), "t-1", "selection_invalid"),
            (Caller(caller.firm_id, "bob"), "t-1", "state_mismatch"),
            (caller, "t-3", "company_unknown"),
        ):
            with pytest.raises(Invalid) as refused:
                await select_company(desk.runtime, thief, choice.selection_token, company)
            assert refused.value.public_code == code
        await select_company(desk.runtime, caller, choice.selection_token, "t-1")

    async def test_the_choice_has_ten_minutes(self, desk, chosen_from) -> None:
        caller, choice = chosen_from
        desk.vendors.clock.advance(minutes=10)
        with pytest.raises(Invalid) as refused:
            await select_company(desk.runtime, caller, choice.selection_token, "t-1")
        assert refused.value.public_code == "state_expired"

    async def test_an_unreachable_provider_leaves_the_choice_open(self, desk, chosen_from) -> None:
        caller, choice = chosen_from
        desk.vendors.company_status = 503
        with pytest.raises(ProviderUnavailable):
            await select_company(desk.runtime, caller, choice.selection_token, "t-1")
        desk.vendors.company_status = 200
        await select_company(desk.runtime, caller, choice.selection_token, "t-1")


class TestThroughTheBrowser:
    async def test_the_browser_that_began_completes(self, desk) -> None:
        caller = desk.firm()
        begun = await begin(
            desk.runtime, caller, QUICKBOOKS, return_url=BACK + "?a=1", caller_state="mine&x", browser="cookie-secret"
        )
        target = await land(desk.runtime, desk.back(begun, browser="cookie-secret"), QUICKBOOKS)
        assert target.startswith(BACK + "?a=1&")
        words = words_of(target)
        assert words["state"] == "mine&x"
        assert (await desk.row(caller, int(words["connection_id"]))).status == "active"

    @pytest.mark.parametrize("cookie", ["", "another"])
    async def test_another_browser_gets_nothing_and_no_code_is_exchanged(self, desk, cookie: str) -> None:
        begun = await begin(desk.runtime, desk.firm(), QUICKBOOKS, browser="cookie-secret")
        target = await land(desk.runtime, desk.back(begun, browser=cookie), QUICKBOOKS)
        assert words_of(target) == {"code": "state_mismatch"}
        assert desk.vendors.calls == []

    async def test_a_victims_browser_cannot_finish_an_attackers_journey(self, desk) -> None:
        """The attacker sends his authorization link to somebody, who consents with the victim's company."""
        attacker = desk.firm("Mallory & Co", "mallory")
        begun = await begin(desk.runtime, attacker, QUICKBOOKS, return_url=BACK)
        target = await land(desk.runtime, desk.back(begun), QUICKBOOKS)
        assert desk.sql("SELECT count(*) FROM connections") == [(0,)]
        # The token that finishes it is with the victim, who is not the principal that began.
        token = words_of(target)["completion_token"]
        with pytest.raises(Invalid):
            await complete_pending(desk.runtime, desk.firm("Victim"), begun.state_token, token)
        # The attacker has the state but no token, and the code is spent.
        with pytest.raises(Invalid):
            await complete_pending(desk.runtime, attacker, begun.state_token, "guess")
        with pytest.raises(Invalid):
            await complete(desk.runtime, attacker, desk.back(begun))
        assert desk.sql("SELECT count(*) FROM connections") == [(0,)]

    async def test_the_principal_that_began_through_the_api_finishes(self, desk) -> None:
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, XERO, return_url=BACK, caller_state="mine")
        words = words_of(await land(desk.runtime, desk.back(begun, "user-1"), XERO))
        assert words["state"] == "mine"
        token = words["completion_token"]
        with pytest.raises(Invalid) as refused:
            await complete_pending(desk.runtime, Caller(caller.firm_id, "bob"), begun.state_token, token)
        assert refused.value.public_code == "state_mismatch"
        with pytest.raises(Invalid) as refused:
            await complete_pending(desk.runtime, caller, "another state", token)
        assert refused.value.public_code == "state_mismatch"
        result = await complete_pending(desk.runtime, caller, begun.state_token, token)
        assert isinstance(result, Connected)
        with pytest.raises(Invalid) as refused:
            await complete_pending(desk.runtime, caller, begun.state_token, token)
        assert refused.value.public_code == "completion_invalid"

    async def test_several_companies_after_a_browser_came_back(self, desk) -> None:
        desk.vendors.tenants["user-1"] = dict(TWO)
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, XERO)
        words = words_of(await land(desk.runtime, desk.back(begun, "user-1"), XERO))
        choice = await complete_pending(desk.runtime, caller, begun.state_token, words["completion_token"])
        assert isinstance(choice, Choose)
        await select_company(desk.runtime, caller, choice.selection_token, "t-1")
        assert desk.sql("SELECT count(*) FROM pending_connections") == [(0,)]

    async def test_codes_and_states_of_one_provider_are_refused_at_the_other(self, desk) -> None:
        begun = await begin(desk.runtime, desk.firm(), QUICKBOOKS, return_url=BACK)
        target = await land(desk.runtime, desk.back(begun), XERO)
        assert words_of(target) == {"code": "state_mismatch"}
        assert desk.vendors.calls == []

    async def test_the_shared_path_knows_the_provider_by_the_state(self, desk) -> None:
        begun = await begin(desk.runtime, desk.firm(), XERO, browser="cookie-secret")
        target = await land(desk.runtime, desk.back(begun, "user-1", browser="cookie-secret"))
        assert target.startswith(HOME + "?connection_id=")

    @pytest.mark.parametrize(
        ("error", "code"),
        [("access_denied", "access_denied"), ("server_error", "server_error"), ("<script>", "provider_error")],
    )
    async def test_a_cancelled_consent_returns_with_a_code(self, desk, error: str, code: str) -> None:
        begun = await begin(desk.runtime, desk.firm(), QUICKBOOKS, return_url=BACK, caller_state="mine")
        target = await land(desk.runtime, desk.back(begun, code="", error=error), QUICKBOOKS)
        assert target == f"{BACK}?code={code}&state=mine"

    async def test_an_unknown_state_lands_on_our_own_page(self, desk) -> None:
        begun = await begin(desk.runtime, desk.firm(), QUICKBOOKS, return_url=BACK)
        assert await land(desk.runtime, desk.back(begun, state="made up"), QUICKBOOKS) == f"{HOME}?code=state_invalid"


class TestReconnecting:
    async def test_the_same_company_goes_on_on_the_same_row(self, desk) -> None:
        caller = desk.firm()
        first = await desk.connect(caller)
        old_grant = (await desk.row(caller, first)).grant_id
        assert await desk.connect(caller) == first
        row = await desk.row(caller, first)
        assert row.grant_id != old_grant
        assert desk.sql("SELECT id FROM grants") == [(row.grant_id,)]
        assert desk.vendors.revoked == []  # revoking the old token at Intuit would end the new consent

    async def test_after_a_disconnect_too(self, desk) -> None:
        caller = desk.firm()
        first = await desk.connect(caller)
        await disconnect(desk.runtime, caller.firm_id, first)
        assert await desk.connect(caller) == first
        row = await desk.row(caller, first)
        assert (row.status, row.revoked_at) == ("active", None)

    async def test_another_company_is_refused_and_both_are_named(self, desk) -> None:
        caller = desk.firm()
        first = await desk.connect(caller)
        with pytest.raises(Conflict) as refused:
            await desk.connect(caller, who=OTHER_REALM)
        error = refused.value
        assert error.public_code == "company_changed"
        assert error.extra["connected_company"] == {"id": REALM, "name": "Sandbox Ltd"}
        assert error.extra["chosen_company"] == {"id": OTHER_REALM, "name": ""}
        assert (await desk.row(caller, first)).status == "active"
        assert desk.vendors.revoked == []

    async def test_confirming_needs_no_second_consent(self, desk) -> None:
        caller = desk.firm()
        first = await desk.connect(caller)
        begun = await begin(desk.runtime, caller, QUICKBOOKS)
        arrival = desk.back(begun, OTHER_REALM)
        with pytest.raises(Conflict) as refused:
            await complete(desk.runtime, caller, arrival)
        assert refused.value.extra["selection_token"]
        result = await complete(desk.runtime, caller, arrival, confirm_company_change=True)
        assert isinstance(result, Connected)
        assert result.connection_id != first
        assert (await desk.row(caller, first)).status == "revoked"
        assert (await desk.row(caller, result.connection_id)).company_name == "Other Ltd"
        assert desk.vendors.calls.count("exchange") == 2
        assert desk.vendors.revoked == [REALM]

    async def test_confirming_through_the_selection(self, desk) -> None:
        caller = desk.firm()
        await desk.connect(caller)
        with pytest.raises(Conflict) as refused:
            await desk.connect(caller, who=OTHER_REALM)
        token = str(refused.value.extra["selection_token"])
        with pytest.raises(Conflict):
            await select_company(desk.runtime, caller, token, OTHER_REALM)
        await select_company(desk.runtime, caller, token, OTHER_REALM, confirm_company_change=True)
        assert desk.sql("SELECT company_id FROM connections WHERE status = 'active'") == [(OTHER_REALM,)]

    async def test_nobody_else_can_confirm(self, desk) -> None:
        caller = desk.firm()
        await desk.connect(caller)
        begun = await begin(desk.runtime, caller, QUICKBOOKS)
        with pytest.raises(Conflict):
            await complete(desk.runtime, caller, desk.back(begun, OTHER_REALM))
        with pytest.raises(Invalid):
            await complete(desk.runtime, Caller(caller.firm_id, "bob"), desk.back(begun), confirm_company_change=True)

    async def test_a_xero_user_who_switches_tenants_unlinks_the_old_one(self, desk) -> None:
        caller = desk.firm()
        await desk.connect(caller, XERO, "user-1")
        desk.vendors.tenants["user-1"] = {"t-9": "New Pty"}
        await desk.connect(caller, XERO, "user-1", confirm_company_change=True)
        assert desk.vendors.unlinked == ["link-t-1"]
        assert desk.vendors.revoked == []
        assert desk.sql("SELECT count(*) FROM grants") == [(1,)]

    async def test_a_company_of_another_firm(self, desk) -> None:
        first = desk.firm()
        connection_id = await desk.connect(first)
        with pytest.raises(Conflict) as refused:
            await desk.connect(desk.firm("Globex"))
        assert refused.value.public_code == "company_connected_elsewhere"
        assert "Acme" not in refused.value.detail
        assert (await desk.row(first, connection_id)).status == "active"
        assert desk.sql("SELECT count(*) FROM grants") == [(1,)]
        assert desk.vendors.revoked == []

    async def test_two_firms_racing_for_one_company(self, desk) -> None:
        callers = [desk.firm(f"Firm {number}") for number in range(4)]
        results = await asyncio.gather(*(desk.connect(caller) for caller in callers), return_exceptions=True)
        refusals = [one for one in results if isinstance(one, Conflict)]
        assert [one.public_code for one in refusals] == ["company_connected_elsewhere"] * 3
        assert desk.sql("SELECT count(*) FROM grants") == [(1,)]
        assert desk.vendors.revoked == []


class TestSharedGrant:
    """One accountant, one Xero user, two firms."""

    @pytest.fixture
    async def pair(self, desk) -> tuple[tuple[Caller, int], tuple[Caller, int]]:
        desk.vendors.tenants["user-1"] = {"t-1": "Acme Pty"}
        acme = desk.firm()
        first = await desk.connect(acme, XERO, "user-1")
        desk.vendors.tenants["user-1"] = {"t-2": "Globex Pty"}
        globex = desk.firm("Globex", "bob")
        second = await desk.connect(globex, XERO, "user-1")
        desk.vendors.tenants["user-1"] = {"t-1": "Acme Pty", "t-2": "Globex Pty"}
        return (acme, first), (globex, second)

    async def test_two_firms_share_one_grant(self, desk, pair) -> None:
        rows = [await desk.row(*one) for one in pair]
        assert rows[0].grant_id == rows[1].grant_id
        for row in rows:
            assert await desk.runtime.vault.access_token(row.grant_id)

    async def test_ending_one_keeps_the_other(self, desk, pair) -> None:
        (acme, first), (globex, second) = pair
        await disconnect(desk.runtime, acme.firm_id, first)
        assert desk.vendors.unlinked == ["link-t-1"]
        assert desk.vendors.revoked == []
        await check(desk.runtime, globex.firm_id, second)
        assert (await desk.row(globex, second)).status == "active"
        await disconnect(desk.runtime, globex.firm_id, second)
        assert desk.vendors.unlinked == ["link-t-1", "link-t-2"]
        assert desk.vendors.revoked == ["user-1"]
        assert desk.sql("SELECT count(*) FROM grants") == [(0,)]

    async def test_when_it_ends_at_xero_both_expire_and_one_consent_revives_both(self, desk, pair) -> None:
        acme, first = pair[0]
        desk.vendors.kill()
        with pytest.raises(NeedsReauth):
            await check(desk.runtime, acme.firm_id, first)
        for one in pair:
            assert (await desk.row(*one)).status == "expired"
        desk.vendors.tenants["user-1"] = {"t-1": "Acme Pty"}
        assert await desk.connect(acme, XERO, "user-1") == first
        for one in pair:
            row = await desk.row(*one)
            assert (row.status, row.next_sync_at, row.next_nightly_at) == ("active", row.updated_at, row.updated_at)


class TestEnding:
    async def test_quickbooks_is_revoked_and_erased(self, desk) -> None:
        caller = desk.firm()
        connection_id = await desk.connect(caller)
        await disconnect(desk.runtime, caller.firm_id, connection_id, actor="ann")
        row = await desk.row(caller, connection_id)
        assert (row.status, row.grant_id) == ("revoked", None)
        assert row.revoked_at is not None
        assert desk.vendors.revoked == [REALM]
        assert desk.sql("SELECT count(*) FROM grants") == [(0,)]
        assert desk.sql("SELECT actor, action FROM audit_events ORDER BY id DESC LIMIT 1") == [
            ("ann", "connection.disconnected")
        ]

    async def test_twice_is_once(self, desk) -> None:
        caller = desk.firm()
        connection_id = await desk.connect(caller)
        for _ in range(2):
            await disconnect(desk.runtime, caller.firm_id, connection_id)
        assert desk.vendors.revoked == [REALM]

    async def test_an_unreachable_provider_does_not_keep_it_alive(self, desk, monkeypatch) -> None:
        async def silent(*_: str) -> None:
            raise ProviderUnavailable("no answer")

        caller = desk.firm()
        connection_id = await desk.connect(caller, XERO, "user-1")
        for name in ("revoke", "unlink"):
            monkeypatch.setattr(desk.runtime.oauth[XERO], name, silent)
        await disconnect(desk.runtime, caller.firm_id, connection_id)
        assert (await desk.row(caller, connection_id)).status == "revoked"
        assert desk.sql("SELECT count(*) FROM grants") == [(0,)]

    async def test_another_firms_connection_is_not_found(self, desk) -> None:
        connection_id = await desk.connect(desk.firm())
        stranger = desk.firm("Globex")
        for use_case in (disconnect, check, refresh):
            with pytest.raises(NotFound):
                await use_case(desk.runtime, stranger.firm_id, connection_id)
        assert desk.vendors.revoked == []


class TestUpkeep:
    async def test_check_reads_the_company_anew(self, desk) -> None:
        caller = desk.firm()
        connection_id = await desk.connect(caller)
        desk.vendors.realms[REALM] = "Renamed Ltd"
        await check(desk.runtime, caller.firm_id, connection_id)
        assert (await desk.row(caller, connection_id)).company_name == "Renamed Ltd"

    async def test_a_consent_ended_at_the_provider_shows_as_expired_with_a_message(self, desk) -> None:
        caller = desk.firm()
        connection_id = await desk.connect(caller)
        desk.vendors.kill()
        with pytest.raises(NeedsReauth):
            await check(desk.runtime, caller.firm_id, connection_id)
        row = await desk.row(caller, connection_id)
        assert (row.status, row.error_code) == ("expired", "needs_reauth")
        assert row.error_message

    async def test_an_outage_changes_nothing(self, desk) -> None:
        caller = desk.firm()
        connection_id = await desk.connect(caller)
        desk.vendors.company_status = 503
        with pytest.raises(ProviderUnavailable):
            await check(desk.runtime, caller.firm_id, connection_id)
        assert (await desk.row(caller, connection_id)).status == "active"

    async def test_a_good_look_clears_an_error(self, desk) -> None:
        caller = desk.firm()
        connection_id = await desk.connect(caller)
        desk.sql("UPDATE connections SET status = 'error', error_code = 'x', error_message = 'y'")
        await check(desk.runtime, caller.firm_id, connection_id)
        row = await desk.row(caller, connection_id)
        assert (row.status, row.error_code, row.error_message) == ("active", "", "")

    async def test_refresh_renews_now(self, desk) -> None:
        caller = desk.firm()
        connection_id = await desk.connect(caller)
        await refresh(desk.runtime, caller.firm_id, connection_id, actor="ann")
        assert desk.vendors.refreshes == 1
        await disconnect(desk.runtime, caller.firm_id, connection_id)
        with pytest.raises(NotConnected):
            await refresh(desk.runtime, caller.firm_id, connection_id)

    async def test_settings_change_with_their_audit(self, desk) -> None:
        caller = desk.firm()
        connection_id = await desk.connect(caller)
        async with desk.runtime.db.firm(caller.firm_id) as session:
            row = await update_settings(
                session, caller.firm_id, connection_id, {"invoice_sync_enabled": False}, actor="ann"
            )
        assert row.invoice_sync_enabled is False
        assert desk.sql("SELECT details FROM audit_events WHERE action = 'connection.changed'") == [
            ({"before": {"invoice_sync_enabled": True}, "after": {"invoice_sync_enabled": False}},)
        ]

    async def test_tidy_forgets_journeys_that_ran_out_of_time(self, desk) -> None:
        desk.vendors.tenants["user-1"] = dict(TWO)
        caller = desk.firm()
        await begin(desk.runtime, caller, XERO)
        begun = await begin(desk.runtime, caller, XERO)
        await complete(desk.runtime, caller, desk.back(begun, "user-1"))
        assert await tidy(desk.runtime, desk.vendors.clock()) == 0
        desk.vendors.clock.advance(minutes=31)
        assert await tidy(desk.runtime, desk.vendors.clock()) == 2
        assert desk.sql("SELECT count(*) FROM pending_connections") == [(0,)]

    async def test_journeys_under_way_survive_a_change_of_keys(self, desk, make_settings, database_url) -> None:
        desk.vendors.tenants["user-1"] = dict(TWO)
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, QUICKBOOKS)
        choice = await complete(desk.runtime, caller, desk.back(await begin(desk.runtime, caller, XERO), "user-1"))
        assert isinstance(choice, Choose)
        old = desk.runtime.settings.encryption_keys.get_secret_value()
        new = f"k2:{generate_key()}"
        async with open_desk(make_settings(encryption_keys=f"{new},{old}"), database_url) as rotating:
            counts = await rotating.runtime.vault.rotate_keys()
        assert counts == {"grants": 0, "pending_connections": 1, "oauth_states": 1, "unreadable": 0}
        async with open_desk(make_settings(encryption_keys=new), database_url, desk.vendors) as later:
            await select_company(later.runtime, caller, choice.selection_token, "t-1")
            await complete(later.runtime, caller, desk.back(begun))
            assert desk.sql("SELECT count(*) FROM connections") == [(2,)]


async def test_no_token_code_or_state_in_logs_errors_or_database(desk) -> None:
    stream = StringIO()
    configure_logs("DEBUG", stream=stream)
    errors: list[AppError] = []
    try:
        desk.vendors.tenants["user-1"] = dict(TWO)
        caller = desk.firm()
        begun = await begin(desk.runtime, caller, XERO, return_url=BACK)
        target = await land(desk.runtime, desk.back(begun, "user-1"), XERO)
        completion = words_of(target)["completion_token"]
        choice = await complete_pending(desk.runtime, caller, begun.state_token, completion)
        assert isinstance(choice, Choose)
        connection_id = (await select_company(desk.runtime, caller, choice.selection_token, "t-1")).connection_id
        desk.vendors.kill()
        with pytest.raises(NeedsReauth) as gone:
            await check(desk.runtime, caller.firm_id, connection_id)
        errors.append(gone.value)
        await disconnect(desk.runtime, caller.firm_id, connection_id)
    finally:
        logging.getLogger().handlers = []
    tables = ("oauth_states", "pending_connections", "grants", "connections", "audit_events", "sync_runs")
    stored = "".join(str(desk.sql(f"SELECT * FROM {table}")) for table in tables)
    for text in (stream.getvalue(), stored, repr(choice), *(repr(vars(error)) for error in errors)):
        for secret in ("secret-", "code-user-1", begun.state_token, completion, choice.selection_token, "eyJ"):
            assert secret not in text
