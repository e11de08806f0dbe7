"""The stand-in Xero: OAuth, connections, the accounting API, webhooks and real books behind them."""

from simulators.xero.seeds import (
    CLIENT_ID,
    CLIENT_SECRET,
    TENANT_AU,
    TENANT_NZ,
    TENANT_UK,
    TENANT_US,
    USER_ACCOUNTANT,
    USER_BOOKKEEPER,
)
from simulators.xero.simulator import XeroSimulator

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "TENANT_AU",
    "TENANT_NZ",
    "TENANT_UK",
    "TENANT_US",
    "USER_ACCOUNTANT",
    "USER_BOOKKEEPER",
    "XeroSimulator",
]
