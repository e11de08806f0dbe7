"""The plan of the house, kept by a test: who may import whom, how long things may be, what money may touch."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FUNCTION_LINES = 60
FILE_LINES = 300
LONG_FILES = {"app/db/tables.py": 400, "app/canonical.py": 400}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Check = Callable[[ast.Module, list[str]], Iterator[tuple[int, str]]]


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def offenders(check: Check, *folders: str) -> list[str]:
    """`path:line: what` for everything a check finds in the modules of these folders."""
    found = []
    for path in modules(*folders):
        text = path.read_text()
        for line, what in check(ast.parse(text), text.splitlines()):
            found.append(f"{path.relative_to(ROOT)}:{line}: {what}")
    return found


def long_functions(tree: ast.Module, _lines: list[str]) -> Iterator[tuple[int, str]]:
    for node in functions(tree):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES:
            yield node.lineno, f"{node.name} has {length} lines"


def imports_inside_functions(tree: ast.Module, _lines: list[str]) -> Iterator[tuple[int, str]]:
    for function in functions(tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield node.lineno, f"import inside {function.name}"


def broad_excepts(tree: ast.Module, lines: list[str]) -> Iterator[tuple[int, str]]:
    """A handler of everything needs its reason behind it on the line; a bare `noqa` is none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and caught(node) & {"", "Exception", "BaseException"}:
            comment = lines[node.lineno - 1].partition("#")[2]
            reason = re.sub(r"\bnoqa(:\s*[A-Z0-9, ]+)?", "", comment)
            if len(reason.split()) < 3:
                yield node.lineno, "broad except without a reason"


def caught(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {""}
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {node.id for node in types if isinstance(node, ast.Name)}


def binary_fractions(tree: ast.Module, lines: list[str]) -> Iterator[tuple[int, str]]:
    """`float(…)` would round money. Seconds and ratios may be floats where the line says so; infinity is no amount."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "float":
            said = re.search(r"#.*\b(seconds|ratio)\b", lines[node.lineno - 1])
            if not said and "inf" not in ast.dump(node.args[0]):
                yield node.lineno, "float(…)"


def lossy_json(tree: ast.Module, lines: list[str]) -> Iterator[tuple[int, str]]:
    """Amounts in JSON are read as Decimal: `json.loads(…, parse_float=Decimal)`, never `response.json()`.

    Where there are none (tokens, keys), the line says `no amounts`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            exact = any(keyword.arg == "parse_float" for keyword in node.keywords)
            exact |= "no amounts" in lines[node.lineno - 1]
            if (owner, node.func.attr) == ("json", "loads") and not exact:
                yield node.lineno, "json.loads without parse_float"
            if node.func.attr == "json" and not node.args and not exact:
                yield node.lineno, ".json()"


def naive_moments(tree: ast.Module, _lines: list[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            naive_now = node.func.attr == "now" and not node.args and not node.keywords
            if naive_now and ast.unparse(node.func.value) in {"datetime", "datetime.datetime"}:
                yield node.lineno, "datetime.now() without a zone"
            if node.func.attr in {"utcnow", "utcfromtimestamp"}:
                yield node.lineno, node.func.attr


def imports_of_the_service(tree: ast.Module, _lines: list[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            if any(name.split(".")[0] == "app" for name in names):
                yield node.lineno, "imports app"


@pytest.mark.parametrize(
    ("check", "folders"),
    [
        (long_functions, ("app", "simulators", "demo", "tests")),
        (imports_inside_functions, ("app", "simulators", "demo", "tests")),
        (broad_excepts, ("app", "simulators", "demo", "tests")),
        (binary_fractions, ("app",)),
        (lossy_json, ("app/providers", "app/sync", "app/files")),
        (naive_moments, ("app", "simulators", "demo", "tests")),
        (imports_of_the_service, ("simulators",)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_rule_holds(check, folders):
    assert offenders(check, *folders) == []


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        (long_functions, "def f():\n" + "    pass\n" * 60, "def f():\n" + "    pass\n" * 59),
        (imports_inside_functions, "async def f():\n    import os", "import os"),
        (broad_excepts, "try: pass\nexcept Exception:  # noqa: BLE001\n    pass", "try: pass\nexcept OSError: pass"),
        (
            broad_excepts,
            "try: pass\nexcept (OSError, BaseException): pass",
            "try: pass\nexcept:  # the loop must live\n  pass",
        ),
        (binary_fractions, "float(total)", "float(wait)  # seconds"),
        (lossy_json, "json.loads(body)", "json.loads(body, parse_float=Decimal)"),
        (lossy_json, "answer.json()", "print(json)"),
        (naive_moments, "datetime.now()", "datetime.now(UTC)"),
        (naive_moments, "datetime.utcnow()", "clock.now()"),
        (imports_of_the_service, "from app.db import tables", "import application"),
    ],
)
def test_the_rule_can_fail(check, bad, good):
    assert list(check(ast.parse(bad), bad.splitlines()))
    assert not list(check(ast.parse(good), good.splitlines()))


def test_files_stay_short():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules("app", "simulators", "demo")
    }
    assert {name: length for name, length in lengths.items() if length > LONG_FILES.get(name, FILE_LINES)} == {}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of `folder`, which goes first on the path."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=50)


def test_the_import_contracts_hold():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("logs", "from app.db import session", "Data flows one way"),
        ("guards", "import sqlalchemy", "SQLAlchemy stays in app.db"),
        ("crypto", "import fastapi", "FastAPI stays at the edge"),
        ("db/session", "import httpx", "httpx is spoken by"),
        ("db/session", "from app.db import grants", "Only the vault touches"),
        ("crypto", "import simulators", "never imports its simulators"),
        ("providers/base", "from app.providers import xero", "through the registry alone"),
        ("stray", "import os", "Data flows one way"),
    ],
)
def test_a_broken_contract_is_reported(tmp_path, module, statement, contract):
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "app" / f"{module}.py").open("a") as file:
        file.write(f"\n{statement}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    report = done.stdout.partition("Broken contracts")[2]
    assert contract in report
