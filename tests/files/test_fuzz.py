"""Whatever bytes come, reading answers or refuses with a sentence; it never fails in any other way."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.canonical import ProviderName
from app.files.formats import tables, xlsx
from app.files.formats.model import Parsed, Unreadable
from app.files.formats.reading import read
from tests.support.files import BOOKS, XERO_BOOKS, printed, workbook

SEEDS = [
    printed("iif", BOOKS)[0],
    printed("qbo", BOOKS)[0],
    printed("xero", XERO_BOOKS)[0],
    b"!ACCNT\tNAME\tACCNTTYPE\tACCNUM\r\nACCNT\tChecking\tBANK\t1000\r\n",
    b"*Code,*Name,*Type,*Tax Code\r\n200,Sales,Revenue,No VAT\r\n",
    b"Account #,Full name,Type,Detail type\r\n1,Bank,Bank,Checking\r\nTOTAL,,,\r\n",
    workbook([["Full name", "Type", "Balance"], ["Cash", "Bank", 12]], shared=True),
]
WORDS = st.sampled_from(
    b'!TRNS,!SPL,TRNS,SPL,ENDTRNS,!ACCNT,ACCNT,\t,\r\n,\n,\r,",;,|,*Narration,Date,AccountCode,Amount,Code,Name,Type,'
    b"Tax Code,JournalNo,JournalDate,AccountName,Debits,Credits,Bank,1e9,-,(1),13/13/2026,2026-02-30,"
    b"\xff\xfe,\x00,\x80,\x85".split(b",")
)


def outcome(data: bytes, provider: ProviderName | None = None) -> Parsed | None:
    try:
        return read(data, provider=provider)
    except Unreadable:
        return None


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    outcome(data)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=60))
def test_any_words_of_the_formats(words: list[bytes]) -> None:
    for divider in (b",", b"\t", b";", b""):
        outcome(divider.join(words))


@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=6)), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_damaged_files(seed: bytes, wounds: list[tuple[int, bytes]]) -> None:
    data = bytearray(seed)
    for at, new in wounds:
        place = at % (len(data) + 1)
        data[place : place + len(new)] = new
    for provider in (None, *ProviderName):
        parsed = outcome(bytes(data), provider)
        for entry in parsed.entries if parsed else ():
            assert entry.debits == entry.credits > 0


def test_the_undamaged_files_are_read() -> None:
    for seed in SEEDS:
        parsed = read(seed)
        assert parsed.accounts or parsed.entries


class TestBombs:
    def test_entities_are_refused(self) -> None:
        lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
        prolog = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{lol}]>'
        with pytest.raises(Unreadable, match="entities"):
            xlsx.read_sheet(workbook([["Full name", "Type"]], prolog=prolog))

    def test_what_unpacks_to_too_much_is_refused_while_it_unpacks(self) -> None:
        file = io.BytesIO()
        with (
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("xl/worksheets/sheet1.xml", "w") as part,
        ):
            part.write(b"<worksheet><sheetData>")
            for _ in range(70):
                part.write(b" " * 1_000_000)
        assert len(file.getvalue()) < 200_000
        with pytest.raises(Unreadable, match="unpacks to more than"):
            xlsx.read_sheet(file.getvalue())

    @pytest.mark.parametrize(
        ("rows", "said"),
        [([["x" * 40_000]], "longer than"), ([[]] * 51, "more than 50 rows"), ([["a"] * 11], "more than 10 columns")],
    )
    def test_limits_of_a_sheet(self, monkeypatch: pytest.MonkeyPatch, rows: list[list[str | int]], said: str) -> None:
        monkeypatch.setattr(xlsx, "MAX_ROWS", 50)
        monkeypatch.setattr(xlsx, "MAX_COLUMNS", 10)
        assert len(xlsx.read_sheet(workbook([["a"] * 10] * 50)).rows) == 50
        with pytest.raises(Unreadable, match=said):
            xlsx.read_sheet(workbook(rows))

    def test_limits_of_a_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "MAX_ROWS", 50)
        head = b"Full name,Type\n"
        assert len(read(head + b"".join(b"A%d,Bank\n" % n for n in range(49))).accounts) == 49
        with pytest.raises(Unreadable, match="more than 50 rows"):
            read(head + b"A,Bank\n" * 50)
        with pytest.raises(Unreadable, match="more than 200 columns"):
            read(head + b"," * 300)
        with pytest.raises(Unreadable, match="longer than"):
            read(head + b"A" * 40_000 + b",Bank\n")

    def test_other_zips_are_named(self) -> None:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("readme.txt", "hello")
        with pytest.raises(Unreadable, match="no XLSX"):
            xlsx.read_sheet(file.getvalue())
