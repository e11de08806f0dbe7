"""What came of a file, and the batch that is kept of it."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from app.canonical import ProviderName
from app.db import audit, imports
from app.db.session import Session
from app.errors import Invalid
from app.files.formats.model import Format, Parsed, Trouble
from app.files.rejected import rejected_csv, shown

State = Literal["imported", "partial", "refused", "dry_run"]
_MOST_SHOWN = 1000


class Sent(NamedTuple):
    """A file and who sent it."""

    provider: ProviderName
    data: bytes
    file_name: str
    actor: str


@dataclass(slots=True)
class Outcome:
    """What came of a file, or would."""

    message: str
    format: Format
    encoding: str
    state: State
    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: Sequence[Trouble] = ()
    notes: Sequence[str] = ()
    import_id: int = 0
    woken: set[int] = field(default_factory=set)


async def log_batch(session: Session, firm_id: int, sent: Sent, outcome: Outcome, parsed: Parsed) -> int:
    """Keep what came of a file, with its rejected rows; returns the batch's id."""
    values = {
        "provider": sent.provider,
        "format": outcome.format,
        "requested_by": sent.actor,
        "file_name": sent.file_name.replace("\x00", "")[:255],
        "size": len(sent.data),
        "checksum": hashlib.sha256(sent.data).hexdigest(),
        "imported": outcome.imported,
        "updated": outcome.updated,
        "unchanged": outcome.unchanged,
        "rejected_rows": outcome.rejected,
        "errors": [shown(trouble) for trouble in outcome.errors[:_MOST_SHOWN]],
        "notes": list(outcome.notes),
        "rejected": await asyncio.to_thread(rejected_csv, parsed, outcome.errors),
        "state": outcome.state,
    }
    batch_id = await imports.log(session, firm_id, values)
    details = {"format": outcome.format, "state": outcome.state, "imported": outcome.imported}
    subject = f"import_batch:{batch_id}"
    await audit.record(session, firm_id, actor=sent.actor, action="file.imported", subject=subject, details=details)
    return batch_id


def refusal(outcome: Outcome) -> Invalid:
    """The problem that names every row at fault; nothing of the file was stored."""
    first = outcome.errors[0]
    more = f" (and {len(outcome.errors) - 1} more)" if len(outcome.errors) > 1 else ""
    return Invalid(
        f"Line {first.row}: {first.reason}{more}",
        code="rows_rejected",
        who="bookkeeper",
        fix="Correct the rows named in errors and send the file again, or send it with partial=true.",
        errors=[
            {"pointer": f"/rows/{trouble.row}/{trouble.column}", "message": trouble.reason, **shown(trouble)}
            for trouble in outcome.errors[:_MOST_SHOWN]
        ],
        extra={
            "message": outcome.message,
            "imported": 0,
            "updated": 0,
            "unchanged": 0,
            "import_id": outcome.import_id,
            "rejected": outcome.rejected,
        },
    )
