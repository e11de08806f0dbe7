"""The rules by which an accepted change is left out: what each says, who can change that, and how it looks in SQL."""

import json
from collections.abc import Mapping
from enum import StrEnum


class Rule(StrEnum):
    """Why a change was left out; the code of the mapping's fault."""

    sync_off = "sync_off"
    before_sync_from = "before_sync_from"
    updates_off = "updates_off"
    other_home = "other_home"
    skipped = "skipped"
    cancelled = "cancelled"


_SAYS: Mapping[Rule, tuple[str, str, str]] = {
    Rule.sync_off: (
        "Automatic sync was switched off when this changed.",
        "It goes by itself once sync is switched on again; or push it now.",
        "admin",
    ),
    Rule.before_sync_from: (
        "It is dated before the day from which this connection syncs.",
        "Set an earlier start date on the connection, or push this one.",
        "admin",
    ),
    Rule.updates_off: (
        "Changes of this kind are not pushed by this connection.",
        "Push this once, or let the connection push changes.",
        "admin",
    ),
    Rule.other_home: (
        "It was pushed here once, but its home is another connection: changes go there alone.",
        "Push this once, or make this connection the home of its client.",
        "bookkeeper",
    ),
    Rule.cancelled: ("The run that was to push it was cancelled.", "Retry it, or push it again.", "bookkeeper"),
    Rule.skipped: ("Left out by a person.", "Retry it to push it after all.", "bookkeeper"),
}


def fault_sql(rule: Rule) -> str:
    """The rule's fault as a jsonb expression. Its texts are our own and hold neither colons before words nor quotes."""
    message, fix, who = _SAYS[rule]
    parts = {"code": rule.value, "message": message, "fix": fix, "who": who, "retries_itself": rule is Rule.sync_off}
    pairs = ", ".join(f"'{key}', {_literal(value)}" for key, value in parts.items())
    return f"jsonb_build_object({pairs})"


def _literal(value: str | bool) -> str:
    return json.dumps(value) if isinstance(value, bool) else "'" + value.replace("'", "''") + "'"


def fault_of(rule_column: str) -> str:
    """The fault for whichever rule a column holds, as a jsonb expression; an empty object where it holds none."""
    cases = " ".join(f"WHEN '{rule}' THEN {fault_sql(rule)}" for rule in Rule)
    return f"CASE {rule_column} {cases} ELSE '{{}}'::jsonb END"
