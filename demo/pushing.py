"""Step 3: one record, then all, then all again without a single write; so too after a reconnect."""

from demo.books import Json
from demo.caller import Refused
from demo.cast import A, Firm, Link, Scene
from demo.connecting import connect

_ROUTES = {"accounts": "account-mappings", "taxes": "tax-mappings", "items": "item-mappings"}


def push_all(scene: Scene) -> None:
    """The whole step."""
    for firm in scene.firms:
        map_codes(scene, firm)
        set_homes(scene, firm)
    scene.terminal.check(not any(scene.writes().values()), "So far nothing was written to any company", scene.writes())
    for firm, link in scene.links():
        scene.terminal.section(f"{firm.books.name} → {link.vendor}, “{link.company_name}”")
        push_one(scene, firm, link)
        push_rest(scene, firm, link)
    for firm in scene.firms:
        push_to_both(scene, firm)
    scene.terminal.section("Again")
    push_again(scene)
    reconnect(scene)


def map_codes(scene: Scene, firm: Firm) -> None:
    """Our accounts, taxes and items in each provider's words."""
    for provider, kinds in firm.books.mappings.items():
        count = 0
        for kind, codes in kinds.items():
            if codes:
                items = [{"internal_code": ours, "external_code": theirs} for ours, theirs in codes.items()]
                answer = firm.api.ask("PUT", f"{A}/{_ROUTES[kind]}", {"provider": provider, "items": items})
                count += len(answer["items"])
        expected = sum(map(len, kinds.values()))
        scene.terminal.check(
            count == expected, f"{firm.books.name}: {count} codes mapped for {firm.links[provider].vendor}"
        )


def set_homes(scene: Scene, firm: Firm) -> None:
    """Each client's home connection; a firm with one connection needs none."""
    if len(firm.links) == 1:
        scene.terminal.note(f"{firm.books.name} has one connection: it is every client's home.")
        return
    items = [
        {"external_ref": reference, "connection_id": firm.links[provider].connection_id}
        for reference, provider in firm.books.homes.items()
    ]
    answer = firm.api.post(f"{A}/clients", {"items": items})
    split = ", ".join(
        f"{list(firm.books.homes.values()).count(provider)} at {link.vendor}" for provider, link in firm.links.items()
    )
    scene.terminal.check(
        len(answer["items"]) == len(items) and not answer["created"],
        f"{firm.books.name}: clients have their home: {split}",
    )


def push_one(scene: Scene, firm: Firm, link: Link) -> None:
    """One client and one invoice by themselves, and the same call again."""
    reference = next(one for one in firm.at_home(link.provider) if one not in firm.books.refusals)
    invoice = firm.books.invoice(reference)
    customer = firm.api.post(f"{link.path}/sync_customer", {"client_ref": invoice["client_ref"]})
    scene.terminal.check(
        customer["success"] is True and not customer["already_synced"],
        f"sync_customer wrote {customer['mapping']['external_name']}",
        customer,
    )
    synced = firm.api.post(f"{link.path}/sync_invoice", {"invoice_ref": reference})
    scene.terminal.check(
        synced["success"] is True and synced["mapping"]["external_number"] == invoice["number"],
        f"sync_invoice wrote {invoice['number']} over {invoice['total']} {invoice['currency']}",
        synced,
    )
    before = scene.sims.calls(link.provider, link.company)
    again = firm.api.post(f"{link.path}/sync_invoice", {"invoice_ref": reference})
    calls = scene.sims.calls(link.provider, link.company) - before
    scene.terminal.check(
        again["already_synced"] is True and calls == 0, "The same call again: already synced, without a call", again
    )


def push_rest(scene: Scene, firm: Firm, link: Link) -> None:
    """Everything owed at one company; only the expected refusals stay behind, with their reason."""
    invoices = firm.at_home(link.provider)
    clients = sum(home == link.provider for home in firm.books.homes.values())
    refusals = {firm.invoices[one] for one in firm.books.refusals if one in invoices}
    answer = firm.api.post(f"/api/sync/{link.provider}/push")
    run = firm.api.finished(answer, f"The push to {link.vendor}")
    failed = failures(firm, link)
    pushed = clients - 1 + len(invoices) - 1 - len(refusals)
    scene.terminal.check(
        run["state"] == "done" and run["counts"]["pushed"] == pushed and {one["invoice"] for one in failed} == refusals,
        f"push wrote the other {clients - 1} clients and {len(invoices) - 1 - len(refusals)} invoices",
        {"run": run, "failed": failed},
    )
    for one in failed:
        scene.terminal.check(
            bool(one["fault"].get("code")) and bool(one["sync_error"]),
            f"{one['external_number']} was refused as expected ({one['fault'].get('code')}): {one['sync_error']}",
            one,
        )


def push_to_both(scene: Scene, firm: Firm) -> None:
    """A few invoices also to the company that is not their home."""
    if not firm.books.both:
        return
    link = firm.links["xero"]
    ids = [firm.invoices[reference] for reference in firm.books.both]
    scene.terminal.section(f"{firm.books.name} → {link.vendor} as a second company")
    answer = firm.api.post(f"/api/sync/{link.provider}/push", {"kind": "invoice", "ids": ids})
    firm.api.finished(answer, f"The push to {link.vendor}")
    states = {
        reference: firm.api.get(
            f"{A}/invoice-mappings", connection_id=link.connection_id, invoice_id=firm.invoices[reference]
        )[0]
        for reference in firm.books.both
    }
    scene.terminal.check(
        all(one["state"] == "synced" for one in states.values()),
        f"{len(ids)} invoices with their home at QuickBooks were pushed to {link.vendor} too",
        states,
    )
    for reference in firm.books.refusals:
        number = states[reference]["external_number"]
        scene.terminal.check(
            number == firm.books.invoice(reference)["number"], f"{link.vendor} took {number}, emoji and all"
        )


def push_again(scene: Scene) -> None:
    """A second push of everything, whose only effect is that it is answered."""
    before = scene.writes()
    for firm, link in scene.links():
        run = firm.api.finished(firm.api.post(f"/api/sync/{link.provider}/push"), "The second push")
        scene.terminal.check(
            run["state"] == "done" and run["counts"]["pushed"] == 0, f"{firm.books.name} → {link.vendor}: pushed 0", run
        )
    for firm in scene.firms:
        if firm.books.both:
            ids = [firm.invoices[reference] for reference in firm.books.both]
            answer = firm.api.post("/api/sync/xero/push", {"kind": "invoice", "ids": ids})
            run = firm.api.finished(answer, "The second push")
            scene.terminal.check(run["counts"]["pushed"] == 0, "The invoices that went to both again: pushed 0", run)
    scene.terminal.check(
        scene.writes() == before, "A second push of everything wrote nothing", (before, scene.writes())
    )


def reconnect(scene: Scene) -> None:
    """Disconnect and reconnect the same company at each provider: the connection goes on where it stopped."""
    first, second = scene.firms
    for firm, provider in ((first, "quickbooks"), (second, "xero")):
        link = firm.links[provider]
        scene.terminal.section(f"{firm.books.name}: disconnect and reconnect “{link.company_name}”")
        gone = firm.api.post(f"{link.path}/disconnect")
        listed = [one["connection_id"] for one in firm.api.every(f"{A}/connections")]
        scene.terminal.check(
            gone["status"] == "revoked" and link.connection_id not in listed,
            "Disconnected, and gone from the list",
            gone,
        )
        _refuses_work(scene, firm, link)
        if provider == "xero":
            other = first.api.get(first.links["xero"].path)
            scene.terminal.check(
                other["status"] == "active",
                f"{first.books.name} stays connected to Xero under the same accountant",
                other,
            )
        again = connect(scene, firm, provider, link.company)
        scene.terminal.check(again.connection_id == link.connection_id, "It is the connection of before", again)
        firm.api.ask("PATCH", again.path, {"sync_enabled": False})
    push_again(scene)


def failures(firm: Firm, link: Link) -> list[Json]:
    """Invoice mappings of a connection that wait for a person."""
    return firm.api.every(f"{A}/invoice-mappings", connection_id=link.connection_id, sync_status="error")


def _refuses_work(scene: Scene, firm: Firm, link: Link) -> None:
    try:
        firm.api.post(f"/api/sync/{link.provider}/push")
    except Refused as refusal:
        scene.terminal.check(
            (refusal.status, refusal.problem.get("code")) == (400, "not_connected"),
            "Pushing there meanwhile is refused: not_connected",
            refusal,
        )
    else:
        scene.terminal.check(False, "Pushing to a disconnected company is refused", "it was accepted")
