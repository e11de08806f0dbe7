"""The words that several pages share: names of kinds and states, notices after a form, durations."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

NAVIGATION: Final = (
    ("/", "Integrations"),
    ("/activity", "Activity"),
    ("/attention", "Needs attention"),
    ("/mapping/account", "Mapping"),
    ("/files", "Files"),
    ("/reports", "Reports"),
    ("/settings", "Settings"),
)
_WORDS: Final[Mapping[str, str]] = {
    "customer": "customer",
    "invoice": "invoice",
    "journal_entry": "journal entry",
    "quickbooks": "QuickBooks Online",
    "xero": "Xero",
    "synced": "in the books there",
    "pending": "waiting to be sent",
    "in_flight": "being sent",
    "waiting": "trying again soon",
    "unknown": "outcome being checked",
    "unchanged": "nothing to change",
    "excluded": "left out",
    "superseded": "not needed any more",
    "error": "needs you",
    "conflict": "differs there",
    "parked": "stopped trying",
    "queued": "waiting",
    "running": "running",
    "paused": "paused",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "push": "Send",
    "pull": "Fetch",
    "check": "Look at the company",
    "refresh": "Renew access",
    "disconnect": "Disconnect",
}
_NOTICES: Final[Mapping[str, str]] = {
    "saved": "Saved.",
    "paused": "Automatic sync is paused. Nothing is lost: changes wait until you resume.",
    "resumed": "Automatic sync goes on.",
    "sync": "Asked for: what is owed is being sent, and what changed there is being fetched.",
    "disconnected": "Disconnected. The access was given back and erased here.",
    "disconnecting": "Asked for. The worker has not finished yet; look again in a moment.",
    "cancelled": "You did not allow the connection. Nothing was changed.",
    "retried": "{n} asked for again.",
    "skipped": "{n} left out. You find them under Activity and can send them later.",
    "nothing": "Nothing matched: somebody else may have been quicker.",
    "mapped": "{n} mapped. Records that waited for that go by themselves.",
    "lists": "Asked for: the provider's lists are being fetched. Reload in a moment.",
    "replayed": "{n} looked at again.",
    "imported": "{n} stored.",
    "signed_out": "You are signed out.",
}

_DIGITS: Final = 10


def notice(code: str, number: str) -> str:
    """The words for a notice in the query; nothing else from a query is ever shown."""
    noun = {"mapped": "code", "replayed": "event"}.get(code, "record")
    return _NOTICES.get(code, "").format(
        n=plural(int(number), noun) if number.isdecimal() and len(number) < _DIGITS else "Done:"
    )


def word(code: str) -> str:
    """A code in words for people."""
    return _WORDS.get(code, code.replace("_", " "))


def plural(count: int, one: str, many: str = "") -> str:
    """`1 invoice`, `1,204 invoices`."""
    if count == 1:
        return f"1 {one}"
    plain = f"{one[:-1]}ies" if one.endswith("y") and one[-2] not in "aeiou" else f"{one}s"
    return f"{count:,} {many or plain}"


def ago(passed: timedelta) -> str:
    """`in 5 minutes`, `3 hours ago`, `just now`."""
    seconds = abs(passed.total_seconds())
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            text = plural(round(seconds / size), name)
            return f"{text} ago" if passed > timedelta() else f"in {text}"
    return "just now" if passed >= timedelta() else "in a moment"
