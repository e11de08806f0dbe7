"""The one sentence about a connection, in every situation."""

from collections import Counter

import pytest

from app.web.health import tell


@pytest.mark.parametrize(
    ("status", "states", "sentence", "level"),
    [
        ("active", {}, "Nothing has been sent to Xero yet.", "good"),
        ("active", {"invoice": {"synced": 1204}}, "All 1,204 invoices are in Xero.", "good"),
        ("active", {"invoice": {"synced": 1}}, "The one invoice is in Xero.", "good"),
        (
            "active",
            {"invoice": {"synced": 1200, "error": 3, "pending": 1}},
            "1,200 of 1,204 invoices are in Xero; 1 on its way, 3 need you.",
            "bad",
        ),
        ("active", {"invoice": {"synced": 4, "excluded": 9}}, "All 4 invoices are in Xero.", "good"),
        (
            "active",
            {"invoice": {"synced": 2}, "customer": {"conflict": 1}},
            "All 2 invoices are in Xero; 1 needs you.",
            "bad",
        ),
        ("active", {"customer": {"synced": 7}}, "All 7 customers are in Xero.", "good"),
        ("active", {"journal_entry": {"synced": 2}}, "All 2 journal entries are in Xero.", "good"),
        (
            "expired",
            {"invoice": {"pending": 2}},
            "Xero does not let us in any more: reconnect to go on. 2 records wait until then.",
            "bad",
        ),
        ("error", {"invoice": {"synced": 2}}, "Xero refuses us at the moment; we look again by ourselves.", "bad"),
    ],
)
def test_the_sentence(status: str, states: dict[str, dict[str, int]], sentence: str, level: str) -> None:
    told = tell("Xero", status, {kind: Counter(found) for kind, found in states.items()})
    assert (told.sentence, told.level) == (sentence, level)
