"""The Files pages: export with refusals and the log, import with a preview, rows that are wrong."""

import csv
import hashlib
import io
from typing import Any

import httpx
import pytest

from app.edge.middleware import MAX_FILE_BYTES
from app.errors import Invalid
from app.files.formats.reading import read
from app.web import carrying
from tests.support.api import BOOKS
from tests.support.pages import Forms, Pages, Person

CHART = (
    b"Account Number,Account Name,Type,Detail Type,Description\n1000,Checking,Bank,Checking,\n6000,Rent,Expenses,,\n"
)
BAD = CHART + b"7000,Odd,Weird,,\n"


def entry(number: str, account: str = "6000", **more: Any) -> dict[str, Any]:
    sides = [{"account_code": account, "debit": "12.50"}, {"account_code": "2100", "credit": "12.50"}]
    given = {"number": number, "date": "2026-11-13", "currency": "USD", "status": "posted", "lines": sides}
    return {**given, **more}


async def scene(pages: Pages, *entries: dict[str, Any], role: str = "member") -> tuple[Person, int, httpx.AsyncClient]:
    """Somebody of a firm with these entries, the firm, and its own system."""
    firm = await pages.api.world.firm()
    http = await pages.api.caller(firm)
    accounts = [("6000", "Rent", "expense.operating"), ("2100", "Accruals", "liability.current_other")]
    chart = [{"code": code, "name": name, "type": kind} for code, name, kind in accounts]
    assert (await http.post(f"{BOOKS}/accounts", json={"items": chart})).status_code == 200
    if entries:
        stored = await http.post(f"{BOOKS}/journal-entries", json={"items": list(entries)})
        assert stored.status_code == 200, stored.text
    return await pages.person(firm, role), firm, http


async def upload(
    person: Person, data: bytes, status: int = 200, act: str = "preview", name: str = "chart.csv", **fields: str
) -> str:
    """Choose a file in the form and press a button; what the page then says."""
    await person.open("/files/import")
    form = next(
        one for one in Forms(person.page.text).found if one["action"] == "/files/import" and one["method"] == "post"
    )
    sent = {**form["fields"], "provider": "quickbooks", "act": act, **fields}
    sent.pop("file", None)
    person.shown = await person.http.post(
        "/files/import", data=sent, files={"file": (name, data)}, follow_redirects=True
    )
    assert person.page.status_code == status, person.page.text[:600]
    return person.text


async def codes(http: httpx.AsyncClient) -> set[str]:
    return {row["code"] for row in (await http.get(f"{BOOKS}/accounts", params={"limit": 200})).json()["items"]}


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("quickbooks:iif", "quickbooks_export.iif"),
        ("quickbooks:csv", "quickbooks_export.csv"),
        ("xero:csv", "xero_export.csv"),
    ],
)
async def test_a_file_goes_out_is_logged_and_comes_again(pages: Pages, target: str, name: str) -> None:
    person, _, http = await scene(
        pages, entry("JE-1"), entry("JE-2", date="2026-11-20"), entry("JE-3", status="approved")
    )
    await person.open("/files")
    assert "Nothing went out yet. Choose above" in person.text
    first = await person.send("/files/export", picked={"target": target}, date_to="2026-11-15")
    assert [one.number for one in read(first.content).entries] == ["JE-1"]
    assert first.headers["content-disposition"] == f"attachment; filename={name}"
    await person.open("/files")
    (row,) = (await http.get(f"{BOOKS}/export-logs")).json()["items"]
    for said in (name, "date to: 2026-11-15", "12.50 USD", row["checksum"][:12], "complete", row["requested_by"]):
        assert said in person.text, said
    assert row["checksum"] == hashlib.sha256(first.content).hexdigest()
    await http.post(f"{BOOKS}/journal-entries", json={"items": [entry("JE-4")]})
    await person.open(f"/files/exports/{row['id']}")
    again = await person.send(f"/files/exports/{row['id']}/again")
    assert again.content == first.content, "entries that came later are not in it"


async def test_the_other_kinds_and_zip(pages: Pages) -> None:
    person, firm, _ = await scene(pages, entry("JE-1"))
    await pages.api.world.client(firm)
    for kind, start in (("accounts", b"Account"), ("clients", b"Name")):
        await person.open("/files")
        answer = await person.send("/files/export", target="quickbooks:csv", kind=kind)
        assert start in answer.content.splitlines()[0]
    await person.open("/files")
    answer = await person.send("/files/export", target="xero:csv", split="zip")
    assert answer.headers["content-type"] == "application/zip"
    await person.open("/files?provider=xero")
    assert "xero_export.zip" in person.text
    assert "quickbooks_accounts.csv" not in person.text


async def test_what_went_out_before_is_left_out(pages: Pages) -> None:
    person, _, http = await scene(pages, entry("JE-1"))
    await person.open("/files")
    await person.send("/files/export", target="xero:csv")
    await http.post(f"{BOOKS}/journal-entries", json={"items": [entry("JE-2")]})
    await person.open("/files")
    second = await person.send("/files/export", target="xero:csv", leave_out="on")
    assert [one.number for one in read(second.content).entries] == ["JE-2"]
    log = (await http.get(f"{BOOKS}/export-logs")).json()["items"]
    await person.open("/files")
    again = await person.send(f"/files/exports/{log[0]['id']}/again")
    assert again.content == second.content, "though they went out by now"


async def test_a_refusal_is_a_list_and_keeps_the_form(pages: Pages) -> None:
    person, _, http = await scene(pages, entry("JE-1"))
    await http.post(f"{BOOKS}/journal-entries", json={"items": [entry("JE-2", "9999")]})
    await person.open("/files")
    await person.send("/files/export", status=422, target="xero:csv", date_to="2026-12-01", leave_out="on")
    assert "No file was written." in person.text
    assert "What stands in the way" in person.text
    assert "JE-2" in person.page.text
    assert "9999" in person.page.text
    form = next(one for one in Forms(person.page.text).found if one["action"] == "/files/export")
    assert form["fields"]["target"] == "xero:csv"
    assert form["fields"]["date_to"] == "2026-12-01"
    assert "leave_out" in form["fields"]
    assert (await http.get(f"{BOOKS}/export-logs")).json()["items"] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"date_from": "soon"}, "Date from:"),
        ({"date_from": "2026-12-01", "date_to": "2026-01-01"}, "date_from"),
        ({"currency": "XXQ"}, "is not a currency"),
        ({"target": "sage:csv"}, "Say for which program"),
        ({"kind": "secrets"}, "Kind:"),
    ],
    ids=str,
)
async def test_a_form_that_cannot_be(pages: Pages, wrong: dict[str, str], said: str) -> None:
    person, _, _ = await scene(pages)
    await person.open("/files")
    await person.send("/files/export", status=422, picked=wrong)
    assert said in person.text


async def test_books_that_have_changed_since_are_said(pages: Pages) -> None:
    person, _, http = await scene(pages, entry("JE-1"), entry("JE-2"))
    await person.open("/files")
    await person.send("/files/export", target="xero:csv")
    (row,) = (await http.get(f"{BOOKS}/export-logs")).json()["items"]
    listed = (await http.get(f"{BOOKS}/journal-entries")).json()["items"]
    gone = next(one["id"] for one in listed if one["number"] == "JE-2")
    assert (await http.post(f"{BOOKS}/journal-entries/{gone}/void")).status_code == 200
    await person.open(f"/files/exports/{row['id']}")
    await person.send(f"/files/exports/{row['id']}/again", status=409)
    assert "The books have changed since." in person.text
    answer = await person.send(f"/files/exports/{row['id']}/again")
    assert [one.number for one in read(answer.content).entries] == ["JE-1"]


async def test_what_was_altered_is_shown(pages: Pages) -> None:
    person, _, http = await scene(pages, entry("JE-1", narration="a\tb"))
    await person.open("/files")
    await person.send("/files/export", target="quickbooks:iif")
    (row,) = (await http.get(f"{BOOKS}/export-logs")).json()["items"]
    assert row["altered"] == 1
    await person.open("/files")
    assert "1 text altered" in person.text
    await person.open(f"/files/exports/{row['id']}")
    assert "1 text had to be altered" in person.text
    assert "JE-1" in person.page.text


async def test_the_logs_come_as_csv(pages: Pages) -> None:
    person, _, _ = await scene(pages, entry("JE-1"))
    await person.open("/files")
    await person.send("/files/export", target="xero:csv")
    await upload(person, CHART)
    for path, name, state in (("exports", "xero_export.csv", "complete"), ("imports", "chart.csv", "dry_run")):
        answer = await person.http.get(f"/files/{path}.csv")
        (row,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
        assert (row["file_name"], row["state"], len(row["checksum"])) == (name, state, 64)
    none = await person.http.get("/files/exports.csv?provider=quickbooks")
    assert len(none.text.splitlines()) == 1


async def test_a_preview_stores_nothing_and_then_the_same_file_goes_in(pages: Pages) -> None:
    person, _, http = await scene(pages)
    await person.open("/files/import")
    assert "No file came in yet." in person.text
    assert "Would import 1 accounts; nothing was stored" in await upload(person, CHART)
    assert await codes(http) == {"6000", "2100"}
    await person.send("/files/import", act="import")
    assert "/files/imports/" in str(person.page.url)
    assert "1 record stored." in person.text
    assert await codes(http) == {"1000", "6000", "2100"}
    assert "New 0 Updated 0 Unchanged 2" in await upload(person, CHART)
    await person.open("/files/import?of=quickbooks")
    assert person.text.count("chart.csv") == 3
    await person.open("/files/import?of=xero")
    assert "No import matches." in person.text


async def test_wrong_rows_are_shown_and_the_good_ones_taken_on_demand(pages: Pages) -> None:
    person, _, http = await scene(pages)
    shown = await upload(person, BAD)
    for said in ("Rows that are wrong", "Weird", "1 row", "Import the good rows"):
        assert said in shown, said
    refused = await upload(person, BAD, act="import")
    assert "Nothing was imported" in refused
    assert await codes(http) == {"6000", "2100"}
    await upload(person, BAD)
    await person.send("/files/import", act="import", partial="on")
    assert "The good rows were imported" in person.text
    assert await codes(http) == {"1000", "6000", "2100"}
    batch = str(person.page.url.path).rsplit("/", maxsplit=1)[-1]
    answer = await person.http.get(f"/files/imports/{batch}/rejected.csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["Account Number"], row["Type"]) == ("7000", "Weird")
    assert row["Reason"]


async def test_what_waited_for_an_imported_account_goes_by_itself(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, firm, http = await scene(pages)
    world = pages.api.world
    connection = await world.connect(firm, "xero")
    sides = [{"account_code": "404", "debit": "10"}, {"account_code": "4000", "credit": "10"}]
    await http.post(f"{BOOKS}/journal-entries", json={"items": [entry("JE-1", lines=sides)]})
    await world.work(connection)
    query = f"{BOOKS}/mappings/journal_entry"
    assert [one["state"] for one in (await http.get(query)).json()["items"]] == ["error"]
    woken: list[int] = []

    async def wake(_database: object, connection_id: int) -> None:
        woken.append(connection_id)

    monkeypatch.setattr("app.web.imports.wakeups.wake", wake)
    chart = b"*Code,*Name,*Type,*Tax Code,Description\n404,Bank Fees,Expense,No VAT,\n"
    await upload(person, chart, act="import", provider="xero")
    assert woken == [connection]
    await world.work(connection)
    (now,) = (await http.get(query)).json()["items"]
    assert now["state"] == "synced", now["sync_error"]


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [(b"\x00\x01\x02nothing", 400, "Nothing was imported."), (b"", 400, "Nothing was imported.")],
    ids=["no table", "empty"],
)
async def test_a_file_that_cannot_be_read(pages: Pages, data: bytes, status: int, said: str) -> None:
    person, _, _ = await scene(pages)
    assert said in await upload(person, data, status, act="import")
    assert person.offers("/files/import"), "and the form is there"


async def test_no_file_and_a_broken_one_from_the_page(pages: Pages) -> None:
    person, _, _ = await scene(pages)
    await person.open("/files/import")
    await person.send("/files/import", status=422, act="import", picked={"file": ""})
    assert "Choose a file first." in person.text
    await person.send("/files/import", status=422, act="import", picked={"file": "", "carried": "AAAA"})
    assert "Choose the file again." in person.text
    assert "Say from which program" in await upload(person, CHART, 422, provider="sage")
    assert "Date order:" in await upload(person, CHART, 422, date_order="ymd")


async def test_a_file_that_is_too_large_is_refused_and_a_large_one_is_not(pages: Pages) -> None:
    person, _, _ = await scene(pages)
    await upload(person, b"PK\x03\x04" + b"x" * 13_000_000, 400)
    await person.open("/files/import")
    answer = await person.http.post("/files/import", files={"file": ("x.csv", b"x" * (MAX_FILE_BYTES + 1))})
    assert answer.status_code == 413


def test_a_carried_file_comes_back_whole_and_a_large_one_is_chosen_again() -> None:
    assert carrying.unpack(carrying.pack(BAD)) == BAD
    noise = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(20_000))
    assert carrying.pack(noise) == ""
    cut = carrying.pack(BAD * 50)[:-8]
    for broken in ("", "%%%", "AAAA", cut, carrying.pack(b"0" * (MAX_FILE_BYTES + 1))):
        with pytest.raises(Invalid):
            carrying.unpack(broken)


async def test_a_viewer_sees_the_logs_alone(pages: Pages) -> None:
    person, firm, _ = await scene(pages, entry("JE-1"))
    await person.open("/files")
    await person.send("/files/export", target="xero:csv")
    await upload(person, BAD)
    viewer = await pages.person(firm, "viewer")
    await viewer.open("/files")
    assert "xero_export.csv" in viewer.text
    csrf = viewer.page.text.split('name="csrf" value="')[1].split('"')[0]
    offered = ["/files", "/files/import", "/files/exports/1", "/files/imports/1"]
    for path in offered:
        await viewer.open(path)
        posts = [one["action"] for one in Forms(viewer.page.text).found if one["method"] == "post"]
        assert posts == ["/sign-out"], path
    for path in ("/files/export", "/files/import", "/files/exports/1/again"):
        answer = await viewer.http.post(path, data={"csrf": csrf, "target": "xero:csv", "kind": "accounts"})
        assert answer.status_code == 403, path
    assert (await viewer.http.get("/files/imports/1/rejected.csv")).status_code == 200


async def test_a_form_without_its_token_is_not_taken(pages: Pages) -> None:
    person, _, http = await scene(pages, entry("JE-1"))
    for path in ("/files/export", "/files/import"):
        assert (await person.http.post(path, data={"target": "xero:csv"})).status_code == 403
    assert (await http.get(f"{BOOKS}/export-logs")).json()["items"] == []


async def test_another_firm_finds_nothing(pages: Pages) -> None:
    person, firm, http = await scene(pages, entry("JE-1"))
    await person.open("/files")
    await person.send("/files/export", target="xero:csv")
    await upload(person, BAD)
    connection = await pages.api.world.connect(firm, "xero")
    export_id = (await http.get(f"{BOOKS}/export-logs")).json()["items"][0]["id"]
    batch_id = (await http.get(f"{BOOKS}/import-batches")).json()["items"][0]["id"]
    other, _, _ = await scene(pages)
    for path in (f"exports/{export_id}", f"imports/{batch_id}", f"imports/{batch_id}/rejected.csv"):
        await other.open(f"/files/{path}", status=404)
    await other.open("/files")
    assert "Nothing went out yet." in other.text
    csrf = other.page.text.split('name="csrf" value="')[1].split('"')[0]
    answer = await other.http.post(f"/files/exports/{export_id}/again", data={"csrf": csrf})
    assert answer.status_code == 404
    await other.open("/files")
    await other.send("/files/export", status=404, target="xero:csv", picked={"connection_id": str(connection)})
