"""Any bytes sent to the import routes are answered with an outcome or a problem, never with a 5xx."""

import random

import httpx
import pytest

from tests.support.api import BOOKS, Api
from tests.support.files import BOOKS as JOURNALS
from tests.support.files import XERO_BOOKS, printed, workbook

SEEDS = [
    printed("iif", JOURNALS)[0],
    printed("qbo", JOURNALS)[0],
    printed("xero", XERO_BOOKS)[0],
    b"!ACCNT\tNAME\tACCNTTYPE\tACCNUM\r\nACCNT\tA:B\tBANK\t1\r\nACCNT\tA\tBANK\t\r\n",
    b"*Code,*Name,*Type,*Tax Code\r\n200,Sales,Revenue,No VAT\r\n201,\xff,Bank,\r\n",
    b"internal_code,external_code\r\n1,2\r\n",
    workbook([["Full name", "Type", "Balance"], ["Cash", "Bank", 12], ["Cash:Till", "Bank", 0]], shared=True),
]
ODD = [
    b"\x00",
    b"\xff\xfe",
    b'"',
    b"\r",
    b"\t",
    b"9" * 30,
    b"=1+1",
    b"\xf0\x9f\x8c\xb1",
    b"\x85",
    b":",
    b";" * 5,
    b"2026-02-30",
]


def wounded(random_: random.Random) -> bytes:
    """One of the seeds, cut, doubled and with odd bytes in it."""
    data = bytearray(random_.choice(SEEDS))
    for _ in range(random_.randint(0, 6)):
        at = random_.randrange(len(data) + 1)
        data[at : at + random_.choice((0, 0, 1, 5))] = random_.choice(ODD)
    return bytes(data[: random_.randint(1, len(data))] if random_.random() < 0.2 else data)


@pytest.mark.timeout(120)
async def test_whatever_is_sent_is_answered(api: Api) -> None:
    firm = await api.world.firm()
    http = await api.caller(firm, "member")
    random_ = random.Random(20261127)
    seen: dict[int, int] = {}
    for n in range(250):
        data = wounded(random_) if n % 10 else random_.randbytes(random_.randint(0, 300))
        provider = random_.choice(["quickbooks", "xero"])
        query: dict[str, str | bool] = {
            "partial": random_.random() < 0.5,
            "dry_run": random_.random() < 0.2,
            "currency": "USD",
        }
        answer = await http.post(f"/api/import/{provider}", files={"file": ("x", data)}, params=query)
        assert answer.status_code < 500, (data, answer.text)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        if answer.status_code != 200:
            assert answer.headers["content-type"] == "application/problem+json"
        import_id = answer.json().get("import_id")
        if import_id:
            assert (await http.get(f"{BOOKS}/import-batches/{import_id}/rejected")).status_code == 200
        sent = await http.put(f"{BOOKS}/account-mappings/csv?provider=xero", files={"file": ("x", data)})
        assert sent.status_code < 500, (data, sent.text)
    assert set(seen) == {200, 400, 422}


_FIELD = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nhello\r\n--x--'


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", b"multipart/form-data; boundary=x"),
        (b"--x\r\n", b"multipart/form-data"),
        (_FIELD, b"multipart/form-data; boundary=x"),
        (b"file=abc", b"application/x-www-form-urlencoded"),
        (b"{}", b"application/json"),
        (b"\xff" * 100, b"multipart/form-data; boundary=\xff"),
    ],
)
async def test_bodies_that_are_no_upload(api: Api, content: bytes, kind: bytes) -> None:
    http: httpx.AsyncClient = await api.caller(await api.world.firm(), "member")
    answer = await http.post("/api/import/xero", content=content, headers=[(b"content-type", kind)])
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
