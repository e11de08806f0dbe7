"""What cures what: when its cause is mended, a record that was refused or left out is owed again by itself."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from sqlalchemy import text

from app.canonical import ProviderName
from app.db import mappings, run_control
from app.db.kinds import PUSHED
from app.db.rules import Rule
from app.db.session import Session


class Cure(StrEnum):
    """Something that was mended."""

    account_mapped = "account_mapped"
    tax_mapped = "tax_mapped"
    item_mapped = "item_mapped"
    company_changed = "company_changed"
    lists_changed = "lists_changed"
    customers_changed = "customers_changed"
    reconnected = "reconnected"
    switched_on = "switched_on"
    start_moved = "start_moved"
    policy_changed = "policy_changed"


_ACCOUNTS = ("account_unmapped", "account_invalid", "account_type_invalid")
_TAXES = ("tax_unmapped", "tax_invalid", "tax_missing", "tax_codes_mixed", "tax_unexpected")
_ITEMS = ("item_unmapped", "item_missing", "item_invalid")
# The codes of faults that each may cure. A record that is refused again says so again.
CODES: Mapping[Cure, tuple[str, ...]] = {
    Cure.account_mapped: (*_ACCOUNTS, "reference_invalid", "record_missing_or_inactive"),
    Cure.tax_mapped: (*_TAXES, "reference_invalid"),
    Cure.item_mapped: (*_ITEMS, "reference_invalid", "record_missing_or_inactive"),
    Cure.company_changed: (
        "period_closed",
        "currency_not_enabled",
        "currency_invalid",
        "feature_unavailable",
        "subscription_ended",
        "cannot_be_prepared",
        "cannot_be_read",
        *_TAXES,
    ),
    Cure.lists_changed: (*_ACCOUNTS, *_TAXES, *_ITEMS, "reference_invalid", "record_missing_or_inactive"),
    Cure.customers_changed: (
        "customer_archived",
        "reference_invalid",
        "record_missing_or_inactive",
        "name_taken",
        "reference_taken",
    ),
    Cure.reconnected: ("permission_denied", "connecting_user_lost_access", "needs_reauth", "subscription_ended"),
    Cure.switched_on: (),
    Cure.start_moved: (),
    Cure.policy_changed: (),
}
# The rules by which records were left out, and which may no longer hold.
RULES: Mapping[Cure, tuple[Rule, ...]] = {
    Cure.switched_on: (Rule.sync_off,),
    Cure.start_moved: (Rule.before_sync_from,),
    Cure.policy_changed: (Rule.updates_off,),
}
_MEND = {
    kind: text(
        f"""
        UPDATE {known.mappings} m SET state = 'pending', sync_error = '', fault = '{{}}'::jsonb, failures = 0,
            accepted_at = now(), next_due_at = now(), updated_at = now()
        FROM connections k
        WHERE m.firm_id = :firm AND k.firm_id = m.firm_id AND k.id = m.connection_id AND k.status <> 'revoked'
          AND (CAST(:provider AS text) IS NULL OR k.provider = :provider)
          AND (CAST(:connection AS bigint) IS NULL OR k.id = :connection)
          AND m.state = 'error' AND m.fault ->> 'code' = ANY(:codes)
        RETURNING m.id, m.connection_id
        """
    )
    for kind, known in PUSHED.items()
}
_LEFT_OUT = {
    kind: text(
        f"""
        SELECT m.{known.record} AS record_id FROM {known.mappings} m
        WHERE m.firm_id = :firm AND (CAST(:connection AS bigint) IS NULL OR m.connection_id = :connection)
          AND m.state = 'excluded' AND m.fault ->> 'code' = ANY(:rules)
        """
    )
    for kind, known in PUSHED.items()
}


async def cured(
    session: Session,
    firm_id: int,
    cures: Collection[Cure],
    *,
    provider: ProviderName | str | None = None,
    connection_id: int | None = None,
) -> set[int]:
    """Make owed again what these cures may help; returns the connections to wake after the commit.

    What was left out by a rule is judged anew: it may be left out by the same or another one again. What a run carries
    that was paused or cancelled meanwhile is held as all of it is.
    """
    given = {"firm": firm_id, "provider": provider, "connection": connection_id}
    codes = sorted({code for cure in cures for code in CODES[cure]})
    rules = sorted({rule.value for cure in cures for rule in RULES.get(cure, ())})
    woken: set[int] = set()
    for kind in PUSHED:
        if codes:
            mended = (await session.execute(_MEND[kind], {**given, "codes": codes})).all()
            await run_control.hold(session, firm_id, kind, [row.id for row in mended])
            woken |= {row.connection_id for row in mended}
        if rules:
            left_out = {"firm": firm_id, "connection": connection_id, "rules": rules}
            ids = list((await session.execute(_LEFT_OUT[kind], left_out)).scalars())
            woken |= await mappings.auto_push(session, firm_id, kind, ids)
    return woken
