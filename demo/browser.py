"""A person with a browser at a vendor's consent page: reads the form that is there, fills it in, presses a button."""

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx


class Stuck(Exception):
    """The browser met a page that is not what the journey expects."""


class Form(HTMLParser):
    """The first form of a page with what a browser would send for it, and its buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, list[str]] = {}
        self.choices: dict[str, set[str]] = {}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects inputs, options and buttons as they come."""
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and given.get("type") in ("radio", "checkbox"):
            self.choices.setdefault(name, set()).add(value)
            if "checked" in given:
                self.fields.setdefault(name, []).append(value)
        elif tag == "input":
            self.fields.setdefault(name, []).append(value)
        elif tag == "select":
            self._select = name
        elif tag == "option":
            self.choices.setdefault(self._select, set()).add(value)
            self.fields.setdefault(self._select, [value])
        elif tag == "button" and name:
            self.choices.setdefault(name, set()).add(value)

    def choose(self, name: str, values: Sequence[str]) -> None:
        """Tick or press these. Raises Stuck when the page does not offer them."""
        missing = set(values) - self.choices.get(name, set())
        if missing:
            raise Stuck(f"The page offers no {name} {', '.join(sorted(missing))}.")
        self.fields[name] = list(values)


def consent(authorization_url: str, choices: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Open the vendor's page, choose, press; return the query of the address that our callback sends the browser to.

    The browser carries no cookie and no credential of ours, and does not open that last address: it belongs to the
    application that began the journey. Raises Stuck.
    """
    with httpx.Client(timeout=30) as browser:
        page = browser.get(authorization_url)
        if page.status_code != 200:
            raise Stuck(f"The consent page answered {page.status_code}: {page.text[:200]}")
        form = Form(page.text)
        for name, values in choices.items():
            form.choose(name, values)
        pressed = browser.post(urljoin(authorization_url, form.action), data=form.fields)
        callback = _target(pressed)
        return query_of(_target(browser.get(callback)))


def query_of(url: str) -> dict[str, str]:
    """The query's parameters, one value each."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def _target(answer: httpx.Response) -> str:
    if answer.status_code != 302:
        raise Stuck(f"{answer.request.url.path} answered {answer.status_code}: {answer.text[:200]}")
    return answer.headers["location"]
