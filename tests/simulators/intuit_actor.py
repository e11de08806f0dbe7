"""Somebody who does one thing after another in a simulated QuickBooks company, through every posting entity."""

from decimal import Decimal

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.entities import ENTITIES
from simulators.intuit.merging import merge
from simulators.intuit.operations import delete, save, void
from simulators.intuit.people import pay
from simulators.intuit.seeds import AU_REALM
from tests.simulators.intuit_client import line

ACTS = (
    "invoice credit pay pay2 apply edit rate void delete journal receivable payable purchase refund deposit bank "
    "transfer undo merge"
).split()


class Actor:
    """Does one thing after another in a company; customers 1 and 2, vendor 30."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.foreign = company.realm == AU_REALM

    def do(self, act: str, first: int, second: int, amount: Decimal, rate: Decimal) -> None:
        getattr(self, f"_{act}")(first, second, amount, rate)

    def _save(self, entity: str, body: Json) -> None:
        save(self.company, ENTITIES[entity], body)

    def _pick(self, entity: str, number: int) -> Json | None:
        rows = list(self.company.tables[entity].rows.values())
        return rows[number % len(rows)] if rows else None

    def _customer(self, number: int, rate: Decimal) -> Json:
        """Customer and currency: in the Australian company the second one is invoiced in euros."""
        key = str(1 + number % 2)
        if key not in self.company.tables["Customer"].rows:
            key = "2"
        out: Json = {"CustomerRef": {"value": key}}
        if self.foreign:
            out |= {"CurrencyRef": {"value": "AUD" if key == "1" else "EUR"}, "ExchangeRate": rate}
        return out

    def _home(self) -> Json:
        return {"CurrencyRef": {"value": "AUD"}} if self.foreign else {}

    def _form(self, number: int, amount: Decimal, rate: Decimal) -> Json:
        if self.foreign:
            lines: Json = {"Line": [line(str(amount), "3"), line("1.01", "5")], "GlobalTaxCalculation": "TaxExcluded"}
        else:
            lines = {"Line": [line(str(amount), "TAX"), line("1.01", "NON")]}
            lines["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": "3"}}
        return self._customer(number, rate) | lines

    def _invoice(self, first: int, _: int, amount: Decimal, rate: Decimal) -> None:
        self._save("Invoice", self._form(first, amount, rate))

    def _credit(self, first: int, _: int, amount: Decimal, rate: Decimal) -> None:
        self._save("CreditMemo", self._form(first, amount, rate))

    def _pay(self, first: int, _: int, amount: Decimal, rate: Decimal) -> None:
        invoice = self._pick("Invoice", first)
        if invoice is None:
            return
        rows = [_link("Invoice", invoice["Id"], min(amount, Decimal(invoice["Balance"])))]
        currency = {"CurrencyRef": invoice["CurrencyRef"], "ExchangeRate": rate} if self.foreign else {}
        body = {"CustomerRef": invoice["CustomerRef"], "TotalAmt": amount, "Line": rows, **currency}
        self._save("Payment", body)

    def _pay2(self, first: int, _: int, __: Decimal, ___: Decimal) -> None:
        invoice = self._pick("Invoice", first)
        if invoice is not None and invoice["Balance"]:
            pay(self.company, {"invoice_id": invoice["Id"]})

    def _apply(self, first: int, second: int, amount: Decimal, rate: Decimal) -> None:
        invoice, credit = self._pick("Invoice", first), self._pick("CreditMemo", second)
        if invoice is None or credit is None:
            return
        most = min(amount, Decimal(invoice["Balance"]), Decimal(credit["RemainingCredit"]))
        rows = [_link("Invoice", invoice["Id"], most), _link("CreditMemo", credit["Id"], most)]
        currency = {"CurrencyRef": invoice["CurrencyRef"], "ExchangeRate": rate} if self.foreign else {}
        self._save("Payment", {"CustomerRef": invoice["CustomerRef"], "TotalAmt": 0, "Line": rows, **currency})

    def _edit(self, first: int, _: int, amount: Decimal, __: Decimal) -> None:
        invoice = self._pick("Invoice", first)
        if invoice is not None:
            code = "3" if self.foreign else "TAX"
            self._save("Invoice", {**_identity(invoice), "Line": [line(str(amount), code)]})

    def _rate(self, first: int, _: int, __: Decimal, rate: Decimal) -> None:
        invoice = self._pick("Invoice", first)
        if invoice is not None:
            self._save("Invoice", {**_identity(invoice), "ExchangeRate": rate})

    def _void(self, first: int, second: int, _: Decimal, __: Decimal) -> None:
        entity = "Payment" if second % 2 else "Invoice"
        row = self._pick(entity, first)
        if row is not None:
            void(self.company, ENTITIES[entity], row)

    def _delete(self, first: int, second: int, _: Decimal, __: Decimal) -> None:
        entity = ("Payment", "Invoice", "CreditMemo")[second % 3]
        row = self._pick(entity, first)
        if row is not None:
            delete(self.company, ENTITIES[entity], row)

    def _journal(self, _: int, __: int, amount: Decimal, rate: Decimal) -> None:
        currency = {"CurrencyRef": {"value": "EUR"}, "ExchangeRate": rate} if self.foreign else {}
        self._save("JournalEntry", {**currency, "Line": [_side("Debit", "55", amount), _side("Credit", "35", amount)]})

    def _receivable(self, first: int, _: int, amount: Decimal, __: Decimal) -> None:
        key = "1" if "1" in self.company.tables["Customer"].rows else "2"
        entity = {"Type": "Customer", "EntityRef": {"value": key}}
        sides = ("Debit", "Credit") if first % 2 else ("Credit", "Debit")
        rows = [_side(sides[0], "84", amount, entity), _side(sides[1], "1", amount)]
        self._save("JournalEntry", {**self._home(), "Line": rows})

    def _payable(self, _: int, __: int, amount: Decimal, ___: Decimal) -> None:
        entity = {"Type": "Vendor", "EntityRef": {"value": "30"}}
        rows = [_side("Debit", "55", amount), _side("Credit", "33", amount, entity)]
        self._save("JournalEntry", {**self._home(), "Line": rows})

    def _purchase(self, first: int, _: int, amount: Decimal, rate: Decimal) -> None:
        detail: Json = {"AccountRef": {"value": "55"}}
        currency: Json = {}
        if self.foreign:
            detail["TaxCodeRef"] = {"value": "3"}
            currency = {"CurrencyRef": {"value": "EUR"}, "ExchangeRate": rate, "GlobalTaxCalculation": "TaxExcluded"}
        card = {"PaymentType": "CreditCard", "AccountRef": {"value": "41"}, "Credit": first % 2 == 0}
        self._save("Purchase", {**card, **currency, "Line": [_expense(amount, detail)]})

    def _refund(self, first: int, _: int, amount: Decimal, __: Decimal) -> None:
        key = "1" if "1" in self.company.tables["Customer"].rows else "2"
        body: Json = {"PaymentType": "Check", "AccountRef": {"value": "35"}, **self._home()}
        body |= {"EntityRef": {"value": key, "type": "Customer"}, "GlobalTaxCalculation": "NotApplicable"}
        self._save("Purchase", {**body, "Line": [_expense(amount, {"AccountRef": {"value": "84"}})]})

    def _deposit(self, first: int, _: int, amount: Decimal, rate: Decimal) -> None:
        payment = self._pick("Payment", first)
        if payment is None:
            return
        currency = {"CurrencyRef": payment["CurrencyRef"], "ExchangeRate": rate} if self.foreign else {}
        rows: list[Json] = [{"LinkedTxn": [{"TxnId": payment["Id"], "TxnType": "Payment", "TxnLineId": "0"}]}]
        rows.append(_income(amount, {"AccountRef": {"value": "1"}}))
        self._save("Deposit", {**currency, "DepositToAccountRef": {"value": "35"}, "Line": rows})

    def _bank(self, _: int, __: int, amount: Decimal, ___: Decimal) -> None:
        key = "1" if "1" in self.company.tables["Customer"].rows else "2"
        detail = {"AccountRef": {"value": "84"}, "Entity": {"value": key, "type": "CUSTOMER"}}
        body = {"DepositToAccountRef": {"value": "35"}, "Line": [_income(amount, detail)], **self._home()}
        self._save("Deposit", body)

    def _transfer(self, first: int, _: int, amount: Decimal, rate: Decimal) -> None:
        euros = self.foreign and first % 2
        currency = {"CurrencyRef": {"value": "EUR"}, "ExchangeRate": rate} if euros else self._home()
        accounts = {"FromAccountRef": {"value": "35"}, "ToAccountRef": {"value": "92" if euros else "36"}}
        self._save("Transfer", {**accounts, **currency, "Amount": amount})

    def _undo(self, first: int, second: int, _: Decimal, __: Decimal) -> None:
        entity = ("JournalEntry", "Purchase", "Deposit", "Transfer")[second % 4]
        row = self._pick(entity, first)
        if row is not None:
            delete(self.company, ENTITIES[entity], row)

    def _merge(self, first: int, _: int, __: Decimal, ___: Decimal) -> None:
        if first == 0 and not self.foreign and "1" in self.company.tables["Customer"].rows:
            merge(self.company, "Customer", "1", "2")


def _identity(row: Json) -> Json:
    return {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}


def _link(kind: str, key: str, amount: Decimal) -> Json:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": key, "TxnType": kind}]}


def _side(posting: str, account: str, amount: Decimal, entity: Json | None = None) -> Json:
    detail: Json = {"PostingType": posting, "AccountRef": {"value": account}}
    if entity:
        detail["Entity"] = entity
    return {"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}


def _expense(amount: Decimal, detail: Json) -> Json:
    kind = "AccountBasedExpenseLineDetail"
    return {"Amount": amount, "DetailType": kind, kind: detail}


def _income(amount: Decimal, detail: Json) -> Json:
    return {"Amount": amount, "DetailType": "DepositLineDetail", "DepositLineDetail": detail}
