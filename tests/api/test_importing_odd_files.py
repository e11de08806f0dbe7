"""Files over HTTP that a bookkeeper should not have to repair first."""

from typing import Any

import httpx
import pytest

from tests.support.api import BOOKS, Api

CHART = "Account Number,Account Name,Type,Detail Type\n1000,Checking,Bank,\n6000,Rent,Expenses,\n"
_COLUMNS = "TRNSTYPE\tDATE\tACCNT\tAMOUNT\tMEMO"
IIF = f"!TRNS\t{_COLUMNS}\n!SPL\t{_COLUMNS}\n!ENDTRNS\n"
ENTRY = "TRNS\tGENERAL JOURNAL\t7/1/26\tRent\t50\tstamps\nSPL\tGENERAL JOURNAL\t7/1/26\tChecking\t-50\t\nENDTRNS\n"


@pytest.fixture
async def http(api: Api) -> httpx.AsyncClient:
    http = await api.caller(await api.world.firm(), "member")
    await send(http, CHART)
    return http


async def send(http: httpx.AsyncClient, text: str, **query: Any) -> httpx.Response:
    files = {"file": ("file", text.encode())}
    return await http.post("/api/import/quickbooks", files=files, params={"currency": "USD", **query})


async def test_entries_without_a_number_may_be_alike(http: httpx.AsyncClient) -> None:
    said = (await send(http, IIF + ENTRY + ENTRY)).json()
    assert said["imported"] == 2
    assert said["notes"] == ["1 entries without a number say the same as another (line 7); all were taken."]
    again = (await send(http, IIF + ENTRY + ENTRY)).json()
    assert (again["imported"], again["unchanged"]) == (0, 2)
    third = (await send(http, IIF + ENTRY * 3)).json()
    assert (third["imported"], third["unchanged"]) == (1, 2)


async def test_the_journal_report_is_read_and_changes_nothing_the_second_time(http: httpx.AsyncClient) -> None:
    text = (
        "Journal\n\nDate,Transaction Type,Num,Name,Memo/Description,Account,Debit,Credit\n"
        "01/15/2026,Journal Entry,7,,Rent,6000 Rent,10.00,\n,,,,Rent,1000 Checking,,10.00\n,,,,,,$10.00,$10.00\n"
    )
    said = (await send(http, text)).json()
    assert (said["imported"], said["format"]) == (1, "quickbooks_journal_report")
    again = (await send(http, text)).json()
    assert (again["imported"], again["unchanged"]) == (0, 1)


async def test_a_moved_cell_maps_nothing(http: httpx.AsyncClient) -> None:
    text = "internal_code,internal_name,type,external_code,external_name\n6000,Rent, office,expense.operating,469,\n"
    url = f"{BOOKS}/account-mappings/csv"
    answer = await http.put(url, files={"file": ("m.csv", text)}, params={"provider": "xero"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "too_many_cells")
    assert (await http.get(f"{BOOKS}/account-mappings?provider=xero")).json()["items"] == []


async def test_rejected_rows_of_an_iif_file_can_be_mended_and_sent_again(http: httpx.AsyncClient) -> None:
    bad = ENTRY.replace("-50", "-5,0.50").replace("stamps", "stamps, red\t\tmore")
    answer = await send(http, f"{IIF}{ENTRY}{bad}!ACCNT\tNAME\tACCNTTYPE\nACCNT\tOdd\tWEIRD\n")
    rejected = (await http.get(f"{BOOKS}/import-batches/{answer.json()['import_id']}/rejected")).text
    lines = rejected.split("\r\n")
    assert [line.split(",")[0] for line in lines] == ["!TRNS", "TRNS", "!SPL", "SPL", "ENDTRNS", "!ACCNT", "ACCNT", ""]
    assert lines[0].endswith(",REASON")
    assert lines[1].startswith('TRNS,GENERAL JOURNAL,7/1/26,Rent,50,"stamps, red",')
    again = (await send(http, rejected)).json()
    assert [one["code"] for one in again["errors"]] == ["bad_amount", "account_type_unknown"]
    mended = rejected.replace('"-5,0.50"', "-50").replace("WEIRD", "EXP")
    assert (await send(http, mended)).json()["imported"] == 2
