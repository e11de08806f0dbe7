"""What is written for a format is read again as the same: any books, any texts."""

import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.files.formats import print_lists, types
from app.files.formats.escaping import escape, unescape
from app.files.formats.model import FileEntry
from app.files.formats.print_lists import ChartRow, Job
from app.files.formats.reading import read
from app.files.formats.targets import REGIONS, Findings, iif_text
from tests.support.files import CHART, entry_rows, plan, printed

NUMBERS = st.from_regex(r"[A-Z]{1,3}-[0-9]{1,14}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    [
        "",
        "=1+1",
        "'=x",
        "''@y",
        "-5",
        "a\tb",
        'say "x"',
        "x;y",
        "[JE-1]",
        "line\nline",
        " padded ",
        "Zoë",
        "漢字",
        "– “q”",
    ]
)
ACCOUNTS = {
    "iif": ["6000", "1000", "6100", "4000"],
    "qbo": ["6000", "1000", "6100", "4000"],
    "xero": ["6000", "2100", "4000"],
}
DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))
CENTS = st.integers(1, 10**12)


@st.composite
def books(draw: st.DrawFn, kind: str) -> list[list[Sequence[str]]]:
    numbers = draw(st.lists(NUMBERS, min_size=1, max_size=4, unique=True))
    entries = []
    for n, number in enumerate(numbers):
        cents = draw(st.lists(CENTS, min_size=1, max_size=4))
        amounts = [Decimal(one).scaleb(-2) for one in cents]
        amounts.append(-sum(amounts, Decimal(0)))
        sides = [(draw(st.sampled_from(ACCOUNTS[kind])), f"{amount:.2f}", draw(TEXTS)) for amount in amounts]
        entries.append(entry_rows(n, number, draw(DAYS).isoformat(), sides, narration=draw(TEXTS)))
    return entries


def flat(text: str, kind: str) -> str:
    """The text as the format carries it."""
    blank = "".join(" " if ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u2029" else c for c in text)
    one = " ".join(blank.split()) if kind == "words" else blank
    return (iif_text(one) if kind == "iif" else one).strip()


def squeezed(text: str) -> str:
    """Runs of blanks count as one: a run of control characters becomes one blank."""
    return " ".join(text.split())


def as_carried(rows: list[Sequence[str]], kind: str) -> tuple[str, str, str, list[tuple[str, Decimal, str]]]:
    """What a reader must find of an entry."""
    _, number, day, narration, *_ = rows[0]
    texts = [row[8] for row in rows]
    if kind == "iif":
        first = texts[0]
        joined = f"{narration} / {first}" if first and narration and first != narration else narration or first
        narration, texts[0] = joined, ""
    narration = squeezed(flat(narration, kind))
    texts = [squeezed(flat(text, kind)) for text in texts]
    if kind == "iif":
        texts = ["" if text == narration else text for text in texts]
    accounts = [CHART[row[6]].code if kind == "xero" else CHART[row[6]].name for row in rows]
    return number, day, narration, [(a, Decimal(row[7]), t) for a, row, t in zip(accounts, rows, texts, strict=True)]


def as_read(entry: FileEntry) -> tuple[str, str, str, list[tuple[str, Decimal, str]]]:
    lines = [(line.account, line.amount, squeezed(line.description)) for line in entry.lines]
    return entry.number, entry.date.isoformat(), squeezed(entry.narration), lines


@pytest.mark.parametrize(
    ("kind", "region"), [("iif", "us"), ("qbo", "us"), ("qbo", "au"), ("xero", "us"), ("xero", "nz")]
)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_journals(kind: str, region: str, data: st.DataObject) -> None:
    entries = data.draw(books(kind))
    text, printer = printed(kind, entries, plan(region))
    assert printer.findings.refused == []
    parsed = read(text, order=REGIONS[region].dates)
    assert parsed.troubles == []
    found = {entry.number: as_read(entry) for entry in parsed.entries}
    assert found == {rows[0][1]: as_carried(rows, kind) for rows in entries}


NAMES = st.from_regex(r"[A-Za-zÀ-ÿ*_&][A-Za-z0-9 À-ÿ&.,()*_'-]{0,20}[A-Za-z0-9*)]", fullmatch=True)


@st.composite
def charts(draw: st.DrawFn, kinds: Sequence[str], codes: str, *, deep: bool) -> list[ChartRow]:
    names = draw(st.lists(NAMES, min_size=1, max_size=8, unique_by=str.casefold))
    numbers = draw(
        st.lists(st.from_regex(codes, fullmatch=True), min_size=len(names), max_size=len(names), unique=True)
    )
    rows: list[ChartRow] = []
    for name, code in zip(names, numbers, strict=True):
        above = draw(st.sampled_from([None, *rows])) if deep else None
        path = f"{above.path}:{name}" if above is not None and len(above.path) < 100 else name
        text = draw(st.sampled_from(["", "Plain", "=1+1", "'@x", "Café"]))
        kind = draw(st.sampled_from(kinds))
        rows.append(ChartRow(code=code, name=name, path=path, type=kind, description=text, active=True))
    return rows


def carried(kinds: Sequence[tuple[str, str | None]]) -> list[str]:
    return [ours for ours, back in kinds if ours == back]


IIF_TYPES = carried([(ours, types.from_iif(words.iif, words.extra)) for ours, words in types.WORDS.items()])
QBO_TYPES = carried([(ours, types.from_qbo(words.qbo, words.qbo_detail)) for ours, words in types.WORDS.items()])
XERO_TYPES = carried([(ours, (types.from_xero(words.xero) or ("",))[0]) for ours, words in types.WORDS.items()])


@pytest.mark.parametrize(
    ("printing", "kinds", "codes", "deep"),
    [
        (print_lists.iif_accounts, IIF_TYPES, r"[0-9]{1,4}(\.[0-9]{1,2})?", True),
        (print_lists.qbo_accounts, QBO_TYPES, r"[A-Z0-9]{1,8}", True),
        (print_lists.xero_accounts, XERO_TYPES, r"[A-Z0-9][A-Z0-9.-]{0,9}", False),
    ],
)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_charts(printing, kinds, codes, deep, data: st.DataObject) -> None:
    chart = data.draw(charts(kinds, codes, deep=deep))
    file = io.BytesIO()
    findings = Findings()
    printing(chart, Job(file=file, findings=findings, region=REGIONS["us"]))
    assert findings.refused == []
    parsed = read(file.getvalue())
    assert parsed.troubles == []
    found = {(one.code, one.path, one.name, one.type, one.description) for one in parsed.accounts}
    assert found == {(one.code, one.path, one.name, one.type, one.description) for one in chart}


def test_most_types_survive() -> None:
    assert (len(IIF_TYPES), len(QBO_TYPES), len(XERO_TYPES)) == (19, 27, 19)


@given(TEXTS)
def test_an_escaped_text_comes_back(text: str) -> None:
    assert unescape(escape(text)) == text
    assert not escape(text).lstrip().startswith(("=", "+", "-", "@"))
