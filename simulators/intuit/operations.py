"""Create, read, update, delete and void on one company (reference 2.9). Raises QboFault and NotSimulated."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from simulators.core.http import Json
from simulators.intuit.company import Company, Operation
from simulators.intuit.deposits import release_deposit, settle_deposit
from simulators.intuit.entities import Entity
from simulators.intuit.faults import NotSimulated, business, missing, stale, unsupported
from simulators.intuit.hierarchy import carry_name
from simulators.intuit.ledger import ZERO
from simulators.intuit.payments import check_not_deposited, release, repost_sharers, settle_payment, unlink_document
from simulators.intuit.sales import check_number, check_open_period, sales_postings, sales_state

VOIDABLE = ("Invoice", "Payment")
INCLUDES = (("JournalEntry", "autodocnumber"), ("Purchase", "allowduplicatedocnum"))


def read(company: Company, entity: Entity, key: str) -> Json:
    """One row as answered. Raises 610."""
    return entity.show(company, company.tables[entity.name].get(key))


def save(company: Company, entity: Entity, body: Json, include: str | None = None) -> Json:
    """Create (no Id) or update: full, or sparse when the body says so. Returns the row as answered.

    `include` is one of INCLUDES for the entity: number a journal entry, or let a purchase repeat a number.
    """
    if entity.build is None or entity.schema is None:
        if entity.why_read_only:
            raise NotSimulated(entity.why_read_only)
        raise unsupported("create" if not body.get("Id") else "update")
    given = company.parser.read(entity.schema, body)
    if include == "autodocnumber":
        given.setdefault("DocNumber", company.next_journal_number())
    if body.get("Id") in (None, ""):
        _check_purchase_number(company, entity, given, None, include)
        return entity.show(company, _write(company, entity, given, None))
    old = current(company, entity, body)
    _check_changeable(company, entity, old)
    if body.get("sparse") in (True, "true"):
        for name in entity.sparse_needs:
            if name not in given:
                raise missing(name)
        given = {**_writable(entity, old, given), **given}
    _check_purchase_number(company, entity, given, old, include)
    return entity.show(company, _write(company, entity, given, old))


def delete(company: Company, entity: Entity, body: Json) -> Json:
    """Delete a transaction; answers the Deleted stub. Raises 500 for name lists, 6000 for a paid invoice."""
    if not entity.transaction:
        raise unsupported("delete")
    old = current(company, entity, body)
    key = old["Id"]
    _check_changeable(company, entity, old)
    if company.applied_to(key):
        raise business("This transaction has payments applied to it. Remove them before you delete it.")
    undo = _LINKS.get(entity.name)
    if undo is not None:
        undo.release(company, key)
    company.ledger.unpost(key)
    company.erase(entity.name, key)
    return {"domain": "QBO", "status": "Deleted", "Id": key}


def void(company: Company, entity: Entity, body: Json) -> Json:
    """Void an invoice or a payment: amounts to zero, note "Voided", links undone. Others: 500."""
    if entity.name not in VOIDABLE:
        raise unsupported("void")
    old = current(company, entity, body)
    key = old["Id"]
    _check_changeable(company, entity, old)
    note = old.get("PrivateNote", "")
    note = note if note.startswith("Voided") else f"Voided {note}".strip()
    voided: Json = {**old, "TotalAmt": ZERO, "PrivateNote": note}
    voided |= {name: ZERO for name in ("HomeTotalAmt", "HomeBalance") if name in old}
    if entity.name == "Invoice":
        unlink_document(company, key)
        voided |= {"Line": [_emptied(line) for line in old["Line"]], "TxnTaxDetail": {"TotalTax": ZERO}}
        voided |= {"Balance": ZERO, "LinkedTxn": []}
    else:
        release(company, key)
        voided |= {"Line": [], "UnappliedAmt": ZERO}
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
    if str(token) != row.get("SyncToken"):
        raise stale()
    return row


@dataclass(frozen=True)
class _Links:
    """What a kind of document does to others: after it is written, and before it goes."""

    settle: Callable[[Company, str, Json, Json | None], None]
    release: Callable[[Company, str], None]


_LINKS = {"Payment": _Links(settle_payment, release), "Deposit": _Links(settle_deposit, release_deposit)}
_SALES_SIGN = {"Invoice": 1, "CreditMemo": -1}


def _check_purchase_number(
    company: Company, entity: Entity, given: Json, old: Json | None, include: str | None
) -> None:
    if entity.name == "Purchase" and "DocNumber" in given and include != "allowduplicatedocnum":
        check_number(company, "Purchase", given["DocNumber"], old)


def _check_changeable(company: Company, entity: Entity, old: Json) -> None:
    """Raises 6200/6210 in a closed period and 6540 for a deposited payment."""
    if entity.transaction:
        check_open_period(company, old["TxnDate"])
    if entity.name == "Payment":
        check_not_deposited(company, old)


def _write(company: Company, entity: Entity, given: Json, old: Json | None) -> Json:
    if entity.build is None:
        raise unsupported("create")
    built = entity.build(company, given, old)
    fields = {name: value for name, value in built.items() if not name.startswith("_")}
    key: str = old["Id"] if old else company.next_id(entity.counter)
    operation: Operation = "updated" if old else "created"
    if Decimal(fields.get("TotalAmt", ZERO)):
        company.voided.discard(key)  # amounts are what tells a void from a document that counts
    sign = _SALES_SIGN.get(entity.name)
    if sign is not None:
        unlink_document(company, key, keep=Decimal(fields["TotalAmt"]))
        company.ledger.post(key, sales_postings(company, built, sign))
        fields |= sales_state(company, entity.name, key, fields)
    elif "_postings" in built:
        company.ledger.post(key, built["_postings"])
    row = company.store(entity.name, key, fields, operation)
    if sign is not None:
        repost_sharers(company, key)
    links = _LINKS.get(entity.name)
    if links is not None:
        links.settle(company, key, fields, old)
    if old is not None and not entity.transaction:
        carry_name(company, entity.name, row)
    return row if links is None else company.tables[entity.name].get(key)


def _writable(entity: Entity, old: Json, given: Json) -> Json:
    """What a sparse update keeps. A tax total belongs to its lines: new lines without tax detail drop it."""
    schema = entity.schema or {}
    kept = {k: v for k, v in old.items() if k in schema and schema[k].kind not in ("ignored", "absent")}
    if "Line" in given and "TxnTaxDetail" in kept and "TxnTaxDetail" not in given:
        code = kept["TxnTaxDetail"].get("TxnTaxCodeRef")
        kept["TxnTaxDetail"] = {"TxnTaxCodeRef": code} if code else {}
    if entity.name == "Payment" and "Line" not in given:
        kept["Line"] = [{"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in old["Line"]]
    return kept


def _emptied(line: Json) -> Json:
    out = {**line, "Amount": ZERO}
    if "SalesItemLineDetail" in line:
        out["SalesItemLineDetail"] = {**line["SalesItemLineDetail"], "Qty": ZERO}
    return out
