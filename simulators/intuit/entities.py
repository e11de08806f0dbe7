"""The registry of entities: what each one is, takes and allows, as data."""

from collections.abc import Callable
from dataclasses import dataclass

from simulators.core.http import Json
from simulators.intuit import fields
from simulators.intuit.company import Company
from simulators.intuit.lists import build_account, build_customer, build_item, show_account, show_customer
from simulators.intuit.payments import build_payment
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
        Entity("TaxCode", _q("Name Active Taxable TaxGroup"), in_cdc=False),
        Entity("TaxRate", _q("Name Active RateValue"), in_cdc=False),
        Entity("Vendor", _PERSON, why_read_only="vendors are seeded and read-only in this simulator"),
        Entity("Employee", _PERSON, why_read_only="employees are read-only in this simulator"),
    )
}
BY_PATH = {entity.path: entity for entity in ENTITIES.values()}
