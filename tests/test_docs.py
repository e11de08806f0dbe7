"""What the pages for people name must exist: commands, links, settings, routes, files; and nothing of one machine."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer.main
from fastapi import FastAPI
from typer.core import TyperGroup

from app.api import webhooks
from app.cli import app as cli
from app.crypto import generate_key
from app.main import create_app
from app.settings import Settings, load_settings
from tests.support import error_page, fault_page

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OTHER_VARIABLES = {
    "SECRETS_DIR",  # read before the settings are
    "OWNER_PASSWORD",  # compose.yaml's own
    "LOGIN_PASSWORD",
}
METHODS = "GET|POST|PUT|PATCH|DELETE"
OUTSIDE_THE_SCHEMA = {("GET", "/docs"), ("GET", "/openapi.json")}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def code_in(text: str) -> Iterator[str]:
    """What stands in fenced blocks, then in backticks."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    yield from blocks
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL))


def make_targets(text: str) -> set[str]:
    return {word for code in code_in(text) for word in re.findall(r"(?<![\w./-])make ([a-z][a-z0-9-]*)", code)}


def tieout_commands(text: str) -> set[str]:
    """`doctor`, `firm create`, … ; the second word only where the first is a group of commands."""
    found = set()
    for code in code_in(text):
        for first, second in re.findall(r"(?:\btieout|app\.cli) ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", code):
            found.add(f"{first} {second}" if first in GROUPS and second else first)
    return found


def variables(text: str) -> set[str]:
    """Names with an underscore that are set (`X_Y=…`) or stand alone in backticks."""
    found = set()
    for code in code_in(text):
        found |= set(re.findall(r"^(?:export )?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?==|$)", code.strip(), re.MULTILINE))
    return {name for name in found if name not in vars_of_code()}


def vars_of_code() -> set[str]:
    """Constants of the code base that pages name: whatever some module assigns at its top."""
    pattern = re.compile(r"^([A-Z_][A-Z0-9_]*)(?:: [^=]+)? = ", re.MULTILINE)
    return {name for path in (ROOT / "app").rglob("*.py") for name in pattern.findall(path.read_text())}


def modules(text: str) -> set[str]:
    return {name for code in code_in(text) for name in re.findall(r"python -m ([a-z_.]+[a-z])", code)}


def routes(text: str) -> set[tuple[str, str]]:
    """`GET /path` in backticks; placeholders count by their place, whatever they are called."""
    found = set()
    for code in code_in(text):
        for method, path in re.findall(rf"\b({METHODS}) (/[^\s`?]*)", code):
            found.add((method, re.sub(r"\{[^}]*\}", "{}", path.rstrip("/") or "/")))
    return found


def links(text: str) -> set[str]:
    """Targets of links and images that are no web addresses."""
    return {target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target}


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> list[str]:
    dead = []
    for link in sorted(links(text)):
        target, _, anchor = link.partition("#")
        place = (page.parent / unquote(target)).resolve() if target else page
        inside = place.is_relative_to(ROOT)
        if not inside or not place.exists() or (anchor and anchor not in anchors(place)):
            dead.append(link)
    return dead


def strays(text: str) -> list[str]:
    """Paths of one machine, addresses of package indexes, credentials in examples."""
    patterns = (
        r"(?<![\w.<>}~-])/(?:home|root|work|workspace|Users|opt|mnt|srv|usr|tmp|var)\b\S*",
        r"[a-z]:\\\\?\w+",
        r"\S*(?:pypi\.org|pythonhosted|/simple/|index-url)\S*",
        r"tieout_[a-z0-9]{1,12}_[0-9A-Za-z]{49}",
    )
    return [found for pattern in patterns for found in re.findall(pattern, text)]


def commands_of(command: object) -> dict[str, object]:
    """The commands below a group; none below a plain command."""
    return dict(command.commands) if isinstance(command, TyperGroup) else {}


GROUPS = {name: commands_of(one) for name, one in commands_of(typer.main.get_command(cli)).items() if commands_of(one)}
COMMANDS = set(commands_of(typer.main.get_command(cli))) | {
    f"{group} {command}" for group, inner in GROUPS.items() for command in inner
}
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.fixture(scope="module")
def application() -> FastAPI:
    settings = load_settings(env_file=None, encryption_keys=f"k1:{generate_key()}", secret_key=generate_key())
    return create_app(settings)


@pytest.fixture(scope="module")
def served(application: FastAPI) -> set[tuple[str, str]]:
    """Every method and path, placeholders without their names."""
    described = application.openapi()["paths"]
    paths = {(method.upper(), path) for path, operations in described.items() for method in operations}
    paths |= {(method, route.path) for route in webhooks.routes() for method in route.methods or ()}
    paths |= OUTSIDE_THE_SCHEMA
    return {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path in paths}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_names_exists(page, served):
    text = page.read_text()
    assert make_targets(text) - TARGETS == set()
    assert tieout_commands(text) - COMMANDS == set()
    known = {name.upper() for name in Settings.model_fields} | OTHER_VARIABLES
    known |= {name.replace("QUICKBOOKS_", "QBO_") for name in known}
    assert variables(text) - known == set()
    assert {name for name in modules(text) if find_spec(name) is None} == set()
    assert routes(text) - served == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_images_lead_somewhere(page):
    assert dead_links(page, page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nothing_of_one_machine_is_in_a_page(page):
    assert strays(page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_names_exist(page):
    """`app/db/roles.sql` and the like, in backticks; `<name>` stands for something to come."""
    pattern = r"(?:app|alembic|simulators|demo|tests|docs|\.ci)/[\w./-]*"
    named = {code for code in code_in(page.read_text()) if re.fullmatch(pattern, code)}
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_the_readme_names_every_route(served):
    text = (ROOT / "README.md").read_text()
    likewise = {
        (method, path.replace("account-mappings", f"{kind}-mappings"))
        for method, path in routes(text)
        for kind in ("tax", "item")
        if "/account-mappings" in path and f"`{kind}-mappings`" in text
    }
    slashed = {(method, path) for method, path in served if path.endswith("/")}
    heads = {(method, path) for method, path in served if method == "HEAD"}
    assert served - slashed - heads - OUTSIDE_THE_SCHEMA - routes(text) - likewise == set()


def test_images_are_well_formed():
    for image in (ROOT / "docs" / "images").glob("*.svg"):
        drawing = ET.parse(image).getroot()
        assert drawing.find("{http://www.w3.org/2000/svg}title") is not None
        assert strays(image.read_text()) == []


@pytest.mark.parametrize(
    ("reader", "text", "expected"),
    [
        (make_targets, "Run `make demo`, then make tea.\n```sh\nmake nothing  # twice\n```\n", {"demo", "nothing"}),
        (tieout_commands, "`tieout firm create X`, `tieout doctor now`", {"firm create", "doctor"}),
        (
            variables,
            "```sh\nNO_SUCH_THING=1\n```\nand `X_CLIENT_ID`, but `a WRITE_AHEAD b`",
            {"NO_SUCH_THING", "X_CLIENT_ID"},
        ),
        (modules, "`python -m nothing.here serve`", {"nothing.here"}),
        (routes, "`PATCH /a/{b}?c=1` · `GET /x/`", {("PATCH", "/a/{}"), ("GET", "/x")}),
        (links, "[a](b.md#c) ![d](e.svg) [f](https://g.example)", {"b.md#c", "e.svg"}),
    ],
)
def test_the_readers_see_what_is_there(reader, text, expected):
    assert reader(text) == expected


def test_the_checks_can_fail():
    assert strays("see /home/me/tieout and https://pypi.org/simple/x") != []
    assert strays("`GET /livez`, `/run/secrets`, <PUBLIC_URL>/disconnected") == []
    assert dead_links(ROOT / "README.md", "[a](nowhere.md) [b](../outside.md) [c](CONTRIBUTING.md#no-such)") == [
        "../outside.md",
        "CONTRIBUTING.md#no-such",
        "nowhere.md",
    ]


@pytest.mark.parametrize(("made", "made_by"), [(error_page.PAGE, error_page.page), (fault_page.PAGE, fault_page.page)])
def test_lists_of_codes_are_those_of_the_source(made, made_by):
    assert made.read_text() == made_by(), "run python -m tests.support.error_page and tests.support.fault_page"
