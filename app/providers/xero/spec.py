"""Xero as data: what it permits, how fast, under which addresses, and where a person looks at a record."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from urllib.parse import quote

from app.canonical import Company, Kind, ProviderName
from app.providers.base import ADDRESS_FIELDS, Capabilities, Limits

NAME = ProviderName.xero
SIGNATURE_HEADER = "x-xero-signature"
API = "/api.xro/2.0"

# The vendor's maximum. Fewer, larger calls: a company has 5,000 of them a day, on the smallest tier 1,000.
PAGE_SIZE = 1000
# Whether If-Modified-Since includes its own second is undocumented, and a change may become visible a little after
# the moment it is stamped with. Every new round reads this much again.
OVERLAP = timedelta(minutes=2)

CAPABILITIES = Capabilities(
    # About 50 elements per call is the vendor's own advice.
    batch_sizes=MappingProxyType({Kind.customer: 50, Kind.invoice: 50, Kind.journal_entry: 50}),
    # The vendor keeps an answer for six minutes from the first call; one is left for the clocks and the way.
    replay_window=timedelta(minutes=5),
    # Xero publishes no time-out of its own. Ten minutes is longer than any gateway holds a request, and the key is
    # forgotten by then, so that what is not found now is not being written any more.
    settle_after=timedelta(minutes=10),
    # About 52 ids fit into the address line.
    fetch_size=50,
    updatable=frozenset({Kind.customer, Kind.invoice, Kind.journal_entry}),
    voidable=frozenset({Kind.invoice, Kind.journal_entry}),
    # The day's limit is 1,000 on the Starter tier; the answer's headers tell what is left.
    limits=Limits(
        per_minute=60,
        per_second=None,
        concurrent=5,
        per_day=5000,
        batch_per_minute=None,
        app_per_minute=10_000,
        minute_header="X-MinLimit-Remaining",
        day_header="X-DayLimit-Remaining",
    ),
    # Ten megabytes are the limit; the vendor advises this much.
    max_body=3_500_000,
    # Credit notes and prepayments show on the invoice alone.
    payment_sources=(Kind.payment, Kind.invoice),
    customer_fields=("name", "email", "phone", "tax_number", *ADDRESS_FIELDS),
    clears_fields=True,
    # Xero has no version to hold an update to: the last writer wins.
    guards_updates=False,
    read_one_by_one=frozenset({Kind.payment, Kind.journal_entry, Kind.bank_transaction}),
)


def headers(company_id: str, extra: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """What every call carries; without Accept, Xero answers XML."""
    return {
        "xero-tenant-id": company_id,
        "Accept": "application/json",
        "Content-Type": "application/json",
        **extra,
    }


def invoice_url(company: Company, external_id: str) -> str:
    """Where a person sees the invoice, in the right organisation."""
    return _deep_link(company, f"/AccountsReceivable/View.aspx?InvoiceID={external_id}")


def journal_url(company: Company, external_id: str) -> str:
    """Where a person sees the manual journal, in the right organisation."""
    return _deep_link(company, f"/Journal/View.aspx?invoiceID={external_id}")


def customer_url(company: Company, external_id: str) -> str:
    """Where a person sees the contact, in the right organisation."""
    return _deep_link(company, f"/Contacts/View/{external_id}")


def settings_url(company_facts: Mapping[str, str | bool], page: str) -> str:
    """Where a person changes a setting of the organisation; `page` is a path of Xero's own web pages."""
    short_code = company_facts.get("short_code")
    if not short_code:
        return f"https://go.xero.com{page}"
    target = quote(page, safe="/")
    return f"https://go.xero.com/organisationlogin/default.aspx?shortcode={short_code}&redirecturl={target}"


def _deep_link(company: Company, page: str) -> str:
    return settings_url(company.facts, page)
