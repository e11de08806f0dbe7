"""The indexes that keep a hundred thousand documents quick: by time of change, by id, by property."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from simulators.intuit.index import id_key
from simulators.intuit.table import Table

START = datetime(2026, 11, 1, tzinfo=UTC)
changes = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 20), st.sampled_from("put remove".split())), max_size=40
)


@given(changes, st.integers(0, 21))
def test_changed_since_finds_what_a_scan_finds(sequence: list[tuple[int, int, str]], since: int) -> None:
    """Also when the clock was moved back between two changes."""
    table = Table(["Colour"])
    ordered = table.ordered("Id", lambda key, _row: id_key(key))
    by_time = table.ordered("Time", lambda key, _row: table.updated[key])
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
    assert list(ordered.keys()) == sorted(table.rows, key=int)
    assert len(by_time) == len(table.rows)
    latest_first = [table.updated[key] for key in by_time.keys(down=True)]
    assert latest_first == sorted((table.updated[key] for key in table.rows), reverse=True)
    for colour in ("c0", "c1", "c2"):
        by_index = {row["Id"] for row in table.find("Colour", colour)}
        assert by_index == {key for key, row in table.rows.items() if row["Colour"] == colour}


def test_a_limit_stops_early() -> None:
    table = Table()
    for key in range(10):
        table.put({"Id": str(key)}, START + timedelta(seconds=key))
    assert [row["Id"] for row in table.changed_since(START + timedelta(seconds=4), 3)] == ["4", "5", "6"]
