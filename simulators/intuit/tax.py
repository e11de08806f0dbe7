"""Sales tax of a document: US (TAX/NON lines, one code or an override) and global (a code on every line).

Reference 2.10 "Tax (US)" and "Tax (non-US)". Rates are per cent. Amounts are rounded half up per rate and document.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from simulators.core.http import Json
from simulators.core.money import CENT, js, q2
from simulators.intuit.company import Company
from simulators.intuit.faults import QboFault, business, missing
from simulators.intuit.ledger import ZERO

HUNDRED = Decimal(100)


@dataclass(frozen=True)
class TaxedLine:
    """A sales line as tax sees it: net amount, tax code id and, when prices include tax, the gross amount."""

    net: Decimal
    code: str
    gross: Decimal | None = None


@dataclass
class Tax:
    """The result: total and one TaxLine per rate."""

    total: Decimal = ZERO
    lines: list[Json] = field(default_factory=list)
    code: str | None = None

    def detail(self) -> Json:
        """The TxnTaxDetail of the answer."""
        out: Json = {"TotalTax": js(self.total)}
        if self.code:
            out["TxnTaxCodeRef"] = {"value": self.code}
        if self.lines:
            out["TaxLine"] = self.lines
        return out


def us_tax(company: Company, sent: Json, lines: list[TaxedLine], kept: Decimal) -> Tax:
    """US tax without automated sales tax. `kept` is the share of line amounts left after a discount before tax.

    TotalTax overrides; TaxLine amounts come next; otherwise TxnTaxCodeRef's rates apply to the TAX lines; with
    neither there is no tax. Raises 6000 when tax is sent and no line is taxable.
    """
    base = q2(sum((line.net for line in lines if line.code == "TAX"), ZERO) * kept)
    code = sent.get("TxnTaxCodeRef", {}).get("value")
    rates = code_rates(company, code) if code else []
    amounts = [q2(base * percent / HUNDRED) for _, percent in rates]
    given = _override(sent)
    if given is not None and given != sum(amounts, ZERO):
        if given and not base:
            raise business("Tax was given but no line of this transaction is taxable.")
        amounts = _spread(given, amounts)
    tax_lines = [_tax_line(rate, percent, a, base) for (rate, percent), a in zip(rates, amounts, strict=False)]
    return Tax(sum(amounts, ZERO), tax_lines if base else [], code)


def global_tax(
    company: Company,
    mode: str | None,
    sent: Json | None,
    lines: list[TaxedLine],
    kept: Decimal,
    side: Literal["Sales", "Purchase"] = "Sales",
) -> Tax:
    """Tax outside the US by GlobalTaxCalculation.

    TaxLine amounts with a TaxRateRef replace the computed amount of that rate; a bare TotalTax is not an override
    here. Raises 2020 without a mode, 6170 for TxnTaxDetail with NotApplicable, 6000 for an inclusive line whose net
    and gross do not fit.
    """
    if mode is None:
        raise missing("GlobalTaxCalculation")
    if mode == "NotApplicable":
        if sent:
            detail = "TxnTaxDetail is not allowed with GlobalTaxCalculation NotApplicable"
            raise QboFault("6170", "Invalid tax detail", detail)
        return Tax()
    bases: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    amounts: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for line in lines:
        for rate, percent in code_rates(company, line.code, side):
            key = (rate, percent)
            bases[key] += line.net
            if mode == "TaxInclusive":
                amounts[key] += _inclusive(line, percent)
    overrides = _rate_overrides(sent or {})
    tax = Tax()
    for (rate, percent), net in bases.items():
        base = q2(net * kept)
        exact = q2(amounts[rate, percent] * kept) if mode == "TaxInclusive" else q2(base * percent / HUNDRED)
        amount = overrides.get(rate, exact)
        tax.total += amount
        tax.lines.append(_tax_line(rate, percent, amount, base))
    return tax


def code_rates(company: Company, code: str, side: str = "Sales") -> list[tuple[str, Decimal]]:
    """(rate id, per cent) of a tax code. Raises 2500 when the code is unknown."""
    row = company.resolve("TaxCode", {"value": code}, "TaxCodeRef")
    details = row.get(f"{side}TaxRateList", {}).get("TaxRateDetail", [])
    rates = company.tables["TaxRate"].rows
    return [(d["TaxRateRef"]["value"], Decimal(rates[d["TaxRateRef"]["value"]]["RateValue"])) for d in details]


def _inclusive(line: TaxedLine, percent: Decimal) -> Decimal:
    if line.gross is None:
        return q2(line.net * percent / HUNDRED)
    exact = line.gross - line.gross * HUNDRED / (HUNDRED + percent)
    if abs(line.gross - line.net - exact) > CENT:
        raise business("The amount and the tax-inclusive amount of a line do not fit its tax rate.")
    return line.gross - line.net


def _override(sent: Json) -> Decimal | None:
    if "TotalTax" in sent:
        return q2(Decimal(sent["TotalTax"]))
    if sent.get("TaxLine"):
        return q2(sum((Decimal(line.get("Amount", 0)) for line in sent["TaxLine"]), ZERO))
    return None


def _rate_overrides(sent: Json) -> dict[str, Decimal]:
    out: dict[str, Decimal] = {}
    for line in sent.get("TaxLine", []):
        rate = line.get("TaxLineDetail", {}).get("TaxRateRef", {}).get("value")
        if rate and "Amount" in line:
            out[rate] = q2(line["Amount"])
    return out


def _spread(total: Decimal, amounts: list[Decimal]) -> list[Decimal]:
    """An overridden total over the code's rates: the first one takes the difference."""
    rest = sum(amounts[1:], ZERO)
    return [total - rest, *amounts[1:]] if amounts else [total]


def _tax_line(rate: str, percent: Decimal, amount: Decimal, base: Decimal) -> Json:
    detail = {"TaxRateRef": {"value": rate}, "PercentBased": True, "TaxPercent": js(percent)}
    detail["NetAmountTaxable"] = js(base)
    return {"Amount": js(amount), "DetailType": "TaxLineDetail", "TaxLineDetail": detail}
