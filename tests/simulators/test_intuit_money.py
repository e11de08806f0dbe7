"""Money against invoices: payments, credits, voids, deletes, and a person at the screen (reference 2.9, 3.4)."""

from decimal import Decimal

from tests.simulators.intuit_client import US_REALM, Intuit, Json, line


def paying(amount: str, *links: tuple[str, str, str]) -> Json:
    rows = [{"Amount": Decimal(a), "LinkedTxn": [{"TxnId": key, "TxnType": kind}]} for kind, key, a in links]
    return {"CustomerRef": {"value": "1"}, "TotalAmt": Decimal(amount), "Line": rows}


async def test_payment_applies_and_leaves_the_rest_unapplied(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    paid = await intuit.save("Payment", paying("130", ("Invoice", key, "100")))
    assert (paid["UnappliedAmt"], paid["DepositToAccountRef"]) == (30, {"value": "4"})
    invoice = await intuit.read("Invoice", key)
    assert (invoice["Balance"], invoice["SyncToken"]) == (0, "1")
    assert invoice["LinkedTxn"] == [{"TxnId": paid["Id"], "TxnType": "Payment"}]
    assert (await intuit.read("Customer", "1"))["Balance"] == -30
    assert (await intuit.read("Account", "4"))["CurrentBalance"] == 130
    await intuit.books()


async def test_payment_refusals(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    for body, code in (
        ({"CustomerRef": {"value": "1"}}, "6000"),
        ({"TotalAmt": 1}, "2020"),
        (paying("200", ("Invoice", key, "101")), "6000"),
        (paying("50", ("Invoice", key, "60")), "6000"),
        (paying("50", ("Invoice", "999", "50")), "610"),
        ({**paying("50", ("Invoice", key, "50")), "CustomerRef": {"value": "2"}}, "620"),
        ({**paying("5"), "DepositToAccountRef": {"value": "79"}}, "6000"),
        ({**paying("5"), "DepositToAccountRef": {"value": "7"}}, "2500"),
    ):
        assert (await intuit.fault("POST", "payment", body))["code"] == code, body
    assert (await intuit.read("Invoice", key))["Balance"] == 100


async def test_payment_update_replaces_its_lines_and_sparse_keeps_them(intuit: Intuit) -> None:
    a, b = (await intuit.invoice("A"))["Id"], (await intuit.invoice("B"))["Id"]
    made = await intuit.save("Payment", paying("100", ("Invoice", a, "100")))
    noted = await intuit.save("Payment", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "x"})
    assert noted["UnappliedAmt"] == 0
    moved = {**paying("100", ("Invoice", b, "100")), "Id": made["Id"], "SyncToken": "1"}
    await intuit.save("Payment", moved)
    assert [(await intuit.read("Invoice", key))["Balance"] for key in (a, b)] == [100, 0]
    await intuit.books()


async def test_credit_memo_is_applied_by_a_zero_payment(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    credit = await intuit.save("CreditMemo", {"CustomerRef": {"value": "1"}, "Line": [line("40")]})
    assert credit["RemainingCredit"] == 40
    await intuit.save("Payment", paying("0", ("Invoice", key, "40"), ("CreditMemo", credit["Id"], "40")))
    assert (await intuit.read("Invoice", key))["Balance"] == 60
    assert (await intuit.read("CreditMemo", credit["Id"]))["RemainingCredit"] == 0
    assert (await intuit.read("Customer", "1"))["Balance"] == 60


async def test_void_payment_and_void_invoice(intuit: Intuit) -> None:
    key = (await intuit.invoice("A", PrivateNote="ours"))["Id"]
    paid = await intuit.save("Payment", paying("60", ("Invoice", key, "60")))
    body = {"Id": paid["Id"], "SyncToken": "0", "sparse": True}
    gone = await intuit.save("Payment", body, operation="update", include="void")
    assert (gone["TotalAmt"], gone["UnappliedAmt"], gone["PrivateNote"], gone["SyncToken"]) == (0, 0, "Voided", "1")
    assert (await intuit.read("Invoice", key))["Balance"] == 100
    again = await intuit.save("Payment", paying("60", ("Invoice", key, "60")))
    token = (await intuit.read("Invoice", key))["SyncToken"]
    void = await intuit.save("Invoice", {"Id": key, "SyncToken": token}, operation="void")
    assert (void["TotalAmt"], void["Balance"], void["PrivateNote"]) == (0, 0, "Voided ours")
    assert (await intuit.read("Payment", again["Id"]))["UnappliedAmt"] == 60
    books = await intuit.books()
    assert [row["status"] for row in books["invoices"]] == ["voided"]
    assert [row["status"] for row in books["payments"]] == ["voided", "active"]
    refused = await intuit.fault("POST", "payment", {"Id": again["Id"], "SyncToken": "1"}, operation="void")
    assert refused["code"] == "500"


async def test_a_void_that_is_edited_stays_void_until_it_has_an_amount(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    await intuit.save("Invoice", {"Id": key, "SyncToken": "0"}, operation="void")
    await intuit.save("Invoice", {"Id": key, "SyncToken": "1", "sparse": True, "DueDate": "2026-12-31"})
    assert [row["status"] for row in (await intuit.books())["invoices"]] == ["voided"]
    await intuit.save("Invoice", {"Id": key, "SyncToken": "2", "sparse": True, "Line": [line("70")]})
    assert [row["status"] for row in (await intuit.books())["invoices"]] == ["open"]


async def test_delete(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    paid = await intuit.save("Payment", paying("60", ("Invoice", key, "60")))
    kept = await intuit.fault("POST", "invoice", {"Id": key, "SyncToken": "1"}, operation="delete")
    assert kept["code"] == "6000"
    stub = await intuit.save("Payment", {"Id": paid["Id"], "SyncToken": "0"}, operation="delete")
    assert stub == {"domain": "QBO", "status": "Deleted", "Id": paid["Id"]}
    assert (await intuit.fault("GET", f"payment/{paid['Id']}"))["code"] == "610"
    await intuit.save("Invoice", {"Id": key, "SyncToken": "2"}, operation="delete")
    listed = await intuit.fault("POST", "customer", {"Id": "1", "SyncToken": "0"}, operation="delete")
    assert listed["code"] == "500"
    assert (await intuit.books())["trial_balance"] == []


async def test_lowering_a_paid_invoice_returns_money_to_the_payment(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    paid = await intuit.save("Payment", paying("100", ("Invoice", key, "100")))
    change = {"Id": key, "SyncToken": "1", "sparse": True, "Line": [line("70")]}
    lower = await intuit.save("Invoice", change)
    assert (lower["TotalAmt"], lower["Balance"]) == (70, 0)
    assert (await intuit.read("Payment", paid["Id"]))["UnappliedAmt"] == 30
    await intuit.books()


async def test_a_person_pays_overpays_voids_edits_and_archives(intuit: Intuit) -> None:
    key = (await intuit.invoice("A"))["Id"]
    at = f"intuit/companies/{US_REALM}"
    part = await intuit.control(f"{at}/pay", {"number": "A", "amount": "30"})
    over = await intuit.control(f"{at}/pay", {"invoice_id": key, "amount": "100.50", "overpay": True})
    assert over["unapplied"] == "30.50"
    await intuit.control(f"{at}/void_payment", {"payment_id": part["payment_id"]})
    books = await intuit.books()
    assert (books["invoices"][0]["balance"], books["invoices"][0]["status"]) == ("30.00", "partially_paid")
    edited = await intuit.control(f"{at}/edit_invoice", {"invoice_id": key, "DueDate": "2027-01-01"})
    assert edited["total"] == "100.00"
    await intuit.control(f"{at}/archive_customer", {"customer_id": "2"})
    await intuit.control(f"{at}/pay", {"number": "nope"}, 404)
    await intuit.control(f"{at}/archive_customer", {"customer_id": "1"}, 400)


async def test_company_page_pays_with_a_click(intuit: Intuit) -> None:
    key = (await intuit.invoice("<b>1</b>"))["Id"]
    page = await intuit.http.get(f"/intuit/ui/{US_REALM}")
    assert "&lt;b&gt;1&lt;/b&gt;" in page.text
    assert f'action="/intuit/ui/{US_REALM}/pay"' in page.text
    clicked = await intuit.http.post(f"/intuit/ui/{US_REALM}/pay", data={"invoice_id": key})
    assert clicked.headers["location"] == f"/intuit/ui/{US_REALM}"
    assert (await intuit.read("Invoice", key))["Balance"] == 0


async def test_credit_memo_updates_need_customer_and_lines(intuit: Intuit) -> None:
    made = await intuit.save("CreditMemo", {"CustomerRef": {"value": "1"}, "Line": [line("40")]})
    change: Json = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "x"}
    assert (await intuit.fault("POST", "creditmemo", change))["code"] == "2020"
    change |= {"CustomerRef": {"value": "1"}, "Line": [line("50")]}
    assert (await intuit.save("CreditMemo", change))["TotalAmt"] == 50
    books = await intuit.control(f"intuit/companies/{US_REALM}/ledger")
    assert books["customers"][0]["balance"] == "-50.00"
