"""`tieout explain` and `tieout replay-webhooks`: what support asks for first."""

import json
from typing import Annotated, Literal

import typer

from app.canonical import Kind
from app.cli.running import OPERATOR, AsJson, with_runtime
from app.db import stories, wakeups
from app.db.stories import Moment
from app.runtime import Runtime
from app.sync import replaying

Firm = Annotated[int, typer.Option(help="The firm's id.")]


def explain(
    kind: Annotated[Literal["customer", "invoice", "journal_entry"], typer.Argument(help="What the record is.")],
    record: Annotated[str, typer.Argument(help="Its id, number or external_ref.")],
    firm: Firm,
    as_json: AsJson = False,
) -> None:
    """Tell a record's whole story: accepted, sent, answered, refused, paid, decided about; at every company."""

    async def act(runtime: Runtime) -> list[Moment]:
        async with runtime.db.firm(firm) as session:
            return await stories.of_record(session, firm, Kind(kind), record)

    told = with_runtime(act)
    if as_json:
        typer.echo(json.dumps([{"at": one.at.isoformat(), "what": one.what} for one in told], ensure_ascii=False))
        return
    for one in told:
        typer.echo(f"{one.at:%Y-%m-%d %H:%M:%S} UTC  {one.what}")


def replay_webhooks(
    firm: Firm,
    connection: Annotated[int | None, typer.Option(help="Only those of this connection.")] = None,
    state: Annotated[Literal["pending", "done", "ignored", "parked"], typer.Option(help="Only those.")] = "parked",
) -> None:
    """Look again at what webhooks were about: by default at those that were parked."""

    async def act(runtime: Runtime) -> int:
        async with runtime.db.firm(firm) as session:
            count, woken = await replaying.replay(session, firm, connection_id=connection, state=state, actor=OPERATOR)
        for connection_id in sorted(woken):
            await wakeups.wake(runtime.db, connection_id)
        return count

    typer.echo(f"{with_runtime(act)} events are looked at again.")
