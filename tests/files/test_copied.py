"""COPY's text form: rows cut anywhere, escapes, and the thread that takes them."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.files.copied import CopiedRows, Relay

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
_ESCAPES = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def copied(rows: list[list[str]]) -> bytes:
    """As PostgreSQL writes it."""
    return "".join("\t".join("".join(_ESCAPES.get(c, c) for c in cell) for cell in row) + "\n" for row in rows).encode()


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=8), st.lists(st.integers(0, 400), max_size=5))
@settings(deadline=None)
def test_rows_come_back_wherever_they_are_cut(rows: list[list[str]], cuts: list[int]) -> None:
    data = copied(rows)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    reader = CopiedRows()
    parts = [data[start:end] for start, end in itertools.pairwise(places)]
    assert [list(row) for part in parts for row in reader.rows(part)] == rows


async def test_a_relay_keeps_the_order_and_hands_everything_on() -> None:
    rows = [[str(n), "x" * 500] for n in range(5_000)]
    data = copied(rows)
    seen: list[str] = []
    relay = Relay(lambda portion: seen.extend(row[0] for row in portion))
    for start in range(0, len(data), 60_000):
        await relay.take(data[start : start + 60_000])
    await relay.finish()
    assert seen == [row[0] for row in rows]


async def test_what_goes_wrong_in_the_thread_is_raised_and_leaves_nothing_running() -> None:
    def fail(_portion: object) -> None:
        raise ValueError("no room")

    relay = Relay(fail)
    await relay.take(b"a\tb\n")
    with pytest.raises(ValueError, match="no room"):
        await relay.finish()
    await relay.stop()
