"""A firm's connections to its companies: the connect journey, upkeep, the end. No HTTP framework here."""

from app.connections.consent import Caller
from app.connections.ending import disconnect
from app.connections.journey import (
    Arrival,
    Begun,
    Choose,
    Connected,
    begin,
    complete,
    complete_pending,
    land,
    select_company,
)
from app.connections.upkeep import check, refresh, tidy, update_settings

__all__ = [
    "Arrival",
    "Begun",
    "Caller",
    "Choose",
    "Connected",
    "begin",
    "check",
    "complete",
    "complete_pending",
    "disconnect",
    "land",
    "refresh",
    "select_company",
    "tidy",
    "update_settings",
]
