"""AccountType -> classification and subtypes, the default subtype first (reference 3.7)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AccountKind:
    """What an AccountType implies."""

    classification: str
    subtypes: tuple[str, ...]


def _kind(classification: str, subtypes: str) -> AccountKind:
    return AccountKind(classification, tuple(subtypes.split()))


KINDS = {
    "Bank": _kind("Asset", "CashOnHand Checking MoneyMarket RentsHeldInTrust Savings TrustAccounts"),
    "Accounts Receivable": _kind("Asset", "AccountsReceivable"),
    "Other Current Asset": _kind(
        "Asset",
        "EmployeeCashAdvances AllowanceForBadDebts DevelopmentCosts Inventory Investment_MortgageRealEstateLoans "
        "Investment_Other Investment_TaxExemptSecurities Investment_USGovernmentObligations LoansToOfficers "
        "LoansToOthers LoansToStockholders OtherCurrentAssets PrepaidExpenses Retainage UndepositedFunds",
    ),
    "Fixed Asset": _kind(
        "Asset",
        "FurnitureAndFixtures AccumulatedAmortization AccumulatedDepletion AccumulatedDepreciation Buildings "
        "DepletableAssets FixedAssetComputers FixedAssetCopiers FixedAssetFurniture FixedAssetPhone "
        "FixedAssetPhotoVideo FixedAssetSoftware FixedAssetOtherToolsEquipment IntangibleAssets Land "
        "LeaseholdImprovements MachineryAndEquipment OtherFixedAssets Vehicles",
    ),
    "Other Asset": _kind(
        "Asset",
        "Licenses AccumulatedAmortizationOfOtherAssets Goodwill LeaseBuyout OrganizationalCosts OtherLongTermAssets "
        "SecurityDeposits",
    ),
    "Accounts Payable": _kind("Liability", "AccountsPayable"),
    "Credit Card": _kind("Liability", "CreditCard"),
    "Other Current Liability": _kind(
        "Liability",
        "OtherCurrentLiabilities DirectDepositPayable FederalIncomeTaxPayable GlobalTaxPayable GlobalTaxSuspense "
        "InsurancePayable LineOfCredit LoanPayable PayrollClearing PayrollTaxPayable PrepaidExpensesPayable "
        "RentsInTrustLiability SalesTaxPayable StateLocalIncomeTaxPayable TrustAccountsLiabilities",
    ),
    "Long Term Liability": _kind("Liability", "NotesPayable OtherLongTermLiabilities ShareholderNotesPayable"),
    "Equity": _kind(
        "Equity",
        "OpeningBalanceEquity AccumulatedAdjustment CommonStock EstimatedTaxes Healthcare OwnersEquity "
        "PaidInCapitalOrSurplus PartnerContributions PartnerDistributions PartnersEquity PersonalExpense "
        "PersonalIncome PreferredStock RetainedEarnings TreasuryStock",
    ),
    "Income": _kind(
        "Revenue",
        "OtherPrimaryIncome DiscountsRefundsGiven NonProfitIncome SalesOfProductIncome ServiceFeeIncome "
        "UnappliedCashPaymentIncome",
    ),
    "Other Income": _kind(
        "Revenue", "OtherInvestmentIncome DividendIncome InterestEarned OtherMiscellaneousIncome TaxExemptInterest"
    ),
    "Cost of Goods Sold": _kind(
        "Expense",
        "CostOfLaborCos EquipmentRentalCos OtherCostsOfServiceCos ShippingFreightDeliveryCos SuppliesMaterialsCogs",
    ),
    "Expense": _kind(
        "Expense",
        "Travel AdvertisingPromotional Auto BadDebts BankCharges CharitableContributions CostOfLabor DuesSubscriptions "
        "Entertainment EntertainmentMeals EquipmentRental FinanceCosts GlobalTaxExpense Insurance InterestPaid "
        "LegalProfessionalFees OfficeGeneralAdministrativeExpenses OtherBusinessExpenses OtherMiscellaneousServiceCost "
        "PayrollExpenses PromotionalMeals RentOrLeaseOfBuildings RepairMaintenance ShippingFreightDelivery "
        "SuppliesMaterials TaxesPaid TravelMeals UnappliedCashBillPaymentExpense Utilities",
    ),
    "Other Expense": _kind(
        "Expense",
        "Depreciation Amortization ExchangeGainOrLoss GasAndFuel HomeOffice OtherMiscellaneousExpense ParkingAndTolls "
        "PenaltiesSettlements Vehicle",
    ),
}

# One of each only: QuickBooks makes them itself.
SINGLE = ("UndepositedFunds", "RetainedEarnings", "OpeningBalanceEquity")


def type_of_subtype(subtype: str) -> str | None:
    """The AccountType a subtype belongs to."""
    return next((name for name, kind in KINDS.items() if subtype in kind.subtypes), None)
