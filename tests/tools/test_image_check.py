"""What `make image-check` rests on: reading a Dockerfile and its .dockerignore, carrying steps out, seeing strays."""

import sys
from pathlib import Path

import pytest

from tools.dockerfile import Build, Ignore, Step, parse, sent
from tools.image_check import OUTSIDE, Wrong, execute, foreign, look_inside, tracked

ROOT = Path(__file__).resolve().parents[2]
SMALL = """
# Two stages, as ours has them.
FROM base AS build
RUN mkdir -p /opt/made \\
    && echo "#!$(pwd)/opt/made" > /opt/made/tool
WORKDIR /srv
COPY app/ app/
COPY alembic/ alembic/
COPY alembic.ini ./
FROM base
COPY --from=build /opt/made /opt/made
COPY --from=build /srv /srv
ENV PATH=/opt/made/bin:$PATH PYTHONPATH=/srv
WORKDIR /srv
USER 10001:10001
HEALTHCHECK --interval=10s CMD ["python", "-c", "1"]
CMD ["python", "-m", "app"]
"""


def made(tmp_path: Path, text: str = SMALL, ignored: str = "tests/\n") -> Build:
    context = tmp_path / "context"
    for name in ("app/main.py", "app/sub/part.py", "alembic/env.py", "alembic.ini", "tests/test_it.py"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(name)
    files = [str(path.relative_to(context)) for path in context.rglob("*") if path.is_file()]
    build = Build(context, sent(context, Ignore(ignored), files), tmp_path / "scratch", sys.executable)
    build.run(parse(text))
    return build


def test_comments_go_and_continued_lines_are_joined() -> None:
    assert parse("# no\nFROM a AS b\nRUN one \\\n    && two\n") == [Step("FROM", "a AS b"), Step("RUN", "one && two")]


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("app/main.py", False),
        ("app/db/__pycache__/x.pyc", True),
        ("app/x.pyc", True),
        ("alembic.ini", False),
        ("tests/test_logs.py", True),
        ("simulators/app.py", True),
        (".env", True),
        ("requirements.lock", False),
        ("requirements-dev.lock", True),
    ],
)
def test_our_dockerignore_means_what_docker_takes_it_for(path: str, left_out: bool) -> None:
    assert Ignore((ROOT / ".dockerignore").read_text())(path) is left_out


def test_the_build_gets_the_service_and_nothing_else() -> None:
    files = sent(ROOT, Ignore((ROOT / ".dockerignore").read_text()), tracked(ROOT))
    assert {path.split("/")[0] for path in files} == {"app", "alembic", "alembic.ini", "requirements.lock"}
    assert len(files) > 200


def test_steps_are_carried_out_in_folders_that_stand_for_the_roots(tmp_path: Path) -> None:
    image = made(tmp_path).image
    assert foreign(image) == []
    assert (image.root / "srv/app/sub/part.py").read_text() == "app/sub/part.py"
    assert image.environment()["PATH"].startswith(f"{image.root}/opt/made/bin:")
    assert image.environment()["PYTHONPATH"] == f"{image.root}/srv"
    assert (image.command, image.health, image.user) == (["python", "-m", "app"], ["python", "-c", "1"], "10001:10001")


def test_what_should_not_be_inside_is_seen(tmp_path: Path) -> None:
    image = made(tmp_path, SMALL.replace("COPY alembic.ini ./", "COPY tests/ tests/"), ignored="").image
    assert foreign(image) == ["alembic.ini", "tests"]
    with pytest.raises(Wrong, match=r"alembic\.ini, tests"):
        look_inside(image)


def test_what_can_be_imported_and_should_not_is_seen(tmp_path: Path) -> None:
    build = made(tmp_path)
    image = build.image
    image.user = "0"
    path = f"{Path(sys.executable).parent}:{image.environment()['PATH']}"
    image.env["PATH"] = path  # this environment has pytest and pip, as no image should
    with pytest.raises(Wrong, match=r"can import .*pytest"):
        look_inside(image)
    assert {"tests", "simulators", "demo", "pip"} <= set(OUTSIDE)


def test_a_copy_of_what_the_build_does_not_get_fails_as_it_would_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="COPY tests/: the build does not get it"):
        made(tmp_path, "FROM base\nCOPY tests/ tests/\n")


def test_an_instruction_that_is_not_known_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not known"):
        made(tmp_path, "FROM base\nADD app/ app/\n")


def test_accounts_of_this_machine_are_left_alone_and_that_is_told(tmp_path: Path) -> None:
    assert "not run" in made(tmp_path, "FROM base\nRUN groupadd --gid 10001 tieout\n").told[-1]


def test_a_command_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    image = made(tmp_path).image
    image.user = "0"
    with pytest.raises(Wrong, match=r"ended with 3:\nwhy"):
        execute(image, ["sh", "-c", "echo why; exit 3"], {})
