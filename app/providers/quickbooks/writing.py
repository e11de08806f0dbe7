"""One write request from several records, and one outcome per record from its answer. Pure."""

from collections.abc import Mapping, Sequence

from app.canonical import Company, Customer, Invoice, JournalEntry, Kind, Operation
from app.errors import Misconfigured, NeedsReauth
from app.providers import answers
from app.providers.base import NotWritten, Outcome, Refused, Unknown, WriteCall, WriteItem, Written
from app.providers.http import Answer
from app.providers.jsontext import dumps
from app.providers.quickbooks.fault_codes import Verdict
from app.providers.quickbooks.faults import Finding, classify, classify_item, json_object
from app.providers.quickbooks.journals import debits, journal_body
from app.providers.quickbooks.mapping import customer_body, invoice_body
from app.providers.quickbooks.records import ENTITIES
from app.providers.quickbooks.spec import CAPABILITIES, MINOR_VERSION
from app.providers.quickbooks.values import amount_of, company_path, text_of

_HEADERS: Mapping[str, str] = {"Accept": "application/json", "Content-Type": "application/json"}


def prepare(items: Sequence[WriteItem], key: str, company: Company) -> WriteCall:
    """The request that writes `items`: alone on the record's own address, several as a batch.

    Raises ValueError for what QuickBooks has no request for: mixed kinds, too many, or several of which one is a void.
    """
    kind = items[0].kind
    if any(item.kind is not kind for item in items) or len(items) > CAPABILITIES.batch_sizes[kind]:
        raise ValueError("a call writes records of one kind, at most a batch of them")
    query = {"minorversion": MINOR_VERSION, "requestid": key}
    if len(items) == 1:
        resource = ENTITIES[kind].lower()
        body = dumps(_body(items[0], company))
        if items[0].operation is Operation.void:
            query["operation"] = "void"
    else:
        resource = "batch"
        body = dumps({"BatchItemRequest": [_batch_item(item, company) for item in items]})
    return WriteCall(
        key=key,
        kind=kind,
        method="POST",
        path=company_path(company.external_id, resource),
        query=query,
        headers=_HEADERS,
        body=body,
        item_ids=tuple(item.item_id for item in items),
    )


def outcomes(call: WriteCall, answer: Answer) -> list[Outcome]:
    """One outcome per item, in the order of `item_ids`; NeedsReauth and Misconfigured mean that nothing was written."""
    return [answers.as_a_whole(one, answer) for one in _outcomes(call, answer)]


def _outcomes(call: WriteCall, answer: Answer) -> list[Outcome]:
    finding = classify(answer)
    if finding is not None:
        if finding.verdict is Verdict.reauth:
            raise NeedsReauth(finding.fault.sentence(), who=finding.fault.who, fix=finding.fault.fix)
        if finding.verdict is Verdict.config:
            raise Misconfigured(finding.fault.sentence(), who=finding.fault.who, fix=finding.fault.fix)
        return [_failed(item_id, finding) for item_id in call.item_ids]
    body = json_object(answer.body)
    if body is None:
        return all_unknown(call, "QuickBooks confirmed with an answer that cannot be read.")
    trace = answer.headers.get("intuit_tid", "")
    if len(call.item_ids) == 1:
        return [answers.about(_outcome(call.item_ids[0], call.kind, body, trace), body)]
    listed = body.get("BatchItemResponse")
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    by_id = {text_of(entry.get("bId")): entry for entry in entries}
    found = [(item_id, by_id.get(item_id, {})) for item_id in call.item_ids]
    return [answers.about(_outcome(item_id, call.kind, entry, trace), entry) for item_id, entry in found]


def all_unknown(call: WriteCall, reason: str) -> list[Outcome]:
    """The same doubt about every item of a call."""
    return [Unknown(item_id=item_id, reason=reason) for item_id in call.item_ids]


def _body(item: WriteItem, company: Company) -> Mapping[str, object]:
    target = {"Id": item.external_id, "SyncToken": item.version}
    match item.operation, item.record:
        case Operation.create, Customer() as customer:
            return {**customer_body(customer, company, create=True)}
        case Operation.create, Invoice() as invoice:
            return {**invoice_body(invoice, company)}
        case Operation.update, Customer() as customer:
            return {**target, "sparse": True, **customer_body(customer, company, create=False)}
        case Operation.update, Invoice() as invoice:
            # Sparse keeps what we do not know of (terms, custom fields); the lines are replaced all the same.
            return {**target, "sparse": True, **invoice_body(invoice, company)}
        case Operation.create, JournalEntry() as entry:
            return journal_body(entry, company)
        case Operation.update, JournalEntry() as entry:
            return {**target, "sparse": True, **journal_body(entry, company)}
        case Operation.void, Invoice():
            return target
        case Operation.deactivate, Customer():
            return {**target, "sparse": True, "Active": False}
    raise ValueError(f"QuickBooks cannot {item.operation} a {item.kind}")


def _batch_item(item: WriteItem, company: Company) -> Mapping[str, object]:
    if item.operation is Operation.void:
        raise ValueError("QuickBooks voids one invoice per call")
    operation = "create" if item.operation is Operation.create else "update"
    return {"bId": item.item_id, "operation": operation, ENTITIES[item.kind]: _body(item, company)}


def _outcome(item_id: str, kind: Kind, entry: Mapping[str, object], trace: str) -> Outcome:
    if entry.get("Fault"):
        return _failed(item_id, classify_item(entry["Fault"]))
    record = entry.get(ENTITIES[kind])
    if not isinstance(record, Mapping) or not text_of(record.get("Id")):
        return Unknown(item_id=item_id, reason="QuickBooks' answer says nothing about this record.")
    # Intuit's support asks for this id.
    metadata = {"intuit_tid": trace} if trace else {}
    if kind is Kind.customer:
        return Written(
            item_id=item_id,
            external_id=text_of(record["Id"]),
            version=text_of(record.get("SyncToken")),
            label=text_of(record.get("DisplayName")),
            metadata=metadata,
        )
    try:
        total = debits(record.get("Line")) if kind is Kind.journal_entry else amount_of(record.get("TotalAmt"))
    except ValueError:
        return Unknown(item_id=item_id, reason="QuickBooks confirmed the record without a readable total.")
    tax = record.get("TxnTaxDetail")
    if isinstance(tax, Mapping) and "TotalTax" in tax:
        metadata["tax_total"] = text_of(tax["TotalTax"])
    return Written(
        item_id=item_id,
        external_id=text_of(record["Id"]),
        version=text_of(record.get("SyncToken")),
        label=text_of(record.get("DocNumber")),
        total=total,
        metadata=metadata,
    )


def _failed(item_id: str, finding: Finding) -> Outcome:
    match finding.verdict:
        case Verdict.refused:
            return Refused(item_id=item_id, fault=finding.fault, holder_id=finding.holder_id)
        case Verdict.stale:
            return Refused(item_id=item_id, fault=finding.fault, stale=True)
        case Verdict.unknown:
            return Unknown(item_id=item_id, reason=finding.fault.sentence())
        case _:
            return NotWritten(item_id=item_id, fault=finding.fault, retry_after=finding.retry_after)
