"""Journals, lists and bank transactions: what the sync engine may expect of any provider."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.books.account_types import ACCOUNT_TYPES
from app.canonical import DocumentState, Gone, JournalLine, Kind, Operation, RemoteAccount
from app.providers.base import Refused, Unknown, Written
from simulators.root import Simulators
from tests.providers.contract import DAY, OPENERS, Side, changing, creating, simulated


@pytest.fixture(params=sorted(OPENERS))
async def side(request):
    sims = Simulators()
    async with simulated(sims) as client:
        opened = await OPENERS[request.param](sims, client)
        await client.post(f"/_sim/{opened.simulator}/limits", json={"enforce": False})
        yield opened
    await sims.aclose()


class TestJournals:
    async def test_a_batch_is_written_to_the_cent_and_read_again(self, side: Side):
        entries = [side.journal(f"JE-{n}", f"{n}.0{n}") for n in range(1, 4)]
        written = await side.write(*(creating(str(n), entry) for n, entry in enumerate(entries)))
        assert [(one.label, one.total) for one in written] == [(entry.number, entry.total) for entry in entries]
        read = await side.provider.fetch(Kind.journal_entry, [one.external_id for one in written])
        assert [(one.number, one.total, one.on, one.reference) for one in read] == [
            (entry.number, entry.total, DAY, entry.reference) for entry in entries
        ]
        assert {one.state for one in read} == {DocumentState.open}

    async def test_one_is_found_by_its_marker_whatever_it_is_called_by_now(self, side: Side):
        entry = side.journal("JE-1")
        assert await side.provider.find(creating("1", entry)) is None
        (written,) = await side.write(creating("1", entry))
        match = await side.provider.find(creating("1", entry))
        assert (match.external_id, match.equal, match.total) == (written.external_id, True, entry.total)
        renamed = await side.provider.find(creating("1", replace(entry, number="JE-1-B")))
        assert renamed is not None
        assert renamed.external_id == written.external_id
        other = await side.provider.find(creating("1", replace(entry, number="JE-2", reference="j-else")))
        assert other is None

    async def test_another_total_is_not_equal(self, side: Side):
        await side.write(creating("1", side.journal("JE-1", "10.00")))
        match = await side.provider.find(creating("1", side.journal("JE-1", "10.01")))
        assert not match.equal
        assert "10.01" in match.difference

    async def test_a_lost_answer_is_replayed_under_the_same_key(self, side: Side):
        path = "/journalentry$" if side.simulator == "intuit" else "/ManualJournals$"
        side.lose_next_answer("POST" if side.simulator == "intuit" else "PUT", path)
        call = await side.prepared(creating("1", side.journal("JE-1")))
        (lost,) = await side.provider.write(call)
        (found,) = await side.provider.write(call)
        assert isinstance(lost, Unknown)
        assert isinstance(found, Written)
        records, _ = await side.pull(Kind.journal_entry)
        assert [one.number for one in records if one.reference == "j-JE-1"] == ["JE-1"]

    async def test_an_update_replaces_the_lines(self, side: Side):
        (first,) = await side.write(creating("1", side.journal("JE-1")))
        again = side.journal("JE-1", "99.99")
        (second,) = await side.write(changing(Operation.update, again, first.external_id, first.version))
        assert (second.external_id, second.total) == (first.external_id, Decimal("99.99"))

    async def test_a_void_where_the_provider_has_one(self, side: Side):
        (first,) = await side.write(creating("1", side.journal("JE-1")))
        if Kind.journal_entry not in side.provider.capabilities.voidable:
            assert side.simulator == "intuit"
            return
        void = changing(Operation.void, side.journal("JE-1"), first.external_id, first.version)
        (voided,) = await side.write(void)
        assert isinstance(voided, Written)
        assert (await side.provider.find(void)).equal

    async def test_what_would_be_refused_is_said_before_any_call(self, side: Side):
        company = await side.provider.company()
        unmapped = replace(side.journal("JE-1").lines[0], account="")
        taxed = replace(side.journal("JE-1").lines[1], tax=side.tax)
        entry = side.journal("JE-1", lines=(unmapped, taxed))
        codes = [fault.code for fault in side.provider.preflight(creating("1", entry), company)]
        assert codes == ["account_unmapped", "journal_tax_unsupported"]
        closed = replace(company, lock_date=DAY)
        codes = [fault.code for fault in side.provider.preflight(creating("1", side.journal("JE-1")), closed)]
        assert codes == ["period_closed"]

    async def test_one_bad_entry_leaves_the_good_ones(self, side: Side):
        bad = side.journal(
            "JE-2",
            lines=(JournalLine(account="99999", debit=Decimal(1)), JournalLine(account="99999", credit=Decimal(1))),
        )
        outcomes = await side.write(
            creating("1", side.journal("JE-1")), creating("2", bad), creating("3", side.journal("JE-3"))
        )
        assert [type(one) for one in outcomes] == [Written, Refused, Written]


class TestLists:
    async def test_accounts_come_with_our_types_and_their_codes(self, side: Side):
        records, _ = await side.pull(Kind.account)
        by_code = {one.code: one for one in records}
        assert by_code[side.income].type == "revenue.sales"
        assert by_code[side.expense].type == "expense.operating"
        assert by_code[side.bank].type == "asset.bank"
        assert {one.type for one in records} <= {*ACCOUNT_TYPES, "unknown"}
        assert len([one for one in records if one.type == "asset.receivable"]) == 1
        assert all(isinstance(one, RemoteAccount) and one.name and one.active for one in records)

    async def test_an_archived_account_comes_as_inactive(self, side: Side):
        _, cursor = await side.pull(Kind.account)
        await side.act("archive_account", account=side.expense)
        records, _ = await side.pull(Kind.account, cursor)
        assert {one.code: one.active for one in records}[side.expense] is False

    async def test_items_and_taxes_come_with_what_a_mapping_targets(self, side: Side):
        items, _ = await side.pull(Kind.item)
        assert all(one.code and one.name for one in items)
        taxes, _ = await side.pull(Kind.tax_rate)
        known = {one.code: one for one in taxes}
        if side.simulator == "xero":
            assert (known[side.tax].rate, known[side.tax].active) == (side.rate, True)
        assert {side.tax, side.untaxed} <= set(known)

    async def test_short_lists_say_that_they_are_complete(self, side: Side):
        pages = [page async for page in side.provider.changes(Kind.tax_rate, None, None)]
        assert [page.complete for page in pages] == [True]


class TestBank:
    async def money_moves(self, side: Side) -> None:
        if side.simulator == "intuit":
            line: dict[str, Any] = {
                "Amount": 34,
                "DetailType": "AccountBasedExpenseLineDetail",
                "Description": "Stamps",
                "AccountBasedExpenseLineDetail": {"AccountRef": {"value": side.expense}},
            }
            fields: dict[str, Any] = {
                "PaymentType": "Cash",
                "AccountRef": {"value": side.bank},
                "TxnDate": str(DAY),
                "Line": [line],
            }
            await side.act("create_document", entity="Purchase", **fields)
            fields = {
                "FromAccountRef": {"value": side.bank},
                "ToAccountRef": {"value": side.savings},
                "Amount": 500,
                "TxnDate": str(DAY),
            }
            await side.act("create_document", entity="Transfer", **fields)
            return
        line = {
            "Description": "Stamps",
            "Quantity": 1,
            "UnitAmount": 34,
            "AccountCode": side.expense,
            "TaxType": "NONE",
        }
        fields = {
            "Type": "SPEND",
            "Contact": {"Name": "Post Office"},
            "BankAccount": {"Code": side.bank},
            "Date": str(DAY),
            "LineItems": [line],
        }
        await side.act("create_document", entity="BankTransaction", **fields)
        fields = {
            "FromBankAccount": {"Code": side.bank},
            "ToBankAccount": {"Code": side.savings},
            "Amount": 500,
            "Date": str(DAY),
        }
        await side.act("create_document", entity="BankTransfer", **fields)

    async def test_what_moved_comes_once_and_its_deletion_later(self, side: Side):
        before, _ = await side.pull(Kind.bank_transaction)
        known = {one.external_id for one in before}
        await self.money_moves(side)
        records, cursor = await side.pull(Kind.bank_transaction)
        new = {one.type: one for one in records if one.external_id not in known}
        assert {kind: one.amount for kind, one in new.items()} == {"spend": Decimal(34), "transfer": Decimal(500)}
        assert new["spend"].on == DAY
        assert [(line.amount, line.description) for line in new["spend"].lines] == [(Decimal(34), "Stamps")]
        assert new["transfer"].bank_account_id != new["transfer"].to_account_id
        spent = new["spend"].external_id
        entity = "Purchase" if side.simulator == "intuit" else "BankTransaction"
        await side.act("delete_document", entity=entity, id=spent.rpartition(":")[2])
        later, _ = await side.pull(Kind.bank_transaction, cursor)
        (last,) = [one for one in later if one.external_id == spent][-1:]
        assert isinstance(last, Gone) or last.state is DocumentState.deleted

    async def test_whatever_the_lists_show_is_read_by_its_id_and_nothing_beside_it(self, side: Side):
        await self.money_moves(side)
        listed, _ = await side.pull(Kind.bank_transaction)
        assert {"spend", "transfer"} <= {one.type for one in listed}
        for record in listed:
            assert await side.provider.fetch(Kind.bank_transaction, [record.external_id]) == [record]
        read = await side.provider.fetch(Kind.bank_transaction, [record.external_id for record in listed])
        assert sorted(read, key=lambda one: one.external_id) == sorted(listed, key=lambda one: one.external_id)

    async def test_a_transfer_that_was_deleted_is_read_as_such(self, side: Side):
        await self.money_moves(side)
        listed, _ = await side.pull(Kind.bank_transaction)
        moved = next(one for one in listed if one.type == "transfer")
        entity = "Transfer" if side.simulator == "intuit" else "BankTransfer"
        await side.act("delete_document", entity=entity, id=moved.external_id.rpartition(":")[2])
        (read,) = await side.provider.fetch(Kind.bank_transaction, [moved.external_id])
        assert read.external_id == moved.external_id
        assert isinstance(read, Gone) or read.state is DocumentState.deleted
