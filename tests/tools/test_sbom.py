"""The bill of materials names everything that the image installs, by version and hash."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools.audit import pinned

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `make sbom` writes, by its own recipe, to another place."""
    recipe = subprocess.run(["make", "-n", "sbom"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = re.search(r"^\S*cyclonedx-py .*", recipe, re.MULTILINE)
    assert found
    path = tmp_path_factory.mktemp("bill") / "tieout.cdx.json"
    command = found[0].replace("dist/tieout.cdx.json", str(path))
    subprocess.run(["bash", "-c", command], cwd=ROOT, check=True, capture_output=True)
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def test_it_is_cyclonedx_about_this_project(bill: dict[str, Any]) -> None:
    assert bill["bomFormat"] == "CycloneDX"
    about = bill["metadata"]["component"]
    assert (about["name"], about["version"], about["type"]) == ("tieout", "0.1.0", "application")


def test_every_locked_package_is_there_with_version_address_and_every_hash(bill: dict[str, Any]) -> None:
    entries = re.split(r"^(?=[a-z0-9-]+(?:\[[a-z,]+\])?==)", LOCK.read_text(), flags=re.MULTILINE)[1:]
    hashes = {re.split(r"[\[=]", entry)[0]: set(re.findall(r"sha256:([0-9a-f]{64})", entry)) for entry in entries}
    components = {one["name"]: one for one in bill["components"]}
    releases = {one.name: one.version for one in pinned([LOCK])}
    assert {name: one["version"] for name, one in components.items()} == releases
    assert len(releases) > 60
    for name, one in components.items():
        assert one["purl"] == f"pkg:pypi/{name}@{releases[name]}"
        given = {hash_["content"] for reference in one["externalReferences"] for hash_ in reference["hashes"]}
        assert given == hashes[name] != set()
