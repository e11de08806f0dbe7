"""Firms and their people, each with a browser of his own; what every page must be like is checked while they walk."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize

from demo.books import FirmBooks, load_books
from demo.caller import Api, Simulators
from demo.stage import Stage

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
IMAGES = Path(__file__).parents[2] / "docs" / "images"
A = "/api/v1/accounting"
FIRST_LOAD = 100 * 1024
DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
_SHIFTS = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value; })
    .observe({type: 'layout-shift', buffered: true});
  setTimeout(() => done(sum), 60);
})"""


@dataclass
class Person:
    """Somebody with a browser. Errors in its console, refused scripts and styles among them, fail what he does."""

    page: Page
    base: str
    errors: list[str] = field(default_factory=list)
    clicks: int = 0

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        refused = message.text.startswith("Failed to load resource") and "the server responded with" in message.text
        if message.type == "error" and not refused:  # a page that answers 403 or 404 on purpose is no mistake
            self.errors.append(message.text)

    def open(self, path: str) -> None:
        """Type an address of ours."""
        self.page.goto(self.base + path)

    def click(self, name: str, role: Any = "button", exact: bool = True) -> None:
        """Press what has this name."""
        self.clicks += 1
        self.page.get_by_role(role, name=name, exact=exact).first.click()

    def sees(self, words: str) -> None:
        """Wait for words on the page."""
        self.page.get_by_text(words).first.wait_for(timeout=15_000)

    def text(self) -> str:
        """All that the page says."""
        return self.page.locator("main").inner_text()

    def is_fine(self) -> None:
        """No serious finding of axe in either colour scheme, nothing in the console, nothing that jumped."""
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            found = Axe().run(self.page).response["violations"]
            serious = [
                (one["id"], one["nodes"][0]["html"][:200], one["nodes"][0].get("failureSummary"))
                for one in found
                if one["impact"] in ("serious", "critical")
            ]
            assert serious == [], (self.page.url, scheme, serious)
        self.page.emulate_media(color_scheme="light")
        assert self.errors == [], self.page.url
        assert self.page.evaluate(_SHIFTS) < 0.02, self.page.url
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(wide) <= 1, f"{self.page.url} scrolls sideways"

    def shoot(self, name: str) -> None:
        """Keep a picture for the documentation, when asked to (`SCREENSHOTS=1`)."""
        if os.environ.get("SCREENSHOTS"):
            IMAGES.mkdir(exist_ok=True)
            self.page.screenshot(path=IMAGES / f"{name}.png", full_page=True)

    @contextmanager
    def weighing(self) -> Iterator[list[int]]:
        """The bytes of everything that is loaded meanwhile."""
        sizes: list[int] = []
        add: Callable[[Any], None] = lambda answer: sizes.append(len(answer.body()) if answer.status == 200 else 0)  # noqa: E731
        self.page.on("response", add)
        yield sizes
        self.page.remove_listener("response", add)


class Town:
    """The running house and its two firms, whose books are those of the demonstration."""

    def __init__(self, stage: Stage, browser: Browser) -> None:
        self.stage = stage
        self.browser = browser
        self.sims = Simulators(stage.simulators_url)
        self.books: dict[str, FirmBooks] = {books.key: books for books in load_books()}
        self.ids: dict[str, int] = {}
        self.apis: dict[str, Api] = {}
        self.keys: dict[tuple[str, str], str] = {}
        for name, books in self.books.items():
            made = stage.command_json("firm", "create", books.name, "--time-zone", books.time_zone)
            self.ids[name] = made["id"]

    def close(self) -> None:
        """Hang up."""
        self.sims.close()
        for api in self.apis.values():
            api.close()

    def key(self, firm: str, role: str = "admin") -> str:
        """A key of a firm."""
        if (firm, role) not in self.keys:
            words = ("key", "create", "--firm", str(self.ids[firm]), "--name", role, "--role", role)
            self.keys[firm, role] = self.stage.command_json(*words)["key"]
        return self.keys[firm, role]

    def api(self, firm: str) -> Api:
        """The firm's own system."""
        if firm not in self.apis:
            self.apis[firm] = Api(self.stage.service_url, self.key(firm))
        return self.apis[firm]

    def load(self, firm: str, clients: int = 4, invoices: int = 6) -> list[str]:
        """Some of the firm's books: the first clients with their invoices; returns the invoices' references."""
        books = self.books[firm]
        chosen = [{name: value for name, value in one.items() if name != "home"} for one in books.clients[:clients]]
        refs = {one["external_ref"] for one in chosen}
        wanted = [one for one in books.invoices if one["client_ref"] in refs][:invoices]
        api = self.api(firm)
        api.post(f"{A}/clients", {"items": chosen})
        api.post(f"{A}/invoices", {"items": wanted})
        return [one["external_ref"] for one in wanted]

    def stranger(self, viewport: ViewportSize = DESK, scripts: bool = True) -> Person:
        """Somebody who is not signed in."""
        context = self.browser.new_context(
            viewport=viewport, java_script_enabled=scripts, locale="en-GB", timezone_id="America/Los_Angeles"
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        return Person(page, self.stage.service_url)

    def person(self, firm: str, role: str = "admin", viewport: ViewportSize = DESK, scripts: bool = True) -> Person:
        """Somebody of a firm, signed in."""
        one = self.stranger(viewport, scripts)
        one.open("/sign-in")
        one.page.get_by_label("API key").fill(self.key(firm, role))
        one.click("Sign in")
        one.page.wait_for_url(f"{self.stage.service_url}/")
        one.clicks = 0
        return one


def until(look: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)
