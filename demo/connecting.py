"""Step 2: the OAuth journey as a single-page application and a browser make it, and what a connection shows."""

from collections.abc import Sequence

from demo.books import Json
from demo.browser import consent
from demo.caller import Refused
from demo.cast import COMPANIES, DISPLAY, WEBHOOK_PATH, A, Firm, Link, Scene

_FORMS = {
    "quickbooks": lambda companies: {"user": ["admin"], "realm": companies, "decision": ["allow"]},
    "xero": lambda companies: {"tenant": companies, "action": ["allow"]},
}


def connect_all(scene: Scene) -> None:
    """Webhooks first, then firm A to both providers and firm B to Xero, as the same accountant."""
    aim_webhooks(scene)
    for (key, provider), company in COMPANIES.items():
        firm = next(firm for firm in scene.firms if firm.books.key == key)
        stranger = next(other for other in scene.firms if other is not firm)
        scene.seeds[company] = _present(scene, provider, company)
        opened = [company]
        if provider == "xero" and key == "A":
            opened = [one for (_, name), one in COMPANIES.items() if name == "xero"]  # the accountant ticks both
        connect(scene, firm, provider, company, opened=opened, stranger=stranger)
    for firm, link in scene.links():
        held = firm.api.ask("PATCH", link.path, {"sync_enabled": False})
        scene.terminal.check(
            not held["sync_enabled"], f"{firm.books.name}: automatic sync with {link.vendor} held back for a first look"
        )


def aim_webhooks(scene: Scene) -> None:
    """Tell both vendors where to send webhooks; Xero proves by a handshake that we check signatures."""
    for provider, path in WEBHOOK_PATH.items():
        url = f"http://127.0.0.1:{scene.stage.ports.service}{path}"
        scene.sims.aim_webhooks(provider, url, scene.stage.webhook_keys[provider])
    shaken = scene.sims.ask("POST", "/xero/webhooks/intent")
    statuses = ", ".join(str(one["status"]) for one in shaken["answers"])
    scene.terminal.check(
        shaken["ok"], f"Xero's intent-to-receive handshake: two right and two forged bodies got {statuses}", shaken
    )


def connect(
    scene: Scene,
    firm: Firm,
    provider: str,
    company: str,
    *,
    opened: Sequence[str] = (),
    stranger: Firm | None = None,
) -> Link:
    """One journey: begin, consent at the vendor, finish as the caller that began, choose where several were opened."""
    terminal = scene.terminal
    begun = firm.api.post(f"{A}/connections/initiate_oauth", {"provider": provider, "return_url": "/connections"})
    words = consent(begun["authorization_url"], _FORMS[provider](list(opened) or [company]))
    terminal.check(
        "completion_token" in words,
        f"{DISPLAY[provider]} sent the browser back, which got no more than a completion token",
        words,
    )
    finish = {"state": begun["state_token"], "completion_token": words["completion_token"]}
    if stranger is not None:
        _refused_to(scene, stranger, finish)
    answer = firm.api.post(f"{A}/connections/oauth_callback", finish)
    if "selection_token" in answer:
        names = " and ".join(one["name"] for one in answer["companies"])
        terminal.check(len(answer["companies"]) == len(opened), f"The consent opened {names}: a company must be chosen")
        choice = {"selection_token": answer["selection_token"], "company_id": company}
        answer = firm.api.post(f"{A}/connections/select_company", choice)
    link = Link(answer["connection_id"], provider, company, answer["provider_company_name"])
    terminal.check(
        answer["status"] == "active" and answer["provider_company_id"] == company,
        f"{firm.books.name} is connected to “{link.company_name}” at {link.vendor}",
        answer,
    )
    _no_token_in(scene, answer)
    _show_readiness(scene, answer)
    firm.links[provider] = link
    return link


def _refused_to(scene: Scene, stranger: Firm, finish: Json) -> None:
    try:
        stranger.api.post(f"{A}/connections/oauth_callback", finish)
    except Refused as refusal:
        code = refusal.problem.get("code")
        scene.terminal.check(
            400 <= refusal.status < 500, f"{stranger.books.name} cannot finish another firm's journey ({code})"
        )
    else:
        scene.terminal.check(False, "A stranger cannot finish another firm's journey", "it was let in")


def _no_token_in(scene: Scene, answer: Json) -> None:
    named = [name for name in answer if "token" in name and name != "token_expires_at"]
    scene.terminal.check(
        not named and bool(answer["token_expires_at"]), "The answer tells when the token ends, and no token", named
    )


def _show_readiness(scene: Scene, answer: Json) -> None:
    problems = [check for check in answer["readiness"] if check["level"] == "problem"]
    scene.terminal.check(bool(answer["readiness"]) and not problems, "Ready:", problems)
    for check in answer["readiness"]:
        mark = "·" if check["level"] == "ok" else "!"
        scene.terminal.note(f"{mark} {check['message']}")


def _present(scene: Scene, provider: str, company: str) -> frozenset[str]:
    """Ids of the customers, invoices and payments that the company holds already."""
    ledger = scene.sims.ledger(provider, company)
    return frozenset(row["id"] for kind in ("customers", "invoices", "payments") for row in ledger[kind])
