"""The demonstration can fail: its last step tells every kind of difference; and it passes, run as anybody would."""

import copy
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from demo.browser import Form, Stuck
from demo.sides import read_ours, their_side
from demo.terminal import NotAsTold, Terminal
from demo.tieout import Allowed, Finding, examine, show, verdict

ROOT = Path(__file__).parents[2]
HERE, ELSEWHERE = 1, 2
SEED = frozenset({"seeded-customer", "seeded-invoice", "seeded-payment"})
ALLOWED = Allowed(refused=frozenset({"A-3"}), second=frozenset({"A-4"}))  # what the story foresees


def invoice(number: int, client: int, total: str, paid: str, status: str = "approved") -> dict:
    return {
        "id": number,
        "number": f"A-{number}",
        "client_id": client,
        "status": status,
        "total": total,
        "tax_total": "8.00",
        "amount_paid": paid,
    }


def mapping(kind: str, record: int, key: str | None, error: str = "") -> dict:
    return {kind: record, "external_id": key, "sync_error": error}


def payment(key: str, amount: str, unapplied: str, document: str, *, name: str, status: str = "active") -> dict:
    applied = str(Decimal(amount) - Decimal(unapplied))
    allocations = [{name: document, "amount": applied}] if Decimal(applied) else []
    return {
        "id": key,
        "external_id": key,
        "amount": amount,
        "unapplied": unapplied,
        "status": status,
        "active": status == "active",
        "allocations": allocations,
    }


@pytest.fixture
def ours() -> dict:
    """The REST API's lists: two paid somehow, one refused, one pushed here besides, two that do not count."""
    return {
        "clients": [
            {"id": 1, "name": "Ash & Co", "connection_id": HERE},
            {"id": 2, "name": "Zoë’s", "connection_id": None},
            {"id": 3, "name": "Away Ltd", "connection_id": ELSEWHERE},
        ],
        "invoices": [
            invoice(1, 1, "108.00", "108.00", "paid"),
            invoice(2, 2, "100.10", "40.05", "partially_paid"),
            invoice(3, 1, "50.00", "0.00"),
            invoice(4, 3, "70.00", "70.00", "paid"),
            invoice(5, 1, "9.99", "0.00", "draft"),
            invoice(6, 3, "1.00", "0.00"),
        ],
        "customer-mappings": [mapping("client", 1, "c1"), mapping("client", 2, "c2"), mapping("client", 3, "c3")],
        "invoice-mappings": [
            mapping("invoice", 1, "i1"),
            mapping("invoice", 2, "i2"),
            mapping("invoice", 3, None, "No emoji there."),
            mapping("invoice", 4, "i4"),
        ],
        "payments": [
            payment("p1", "120.00", "12.00", "i1", name="invoice_external_id"),
            payment("p2", "40.05", "0.00", "i2", name="invoice_external_id"),
            payment("over", "7.00", "7.00", "", name="invoice_external_id"),
        ],
    }


@pytest.fixture
def theirs() -> dict:
    """The ledger that agrees with it; what was there before, and what was voided, does not count."""
    return {
        "customers": [
            {"id": "seeded-customer", "name": "Cool Cars"},
            {"id": "c1", "name": "Ash & Co"},
            {"id": "c2", "name": "Zoë’s"},
            {"id": "c3", "name": "Away Ltd"},
        ],
        "invoices": [
            {"id": key, "number": number, "total": total, "tax": "8.00", "balance": balance, "status": status}
            for key, number, total, balance, status in (
                ("seeded-invoice", "1001", "5.00", "5.00", "open"),
                ("i1", "A-1", "108.00", "0.00", "paid"),
                ("i2", "A-2", "100.10", "60.05", "partially_paid"),
                ("i4", "A-4", "70.00", "70.00", "open"),
                ("i9", "A-9", "3.00", "0.00", "VOIDED"),
            )
        ],
        "payments": [
            payment("seeded-payment", "5.00", "0.00", "seeded-invoice", name="invoice_id"),
            payment("p1", "120.00", "12.00", "i1", name="invoice_id"),
            payment("p2", "40.05", "0.00", "i2", name="invoice_id"),
            payment("p3", "3.00", "0.00", "i1", name="invoice_id", status="voided"),
            payment("over", "7.00", "7.00", "", name="invoice_id"),
        ],
    }


def finding(ours: dict, theirs: dict, allowed: Allowed = ALLOWED) -> Finding:
    return examine(read_ours(ours, HERE, HERE), their_side(theirs, SEED), allowed)


def judged(found: Finding) -> bool:
    """The whole way to the exit code, printing included."""
    terminal = Terminal()
    show(terminal, found, "USD")
    return verdict(terminal, [found])


def test_two_equal_sides_tie_out_and_what_is_allowed_is_named(ours, theirs, capsys):
    found = finding(ours, theirs)
    assert judged(found)
    assert [(one.what, bool(one.cause)) for one in found.differences] == [
        ("A-3 over 50.00 is not there: No emoji there.", True),
        ("A-4: paid 70.00 here, 0.00 there", True),
    ]
    printed = capsys.readouterr().out
    assert "TIED OUT" in printed
    assert "A-3" in printed
    assert "A-4" in printed
    assert "278.10" in printed  # invoiced there: 108.00 + 100.10 + 70.00
    for label, amount in (("received", "167.05"), ("unapplied", "19.00")):  # the overpayment of 7.00 among it
        assert [amount] * 2 in [line.split()[1:] for line in printed.splitlines() if line.split()[:1] == [label]]


def missing_document(_ours, theirs):
    del theirs["invoices"][2]


def a_cent_of_the_total(_ours, theirs):
    theirs["invoices"][1] |= {"total": "108.01", "balance": "0.01"}


def a_cent_of_the_tax(_ours, theirs):
    theirs["invoices"][1]["tax"] = "8.01"


def a_cent_not_paid(_ours, theirs):
    theirs["invoices"][2]["balance"] = "60.06"


def the_same_document_twice(_ours, theirs):
    theirs["invoices"].append(theirs["invoices"][1] | {"id": "i1-again"})


def another_number(_ours, theirs):
    theirs["invoices"][1]["number"] = "A-1-1"


def a_document_of_nobody(_ours, theirs):
    theirs["invoices"].append(theirs["invoices"][1] | {"id": "i7", "number": "A-7"})


def an_extra_payment(_ours, theirs):
    theirs["payments"].append(payment("p4", "1.00", "0.00", "i2", name="invoice_id"))


def an_overpayment_missing_here(ours, _theirs):
    del ours["payments"][2]


def an_overpayment_used_there_alone(_ours, theirs):
    theirs["payments"][4] |= {"unapplied": "2.00", "allocations": [{"invoice_id": "i2", "amount": "5.00"}]}


def an_unknown_credit(_ours, theirs):
    theirs["payments"].append(payment("p5", "1.00", "1.00", "", name="invoice_id"))


def a_payment_of_another_document(_ours, theirs):
    theirs["payments"][2]["allocations"][0]["invoice_id"] = "i1"


def another_unapplied_rest(_ours, theirs):
    theirs["payments"][1]["unapplied"] = "12.01"


def a_payment_only_here(_ours, theirs):
    del theirs["payments"][2]


def the_same_payment_twice_here(ours, _theirs):
    ours["payments"].append(copy.deepcopy(ours["payments"][0]))


def a_missing_customer(_ours, theirs):
    del theirs["customers"][1]


def a_customer_under_another_name(_ours, theirs):
    theirs["customers"][2]["name"] = "Zoe's"


def a_customer_twice(_ours, theirs):
    theirs["customers"].append({"id": "c1-again", "name": "Ash & Co"})


def never_pushed(ours, theirs):
    del ours["invoice-mappings"][1]
    del theirs["invoices"][2]


def refused_without_a_reason(ours, _theirs):
    ours["invoice-mappings"][2]["sync_error"] = ""


def a_second_company_paid_in_part_too(_ours, theirs):
    theirs["invoices"][3]["balance"] = "69.00"


def unpaid_although_at_home(ours, _theirs):
    ours["clients"][2]["connection_id"] = HERE
    del ours["invoices"][5]


@pytest.mark.parametrize(
    "spoil",
    [
        missing_document,
        a_cent_of_the_total,
        a_cent_of_the_tax,
        a_cent_not_paid,
        the_same_document_twice,
        another_number,
        a_document_of_nobody,
        an_extra_payment,
        an_overpayment_missing_here,
        an_overpayment_used_there_alone,
        an_unknown_credit,
        a_payment_of_another_document,
        another_unapplied_rest,
        a_payment_only_here,
        the_same_payment_twice_here,
        a_missing_customer,
        a_customer_under_another_name,
        a_customer_twice,
        never_pushed,
        refused_without_a_reason,
        a_second_company_paid_in_part_too,
        unpaid_although_at_home,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_any_other_difference_fails(ours, theirs, spoil, capsys):
    spoil(ours, theirs)
    found = finding(ours, theirs)
    assert not judged(found)
    printed = capsys.readouterr().out
    assert "TIED OUT" not in printed
    assert "✗" in printed


def test_nothing_is_allowed_that_was_not_foreseen(ours, theirs):
    found = finding(ours, theirs, Allowed())
    assert len([one for one in found.differences if not one.cause]) == 2


def test_a_fact_that_does_not_hold_ends_the_story(capsys):
    with pytest.raises(NotAsTold, match=r"the sky is green: not so\. Found: blue"):
        Terminal().check(False, "the sky is green", "blue")
    assert "✓" not in capsys.readouterr().out


def test_the_browser_sends_what_the_page_offers_and_nothing_else():
    form = Form(
        '<form method=post action="?a=1"><input type=hidden name=state value=s><select name=user><option value=u1>'
        "<option value=u2></select><input type=radio name=realm value=1 checked><input type=radio name=realm value=2>"
        "<button name=decision value=allow>Allow</button></form>"
    )
    form.choose("realm", ["2"])
    form.choose("decision", ["allow"])
    assert form.action == "?a=1"
    assert form.fields == {"state": ["s"], "user": ["u1"], "realm": ["2"], "decision": ["allow"]}
    with pytest.raises(Stuck, match="no realm 3"):
        form.choose("realm", ["3"])


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "demo", *arguments, "--data-dir", str(folder)]


def environment() -> dict[str, str]:
    """A person's own environment may hold settings of a real installation: the demo must not touch that."""
    return os.environ | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "PUBLIC_URL": "https://books.example"}


def children_of(folder: Path) -> list[str]:
    """Command lines of processes that work in the folder, or on the database that may lie elsewhere for it."""
    server = str((folder / "postgres").resolve())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            where = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(folder) in words or server in words or where.startswith((str(folder), server)):
            found.append(words)
    return found


@pytest.mark.timeout(300)
def test_the_whole_story_ties_out_and_leaves_nothing_running(tmp_path):
    folder = tmp_path / "demo"
    done = subprocess.run(
        command(folder), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    assert "TIED OUT" in done.stdout
    assert "✗" not in done.stdout
    assert "\033" not in done.stdout  # no colour where nobody watches
    for fact in (
        "28 clients stored",
        "34 invoices stored",
        "refused as expected",
        "emoji and all",
        "A second push of everything wrote nothing",
        "It is the connection of before",
        "sync_payments found exactly these 3",
        "610.56 is an overpayment at Xero, set against nothing",
    ):
        assert fact in done.stdout, fact
    assert children_of(folder) == []


@pytest.mark.timeout(300)
def test_stopping_it_half_way_leaves_nothing_running(tmp_path):
    folder = tmp_path / "demo"
    # A shell that runs the tests in the background has them ignore this signal, and what they start inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    running = subprocess.Popen(
        command(folder), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    signal.signal(signal.SIGINT, before)
    assert running.stdout is not None
    seen = []
    for line in running.stdout:
        seen.append(line)
        if line.startswith("2. "):
            break
    else:
        pytest.fail("".join(seen))
    assert len(children_of(folder)) >= 5  # the demo itself, its three children and the database
    running.send_signal(signal.SIGINT)
    rest = running.stdout.read()
    running.stdout.close()
    assert running.wait(timeout=60) == 130, rest
    assert "Stopped." in rest
    deadline = time.monotonic() + 5
    while children_of(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert children_of(folder) == []
