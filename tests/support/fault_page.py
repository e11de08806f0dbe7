"""`docs/faults.md`: every reason why a record may be refused, wait, differ or be left out, read from the source.

python -m tests.support.fault_page          writes the page anew
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.db.rules import _SAYS
from tests.support.error_page import words

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "faults.md"
# The parameters of what makes a fault, in order, where they are given by position.
_MAKERS: Mapping[str, tuple[str, ...]] = {
    "Fault": ("code", "message", "who", "fix"),
    "Meaning": ("code", "message", "fix", "who"),
    "_say": ("vendor", "code", "message"),
}
_SOURCES = {"app/providers/quickbooks": "QuickBooks", "app/providers/xero": "Xero", "app/sync": "any"}
_HEAD = """# Why a record did not go through

A mapping that is in `error`, `conflict`, `waiting` or `parked`, or was left out (`excluded`), carries a `fault` with
one of these codes: what happened, who can mend it, and how. What a provider said itself stands beside it. When the
cause is cured (a code mapped, a period opened, the company reconnected, a switch turned) the record goes by itself.

This page is made from the source by `python -m tests.support.fault_page`; a test compares the two. `…` stands for what
varies.

| code | at | what it says | who | how to mend it |
|---|---|---|---|---|
"""

Row = tuple[str, str, str, str, str]


def rows() -> list[Row]:
    """(code, provider, message, who, fix), sorted; of several texts of a code at one place the first."""
    found: dict[tuple[str, str], Row] = {}
    for rule, (message, fix, who) in _SAYS.items():
        found[rule.value, "any"] = (rule.value, "any", message, who, fix)
    for folder, place in _SOURCES.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            for code, message, who, fix in _faults(ast.parse(path.read_text())):
                found.setdefault((code, place), (code, place, message, who, fix))
    return sorted(found.values())


def page() -> str:
    """The page as it must be."""
    lines = (f"| `{code}` | {place} | {said} | {who} | {fix} |\n" for code, place, said, who, fix in rows())
    return _HEAD + "".join(lines)


def _faults(tree: ast.Module) -> Iterator[tuple[str, str, str, str]]:
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in _MAKERS:
            continue
        given = dict(zip(_MAKERS[node.func.id], node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        if node.func.id == "_say":
            given.setdefault("fix", constants["_CORRECT"])

        def said(name: str, given: dict[str, ast.expr] = given) -> str:
            value = given.get(name)
            return words(constants.get(value.id) if isinstance(value, ast.Name) else value)

        code = said("code")
        if code and "…" not in code:
            yield code, said("message"), said("who") or "bookkeeper", said("fix")


if __name__ == "__main__":
    PAGE.write_text(page())
