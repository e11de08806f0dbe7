"""Logs: one JSON object per line, with the request's id, and never a secret, however it got in."""

import asyncio
import io
import json
import logging

import pytest
import structlog

from app.errors import Fault
from app.logs import REDACTED, bind_request, configure_logs, current_request_id, redact, redact_text

CANARY = "canary-3f9a"


@pytest.fixture
def logged():
    """Call it for the records written so far."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    configure_logs("DEBUG", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = before[0], before[1]
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def test_a_record_is_one_json_object_with_time_level_and_fields(logged):
    structlog.get_logger("app.sync").info("run_finished", firm_id=7, pushed=3)
    (record,) = logged()
    assert record["at"].endswith("Z")
    assert {key: record[key] for key in ("event", "level", "logger", "firm_id", "pushed")} == {
        "event": "run_finished",
        "level": "info",
        "logger": "app.sync",
        "firm_id": 7,
        "pushed": 3,
    }


def test_the_request_id_is_on_every_record_of_the_request_and_on_no_other(logged):
    with bind_request("req-12345678", firm_id=7) as request_id:
        assert request_id == current_request_id() == "req-12345678"
        structlog.get_logger().info("ours")
        logging.getLogger("some.library").warning("theirs")
    structlog.get_logger().info("later")
    ours, theirs, later = logged()
    assert ours["request_id"] == theirs["request_id"] == "req-12345678"
    assert ours["firm_id"] == 7
    assert "request_id" not in later
    assert "firm_id" not in later


@pytest.mark.parametrize("unfit", [None, "short", "x" * 65, 'a"b\nforged-line', "späße-späße"])
def test_an_unfit_request_id_is_replaced(unfit):
    with bind_request(unfit) as request_id:
        assert request_id != unfit
        assert request_id.isalnum()


async def test_requests_side_by_side_keep_their_own_ids():
    async def request(name: str) -> str | None:
        with bind_request(name):
            await asyncio.sleep(0.01)
            return current_request_id()

    names = [f"request-{n}" for n in range(5)]
    assert await asyncio.gather(*map(request, names)) == names


@pytest.mark.parametrize(
    "name",
    [
        *("access_token", "refreshToken", "client_secret", "Authorization", "code", "state", "password", "api_key"),
        *("code_verifier", "Set-Cookie", "encryption_keys", "intuit-signature", "completion_token", "database_url"),
    ],
)
def test_a_secret_is_known_by_its_name_at_any_depth(name):
    assert redact({"outer": [{name: CANARY}]}) == {"outer": [{name: REDACTED}]}


def test_ordinary_fields_stay():
    fields = {
        "error_code": "period_closed",
        "status_code": 429,
        "statement": "x",
        "company": "Harbour Café",
        "ok": True,
        "n": None,
    }
    assert redact(fields) == fields


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}-1234",
        f"authorization: basic {CANARY}",
        f"eyJhbGciOiJSUzI1NiJ9.{CANARY}.{CANARY}",
        f"eyJhbGciOiJkaXIi.{CANARY}.{CANARY}.{CANARY}.{CANARY}",
        f"key tieout_live_{CANARY.replace('-', '')}",
        f"GET /api/auth/qbo/callback?code={CANARY}&state=x{CANARY}",
        f"grant_type=refresh_token&refresh_token={CANARY}",
        f'{{"access_token": "{CANARY}", "expires_in": 3600}}',
        f"{{'refresh_token': '{CANARY}'}}",
        f'body="{{\\"client_secret\\": \\"{CANARY}\\"}}"',
        f"postgresql://tieout:{CANARY}@db.example.com/tieout",
        f"AB11{CANARY}Q3vUxN0RlPcT7yKd2mWz9sHfJ4bLg8eXaVo6iYt",
    ],
)
def test_a_secret_is_known_by_its_looks(text):
    assert CANARY in text or CANARY.replace("-", "") in text
    cleaned = redact_text(text)
    assert CANARY not in cleaned
    assert CANARY.replace("-", "") not in cleaned
    assert REDACTED in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "Invoice INV-1005 was refused: the closing date is 2026-10-31.",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "company 9341452900000001, request 0d6c1e7e-2f8a-4e0b-9a51-1f6f0c4a6d21",
        "the token endpoint answered 503",
    ],
)
def test_ordinary_text_stays(text):
    assert redact_text(text) == text


def test_secrets_in_exceptions_and_their_causes_are_gone(logged):
    try:
        try:
            raise KeyError(f"refresh_token={CANARY}")
        except KeyError as cause:
            raise RuntimeError(f"answer was {{'access_token': '{CANARY}'}}") from cause
    except RuntimeError:
        structlog.get_logger().exception("refresh_failed")
        logging.getLogger("authlib").exception("failed with Bearer %s", CANARY)
    text = json.dumps(logged())
    assert "refresh_failed" in text
    assert "RuntimeError" in text
    assert "KeyError" in text
    assert CANARY not in text


def test_library_records_are_cleaned_arguments_and_extras_too(logged):
    logging.getLogger("authlib.oauth2").debug("token %r", {"access_token": CANARY}, extra={"client_secret": CANARY})
    (record,) = logged()
    assert CANARY not in json.dumps(record)
    assert record["client_secret"] == REDACTED


@pytest.mark.parametrize("name", ["httpx", "uvicorn.access"])
def test_access_logs_have_no_query(logged, name):
    logging.getLogger(name).info('%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "GET", "/clients?name=Jane+Doe", "1.1", 200)
    (record,) = logged()
    assert record["event"] == '1.2.3.4:5 - "GET /clients HTTP/1.1" 200'


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v3/company/9341452900000001/companyinfo/9341452900000001", "/v3/company/…/companyinfo/…"),
        ("/api.xro/2.0/Invoices/C0A80101-5d3e-4a7b-9c11-7f2b6e0d1a01", "/api.xro/2.0/Invoices/…"),
        ("/api/v1/accounting/invoices/12345678", "/api/v1/accounting/invoices/12345678"),
    ],
)
def test_lines_about_calls_name_no_company(logged, path, shown):
    logging.getLogger("httpx").info('HTTP Request: %s %s "%s"', "GET", f"https://vendor.test{path}", "HTTP/1.1 200 OK")
    (record,) = logged()
    assert record["event"] == f'HTTP Request: GET https://vendor.test{shown} "HTTP/1.1 200 OK"'


def test_a_vendor_that_quotes_a_credential_does_not_get_it_into_a_fault():
    fault = Fault("refused", "Refused.", vendor_message=f"Invoice INV-7 with Bearer {CANARY}12 is not valid.")
    assert fault.vendor_message == f"Invoice INV-7 with Bearer {REDACTED} is not valid."
    assert CANARY not in fault.sentence()


def test_uvicorns_own_handlers_are_replaced(logged):
    library = logging.getLogger("uvicorn.access")
    library.addHandler(logging.StreamHandler(io.StringIO()))
    library.propagate = False
    configure_logs("INFO", stream=io.StringIO())
    assert library.handlers == []
    assert library.propagate


def test_the_level_is_kept(logged):
    configure_logs("WARNING", stream=(stream := io.StringIO()))
    structlog.get_logger("app.x").info("quiet")
    structlog.get_logger("app.x").warning("loud")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]
