"""The bell: telling the workers that a connection has work. What the work is stands in our own tables, never here.

Commit first, then wake: the tables are the truth, and the sweep finds whatever was owed without a bell.
"""

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app import tracing
from app.db.session import Database, dump_json

TASK = "connection_work"
QUEUE = "connections"

# `queueing_lock` = `lock` = the connection: waiting twice is waiting once, and one job runs per connection.
_RING = text(
    """
    SELECT procrastinate.procrastinate_defer_jobs_v1(ARRAY[ROW(
        CAST(:queue AS varchar), CAST(:task AS varchar), 0, CAST(:lock AS text), CAST(:lock AS text),
        jsonb_build_object('connection_id', CAST(:connection AS bigint)) || CAST(:trace AS jsonb), NULL
    )::procrastinate.procrastinate_job_to_defer_v1])
    """
)


async def wake(database: Database, connection_id: int) -> bool:
    """Ring for one connection, in a transaction of its own. False: the bell was already ringing.

    What is traced goes on in the job; while nothing is, the job says nothing of it.
    """
    trace = tracing.carried()
    try:
        async with database.system() as session:
            await session.execute(
                _RING,
                {
                    "queue": QUEUE,
                    "task": TASK,
                    "lock": f"connection:{connection_id}",
                    "connection": connection_id,
                    "trace": dump_json({"traceparent": trace} if trace else {}),
                },
            )
    except IntegrityError:
        return False
    return True
