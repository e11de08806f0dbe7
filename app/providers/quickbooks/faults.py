"""From an answer of Intuit to our errors: four fault shapes, one table of codes, and never the localised text alone."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from app.errors import (
    Fault,
    Misconfigured,
    NeedsReauth,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from app.providers.http import Answer
from app.providers.jsontext import loads
from app.providers.quickbooks.fault_codes import MEANINGS, OTHER, Meaning, Verdict
from app.providers.quickbooks.spec import COMPANY_PAUSE, THROTTLE_PAUSE

# Two writes to the lists of names at the same instant; the only text that decides, as its code is no help.
_NAMES_BUSY = "one name at a time"
# "DocNumber=X is assigned to TxnType=Invoice with TxnId=17984"; the number may look like this too: the last counts.
_HOLDER = re.compile(r"\b(?:Txn)?Id\s*=\s*(\d+)")
_XML_ERROR = re.compile(r"<Error\b([^>]*)>(.*?)</Error>", re.DOTALL | re.IGNORECASE)
_CODE_IN_TEXT = re.compile(r"errorCode=(\d+)")
_SELF_HEALING = frozenset({Verdict.stale, Verdict.again, Verdict.throttled, Verdict.paused, Verdict.unknown})

_NO_ACCESS = MEANINGS["3200"]
_NOT_LET_IN = MEANINGS["3100"]
_SLOW_DOWN = MEANINGS["3001"]
_NO_ANSWER = Meaning(
    "provider_unavailable",
    "QuickBooks gave no usable answer.",
    "provider",
    "Nothing to do: we try again by ourselves.",
    Verdict.unknown,
)
_NAMES_MEANING = Meaning(
    "names_busy",
    "QuickBooks was changing another name at the same moment.",
    "nobody",
    "Nothing to do: we try again by ourselves.",
    Verdict.again,
)
_ODD_STATUS = Meaning(
    "unexpected_answer", "QuickBooks answered in a way we do not know.", "operator", "Check the QuickBooks API address."
)


@dataclass(frozen=True, slots=True)
class VendorError:
    """One error as Intuit worded it; `code` without leading zeros, empty where it gave none."""

    code: str
    message: str
    detail: str
    element: str = ""

    @property
    def holder_id(self) -> str:
        """The Id of the record that already has the number or name, where Intuit names it."""
        found = _HOLDER.findall(self.detail) if self.code in {"6140", "6240"} else []
        return found[-1] if found else ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What an answer or a batch item comes to, when it is not a success."""

    verdict: Verdict
    faults: tuple[Fault, ...]
    holder_id: str = ""
    retry_after: timedelta | None = None

    @property
    def fault(self) -> Fault:
        """The first fault, which names the cause in all observed answers."""
        return self.faults[0]


def success_body(answer: Answer) -> Mapping[str, object]:
    """The JSON object of a successful read.

    Raises RateLimited, NeedsReauth, Misconfigured, ProviderUnavailable or ProviderRejected for anything else.
    """
    finding = classify(answer)
    if finding is not None:
        raise_finding(finding)
    body = json_object(answer.body)
    if body is None:
        raise ProviderUnavailable("QuickBooks answered a read with something that is not JSON.")
    return body


def classify(answer: Answer) -> Finding | None:
    """What went wrong, or None for a success; a 200 may carry a fault, and a body may be XML or HTML."""
    errors = errors_in(answer)
    if not errors and 200 <= answer.status < 300:
        return None
    by_status = _meaning_of_status(answer.status)
    if not errors:
        message = "" if answer.status != 429 else "HTTP 429"
        return _finding(answer, (_fault(by_status, VendorError("", message, "")),), by_status.verdict)
    meanings = [_meaning_of(error) or _meaning_of_unlisted(answer.status, error) for error in errors]
    verdict = _verdict(answer.status, meanings[0])
    faults = tuple(_fault(meaning, error) for meaning, error in zip(meanings, errors, strict=True))
    return _finding(answer, faults, verdict, errors[0].holder_id)


def classify_item(fault: object) -> Finding:
    """What the `Fault` of one batch item means."""
    errors = _errors_of(fault) or (VendorError("", "", ""),)
    meanings = [_meaning_of(error) or OTHER for error in errors]
    faults = tuple(_fault(meaning, error) for meaning, error in zip(meanings, errors, strict=True))
    return Finding(meanings[0].verdict, faults, errors[0].holder_id, _pause(meanings[0].verdict))


def raise_finding(finding: Finding) -> NoReturn:
    """Raise the error of our tree that a failed read stands for."""
    fault = finding.fault
    match finding.verdict:
        case Verdict.throttled:
            raise RateLimited(fault.message, retry_after=finding.retry_after)
        case Verdict.reauth:
            raise NeedsReauth(fault.sentence(), who=fault.who, fix=fault.fix)
        case Verdict.config:
            raise Misconfigured(fault.sentence(), who=fault.who, fix=fault.fix)
        case Verdict.paused | Verdict.again | Verdict.unknown:
            error: ProviderError = ProviderUnavailable(
                fault.sentence(), code=fault.code, who=fault.who, fix=fault.fix, retries_itself=True
            )
            error.retry_after = finding.retry_after
            raise error
        case Verdict.refused | Verdict.stale:
            raise ProviderRejected(finding.faults)


def errors_in(answer: Answer) -> tuple[VendorError, ...]:
    """Every error an answer names, whatever shape it comes in."""
    if answer.body.lstrip()[:1] == b"<":
        return _errors_of_xml(answer.body.decode("utf-8", "replace"))
    body = json_object(answer.body)
    if body is None:
        return ()
    fault = body.get("Fault") or body.get("fault")
    if fault:
        return _errors_of(fault) or (VendorError("", "", ""),)
    if isinstance(body.get("error"), str):
        return (VendorError("", str(body["error"]), str(body.get("error_description") or "")),)
    return ()


def json_object(body: bytes) -> Mapping[str, object] | None:
    """The body as a JSON object, or None where it is anything else."""
    try:
        value = loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _finding(answer: Answer, faults: tuple[Fault, ...], verdict: Verdict, holder_id: str = "") -> Finding:
    said = answer.headers.get("retry-after", "").strip()
    asked = timedelta(seconds=int(said)) if said.isascii() and said.isdigit() else None
    return Finding(verdict, faults, holder_id, asked or _pause(verdict))


def _pause(verdict: Verdict) -> timedelta | None:
    return {Verdict.throttled: THROTTLE_PAUSE, Verdict.paused: COMPANY_PAUSE}.get(verdict)


def _meaning_of_status(status: int) -> Meaning:
    if status == 401:
        return _NO_ACCESS
    if status == 403:
        return _NOT_LET_IN
    if status == 429:
        return _SLOW_DOWN
    if 400 <= status < 500 and status != 408:
        return _ODD_STATUS
    return _NO_ANSWER


def _meaning_of_unlisted(status: int, error: VendorError) -> Meaning:
    """A fault with a code we do not know is a refusal; one without code counts no more than its status."""
    if status in {401, 403, 429} or status >= 500 or (status < 300 and not error.code):
        return _meaning_of_status(status)
    return OTHER


def _meaning_of(error: VendorError) -> Meaning | None:
    meaning = MEANINGS.get(error.code)
    if error.code == "6000" and _NAMES_BUSY in error.detail + error.message:
        return _NAMES_MEANING
    return meaning


def _verdict(status: int, meaning: Meaning) -> Verdict:
    """The code decides, except that a 429 is always throttling and a 5xx proves nothing about a write."""
    if status == 429:
        return Verdict.throttled
    if status >= 500 and meaning.verdict not in {Verdict.throttled, Verdict.paused}:
        return Verdict.unknown
    return meaning.verdict


def _fault(meaning: Meaning, error: VendorError) -> Fault:
    return Fault(
        code=meaning.code,
        message=meaning.message,
        who=meaning.who,
        fix=meaning.fix,
        retries_itself=meaning.verdict in _SELF_HEALING,
        vendor_code=error.code,
        vendor_message=error.detail or error.message,
        field=error.element,
    )


def _errors_of(fault: object) -> tuple[VendorError, ...]:
    if not isinstance(fault, Mapping):
        return ()
    listed = fault.get("Error") or fault.get("error")
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return ()
    return tuple(_error_of(entry) for entry in listed if isinstance(entry, Mapping))


def _error_of(entry: Mapping[str, object]) -> VendorError:
    def text(*names: str) -> str:
        return next((str(entry[name]) for name in names if entry.get(name) is not None), "")

    message = text("Message", "message")
    return VendorError(_plain_code(text("code"), message), message, text("Detail", "detail"), text("element"))


def _errors_of_xml(body: str) -> tuple[VendorError, ...]:
    """Gateway faults come as XML even where JSON was asked for; an HTML page has no <Error> and yields nothing."""

    def inner(name: str, text: str) -> str:
        found = re.search(rf"<{name}\b[^>]*>(.*?)</{name}>", text, re.DOTALL | re.IGNORECASE)
        return html.unescape(found.group(1)).strip() if found else ""

    errors = []
    for attributes, content in _XML_ERROR.findall(body):
        code = re.search(r'\bcode="([^"]*)"', attributes)
        element = re.search(r'\belement="([^"]*)"', attributes)
        message = inner("Message", content)
        errors.append(
            VendorError(
                _plain_code(code.group(1) if code else "", message),
                message,
                inner("Detail", content),
                element.group(1) if element else "",
            )
        )
    return tuple(errors)


def _plain_code(code: str, message: str) -> str:
    """`003001`, `3001` and a code that stands only in the message come to the same."""
    found = code or next(iter(_CODE_IN_TEXT.findall(message)), "")
    return found.lstrip("0") or found
