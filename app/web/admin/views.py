"""The operator's lists: columns, filters, searches, groups of fields, and the acts that each permits."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from sqladmin import action
from sqladmin.filters import AllUniqueStringValuesFilter, BooleanFilter, StaticValuesFilter
from starlette.requests import Request
from starlette.responses import RedirectResponse

from app.sync.controlling import Act
from app.web.admin import acts, rows
from app.web.admin.listed import Listed, Since

_STATUSES: Final = [(one, one) for one in ("synced", "pending", "error")]


class Connections(Listed, model=rows.ConnectionRow):
    """Companies that firms have connected."""

    name, name_plural, icon = "Connection", "Connections", "fa-solid fa-plug"
    column_list: ClassVar[Any] = (
        "id firm provider company_name "
        "status access_token last_invoice_sync_at last_payment_sync_at last_customer_sync_at"
    ).split()
    column_filters: ClassVar[Any] = [
        AllUniqueStringValuesFilter("provider"),
        AllUniqueStringValuesFilter("status"),
        BooleanFilter("sync_enabled"),
        Since(),
    ]
    column_searchable_list: ClassVar[Any] = ["firm", "company_name", "company_id"]
    groups: ClassVar[Mapping[str, Sequence[str]]] = {
        "Identity": ("id", "firm_id", "firm", "subject"),
        "OAuth": ("access_token", "refresh_token", "token_expires_at", "refreshed_at", "scopes"),
        "Provider": ("provider", "environment", "company_id", "company_name", "company", "readiness"),
        "Sync": (
            "sync_enabled invoice_sync_enabled payment_sync_enabled customer_sync_enabled journal_sync_enabled "
            "frequency_minutes update_policy last_invoice_sync_at last_payment_sync_at last_customer_sync_at "
            "next_sync_at throttled_until"
        ).split(),
        "Status": ("status", "error_code", "error_message"),
        "Audit": ("connected_at", "revoked_at", "created_at", "updated_at"),
    }

    @action("look", "Look at the company")
    async def look(self, request: Request) -> RedirectResponse:
        """Check it now."""
        return await self._each(request, acts.look, "asked to be looked at")

    @action("sync", "Sync now")
    async def sync(self, request: Request) -> RedirectResponse:
        """Push and pull."""
        return await self._each(request, acts.sync, "asked to sync")

    @action("pause", "Pause automatic sync", "Pause automatic sync of what is chosen?")
    async def pause(self, request: Request) -> RedirectResponse:
        """Stop automatic work."""
        return await self._each(request, acts.pause, "paused")

    @action("resume", "Resume automatic sync")
    async def resume(self, request: Request) -> RedirectResponse:
        """Go on."""
        return await self._each(request, acts.resume, "resumed")

    @action("disconnect", "Disconnect", "The access is given back at the provider and erased here. Go on?")
    async def disconnect(self, request: Request) -> RedirectResponse:
        """End it."""
        return await self._each(request, acts.disconnect, "asked to be disconnected")


_PLACE: Final = ("id", "firm_id", "firm", "connection_id", "connection", "provider")
_OUTCOME: Final = ("sync_status", "state", "sync_error", "fault", "external_metadata")
_TIMES: Final = ("accepted_at", "synced_at", "created_at", "updated_at")


class Mappings(Listed):
    """What the lists of mappings share."""

    icon = "fa-solid fa-link"
    column_filters: ClassVar[Any] = [
        StaticValuesFilter("sync_status", _STATUSES),
        AllUniqueStringValuesFilter("provider"),
        Since(),
    ]

    @action("retry", "Try again")
    async def retry(self, request: Request) -> RedirectResponse:
        """Once more."""
        return await self._each(request, acts.mend(acts.KINDS[self.identity], "retry"), "asked for again")

    @action("skip", "Leave out", "Leave out what is chosen until it is edited or retried?")
    async def skip(self, request: Request) -> RedirectResponse:
        """Leave it."""
        return await self._each(request, acts.mend(acts.KINDS[self.identity], "skip"), "left out")


class InvoiceMappings(Mappings, model=rows.InvoiceMappingRow):
    """Invoices in companies."""

    name, name_plural = "Invoice mapping", "Invoice mappings"
    column_list: ClassVar[Any] = (
        "id firm record connection provider external_id external_number sync_status state"
    ).split()
    column_searchable_list: ClassVar[Any] = ["record", "external_id", "external_number", "firm"]
    column_labels: ClassVar[Any] = {"record": "invoice"}
    groups: ClassVar[Mapping[str, Sequence[str]]] = {
        "Place": (*_PLACE, "record", "total", "currency"),
        "At the provider": ("external_id", "external_number", "external_total"),
        "Outcome": _OUTCOME,
        "Times": _TIMES,
    }


class CustomerMappings(Mappings, model=rows.CustomerMappingRow):
    """Clients in companies."""

    name, name_plural = "Customer mapping", "Customer mappings"
    column_list: ClassVar[Any] = (
        "id firm record connection provider external_id external_name sync_status state"
    ).split()
    column_searchable_list: ClassVar[Any] = ["record", "email", "external_id", "external_name", "firm"]
    column_labels: ClassVar[Any] = {"record": "client"}
    groups: ClassVar[Mapping[str, Sequence[str]]] = {
        "Place": (*_PLACE, "record", "email"),
        "At the provider": ("external_id", "external_name"),
        "Outcome": _OUTCOME,
        "Times": _TIMES,
    }


class JournalMappings(Mappings, model=rows.JournalMappingRow):
    """Journal entries in companies."""

    name, name_plural = "Journal mapping", "Journal mappings"
    column_list: ClassVar[Any] = InvoiceMappings.column_list
    column_searchable_list: ClassVar[Any] = InvoiceMappings.column_searchable_list
    column_labels: ClassVar[Any] = {"record": "journal entry"}
    groups: ClassVar[Mapping[str, Sequence[str]]] = InvoiceMappings.groups


class Runs(Listed, model=rows.RunRow):
    """Background work and what came of it."""

    name, name_plural, icon = "Run", "Runs", "fa-solid fa-rotate"
    column_list: ClassVar[Any] = (
        "id firm connection provider action trigger state requested_by created_at finished_at"
    ).split()
    column_filters: ClassVar[Any] = [
        AllUniqueStringValuesFilter("state"),
        AllUniqueStringValuesFilter("action"),
        AllUniqueStringValuesFilter("provider"),
        Since(),
    ]
    column_searchable_list: ClassVar[Any] = ["firm", "connection", "requested_by"]

    @action("pause", "Pause")
    async def pause(self, request: Request) -> RedirectResponse:
        """Stop it where it is."""
        return await self._each(request, acts.steer(Act.pause), "paused")

    @action("resume", "Resume")
    async def resume(self, request: Request) -> RedirectResponse:
        """Go on."""
        return await self._each(request, acts.steer(Act.resume), "resumed")

    @action("cancel", "Cancel", "What was not sent yet is left out. Go on?")
    async def cancel(self, request: Request) -> RedirectResponse:
        """End it."""
        return await self._each(request, acts.steer(Act.cancel), "cancelled")


class Events(Listed, model=rows.EventRow):
    """What vendors told us."""

    name, name_plural, icon = "Webhook event", "Webhook events", "fa-solid fa-bell"
    column_list: ClassVar[Any] = (
        "id firm provider company_id kind external_id operation state duplicates created_at"
    ).split()
    column_filters: ClassVar[Any] = [
        AllUniqueStringValuesFilter("provider"),
        AllUniqueStringValuesFilter("state"),
        AllUniqueStringValuesFilter("kind"),
        Since(),
    ]
    column_searchable_list: ClassVar[Any] = ["firm", "company_id", "external_id"]

    @action("replay", "Look again")
    async def replay(self, request: Request) -> RedirectResponse:
        """Once more."""
        return await self._each(request, acts.replay, "looked at again")


class Firms(Listed, model=rows.FirmRow):
    """Tenants."""

    name, name_plural, icon = "Firm", "Firms", "fa-solid fa-building"
    column_list: ClassVar[Any] = "id name time_zone sync_enabled frequency_minutes created_at".split()
    column_filters: ClassVar[Any] = [BooleanFilter("sync_enabled"), Since()]
    column_searchable_list: ClassVar[Any] = ["name"]


class Keys(Listed, model=rows.KeyRow):
    """API keys, of which nobody can see more than the first letters."""

    name, name_plural, icon = "API key", "API keys", "fa-solid fa-key"
    column_list: ClassVar[Any] = "id firm name prefix role expires_at revoked_at last_used_at".split()
    column_filters: ClassVar[Any] = [AllUniqueStringValuesFilter("role")]
    column_searchable_list: ClassVar[Any] = ["firm", "name", "prefix"]

    @action("revoke", "Revoke", "The key is refused from the next request on. Go on?")
    async def revoke(self, request: Request) -> RedirectResponse:
        """Make it useless."""
        return await self._each(request, acts.revoke, "revoked")


class Audit(Listed, model=rows.AuditRow):
    """Who did what."""

    name, name_plural, icon = "Audit event", "Audit", "fa-solid fa-list"
    column_list: ClassVar[Any] = "id created_at firm actor action subject details".split()
    column_filters: ClassVar[Any] = [AllUniqueStringValuesFilter("action"), Since()]
    column_searchable_list: ClassVar[Any] = ["firm", "actor", "action", "subject"]


ALL: Final = (
    Connections,
    InvoiceMappings,
    CustomerMappings,
    JournalMappings,
    Runs,
    Events,
    Firms,
    Keys,
    Audit,
)
