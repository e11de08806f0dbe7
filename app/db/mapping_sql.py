"""The statements that make records owed: one per kind and occasion, built from what `kinds` knows of each."""

from sqlalchemy import TextClause, text

from app.canonical import Kind
from app.db.kinds import PUSHED, PushedKind, of_every_kind
from app.db.rules import Rule, fault_of, fault_sql

# What a change asks for, or the rule by which it is left out for now. Records that never reached the company and are
# void or inactive ask for nothing.
_UPSERT = """
WITH source AS ({source}),
target AS (
    SELECT s.*, k.id AS connection_id, {rule} AS rule
    FROM source s
    JOIN firms f ON f.id = s.firm_id
    JOIN connections k ON k.firm_id = s.firm_id AND k.id = {place} AND k.status <> 'revoked'
    WHERE {ready} {switches}
)
INSERT INTO {table} AS m (firm_id, connection_id, {record}, wanted, priority, run_id, {label}, state, fault)
SELECT t.firm_id, t.connection_id, t.record_id, 'create', :priority, :run, t.label,
    CASE WHEN t.rule IS NULL THEN 'pending' ELSE 'excluded' END, {rules_fault} FROM target t
LEFT JOIN {table} known ON known.connection_id = t.connection_id AND known.{record} = t.record_id
WHERE (t.fate = 'keep' OR known.id IS NOT NULL) {narrowed}
ON CONFLICT (connection_id, {record}) DO UPDATE SET
    {label} = CASE WHEN m.external_id IS NULL THEN EXCLUDED.{label} ELSE m.{label} END,
    priority = least(m.priority, EXCLUDED.priority),
    run_id = CASE WHEN EXCLUDED.run_id IS NULL AND ({state}) = 'pending' AND m.state NOT IN {on_its_way} THEN NULL
        ELSE coalesce(EXCLUDED.run_id, m.run_id) END,
    failures = CASE WHEN m.state IN ('error', 'conflict', 'parked') THEN 0 ELSE m.failures END,
    wanted = {wanted},
    state = {state},
    fault = CASE WHEN ({state}) = 'excluded' AND NOT {allowed} THEN {updates_off}
        WHEN ({state}) = 'excluded' AND EXCLUDED.state = 'excluded' AND {newer} THEN EXCLUDED.fault
        WHEN ({state}) IN ('pending', 'superseded') THEN '{{}}'::jsonb ELSE m.fault END,
    sync_error = CASE WHEN ({state}) IN ('pending', 'superseded', 'excluded') THEN '' ELSE m.sync_error END,
    accepted_at = CASE WHEN ({state}) = 'pending' AND m.state NOT IN {on_its_way} THEN now() ELSE m.accepted_at END,
    next_due_at = CASE WHEN ({state}) = 'pending' THEN now() ELSE m.next_due_at END,
    updated_at = now()
RETURNING m.id, m.{record} AS record_id, m.connection_id, m.state
"""
_OF_RECORD = "(SELECT {what} FROM {records} r WHERE r.firm_id = m.firm_id AND r.id = m.{record})"
_POLICY = (
    "(SELECT coalesce(k.update_policy, f.update_policy) FROM connections k JOIN firms f ON f.id = k.firm_id "
    "WHERE k.id = m.connection_id)"
)
# A write that is under way is never disturbed: its outcome is stored first, then the newer revision is owed again.
# What was asked for by name stays owed, whatever rule holds for changes by now.
_STATE = """CASE
    WHEN m.state IN ('in_flight', 'unknown') THEN m.state
    WHEN m.external_id IS NULL AND {fate} <> 'keep' THEN 'superseded'
    WHEN NOT {newer} AND m.state IN ('synced', 'unchanged', 'conflict', 'excluded') THEN m.state
    WHEN m.state = 'conflict' AND (NOT {allowed} OR {undecided}) THEN m.state
    WHEN NOT {allowed} THEN 'excluded'
    WHEN EXCLUDED.state = 'excluded' AND m.state IN ('pending', 'waiting') THEN m.state
    ELSE EXCLUDED.state END"""
# What both sides changed waits for a person: another edit here is no decision about the one there.
_UNDECIDED = "(m.external_id IS NOT NULL AND m.fault ->> 'code' = 'changed_on_both_sides')"
_NEWER = "(m.external_id IS NULL OR m.base_revision < {revision})"
_ALLOWED = "(m.external_id IS NULL OR {fate} <> 'keep' OR {policy} IN ({permitting}))"
_WANTED = "CASE WHEN m.external_id IS NULL THEN 'create' WHEN {fate} <> 'keep' THEN {fate} ELSE 'update' END"


def _statement(
    known: PushedKind,
    *,
    place: str,
    narrow: str,
    ready: str,
    switches: str = "",
    rule: str = "NULL",
    narrowed: str = "",
    undecided: str = _UNDECIDED,
) -> TextClause:
    names = {"records": known.records, "record": known.record}
    fate = _OF_RECORD.format(what=known.fate, **names)
    newer = _NEWER.format(revision=_OF_RECORD.format(what="r.revision", **names))
    allowed = _ALLOWED.format(fate=fate, policy=_POLICY, permitting=known.permitting)
    return text(
        _UPSERT.format(
            source=known.source.format(narrow=narrow),
            place=place,
            rule=f"CAST({rule} AS text)",
            rules_fault=fault_of("t.rule"),
            ready=ready,
            switches=switches,
            narrowed=narrowed,
            table=known.mappings,
            record=known.record,
            label=known.label,
            newer=newer,
            allowed=allowed,
            updates_off=fault_sql(Rule.updates_off),
            state=_STATE.format(fate=fate, newer=newer, allowed=allowed, undecided=undecided),
            on_its_way="('pending', 'in_flight', 'waiting', 'unknown')",
            wanted=_WANTED.format(fate=fate),
        )
    )


_SINCE = "(s.dated IS NULL OR k.sync_from IS NULL OR s.dated >= k.sync_from)"
AUTO = {
    kind: _statement(
        known,
        place="s.home",
        narrow=f"AND {known.alias}.id = ANY(:ids)",
        ready="s.ready",
        rule=f"""CASE WHEN NOT (f.sync_enabled AND k.sync_enabled AND k.{known.switch}) THEN '{Rule.sync_off}'
            WHEN NOT {_SINCE} THEN '{Rule.before_sync_from}' END""",
    )
    for kind, known in PUSHED.items()
}
# Changes of records that were once pushed to a company which is not their home.
OTHER_HOMES = {
    kind: text(
        f"""
        WITH source AS ({known.source.format(narrow=f"AND {known.alias}.id = ANY(:ids)")})
        UPDATE {known.mappings} m SET state = 'excluded', fault = {fault_sql(Rule.other_home)}, updated_at = now()
        FROM source s
        WHERE m.firm_id = :firm AND m.{known.record} = s.record_id AND m.connection_id IS DISTINCT FROM s.home
          AND m.external_id IS NOT NULL AND m.base_revision < s.revision AND m.state IN ('synced', 'unchanged')
        """
    )
    for kind, known in PUSHED.items()
}
NAMED = {
    kind: _statement(
        known,
        place=":connection",
        narrow=f"AND {known.alias}.id = ANY(:ids)",
        ready="s.ready_when_named",
        undecided="false",
    )
    for kind, known in PUSHED.items()
}
# A part of what is owed; a bound that is not given is null.
_PART = """
    AND (CAST(:date_from AS date) IS NULL OR {dated} >= :date_from)
    AND (CAST(:date_to AS date) IS NULL OR {dated} <= :date_to)
    AND (CAST(:status AS text) IS NULL OR {status} = :status)
    AND (CAST(:client_id AS bigint) IS NULL OR {client} = :client_id)"""
# Everything includes neither what a person left out, nor what was refused and is not cured.
OWED_AT_HOME = {
    kind: _statement(
        known,
        place="s.home",
        narrow=_PART.format(**known.part),
        ready="s.ready",
        switches=f"AND k.id = :connection AND {_SINCE}",
        narrowed=f"AND coalesce(known.fault ->> 'code', '') <> '{Rule.skipped}'",
    )
    for kind, known in PUSHED.items()
}


def _counted(kind: Kind, known: PushedKind) -> str:
    return f"""SELECT '{kind}' AS kind, connection_id, state, accepted_at,
        CASE WHEN state = 'excluded' THEN fault ->> 'code' END AS rule FROM {known.mappings} WHERE firm_id = :firm"""


COUNTS = text(
    f"""
    SELECT connection_id, kind, state, rule, count(*) AS n, min(accepted_at) AS oldest FROM (
        {of_every_kind(_counted)}
    ) everything GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
)


def _unplaced(kind: Kind, known: PushedKind) -> str:
    return f"""SELECT '{kind}' AS kind, count(*) AS n FROM ({known.source.format(narrow="")}) s
        WHERE s.ready AND s.fate = 'keep' AND s.home IS NULL"""


UNPLACED = text(of_every_kind(_unplaced))
