"""What a person sets up: accounts, tax rates and items."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from simulators.xero.books import Books, new_id
from simulators.xero.element import Element, NotSimulatedError, RefusedError
from simulators.xero.lines import HUNDRED
from simulators.xero.model import Account, Item, TaxRate

CLASSES = {
    "BANK": "ASSET", "CURRENT": "ASSET", "FIXED": "ASSET", "INVENTORY": "ASSET", "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET", "EQUITY": "EQUITY", "DEPRECIATN": "EXPENSE", "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE", "OVERHEADS": "EXPENSE", "CURRLIAB": "LIABILITY", "LIABILITY": "LIABILITY",
    "TERMLIAB": "LIABILITY", "PAYG": "LIABILITY", "OTHERINCOME": "REVENUE", "REVENUE": "REVENUE", "SALES": "REVENUE",
}  # fmt: skip
ALL_CLASSES = frozenset(CLASSES.values())
# Countries whose tax returns need every rate to say where it is reported.
REPORTED = {"AU", "NZ", "GB"}
PLACES = Decimal("0.0001")


def save_account(books: Books, element: Element, old: Account | None) -> Account:
    """Create, change, archive or restore an account. Raises RefusedError.

    Archiving and restoring are requests of their own: nothing else may come with a changed Status.
    """
    status = (element.text("Status") or (old.status if old else "ACTIVE")).upper()
    if old is not None and (status != old.status or old.status != "ACTIVE"):
        return _restated(books, old, status, element)
    if status != "ACTIVE":
        raise RefusedError(f"Status '{status}' is not valid for a new account")
    kind = (element.text("Type") or (old.type if old else "")).upper()
    if kind not in CLASSES:
        raise RefusedError(f"Account type '{kind}' is not valid")
    start = old or Account(new_id(), "", "", kind, CLASSES[kind], books.now)
    fresh = _described(books, element, start, kind)
    _check_account(books, fresh, old)
    return books.accounts.put(fresh)


def delete_account(books: Books, account: Account) -> Account:
    """Delete an account that nothing refers to. Raises RefusedError."""
    if account.system:
        raise RefusedError("System accounts cannot be deleted")
    if books.account_used(account.id):
        raise RefusedError("The account cannot be deleted because it has been used; archive it instead")
    return books.accounts.put(replace(account, status="DELETED", updated=books.now))


def save_tax_rate(books: Books, element: Element, *, put: bool) -> TaxRate:
    """Create a rate with a code of its own (TAX001), or change one by TaxType or Name. Raises RefusedError."""
    name, code = element.text("Name") or "", (element.text("TaxType") or "").upper()
    by_name = next((t for t in books.taxes.rows.values() if t.name.lower() == name.lower()), None)
    old = None if put else books.taxes.get(code) or by_name
    if not put and old is None:
        raise RefusedError("The tax rate could not be found")
    if put and by_name is not None and by_name.status == "ACTIVE":
        raise RefusedError("A tax rate with this Name already exists")
    if not (name or old):
        raise RefusedError("The Name of a tax rate must be specified")
    report = (element.text("ReportTaxType") or (old.report_type if old else "")).upper()
    if not report and books.tenant.country in REPORTED:
        raise RefusedError("ReportTaxType must be specified")
    parts = _components(element) or (old.components if old else ())
    if old is None and not parts:
        raise RefusedError("At least one tax component must be specified")
    status = (element.text("Status") or (old.status if old else "ACTIVE")).upper()
    if status not in ("ACTIVE", "DELETED", "ARCHIVED"):
        raise RefusedError(f"Status '{status}' is not valid")
    return books.taxes.put(
        TaxRate(
            id=old.id if old else _next_code(books),
            name=name or (old.name if old else ""),
            rate=_effective(parts) if parts else old.rate if old else Decimal(0),
            applies=old.applies if old else _applies(report),
            report_type=report or "NONE",
            status=status,
            components=parts,
        )
    )


def save_item(books: Books, element: Element, old: Item | None, *, put: bool, unitdp: int) -> Item:
    """Create or change an item by id or code. Raises RefusedError, NotSimulatedError for inventory."""
    if element.flag("IsTrackedAsInventory") or element.text("InventoryAssetAccountCode"):
        raise NotSimulatedError("items tracked as inventory")
    code = element.text("Code") or (old.code if old else "")
    if not code or len(code) > 30:
        raise RefusedError("An item needs a Code of at most 30 characters")
    same = next(iter(books.items.find("code", code.lower())), None)
    start = old or books.items.get(element.guid("ItemID")) or (None if put else same)
    if same is not None and (start is None or same.id != start.id):
        raise RefusedError(f"Item with code '{code}' already exists")
    start = start or Item(new_id(), code, "", books.now)
    for key, limit in (("Name", 50), ("Description", 4000), ("PurchaseDescription", 4000)):
        if len(element.text(key) or "") > limit:
            raise RefusedError(f"The item {key} must be at most {limit} characters")
    name, description = element.text("Name"), element.text("Description")
    sold, purchased = element.flag("IsSold"), element.flag("IsPurchased")
    return books.items.put(
        replace(
            start,
            code=code,
            name=start.name if name is None else name,
            description=start.description if description is None else description,
            purchase_description=element.text("PurchaseDescription") or start.purchase_description,
            sales=_side(books, element, "SalesDetails", start.sales, unitdp),
            purchases=_side(books, element, "PurchaseDetails", start.purchases, unitdp),
            sold=start.sold if sold is None else sold,
            purchased=start.purchased if purchased is None else purchased,
            updated=books.now,
        )
    )


def _restated(books: Books, old: Account, status: str, element: Element) -> Account:
    beside = [key for key in element.raw if key.lower() not in ("accountid", "status") and element.has(key)]
    if status not in ("ACTIVE", "ARCHIVED") or old.status == "DELETED":
        raise RefusedError(f"Status '{status}' is not valid for this account")
    if status == old.status:
        raise RefusedError("The account is archived and cannot be edited")
    # The SDKs send their own defaults along; a false flag says nothing.
    if any(element.raw[key] is not False for key in beside):
        raise RefusedError("The Status of an account cannot be changed together with other fields")
    if old.system:
        raise RefusedError("System accounts cannot be archived")
    return books.accounts.put(replace(old, status=status, updated=books.now))


def _described(books: Books, element: Element, start: Account, kind: str) -> Account:
    code, name, description = element.text("Code"), element.text("Name"), element.text("Description")
    enabled = element.flag("EnablePaymentsToAccount")
    currency = (element.text("CurrencyCode") or start.currency or books.tenant.currency).upper()
    return replace(
        start,
        code=start.code if code is None else code,
        name=start.name if name is None else name,
        type=kind,
        account_class=CLASSES[kind],
        tax_type=(element.text("TaxType") or start.tax_type).upper(),
        payments=start.payments if enabled is None else enabled,
        description=start.description if description is None else description,
        bank_number=element.text("BankAccountNumber") or start.bank_number,
        currency=currency if kind == "BANK" else "",
        updated=books.now,
    )


def _check_account(books: Books, fresh: Account, old: Account | None) -> None:
    messages: list[str] = []
    if not 1 <= len(fresh.name) <= 150:
        messages.append("The account Name must have 1 to 150 characters")
    if len(fresh.code) > 10 or (not fresh.code and fresh.type != "BANK"):
        messages.append("The account Code must have 1 to 10 characters")
    if any(a.id != fresh.id for a in books.accounts.find("name", fresh.name.lower())):
        messages.append("Please enter a unique Name.")
    if fresh.code and any(a.id != fresh.id for a in books.accounts.find("code", fresh.code.lower())):
        messages.append("Please enter a unique Code.")
    if fresh.type == "BANK" and not fresh.bank_number:
        messages.append("A bank account needs a BankAccountNumber")
    if fresh.currency and fresh.currency not in books.currencies:
        messages.append(f"Organisation is not subscribed to currency {fresh.currency}")
    if old is not None and old.system and (fresh.type, fresh.code) != (old.type, old.code):
        messages.append("The Type and Code of a system account cannot be changed")
    if old is not None and fresh.type != old.type and "BANK" in (fresh.type, old.type):
        messages.append("A bank account cannot become another type, nor another type a bank account")
    tax = books.taxes.get(fresh.tax_type)
    if tax is None or tax.status != "ACTIVE":
        messages.append(f"The TaxType code {fresh.tax_type} does not exist")
    if messages:
        raise RefusedError(*messages)


def _components(element: Element) -> tuple[tuple[str, Decimal, bool], ...]:
    parts = []
    for child in element.children("TaxComponents") or []:
        rate = child.number("Rate")
        if rate is None or not 0 <= rate <= HUNDRED or not child.text("Name"):
            raise RefusedError("A tax component needs a Name and a Rate from 0 to 100")
        compound = child.flag("IsCompound") or False
        parts.append((child.text("Name") or "", rate.quantize(PLACES, ROUND_HALF_UP), compound))
    if sum(part[2] for part in parts) > 1:
        raise RefusedError("Only one tax component can be compound")
    return tuple(parts)


def _effective(parts: tuple[tuple[str, Decimal, bool], ...]) -> Decimal:
    """A compound component is charged on amount and tax together."""
    plain = sum((rate for _, rate, compound in parts if not compound), Decimal(0))
    rate = plain
    for _, percent, compound in parts:
        if compound:
            rate += percent * (HUNDRED + plain) / HUNDRED
    return rate.quantize(PLACES, ROUND_HALF_UP)


def _applies(report: str) -> frozenset[str]:
    if "OUTPUT" in report:
        return ALL_CLASSES - {"EXPENSE"}
    return ALL_CLASSES - {"REVENUE"} if "INPUT" in report else ALL_CLASSES


def _next_code(books: Books) -> str:
    return next(code for at in range(1, 1000) if (code := f"TAX{at:03d}") not in books.taxes.rows)


def _side(books: Books, element: Element, key: str, old: Mapping[str, object], unitdp: int) -> Mapping[str, object]:
    child = element.child(key)
    if child is None:
        return old
    merged = dict(old)
    if (price := child.number("UnitPrice")) is not None:
        merged["UnitPrice"] = price.quantize(PLACES if unitdp == 4 else Decimal("0.01"), ROUND_HALF_UP)
    for name in ("AccountCode", "TaxType", "COGSAccountCode"):
        if (text := child.text(name)) is not None:
            merged[name] = text
    if (code := merged.get("AccountCode")) and books.account(str(code)) is None:
        raise RefusedError(f"Account code '{code}' is not a valid code for this document.")
    if (tax := merged.get("TaxType")) and str(tax).upper() not in books.taxes.rows:
        raise RefusedError(f"The TaxType code {tax} does not exist or cannot be used for this type of transaction.")
    return merged
