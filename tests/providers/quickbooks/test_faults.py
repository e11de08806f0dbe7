import re
from datetime import timedelta

import httpx
import pytest

from app.errors import Misconfigured, NeedsReauth, ProviderRejected, ProviderUnavailable, RateLimited
from app.providers.http import Answer
from app.providers.quickbooks.fault_codes import MEANINGS, Verdict
from app.providers.quickbooks.faults import classify as typed_classify
from app.providers.quickbooks.faults import success_body
from tests.providers.quickbooks.support import fault, raw

# Every code of Intuit's own table and of observed answers.
LISTED = """
100 110 120 130 140 150 500 600 610 620 630 700 800 900 1000 1010 1020 1040 2000 2010 2020 2030 2040 2050 2060 2070 2080
2090 2100 2110 2120 2130 2140 2150 2160 2170 2180 2190 2210 2220 2250 2260 2270 2280 2290 2300 2500 2600 3000 3001 3003
3100 3200 3202 4000 4001 4002 5000 5010 5020 5030 6000 6010 6030 6040 6041 6050 6070 6080 6090 6100 6140 6160 6170 6180
6190 6200 6210 6220 6230 6240 6250 6270 6280 6430 6540 7001 10000 10100 10200
""".split()


def answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, response.headers, response.content, 0.1)


def classify(given):
    return typed_classify(given)


def plain(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, httpx.Headers(headers), body, 0.1)


@pytest.mark.parametrize("code", LISTED)
def test_every_code_says_what_happened_and_who_can_cure_it(code):
    meaning = MEANINGS[code]
    assert meaning.message.endswith(".")
    assert meaning.fix.endswith(".")
    assert meaning.who in {"bookkeeper", "admin", "operator", "provider", "nobody"}
    assert re.fullmatch(r"[a-z_]+", meaning.code)


def test_the_table_has_no_other_codes():
    assert set(MEANINGS) == set(LISTED)


def test_the_normal_envelope():
    finding = classify(
        answer(fault("6240", "The name supplied already exists. : another", "Duplicate Name Exists Error"))
    )
    assert finding.verdict is Verdict.refused
    assert finding.fault.code == "name_taken"
    assert finding.fault.vendor_code == "6240"
    assert finding.fault.vendor_message == "The name supplied already exists. : another"
    assert not finding.fault.retries_itself


def test_the_code_decides_in_any_language_and_the_holder_is_the_last_id_named():
    finding = classify(plain(400, raw("duplicate_number.json")))
    assert finding.fault.code == "number_taken"
    assert finding.holder_id == "2137"


def test_a_number_that_is_taken_names_no_holder_where_quickbooks_names_none():
    assert classify(answer(fault("6140", "This number has already been used."))).holder_id == ""


def test_the_gateways_lower_case_envelope():
    finding = classify(plain(401, raw("token_expired.json")))
    assert finding.verdict is Verdict.reauth
    assert finding.fault.vendor_message == "Token expired"


def test_throttling_comes_as_xml_and_without_a_wait_of_its_own():
    finding = classify(plain(429, raw("throttled.xml")))
    assert finding.verdict is Verdict.throttled
    assert finding.retry_after == timedelta(seconds=60)
    assert finding.fault.vendor_code == "3001"
    assert finding.fault.retries_itself


def test_a_wait_that_is_given_is_honoured():
    assert classify(plain(429, b"", **{"retry-after": "7"})).retry_after == timedelta(seconds=7)


def test_throttling_was_a_403_once():
    assert classify(plain(403, raw("throttled.xml"))).verdict is Verdict.throttled


def test_the_wrong_environment_is_the_operators_business():
    finding = classify(plain(401, raw("wrong_cluster.xml")))
    assert finding.verdict is Verdict.config
    assert finding.fault.who == "operator"
    assert finding.fault.vendor_message == "Sandbox & production differ"


def test_the_oauth_shape():
    finding = classify(plain(400, b'{"error":"invalid_request","error_description":"realm is missing"}'))
    assert finding.verdict is Verdict.refused
    assert finding.fault.vendor_message == "realm is missing"


def test_several_errors_are_all_kept():
    body = b'{"Fault":{"Error":[{"code":"2040","Detail":"a"},{"code":"2050","Detail":"b","element":"DocNumber"}]}}'
    finding = classify(plain(400, body))
    assert [found.code for found in finding.faults] == ["unsupported_characters", "text_too_long"]
    assert finding.faults[1].field == "DocNumber"


def test_a_200_may_carry_a_fault():
    finding = classify(answer(fault("6000", "Business Validation Error: no", status=200)))
    assert finding.fault.code == "business_rule"


def test_a_success_is_no_finding():
    assert classify(plain(200, b'{"Invoice":{"Id":"1"}}')) is None


def test_an_unlisted_code_is_a_refusal_with_the_providers_words():
    finding = classify(answer(fault("9876", "Something new")))
    assert finding.verdict is Verdict.refused
    assert finding.fault.code == "refused_by_provider"
    assert "Something new" in finding.fault.sentence()


def test_two_people_editing_names_is_worth_another_try():
    detail = "Business Validation Error: You can only add or edit one name at a time. Please try again."
    assert classify(answer(fault("6000", detail))).verdict is Verdict.again
    assert classify(answer(fault("6000", "Business Validation Error: other"))).verdict is Verdict.refused


def test_a_server_error_proves_nothing_whatever_it_says():
    assert classify(answer(fault("6240", status=500))).verdict is Verdict.unknown
    assert classify(plain(503, b"<html><body>Service Unavailable</body></html>")).verdict is Verdict.unknown


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (plain(429, raw("throttled.xml")), RateLimited),
        (plain(401, raw("token_expired.json")), NeedsReauth),
        (plain(401), NeedsReauth),
        (plain(403), Misconfigured),
        (plain(403, b'{"fault":{"error":[{"code":"3100","message":"m"}]}}'), Misconfigured),
        (plain(403, b'{"Fault":{"Error":[{"code":"120","Message":"m"}]}}'), NeedsReauth),
        (plain(401, raw("wrong_cluster.xml")), Misconfigured),
        (plain(503, b"<html></html>"), ProviderUnavailable),
        (plain(502), ProviderUnavailable),
        (plain(302), ProviderUnavailable),
        (plain(200, b"<html></html>"), ProviderUnavailable),
        (plain(200, b"[]"), ProviderUnavailable),
        (answer(fault("7001")), ProviderUnavailable),
        (answer(fault("4000")), ProviderRejected),
        (plain(404, b"not here"), ProviderRejected),
    ],
)
def test_a_read_that_fails_raises_what_it_stands_for(given, error):
    with pytest.raises(error):
        success_body(given)


def test_a_read_that_is_throttled_says_how_long_to_wait():
    with pytest.raises(RateLimited) as caught:
        success_body(plain(429, raw("throttled.xml")))
    assert caught.value.retry_after == timedelta(seconds=60)


def test_a_company_without_subscription_is_left_alone_for_a_while():
    with pytest.raises(ProviderUnavailable) as caught:
        success_body(answer(fault("6190")))
    assert caught.value.retry_after == timedelta(minutes=30)
    assert caught.value.who == "admin"
    assert caught.value.public_code == "subscription_ended"
