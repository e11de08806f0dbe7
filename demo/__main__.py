"""`python -m demo` tells the story and exits 0 only if it ties out; `python -m demo run` leaves it all serving."""

import argparse
import os
import signal
import sys
import time
import webbrowser
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx

from app.db.embedded_host import EmbeddedUnavailable
from demo.browser import Stuck
from demo.caller import Refused, TookTooLong
from demo.cast import Firm
from demo.stage import ROOT, Ports, Stage, StageError, free_ports
from demo.story import tell
from demo.terminal import NotAsTold, Terminal

_TROUBLE = (NotAsTold, Refused, TookTooLong, Stuck, StageError, EmbeddedUnavailable, httpx.HTTPError)


def main() -> int:
    """Parse the command line; the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="One story through the whole house")
    parser.add_argument("what", nargs="?", choices=["story", "run"], default="story")
    parser.add_argument("--data-dir", type=Path, help="emptied at the start; default .data/demo or .data/run")
    parser.add_argument("--port", type=int, help="the service's; default 8000 for run, any free one for the story")
    parser.add_argument("--simulators-port", type=int, help="default 8100 for run, any free one for the story")
    given = parser.parse_args()
    serving = given.what == "run"
    folder = given.data_dir or ROOT / ".data" / ("run" if serving else "demo")
    usual = Ports(8000, 8100) if serving else free_ports()
    ports = Ports(given.port or usual.service, given.simulators_port or usual.simulators)
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    stage = Stage(folder.absolute(), ports)
    try:
        return run(stage) if serving else story(stage)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0 if serving else 130
    except _TROUBLE as error:
        print(f"\n✗ {error}\n{stage.tails()}", file=sys.stderr)
        return 1
    except Exception:  # a mistake of the demo's own: its traceback follows what the children said
        print(stage.tails(), file=sys.stderr)
        raise


def story(stage: Stage) -> int:
    """The story on a stage of its own, gone afterwards but for the data folder."""
    terminal = Terminal()
    print("Bringing up PostgreSQL, the simulators, the service and its worker …", flush=True)
    with stage:
        terminal.note(f"service {stage.service_url}, simulators {stage.simulators_url}, data and logs {stage.data_dir}")
        good, _ = tell(stage, terminal)
    return 0 if good else 1


def run(stage: Stage) -> NoReturn:
    """The story, then serve until Ctrl-C. Raises StageError when a child ends before that."""
    with stage:
        print(
            "The simulators keep their books in memory only: every start begins anew, with the story's data.\n"
            f"What {stage.data_dir} held from an earlier run is gone.",
            flush=True,
        )
        _, firms = tell(stage, Terminal())
        _announce(stage, firms)
        while not (dead := stage.dead_children()):
            time.sleep(1)
        raise StageError(f"The {' and the '.join(dead)} ended by itself.")


def _announce(stage: Stage, firms: list[Firm]) -> None:
    kept = stage.keep_secrets({f"API_KEY_{firm.books.key}": firm.key for firm in firms})
    first = firms[0]
    link = stage.command("sign-in-link", "--firm", str(first.firm_id), "--name", "Demo")
    if sys.stdout.isatty() and (sys.platform == "darwin" or "DISPLAY" in os.environ):
        webbrowser.open(link)
    print(
        f"\nServing until Ctrl-C:\n"
        f"  pages       {link} (signs you in once, then {stage.service_url})\n"
        f"  service     {stage.service_url} (documentation: {stage.service_url}/docs)\n"
        f"  operator    {stage.service_url}/admin (any name, password {stage.environment['OPERATOR_SECRET']})\n"
        f"  simulators  {stage.simulators_url} (QuickBooks: /intuit/ui, Xero: /xero/ui)\n"
        f"  API key     {first.key} ({first.books.name})\n"
        f"  try         curl -H 'Authorization: Bearer {first.key}' {stage.service_url}/api/v1/accounting/connections\n"
        f"  commands    (. {kept}; .venv/bin/tieout doctor)",
        flush=True,
    )


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
