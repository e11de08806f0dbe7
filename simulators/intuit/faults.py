"""The faults QuickBooks answers with, and the envelopes they come in.

Reference 2.4 (envelopes) and 2.5 (codes). Messages are English here; real ones are localized, so clients branch on
the code alone.
"""

from dataclasses import dataclass

from simulators.core.http import Json

VALIDATION = "ValidationFault"
SYSTEM = "SystemFault"


@dataclass
class QboFault(Exception):
    """A refusal by the accounting API: HTTP status, code (a string on the wire), message, detail, element."""

    code: str
    message: str
    detail: str = ""
    element: str = ""
    status: int = 400
    kind: str = VALIDATION

    def body(self) -> Json:
        """The `Fault` object, without the surrounding envelope."""
        error = {"Message": self.message, "Detail": self.detail or self.message, "code": self.code}
        return {"Error": [{**error, "element": self.element}], "type": self.kind}


class NotSimulated(Exception):
    """The real service has this and the simulator does not: answered 501 with the reason."""


def missing(field: str) -> QboFault:
    """2020: a required field is absent."""
    text = "Required param missing, need to supply the required value for the API"
    return QboFault("2020", text, f"Required parameter {field} is missing in the request", field)


def unknown_property(name: str) -> QboFault:
    """2010: a property the entity does not have, or one of the wrong JSON type."""
    detail = f"Property Name:{name} specified is unsupported or invalid"
    return QboFault("2010", "Request has invalid or unsupported property", detail, name)


def bad_characters(name: str) -> QboFault:
    """2040: characters the field or the company's country does not take."""
    return QboFault("2040", "Invalid String", f"Invalid characters in the string of property {name}", name)


def too_long(name: str, most: int, supplied: int) -> QboFault:
    """2050: longer than the field."""
    detail = "String length is either shorter or longer than supported by specification."
    return QboFault("2050", "String length is out of range", f"{detail} Min:0 Max:{most} supplied:{supplied}", name)


def bad_value(code: str, name: str, what: str) -> QboFault:
    """2060 date, 2070 number, 2170 enumeration, 2210 e-mail: a value that cannot be read."""
    return QboFault(code, f"Invalid {what}", f"{name} is not a valid {what}", name)


def bad_reference(kind: str, key: str) -> QboFault:
    """2500: a reference to something that does not exist. `kind` is QuickBooks' internal plural, e.g. Accounts."""
    return QboFault("2500", "Invalid Reference Id", f"Invalid Reference Id : {kind} element id {key} not found")


def inactive(field: str) -> QboFault:
    """610 in its second meaning: a reference to something deactivated."""
    detail = (
        "Object Not Found : Something you're trying to use has been made inactive. "
        "Check the fields with accounts, customers, items, vendors or employees."
    )
    return QboFault("610", "Object Not Found", detail, field)


def not_found() -> QboFault:
    """610: the id is unknown or the transaction was deleted."""
    return QboFault("610", "Object Not Found", "Object Not Found : Something you're trying to use has been deleted.")


def stale() -> QboFault:
    """5010: the SyncToken sent is not the current one."""
    detail = (
        "Stale Object Error : You and another user were working on this at the same time. "
        "The other user finished before you did, so your work was not saved."
    )
    return QboFault("5010", "Stale Object Error", detail)


def business(text: str) -> QboFault:
    """6000: a rule of the books."""
    message = "A business validation error has occurred while processing your request"
    return QboFault("6000", message, f"Business Validation Error: {text}")


def duplicate_name() -> QboFault:
    """6240: another customer, vendor, employee, account or item holds the name."""
    detail = (
        "The name supplied already exists. : Another customer, vendor or employee is already using this name. "
        "Please use a different name."
    )
    return QboFault("6240", "Duplicate Name Exists Error", detail)


def duplicate_number(number: str, shown_type: str, holder: str) -> QboFault:
    """6140: the document number is taken; the detail names the holder's id."""
    detail = (
        "Duplicate Document Number Error : You must specify a different number. This number has already been used. "
        f"DocNumber={number} is assigned to TxnType={shown_type} with TxnId={holder}"
    )
    return QboFault("6140", "Duplicate Document Number Error", detail)


def unsupported(operation: str) -> QboFault:
    """500: the entity does not have this operation."""
    return QboFault("500", "Unsupported Operation", f"Operation {operation} is not supported.")


def gateway_fault(kind: str, message: str, detail: str, code: str, epoch_ms: int) -> Json:
    """The lower-case envelope of the gateway (3200 and 3100)."""
    error = {"message": message, "detail": detail, "code": code, "element": None}
    empty = ("report", "queryResponse", "requestId", "status", "intuitObject", "warnings")
    lists = ("batchItemResponse", "attachableResponse", "syncErrorResponse", "cdcresponse")
    return {
        **dict.fromkeys(empty),
        "fault": {"error": [error], "type": kind},
        **{name: [] for name in lists},
        "time": epoch_ms,
    }


def throttle_xml(stamp: str) -> bytes:
    """The throttling fault: XML whatever the Accept header asked for (reference 2.4, shape 3)."""
    message = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    return _xml_fault(stamp, "SERVICE", "3001", message, "The request limit was reached.  Try again later")


def wrong_cluster_xml(stamp: str) -> bytes:
    """130: keys of the other environment, in XML too."""
    message = "message=AuthenticationFailed; errorCode=000130; statusCode=401"
    return _xml_fault(stamp, "AUTHENTICATION", "130", message, "Accessing Wrong Cluster")


def _xml_fault(stamp: str, kind: str, code: str, message: str, detail: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<IntuitResponse time="{stamp}" xmlns="http://schema.intuit.com/finance/v3"><Fault type="{kind}">'
        f'<Error code="{code}"><Message>{message}</Message><Detail>{detail}</Detail></Error></Fault></IntuitResponse>'
    ).encode()
