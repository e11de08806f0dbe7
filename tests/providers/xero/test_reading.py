import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from app.canonical import Gone, Kind, RemoteCustomer, RemoteInvoice, RemotePayment
from app.errors import Misconfigured, NeedsReauth, ProviderRejected, ProviderUnavailable, RateLimited
from app.providers.base import Page
from app.providers.jsontext import dumps
from app.providers.xero import spec
from tests.providers.xero.support import CONTACT, INVOICE_ID, TENANT, Api, sample, sampled

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class Books:
    """Answers a list as Xero does: what changed after the header's second, in the order of change, one page of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, size: int, *, exclusive: bool = False) -> None:
        monkeypatch.setattr(spec, "PAGE_SIZE", size)
        self.changed: dict[int, datetime] = {}
        self.exclusive = exclusive
        self.now: datetime | None = None
        self.api = Api(self.answer)

    def add(self, numbers: Iterable[int], *, every: timedelta = timedelta(seconds=1)) -> None:
        for number in numbers:
            self.changed[number] = START + every * number

    def answer(self, request: httpx.Request) -> httpx.Response:
        since = request.headers.get("If-Modified-Since")
        after = datetime.fromisoformat(since).replace(tzinfo=UTC) if since else None
        found = sorted((at, number) for number, at in self.changed.items() if after is None or self._newer(at, after))
        page, size = int(request.url.params["page"]), int(request.url.params["pageSize"])
        shown = found[(page - 1) * size : page * size]
        contacts = [
            {"ContactID": f"{number:08}-0000-4000-8000-000000000000", "Name": str(number), "UpdatedDateUTC": ms(at)}
            for at, number in shown
        ]
        pagination = {"page": page, "pageSize": size, "pageCount": -(-len(found) // size), "itemCount": len(found)}
        told = {"DateTimeUTC": ms(self.now)} if self.now else {}
        return httpx.Response(200, json={"pagination": pagination, "Contacts": contacts} | told)

    def _newer(self, at: datetime, after: datetime) -> bool:
        return at.replace(microsecond=0) > after if self.exclusive else at >= after

    async def read(self, cursor: str | None = None) -> tuple[set[int], str]:
        """All numbers of one round and the cursor after it."""
        numbers: set[int] = set()
        async for page in self.api.xero.changes(Kind.customer, cursor, None):
            numbers |= {int(record.external_id[:8]) for record in page.records if isinstance(record, RemoteCustomer)}
            cursor = page.cursor
        assert cursor is not None
        return numbers, cursor


def ms(at: datetime) -> str:
    return f"/Date({int(at.timestamp() * 1000)})/"


async def pages(api: Api, kind: Kind, cursor: str | None = None, since: date | None = None) -> list[Page]:
    return [page async for page in api.xero.changes(kind, cursor, since)]


class TestRounds:
    @pytest.mark.parametrize("exclusive", [False, True])
    async def test_everything_is_read_over_many_pages(self, monkeypatch, exclusive: bool) -> None:
        books = Books(monkeypatch, 5, exclusive=exclusive)
        books.add(range(23))
        numbers, _ = await books.read()
        assert numbers == set(range(23))

    @pytest.mark.parametrize("exclusive", [False, True])
    async def test_more_records_of_one_second_than_a_page_holds(self, monkeypatch, exclusive: bool) -> None:
        books = Books(monkeypatch, 5, exclusive=exclusive)
        books.add(range(17), every=timedelta(milliseconds=1))
        books.add(range(17, 20))
        numbers, _ = await books.read()
        assert numbers == set(range(20))

    async def test_a_record_that_changes_while_we_read_hides_no_other(self, monkeypatch) -> None:
        books = Books(monkeypatch, 5)
        books.add(range(20))
        numbers: set[int] = set()
        async for page in books.api.xero.changes(Kind.customer, None, None):
            numbers |= {int(record.external_id[:8]) for record in page.records if isinstance(record, RemoteCustomer)}
            books.changed[1] = START + timedelta(hours=len(books.api.requests))
            if len(books.api.requests) > 20:
                pytest.fail("the round does not end")
        assert numbers == set(range(20))

    @pytest.mark.parametrize("exclusive", [False, True])
    async def test_the_next_round_reads_what_is_new_and_a_little_before(self, monkeypatch, exclusive: bool) -> None:
        books = Books(monkeypatch, 500, exclusive=exclusive)
        books.add(range(0, 3600, 60))
        _, cursor = await books.read()
        books.add([3541])
        # A change that becomes visible late carries a stamp from before the end of the last round.
        books.add([3500])
        numbers, again = await books.read(cursor)
        assert {3500, 3540, 3541} <= numbers
        assert len(numbers) <= 6
        assert (await books.read(again))[0] >= {3541}

    async def test_a_quiet_company_answers_nothing_once_its_clock_has_passed_the_last_change(self, monkeypatch) -> None:
        books = Books(monkeypatch, 5)
        books.add(range(12))
        books.now = START + timedelta(hours=1)
        numbers, cursor = await books.read()
        assert numbers == set(range(12))
        assert (await books.read(cursor))[0] == set()
        books.add([3599 - 60])  # visible late, stamped a minute before the first round began
        assert (await books.read(cursor))[0] == {3539}

    async def test_changes_during_a_long_round_belong_to_the_next(self, monkeypatch) -> None:
        books = Books(monkeypatch, 5)
        books.add(range(12))
        books.now = START + timedelta(minutes=10)
        pages = books.api.xero.changes(Kind.customer, None, None)
        await anext(pages)
        books.now += timedelta(hours=1)
        cursor = [page.cursor async for page in pages][-1]
        assert json.loads(cursor)["since"] == (START + timedelta(minutes=8)).isoformat()

    async def test_a_round_goes_on_after_a_restart(self, monkeypatch) -> None:
        books = Books(monkeypatch, 5)
        books.add(range(23))
        first = await anext(books.api.xero.changes(Kind.customer, None, None))
        numbers, _ = await books.read(first.cursor)
        assert numbers >= set(range(5, 23))

    async def test_empty_books_are_asked_again_in_full(self, monkeypatch) -> None:
        books = Books(monkeypatch, 5)
        assert await books.read() == (set(), '{"page":1}')

    @pytest.mark.parametrize("cursor", ["", "[]", "2026-11-20", '{"page": "x"}'])
    async def test_text_that_is_no_cursor_is_refused(self, cursor: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            await pages(Api(httpx.Response(500)), Kind.customer, cursor)

    async def test_a_page_that_does_not_turn_ends_the_round(self, monkeypatch) -> None:
        monkeypatch.setattr(spec, "PAGE_SIZE", 2)
        same = [{"ContactID": CONTACT, "Name": "A", "UpdatedDateUTC": ms(START)}] * 2
        api = Api(lambda _: httpx.Response(200, json={"Contacts": same}))
        assert len(await pages(api, Kind.customer)) <= 3
        assert len(api.requests) <= 4

    async def test_pages_that_are_not_in_the_order_of_change_are_counted_through(self, monkeypatch) -> None:
        monkeypatch.setattr(spec, "PAGE_SIZE", 2)
        stamps = [START, START - timedelta(days=1), START - timedelta(days=2)]

        def answer(request: httpx.Request) -> httpx.Response:
            page = int(request.url.params["page"])
            shown = list(enumerate(stamps))[(page - 1) * 2 : page * 2]
            contacts = [{"ContactID": f"{n}", "Name": str(n), "UpdatedDateUTC": ms(at)} for n, at in shown]
            return httpx.Response(200, json={"Contacts": contacts})

        found = await pages(Api(answer), Kind.customer)
        assert [len(page.records) for page in found] == [2, 1]
        assert json.loads(found[-1].cursor)["since"] == (START - timedelta(days=2) - spec.OVERLAP).isoformat()


class Money:
    """Two lists of payments, each in pages of two and in the order of change."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, payments: int, overpayments: int) -> None:
        monkeypatch.setattr(spec, "PAGE_SIZE", 2)
        self.sizes = {"Payments": payments, "Overpayments": overpayments}
        self.api = Api(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        plural = request.url.path.rsplit("/", 1)[-1]
        since = request.headers.get("If-Modified-Since")
        after = datetime.fromisoformat(since).replace(tzinfo=UTC) if since else START
        key, template = {
            "Payments": ("PaymentID", sample("payments")["Payments"][0]),
            "Overpayments": ("OverpaymentID", sample("overpayments")["Overpayments"][0]),
        }[plural]
        found = [
            template | {key: f"{plural[0].lower()}{number}", "UpdatedDateUTC": ms(START + timedelta(minutes=number))}
            for number in range(self.sizes[plural])
            if START + timedelta(minutes=number) >= after
        ]
        page = int(request.url.params["page"])
        shown = found[(page - 1) * 2 : page * 2]
        pagination = {"page": page, "pageSize": 2, "pageCount": -(-len(found) // 2), "itemCount": len(found)}
        body = dumps({"pagination": pagination, plural: shown, "DateTimeUTC": ms(START + timedelta(hours=1))})
        return httpx.Response(200, content=body)

    def asked(self) -> list[str]:
        """The lists asked for so far, in order."""
        return [request.url.path.rsplit("/", 1)[-1] for request in self.api.requests]


def keys(found: Iterable[Page]) -> list[str]:
    return [record.external_id for page in found for record in page.records if isinstance(record, RemotePayment)]


class TestOverpayments:
    async def test_both_lists_are_read_and_then_each_from_its_end(self, monkeypatch) -> None:
        money = Money(monkeypatch, 3, 5)
        found = await pages(money.api, Kind.payment)
        assert set(keys(found)) == {"p0", "p1", "p2", "o0", "o1", "o2", "o3", "o4"}
        before = len(money.api.requests)
        assert keys(await pages(money.api, Kind.payment, found[-1].cursor)) == []
        assert money.asked()[before:] == ["Payments", "Overpayments"]  # one call more than for payments alone

    async def test_reading_goes_on_after_any_page(self, monkeypatch) -> None:
        money = Money(monkeypatch, 5, 5)
        everything = await pages(money.api, Kind.payment)
        for place, page in enumerate(everything):
            seen = {*keys(everything[: place + 1]), *keys(await pages(money.api, Kind.payment, page.cursor))}
            assert seen == {f"{letter}{number}" for letter in "po" for number in range(5)}, page.cursor
        half_way = next(page for page in everything if "o1" in keys([page]))
        again = keys(await pages(money.api, Kind.payment, half_way.cursor))
        assert "p0" not in again
        assert "o0" not in again

    async def test_a_cursor_from_before_overpayments_were_read_loads_them_from_the_first_day(self, monkeypatch) -> None:
        money = Money(monkeypatch, 3, 3)
        old = '{"since":"2026-11-20T08:30:00+00:00","page":1}'
        found = await pages(money.api, Kind.payment, old, since=date(2026, 1, 5))
        assert keys(found)[0] == "o0"
        payments, overpayments = money.api.requests[0], money.api.requests[1]
        assert payments.headers["If-Modified-Since"] == "2026-11-20T08:30:00"
        assert "where" not in payments.url.params
        assert overpayments.url.params["where"] == "Date>=DateTime(2026,01,05)"
        assert overpayments.url.params["order"] == "UpdatedDateUTC ASC, OverpaymentID ASC"

    @pytest.mark.parametrize("cursor", ['{"Overpayments":3}', '{"page":1,"Overpayments":{"page":"x"}}'])
    async def test_text_that_is_no_cursor_of_both_is_refused(self, cursor: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            await pages(Api(httpx.Response(500)), Kind.payment, cursor)

    async def test_those_of_bills_are_left_out(self) -> None:
        found = await pages(Api(sampled("overpayments")), Kind.payment)
        assert [key[-2:] for key in keys(found)] == ["04", "05"]


class TestQuestions:
    async def test_a_first_load_of_invoices_asks_for_sales_from_a_day_on(self) -> None:
        api = Api(sampled("invoice_authorised"))
        found = await pages(api, Kind.invoice, since=date(2026, 1, 5))
        assert [type(record) for record in found[0].records] == [RemoteInvoice]
        request = api.requests[0]
        assert dict(request.url.params) == {
            "page": "1",
            "pageSize": "1000",
            "order": "UpdatedDateUTC ASC, InvoiceID ASC",
            "where": 'Type=="ACCREC" AND Date>=DateTime(2026,01,05)',
        }
        assert "If-Modified-Since" not in request.headers
        assert request.headers["xero-tenant-id"] == TENANT

    async def test_later_rounds_ask_for_changes_of_any_business_date(self) -> None:
        api = Api(sampled("invoice_authorised"))
        cursor = (await pages(api, Kind.invoice, since=date(2026, 1, 5)))[-1].cursor
        await pages(api, Kind.invoice, cursor, since=date(2026, 1, 5))
        request = api.requests[-1]
        # Two minutes before the first answer by Xero's clock, in the one form the header takes.
        assert request.headers["If-Modified-Since"] == "2026-11-21T09:58:00"
        assert request.url.params["where"] == 'Type=="ACCREC"'

    async def test_payments_of_bills_and_refunds_are_left_out(self) -> None:
        found = await pages(Api(sampled("payments")), Kind.payment)
        assert [record.external_id[-2:] for record in found[0].records if isinstance(record, RemotePayment)] == [
            "01",
            "11",
        ]

    async def test_archived_contacts_are_asked_for(self) -> None:
        api = Api(sampled("contacts"))
        found = await pages(api, Kind.customer)
        assert len(found[0].records) == 2
        assert api.requests[0].url.params["includeArchived"] == "true"


class TestFetch:
    async def test_invoices_come_in_one_call_with_what_was_paid(self) -> None:
        api = Api(sampled("invoice_authorised"))
        found = await api.xero.fetch(Kind.invoice, [INVOICE_ID, "c1d2e3f4-0000-4000-8000-0000000000ff", INVOICE_ID])
        assert [type(record) for record in found] == [RemoteInvoice, Gone]
        assert len(api.requests) == 1
        params = api.requests[0].url.params
        assert params["IDs"] == f"{INVOICE_ID},c1d2e3f4-0000-4000-8000-0000000000ff"
        assert params["page"] == "1"

    async def test_a_bill_is_neither_ours_nor_gone(self) -> None:
        bill = sample("invoice_voided")["Invoices"][0] | {"Type": "ACCPAY", "Total": 1, "TotalTax": 0, "AmountDue": 0}
        bill |= {"AmountPaid": 0, "AmountCredited": 0, "SubTotal": 1}
        api = Api(httpx.Response(200, json={"Invoices": [bill]}))
        assert await api.xero.fetch(Kind.invoice, [bill["InvoiceID"]]) == []

    async def test_payments_are_read_one_by_one_and_may_be_gone(self) -> None:
        known = sample("payments")["Payments"][0]["PaymentID"]

        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path == f"/api.xro/2.0/Payments/{known}":
                return sampled("payments")
            return httpx.Response(404, html="")

        api = Api(answer)
        found = await api.xero.fetch(Kind.payment, [known, "a0000000-0000-4000-8000-0000000000ff"])
        assert len(api.requests) == 3  # it might have been an overpayment
        assert found[-1] == Gone(kind=Kind.payment, external_id="a0000000-0000-4000-8000-0000000000ff")

    async def test_nothing_asked_costs_nothing(self) -> None:
        api = Api(httpx.Response(500))
        assert await api.xero.fetch(Kind.customer, []) == []
        assert api.requests == []


class TestProblems:
    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (httpx.Response(500, html="<html>"), ProviderUnavailable),
            (httpx.Response(503, text="organisation offline"), ProviderUnavailable),
            (httpx.Response(200, html="<html>"), ProviderUnavailable),
            (httpx.Response(200, json=[]), ProviderUnavailable),
            (httpx.Response(302), ProviderUnavailable),
            (httpx.ReadTimeout("silence"), ProviderUnavailable),
            (httpx.Response(403, html="blocked"), ProviderUnavailable),
            (httpx.Response(404, html=""), Misconfigured),
            (httpx.Response(401, json={"Detail": "TokenExpired"}), NeedsReauth),
            (httpx.Response(403, json={"Detail": "AuthenticationUnsuccessful"}), NeedsReauth),
            (httpx.Response(403, json={"detail": "AuthenticationUnsuccessful"}), NeedsReauth),
            (httpx.Response(401, json={"Detail": "AuthorizationUnsuccessful"}), ProviderRejected),
            (httpx.Response(400, json={"Type": "QueryParseException", "ErrorNumber": 16}), ProviderRejected),
        ],
    )
    async def test_a_read_that_fails(self, answer: httpx.Response | Exception, expected: type[Exception]) -> None:
        with pytest.raises(expected):
            await pages(Api(answer), Kind.invoice)

    async def test_a_limit_says_which_and_how_long(self) -> None:
        headers = {"X-Rate-Limit-Problem": "day", "Retry-After": "66975"}
        with pytest.raises(RateLimited) as caught:
            await pages(Api(httpx.Response(429, headers=headers)), Kind.invoice)
        assert caught.value.limit == "day"
        assert caught.value.retry_after == timedelta(seconds=66975)

    async def test_the_company_needs_its_organisation(self) -> None:
        api = Api(
            lambda request: (
                sampled("organisation") if "Organisation" in request.url.path else httpx.Response(200, json={})
            )
        )
        company = await api.xero.company()
        assert (company.external_id, company.currency, company.multicurrency) == (TENANT, "NZD", False)
        with pytest.raises(ProviderUnavailable):
            await Api(httpx.Response(200, json={"Organisations": []})).xero.company()
