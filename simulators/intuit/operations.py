"""Create, read, update, delete and void on one company (reference 2.9). Raises QboFault and NotSimulated."""

from collections.abc import Callable
from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import js
from simulators.intuit.company import Company, Operation
from simulators.intuit.entities import Entity
from simulators.intuit.faults import NotSimulated, business, missing, stale, unsupported
from simulators.intuit.payments import release, settle_payment, unlink_document
from simulators.intuit.sales import check_open_period, credit_state, invoice_state, sales_postings

_PRIVATE = ("_income", "_discount")


def read(company: Company, entity: Entity, key: str) -> Json:
    """One row as answered. Raises 610."""
    return entity.show(company, company.tables[entity.name].get(key))


def save(company: Company, entity: Entity, body: Json) -> Json:
    """Create (no Id) or update: full, or sparse when the body says so. Returns the row as answered."""
    if entity.build is None or entity.schema is None:
        if entity.why_read_only:
            raise NotSimulated(entity.why_read_only)
        raise unsupported("create" if not body.get("Id") else "update")
    given = company.parser.read(entity.schema, body)
    if body.get("Id") in (None, ""):
        return entity.show(company, _write(company, entity, given, None))
    old = current(company, entity, body)
    if entity.transaction:
        check_open_period(company, old["TxnDate"])
    if body.get("sparse") in (True, "true"):
        for name in entity.sparse_needs:
            if name not in given:
                raise missing(name)
        given = {**_writable(entity, old, given), **given}
    return entity.show(company, _write(company, entity, given, old))


def delete(company: Company, entity: Entity, body: Json) -> Json:
    """Delete a transaction; answers the Deleted stub. Raises 500 for name lists, 6000 for a paid invoice."""
    if not entity.transaction:
        raise unsupported("delete")
    old = current(company, entity, body)
    key = old["Id"]
    check_open_period(company, old["TxnDate"])
    if entity.name == "Payment":
        release(company, key)
    elif company.applied_to(key):
        raise business("This transaction has payments applied to it. Remove them before you delete it.")
    company.ledger.unpost(key)
    company.erase(entity.name, key)
    return {"domain": "QBO", "status": "Deleted", "Id": key}


def void(company: Company, entity: Entity, body: Json) -> Json:
    """Void an invoice or a payment: amounts to zero, note "Voided", links undone. Others: 500."""
    if entity.name not in ("Invoice", "Payment"):
        raise unsupported("void")
    old = current(company, entity, body)
    key = old["Id"]
    check_open_period(company, old["TxnDate"])
    note = old.get("PrivateNote", "")
    note = note if note.startswith("Voided") else f"Voided {note}".strip()
    voided: Json = {**old, "TotalAmt": 0, "PrivateNote": note}
    if entity.name == "Invoice":
        unlink_document(company, key)
        voided |= {"Line": [_emptied(line) for line in old["Line"]], "TxnTaxDetail": {"TotalTax": 0}}
        voided |= {"Balance": 0, "LinkedTxn": []}
    else:
        release(company, key)
        voided |= {"Line": [], "UnappliedAmt": 0}
    company.ledger.unpost(key)
    company.voided.add(key)
    return company.store(entity.name, key, voided, "voided")


def current(company: Company, entity: Entity, body: Json) -> Json:
    """The row a change means. Raises 2020 without Id or SyncToken, 610 unknown, 5010 on an old SyncToken."""
    if body.get("Id") in (None, ""):
        raise missing("Id")
    row = company.tables[entity.name].get(str(body["Id"]))
    token = body.get("SyncToken")
    if token is None or token == "":
        raise missing("SyncToken")
    if str(token) != row["SyncToken"]:
        raise stale()
    return row


def _write(company: Company, entity: Entity, given: Json, old: Json | None) -> Json:
    if entity.build is None:
        raise unsupported("create")
    built = entity.build(company, given, old)
    fields = {name: value for name, value in built.items() if name not in _PRIVATE}
    key: str = old["Id"] if old else company.next_id(entity.counter)
    operation: Operation = "updated" if old else "created"
    company.voided.discard(key)
    if entity.name == "Payment":
        row = company.store("Payment", key, fields, operation)
        settle_payment(company, key, fields, old)
        return row
    state = _SALES_STATE.get(entity.name)
    if state is None:
        return company.store(entity.name, key, fields, operation)
    if entity.name == "Invoice":
        unlink_document(company, key, keep=Decimal(fields["TotalAmt"]))
    sign = 1 if entity.name == "Invoice" else -1
    company.ledger.post(key, sales_postings(company, built, sign))
    return company.store(entity.name, key, {**fields, **state(company, key, Decimal(fields["TotalAmt"]))}, operation)


_SALES_STATE: dict[str, Callable[[Company, str, Decimal], Json]] = {
    "Invoice": invoice_state,
    "CreditMemo": credit_state,
}


def _writable(entity: Entity, old: Json, given: Json) -> Json:
    """What a sparse update keeps. A tax total belongs to its lines: new lines without tax detail drop it."""
    schema = entity.schema or {}
    kept = {k: v for k, v in old.items() if k in schema and schema[k].kind != "ignored"}
    if "Line" in given and "TxnTaxDetail" in kept and "TxnTaxDetail" not in given:
        code = kept["TxnTaxDetail"].get("TxnTaxCodeRef")
        kept["TxnTaxDetail"] = {"TxnTaxCodeRef": code} if code else {}
    if entity.name == "Payment" and "Line" not in given:
        kept["Line"] = [{"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in old["Line"]]
    return kept


def _emptied(line: Json) -> Json:
    out = {**line, "Amount": js(Decimal(0))}
    if "SalesItemLineDetail" in line:
        out["SalesItemLineDetail"] = {**line["SalesItemLineDetail"], "Qty": 0}
    return out
