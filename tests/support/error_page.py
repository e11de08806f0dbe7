"""`docs/errors.md`: every stable `code` that a problem document may carry, read from the source itself.

Codes come from the error tree (`app/errors.py`), from where an error is raised with a code of its own, and from the
checks of fields and records. The words beside them are the ones that callers get; `…` stands for what varies.

    python -m tests.support.error_page          writes the page anew
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from app import errors
from app.edge.problems import STATUS
from app.errors import AppError

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"
_TREE = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, AppError)}
_PLACES = ("api", "books", "connections", "db", "edge", "files", "sync", "vault", "web")
_HEAD = """# Error codes

Every refusal is a problem document (RFC 9457) with a stable `code`; `detail` says it in words, `fix` how to mend it,
`who` can, and `retries_itself` whether it goes away by itself. This page is made from the source by
`python -m tests.support.error_page`; a test compares the two.

`…` stands for what varies. Reasons why a record was refused by a provider, or left out, have
[their own list](faults.md).

| code | status | what it says | how to mend it |
|---|---|---|---|
"""


def rows() -> list[tuple[str, int, str, str]]:
    """(code, status, message, fix) of every code, sorted; the first message met of each."""
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for kind in _TREE.values():
        found.setdefault((kind.code, _status(kind)), (f"{kind.title}.", ""))
    for path in sorted(path for place in _PLACES for path in (ROOT / "app" / place).rglob("*.py")):
        for code, status, message, fix in _raised(ast.parse(path.read_text())):
            known = found.get((code, status))
            if known is None or (not known[0] and message) or (not known[1] and fix and message):
                found[code, status] = (message, fix)
    return sorted((code, status, *words) for (code, status), words in found.items())


def page() -> str:
    """The page as it must be."""
    return _HEAD + "".join(f"| `{code}` | {status} | {said} | {fix} |\n" for code, status, said, fix in rows())


def _status(kind: type[AppError]) -> int:
    return next(STATUS[base] for base in kind.__mro__ if base in STATUS)


def _raised(tree: ast.AST) -> Iterator[tuple[str, int, str, str]]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for scope in (*functions, tree):
        # A message is often put together on a line of its own.
        named = {
            target.id: node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        yield from _calls(scope, named)


def _calls(scope: ast.AST, named: dict[str, ast.expr]) -> Iterator[tuple[str, int, str, str]]:
    def said_by(node: ast.AST | None) -> str:
        return words(named.get(node.id) if isinstance(node, ast.Name) else node)

    for node in ast.walk(scope):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if node.func.id in _TREE:
            for code in _texts(given.get("code")):
                said = said_by(node.args[0]) if node.args else ""
                yield code, _status(_TREE[node.func.id]), said, said_by(given.get("fix"))
        elif node.func.id == "Finding" and len(node.args) >= 4 and not _is_report(node):
            for code in _texts(node.args[2]):
                yield code, 422, said_by(node.args[3]), "Correct the field that `errors` names and send it again."
        elif node.func.id == "PydanticCustomError" and len(node.args) >= 2:
            for code in _texts(node.args[0]):
                yield code, 422, said_by(node.args[1]), "Correct the field that `errors` names and send it again."


def _is_report(node: ast.Call) -> bool:
    """Files have findings of their own, which stand in a report and not in a problem document."""
    return any(isinstance(argument, ast.Subscript) for argument in node.args)


def _texts(node: ast.AST | None) -> list[str]:
    """The constants that an expression may come to: itself, or the branches of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    return []


def words(node: ast.AST | None) -> str:
    """A text for people, with `…` for what is filled in; nothing for what only the running service knows."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    elif isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    elif isinstance(node, ast.IfExp):
        text = words(node.body) or words(node.orelse)
    else:
        text = ""
    return re.sub(r"\{[^}]*\}", "…", text).replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page())
