"""A real browser before the whole house: database, simulators, service and worker as processes of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from demo.stage import Stage, free_ports
from tests.browser.town import CHROMIUM, Town


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; it runs as root in containers, where its sandbox cannot."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def town(browser: Browser) -> Iterator[Town]:
    """The house, and people in front of it."""
    folder = Path(tempfile.mkdtemp(prefix="tieout-browser-"))
    folder.chmod(0o711)
    with Stage(folder / "stage", free_ports()) as stage:
        opened = Town(stage, browser)
        yield opened
        opened.close()
    shutil.rmtree(folder, ignore_errors=True)
