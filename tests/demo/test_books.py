"""The demonstration's books keep every promise the story leans on: counts, sums, limits, references."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TypeAlias
from zoneinfo import available_timezones

import pytest

Json: TypeAlias = "str | bool | list[Json] | dict[str, Json]"

BOOKS = Path(__file__).parents[2] / "demo" / "books.json"
RATES = {
    "A": {"SALES8": Decimal("0.08"), "EXEMPT": Decimal(0)},
    "B": {"GST15": Decimal("0.15"), "ZERO": Decimal(0)},
}
CURRENCY = {"A": "USD", "B": "NZD"}
COUNTS = {"A": (28, 86), "B": (12, 34)}
CLIENT_KEYS = {"external_ref", "name", "email", "phone", "currency", "billing_address", "notes", "active"}
CLIENT_OPTIONAL = {"company_name", "tax_number"}
INVOICE_KEYS = set("external_ref number client_ref issue_date due_date currency tax_mode lines memo status".split())
SUMS = ("subtotal", "tax_total", "total")
LINE_KEYS = set("description quantity unit_price amount account_code item_code tax_code tax_amount".split())
# Payments planned per provider: in full, in part, twice, voided again, missed by the webhooks.
PLAN_SIZES = {("A", "quickbooks"): (8, 4, 1, 1, 3), ("A", "xero"): (8, 4, 1, 1, 3), ("B", "xero"): (4, 2, 1, 1, 2)}
PLAN_KEYS = ("pay_in_full", "pay_in_part", "pay_twice", "void_after_pay", "missed_by_webhooks")


def cents(value: Decimal) -> Decimal:
    """Round half up to two decimals, away from zero on a tie."""
    return value.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def texts(value: Json) -> Iterator[str]:
    """Yield every string value anywhere inside `value`."""
    if isinstance(value, str):
        yield value
    elif not isinstance(value, bool):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def has_emoji(value: Json) -> bool:
    """Tell whether any text in `value` leaves the basic multilingual plane."""
    return any(ord(char) > 0xFFFF for text in texts(value) for char in text)


def decimals(text: str) -> int:
    """Count the digits written after the decimal point."""
    return len(text.partition(".")[2])


FIRMS = {firm["key"]: firm for firm in json.loads(BOOKS.read_text(encoding="utf-8"))["firms"]}
CLIENTS = [(key, client) for key, firm in FIRMS.items() for client in firm["clients"]]
INVOICES = [(key, invoice) for key, firm in FIRMS.items() for invoice in firm["invoices"]]
LINES = [(key, invoice, line) for key, invoice in INVOICES for line in invoice["lines"]]
HOME: dict[tuple[str, Json], str] = {(key, c["external_ref"]): c.get("home", "xero") for key, c in CLIENTS}
each_firm = pytest.mark.parametrize("key", ["A", "B"])
each_client = pytest.mark.parametrize(("key", "client"), CLIENTS, ids=[c["external_ref"] for _, c in CLIENTS])
each_invoice = pytest.mark.parametrize(("key", "invoice"), INVOICES, ids=[i["number"] for _, i in INVOICES])
each_plan = pytest.mark.parametrize(("key", "provider"), list(PLAN_SIZES))


def home(key: str, invoice: dict[str, Json]) -> str:
    """Name the provider at which the invoice's client has its home."""
    return HOME[key, invoice["client_ref"]]


def planned(plan: dict[str, list[str]]) -> list[str]:
    """List every invoice number a payment plan names, repeats included."""
    return [entry[0] if key == "pay_in_part" else entry for key in PLAN_KEYS for entry in plan[key]]


def test_two_firms_with_the_agreed_counts() -> None:
    assert list(FIRMS) == ["A", "B"]
    for key, (clients, invoices) in COUNTS.items():
        assert (len(FIRMS[key]["clients"]), len(FIRMS[key]["invoices"])) == (clients, invoices)
        assert FIRMS[key]["timezone"] in available_timezones()
    assert (len(CLIENTS), len(INVOICES)) == (40, 120)


def test_only_firm_a_has_two_homes_and_they_are_halves() -> None:
    assert Counter(c["home"] for c in FIRMS["A"]["clients"]) == {"quickbooks": 14, "xero": 14}
    assert not any("home" in client for client in FIRMS["B"]["clients"])


@each_client
def test_client_is_complete_and_within_the_vendors_limits(key: str, client: dict[str, Json]) -> None:
    allowed = CLIENT_KEYS | ({"home"} if key == "A" else set())
    assert allowed <= set(client) <= allowed | CLIENT_OPTIONAL
    assert client["active"] is True
    assert client["currency"] == CURRENCY[key]
    name, email, phone = str(client["name"]), str(client["email"]), str(client["phone"])
    assert 0 < len(name) <= 100
    assert not set(name) & set(":\t\n<>")
    assert re.fullmatch(r"[a-z0-9.]+@[a-z0-9-]+\.example", email)
    assert len(phone) <= 30
    assert len(str(client.get("company_name", ""))) <= 100
    assert len(str(client["external_ref"])) <= 128
    address = client["billing_address"]
    assert isinstance(address, dict)
    assert set(address) - {"line2"} == {"line1", "city", "region", "postal_code", "country"}


@each_firm
def test_references_numbers_and_names_are_unique(key: str) -> None:
    firm = FIRMS[key]
    for kind, field in (("clients", "name"), ("clients", "external_ref"), ("invoices", "external_ref")):
        values = [record[field].casefold() for record in firm[kind]]
        assert len(values) == len(set(values)), field
    assert {i["client_ref"] for i in firm["invoices"]} == {c["external_ref"] for c in firm["clients"]}


def test_invoice_numbers_are_unique_everywhere_and_fit_quickbooks() -> None:
    numbers = [invoice["number"] for _, invoice in INVOICES]
    assert len(set(numbers)) == 120
    assert max(map(len, numbers)) == 21


def test_no_text_is_empty_padded_or_broken() -> None:
    for text in texts(list(FIRMS.values())):
        assert text == " ".join(text.split()) != "", text
        assert text.isprintable(), text


@each_invoice
def test_invoice_adds_up(key: str, invoice: dict[str, Json]) -> None:
    assert set(invoice) - {"private_note"} == INVOICE_KEYS | set(SUMS)
    lines = invoice["lines"]
    assert isinstance(lines, list)
    assert 1 <= len(lines) <= 8
    amounts, taxes = Decimal(0), Decimal(0)
    for line in lines:
        assert isinstance(line, dict)
        assert LINE_KEYS <= set(line) <= LINE_KEYS | {"discount_percent", "service_date"}
        quantity, price = Decimal(str(line["quantity"])), Decimal(str(line["unit_price"]))
        kept = 1 - Decimal(str(line.get("discount_percent", 0))) / 100
        amount = Decimal(str(line["amount"]))
        assert amount == cents(quantity * price * kept)
        assert Decimal(str(line["tax_amount"])) == cents(amount * RATES[key][str(line["tax_code"])])
        amounts, taxes = amounts + amount, taxes + Decimal(str(line["tax_amount"]))
    stated = [Decimal(str(invoice[field])) for field in SUMS]
    assert stated == [amounts, taxes, amounts + taxes]
    if invoice["tax_mode"] == "none":
        assert taxes == 0


@each_invoice
def test_invoice_header_is_in_order(key: str, invoice: dict[str, Json]) -> None:
    issued, due = date.fromisoformat(str(invoice["issue_date"])), date.fromisoformat(str(invoice["due_date"]))
    assert date(2026, 6, 1) <= issued <= due <= date(2026, 11, 30)
    assert invoice["currency"] == CURRENCY[key]
    assert invoice["tax_mode"] in {"exclusive", "none"}
    assert invoice["status"] == "approved"
    assert len(str(invoice["memo"])) <= 255
    assert len(str(invoice.get("private_note", ""))) <= 1000


def test_written_decimals() -> None:
    for _, invoice in INVOICES:
        assert {decimals(invoice[field]) for field in SUMS} == {2}
    for _, invoice, line in LINES:
        assert decimals(line["amount"]) == decimals(line["tax_amount"]) == 2
        assert max(decimals(line["quantity"]), decimals(line["unit_price"])) <= 4
        assert min(Decimal(line["quantity"]), Decimal(line["unit_price"])) > 0
        assert len(line["description"]) <= 4000
        if "service_date" in line:
            assert "2026-06-01" <= line["service_date"] <= invoice["issue_date"]


def test_discounts_only_where_the_target_takes_them() -> None:
    discounted = [(key, invoice) for key, invoice, line in LINES if "discount_percent" in line]
    assert {key for key, _ in discounted} == {"A", "B"}
    assert {home(key, invoice) for key, invoice in discounted} == {"xero"}
    assert all(0 < Decimal(line["discount_percent"]) < 100 for *_, line in LINES if "discount_percent" in line)


@each_firm
def test_mappings_cover_every_code(key: str) -> None:
    mappings = FIRMS[key]["mappings"]
    assert set(mappings) == ({"quickbooks", "xero"} if key == "A" else {"xero"})
    lines = [line for firm, _, line in LINES if firm == key]
    for provider, mapping in mappings.items():
        assert {line["account_code"] for line in lines} <= set(mapping["accounts"])
        assert {line["tax_code"] for line in lines} <= set(mapping["taxes"]) == set(RATES[key])
        used_items = {line["item_code"] for line in lines} if provider == "quickbooks" else set()
        assert used_items == set(mapping["items"])


def test_mapped_ids_are_those_of_the_sample_companies() -> None:
    quickbooks, xero = FIRMS["A"]["mappings"]["quickbooks"], FIRMS["A"]["mappings"]["xero"]
    assert set(quickbooks["accounts"].values()) == {"1", "45", "79"}
    assert set(quickbooks["items"].values()) == {"1", "2", "3", "5", "6", "11"}
    assert quickbooks["taxes"] == {"SALES8": "TAX", "EXEMPT": "NON"}
    assert xero["taxes"] == {"SALES8": "OUTPUT", "EXEMPT": "NONE"}
    nz = FIRMS["B"]["mappings"]["xero"]
    assert nz["taxes"] == {"GST15": "OUTPUT2", "ZERO": "ZERORATED"}
    assert set(xero["accounts"].values()) == set(nz["accounts"].values()) == {"200", "260"}


def test_one_invoice_carries_an_emoji_and_its_refusal_is_foreseen() -> None:
    emoji = [(key, invoice) for key, invoice in INVOICES if has_emoji(invoice)]
    assert not any(has_emoji(client) for _, client in CLIENTS)
    [(key, invoice)] = emoji
    assert (key, home(key, invoice)) == ("A", "quickbooks")
    assert has_emoji(invoice["memo"])
    assert any(has_emoji(line["description"]) for line in invoice["lines"])
    assert FIRMS["A"]["expected_refusals"] == [invoice["external_ref"]]
    assert invoice["external_ref"] in FIRMS["A"]["push_to_both"]
    assert not FIRMS["B"]["expected_refusals"]
    for provider in ("quickbooks", "xero"):
        assert invoice["number"] not in planned(FIRMS["A"]["payments"][provider])


def test_all_else_bound_for_quickbooks_is_latin_1() -> None:
    """US QuickBooks companies are held to ISO-8859-1, so only the emoji invoice may step outside it."""
    bound = [c for _, c in CLIENTS if c.get("home") == "quickbooks"]
    bound += [i for key, i in INVOICES if home(key, i) == "quickbooks" and not has_emoji(i)]
    assert all(text.encode("latin-1") for text in texts(bound))


def test_pushed_to_both_are_four_of_quickbooks_and_two_are_paid_there() -> None:
    firm = FIRMS["A"]
    both = [i for i in firm["invoices"] if i["external_ref"] in firm["push_to_both"]]
    assert len(both) == len(firm["push_to_both"]) == 4
    assert {home("A", invoice) for invoice in both} == {"quickbooks"}
    paid = set(firm["payments"]["quickbooks"]["pay_in_full"])
    named = set(planned(firm["payments"]["quickbooks"]))
    assert len(paid & {i["number"] for i in both}) == len(named & {i["number"] for i in both}) == 2
    assert not FIRMS["B"]["push_to_both"]


@each_plan
def test_payment_plan_names_each_invoice_once_and_at_home(key: str, provider: str) -> None:
    plan = FIRMS[key]["payments"][provider]
    assert tuple(len(plan[part]) for part in PLAN_KEYS) == PLAN_SIZES[key, provider]
    assert set(plan) == set(PLAN_KEYS)
    numbers = planned(plan)
    assert len(numbers) == len(set(numbers))
    invoices = {i["number"]: i for i in FIRMS[key]["invoices"]}
    assert {home(key, invoices[number]) for number in numbers} == {provider}
    for number, amount in plan["pay_in_part"]:
        assert decimals(amount) == 2
        assert 0 < Decimal(amount) < Decimal(invoices[number]["total"])


@each_firm
def test_variety_of_totals_and_taxes(key: str) -> None:
    invoices = FIRMS[key]["invoices"]
    totals = [Decimal(i["total"]) for i in invoices]
    assert min(totals) < 1
    assert max(totals) >= 100_000
    assert any(1 <= total < 5 for total in totals)
    codes = [frozenset(line["tax_code"] for line in i["lines"]) for i in invoices if i["tax_mode"] == "exclusive"]
    assert set(codes) == {frozenset({c}) for c in RATES[key]} | {frozenset(RATES[key])}
    assert 1 <= sum(i["tax_mode"] == "none" for i in invoices) <= 6
    assert {1, 2, 3, 4, 8} <= {len(i["lines"]) for i in invoices}


def test_six_figures_at_every_home() -> None:
    large = {(key, home(key, i)) for key, i in INVOICES if Decimal(i["total"]) >= 100_000}
    assert large == set(PLAN_SIZES)


def test_rounding_is_exercised() -> None:
    ties = [line for *_, line in LINES if "discount_percent" not in line and is_tie(line)]
    assert ties, "some quantity times price must end on half a cent"
    gst = [line for key, _, line in LINES if key == "B" and line["tax_code"] == "GST15"]
    assert any((Decimal(line["amount"]) * 15) % 1 == Decimal("0.5") for line in gst)
    drift = [key for key, invoice in INVOICES if Decimal(invoice["tax_total"]) != tax_of_the_sum(key, invoice)]
    assert {"A", "B"} == set(drift), "per-line tax must somewhere differ from the tax on the sum"


def is_tie(line: dict[str, str]) -> bool:
    """Tell whether quantity times price lies exactly between two cents."""
    return (Decimal(line["quantity"]) * Decimal(line["unit_price"]) * 100) % 1 == Decimal("0.5")


def tax_of_the_sum(key: str, invoice: dict[str, list[dict[str, str]]]) -> Decimal:
    """Tax the invoice would have were each rate applied once, to the sum of its lines."""
    bases: dict[str, Decimal] = {}
    for line in invoice["lines"]:
        bases[line["tax_code"]] = bases.get(line["tax_code"], Decimal(0)) + Decimal(line["amount"])
    return sum((cents(base * RATES[key][code]) for code, base in bases.items()), Decimal(0))


def test_texts_show_what_real_books_contain() -> None:
    for key in FIRMS:
        names = "".join(client["name"] for firm, client in CLIENTS if firm == key)
        lines = [line["description"] for firm, _, line in LINES if firm == key]
        assert set("'&") <= set(names)
        assert not names.isascii()
        assert any(80 <= len(client["name"]) <= 90 for firm, client in CLIENTS if firm == key)
        assert any(len(text) >= 300 for text in lines)
        assert set("\"'&") <= set("".join(lines))
