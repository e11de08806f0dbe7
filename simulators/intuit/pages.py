"""The HTML of the Intuit simulator: consent, refusals, and one page per company."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from simulators.core.http import Json
from simulators.intuit.aging import BUCKETS
from simulators.intuit.company import Company

_STYLE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2b33}
h1{color:#2ca01c}table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.3rem;
border-bottom:1px solid #d4dde1}td.n{text-align:right;font-variant-numeric:tabular-nums}button{padding:.3rem .9rem}
fieldset{border:1px solid #d4dde1;margin:1rem 0}.note{color:#5a6b74}</style>"""

_TOO_MANY = "<p class=note>Too many documents to age on a page: GET /_sim/intuit/companies/{}/aged_receivables</p>"


def error_page(text: str) -> str:
    """Shown instead of a redirect when the request itself is wrong."""
    return f"{_STYLE}<title>Simulated Intuit</title><h1>Sorry, something is wrong</h1><p>{escape(text)}</p>"


def consent_page(given: Mapping[str, str], users: Mapping[str, str], companies: Iterable[Company]) -> str:
    """Who signs in, which company, Allow or Cancel; the authorize parameters ride along hidden."""
    hidden = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in given.items())
    people = "".join(f'<option value="{escape(key)}">{escape(name)}</option>' for key, name in users.items())
    radios = "".join(
        f'<div><label><input type="radio" name="realm" value="{c.realm}"{" checked" if first == 0 else ""}> '
        f"{escape(c.name)} ({c.country}, {c.currency})</label></div>"
        for first, c in enumerate(companies)
    )
    return (
        f"{_STYLE}<title>Connect to QuickBooks (simulated)</title><h1>Connect your company</h1>"
        f"<p class=note>A stand-in for Intuit's page. App: {escape(given.get('client_id', ''))}, "
        f"scope: {escape(given.get('scope', ''))}</p><form method=post>{hidden}"
        f"<p><label>Signed in as <select name=user>{people}</select></label></p>"
        f"<fieldset><legend>Company</legend>{radios}</fieldset>"
        "<button name=decision value=allow>Allow</button> <button name=decision value=deny>Cancel</button></form>"
    )


def company_list(base: str, companies: Iterable[Company]) -> str:
    """Links to every company's page."""
    links = "".join(f'<li><a href="{base}/{c.realm}">{escape(c.name)}</a> ({c.currency})' for c in companies)
    return f"{_STYLE}<title>QuickBooks companies</title><h1>QuickBooks companies (simulated)</h1><ul>{links}</ul>"


def company_page(base: str, ledger: Json, calls: Json) -> str:
    """Customers, invoices with a Pay button, payments, journals, books and calls of one company.

    `ledger` is a latest_view: the page is for looking, /_sim for counting.
    """
    pay = '<form method=post action="{}/pay"><input type=hidden name=invoice_id value="{}">'
    pay += '<input type=hidden name=balance value="{}"><button>Pay</button></form>'
    invoices = [
        [
            *(i[name] or "" for name in ("number", "customer", "date", "total", "balance", "status")),
            pay.format(base, i["id"], i["balance"]) if i["status"] in ("open", "partially_paid") else "",
        ]
        for i in ledger["invoices"]
    ]
    customers = [[c["name"], c["balance"], "" if c["active"] else "inactive"] for c in ledger["customers"]]
    payments = [[p["id"], p["date"], p["amount"], p["unapplied"], p["status"]] for p in ledger["payments"]]
    trial = [[t["account"], t["debit"], t["credit"]] for t in ledger["trial_balance"]]
    journals = [
        [j["id"], j["number"] or "", j["date"], f"{line['side']} {line['account']}", line["amount"]]
        for j in ledger["journals"]
        for line in j["lines"]
    ]
    bank = [[b["id"], b["kind"], b["date"], b["amount"]] for b in ledger["bank"]]
    aged = [[a["name"], *(a[bucket] for bucket in BUCKETS), a["total"]] for a in ledger["aged_receivables"] or ()]
    elsewhere = "" if ledger["aged_receivables"] is not None else _TOO_MANY.format(ledger["id"])
    sizes = calls["bytes_by_route"]
    routes = [
        [route, count, sizes[route]["in"], sizes[route]["out"]] for route, count in sorted(calls["by_route"].items())
    ]
    name = escape(ledger["name"])
    return (
        f"{_STYLE}<title>{name}</title><h1>{name}</h1><p><a href='../ui'>All companies</a></p>"
        + _table("Invoices", "Number Customer Date Total Open State Action", invoices, html_last=True)
        + _table("Payments", "Id Date Amount Unapplied State", payments)
        + _table("Customers", "Name Balance State", customers)
        + _table("Journal entries", "Id Number Date Line Amount", journals)
        + _table("Bank documents", "Id Kind Date Amount", bank)
        + _table("Trial balance", "Account Debit Credit", trial)
        + _table("Aged receivables", f"Customer {' '.join(BUCKETS)} Total", aged)
        + elsewhere
        + f"<p class=note>{calls['total']} calls, {calls['bytes_in']} bytes in, {calls['bytes_out']} bytes out</p>"
        + _table("Calls", "Route Count In Out", routes)
    )


def _table(title: str, heads: str, rows: Sequence[Sequence[object]], html_last: bool = False) -> str:
    head = "".join(f"<th>{name}" for name in heads.split())
    body = []
    for row in rows:
        cells = [f"<td>{escape(str(cell))}" for cell in (row[:-1] if html_last else row)]
        body.append("<tr>" + "".join(cells) + (f"<td>{row[-1]}" if html_last else ""))
    return f"<h2>{title}</h2><table><tr>{head}{''.join(body)}</table>"
