"""The write protocol as a state machine: whatever people, vendors and failures do in whatever order, nothing is twice.

The rules are what firms, their vendors and bad luck can do; Hypothesis strings them together. After each of them no
record of ours stands at the company twice, no mapping was linked to more records there than it has had generations,
and every accepted change has one disposition. In the end people mend what waits for them, and both sides are equal.
"""

from collections import Counter
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, rule

from app.canonical import Kind
from app.settings import Settings
from app.sync import mending, requests
from app.sync.controlling import Act
from tests.faults.comparing import wait
from tests.faults.machines import effort, play
from tests.faults.stage import VENDOR
from tests.faults.write_deeds import NEEDED, WriteDeeds

CENTS = st.integers(1, 99_999)
# A call that is written is hit before the vendor's commit, or after it; `times` and `skip` put it within a batch.
FAULTS = ("status", "status_after", "lost_answer", "reset", "malformed", "preset")


class WriteMachine(WriteDeeds):
    """Records are made, changed and ended on both sides, while calls, runners and consents fail."""

    clients: Bundle[int] = Bundle("clients")
    invoices: Bundle[int] = Bundle("invoices")
    journals: Bundle[int] = Bundle("journals")

    @initialize(provider=st.sampled_from(sorted(VENDOR)))
    def begin(self, provider: str) -> None:
        self.go(self.opening(provider))
        self.stage.hooks(provider).target(None, "")  # the inbox has a machine of its own

    # --- what the firm does

    @rule(target=clients)
    def a_client_is_entered(self) -> int:
        given = {"name": f"Client {len(self.of.clients) + 1}", "currency": "USD", "connection_id": self.of.connection}
        self.of.clients.append(self.go(self._save_client(given)))
        return self.of.clients[-1]

    @rule(client=clients, phone=st.integers(100, 999))
    def a_client_is_changed(self, client: int, phone: int) -> None:
        self.go(self._save_client({"id": client, "phone": str(phone)}))

    @rule(client=clients, active=st.booleans())
    def a_client_is_archived_or_restored(self, client: int, active: bool) -> None:
        self.go(self._save_client({"id": client, "active": active}))

    @rule(target=invoices, client=clients, cents=CENTS)
    def an_invoice_is_entered(self, client: int, cents: int) -> int:
        number = f"T-{len(self.of.invoices) + 1:04d}"
        self.of.invoices.append(self.go(self._save_invoice({"client_id": client, "number": number}, cents)))
        return self.of.invoices[-1]

    @rule(invoice=invoices, cents=CENTS)
    def an_invoice_is_changed(self, invoice: int, cents: int) -> None:
        self.go(self._change_invoice(invoice, cents))

    @rule(invoice=invoices)
    def an_invoice_is_voided(self, invoice: int) -> None:
        self.go(self._void_invoice(invoice))

    @rule(invoice=invoices)
    def an_invoice_is_asked_for_by_name(self, invoice: int) -> None:
        self.go(self._tolerated(self._ask(Kind.invoice, invoice)))

    @rule(target=journals, cents=CENTS)
    def a_journal_is_posted(self, cents: int) -> int:
        return self._journal(cents)

    @rule(kinds=st.sampled_from([None, (Kind.customer,), (Kind.account, Kind.item)]))
    def a_pull_is_asked_for(self, kinds: tuple[Kind, ...] | None) -> None:
        given: dict[str, Any] = {"kinds": kinds, "date_from": None, "date_to": None, "requested_by": "alice"}
        pull = requests.pull(self.of.world.runtime.db, self.of.firm, self.of.connection, **given)
        self.go(self._tolerated(pull))

    @rule(kinds=st.sampled_from([None, [Kind.invoice], [Kind.customer, Kind.journal_entry]]))
    def all_that_is_owed_is_pushed(self, kinds: list[Kind] | None) -> None:
        self.go(self._push_all(kinds))

    @rule(act=st.sampled_from(list(Act)), back=st.integers(0, 2))
    def a_run_is_controlled(self, act: Act, back: int) -> None:
        self.go(self._control(act, back))

    @rule(client=clients)
    def a_client_is_retried(self, client: int) -> None:
        self.go(self._mend(mending.retry, Kind.customer, client))

    @rule(invoice=invoices)
    def an_invoice_is_retried(self, invoice: int) -> None:
        self.go(self._mend(mending.retry, Kind.invoice, invoice))

    @rule(invoice=invoices)
    def an_invoice_is_skipped(self, invoice: int) -> None:
        self.go(self._mend(mending.skip, Kind.invoice, invoice))

    @rule(journal=journals)
    def a_journal_is_retried(self, journal: int) -> None:
        self.go(self._mend(mending.retry, Kind.journal_entry, journal))

    # --- what runners do, and what befalls them

    @rule(
        kind=st.sampled_from(FAULTS),
        writes=st.sampled_from([True, True, False]),
        times=st.integers(1, 3),
        skip=st.integers(0, 2),
        preset=st.integers(0, 3),
    )
    def calls_will_fail(self, kind: str, writes: bool, times: int, skip: int, preset: int) -> None:
        self.break_calls(kind, writes=writes, times=times, skip=skip, preset=preset)

    @rule(target=journals, cents=CENTS, forgotten=st.booleans())
    def the_write_of_a_journal_is_lost(self, cents: int, forgotten: bool) -> int:
        """The likeliest way to write twice, which chance alone would play too seldom."""
        journal = self._journal(cents)
        self.break_calls("lost_answer", writes=True)
        self.take_turn(None)
        if forgotten:
            self.go(self._long_after())
        return journal

    @rule()
    def access_tokens_expire(self) -> None:
        address = f"{self.of.world.base}/_sim/{VENDOR[self.of.provider]}/tokens/expire"
        self.go(self.of.world.http.post(address, json={"grant": "access"}))

    @rule(long=st.booleans())
    def time_passes(self, long: bool) -> None:
        self.go(self._long_after() if long else wait(self.of))

    # --- what people do at the company

    @rule(invoice=invoices, part=st.booleans())
    def a_customer_pays_there(self, invoice: int, part: bool) -> None:
        self.go(self._pay(invoice, part))

    @rule(invoice=invoices, deed=st.sampled_from(["void_invoice", "delete_invoice", "due_date", "amount"]))
    def an_invoice_is_touched_there(self, invoice: int, deed: str) -> None:
        self.go(self._touch(invoice, deed))

    @rule(client=clients, deed=st.sampled_from(["phone", "archive", "restore"]))
    def a_customer_is_touched_there(self, client: int, deed: str) -> None:
        self.go(self._touch_customer(client, deed))

    @rule(archived=st.booleans())
    def what_invoices_need_is_archived_or_restored_there(self, archived: bool) -> None:
        deed, body = NEEDED[self.of.provider][0 if archived else 1]
        self.go(self.act(deed, **body))

    # --- what holds after each

    @invariant()
    def nothing_is_there_twice(self) -> None:
        there = Counter(self._origins())
        assert set(there.values()) <= {1}, {origin: times for origin, times in there.items() if times > 1}

    @invariant()
    def each_change_has_one_disposition(self) -> None:
        self.go(self._check_tables())


@pytest.mark.timeout(600)
def test_whatever_happens_nothing_is_written_twice(chosen: Settings) -> None:
    play(WriteMachine, chosen, effort(stories=15, steps=20))


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("block", range(4))
def test_whatever_happens_at_length_nothing_is_written_twice(chosen: Settings, block: int) -> None:
    play(WriteMachine, chosen, effort(stories=150, steps=40))
