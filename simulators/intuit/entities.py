"""The registry of entities: what each one is, takes and allows, as data."""

from collections.abc import Callable
from dataclasses import dataclass

from simulators.core.http import Json
from simulators.intuit import dimensions, fields, fields_lists, fields_money
from simulators.intuit.company import Company
from simulators.intuit.deposits import build_deposit, build_transfer
from simulators.intuit.journal import build_journal_entry
from simulators.intuit.lists import build_account, build_item, show_account
from simulators.intuit.parties import build_customer, build_vendor, show_customer, show_vendor
from simulators.intuit.payments import build_payment
from simulators.intuit.purchases import build_purchase
from simulators.intuit.sales import build_credit_memo, build_invoice
from simulators.intuit.schema import Schema

Builder = Callable[[Company, Json, Json | None], Json]
Shower = Callable[[Company, Json], Json]


def _as_stored(_company: Company, row: Json) -> Json:
    return row


@dataclass(frozen=True)
class Entity:
    """One entity. Without `build` it is read-only here; `why_read_only` is the reason given with the 501.

    `sparse_needs`: fields that even a sparse update must send. `counted`: queries answer totalCount.
    """

    name: str
    queryable: frozenset[str]
    counter: str = ""
    schema: Schema | None = None
    build: Builder | None = None
    show: Shower = _as_stored
    transaction: bool = False
    in_cdc: bool = True
    counted: bool = False
    sparse_needs: tuple[str, ...] = ()
    why_read_only: str = ""

    @property
    def path(self) -> str:
        """Its name in URLs."""
        return self.name.lower()


def _q(words: str) -> frozenset[str]:
    return frozenset(("Id", "MetaData.CreateTime", "MetaData.LastUpdatedTime", *words.split()))


_PERSON = _q(
    "DisplayName GivenName FamilyName MiddleName CompanyName FullyQualifiedName PrintOnCheckName Active "
    "PrimaryEmailAddr"
)
_NAMED = _q("Name FullyQualifiedName Active")
_BY_TAX_SERVICE = "tax codes and rates are created by POST /taxservice/taxcode and not changed"

ENTITIES = {
    entity.name: entity
    for entity in (
        Entity("Customer", _PERSON | {"Balance"}, "name", fields.CUSTOMER, build_customer, show_customer),
        Entity(
            "Invoice",
            _q("DocNumber TxnDate DueDate CustomerRef Balance TotalAmt SalesTermRef ProjectRef"),
            "txn",
            fields.INVOICE,
            build_invoice,
            transaction=True,
            counted=True,
        ),
        Entity(
            "CreditMemo",
            _q("DocNumber TxnDate CustomerRef Balance TotalAmt SalesTermRef"),
            "txn",
            fields.CREDIT_MEMO,
            build_credit_memo,
            transaction=True,
            sparse_needs=("CustomerRef", "Line"),
        ),
        Entity(
            "Payment",
            _q("TxnDate TotalAmt CustomerRef PaymentMethodRef PaymentRefNum"),
            "txn",
            fields.PAYMENT,
            build_payment,
            transaction=True,
        ),
        Entity(
            "Account",
            _q("Name AccountType AccountSubType Classification Active FullyQualifiedName SubAccount AcctNum"),
            "account",
            fields.ACCOUNT,
            build_account,
            show_account,
        ),
        Entity("Item", _q("Name Type Sku Active Taxable UnitPrice"), "item", fields.ITEM, build_item),
        Entity("TaxCode", _q("Name Active Taxable TaxGroup"), in_cdc=False, why_read_only=_BY_TAX_SERVICE),
        Entity("TaxRate", _q("Name Active RateValue"), in_cdc=False, why_read_only=_BY_TAX_SERVICE),
        Entity(
            "TaxAgency",
            _q("DisplayName"),
            "agency",
            fields_lists.TAX_AGENCY,
            dimensions.build_tax_agency,
            in_cdc=False,
        ),
        Entity("Vendor", _PERSON | {"Balance"}, "name", fields_lists.VENDOR, build_vendor, show_vendor),
        Entity("Employee", _PERSON, why_read_only="employees are read-only in this simulator"),
        Entity(
            "JournalEntry",
            _q("DocNumber TxnDate TotalAmt"),
            "txn",
            fields_money.JOURNAL_ENTRY,
            build_journal_entry,
            transaction=True,
            counted=True,
        ),
        Entity(
            "Purchase",
            _q("DocNumber TxnDate TotalAmt PaymentType EntityRef AccountRef"),
            "txn",
            fields_money.PURCHASE,
            build_purchase,
            transaction=True,
            sparse_needs=("PaymentType", "AccountRef"),
        ),
        Entity(
            "Deposit",
            _q("TxnDate TotalAmt DepositToAccountRef"),
            "txn",
            fields_money.DEPOSIT,
            build_deposit,
            transaction=True,
            counted=True,
            sparse_needs=("Line",),
        ),
        Entity(
            "Transfer",
            _q("TxnDate"),
            "txn",
            fields_money.TRANSFER,
            build_transfer,
            transaction=True,
            sparse_needs=("Amount",),
        ),
        Entity("Class", _NAMED, "class", fields_lists.CLASS, dimensions.build_class),
        Entity("Department", _NAMED, "department", fields_lists.DEPARTMENT, dimensions.build_department),
        Entity("Term", _q("Name Active DueDays Type"), "term", fields_lists.TERM, dimensions.build_term),
        Entity(
            "PaymentMethod",
            _q("Name Active Type"),
            "method",
            fields_lists.PAYMENT_METHOD,
            dimensions.build_payment_method,
        ),
    )
}
# What QuickBooks has and the simulator has not; anything else is a name that QuickBooks does not know either.
ABSENT = frozenset(
    "Attachable Bill BillPayment Budget CompanyCurrency CreditCardPayment CustomerType Estimate ExchangeRate "
    "InventoryAdjustment JournalCode PurchaseOrder RecurringTransaction RefundReceipt ReimburseCharge SalesReceipt "
    "TaxPayment TaxReturn TimeActivity VendorCredit".split()
)
ABSENT_BY_NAME = {name.lower(): name for name in ABSENT}
BY_PATH = {entity.path: entity for entity in ENTITIES.values()}
