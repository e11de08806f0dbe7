"""Signing in: who gets in, what the cookie is like, what a foreign form can do, and how it ends."""

import pytest
from sqlalchemy import text

from app.connections import tidy
from app.db import api_keys
from app.edge.principals import Principal, Role
from app.settings import Settings
from app.web import sessions
from app.web.pages import local
from tests.support.pages import Pages


async def test_a_key_opens_the_pages_and_signing_out_ends_it(pages: Pages) -> None:
    firm = await pages.api.world.firm("Harbor Tea")
    person = await pages.person(firm, "member")
    await person.open("/")
    assert "Harbor Tea" in person.text
    assert "member" in person.text
    cookie = next(iter(person.http.cookies.jar))
    await person.send("/sign-out")
    assert "signed out" in person.text
    person.http.cookies.set(cookie.name, cookie.value or "")
    assert "Sign in" in await person.open("/"), "the old cookie is worth nothing"


async def test_whoever_is_not_signed_in_is_sent_to_the_form_and_then_on(pages: Pages) -> None:
    person = await pages.stranger()
    answer = await person.http.get("/connections/7/settings?a=b")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sign-in?next=%2Fconnections%2F7%2Fsettings%3Fa%3Db",
    )
    await person.open(answer.headers["location"])
    _, key = await pages.api.key(await pages.api.world.firm())
    sent = await person.send("/sign-in", follow=False, status=303, key=key)
    assert sent.headers["location"] == "/connections/7/settings?a=b"


@pytest.mark.parametrize("key", ["", "hunter2", "tieout_test_" + "0" * 49])
async def test_what_is_no_key_stays_outside(pages: Pages, key: str) -> None:
    person = await pages.stranger()
    await person.open("/sign-in")
    await person.send("/sign-in", status=401, key=key)
    assert not person.http.cookies
    assert 'role="alert"' in person.page.text


async def test_the_cookie_cannot_be_read_by_scripts_and_the_page_runs_only_its_own(pages: Pages) -> None:
    person = await pages.stranger()
    await person.open("/sign-in")
    _, key = await pages.api.key(await pages.api.world.firm())
    answer = await person.send("/sign-in", follow=False, status=303, key=key)
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    await person.open("/")
    policy = person.page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<style" not in person.page.text
    assert " style=" not in person.page.text
    assert " onclick" not in person.page.text


def test_over_https_the_cookie_is_bound_to_this_host(settings: Settings) -> None:
    secure = settings.model_copy(update={"public_url": "https://tieout.example"})
    assert sessions.cookie_name(secure).startswith("__Host-")


async def test_a_form_without_its_token_or_from_another_site_does_nothing(pages: Pages) -> None:
    person = await pages.person(await pages.api.world.firm())
    await person.open("/")
    await person.send("/sign-out", status=403, csrf="0" * 64)
    answer = await person.http.post("/sign-out", data={"csrf": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    answer = await person.http.post("/sign-out", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "Sign out" in await person.open("/"), "still signed in"


async def test_revoking_the_key_ends_its_sessions(pages: Pages) -> None:
    world = pages.api.world
    firm = await world.firm()
    key_id, key = await pages.api.key(firm)
    person = await pages.stranger()
    await person.open("/sign-in")
    await person.send("/sign-in", follow=False, status=303, key=key)
    assert "Sign out" in await person.open("/")
    async with world.runtime.db.system() as session:
        await api_keys.revoke(session, firm, key_id)
    assert "Sign out" not in await person.open("/")


async def test_a_link_signs_in_once_and_not_after_its_time(pages: Pages) -> None:
    world = pages.api.world
    firm = await world.firm("Linked")
    principal = Principal(firm_id=firm, subject="link:demo", role=Role.viewer)
    first, late = [await sessions.make_link(world.runtime, principal, name="demo") for _ in range(2)]
    person, second = await pages.stranger(), await pages.stranger()
    await person.open(first.removeprefix(world.runtime.settings.public_url))
    assert "Linked" in person.text
    await second.open(first.removeprefix(world.runtime.settings.public_url), status=404)
    async with world.runtime.db.firm(firm) as session:
        await session.execute(text("UPDATE ui_sessions SET expires_at = now() - interval '1 second'"))
    await second.open(late.removeprefix(world.runtime.settings.public_url), status=404)
    assert "Sign out" not in await person.open("/"), "its session has ended too"


async def test_sessions_that_ended_are_tidied_away(pages: Pages) -> None:
    world = pages.api.world
    firm = await world.firm()
    await pages.person(firm)
    async with world.runtime.db.firm(firm) as session:
        await session.execute(text("UPDATE ui_sessions SET expires_at = now() - interval '1 second'"))
    await tidy(world.runtime, world.runtime.clock())
    async with world.runtime.db.firm(firm) as session:
        assert (await session.execute(text("SELECT count(*) FROM ui_sessions"))).scalar_one() == 0


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example", "", "/a\nb"])
def test_nobody_is_sent_elsewhere_after_signing_in(path: str) -> None:
    assert local(path) == "/"
