"""The indexes that keep a hundred thousand documents quick: by time of change, by id, by property."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from simulators.intuit.table import Table

START = datetime(2026, 11, 1, tzinfo=UTC)
changes = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 20), st.sampled_from("put remove".split())), max_size=40
)


@given(changes, st.integers(0, 21))
def test_changed_since_finds_what_a_scan_finds(sequence: list[tuple[int, int, str]], since: int) -> None:
    """Also when the clock was moved back between two changes."""
    table = Table(["Colour"])
    for key, seconds, act in sequence:
        at = START + timedelta(seconds=seconds)
        if act == "put":
            table.put({"Id": str(key), "Colour": f"c{seconds % 3}"}, at)
        elif str(key) in table.rows:
            table.remove(str(key), at)
    moment = START + timedelta(seconds=since)
    found = table.changed_since(moment)
    times = [table.updated[row["Id"]] for row in found]
    assert times == sorted(times)
    assert {row["Id"] for row in found} == {key for key in table.rows if table.updated[key] >= moment}
    assert len({row["Id"] for row in found}) == len(found)
    assert table.in_id_order() == sorted(table.rows, key=int)
    for colour in ("c0", "c1", "c2"):
        by_index = {row["Id"] for row in table.find("Colour", colour)}
        assert by_index == {key for key, row in table.rows.items() if row["Colour"] == colour}


def test_a_limit_stops_early() -> None:
    table = Table()
    for key in range(10):
        table.put({"Id": str(key)}, START + timedelta(seconds=key))
    assert [row["Id"] for row in table.changed_since(START + timedelta(seconds=4), 3)] == ["4", "5", "6"]
