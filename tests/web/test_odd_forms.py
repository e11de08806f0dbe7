"""Addresses and forms that no page of ours makes: each is answered with what is wrong with it, none with a failure."""

import re
from typing import Any

import pytest

from tests.support.pages import Pages, Person

HUGE = "9" * 30
ENDLESS = "9" * 5000  # more digits than Python turns into a number
FIRM = {"name": "A", "time_zone": "UTC", "frequency_minutes": "60", "update_policy": "none"}


async def post(person: Person, path: str, fields: dict[str, str]) -> Any:
    """Send fields with the form's token, whatever the page offers."""
    token = re.search(r'name="csrf" value="([^"]+)', await person.open("/"))
    assert token is not None
    return await person.http.post(path, data={**fields, "csrf": token[1]}, headers={"Sec-Fetch-Site": "same-origin"})


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/attention/invoice/retry", {"id": HUGE}),
        ("/attention/invoice/retry", {"which": "all", "connection": HUGE, "code": "x"}),
        ("/attention/invoice/retry", {"which": "all", "connection": "1", "code": "x\0"}),
        ("/attention/strangers/1/match", {"client_id": HUGE}),
        ("/settings", {**FIRM, "name": "A\0b"}),
        ("/settings", {**FIRM, "default_connection_id": HUGE}),
        ("/settings", {**FIRM, "frequency_minutes": ENDLESS}),
        ("/settings/events/replay", {"id": HUGE}),
        ("/connections/1/settings", {"frequency_minutes": ENDLESS}),
        ("/mapping/account", {"provider": "xero", **{f"t:{n}": "200" for n in range(1500)}}),
        ("/mapping/account", {"provider": "xero", "t:40\0": "200"}),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
async def test_a_form_with_what_no_field_can_hold_is_refused(pages: Pages, path: str, fields: dict[str, str]) -> None:
    person = await pages.person(await pages.api.world.firm())
    answer = await post(person, path, fields)
    assert answer.status_code in (400, 422), answer.text[-900:]
    assert "Go back" in answer.text


async def test_a_notice_counts_to_what_can_be(pages: Pages) -> None:
    person = await pages.person(await pages.api.world.firm())
    await person.open(f"/?notice=mapped&n={ENDLESS}")
    await person.open("/?notice=mapped&n=2")
    assert "2 codes mapped." in person.text


async def test_the_way_back_from_an_error_stays_here(pages: Pages) -> None:
    person = await pages.person(await pages.api.world.firm())
    from_us = ("http://localhost:8000/files?a=1", "/files?a=1")
    for referer, back in (("https://else.example//else.example/x", "/"), from_us):
        answer = await person.http.get("/mapping/nothing", headers={"Referer": referer})
        assert answer.status_code == 404
        assert f'href="{back}">Go back' in answer.text
