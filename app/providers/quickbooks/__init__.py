"""QuickBooks Online: everything that is Intuit's alone. The registry takes these names and nothing else."""

from app.providers.quickbooks.adapter import QuickBooks
from app.providers.quickbooks.spec import CAPABILITIES, NAME, SIGNATURE_HEADER
from app.providers.quickbooks.webhook import read_webhook

__all__ = ["CAPABILITIES", "NAME", "SIGNATURE_HEADER", "QuickBooks", "read_webhook"]
