"""What all lists of the operator's admin share: they only read, group fields, and tell what came of an act."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from markupsafe import Markup
from sqladmin import ModelView
from sqladmin.flash import Flash
from sqlalchemy import Select, select
from starlette.requests import Request
from starlette.responses import RedirectResponse

from app.errors import AppError
from app.runtime import Runtime
from app.web.admin import acts
from app.web.timeline import shown_json

_PERIODS: Final = {
    "1": "today and yesterday",
    "7": "the last 7 days",
    "30": "the last 30 days",
    "90": "the last 90 days",
}


class Since:
    """A filter by age: SQLAdmin's own for moments needs them typed in full."""

    has_operator = False
    template = "sqladmin/filters/lookup_filter.html"

    def __init__(self, column: str = "created_at", title: str = "Created") -> None:
        self.column, self.title, self.parameter_name = column, title, column

    async def lookups(self, _request: Request, _model: Any, _run: Callable[..., Any]) -> list[tuple[str, str]]:
        """What can be chosen."""
        return [("__all", "All"), *_PERIODS.items()]

    async def get_filtered_query(self, query: Select[Any], value: Any, model: Any) -> Select[Any]:
        """The query, narrowed."""
        if value not in _PERIODS:
            return query
        return query.where(getattr(model, self.column) >= datetime.now(UTC) - timedelta(days=int(value)))


def _as_text(value: Any) -> Any:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _as_json(value: Any) -> Markup:
    return Markup("<pre class='mb-0'>{}</pre>").format(shown_json(value))


class Listed(ModelView):
    """Reads only; `groups` are the titles and fields of the page of one record."""

    can_create = can_edit = can_delete = False
    can_export = False
    page_size = 50
    page_size_options: ClassVar[Sequence[int]] = [50, 100]
    details_template = "grouped.html"
    groups: ClassVar[Mapping[str, Sequence[str]]] = {}
    column_default_sort: ClassVar[Any] = [("id", True)]
    column_type_formatters: ClassVar[Any] = {
        **ModelView.column_type_formatters,
        datetime: _as_text,
        dict: lambda value: json.dumps(value, default=str)[:80],
    }
    column_type_formatters_detail: ClassVar[Any] = {
        **ModelView.column_type_formatters,
        datetime: _as_text,
        dict: _as_json,
        list: _as_json,
    }

    async def _each(self, request: Request, do: acts.Doing, done: str) -> RedirectResponse:
        """Do something to every chosen record, tell what came of it, and go back to the list."""
        runtime: Runtime = request.app.state.runtime()
        actor = f"operator:{request.session['operator']}"
        ids = [int(one) for one in request.query_params.get("pks", "").split(",") if one.isdecimal()]
        found = await self._run_query(select(self.model).where(self.pk_columns[0].in_(ids)))
        refused = []
        for row in found:
            try:
                await do(runtime, row, actor)
            except AppError as error:
                refused.append(f"#{row.id}: {error.detail}")
        if refused:
            Flash.error(request, " ".join(refused[:5]))
        if len(found) > len(refused):
            Flash.success(request, f"{len(found) - len(refused)} {done}.")
        return RedirectResponse(request.url_for("admin:list", identity=self.identity), status_code=303)
