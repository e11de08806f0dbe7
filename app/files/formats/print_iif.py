"""Printing IIF general journals, for QuickBooks Desktop."""

from collections.abc import Iterable, Mapping, Sequence
from typing import IO

from app.files.formats import targets, types
from app.files.formats.escaping import with_number
from app.files.formats.journal_printing import Journal, Row
from app.files.formats.printing import Layout
from app.files.formats.targets import Plan, Target
from app.files.formats.values import MDY


class IifJournal(Journal):
    """IIF: TRNS for the first side, SPL for the others; debits above zero, credits below."""

    kind = targets.IIF
    _COLUMNS = "TRNSTYPE\tDATE\tACCNT\tNAME\tCLASS\tAMOUNT\tDOCNUM\tMEMO\tCLEAR"
    _DOCNUM = 11
    _NAME = 41
    _ACCNUM = 7

    def __init__(self, file: IO[bytes], plan: Plan, *, zipped: bool = False) -> None:
        super().__init__(file, plan, zipped=zipped)
        self.vendors: set[str] = set()
        self._customers: set[str] = set()

    def layout(self) -> Layout:
        """The lists a journal leans on come first: QuickBooks makes a bank account of an account it does not know."""
        return Layout("quickbooks_export", "iif", self._head, "cp1252")

    def _head(self) -> str:
        rows = [
            f"ACCNT\t{target.name}\t{types.WORDS[target.type].iif}\t{self._accnum(target)}\r\n"
            for target in to_declare(self.plan.accounts, self.names)
        ]
        head = "".join(["!ACCNT\tNAME\tACCNTTYPE\tACCNUM\r\n", *rows]) if rows else ""
        if self.clients - self.vendors:
            head += "!CUST\tNAME\r\n" + "".join(f"CUST\t{name}\r\n" for name in sorted(self.clients - self.vendors))
        if self.vendors:
            head += "!VEND\tNAME\r\n" + "".join(f"VEND\t{name}\r\n" for name in sorted(self.vendors))
        return head + f"!TRNS\tTRNSID\t{self._COLUMNS}\r\n!SPL\tSPLID\t{self._COLUMNS}\r\n!ENDTRNS\r\n"

    def _accnum(self, target: Target) -> str:
        """The account's number; a code that is its name, or that ACCNUM cannot hold, is none."""
        return target.code if len(target.code) <= self._ACCNUM and self.texts.fine(target.code) else ""

    @property
    def date_order(self) -> str:
        """Month first, wherever the company is: so the importer's own manual says."""
        return MDY

    def account(self, code: str) -> str:
        """By its whole name."""
        return self.by_name(code, 31, 159)

    def print(self, rows: Sequence[Row]) -> None:
        """Print one entry. A memo is a side's description, else the narration; the first side bears the narration."""
        fine, names, texts = self.texts.fine, self.names, self.texts
        _, number, iso, narration, currency, *_ = first = rows[0]
        if currency != self.currency:
            self.one_currency(currency)
        day = self.day(iso)
        if first[8] and narration and first[8] != narration:
            joined = f"{narration} / {first[8]}"
            self.findings.alter(self._number, "narration", "IIF has one memo for both texts", narration, joined)
            narration = joined
        narration = narration or first[8]
        if narration and not fine(narration):
            narration = texts.clean(narration, self._number, "narration")
        if len(number) > self._DOCNUM or not fine(number):
            narration, number = self._long_number(narration, number)
        keyword, memo = "TRNS", narration
        out, owed = self.sink.out, 0
        for row in rows:
            _, _, _, _, _, _, code, amount, description, client, tax, tracking = row
            if keyword == "SPL":
                memo = description or narration
                if memo is description and not fine(memo):
                    memo = texts.clean(memo, self._number, "description")
            if tax:
                self.untaxed(tax)
            account = names[code]
            name = self.client(client, code, self._NAME) if client or code in self.nameless else ""
            if code in self.nameless:
                owed += 1
                self._on_one_list(name, code)
            classes = self.tracked(tracking, ("Class",))[0] if tracking else ""
            out.append(
                f"{keyword}\t\tGENERAL JOURNAL\t{day}\t{account}\t{name}\t{classes}\t{amount}\t{number}\t{memo}\t\r\n"
            )
            keyword = "SPL"
        out.append("ENDTRNS\r\n")
        if owed > 1:
            message = "QuickBooks Desktop takes one side on receivables or payables in an entry; split the entry."
            self.findings.refuse(self._number, "account_code", "several_receivables", message)

    def _on_one_list(self, name: str, code: str) -> None:
        """Payables want a vendor, receivables a customer; a name can be on one list alone."""
        payable = self.plan.accounts[code].type == "liability.payable"
        (self.vendors if payable else self._customers).add(name)
        if name in self.vendors and name in self._customers:
            message = "QuickBooks Desktop keeps a name as a vendor or as a customer; this one would have to be both."
            self.findings.refuse_once(name, "client", "name_on_both_lists", message)

    def _long_number(self, narration: str, number: str) -> tuple[str, str]:
        """A number that is too long for DOCNUM stands whole at the end of the memo."""
        whole = self.texts.clean(number, self._number, "number").replace("[", "(").replace("]", ")")
        short = whole[-self._DOCNUM :].strip()
        if short == number:
            return narration, number
        message = f"DOCNUM takes {self._DOCNUM} characters; the whole number stands in the memo"
        self.findings.alter(self._number, "number", message, number, short)
        return with_number(narration, whole), short


def to_declare(accounts: Mapping[str, Target], used: Iterable[str]) -> list[Target]:
    """The unmapped accounts among those used with what they lie under, parents first."""
    by_name = {target.name: target for target in accounts.values() if not target.mapped}
    wanted: dict[str, Target] = {}
    for code in used:
        target = accounts.get(code)
        if target is None or target.mapped:
            continue
        levels = target.name.split(":")
        for depth in range(1, len(levels) + 1):
            above = by_name.get(":".join(levels[:depth]))
            if above is not None:
                wanted[above.name] = above
    return [wanted[name] for name in sorted(wanted, key=lambda one: (one.count(":"), one))]
