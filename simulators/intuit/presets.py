"""Intuit's own ways of failing, by name, for scripted and random faults (reference 2.4, 2.5)."""

from simulators.core.clock import Clock
from simulators.core.faults import CannedAnswer, Presets
from simulators.core.money import dumps
from simulators.intuit.faults import SYSTEM, QboFault, gateway_fault, throttle_xml, wrong_cluster_xml
from simulators.intuit.stamps import answer_time

_JSON = {"content-type": "application/json;charset=UTF-8"}
_XML = {"content-type": "application/xml"}
_HTML = {"content-type": "text/html"}
_FAILED = "message=AuthenticationFailed; errorCode=003200; statusCode=401"
_FORBIDDEN = "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"


def presets(clock: Clock) -> Presets:
    """The canned answers. `time` in them is the simulated moment they are given."""

    def fault(status: int, code: str, message: str, detail: str, kind: str = SYSTEM) -> CannedAnswer:
        body = {"Fault": QboFault(code, message, detail, kind=kind).body(), "time": answer_time(clock.now())}
        return CannedAnswer(status, _JSON, dumps(body).decode())

    def gateway(status: int, kind: str, message: str, detail: str, code: str) -> CannedAnswer:
        body = gateway_fault(kind, message, detail, code, int(clock.now().timestamp() * 1000))
        return CannedAnswer(status, _JSON, dumps(body).decode())

    def page(status: int, title: str) -> CannedAnswer:
        return CannedAnswer(status, _HTML, f"<html><head><title>{title}</title></head><body>{title}</body></html>")

    application_error = "An application error has occurred while processing your request"
    one_at_a_time = "You can only add or edit one name at a time. Please try again."
    rules = "A business validation error has occurred while processing your request"
    return {
        "throttled": lambda: CannedAnswer(429, _XML, throttle_xml(answer_time(clock.now())).decode()),
        "wrong_cluster": lambda: CannedAnswer(401, _XML, wrong_cluster_xml(answer_time(clock.now())).decode()),
        "expired_token": lambda: gateway(401, "AUTHENTICATION", _FAILED, "Token expired", "3200"),
        "revoked_token": lambda: gateway(401, "AUTHENTICATION", _FAILED, "Token revoked", "3200"),
        "forbidden": lambda: gateway(403, "AUTHORIZATION", _FORBIDDEN, "", "3100"),
        "invalid_grant": lambda: CannedAnswer(
            400, _JSON, '{"error":"invalid_grant","error_description":"Incorrect or invalid refresh token"}'
        ),
        "invalid_client": lambda: CannedAnswer(401, _JSON, '{"error":"invalid_client"}'),
        "token_throttled": lambda: CannedAnswer(429),
        "fault_in_200": lambda: fault(200, "10000", application_error, application_error),
        "application_error": lambda: fault(500, "10000", application_error, application_error),
        "one_name_at_a_time": lambda: fault(
            400, "6000", rules, f"Business Validation Error: {one_at_a_time}", "ValidationFault"
        ),
        "subscription_ended": lambda: fault(
            400, "6190", "Subscription period has ended", "The company is read-only", "ValidationFault"
        ),
        "bad_gateway": lambda: page(502, "502 Bad Gateway"),
        "unavailable": lambda: page(503, "503 Service Unavailable"),
        "gateway_timeout": lambda: page(504, "504 Gateway Time-out"),
    }
