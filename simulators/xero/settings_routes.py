"""/Organisation, /Accounts, /TaxRates, /Items and /Currencies."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.responses import Response

from simulators.core.http import Json
from simulators.xero import render_settings as render
from simulators.xero.books import Books, new_id
from simulators.xero.call import Call, MissingError
from simulators.xero.element import Element, MalformedError, NotSimulatedError, RefusedError
from simulators.xero.fields import ACCOUNT_FIELDS, ITEM_FIELDS, TAX_FIELDS
from simulators.xero.model import Account, Item
from simulators.xero.queries import run
from simulators.xero.seeds import CURRENCY_NAMES
from simulators.xero.writes import Shape, save_all

CLASSES = {
    "BANK": "ASSET", "CURRENT": "ASSET", "FIXED": "ASSET", "INVENTORY": "ASSET", "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET", "EQUITY": "EQUITY", "DEPRECIATN": "EXPENSE", "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE", "OVERHEADS": "EXPENSE", "CURRLIAB": "LIABILITY", "LIABILITY": "LIABILITY",
    "TERMLIAB": "LIABILITY", "PAYG": "LIABILITY", "OTHERINCOME": "REVENUE", "REVENUE": "REVENUE", "SALES": "REVENUE",
}  # fmt: skip


def organisation(call: Call) -> Response:
    """GET /Organisation and /Organisation/Actions."""
    if call.method == "GET" and not call.rest:
        return call.reply("Organisations", [render.organisation(call.books)])
    if call.method == "GET" and [part.lower() for part in call.rest] == ["actions"]:
        return call.reply("Actions", render.actions())
    raise NotSimulatedError(f"{call.method} Organisation/{'/'.join(call.rest)}")


def accounts(call: Call) -> Response:
    """GET /Accounts, by id; PUT one bare account; POST and DELETE by id. The list is never paged."""
    books = call.books
    if call.method == "GET" and not call.rest:
        listing = run(call.query, books.accounts.rows.values(), ACCOUNT_FIELDS, pageable=False)
        return call.reply("Accounts", [render.account(account) for account in listing.records])
    if len(call.rest) > 1:
        raise NotSimulatedError(f"Accounts/{{id}}/{call.rest[1]}")
    old = books.accounts.get(call.rest[0].lower()) if call.rest else None
    if call.rest and old is None:
        raise MissingError
    if old is not None and call.method == "GET":
        return call.reply("Accounts", [render.account(old)])
    if call.method == "DELETE" and old is not None:
        if old.system:
            raise RefusedError("System accounts cannot be deleted")
        gone = books.accounts.put(replace(old, status="DELETED", updated=books.now))
        return call.reply("Accounts", [render.account(gone)])
    if call.put == bool(call.rest):
        raise NotSimulatedError(f"{call.method} Accounts")
    elements = call.elements("Accounts")
    if len(elements) != 1:
        raise MalformedError("Accounts are written one at a time")

    def save(element: Element) -> Json:
        return render.account(_save_account(books, element, old))

    return call.reply(
        "Accounts", save_all(books, elements, save, Shape("AccountID", "HasErrors"), summarize=call.summarize)
    )


def tax_rates(call: Call) -> Response:
    """GET /TaxRates, never paged."""
    if call.method != "GET" or call.rest:
        raise NotSimulatedError("TaxRates are only listed")
    listing = run(call.query, call.books.taxes.rows.values(), TAX_FIELDS, pageable=False)
    return call.reply("TaxRates", [render.tax_rate(rate) for rate in listing.records])


def items(call: Call) -> Response:
    """/Items: list, by id or code, PUT and POST."""
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
    if call.method not in ("PUT", "POST") or (call.put and call.rest):
        raise NotSimulatedError(f"{call.method} Items/{{id}}")

    def save(element: Element) -> Json:
        return render.item(_save_item(books, element, old, put=call.put))

    shape = Shape("ItemID", "HasErrors")
    return call.reply("Items", save_all(books, call.elements("Items"), save, shape, summarize=call.summarize))


def currencies(call: Call) -> Response:
    """GET /Currencies; PUT adds one."""
    books = call.books
    if call.method == "PUT" and not call.rest:
        for element in call.elements("Currencies"):
            code = (element.text("Code") or "").upper()
            if code not in CURRENCY_NAMES:
                raise RefusedError(f"Currency {code} is not valid")
            books.currencies[code] = CURRENCY_NAMES[code]
    elif call.method != "GET" or call.rest:
        raise NotSimulatedError(f"{call.method} Currencies")
    shown: list[Json] = [{"Code": code, "Description": name} for code, name in books.currencies.items()]
    return call.reply("Currencies", shown)


def _save_account(books: Books, element: Element, old: Account | None) -> Account:
    kind = (element.text("Type") or (old.type if old else "")).upper()
    if kind not in CLASSES:
        raise RefusedError(f"Account type '{kind}' is not valid")
    base = old or Account(
        id=new_id(), code="", name="", type=kind, account_class=CLASSES[kind], updated=books.now,
        currency=books.tenant.currency if kind == "BANK" else "",
    )  # fmt: skip
    code, name = element.text("Code"), element.text("Name")
    enabled = element.flag("EnablePaymentsToAccount")
    fresh = replace(
        base,
        code=base.code if code is None else code,
        name=base.name if name is None else name,
        type=kind,
        account_class=CLASSES[kind],
        tax_type=element.text("TaxType") or base.tax_type,
        payments=base.payments if enabled is None else enabled,
        status=(element.text("Status") or base.status).upper(),
        description=element.text("Description") or base.description,
        bank_number=element.text("BankAccountNumber") or base.bank_number,
        updated=books.now,
    )
    if not 1 <= len(fresh.name) <= 150 or len(fresh.code) > 10 or (not fresh.code and kind != "BANK"):
        raise RefusedError("An account needs a Name of at most 150 and a Code of at most 10 characters")
    others = [a for a in books.accounts.rows.values() if a.id != fresh.id and a.status != "DELETED"]
    if any(a.name.lower() == fresh.name.lower() for a in others):
        raise RefusedError("Please enter a unique Name.")
    if fresh.code and any(a.code.lower() == fresh.code.lower() for a in others):
        raise RefusedError("Please enter a unique Code.")
    if fresh.tax_type not in books.taxes.rows:
        raise RefusedError(f"The TaxType code {fresh.tax_type} does not exist")
    return books.accounts.put(fresh)


def _save_item(books: Books, element: Element, old: Item | None, *, put: bool) -> Item:
    code = element.text("Code") or (old.code if old else "")
    if not code or len(code) > 30:
        raise RefusedError("An item needs a Code of at most 30 characters")
    same = next(iter(books.items.find("code", code.lower())), None)
    wanted = element.guid("ItemID")
    base = old or books.items.get(wanted) or (None if put else same)
    if same is not None and (base is None or same.id != base.id):
        raise RefusedError(f"Item with code '{code}' already exists")
    name, description = element.text("Name"), element.text("Description")
    base = base or Item(new_id(), code, "", books.now)
    if name is not None and len(name) > 50:
        raise RefusedError("The item Name must be at most 50 characters")
    sold, purchased = element.flag("IsSold"), element.flag("IsPurchased")
    return books.items.put(
        replace(
            base,
            code=code,
            name=base.name if name is None else name,
            description=base.description if description is None else description,
            purchase_description=element.text("PurchaseDescription") or base.purchase_description,
            sales=_side(books, element, "SalesDetails", base.sales),
            purchases=_side(books, element, "PurchaseDetails", base.purchases),
            sold=base.sold if sold is None else sold,
            purchased=base.purchased if purchased is None else purchased,
            updated=books.now,
        )
    )


def _side(books: Books, element: Element, key: str, old: Mapping[str, object]) -> Mapping[str, object]:
    child = element.child(key)
    if child is None:
        return old
    merged = dict(old)
    if (price := child.number("UnitPrice")) is not None:
        merged["UnitPrice"] = price
    for name in ("AccountCode", "TaxType", "COGSAccountCode"):
        if (text := child.text(name)) is not None:
            merged[name] = text
    if (code := merged.get("AccountCode")) and books.account(str(code)) is None:
        raise RefusedError(f"Account code '{code}' is not a valid code for this document.")
    return merged
