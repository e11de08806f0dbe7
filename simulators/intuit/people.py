"""A person at the QuickBooks screen: the same books, no API rights, requests or limits involved."""

from decimal import Decimal

from simulators.core.checks import amount_of, choice_of, day_of, flag_of
from simulators.core.http import BadRequest, Json, NotFound, Unprocessable
from simulators.core.money import q2
from simulators.intuit.company import Company
from simulators.intuit.entities import ENTITIES, Entity
from simulators.intuit.faults import NotSimulated, QboFault
from simulators.intuit.merging import merge
from simulators.intuit.operations import delete, save, void
from simulators.intuit.sending import send

_WRITABLE = ("DocNumber", "TxnDate", "DueDate", "PrivateNote", "CustomerMemo", "Line", "TxnTaxDetail", "BillEmail")


def pay(company: Company, body: Json) -> Json:
    """Receive a payment for an invoice: `invoice_id` or `number`, `amount` (default: the open balance), `date`.

    What exceeds the balance stays unapplied (`overpay` is accepted for symmetry with the other simulator).
    """
    invoice = _invoice(company, body)
    amount = q2(amount_of(body["amount"])) if "amount" in body else Decimal(invoice["Balance"])
    if amount == 0:
        raise BadRequest("there is nothing to pay")
    applied = min(amount, Decimal(invoice["Balance"]))
    payment: Json = {"CustomerRef": {"value": invoice["CustomerRef"]["value"]}, "TotalAmt": amount}
    payment |= {name: invoice[name] for name in ("CurrencyRef", "ExchangeRate") if name in invoice}
    if applied:
        payment["Line"] = [{"Amount": applied, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}]
    if (day := day_of(body.get("date"), "date")) is not None:
        payment["TxnDate"] = day.isoformat()
    row = _done(company, ENTITIES["Payment"], payment)
    return {"payment_id": row["Id"], "amount": str(amount), "unapplied": str(q2(Decimal(row["UnappliedAmt"])))}


def open_balance(company: Company, body: Json) -> str:
    """What is open on an invoice, as the page shows it: `invoice_id` or `number`. Raises NotFound."""
    return str(q2(Decimal(_invoice(company, body)["Balance"])))


def void_payment(company: Company, body: Json) -> Json:
    """Void a payment: `payment_id`."""
    return {"payment_id": _void(company, "Payment", body.get("payment_id"))}


def delete_payment(company: Company, body: Json) -> Json:
    """Delete a payment: `payment_id`."""
    return {"payment_id": _delete(company, "Payment", body.get("payment_id"))}


def void_invoice(company: Company, body: Json) -> Json:
    """Void an invoice: `invoice_id` or `number`."""
    return {"invoice_id": _void(company, "Invoice", _invoice(company, body)["Id"])}


def delete_invoice(company: Company, body: Json) -> Json:
    """Delete an unpaid invoice: `invoice_id` or `number`."""
    return {"invoice_id": _delete(company, "Invoice", _invoice(company, body)["Id"])}


def edit_invoice(company: Company, body: Json) -> Json:
    """Change fields of an invoice, in the API's spelling (DocNumber, DueDate, Line, ...), as a sparse update does."""
    row = _invoice(company, body)
    changes = {name: value for name, value in body.items() if name not in ("invoice_id", "number")}
    unknown = set(changes) - set(_WRITABLE)
    if unknown or not changes:
        raise BadRequest(f"give some of {', '.join(_WRITABLE)}; not {', '.join(sorted(unknown)) or 'nothing'}")
    identity = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
    saved = _done(company, ENTITIES["Invoice"], {**changes, **identity})
    return {"invoice_id": saved["Id"], "total": str(q2(Decimal(saved["TotalAmt"])))}


def archive_customer(company: Company, body: Json) -> Json:
    """Make a customer inactive: `customer_id`."""
    row = _row(company, "Customer", body.get("customer_id"))
    change = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True, "Active": False}
    return {"customer_id": _done(company, ENTITIES["Customer"], change)["Id"]}


def create_document(company: Company, body: Json) -> Json:
    """Enter any transaction: `entity` (JournalEntry, Purchase, ...) and its fields in the API's spelling."""
    entity = _transaction(body)
    fields = {name: value for name, value in body.items() if name not in ("entity", "id")}
    return {"id": _done(company, entity, fields)["Id"]}


def edit_document(company: Company, body: Json) -> Json:
    """Change fields of any transaction: `entity`, `id` and the fields in the API's spelling, as sparse updates do."""
    entity = _transaction(body)
    row = _row(company, entity.name, body.get("id"))
    changes = {name: value for name, value in body.items() if name not in ("entity", "id")}
    if not changes:
        raise Unprocessable("give at least one field in the API's spelling")
    # The screen sends the form as it stands; only the API needs to be told.
    kept = {name: row[name] for name in entity.sparse_needs}
    identity = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
    return {"id": _done(company, entity, {**kept, **changes, **identity})["Id"]}


def void_document(company: Company, body: Json) -> Json:
    """Void an invoice or payment: `entity` and `id`."""
    return {"id": _void(company, _transaction(body).name, body.get("id"))}


def delete_document(company: Company, body: Json) -> Json:
    """Delete any transaction: `entity` (JournalEntry, Deposit, ...) and `id`."""
    return {"id": _delete(company, _transaction(body).name, body.get("id"))}


def archive(company: Company, body: Json) -> Json:
    """Make a name of a list inactive: `entity` (Customer, Vendor, Account, Item, Class, ...) and `id`."""
    return _activity(company, body, active=False)


def restore(company: Company, body: Json) -> Json:
    """Make a name of a list active again: `entity` and `id`."""
    return _activity(company, body, active=True)


def archive_account(company: Company, body: Json) -> Json:
    """Make an account inactive: `account` (its id); mappings to it break."""
    return _activity(company, {"entity": "Account", "id": body.get("account")}, active=False)


def rename_customer(company: Company, body: Json) -> Json:
    """Give a customer another name: `customer_id`, `name`."""
    return edit_customer(company, {"customer_id": body.get("customer_id"), "DisplayName": body.get("name")})


def edit_customer(company: Company, body: Json) -> Json:
    """Change fields of a customer (`customer_id`), in the API's spelling, as a sparse update does."""
    row = _row(company, "Customer", body.get("customer_id"))
    changes = {name: value for name, value in body.items() if name != "customer_id"}
    identity = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
    return {"customer_id": _done(company, ENTITIES["Customer"], {**changes, **identity})["Id"]}


def merge_customers(company: Company, body: Json) -> Json:
    """Merge `customer_id` into `into`: the first one's id vanishes."""
    return merge(company, "Customer", str(body.get("customer_id")), str(body.get("into")))


def email_invoice(company: Company, body: Json) -> Json:
    """E-mail an invoice: `invoice_id` or `number`, `to` (default: its BillEmail)."""
    row = _invoice(company, body)
    try:
        return {"invoice_id": send(company, "Invoice", row["Id"], body.get("to"))["Id"]}
    except QboFault as fault:
        raise BadRequest(f"{fault.code} {fault.detail}") from fault


def close_books(company: Company, body: Json) -> Json:
    """Set (`date`) or lift (null) the closing date; with `password` true no API call can write before it (6210)."""
    day = day_of(body.get("date"), "date")
    company.closing_password = flag_of(body, "password", False) and day is not None
    prefs = dict(company.preferences["AccountingInfoPrefs"])
    prefs.pop("BookCloseDate", None)
    if day is not None:
        prefs["BookCloseDate"] = day.isoformat()
    company.set_preferences("AccountingInfoPrefs", prefs)
    return {"date": prefs.get("BookCloseDate")}


ACTIONS = {
    act.__name__: act
    for act in (
        pay,
        void_payment,
        delete_payment,
        edit_invoice,
        void_invoice,
        delete_invoice,
        create_document,
        edit_document,
        void_document,
        delete_document,
        edit_customer,
        rename_customer,
        archive_customer,
        archive_account,
        archive,
        restore,
        merge_customers,
        email_invoice,
        close_books,
    )
}


def _invoice(company: Company, body: Json) -> Json:
    if body.get("invoice_id"):
        return _row(company, "Invoice", body["invoice_id"])
    found = company.tables["Invoice"].find("DocNumber", body.get("number", ""))
    if not found:
        raise NotFound("no such invoice; give invoice_id or number")
    return found[0]


def _row(company: Company, entity: str, key: object) -> Json:
    row = company.tables[entity].rows.get(str(key))
    if row is None:
        raise NotFound(f"no {entity} {key}")
    return row


def _transaction(body: Json) -> Entity:
    """The kind of transaction meant. Raises Unprocessable."""
    return ENTITIES[choice_of(body.get("entity"), "entity", [e.name for e in ENTITIES.values() if e.transaction])]


def _activity(company: Company, body: Json, *, active: bool) -> Json:
    """Switch a name of a list on or off, keeping all else."""
    kinds = [e.name for e in ENTITIES.values() if not e.transaction and "Active" in (e.schema or {})]
    entity = ENTITIES[choice_of(body.get("entity"), "entity", kinds)]
    row = _row(company, entity.name, body.get("id"))
    change = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True, "Active": active}
    return {"id": _done(company, entity, change)["Id"], "active": active}


def _done(company: Company, entity: Entity, body: Json) -> Json:
    try:
        return save(company, entity, body)
    except QboFault as fault:
        raise BadRequest(f"{fault.code} {fault.detail}") from fault
    except NotSimulated as reason:
        raise BadRequest(str(reason)) from reason


def _void(company: Company, entity: str, key: object) -> str:
    row = _row(company, entity, key)
    try:
        return str(void(company, ENTITIES[entity], {"Id": row["Id"], "SyncToken": row["SyncToken"]})["Id"])
    except QboFault as fault:
        raise BadRequest(f"{fault.code} {fault.detail}") from fault


def _delete(company: Company, entity: str, key: object) -> str:
    row = _row(company, entity, key)
    try:
        return str(delete(company, ENTITIES[entity], {"Id": row["Id"], "SyncToken": row["SyncToken"]})["Id"])
    except QboFault as fault:
        raise BadRequest(f"{fault.code} {fault.detail}") from fault
