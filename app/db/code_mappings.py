"""Account, tax and item mappings: our codes → a provider's, for the firm or for one connection only."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Text, column, delete, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from app.canonical import ProviderName
from app.db.reading import Reads
from app.db.session import Session
from app.db.sync_tables import AccountMapping, ItemMapping, TaxMapping
from app.errors import NotFound

CodeRow = Row[Any]


class CodeKind(StrEnum):
    """Which codes are mapped."""

    account = "account"
    tax = "tax"
    item = "item"


TABLES: Mapping[CodeKind, type[AccountMapping] | type[TaxMapping] | type[ItemMapping]] = {
    CodeKind.account: AccountMapping,
    CodeKind.tax: TaxMapping,
    CodeKind.item: ItemMapping,
}
_PLACE = ("firm_id", "provider", "connection_id", "internal_code")


async def page(
    session: Reads,
    firm_id: int,
    kind: CodeKind,
    *,
    provider: ProviderName | None,
    connection_id: int | None,
    after: int | None,
    limit: int,
) -> Sequence[CodeRow]:
    """Mappings in order of id; with a connection, its overrides alone."""
    table = TABLES[kind]
    query = select(table).where(table.firm_id == firm_id).order_by(table.id).limit(limit)
    if provider is not None:
        query = query.where(table.provider == provider)
    if connection_id is not None:
        query = query.where(table.connection_id == connection_id)
    if after is not None:
        query = query.where(table.id > after)
    return (await session.execute(query)).all()


async def put(
    session: Session,
    firm_id: int,
    kind: CodeKind,
    *,
    provider: ProviderName,
    connection_id: int | None,
    targets: Sequence[tuple[str, str, str]],
) -> Sequence[CodeRow]:
    """Set (internal code, external code, external name) for each; other codes stay. Returns the mappings set.

    `targets` names each internal code once.
    """
    table = TABLES[kind]
    place = {"firm_id": firm_id, "provider": provider, "connection_id": connection_id}
    rows = [
        {**place, "internal_code": ours, "external_code": theirs, "external_name": name}
        for ours, theirs, name in targets
    ]
    query = insert(table).values(rows)
    query = query.on_conflict_do_update(
        index_elements=_PLACE,
        set_={
            "external_code": query.excluded.external_code,
            "external_name": query.excluded.external_name,
            "updated_at": func.now(),
        },
    )
    return (await session.execute(query.returning(table))).all()


async def fill(
    session: Session, firm_id: int, kind: CodeKind, *, provider: ProviderName, targets: Sequence[tuple[str, str, str]]
) -> None:
    """Set (internal code, external code, external name) for the codes that have no mapping yet; the others stay."""
    table = TABLES[kind]
    names = ("internal_code", "external_code", "external_name")
    given = [dict(zip(names, target, strict=True)) for target in targets]
    source = (
        func.jsonb_to_recordset(literal(given, JSONB))
        .table_valued(*(column(name, Text) for name in names))
        .render_derived(name="given", with_types=True)
    )
    rows = select(literal(firm_id), literal(provider.value), *(source.c[name] for name in names))
    await session.execute(
        insert(table).from_select(["firm_id", "provider", *names], rows).on_conflict_do_nothing(index_elements=_PLACE)
    )


async def remove(session: Session, firm_id: int, kind: CodeKind, mapping_id: int) -> None:
    """Forget one mapping. Raises NotFound."""
    table = TABLES[kind]
    gone = await session.execute(
        delete(table).where(table.firm_id == firm_id, table.id == mapping_id).returning(table.id)
    )
    if gone.one_or_none() is None:
        raise NotFound("There is no such mapping.", record={"kind": f"{kind}_mapping", "id": mapping_id})
