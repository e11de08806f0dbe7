"""As much of a Dockerfile as can be carried out without a daemon: its stages, in folders that stand for their roots."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ACCOUNTS = re.compile(r"\b(groupadd|useradd)\b")  # these would change this machine


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its word in capitals, and the rest of it on one line."""

    word: str
    rest: str


def parse(text: str) -> list[Step]:
    """The instructions of a Dockerfile; comments go, continued lines are joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    steps = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [Step(word.upper(), rest) for word, rest in steps]


class Ignore:
    """A .dockerignore: the last rule that matches a path or a folder above it decides."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        self._rules = [(line.startswith("!"), _pattern(line.removeprefix("!"))) for line in lines]

    def __call__(self, path: str) -> bool:
        """Whether the build does not get this path, relative to the context."""
        parts = path.split("/")
        above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        left_out = False
        for included, pattern in self._rules:
            if any(pattern.fullmatch(one) for one in above):
                left_out = not included
        return left_out


def _pattern(rule: str) -> re.Pattern[str]:
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", rule.strip("/"))
    return re.compile("".join(words.get(piece, re.escape(piece)) for piece in pieces))


def sent(context: Path, ignore: Ignore, tracked: Iterable[str]) -> list[str]:
    """The files of the context that a build gets, of those named."""
    return sorted(path for path in tracked if not ignore(path) and (context / path).is_file())


@dataclass
class Stage:
    """One stage under way: where its root lies, and what its instructions have set."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0"
    command: Sequence[str] = ()
    health: Sequence[str] = ()

    def place(self, path: str) -> Path:
        """Where a path of the image lies here."""
        return self.root / os.path.join(self.workdir, path).lstrip("/")  # noqa: PTH118  an absolute one wins, as there

    def here(self, text: str) -> str:
        """A command or value in which paths of the image that exist here are those of this machine."""
        tops = "|".join(sorted(re.escape(one.name) for one in self.root.iterdir()))
        return re.sub(rf"(?<![\w./-])/(?=(?:{tops})\b)", f"{self.root}/", text) if tops else text

    def environment(self) -> dict[str, str]:
        """What ENV has set, with this machine's programs behind the image's own."""
        inherited = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}
        return {**inherited, **{name: self.here(value) for name, value in self.env.items()}}


class Build:
    """Carries out the steps of all stages; the last one is the image. `told` collects what was left out and why."""

    def __init__(self, context: Path, files: Sequence[str], scratch: Path, python: str) -> None:
        self._context = context
        self._files = files
        self._scratch = scratch
        self._python = python
        self.stages: dict[str, Stage] = {}
        self.image = Stage(scratch)
        self.told: list[str] = []

    def run(self, steps: Sequence[Step]) -> Stage:
        """Raises CalledProcessError where a command fails, and ValueError for an instruction that is not known."""
        for step in steps:
            getattr(self, f"_{step.word.lower()}", self._unknown)(step.rest)
        return self.image

    def _unknown(self, rest: str) -> None:
        raise ValueError(f"This instruction is not known: … {rest}")

    def _from(self, rest: str) -> None:
        base, _, name = rest.partition(" AS ")
        root = self._scratch / (name or f"stage-{len(self.stages)}")
        (root / "tmp").mkdir(parents=True)
        (root / "srv").mkdir()
        (root / "opt").mkdir()
        self.image = self.stages[name or root.name] = Stage(root)
        self.told.append(f"FROM {base}: this machine's {self._python} stands in for it")

    def _env(self, rest: str) -> None:
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            self.image.env[name] = re.sub(r"\$(\w+)", lambda found: self._known(found[1]), value)

    def _known(self, name: str) -> str:
        return self.image.env.get(name, os.environ.get(name, ""))

    def _run(self, rest: str) -> None:
        if _ACCOUNTS.search(rest):
            self.told.append(f"RUN {rest}: not run, it would make accounts on this machine")
            return
        command = re.sub(r"^python(?= )", self._python, self.image.here(rest))
        directory = self.image.place(".")
        directory.mkdir(parents=True, exist_ok=True)
        subprocess.run(["sh", "-ec", command], cwd=directory, env=self.image.environment(), check=True)

    def _copy(self, rest: str) -> None:
        words = shlex.split(rest)
        *sources, target = [word for word in words if not word.startswith("--")]
        stage = next((word.removeprefix("--from=") for word in words if word.startswith("--from=")), None)
        for source in sources:
            if stage is not None:
                shutil.copytree(
                    self.stages[stage].place(source), self.image.place(target), symlinks=True, dirs_exist_ok=True
                )
                _rebase(self.image.place(target), self.stages[stage].root, self.image.root)
            else:
                self._copy_from_context(source, target)

    def _copy_from_context(self, source: str, target: str) -> None:
        name = source.rstrip("/")
        found = [path for path in self._files if path == name or path.startswith(f"{name}/")]
        if not found:
            raise ValueError(f"COPY {source}: the build does not get it")
        for path in found:
            into = self.image.place(target)
            if path != name:
                into /= path.removeprefix(f"{name}/")
            elif target.endswith("/"):
                into /= Path(name).name
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._context / path, into)

    def _workdir(self, rest: str) -> None:
        self.image.workdir = rest
        self.image.place(".").mkdir(parents=True, exist_ok=True)

    def _user(self, rest: str) -> None:
        self.image.user = rest

    def _cmd(self, rest: str) -> None:
        self.image.command = json.loads(rest)

    def _healthcheck(self, rest: str) -> None:
        self.image.health = json.loads(rest[rest.index("[") :])

    def _expose(self, rest: str) -> None:
        """Says something of the image, does nothing to it."""

    def _stopsignal(self, rest: str) -> None:
        """Says something of the image, does nothing to it."""


def _rebase(folder: Path, old: Path, new: Path) -> None:
    """In an image both stages lie at `/`; here the scripts of a moved environment have to be told."""
    for path in folder.glob("*/bin/*") if not (folder / "bin").is_dir() else (folder / "bin").iterdir():
        if path.is_file() and not path.is_symlink() and str(old).encode() in (text := path.read_bytes()):
            path.write_bytes(text.replace(str(old).encode(), str(new).encode()))


def account(user: str) -> Mapping[str, Any]:
    """Arguments of Popen that take on the image's user, where this process may."""
    if os.geteuid() != 0:
        return {}
    uid, _, gid = user.partition(":")
    return {"user": int(uid), "group": int(gid or uid), "extra_groups": []}
