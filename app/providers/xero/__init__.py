"""Xero: what it permits, its JSON, its faults and its webhooks, behind the protocol of `app.providers.base`."""

from app.providers.xero.adapter import Xero
from app.providers.xero.spec import CAPABILITIES, NAME, SIGNATURE_HEADER, customer_url, invoice_url, journal_url
from app.providers.xero.webhook import read_webhook

__all__ = [
    "CAPABILITIES",
    "NAME",
    "SIGNATURE_HEADER",
    "Xero",
    "customer_url",
    "invoice_url",
    "journal_url",
    "read_webhook",
]
