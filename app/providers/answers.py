"""What a provider answered about a record, shortened so that it can be kept beside the attempt. Pure.

Nothing is concluded from it: it is there for people who ask what exactly was said.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from app.logs import REDACTED, redact_text
from app.providers.base import Outcome
from app.providers.http import Answer
from app.providers.jsontext import loads

_LONGEST_LIST: Final = 20
_LONGEST_TEXT: Final = 2_000
_DEEPEST: Final = 12
# Narrower than the log's: `code` and `state` are a vendor's words for a fault, SyncToken is a record's revision.
_SECRET_NAME: Final = re.compile(r"(?<!sync)token|secret|passw|api_?key|authorization|cookie", re.IGNORECASE)


def about(outcome: Outcome, entry: Mapping[str, object]) -> Outcome:
    """The outcome with the part of an answer that speaks of its record."""
    return _with(outcome, kept(entry)) if entry else outcome


def as_a_whole(outcome: Outcome, answer: Answer) -> Outcome:
    """The outcome with the status and body of the whole answer, unless a part of it was kept already."""
    if outcome.answer:
        return outcome
    try:
        body = loads(answer.body)
    except ValueError:
        body = answer.body.decode("utf-8", "replace")
    return _with(outcome, {"status": answer.status, "body": _short(body)})


def kept(entry: Mapping[str, object]) -> dict[str, object]:
    """An entry as it can be stored: long lists and texts cut, no secret, no character that jsonb refuses."""
    return {_text(str(name)): _named(str(name), value) for name, value in entry.items()}


def _with(outcome: Outcome, answer: Mapping[str, object]) -> Outcome:
    return replace(outcome, answer=answer)


def _named(name: str, value: object, depth: int = 0) -> object:
    return REDACTED if isinstance(value, str) and _SECRET_NAME.search(name) else _short(value, depth)


def _short(value: object, depth: int = 0) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping | list) and depth >= _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {_text(str(name)): _named(str(name), inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        more = [f"… {len(value) - _LONGEST_LIST} more"] if len(value) > _LONGEST_LIST else []
        return [_short(inner, depth + 1) for inner in value[:_LONGEST_LIST]] + more
    return value


def _text(value: str) -> str:
    """Without secrets, should one be echoed; without NUL, which jsonb refuses, and halves of surrogate pairs."""
    clean = redact_text(value)[:_LONGEST_TEXT].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return clean + "…" if len(value) > _LONGEST_TEXT else clean
