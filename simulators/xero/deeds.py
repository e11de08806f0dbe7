"""What a person can do to the books of one organisation, as `POST /_sim/xero/companies/{id}/{deed}` takes it.

pay {invoice_id | number, amount?, date?, overpay?}; void_payment, delete_payment {payment_id}
edit_invoice {invoice_id | number, plus fields by their API names}
void_invoice, delete_invoice, email_invoice {invoice_id | number}
create_document {entity, plus fields}; edit_document {entity, id, plus fields}; void_document and delete_document
    {entity, id}, with the entities of documents_at_hand.py; the last two do what Xero offers for the state: delete a
    draft, void what is approved
archive_customer, restore_customer {customer_id}; rename_customer {customer_id, name}
edit_customer {customer_id, plus fields}; merge_customers {customer_id, into}
archive_account, restore_account {account: id or code}; delete_item {item: id or code}
lock {period_lock_date?, year_lock_date?} (null or absent lifts it); close_books {date} (the period lock alone)
disconnect
"""

from collections.abc import Callable
from functools import partial

from simulators.core.checks import amount_of, day_of
from simulators.core.http import Json, Unprocessable
from simulators.xero import acting, documents_at_hand
from simulators.xero.books import Books
from simulators.xero.model import Document
from simulators.xero.world import World

Deed = Callable[[World, Books, Json], Json]
_NAMING = ("invoice_id", "number", "customer_id", "entity", "id")


def _pay(_world: World, books: Books, body: Json) -> Json:
    invoice = _invoice(books, body)
    amount = None if body.get("amount") is None else amount_of(body["amount"])
    day = day_of(body.get("date"), "date") or books.today
    out = acting.pay_invoice(books, invoice, amount, day, overpay=body.get("overpay") is True)
    after = books.documents.rows[invoice.id]
    return out | {"invoice_id": after.id, "balance": str(after.due_amount), "status": after.status}


def _void_payment(_world: World, books: Books, body: Json) -> Json:
    acting.void_payment(books, _text(body, "payment_id"))
    return {"voided": True}


def _edit_invoice(_world: World, books: Books, body: Json) -> Json:
    invoice = _invoice(books, body)
    acting.edit_invoice(books, invoice, _changes(body))
    return _shown(books, invoice.id)


def _to_invoice(act: Callable[[Books, Document], None], _world: World, books: Books, body: Json) -> Json:
    invoice = _invoice(books, body)
    act(books, invoice)
    return _shown(books, invoice.id)


def _create_document(_world: World, books: Books, body: Json) -> Json:
    return {"id": documents_at_hand.create(books, _text(body, "entity"), _changes(body))}


def _edit_document(_world: World, books: Books, body: Json) -> Json:
    return {"id": documents_at_hand.edit(books, _text(body, "entity"), _text(body, "id"), _changes(body))}


def _take_back(_world: World, books: Books, body: Json) -> Json:
    return {"status": documents_at_hand.take_back(books, _text(body, "entity"), _text(body, "id"))}


def _archive_customer(_world: World, books: Books, body: Json) -> Json:
    acting.archive_customer(books, _text(body, "customer_id"))
    return {"archived": True}


def _edit_customer(_world: World, books: Books, body: Json) -> Json:
    acting.edit_customer(books, _text(body, "customer_id"), _changes(body))
    return {"customer_id": body["customer_id"]}


def _restore_customer(_world: World, books: Books, body: Json) -> Json:
    acting.edit_customer(books, _text(body, "customer_id"), {"ContactStatus": "ACTIVE"})
    return {"archived": False}


def _rename_customer(_world: World, books: Books, body: Json) -> Json:
    acting.edit_customer(books, _text(body, "customer_id"), {"Name": _text(body, "name")})
    return {"renamed": True}


def _merge_customers(_world: World, books: Books, body: Json) -> Json:
    moved = acting.merge_customers(books, _text(body, "customer_id"), _text(body, "into"))
    return {"id": body["into"], "merged": body["customer_id"], "documents": moved}


def _account_status(status: str, _world: World, books: Books, body: Json) -> Json:
    acting.set_account_status(books, _text(body, "account"), status)
    return {"archived": status == "ARCHIVED"}


def _delete_item(_world: World, books: Books, body: Json) -> Json:
    acting.delete_item(books, _text(body, "item"))
    return {"deleted": True}


def _lock(_world: World, books: Books, body: Json) -> Json:
    period = day_of(body.get("period_lock_date"), "period_lock_date")
    books.lock(period, day_of(body.get("year_lock_date"), "year_lock_date"))
    return {"locked": True}


def _close_books(_world: World, books: Books, body: Json) -> Json:
    day = day_of(body.get("date"), "date")
    books.lock(day, books.tenant.year_lock_date)
    return {"date": None if day is None else day.isoformat()}


def _disconnect(world: World, books: Books, _body: Json) -> Json:
    return {"disconnected": world.identity.disconnect(books.tenant.id)}


DEEDS: dict[str, Deed] = {
    "pay": _pay,
    "void_payment": _void_payment,
    "delete_payment": _void_payment,
    "edit_invoice": _edit_invoice,
    "void_invoice": partial(_to_invoice, acting.void_invoice),
    "delete_invoice": partial(_to_invoice, acting.delete_invoice),
    "email_invoice": partial(_to_invoice, acting.email_invoice),
    "create_document": _create_document,
    "edit_document": _edit_document,
    "void_document": _take_back,
    "delete_document": _take_back,
    "archive_customer": _archive_customer,
    "restore_customer": _restore_customer,
    "rename_customer": _rename_customer,
    "edit_customer": _edit_customer,
    "merge_customers": _merge_customers,
    "archive_account": partial(_account_status, "ARCHIVED"),
    "restore_account": partial(_account_status, "ACTIVE"),
    "delete_item": _delete_item,
    "lock": _lock,
    "close_books": _close_books,
    "disconnect": _disconnect,
}


def _invoice(books: Books, body: Json) -> Document:
    return acting.find_invoice(books, _text(body, "invoice_id", "number"))


def _changes(body: Json) -> Json:
    changes = {key: value for key, value in body.items() if key not in _NAMING}
    if not changes:
        raise Unprocessable("give at least one field by its API name")
    return changes


def _shown(books: Books, invoice_id: str) -> Json:
    doc = books.documents.rows[invoice_id]
    return {"invoice_id": doc.id, "status": doc.status, "total": str(doc.total), "balance": str(doc.due_amount)}


def _text(body: Json, *keys: str) -> str:
    for key in keys:
        if isinstance(value := body.get(key), str) and value:
            return value
    raise Unprocessable(f"{' or '.join(keys)} is required")
