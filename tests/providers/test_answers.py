"""What is kept of a provider's answer."""

import json

import pytest

from app.errors import Fault
from app.providers import answers
from app.providers.base import NotWritten, Refused, Unknown, Written
from app.providers.http import Answer

REFUSED = Refused(item_id="i1", fault=Fault("name_taken", "The name is taken."))


def whole(body: bytes, status: int = 500) -> Answer:
    return Answer(status, {}, body, 0.1)


def test_the_part_that_speaks_of_a_record_goes_before_the_whole():
    told = answers.about(REFUSED, {"Fault": {"Error": [{"code": "6240"}]}})
    assert told.answer == {"Fault": {"Error": [{"code": "6240"}]}}
    assert answers.as_a_whole(told, whole(b"{}")) is told
    assert answers.about(REFUSED, {}) is REFUSED


@pytest.mark.parametrize(
    "outcome",
    [
        Written(item_id="i1", external_id="1", version="0", label="A"),
        REFUSED,
        NotWritten(item_id="i1", fault=REFUSED.fault),
        Unknown(item_id="i1", reason="HTTP 500"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_whole_answer_is_kept_with_its_status(outcome):
    told = answers.as_a_whole(outcome, whole(b'{"Type": "Gone", "Total": 10.10}'))
    assert json.loads(json.dumps(told.answer, default=str)) == {
        "status": 500,
        "body": {"Type": "Gone", "Total": "10.10"},
    }
    assert told == outcome, "what is concluded does not depend on it"
    assert "Gone" not in repr(told), "and no log shows it"


def test_an_answer_that_is_no_json_is_kept_as_text():
    told = answers.as_a_whole(REFUSED, whole(b"<html>\xff" + b"x" * 5_000, 502))
    assert told.answer["status"] == 502
    assert str(told.answer["body"]).startswith("<html>\ufffdx")
    assert len(str(told.answer["body"])) == 2_001


def test_what_is_kept_is_bounded_and_can_be_stored():
    deep: object = "end"
    for _ in range(50):
        deep = {"a": deep}
    kept = answers.kept({"Lines": list(range(100)), "Note": "n" * 3_000, "Odd\x00": "a\x00b\ud800c", "Deep": deep})
    assert kept["Lines"] == [*range(20), "… 80 more"]
    assert len(str(kept["Note"])) == 2_001
    assert kept["Odd\ufffd"] == "a\ufffdb?c"
    assert "end" not in json.dumps(kept)
    json.dumps(kept, ensure_ascii=False).encode()


def test_a_secret_that_an_answer_echoes_is_not_kept():
    token = "Bearer eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0..c2VjcmV0c2VjcmV0.c2VjcmV0"
    told = answers.about(REFUSED, {"Detail": f"Not authorised: {token}"})
    assert "c2VjcmV0" not in json.dumps(told.answer)


def test_what_stands_under_a_secrets_name_is_not_kept() -> None:
    told = answers.kept(
        {"refresh_token": "plain", "SyncToken": "3", "Fault": {"code": "6000", "clientSecret": "plain"}}
    )
    assert told == {
        "refresh_token": "[redacted]",
        "SyncToken": "3",
        "Fault": {"code": "6000", "clientSecret": "[redacted]"},
    }
