"""A small page per organisation: contacts, invoices with a Pay button, payments."""

from collections.abc import Callable, Iterable
from html import escape
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from simulators.xero.acting import find_invoice, pay_invoice
from simulators.xero.books import Books
from simulators.xero.element import RefusedError
from simulators.xero.model import Document
from simulators.xero.world import World

_STYLE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px system-ui;max-width:64rem;margin:2rem auto}}table{{border-collapse:collapse;width:100%}}
td,th{{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}}td.n{{text-align:right}}</style>
<h1>{title}</h1>{body}</html>"""
SHOWN = 200
R = TypeVar("R")


def page_routes(world: Callable[[], World]) -> list[Route]:
    """/ui, /ui/{tenant id} and the Pay button's POST."""

    async def index(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        links = "".join(
            f'<li><a href="{root}/ui/{b.tenant.id}">{escape(b.tenant.name)}</a> ({b.tenant.currency})'
            for b in world().books.values()
        )
        return HTMLResponse(_STYLE.format(title="Xero organisations (simulated)", body=f"<ul>{links}</ul>"))

    async def company(request: Request) -> Response:
        books = world().books.get(request.path_params["tenant"])
        if books is None:
            return HTMLResponse("No such organisation", 404)
        return HTMLResponse(_page(books))

    async def pay(request: Request) -> Response:
        books = world().books.get(request.path_params["tenant"])
        if books is None:
            return HTMLResponse("No such organisation", 404)
        form = await request.form()
        mark = books.mark()
        try:
            invoice = find_invoice(books, str(form.get("invoice_id", "")))
            pay_invoice(books, invoice, None, books.today, overpay=False)
        except (RefusedError, LookupError) as error:
            books.rollback(mark)
            return HTMLResponse(escape(f"Not paid: {error}"), 400)
        world().publish(books)
        return RedirectResponse(f"{request.scope.get('root_path', '')}/ui/{books.tenant.id}", 303)

    return [
        Route("/ui", index, methods=["GET"]),
        Route("/ui/{tenant}", company, methods=["GET"]),
        Route("/ui/{tenant}/pay", pay, methods=["POST"]),
    ]


def _page(books: Books) -> str:
    contacts = [
        [escape(c.name), escape(c.texts.get("EmailAddress", "")), c.status]
        for c in _latest(books.contacts.rows.values())
    ]
    documents = [_document_row(books, d) for d in _latest(books.documents.rows.values())]
    payments = [
        [
            p.date.isoformat(),
            escape(books.documents.rows[p.target_id].number if p.target_id in books.documents.rows else "overpayment"),
            str(p.amount), p.status, escape(p.reference),
        ]
        for p in _latest(books.payments.rows.values())
    ]  # fmt: skip
    overs = [
        [o.date.isoformat(), escape(books.contacts.rows[o.contact_id].name), str(o.total), str(o.remaining), o.status]
        for o in _latest(books.overpayments.rows.values())
    ]
    body = (
        _table("Contacts", ["Name", "E-mail", "Status"], contacts)
        + _table(
            "Invoices, bills, credit notes",
            ["Number", "Type", "Contact", "Date", "Due", "Total", "Open", "Status", ""],
            documents,
        )
        + _table("Payments", ["Date", "Document", "Amount", "Status", "Reference"], payments)
        + _table("Overpayments", ["Date", "Contact", "Total", "Remaining", "Status"], overs)
    )
    return _STYLE.format(title=f"{escape(books.tenant.name)} (simulated Xero)", body=body)


def _document_row(books: Books, doc: Document) -> list[str]:
    button = ""
    if doc.kind == "invoice" and doc.status == "AUTHORISED":
        button = (
            f'<form method="post" action="{books.tenant.id}/pay">'
            f'<input type="hidden" name="invoice_id" value="{doc.id}"><button>Pay</button></form>'
        )
    return [
        escape(doc.number), doc.type, escape(books.contacts.rows[doc.contact_id].name), doc.date.isoformat(),
        doc.due.isoformat() if doc.due else "", f"{doc.total} {doc.currency}", str(doc.due_amount), doc.status, button,
    ]  # fmt: skip


def _table(title: str, heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{text}" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
    return f"<h2>{title} ({len(rows)})</h2><table><tr>{head}{body}</table>"


def _latest(rows: Iterable[R]) -> list[R]:
    return list(rows)[-SHOWN:][::-1]
