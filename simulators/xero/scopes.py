"""Scopes that an app may ask for, and which of them opens which endpoint."""

_IDENTITY = {"openid", "profile", "email", "offline_access"}
_WRITABLE = {
    "accounting.transactions", "accounting.invoices", "accounting.payments", "accounting.banktransactions",
    "accounting.manualjournals", "accounting.contacts", "accounting.settings", "accounting.attachments",
}  # fmt: skip
_REPORTS = {
    "aged", "balancesheet", "banksummary", "budgetsummary", "executivesummary", "profitandloss", "trialbalance",
    "taxreports", "tenninetynine",
}  # fmt: skip
KNOWN = (
    _IDENTITY
    | _WRITABLE
    | {f"{scope}.read" for scope in _WRITABLE}
    | {f"accounting.reports.{name}.read" for name in _REPORTS}
    | {"accounting.reports.read", "accounting.budgets.read", "accounting.journals.read"}
)

# Endpoint to the scopes that open it, without the `.read` ending; any one is enough.
_INVOICES = ("accounting.transactions", "accounting.invoices")
_PAYMENTS = ("accounting.transactions", "accounting.payments")
_BANK = ("accounting.transactions", "accounting.banktransactions")
_SETTINGS = ("accounting.settings",)
NEEDED: dict[str, tuple[str, ...]] = {
    "contacts": ("accounting.contacts",),
    "invoices": _INVOICES,
    "creditnotes": _INVOICES,
    "items": (*_INVOICES, *_SETTINGS),
    "payments": _PAYMENTS,
    "overpayments": _PAYMENTS,
    "prepayments": _PAYMENTS,
    "banktransactions": _BANK,
    "banktransfers": _BANK,
    "manualjournals": ("accounting.transactions", "accounting.manualjournals"),
    "journals": ("accounting.journals",),
    "contactgroups": ("accounting.contacts",),
    "trackingcategories": _SETTINGS,
    "users": _SETTINGS,
    "organisation": _SETTINGS,
    "accounts": _SETTINGS,
    "taxrates": _SETTINGS,
    "currencies": _SETTINGS,
}
# Apps created on or after 2 March 2026 cannot ask for these.
BROAD = {"accounting.transactions", "accounting.transactions.read", "accounting.reports.read"}


def unknown(scopes: set[str], *, granular: bool = False) -> set[str]:
    """The scopes that no app can have (`app.connections` on a web consent among them).

    `granular`: the app is a new one, without the broad scopes.
    """
    return scopes - (KNOWN - BROAD if granular else KNOWN)


def allows(granted: frozenset[str], resource: str, *, write: bool) -> bool:
    """Whether the granted scopes open this endpoint."""
    wanted = NEEDED[resource]
    if any(scope in granted for scope in wanted):
        return True
    return not write and any(f"{scope}.read" in granted for scope in wanted)
