"""What can be said of the image and of compose.yaml without a daemon."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are not among the locked dependencies

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_nothing_is_written_into_a_read_only_container_at_its_start(compose: Mapping[str, Any]) -> None:
    """Compose refuses configs and secrets that are no files there (docker/compose#12031)."""
    given = {**compose.get("configs", {}), **compose.get("secrets", {})}
    for name, service in compose["services"].items():
        assert service["read_only"], name
        used = [*service.get("configs", []), *service.get("secrets", [])]
        sources = [one["source"] if isinstance(one, dict) else one for one in used]
        assert all("file" in given[source] for source in sources), name


def test_every_service_is_hardened_and_every_mounted_file_is_there(compose: Mapping[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (ROOT / source).is_file(), volume


def test_the_script_of_the_first_start_is_a_shell_script() -> None:
    subprocess.run(["bash", "-n", ROOT / "compose" / "20-database.sh"], check=True)


def test_what_the_image_runs_is_the_operators_own_command() -> None:
    """Not uvicorn by hand: drain time, proxy headers and log handlers are decided in one place."""
    found = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    program, *arguments = json.loads(found[0])
    assert program == "python"
    assert arguments[:3] == ["-m", "app.cli", "serve"]
    shown = subprocess.run(
        [sys.executable, *arguments, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert "listen on" in shown


@pytest.mark.parametrize("service", ["migrate", "worker"])
def test_the_other_commands_name_what_the_image_holds(compose: Mapping[str, Any], service: str) -> None:
    copied = set(re.findall(r"^COPY (\S+?)/? ", DOCKERFILE, re.MULTILINE))
    command = shlex.join(compose["services"][service]["command"])
    assert command in {"alembic upgrade head", "python -m app.cli worker"}, "app.worker has no main of its own"
    assert {"app", "alembic", "alembic.ini"} <= copied
