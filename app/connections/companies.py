"""What a connection remembers of its company. Pure."""

from dataclasses import asdict, dataclass
from typing import Any

from app.canonical import Company, ProviderName
from app.db.base import Json
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Established:
    """A company as its connection stores it: the whole of it for the sync, and the checks for people."""

    name: str
    facts: Json
    readiness: list[Any]


def stored(company: Company) -> Established:
    """JSON of a company; `sync.turn.company_from` reads it back."""
    checks = [asdict(check) for check in company.checks]
    facts = {
        "external_id": company.external_id,
        "name": company.name,
        "country": company.country,
        "currency": company.currency,
        "multicurrency": company.multicurrency,
        "lock_date": company.lock_date.isoformat() if company.lock_date else None,
        "facts": dict(company.facts),
        "checks": checks,
    }
    return Established(company.name, facts, checks)


def environment_of(settings: Settings, provider: ProviderName) -> str:
    """`sandbox` or `production`. Xero's demo companies live among the real ones, so there it is the service's own."""
    if provider is ProviderName.quickbooks:
        return settings.quickbooks_environment
    return "production" if settings.environment == "production" else "sandbox"
