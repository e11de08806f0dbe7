"""The operator's admin in a real browser, after the walk through the pages has filled its lists."""

import pytest

from tests.browser.town import Person, Town

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.xdist_group("browser")]


def test_the_operator_has_his_own_door(town: Town) -> None:
    person = town.stranger()
    person.open("/admin")
    person.is_fine()
    person.page.locator("input[name=username]").fill("Olga")
    person.page.locator("input[name=password]").fill(town.stage.environment["OPERATOR_SECRET"])
    person.click("Login")
    person.is_fine()
    for path in _menu(person):
        person.open(path)
        person.is_fine()
    person.open("/admin/connections/list")
    person.sees("Sandbox Company_US_1")
    person.shoot("admin")
    person.page.locator("tbody tr", has_text="Sandbox Company_US_1").locator("a").first.click()
    person.sees("set · expires")
    person.is_fine()
    assert person.errors == []


def _menu(person: Person) -> list[str]:
    """Every list that the admin's navigation leads to."""
    links = [str(one.get_attribute("href")) for one in person.page.locator("a[href*='/list']").all()]
    paths = sorted({"/admin" + link.split("/admin", maxsplit=1)[1] for link in links})
    assert len(paths) > 5, paths
    return paths
