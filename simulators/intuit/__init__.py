"""A stand-in for Intuit: OAuth, the QuickBooks Online accounting API, and its webhooks."""

from simulators.intuit.seeds import AU_REALM, UK_REALM, US_REALM
from simulators.intuit.simulator import CLIENT_ID, CLIENT_SECRET, PRODUCTION_CLIENT_ID, IntuitSimulator

__all__ = ["AU_REALM", "CLIENT_ID", "CLIENT_SECRET", "PRODUCTION_CLIENT_ID", "UK_REALM", "US_REALM", "IntuitSimulator"]
