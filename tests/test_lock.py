"""The lock files hold names, versions and hashes, and nothing of the machine or the index they were made with."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ["requirements.lock", "requirements-dev.lock"]


def pins(name: str) -> dict[str, str]:
    found = re.finditer(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE)
    return {match[1]: match[2] for match in found}


def wanted(*groups: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][group] for group in groups)]
    return {re.split(r"[\[<>=~! ;]", requirement)[0] for entries in lists for requirement in entries}


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_and_no_path_of_a_machine(lock):
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|file:|--(extra-)?index-url|--find-links|(?<![\w.])/(home|root|opt|tmp|usr|work)\b", text)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock):
    entries = re.split(r"^(?=[a-z0-9-]+(?:\[[a-z,]+\])?==)", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    # A package may be pinned twice, for older and newer versions of Python; each of the two stands under its marker.
    heads = [entry.split("\\", 1)[0].strip() for entry in entries]
    assert len(heads) == len(set(heads)) > 40
    assert {re.split(r"[\[=]", head)[0] for head in heads} == set(pins(lock))
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_authlib_finds_no_httpx2(lock):
    """Authlib takes httpx2 whenever it can be imported, and would then speak past our transport."""
    assert "httpx2" not in pins(lock)
    assert pins(lock)["httpx"].startswith("0.28.")


def test_the_locks_hold_what_the_project_asks_for():
    assert wanted() <= set(pins("requirements.lock"))
    assert wanted("embedded", "test", "dev") <= set(pins("requirements-dev.lock"))


def test_what_is_tested_is_what_is_shipped():
    tested = pins("requirements-dev.lock")
    assert pins("requirements.lock") == {name: tested.get(name) for name in pins("requirements.lock")}


def test_the_image_has_no_vendor_sdk_and_no_test_tool():
    shipped = set(pins("requirements.lock"))
    assert not shipped & {"xero-python", "python-quickbooks", "intuit-oauth", "pytest", "respx", "hypothesis", "uv"}


def test_the_build_backend_is_locked_too():
    """The project installs with --no-build-isolation, from the lock alone."""
    assert {"hatchling", "editables"} <= set(pins("requirements-dev.lock"))
