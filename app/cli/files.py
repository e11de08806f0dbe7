"""`tieout files`: what the API does with files, at a terminal; `inspect` needs neither settings nor database."""

import dataclasses
import json
import shutil
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from app.canonical import ProviderName
from app.cli.running import OPERATOR, with_runtime
from app.db import exports, firms, imports
from app.db.wakeups import wake
from app.errors import AppError
from app.files.exporting import Export, export
from app.files.formats.model import FileAccount, FileEntry, FileLine, Parsed, Unreadable
from app.files.formats.reading import read
from app.files.importing import Upload, import_file
from app.files.rejected import shown
from app.files.wishes import Wish
from app.runtime import Runtime

commands = typer.Typer(no_args_is_help=True, help="Files of QuickBooks and Xero.")


class Provider(StrEnum):
    """The providers, with B's name for QuickBooks."""

    quickbooks = "quickbooks"
    qbo = "qbo"
    xero = "xero"

    @property
    def name_there(self) -> ProviderName:
        """Without the alias."""
        return ProviderName.xero if self is Provider.xero else ProviderName.quickbooks


class FileFormat(StrEnum):
    """What a file is."""

    iif = "iif"
    csv = "csv"


class Order(StrEnum):
    """Of the figures of a date."""

    mdy = "mdy"
    dmy = "dmy"


class Contents(StrEnum):
    """What goes out."""

    journal_entries = "journal_entries"
    accounts = "accounts"
    clients = "clients"
    invoices = "invoices"


class Status(StrEnum):
    """Which journal entries."""

    posted = "posted"
    approved = "approved"


Given = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The file.")]
Firm = Annotated[int, typer.Option(help="The firm's id.")]
Compact = Annotated[bool, typer.Option("--json", help="On one line.")]
Region = Annotated[str | None, typer.Option(help="us, ca, gb, ie, au, nz, sg, za or global.")]
Currency = Annotated[str | None, typer.Option(help="Of journal entries, such as USD.")]
DateOrder = Annotated[Order | None, typer.Option(help="Of dates in figures that the file leaves open.")]
Day = typer.Option(formats=["%Y-%m-%d"])


@commands.command()
def inspect(
    file: Given,
    as_: Annotated[Provider | None, typer.Option("--as", help="Take it for a file of this provider.")] = None,
    date_order: DateOrder = None,
    as_json: Compact = False,
) -> None:
    """Print what a file says, as JSON: its format and encoding, accounts, journal entries, problems. Stores nothing."""
    try:
        parsed = read(
            file.read_bytes(),
            provider=as_.name_there if as_ else None,
            order=date_order.value if date_order else None,
        )
    except Unreadable as error:
        problem = {"row": 0, "column": "", "value": "", "code": error.code, "reason": str(error), "fix": error.fix}
        _print({"file": file.name, "format": None, "problems": [problem]}, compact=as_json)
        raise typer.Exit(1) from error
    _print(described(file.name, parsed), compact=as_json)


@commands.command("export")
def export_(  # noqa: PLR0913  (the filters of an export)
    *,
    firm: Firm,
    to: Annotated[Provider, typer.Option(help="Whose format.")],
    out: Annotated[Path, typer.Option(dir_okay=False, writable=True, help="Where the file goes.")],
    format_: Annotated[FileFormat | None, typer.Option("--format", help="iif (Desktop) or csv (Online, Xero).")] = None,
    kind: Contents = Contents.journal_entries,
    status: Status = Status.posted,
    date_from: Annotated[datetime | None, Day] = None,
    date_to: Annotated[datetime | None, Day] = None,
    currency: Currency = None,
    region: Region = None,
    include_exported: bool = True,
    split: Annotated[
        bool, typer.Option("--split", help="A zip of several files where the target has a limit.")
    ] = False,
) -> None:
    """Write the books as a provider's import file, and log it."""
    provider = to.name_there
    chosen = format_ or (FileFormat.csv if provider is ProviderName.xero else FileFormat.iif)
    if provider is ProviderName.xero and chosen is FileFormat.iif:
        raise typer.BadParameter("Xero reads CSV alone.", param_hint="--format")
    wish = Wish(
        provider=provider,
        format=chosen.value,
        kind=kind.value,
        status=status.value,
        date_from=date_from.date() if date_from else None,
        date_to=date_to.date() if date_to else None,
        currency=currency,
        region=region,
        include_exported=include_exported,
        split="zip" if split else None,
    )

    async def act(runtime: Runtime) -> Export:
        async with runtime.db.system() as session:
            await firms.get(session, firm)
        made = await export(runtime, firm, wish, actor=OPERATOR)
        with made.file, out.open("wb") as file:
            shutil.copyfileobj(made.file, file)
        async with runtime.db.firm(firm) as session:
            await exports.delivered(session, firm, made.log_id)
        return made

    try:
        made = with_runtime(act)
    except AppError as error:
        _refused(error)
    said = {field.name: getattr(made, field.name) for field in dataclasses.fields(made) if field.name != "file"}
    _print({**said, "file": str(out)}, compact=False)


@commands.command("import")
def import_(  # noqa: PLR0913  (how a file is taken)
    file: Given,
    *,
    firm: Firm,
    as_: Annotated[Provider, typer.Option("--as", help="Whose file it is.")],
    partial: Annotated[bool, typer.Option("--partial", help="Store the good rows.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    currency: Currency = None,
    region: Region = None,
    date_order: DateOrder = None,
    rejected: Annotated[Path | None, typer.Option(help="Where the rows that were not taken go, as a CSV.")] = None,
) -> None:
    """Read a provider's file into the books: all of it or nothing, unless --partial."""
    upload = Upload(
        provider=as_.name_there,
        data=file.read_bytes(),
        file_name=file.name,
        partial=partial,
        dry_run=dry_run,
        currency=currency,
        region=region,
        order=date_order.value if date_order else None,
    )

    async def save_rejected(runtime: Runtime, import_id: int) -> None:
        if rejected is not None:
            async with runtime.db.firm(firm) as session:
                batch = await imports.get(session, firm, import_id)
            rejected.write_bytes(batch.rejected)

    async def act(runtime: Runtime) -> dict[str, Any]:
        async with runtime.db.system() as session:
            await firms.get(session, firm)
        try:
            outcome = await import_file(runtime, firm, upload, actor=OPERATOR)
        except AppError as error:
            if isinstance(import_id := error.extra.get("import_id"), int):
                await save_rejected(runtime, import_id)
            raise
        for connection_id in sorted(outcome.woken):
            await wake(runtime.db, connection_id)
        await save_rejected(runtime, outcome.import_id)
        return {
            "message": outcome.message,
            "format": outcome.format.value,
            "status": outcome.state,
            "imported": outcome.imported,
            "updated": outcome.updated,
            "unchanged": outcome.unchanged,
            "rejected": outcome.rejected,
            "import_id": outcome.import_id,
            "errors": [shown(trouble) for trouble in outcome.errors],
            "notes": list(outcome.notes),
        }

    try:
        said = with_runtime(act)
    except AppError as error:
        _refused(error)
    _print(said, compact=False)


def _refused(error: AppError) -> NoReturn:
    """Print what was refused, whole, and end with 1."""
    said = {"code": error.public_code, "reason": error.detail, "fix": error.fix, "errors": list(error.errors)}
    _print({**said, **error.extra}, compact=False)
    raise typer.Exit(1) from error


def described(name: str, parsed: Parsed) -> dict[str, Any]:
    """A file as JSON: amounts are strings."""
    return {
        "file": name,
        "format": parsed.format.value,
        "provider": parsed.format.provider.value,
        "encoding": parsed.encoding,
        "delimiter": parsed.delimiter,
        "accounts": [_account(one) for one in parsed.accounts],
        "journal_entries": [_entry(one) for one in parsed.entries],
        "problems": [{**shown(trouble), "rows": list(trouble.records)} for trouble in parsed.troubles],
        "notes": parsed.notes,
    }


def _account(one: FileAccount) -> dict[str, Any]:
    return {**dataclasses.asdict(one), "full_name": one.path}


def _entry(one: FileEntry) -> dict[str, Any]:
    return {
        "row": one.row,
        "number": one.number,
        "date": one.date.isoformat(),
        "narration": one.narration,
        "currency": one.currency,
        "debits": _money(one.debits),
        "credits": _money(one.credits),
        "lines": [_line(line) for line in one.lines],
    }


def _line(one: FileLine) -> dict[str, Any]:
    return {
        "row": one.row,
        "account": one.account,
        "debit": _money(max(one.amount, Decimal(0))),
        "credit": _money(max(-one.amount, Decimal(0))),
        "description": one.description,
        "name": one.name,
        "tax": one.tax,
        "tracking": dict(one.tracking),
    }


def _money(amount: Decimal) -> str:
    """At least two decimals: a file may not say its currency."""
    exponent = amount.normalize().as_tuple().exponent
    return f"{amount:.{max(2, -exponent if isinstance(exponent, int) else 0)}f}"


def _print(said: dict[str, Any], *, compact: bool) -> None:
    typer.echo(json.dumps(said, ensure_ascii=False, indent=None if compact else 2, default=str))
