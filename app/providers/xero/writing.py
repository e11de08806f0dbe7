"""A write: the one request for some records, and what the answer says of each of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from app.canonical import Company, Kind, Operation
from app.errors import Fault, ProviderRejected
from app.providers import answers
from app.providers.base import NotWritten, Outcome, Refused, Unknown, WriteCall, WriteItem, Written
from app.providers.http import Answer
from app.providers.jsontext import dumps
from app.providers.xero import journals, mapping, records, spec
from app.providers.xero.faults import (
    access_error,
    element_faults,
    json_object,
    messages_of,
    problem_of,
    throttle,
    whole_call_fault,
)
from app.providers.xero.values import Element, amount, children, identifier, text

# Per kind: the plural that is path and wrapper, then the fields for id, our key, and name.
_WORDS: Mapping[Kind, tuple[str, str, str, str]] = {
    Kind.customer: ("Contacts", "ContactID", "ContactNumber", "Name"),
    Kind.invoice: ("Invoices", "InvoiceID", "InvoiceNumber", "InvoiceNumber"),
    Kind.journal_entry: ("ManualJournals", "ManualJournalID", "Narration", "Narration"),
}


def prepare(items: Sequence[WriteItem], key: str, company: Company) -> WriteCall:
    """The one request for `items`: all of one kind, and either all creates or none.

    PUT creates and refuses a name or number that exists; POST would quietly update the record that has it. Raises
    ValueError for a mixture.
    """
    kinds = {item.kind for item in items}
    creating = {item.operation is Operation.create for item in items}
    if len(kinds) != 1 or len(creating) != 1:
        raise ValueError("one call holds records of one kind, and creates apart from changes")
    kind = kinds.pop()
    plural = _WORDS[kind][0]
    query = {"summarizeErrors": "false"}
    if kind is Kind.invoice:
        # Else unit prices would be rounded to two decimals before they are multiplied.
        query["unitdp"] = "4"
    return WriteCall(
        key=key,
        kind=kind,
        method="PUT" if creating.pop() else "POST",
        path=f"{spec.API}/{plural}",
        query=query,
        headers=spec.headers(company.external_id, {"Idempotency-Key": key}),
        body=dumps({plural: [mapping.element(item, company) for item in items]}),
        item_ids=tuple(item.item_id for item in items),
    )


def outcomes(call: WriteCall, answer: Answer) -> list[Outcome]:
    """One outcome per item. Raises NeedsReauth when our access is gone; then nothing was written.

    A server error proves nothing: Xero has been seen to fail half-way through a batch with the first half stored.
    """
    return [answers.as_a_whole(one, answer) for one in _outcomes(call, answer)]


def _outcomes(call: WriteCall, answer: Answer) -> list[Outcome]:
    refusal = access_error(answer)
    if isinstance(refusal, ProviderRejected):
        return _refused_all(call, refusal.fault)
    if refusal is not None and not refusal.retryable:
        raise refusal
    if refusal is not None:
        return not_written(call, Fault("provider_unavailable", refusal.detail, who="provider", retries_itself=True))
    if answer.status == 429:
        limit, wait = throttle(answer)
        fault = Fault("rate_limited", f"Xero's {limit} limit is reached.", who="nobody", retries_itself=True)
        return not_written(call, fault, wait)
    if answer.status == 200:
        return _per_element(call, answer)
    if answer.status == 400:
        return _bad_request(call, answer)
    if 400 < answer.status < 500 and answer.status != 408:
        return _refused_all(call, whole_call_fault(answer))
    return unknown(call, f"HTTP {answer.status}")


def unknown(call: WriteCall, reason: str) -> list[Outcome]:
    """Nothing is known of any item."""
    return [Unknown(item_id=item_id, reason=reason) for item_id in call.item_ids]


def not_written(call: WriteCall, fault: Fault, retry_after: timedelta | None = None) -> list[Outcome]:
    """Surely nothing was written, and another try may help."""
    return [NotWritten(item_id=item_id, fault=fault, retry_after=retry_after) for item_id in call.item_ids]


def _refused_all(call: WriteCall, fault: Fault) -> list[Outcome]:
    return [Refused(item_id=item_id, fault=fault) for item_id in call.item_ids]


def _per_element(call: WriteCall, answer: Answer) -> list[Outcome]:
    """A 200 is not yet a success: every element has its own verdict."""
    sent = _sent(call)
    body = json_object(answer.body)
    got = children(body, _WORDS[call.kind][0]) if body else []
    if len(got) != len(call.item_ids):
        return unknown(call, f"{len(got)} records in an answer about {len(call.item_ids)}")
    triples = zip(call.item_ids, sent, got, strict=True)
    return [answers.about(_outcome(call.kind, *triple), triple[2]) for triple in triples]


def _outcome(kind: Kind, item_id: str, sent: Element, got: Element) -> Outcome:
    faults = element_faults(got)
    failed = text(got, "StatusAttributeString") == "ERROR" or got.get("HasErrors") is True
    if faults or failed or got.get("HasValidationErrors") is True:
        return _refused(item_id, faults)
    _, id_key, _, label_key = _WORDS[kind]
    external_id = identifier(got, id_key)
    if not external_id or not _is_about(kind, sent, got):
        return Unknown(item_id=item_id, reason="the answer does not say which record it is about")
    warnings = "; ".join(messages_of(got, "Warnings"))
    state = text(got, "Status") or text(got, "ContactStatus")
    label = text(got, label_key)
    return Written(
        item_id=item_id,
        external_id=external_id,
        version=records.version_of(got),
        label=label if kind is not Kind.journal_entry else journals.number_in(label),
        total=_total(kind, got),
        metadata={key: value for key, value in (("status", state), ("warnings", warnings)) if value},
    )


def _total(kind: Kind, got: Element) -> Decimal | None:
    if kind is Kind.journal_entry:
        return journals.debits(got)
    return amount(got, "Total") if kind is Kind.invoice else None


def _bad_request(call: WriteCall, answer: Answer) -> list[Outcome]:
    problem = problem_of(answer)
    if "different request" in problem.said:
        # The key is known with another body: whatever came of that one must be looked up.
        return unknown(call, "Xero knows this key from another request")
    if len(problem.elements) != len(call.item_ids):
        return _refused_all(call, whole_call_fault(answer))
    # Whether the valid ones were stored is not documented: they are looked up.
    judged = zip(call.item_ids, problem.elements, strict=True)
    return [answers.about(_judged(item_id, element_faults(element)), element) for item_id, element in judged]


def _judged(item_id: str, faults: tuple[Fault, ...]) -> Outcome:
    return _refused(item_id, faults) if faults else Unknown(item_id=item_id, reason="HTTP 400 for the whole call")


def _refused(item_id: str, faults: tuple[Fault, ...]) -> Refused:
    if not faults:
        return Refused(
            item_id=item_id, fault=Fault("refused_by_provider", "Xero refused this record without a reason.")
        )
    # One outcome has one fault; what else Xero found must not get lost.
    said = " ".join(fault.vendor_message for fault in faults)
    return Refused(item_id=item_id, fault=replace(faults[0], vendor_message=said))


def _sent(call: WriteCall) -> list[Element]:
    body = json_object(call.body)
    return children(body, _WORDS[call.kind][0]) if body else []


def _is_about(kind: Kind, sent: Element, got: Element) -> bool:
    """Whether an element answers the one at its place; the order is kept as a rule, but a wrong id would be adopted."""
    _, id_key, key, name = _WORDS[kind]
    asked = next((field for field in (id_key, key, name) if text(sent, field)), name)
    return text(got, asked).casefold() in {"", text(sent, asked).casefold()}
