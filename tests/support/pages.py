"""People at the pages: browsers without JavaScript that keep cookies, read forms and send them."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.support.api import Api, client


class Forms(HTMLParser):
    """Every form of a page: its action, and what a browser would send when its first button is pressed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self._select: dict[str, Any] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects fields as they come."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append({"action": given.get("action", ""), "method": given.get("method", "get"), "fields": {}})
        if not self.found:
            return
        fields = self.found[-1]["fields"]
        name = given.get("name", "")
        if tag == "select":
            self._select = {"name": name, "chosen": None}
        elif tag == "option" and self._select is not None:
            if "selected" in given or self._select["chosen"] is None:
                self._select["chosen"] = given.get("value", "")
                fields[self._select["name"]] = self._select["chosen"]
        elif tag == "input" and name:
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if ticked:
                fields[name] = given.get("value", "on" if given.get("type") == "checkbox" else "")


@dataclass
class Person:
    """One browser. `page` is the last page it shows."""

    http: httpx.AsyncClient
    shown: httpx.Response | None = None

    @property
    def page(self) -> httpx.Response:
        """The page it shows."""
        assert self.shown is not None, "nothing was opened yet"
        return self.shown

    async def open(self, path: str, status: int = 200) -> str:
        """Go to an address and follow redirects within the site; the page's text."""
        self.shown = await self.http.get(path, follow_redirects=True)
        assert self.page.status_code == status, (path, self.page.status_code, self.page.text[:600])
        return self.page.text

    async def send(
        self, action: str, status: int = 200, follow: bool = True, picked: dict[str, str] | None = None, **fields: Any
    ) -> httpx.Response:
        """Fill in and send the form of the shown page with this action; fields given win over what stands there."""
        form = next(one for one in Forms(self.page.text).found if one["action"] == action)
        data = {**form["fields"], **fields, **(picked or {})}
        data = {name: value for name, value in data.items() if value is not None}
        origin = {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}
        answer = await self.http.post(action, data=data, headers=origin, follow_redirects=follow)
        assert answer.status_code == status, (action, answer.status_code, answer.text[:600])
        self.shown = answer
        return answer

    @property
    def text(self) -> str:
        """What the shown page says, without tags, white space drawn together."""
        body = re.sub(r"<(script|style).*?</\1>", " ", self.page.text, flags=re.DOTALL)
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).replace("&#39;", "'").replace("&amp;", "&")

    def offers(self, action: str) -> bool:
        """Whether the page has a form or link to this address."""
        return f'action="{action}"' in self.page.text or f'href="{action}"' in self.page.text


@dataclass
class Pages:
    """The application's pages and those who look at them."""

    api: Api

    async def stranger(self) -> Person:
        """Somebody who is not signed in."""
        return Person(await self.api.stack.enter_async_context(client(self.api.app)))

    async def person(self, firm_id: int, role: str = "admin") -> Person:
        """Somebody of the firm, signed in with a key of this role."""
        one = await self.stranger()
        await one.open("/sign-in")
        await one.send("/sign-in", follow=False, status=303, key=(await self.api.key(firm_id, role))[1])
        return one
