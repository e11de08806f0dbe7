"""The inbox as a state machine: what a vendor posts is kept exactly once, looked at in the end, and nothing else is.

People change things at the company and its vendor tells: what was posted lies in a mailbox, from where the story
delivers it late, twice, in another order, several at once, under a wrong signature, while the database is away, or
never. Runners look at what came and may die over it. After each step the inbox holds what was answered 200, and only
that. In the end what the vendor told made our books as theirs are, the sweep found whatever it did not tell, and no
event is left.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, initialize, invariant, multiple, precondition, rule

from app.db.tables import Connection
from app.settings import Settings
from tests.faults.comparing import wait
from tests.faults.inbox_deeds import InboxDeeds
from tests.faults.machines import READS_FAIL, effort, play
from tests.faults.stage import VENDOR

BACK = st.integers(0, 7)  # how many posts ago


class InboxMachine(InboxDeeds):
    """A company is changed there; its vendor's posts reach us in every way, or do not."""

    invoices: Bundle[str] = Bundle("invoices")
    payments: Bundle[str] = Bundle("payments")

    @initialize(provider=st.sampled_from(sorted(VENDOR)), target=invoices)
    def begin(self, provider: str) -> MultipleResults[str]:
        """A client with two invoices is at the company already; what that made the vendor say, it has said."""
        return multiple(*self.go(self._begin(provider)))

    # --- what people do at the company

    @rule(target=payments, invoice=invoices, cents=st.integers(1, 20_000))
    def a_customer_pays(self, invoice: str, cents: int) -> MultipleResults[str]:
        return multiple(*self.go(self._told(self._pay(invoice, cents))))

    @rule(payment=payments)
    def a_payment_is_taken_back(self, payment: str) -> None:
        self.go(self._told(self.act("delete_payment", payment_id=payment)))

    @rule(target=invoices, cents=st.integers(1, 20_000))
    def an_invoice_is_entered(self, cents: int) -> MultipleResults[str]:
        return multiple(*self.go(self._told(self._enter(cents))))

    @rule(invoice=invoices, deed=st.sampled_from(["void_invoice", "delete_invoice"]))
    def an_invoice_is_ended(self, invoice: str, deed: str) -> None:
        self.go(self._told(self.act(deed, invoice_id=invoice)))

    @rule(invoice=invoices, day=st.integers(10, 28))
    def an_invoice_is_edited(self, invoice: str, day: int) -> None:
        self.go(self._told(self.act("edit_invoice", invoice_id=invoice, DueDate=f"2026-12-{day}")))

    @rule(phone=st.integers(100, 999))
    def a_customer_is_edited(self, phone: int) -> None:
        self.go(self._told(self._edit_customer(str(phone))))

    # --- how the vendor's posts arrive

    @precondition(lambda self: self.mailbox.posts)
    @rule(back=BACK, times=st.integers(1, 2))
    def a_post_arrives(self, back: int, times: int) -> None:
        for _ in range(times):
            assert self.go(self._deliver(self._posted(back))) == 200

    @precondition(lambda self: self.mailbox.posts)
    @rule(backs=st.lists(BACK, min_size=2, max_size=5))
    def posts_arrive_at_once(self, backs: list[int]) -> None:
        assert self.go(self._deliver_together([self._posted(back) for back in backs])) == [200] * len(backs)

    @precondition(lambda self: self.mailbox.posts)
    @rule(back=BACK, how=st.sampled_from(["signature", "body", "door", "unsigned"]))
    def a_forged_post_arrives(self, back: int, how: str) -> None:
        assert self.go(self._forge(self._posted(back), how)) == 401

    @precondition(lambda self: self.mailbox.posts)
    @rule(back=BACK)
    def a_post_arrives_while_the_database_is_away(self, back: int) -> None:
        assert self.go(self._turn_away(self._posted(back))) == 503

    @precondition(lambda self: self.mailbox.posts)
    @rule(back=BACK)
    def the_vendor_gives_up_on_a_post(self, back: int) -> None:
        """Unless it arrived before, or arrives all the same."""
        self.lost.add(self._posted(back))

    # --- what is made of them

    @rule(invoice=invoices, cents=st.integers(1, 500), step=st.integers(1, 14))
    def news_arrives_and_the_runner_dies(self, invoice: str, cents: int, step: int) -> None:
        """The likeliest way to lose an event, which chance alone would play too seldom."""
        before = len(self.mailbox.posts)
        self.go(self._told(self._pay(invoice, cents)))
        for post in self.mailbox.posts[before:]:
            assert self.go(self._deliver(post)) == 200
        self.take_turn(step)

    @rule(kind=st.sampled_from(READS_FAIL), times=st.integers(1, 3), skip=st.integers(0, 1))
    def calls_will_fail(self, kind: str, times: int, skip: int) -> None:
        self.break_calls(kind, writes=False, times=times, skip=skip)

    @rule(state=st.sampled_from([None, "done", "ignored", "parked"]))
    def an_operator_has_events_looked_at_again(self, state: str | None) -> None:
        self.go(self._replay(state))

    @rule()
    def the_sweep_is_due(self) -> None:
        due = datetime.now(UTC) - timedelta(seconds=1)
        self.go(self.of.world.set(self.of.firm, Connection, self.of.connection, next_sync_at=due))

    @rule()
    def time_passes(self) -> None:
        self.go(wait(self.of))

    # --- what holds after each

    @invariant()
    def the_inbox_holds_what_was_answered(self) -> None:
        self.go(self._check_inbox())


@pytest.mark.timeout(600)
def test_what_a_vendor_tells_is_kept_once_and_looked_at(chosen: Settings) -> None:
    play(InboxMachine, chosen, effort(stories=12, steps=25))


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("block", range(4))
def test_what_a_vendor_tells_at_length_is_kept_once_and_looked_at(chosen: Settings, block: int) -> None:
    play(InboxMachine, chosen, effort(stories=150, steps=50))
