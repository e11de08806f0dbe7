"""/Organisation, /Accounts, /TaxRates, /Items and /Currencies; none of these lists is paged."""

from collections.abc import Callable

from starlette.responses import Response

from simulators.core.http import Json
from simulators.xero import render_settings as render
from simulators.xero.call import Call, MissingError
from simulators.xero.element import Element, MalformedError, NotSimulatedError, RefusedError
from simulators.xero.fields import ACCOUNT_FIELDS, ITEM_FIELDS, TAX_FIELDS
from simulators.xero.queries import run
from simulators.xero.seeds import CURRENCY_NAMES
from simulators.xero.settings import delete_account, save_account, save_item, save_tax_rate
from simulators.xero.where import Value

MOST_ITEMS = 500
_CURRENCY_FIELDS: dict[str, Callable[[str], Value]] = {
    "code": lambda code: code,
    "description": lambda code: CURRENCY_NAMES[code],
}


def organisation(call: Call) -> Response:
    """GET /Organisation and /Organisation/Actions."""
    if call.method == "GET" and not call.rest:
        return call.reply("Organisations", [render.organisation(call.books)])
    if call.method == "GET" and [part.lower() for part in call.rest] == ["actions"]:
        return call.reply("Actions", render.actions(call.books))
    raise NotSimulatedError(f"{call.method} Organisation/{'/'.join(call.rest)}")


def accounts(call: Call) -> Response:
    """GET /Accounts, by id; PUT one bare account; POST and DELETE by id."""
    books = call.books
    if call.method == "GET" and not call.rest:
        listing = run(call.query, books.accounts.rows.values(), ACCOUNT_FIELDS, pageable=False)
        return call.reply("Accounts", [render.account(account) for account in listing.records])
    if len(call.rest) > 1:
        raise NotSimulatedError(f"Accounts/{{id}}/{call.rest[1]}")
    old = call.one_of(books.accounts) if call.rest else None
    if old is not None and call.method == "GET":
        return call.reply("Accounts", [render.account(old)])
    if call.method == "DELETE" and old is not None:
        return call.reply("Accounts", [render.account(delete_account(books, old))])
    if call.put == bool(call.rest):
        raise NotSimulatedError(f"{call.method} Accounts")
    if len(call.elements("Accounts")) != 1:
        raise MalformedError("Accounts are written one at a time")

    def save(element: Element) -> Json:
        return render.account(save_account(books, element, old))

    # PUT takes the account itself: inside a wrapper it has neither Name nor Type, and is refused for that.
    return call.saved("Accounts", "AccountID", save, wrapped=not call.put)


def tax_rates(call: Call) -> Response:
    """GET /TaxRates and by TaxType; PUT creates and POST changes one."""
    books = call.books
    if len(call.rest) > 1 or (call.rest and call.method != "GET"):
        raise NotSimulatedError(f"{call.method} TaxRates/{'/'.join(call.rest)}")
    if call.rest:
        found = books.taxes.get(call.rest[0].upper())
        if found is None:
            raise MissingError
        return call.reply("TaxRates", [render.tax_rate(found)])
    if call.method == "GET":
        wanted = call.query.parameters.get("taxtype", "").upper()
        rates = [rate for rate in books.taxes.rows.values() if wanted in ("", rate.id)]
        listing = run(call.query, rates, TAX_FIELDS, pageable=False)
        return call.reply("TaxRates", [render.tax_rate(rate) for rate in listing.records])
    if call.method not in ("PUT", "POST"):
        raise NotSimulatedError(f"{call.method} TaxRates")
    if len(call.elements("TaxRates")) != 1:
        raise MalformedError("Tax rates are written one at a time")

    def save(element: Element) -> Json:
        return render.tax_rate(save_tax_rate(books, element, put=call.put))

    return call.saved("TaxRates", "TaxType", save)


def items(call: Call) -> Response:
    """/Items: list, by id or code, PUT, POST and DELETE."""
    books = call.books
    if len(call.rest) > 1:
        raise NotSimulatedError(f"Items/{{id}}/{call.rest[1]}")
    if call.method == "GET" and not call.rest:
        listing = run(call.query, books.items.rows.values(), ITEM_FIELDS, pageable=False)
        return call.reply("Items", [render.item(item) for item in listing.records])
    old = None
    if call.rest:
        by_code = books.items.find("code", call.rest[0].lower())
        old = books.items.get(call.rest[0].lower()) or next(iter(by_code), None)
        if old is None:
            raise MissingError
    if old is not None and call.method == "GET":
        return call.reply("Items", [render.item(old)])
    if old is not None and call.method == "DELETE":
        books.items.remove(old.id)
        return Response(status_code=204)
    if call.method not in ("PUT", "POST") or (call.put and call.rest):
        raise NotSimulatedError(f"{call.method} Items/{{id}}")
    if len(call.elements("Items")) > MOST_ITEMS:
        raise MalformedError(f"At most {MOST_ITEMS} items may be sent at once")

    def save(element: Element) -> Json:
        return render.item(save_item(books, element, old, put=call.put, unitdp=call.unitdp))

    return call.saved("Items", "ItemID", save)


def currencies(call: Call) -> Response:
    """GET /Currencies; PUT adds one where the organisation's plan has multicurrency."""
    books = call.books
    if call.method == "PUT" and not call.rest:
        codes = [(element.text("Code") or "").upper() for element in call.elements("Currencies")]
        if unknown := [code for code in codes if code not in CURRENCY_NAMES]:
            raise RefusedError(f"Currency {unknown[0]} is not valid")
        if not books.tenant.rates:
            raise RefusedError("The organisation's plan does not include multicurrency")
        books.currencies.update({code: CURRENCY_NAMES[code] for code in codes})
    elif call.method != "GET" or call.rest:
        raise NotSimulatedError(f"{call.method} Currencies")
    listing = run(call.query, books.currencies, _CURRENCY_FIELDS, pageable=False)
    shown: list[Json] = [{"Code": code, "Description": CURRENCY_NAMES[code]} for code in listing.records]
    return call.reply("Currencies", shown)
