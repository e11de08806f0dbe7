"""Step 4: customers pay at the vendors; webhooks tell us, and `sync_payments` finds what they were made to miss."""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal

from demo.books import Json, Plan
from demo.caller import TookTooLong, wait_for
from demo.cast import DISPLAY, A, Firm, Link, Scene

Expected = dict[str, tuple[str, Decimal]]
_NOTHING = Decimal(0)
# Where a vendor keeps what was paid beyond an invoice: our word for it, and ours to the reader.
_EXCESS = {
    "quickbooks": ("payment", "lies on the second payment as unapplied"),
    "xero": ("overpayment", "is an overpayment at Xero"),
}


def pay_all(scene: Scene) -> None:
    """The whole step."""
    for firm, link in scene.links():
        firm.api.ask("PATCH", link.path, {"sync_enabled": True})
    for firm in scene.firms:
        scene.until(_is_quiet(firm), f"{firm.books.name}: automatic sync is on again, and nothing was left to do")
    before = {provider: len(scene.sims.deliveries(provider)) for provider in DISPLAY}
    to_void = [(link, _pay(scene, firm, link, firm.books.payments[link.provider])) for firm, link in scene.links()]
    for firm, link in scene.links():
        plan = firm.books.payments[link.provider]
        told = f"{len(plan.in_full)} paid in full, {len(plan.in_part)} in part, {len(plan.twice)} twice"
        expected = _after_paying(firm, plan)
        _followed(scene, firm, expected, f"{firm.books.name}, {link.vendor}: {told}; the webhooks told us all of it")
        _overpaid(scene, firm, link, plan)
    for link, payments in to_void:
        for payment in payments:
            scene.sims.act(link.provider, link.company, "void_payment", payment_id=payment)
    for firm, link in scene.links():
        voided = firm.books.payments[link.provider].voided
        fact = f"{link.vendor}: the payment of {', '.join(voided)} was voided, which went from paid back to open"
        _followed(scene, firm, dict.fromkeys(voided, ("approved", _NOTHING)), fact)
    for provider, count in before.items():
        _delivered(scene, provider, count)
    miss(scene)


def miss(scene: Scene) -> None:
    """Payments whose webhooks are lost: nothing changes here until somebody asks."""
    for provider in DISPLAY:
        scene.sims.drop_webhooks(provider, True)
    for firm, link in scene.links():
        paid = [_pay_one(scene, firm, link, number) for number in firm.books.payments[link.provider].missed]
        ids = [one["payment_id" if link.provider == "quickbooks" else "invoice_id"] for one in paid]
        wait_for(_lost(scene, link, ids), f"{link.vendor} loses its webhooks")
    for provider in DISPLAY:
        scene.sims.drop_webhooks(provider, False)
    for firm, link in scene.links():
        missed = firm.books.payments[link.provider].missed
        untouched = _statuses(firm, missed) == dict.fromkeys(missed, ("approved", _NOTHING))
        scene.terminal.check(
            untouched, f"{link.vendor} lost its webhooks: {', '.join(missed)} are paid there, open here"
        )
        found = _sync_payments(firm, link)
        scene.terminal.check(found == len(missed), f"sync_payments found exactly these {len(missed)}", found)
        expected = {number: ("paid", firm.books.total(number)) for number in missed}
        scene.terminal.check(_statuses(firm, missed) == expected, "They are paid here too", _statuses(firm, missed))


def _sync_payments(firm: Firm, link: Link) -> int:
    """How many payments a pull that somebody asked for found new or changed."""
    answer = firm.api.post(f"{link.path}/sync_payments")
    count = answer["payment_count"]
    return int(firm.api.finished(answer, "sync_payments")["counts"]["payments"] if count is None else count)


def _pay(scene: Scene, firm: Firm, link: Link, plan: Plan) -> list[str]:
    """Everything the plan says but what is missed; returns the payments to void later."""
    for number in plan.in_full:
        _pay_one(scene, firm, link, number)
    for number, amount in plan.in_part:
        _pay_one(scene, firm, link, number, amount=amount)
    for number in plan.twice:
        _pay_one(scene, firm, link, number)
        _pay_one(scene, firm, link, number, amount=str(firm.books.total(number)), overpay=True)
    return [_pay_one(scene, firm, link, number)["payment_id"] for number in plan.voided]


def _pay_one(scene: Scene, firm: Firm, link: Link, number: str, **more: object) -> Json:
    issued = next(one["issue_date"] for one in firm.books.invoices if one["number"] == number)
    day = max(date.today().isoformat(), issued)  # noqa: DTZ011  a payer writes his own calendar's date
    return scene.sims.act(link.provider, link.company, "pay", number=number, date=day, **more)


def _after_paying(firm: Firm, plan: Plan) -> Expected:
    whole = (*plan.in_full, *plan.twice, *plan.voided)
    expected = {number: ("paid", firm.books.total(number)) for number in whole}
    return expected | {number: ("partially_paid", Decimal(amount)) for number, amount in plan.in_part}


def _statuses(firm: Firm, numbers: Iterable[str]) -> Expected:
    wanted = set(numbers)
    found = firm.api.every(f"{A}/invoices")
    return {one["number"]: (one["status"], Decimal(one["amount_paid"])) for one in found if one["number"] in wanted}


def _followed(scene: Scene, firm: Firm, expected: Expected, fact: str) -> None:
    """A tick as soon as our invoices stand as expected; raises NotAsTold with those that do not."""
    try:
        wait_for(lambda: _statuses(firm, expected) == expected, fact, every=0.2)
    except TookTooLong:
        found = _statuses(firm, expected)
        scene.terminal.check(False, fact, {key: found.get(key) for key in expected if found.get(key) != expected[key]})
    scene.terminal.check(_statuses(firm, expected) == expected, fact)


def _overpaid(scene: Scene, firm: Firm, link: Link, plan: Plan) -> None:
    """What was paid too much: QuickBooks keeps it on the payment, Xero as a credit of its own, without a webhook."""
    if link.provider == "xero":
        found = _sync_payments(firm, link)
        fact = f"sync_payments found what Xero sends no webhook of: {', '.join(plan.twice)}"
        scene.terminal.check(found == len(plan.twice), fact, found)
    for number in plan.twice:
        total = firm.books.total(number)
        paid = _statuses(firm, [number])[number]
        scene.terminal.check(paid == ("paid", total), f"{number} was paid twice and counts once", paid)
        kind, where = _EXCESS[link.provider]
        scene.until(_sees_unapplied(firm, link, kind, total), f"{total} {where}, set against nothing")


def _sees_unapplied(firm: Firm, link: Link, kind: str, amount: Decimal) -> Callable[[], bool]:
    def look() -> bool:
        found = firm.api.every(f"{A}/payments", connection_id=link.connection_id)
        return any((one["source_kind"], Decimal(one["unapplied"])) == (kind, amount) for one in found)

    return look


def _delivered(scene: Scene, provider: str, before: int) -> None:
    wait_for(lambda: all(one["done"] for one in scene.sims.deliveries(provider)), "Every webhook is delivered")
    sent = scene.sims.deliveries(provider)
    statuses = sorted({one["status"] for one in sent})
    about = len(sent) - before
    fact = f"{DISPLAY[provider]} sent {len(sent)} webhooks, {about} of them about payments; all were answered 200"
    scene.terminal.check(about > 0 and statuses == [200], fact, statuses)


def _lost(scene: Scene, link: Link, ids: Iterable[str]) -> Callable[[], bool]:
    """Whether the events about all these records were lost: the vendor holds them for a moment before it sends."""

    def look() -> bool:
        lost = [one["body"] for one in scene.sims.deliveries(link.provider) if one["status"] == -1]
        return all(any(f'"{key}"' in body for body in lost) for key in ids)

    return look


def _is_quiet(firm: Firm) -> Callable[[], bool]:
    """Whether nothing is under way or owed, and each connection knows when its next scheduled pull is."""

    def look() -> bool:
        scheduled = all(firm.api.get(link.path)["next_run_at"] for link in firm.links.values())
        status = firm.api.get("/api/sync/status")
        return scheduled and not status["runs"] and not status["owed"]

    return look
