"""A small page per organisation: contacts, documents with a Pay button, money, journals and the last calls."""

from collections.abc import Callable, Iterable
from html import escape
from itertools import islice
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from simulators.core.checks import amount_of
from simulators.core.http import BadRequest
from simulators.xero.acting import find_invoice, pay_invoice
from simulators.xero.books import Books
from simulators.xero.element import RefusedError
from simulators.xero.model import Document
from simulators.xero.model_cash import Credit, Payment
from simulators.xero.reading import trial_balance
from simulators.xero.recent import RecentCall
from simulators.xero.table import HasId, Table
from simulators.xero.world import World

_STYLE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px system-ui;max-width:64rem;margin:2rem auto}}table{{border-collapse:collapse;width:100%}}
td,th{{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}}input{{width:6rem}}</style>
<h1>{title}</h1>{body}</html>"""
SHOWN = 200
R = TypeVar("R", bound=HasId)
Recent = Callable[[str], list[RecentCall]]


def page_routes(world: Callable[[], World], recent: Recent) -> list[Route]:
    """/ui, /ui/{tenant id} and the Pay button's POST; `recent` gives the last calls for an organisation."""

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
        return HTMLResponse(_page(books, recent(books.tenant.id)))

    async def pay(request: Request) -> Response:
        books = world().books.get(request.path_params["tenant"])
        if books is None:
            return HTMLResponse("No such organisation", 404)
        form = await request.form()
        mark = books.mark()
        try:
            invoice = find_invoice(books, str(form.get("invoice_id", "")))
            if invoice.status != "AUTHORISED" or form.get("due", str(invoice.due_amount)) != str(invoice.due_amount):
                return HTMLResponse("Not paid: the invoice has changed since this page was shown", 409)
            amount = str(form.get("amount", "")).strip()
            pay_invoice(books, invoice, amount_of(amount) if amount else None, books.today, overpay=True)
        except (RefusedError, LookupError, BadRequest) as error:
            books.rollback(mark)
            return HTMLResponse(escape(f"Not paid: {error}"), 400)
        world().publish(books)
        return RedirectResponse(f"{request.scope.get('root_path', '')}/ui/{books.tenant.id}", 303)

    return [
        Route("/ui", index, methods=["GET"]),
        Route("/ui/{tenant}", company, methods=["GET"]),
        Route("/ui/{tenant}/pay", pay, methods=["POST"]),
    ]


def _page(books: Books, calls: list[RecentCall]) -> str:
    body = (
        _contacts(books)
        + _documents(books)
        + _payments(books)
        + _credits(books, "Overpayments", books.overpayments)
        + _credits(books, "Prepayments", books.prepayments)
        + _bank(books)
        + _journals(books)
        + _table("Trial balance", "Account,Debit,Credit", [list(row.values()) for row in trial_balance(books)])
        + _calls(calls)
    )
    return _STYLE.format(title=f"{escape(books.tenant.name)} (simulated Xero)", body=body)


def _contacts(books: Books) -> str:
    rows = [[c.name, c.texts.get("EmailAddress", ""), c.status] for c in _latest(books.contacts)]
    return _table("Contacts", "Name,E-mail,Status", rows, len(books.contacts.rows))


def _documents(books: Books) -> str:
    heads = "Number,Type,Contact,Date,Due,Total,Open,Status,"
    rows = [_document_row(books, doc) for doc in _latest(books.documents)]
    buttons = [_button(books, doc) for doc in _latest(books.documents)]
    return _table("Invoices, bills, credit notes", heads, rows, len(books.documents.rows), buttons)


def _document_row(books: Books, doc: Document) -> list[str]:
    due = doc.due.isoformat() if doc.due else ""
    name = books.contacts.rows[doc.contact_id].name
    total = f"{doc.total} {doc.currency}"
    return [doc.number, doc.type, name, doc.date.isoformat(), due, total, str(doc.due_amount), doc.status]


def _button(books: Books, doc: Document) -> str:
    if doc.kind != "invoice" or doc.status != "AUTHORISED":
        return ""
    return (
        f'<form method="post" action="{books.tenant.id}/pay"><input type="hidden" name="invoice_id" value="{doc.id}">'
        f'<input type="hidden" name="due" value="{doc.due_amount}">'
        f'<input name="amount" value="{doc.due_amount}" aria-label="Amount"><button>Pay</button></form>'
    )


def _payments(books: Books) -> str:
    rows = [
        [p.date.isoformat(), _paid(books, p), str(p.amount), p.status, p.reference] for p in _latest(books.payments)
    ]
    return _table("Payments", "Date,Document,Amount,Status,Reference", rows, len(books.payments.rows))


def _paid(books: Books, payment: Payment) -> str:
    target = books.target_of(payment)
    return target.number if isinstance(target, Document) else target.kind


def _credits(books: Books, title: str, table: Table[Credit]) -> str:
    rows = [
        [c.date.isoformat(), books.contacts.rows[c.contact_id].name, str(c.total), str(c.remaining), c.status]
        for c in _latest(table)
    ]
    return _table(title, "Date,Contact,Total,Remaining,Status", rows, len(table.rows))


def _bank(books: Books) -> str:
    rows = [
        [t.date.isoformat(), t.type, books.accounts.rows[t.account_id].name, f"{t.total} {t.currency}", t.status]
        for t in _latest(books.bank)
    ]
    return _table("Bank transactions", "Date,Type,Account,Total,Status", rows, len(books.bank.rows))


def _journals(books: Books) -> str:
    rows = []
    for journal in _latest(books.journals):
        lines = "; ".join(
            f"{account.code if (account := books.accounts.get(line.account_id)) else '?'} {line.amount}"
            for line in journal.lines
        )
        rows.append([journal.date.isoformat(), journal.narration, lines, journal.status])
    return _table("Manual journals", "Date,Narration,Lines,Status", rows, len(books.journals.rows))


def _calls(calls: list[RecentCall]) -> str:
    rows = [[f"{c.at:%H:%M:%S}", c.method, c.path, str(c.status or "no answer")] for c in calls[:SHOWN]]
    return _table("Last calls", "At,Method,Path,Status", rows)


def _table(title: str, heads: str, rows: list[list[str]], count: int | None = None, ends: Iterable[str] = ()) -> str:
    """Cells are text and are escaped here; `ends` is one cell of HTML per row."""
    head = "".join(f"<th>{text}" for text in heads.split(","))
    last: list[str | None] = [*ends] or [None] * len(rows)
    body = ""
    for row, end in zip(rows, last, strict=True):
        cells = "".join(f"<td>{escape(cell)}" for cell in row) + ("" if end is None else f"<td>{end}")
        body += f"<tr>{cells}</tr>"
    return f"<h2>{title} ({len(rows) if count is None else count})</h2><table><tr>{head}{body}</table>"


def _latest(table: Table[R]) -> list[R]:
    return list(islice(reversed(table.rows.values()), SHOWN))
