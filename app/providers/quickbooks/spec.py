"""QuickBooks Online as data: what it permits, how fast, and under which names."""

from datetime import timedelta
from types import MappingProxyType

from app.canonical import Kind, ProviderName
from app.providers.base import ADDRESS_FIELDS, Capabilities, Limits

NAME = ProviderName.quickbooks
SIGNATURE_HEADER = "intuit-signature"

# 75 has been the lowest version served since August 2025; sending it keeps answers stable when it is raised.
MINOR_VERSION = "75"

# Rows per page of a query (the vendor's maximum) and the number at which a change feed stops without saying so.
PAGE_ROWS = 1000
# Pages by position are no snapshot: a row deleted while we read moves the rest up. Each page repeats this many.
PAGE_OVERLAP = 100

# A change feed reaches 30 days back; a day less leaves room for clocks that differ.
FEED_REACH = timedelta(days=29)
# Whether the feed's lower bound is inclusive is undocumented, and record stamps are rounded to the second.
FEED_OVERLAP = timedelta(minutes=5)

# The documented advice after a 429; the header `Retry-After` was never seen.
THROTTLE_PAUSE = timedelta(seconds=60)
# A company that is locked, under maintenance or unpaid does not come back within the minute.
COMPANY_PAUSE = timedelta(minutes=30)

CAPABILITIES = Capabilities(
    batch_sizes=MappingProxyType({Kind.customer: 30, Kind.invoice: 30, Kind.journal_entry: 30}),
    # Intuit promises that a `requestid` returns the first answer but not for how long. Five minutes covers a lost
    # answer and a restarted worker; later, an invoice is found again by number and a customer by name, which is as
    # certain and rests on nothing undocumented.
    replay_window=timedelta(minutes=5),
    # Intuit gives a call up after 120 s; ten more for the clocks.
    settle_after=timedelta(seconds=130),
    fetch_size=100,
    updatable=frozenset({Kind.customer, Kind.invoice, Kind.journal_entry}),
    # A void of a journal is answered with 200 and does nothing: a journal is reversed by another one.
    voidable=frozenset({Kind.invoice}),
    limits=Limits(per_minute=500, per_second=10, concurrent=10, per_day=None, batch_per_minute=40),
    # The tax number is masked there, and the currency is fixed once and for all.
    customer_fields=("name", "email", "phone", "company_name", "notes", *ADDRESS_FIELDS),
)
