"""A walk through the pages in a real browser, in the order in which a bookkeeper meets them."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from simulators.intuit.seeds import US_REALM
from simulators.xero import TENANT_NZ, TENANT_US
from tests.browser.town import FIRST_LOAD, PHONE, A, Person, Town, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def robin(town: Town) -> Iterator[Person]:
    """An administrator of the first firm, who keeps his browser open all along."""
    person = town.person("A")
    yield person
    person.page.context.close()


def test_01_signing_in_weighs_little_and_an_empty_house_says_what_to_do(town: Town) -> None:
    person = town.stranger()
    with person.weighing() as sizes:
        person.open("/")
    assert person.page.url.endswith("/sign-in")
    person.is_fine()
    assert 0 < sum(sizes) <= FIRST_LOAD, sizes
    robin = town.person("A")
    for path, words in (
        ("/", "Not connected"),
        ("/activity", "Nothing has run yet"),
        ("/activity/documents", "Nothing was accepted yet"),
        ("/attention", "Nothing needs you"),
        ("/mapping/account", "No company is connected"),
        ("/files", "Nothing went out yet"),
        ("/files/import", "No file came in yet"),
        ("/reports", "Nothing goes wrong"),
        ("/reports/reconciliation", "No company is connected"),
        ("/settings", "The firm"),
        ("/settings/events", "The vendors have told us nothing yet"),
    ):
        robin.open(path)
        robin.sees(words)
        robin.is_fine()


def test_02_a_cancelled_consent_changes_nothing(town: Town, robin: Person) -> None:
    robin.open("/")
    robin.click("Connect Xero", "link")
    robin.click("Continue to Xero")
    robin.click("Cancel")
    robin.sees("You did not allow the connection")
    robin.is_fine()
    robin.open("/")
    expect(robin.page.get_by_text("Not connected")).to_have_count(2)


def test_03_connecting_quickbooks_takes_six_clicks_at_most(town: Town, robin: Person) -> None:
    town.load("A")
    robin.open("/")
    robin.clicks = 0
    robin.click("Connect QuickBooks Online", "link")
    robin.is_fine()
    robin.click("Continue to QuickBooks Online")
    robin.page.locator(f'input[name="realm"][value="{US_REALM}"]').check()
    robin.clicks += 1
    robin.click("Allow")
    robin.sees("Nothing has been written yet.")
    assert robin.clicks <= 6
    robin.is_fine()
    robin.shoot("connected")
    assert town.sims.writes("quickbooks", US_REALM) == 0


def test_04_connecting_xero_asks_which_company(town: Town, robin: Person) -> None:
    robin.open("/")
    robin.clicks = 0
    robin.click("Connect Xero", "link")
    robin.click("Continue to Xero")
    for tenant in (TENANT_US, TENANT_NZ):
        robin.page.locator(f'[name="tenant"][value="{tenant}"]').check()
    robin.click("Allow access")
    robin.sees("Which company?")
    robin.is_fine()
    robin.page.get_by_label("Demo Company (US)").check()
    robin.click("Connect this company")
    robin.sees("Nothing has been written yet.")
    assert robin.clicks + 3 <= 7  # two ticks at the vendor because two companies are opened
    town.api("A").ask("PATCH", f"{A}/firm", {"default_connection_id": 1})


def test_05_what_lacks_a_code_is_shown_and_mapped_on_the_spot(town: Town, robin: Person) -> None:
    robin.open("/mapping/account?provider=quickbooks")
    robin.click("Fetch it")
    until(lambda: _reload(robin, "/mapping/account?provider=quickbooks", "select[name='t:4000']"), "lists are there")
    robin.open("/")
    robin.page.locator('[data-provider="quickbooks"]').get_by_role("button", name="Sync now").click()
    robin.page.wait_for_url(re.compile("/activity"))
    until(lambda: not _moving(robin), "the runs end by themselves, without a click")
    robin.is_fine()
    robin.open("/attention")
    robin.sees("Account unmapped")
    robin.is_fine()
    robin.shoot("needs-attention")
    books = town.books["A"].mappings["quickbooks"]
    while robin.page.get_by_role("button", name="Map and send").count():
        form = robin.page.locator("form", has=robin.page.get_by_role("button", name="Map and send")).first
        for select in form.locator("select").all():
            code = str(select.get_attribute("name"))[2:]
            kind = str(form.get_attribute("action")).rsplit("/", maxsplit=1)[-1]
            select.select_option(books[{"account": "accounts", "tax": "taxes", "item": "items"}[kind]][code])
        form.get_by_role("button", name="Map and send").click()
        robin.sees("Records that waited for that go by themselves.")
        until(lambda: _quiet(town, "A"), "what was mapped has been tried")
        robin.open("/attention")


def test_06_the_mapping_pages_suggest_preview_and_cover(town: Town, robin: Person) -> None:
    for kind, codes in (("item", "items"), ("tax", "taxes"), ("account", "accounts")):
        robin.open(f"/mapping/{kind}?provider=quickbooks")
        for ours, theirs in town.books["A"].mappings["quickbooks"][codes].items():
            box = robin.page.locator(f"select[name='t:{ours}']")
            if box.count():
                box.select_option(theirs)
        robin.click("Save")
        robin.is_fine()
    robin.shoot("mapping")
    robin.page.locator("select[name='t:4100']").select_option("79")
    robin.page.locator("#preview").get_by_text("Sales of Product Income").first.wait_for()


def test_07_everything_goes_and_the_card_says_so(town: Town, robin: Person) -> None:
    robin.open("/")
    robin.page.locator('[data-provider="quickbooks"]').get_by_role("button", name="Sync now").click()
    until(lambda: _quiet(town, "A"), "everything was tried")
    robin.open("/attention")
    assert "unmapped" not in robin.text()
    robin.open("/")
    robin.sees("are in QuickBooks")
    robin.is_fine()
    robin.shoot("integrations")
    robin.open("/activity/documents")
    robin.is_fine()
    robin.page.locator("tbody a").first.click()
    robin.sees("Idempotency key")
    robin.page.get_by_text("What was sent").first.click()
    robin.is_fine()
    robin.shoot("document")
    robin.open("/activity")
    robin.is_fine()
    robin.shoot("activity")


def test_07b_both_sides_tie_out(town: Town, robin: Person) -> None:
    robin.open("/reports")
    robin.is_fine()
    robin.shoot("reports")
    robin.open("/reports/reconciliation?from=2026-01-01")
    robin.sees("It ties out to the cent")
    robin.is_fine()
    number = town.sims.ledger("quickbooks", US_REALM)["invoices"][-1]["number"]
    town.sims.act("quickbooks", US_REALM, "void_invoice", number=number)
    robin.open("/")
    robin.page.locator('[data-provider="quickbooks"]').get_by_role("button", name="Sync now").click()
    until(lambda: _reload(robin, "/reports/reconciliation?from=2026-01-01", ".card.bad"), "the difference is seen")
    robin.sees("Voided there.")
    robin.is_fine()
    robin.shoot("reconciliation")
    robin.open("/attention")
    robin.page.locator('[data-cause="voided_there"]').get_by_role("button", name="Leave the ticked out").click()
    robin.sees("1 record left out")


def test_07c_keys_audit_and_events(town: Town, robin: Person) -> None:
    robin.open("/settings/keys")
    robin.page.get_by_label("What it is for").fill("billing")
    robin.click("Make the key")
    robin.sees("It is shown this once")
    robin.is_fine()
    for path in ("/settings", "/settings/audit", "/settings/events"):
        robin.open(path)
        robin.is_fine()


def _reload(person: Person, path: str, selector: str) -> bool:
    person.open(path)
    return person.page.locator(selector).count() > 0


def _moving(person: Person) -> bool:
    return person.page.locator("[data-live]").count() > 0


def _quiet(town: Town, firm: str) -> bool:
    return not town.api(firm).get("/api/sync/status")["owed"]


def test_08_a_phone_shows_everything_in_its_width(town: Town, robin: Person) -> None:
    long = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschaferswessenschafe"
    town.api("A").post(f"{A}/clients", {"external_ref": "long", "name": long, "currency": "USD"})
    _bill(town, "W-LONG-12345678901234", "nowhere", "long")
    person = town.person("A", "viewer", PHONE)
    paths = ["/", "/activity", "/activity/documents", "/attention", "/mapping/account", "/reports", "/settings"]
    for path in [*paths, "/files", "/files/import", "/settings/events"]:
        person.open(path)
        person.is_fine()
    person.open("/")
    person.shoot("phone")
    robin.open("/attention")
    robin.sees(long)
    robin.page.locator('[data-cause="account_unmapped"]').get_by_role("button", name="Leave the ticked out").click()
    robin.sees("1 record left out")


def test_08b_a_list_that_shows_some_runs_stays_while_others_go(town: Town) -> None:
    """A run that moves and is not in the list must not make the page load itself for ever."""
    person = town.person("A")
    loads: list[int] = []

    def moving(route: Route) -> None:
        loads.append(1)
        answer = route.fetch()
        route.fulfill(
            response=answer, body=answer.text().replace("<section ", '<section data-live="/activity/live" ', 1)
        )

    run = {"id": 1, "state": "running", "word": "running", "total": 2, "done": 1, "said": "1 of 2 records"}
    unseen = {**run, "id": 10**9}
    event = f"event: runs\ndata: {json.dumps([run, unseen])}\n\n"
    person.page.route(re.compile(r"/activity\?action=refresh"), moving)
    person.page.route("**/activity/live", lambda route: route.fulfill(content_type="text/event-stream", body=event))
    with person.page.expect_request("**/activity/live"):
        person.open("/activity?action=refresh")
    person.page.wait_for_timeout(1500)
    assert len(loads) == 1
    assert person.errors == []


def _bill(town: Town, number: str, account: str, client: str = "") -> None:
    """One more invoice from the firm's own system."""
    sample = next(one for one in town.books["A"].invoices if len(one["lines"]) == 1)
    line = {**sample["lines"][0], "account_code": account}
    client = client or town.books["A"].clients[0]["external_ref"]
    named = {"external_ref": number, "number": number, "client_ref": client, "issue_date": "2026-11-20"}
    town.api("A").post(f"{A}/invoices", {**sample, **named, "due_date": "2026-12-20", "lines": [line]})
    until(lambda: _quiet(town, "A"), f"{number} was tried")


def test_09_an_archived_account_is_shown_and_mapped_anew(town: Town, robin: Person) -> None:
    town.sims.act("quickbooks", US_REALM, "archive_account", account="79")
    robin.open("/mapping/account?provider=quickbooks")
    robin.click("Fetch the provider’s lists anew")
    until(lambda: _quiet(town, "A"), "asked")
    until(lambda: _reload(robin, "/mapping/account?provider=quickbooks", "text=is archived there"), "it is marked")
    robin.sees("is archived there")
    assert robin.page.locator("tbody tr").first.get_by_text("4200").count(), "what is broken stands on top"
    robin.is_fine()
    sides = [{"account_code": "4200", "debit": "12.50"}, {"account_code": "4000", "credit": "12.50"}]
    entry = {"external_ref": "W-ARCHIVED", "number": "W-ARCHIVED", "date": "2026-11-20", "currency": "USD"}
    town.api("A").post(f"{A}/journal-entries", {**entry, "narration": "Moved", "status": "posted", "lines": sides})
    until(lambda: _quiet(town, "A"), "it was tried")
    robin.open("/attention")
    robin.sees("W-ARCHIVED")
    robin.is_fine()
    robin.click("Look at the mapping", "link")
    robin.page.locator("select[name='t:4200']").select_option("1")
    robin.click("Save")
    robin.sees("1 code mapped")
    until(lambda: _quiet(town, "A"), "it went by itself once its account was mapped anew")
    robin.open("/activity/documents?kind=journal_entry&q=W-ARCHIVED")
    robin.sees("in the books there")
    robin.open("/attention")
    assert "W-ARCHIVED" not in robin.text()


def test_10_a_closed_period_is_explained_and_retried_where_it_is_shown(town: Town, robin: Person) -> None:
    town.sims.act("quickbooks", US_REALM, "close_books", date="2026-11-30")
    _bill(town, "W-CLOSED", "4000")
    robin.open("/attention")
    robin.sees("Period closed: 1 invoice")
    robin.is_fine()
    town.sims.act("quickbooks", US_REALM, "close_books", date=None)
    robin.page.locator('[data-cause="period_closed"]').get_by_role("button", name="Try the ticked again").click()
    robin.sees("1 record asked for again")
    until(lambda: _quiet(town, "A"), "it was tried again")
    robin.open("/attention")
    assert "Period closed" not in robin.text()


def test_11_a_revoked_access_asks_for_a_reconnect_and_goes_on(town: Town, robin: Person) -> None:
    town.sims.act("quickbooks", US_REALM, "disconnect")
    robin.open("/")
    robin.page.locator('[data-provider="quickbooks"]').get_by_role("button", name="Sync now").click()
    until(lambda: _reload(robin, "/attention", ".card.bad a[href='/connect/quickbooks']"), "it is noticed")
    robin.is_fine()
    robin.click("Reconnect", "link")
    robin.sees("Choose the same company to go on where you were")
    robin.click("Continue to QuickBooks Online")
    robin.page.locator(f'input[name="realm"][value="{US_REALM}"]').check()
    robin.click("Allow")
    robin.sees("is connected")
    before = town.sims.writes("quickbooks", US_REALM)
    robin.open("/")
    robin.page.locator('[data-provider="quickbooks"]').get_by_role("button", name="Sync now").click()
    until(lambda: _quiet(town, "A"), "everything was tried")
    assert town.sims.writes("quickbooks", US_REALM) == before, "nothing is written twice"
    robin.open("/attention")
    robin.page.get_by_text("does not let us in").wait_for(state="detached")


def test_11b_a_file_comes_in_after_a_look_at_it_and_one_goes_out(robin: Person) -> None:
    robin.open("/files/import")
    rows = ["Account Number,Account Name,Type,Detail Type,Description", "6300,Software,Expenses,,", "6400,Odd,Weird,,"]
    file = {"name": "chart.csv", "mimeType": "text/csv", "buffer": "\n".join(rows).encode()}
    robin.page.get_by_label("File", exact=True).set_input_files(file)  # type: ignore[arg-type]
    robin.click("Preview")
    robin.sees("Would import 1 accounts; nothing was stored")
    robin.is_fine()
    robin.shoot("import")
    robin.page.locator("#preview").get_by_label("Import the good rows").check()
    robin.click("Import it")
    robin.sees("The good rows were imported")
    robin.is_fine()
    with robin.page.expect_download() as rejected:
        robin.click("Download them as CSV", "link")
    assert "Weird" in rejected.value.path().read_text()
    robin.open("/files")
    robin.page.get_by_label("What", exact=True).select_option("accounts")
    with robin.page.expect_download() as sent:
        robin.click("Download the file")
    assert "6300" in sent.value.path().read_text("cp1252")
    assert robin.page.get_by_role("button", name="Download the file").is_enabled(), "another one can be asked for"
    robin.open("/files")
    robin.page.locator(".badge", has_text="complete").first.wait_for()
    robin.is_fine()
    robin.shoot("files")
    robin.click("quickbooks_accounts.iif", "link")
    robin.is_fine()
    with robin.page.expect_download() as again:
        robin.click("Download it again")
    assert again.value.path().read_bytes() == sent.value.path().read_bytes()


def test_12_a_viewer_sees_the_same_and_may_nothing(town: Town) -> None:
    person = town.person("A", "viewer")
    paths = ("/", "/activity", "/attention", "/mapping/account", "/files", "/files/import", "/connections/1/settings")
    for path in paths:
        person.open(path)
        acts = [text for text in person.page.locator("main button").all_inner_texts() if text != "Filter"]
        assert acts == [], path
    person.open("/connect/xero")
    person.sees("Your role does not permit this")
    person.is_fine()


def test_13_the_other_firm_sees_nothing_of_it(town: Town) -> None:
    person = town.person("B")
    paths = ("/", "/activity", "/activity/documents", "/attention", "/mapping/account", "/files", "/files/import")
    for path in paths:
        person.open(path)
        for theirs in ("Sandbox Company", "FS-2026", "W-CLOSED", "quickbooks_accounts.iif", "chart.csv"):
            assert theirs not in person.page.content(), path
    person.open("/connections/1/settings")
    person.sees("There is no such connection.")


def test_14_every_page_works_without_javascript_and_weighs_little(town: Town) -> None:
    person = town.person("A", scripts=False)
    paths = ["/", "/activity", "/activity/documents", "/attention", "/mapping/account", "/connections/1/settings"]
    for path in [
        *paths,
        "/reports",
        "/reports/reconciliation",
        "/settings",
        "/settings/keys",
        "/settings/audit",
        "/files",
        "/files/import",
    ]:
        with person.weighing() as sizes:
            person.open(path)
        assert person.page.locator("h1").count() == 1, path
        assert sum(sizes) <= FIRST_LOAD, (path, sizes)


def test_15_the_keyboard_reaches_everything(town: Town) -> None:
    person = town.person("A")
    person.open("/")
    person.page.keyboard.press("Tab")
    person.page.keyboard.press("Enter")
    assert person.page.evaluate("document.activeElement.id") == "main", "the first stop leads past the navigation"
    reached = set()
    for _ in range(40):
        person.page.keyboard.press("Tab")
        reached.add(person.page.evaluate("document.activeElement.textContent.trim()"))
    assert {"Sync now", "Pause", "Settings", "Disconnect…"} <= reached


def test_16_disconnecting_and_signing_out(town: Town, robin: Person) -> None:
    robin.open("/")
    robin.page.locator('[data-provider="xero"]').get_by_role("link", name="Disconnect…").click()
    robin.sees("Nothing is deleted there")
    robin.is_fine()
    robin.click("Disconnect")
    robin.sees("Disconnected. The access was given back")
    robin.sees("Not connected")
    robin.click("Sign out")
    robin.sees("You are signed out.")
    robin.open("/")
    assert robin.page.url.endswith("/sign-in")
