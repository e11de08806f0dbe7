"""The statements that make records owed: one per kind and occasion, built from what `kinds` knows of each."""

from sqlalchemy import TextClause, text

from app.canonical import Kind
from app.db.kinds import PUSHED, PushedKind, of_every_kind

# What a change asks for. Records that never reached the company and are void or inactive ask for nothing.
_UPSERT = """
WITH source AS ({source}),
target AS (
    SELECT s.*, k.id AS connection_id, coalesce(k.update_policy, f.update_policy) AS policy
    FROM source s
    JOIN firms f ON f.id = s.firm_id
    JOIN connections k ON k.firm_id = s.firm_id AND k.id = {place} AND k.status <> 'revoked'
    WHERE {ready} {switches}
)
INSERT INTO {table} AS m (firm_id, connection_id, {record}, wanted, priority, run_id, {label})
SELECT t.firm_id, t.connection_id, t.record_id, 'create', :priority, :run, t.label FROM target t
LEFT JOIN {table} known ON known.connection_id = t.connection_id AND known.{record} = t.record_id
WHERE t.fate = 'keep' OR known.id IS NOT NULL
ON CONFLICT (connection_id, {record}) DO UPDATE SET
    {label} = CASE WHEN m.external_id IS NULL THEN EXCLUDED.{label} ELSE m.{label} END,
    priority = least(m.priority, EXCLUDED.priority),
    run_id = CASE WHEN EXCLUDED.run_id IS NULL AND ({state}) = 'pending' AND m.state NOT IN {on_its_way} THEN NULL
        ELSE coalesce(EXCLUDED.run_id, m.run_id) END,
    failures = CASE WHEN m.state IN ('error', 'conflict', 'parked') THEN 0 ELSE m.failures END,
    wanted = {wanted},
    state = {state},
    fault = CASE WHEN ({state}) = 'excluded' THEN
        jsonb_build_object('code', 'updates_off', 'message', 'Changes of this kind are not pushed by this connection.')
        WHEN ({state}) = 'pending' THEN '{{}}'::jsonb ELSE m.fault END,
    sync_error = CASE WHEN ({state}) IN ('pending', 'superseded') THEN '' ELSE m.sync_error END,
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
_STATE = """CASE
    WHEN m.state IN ('in_flight', 'unknown') THEN m.state
    WHEN m.external_id IS NULL AND {fate} <> 'keep' THEN 'superseded'
    WHEN m.external_id IS NOT NULL AND m.base_revision >= {revision}
         AND m.state IN ('synced', 'unchanged', 'conflict', 'excluded') THEN m.state
    WHEN m.external_id IS NULL OR {fate} <> 'keep' OR {policy} IN ({permitting}) THEN 'pending'
    WHEN m.state = 'conflict' THEN m.state
    ELSE 'excluded' END"""
_WANTED = "CASE WHEN m.external_id IS NULL THEN 'create' WHEN {fate} <> 'keep' THEN {fate} ELSE 'update' END"


def _statement(known: PushedKind, *, place: str, narrow: str, ready: str, switches: str) -> TextClause:
    names = {"records": known.records, "record": known.record}
    fate = _OF_RECORD.format(what=known.fate, **names)
    revision = _OF_RECORD.format(what="r.revision", **names)
    return text(
        _UPSERT.format(
            source=known.source.format(narrow=narrow),
            place=place,
            ready=ready,
            switches=switches,
            table=known.mappings,
            record=known.record,
            label=known.label,
            state=_STATE.format(fate=fate, revision=revision, policy=_POLICY, permitting=known.permitting),
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
        switches=f"AND f.sync_enabled AND k.sync_enabled AND k.{known.switch} AND {_SINCE}",
    )
    for kind, known in PUSHED.items()
}
NAMED = {
    kind: _statement(
        known, place=":connection", narrow=f"AND {known.alias}.id = ANY(:ids)", ready="s.ready_when_named", switches=""
    )
    for kind, known in PUSHED.items()
}
# A part of what is owed; a bound that is not given is null.
_PART = """
    AND (CAST(:date_from AS date) IS NULL OR {dated} >= :date_from)
    AND (CAST(:date_to AS date) IS NULL OR {dated} <= :date_to)
    AND (CAST(:status AS text) IS NULL OR {status} = :status)
    AND (CAST(:client_id AS bigint) IS NULL OR {client} = :client_id)"""
OWED_AT_HOME = {
    kind: _statement(
        known,
        place="s.home",
        narrow=_PART.format(**known.part),
        ready="s.ready",
        switches=f"AND k.id = :connection AND {_SINCE}",
    )
    for kind, known in PUSHED.items()
}
REVIVE = {
    kind: text(
        f"""
        UPDATE {known.mappings} m SET state = 'pending', sync_error = '', fault = '{{}}'::jsonb,
            accepted_at = now(), next_due_at = now(), updated_at = now()
        FROM connections k
        WHERE m.firm_id = :firm AND k.firm_id = m.firm_id AND k.id = m.connection_id AND k.provider = :provider
          AND m.state = 'error' AND m.fault ->> 'code' = ANY(:faults)
        RETURNING m.connection_id
        """
    )
    for kind, known in PUSHED.items()
}


def _counted(kind: Kind, known: PushedKind) -> str:
    return f"SELECT '{kind}' AS kind, connection_id, state, accepted_at FROM {known.mappings} WHERE firm_id = :firm"


COUNTS = text(
    f"""
    SELECT connection_id, kind, state, count(*) AS n, min(accepted_at) AS oldest FROM (
        {of_every_kind(_counted)}
    ) everything GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """
)
