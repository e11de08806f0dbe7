"""What the seeded companies hold: Intuit's US sample company with its ids (reference 6), a British and an
Australian one.
"""

US_REALM = "9341452900000001"
UK_REALM = "9341452900000002"
AU_REALM = "9341452900000003"

# id, name, AccountType, AccountSubType
ACCOUNTS = (
    ("1", "Services", "Income", "ServiceFeeIncome"),
    ("2", "Retained Earnings", "Equity", "RetainedEarnings"),
    ("4", "Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("33", "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    ("34", "Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    ("35", "Checking", "Bank", "Checking"),
    ("36", "Savings", "Bank", "Savings"),
    ("41", "Mastercard", "Credit Card", "CreditCard"),
    ("45", "Landscaping Services", "Income", "OtherPrimaryIncome"),
    ("55", "Insurance", "Expense", "Insurance"),
    ("79", "Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("80", "Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs"),
    ("82", "Design income", "Income", "OtherPrimaryIncome"),
    ("84", "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    ("86", "Discounts given", "Income", "DiscountsRefundsGiven"),
)
US_TAX_ACCOUNT = ("90", "Board of Equalization Payable", "Other Current Liability", "SalesTaxPayable")
UK_TAX_ACCOUNT = ("90", "VAT Control", "Other Current Liability", "GlobalTaxPayable")
AU_TAX_ACCOUNT = ("90", "GST Liabilities Payable", "Other Current Liability", "GlobalTaxPayable")
EXCHANGE_ACCOUNT = ("91", "Exchange Gain or Loss", "Other Expense", "ExchangeGainOrLoss")
EURO_ACCOUNT = ("92", "Euro Account", "Bank", "Checking")

# id, name, Type, UnitPrice, income account
ITEMS = (
    ("1", "Services", "Service", "0", "1"),
    ("2", "Hours", "Service", "0", "1"),
    ("3", "Design", "Service", "75", "82"),
    ("5", "Rock Fountain", "NonInventory", "275", "79"),
    ("6", "Pump", "NonInventory", "15", "79"),
    ("11", "Gardening", "Service", "0", "45"),
)
# Bought as well as sold: item -> expense account.
BOUGHT = {"6": "80"}

# id, name, given and family name
US_CUSTOMERS = (
    ("1", "Amy's Bird Sanctuary", "Amy", "Lauterbach"),
    ("2", "Bill's Windsurf Shop", "Bill", "Lucchini"),
    ("3", "Cool Cars", "Grace", "Pariente"),
    ("4", "Diego Rodriguez", "Diego", "Rodriguez"),
    ("5", "Dukes Basketball Camp", "Peter", "Dukes"),
)
US_VENDORS = (("30", "Books by Bessie"), ("56", "Bob's Burger Joint"))
US_EMPLOYEES = (("54", "John", "Johnson"), ("55", "Emily", "Platt"))
# id, name, currency
AU_CUSTOMERS = (("1", "Harbour Cafe", "AUD"), ("2", "Lyon Importations", "EUR"))
AU_VENDORS = (("30", "Ballarat Beans", "AUD"), ("31", "Marseille Olives", "EUR"))
# Australian dollars for one unit.
AU_RATES = {"CAD": "1.1", "EUR": "1.65", "GBP": "1.95", "NZD": "0.92", "USD": "1.52"}

# id, name, days
TERMS = (("1", "Due on receipt", 0), ("2", "Net 15", 15), ("3", "Net 30", 30), ("4", "Net 60", 60))
METHODS = (("1", "Cash", "NON_CREDIT_CARD"), ("2", "Check", "NON_CREDIT_CARD"), ("3", "Visa", "CREDIT_CARD"))

# id, name, per cent
US_TAXES = (("1", "AZ State tax", "7.1"), ("2", "Tucson City", "2"), ("3", "California", "8"))
UK_TAXES = (("3", "20.0% S", "20"), ("5", "0.0% Z", "0"), ("7", "5.0% R", "5"))
AU_TAXES = (("3", "GST", "10"), ("5", "GST free", "0"))
# id, name, description, rate ids
US_CODES = (("2", "California", "California", ("3",)), ("3", "Tucson", "Tucson", ("1", "2")))
UK_CODES = (
    ("3", "20.0% S", "Standard rate", ("3",)),
    ("5", "0.0% Z", "Zero rate", ("5",)),
    ("7", "5.0% R", "Reduced rate", ("7",)),
)
AU_CODES = (("3", "GST", "Goods and services tax", ("3",)), ("5", "GST free", "Free of tax", ("5",)))
AGENCIES = {
    "US": ("1", "California Department of Tax"),
    "GB": ("1", "HM Revenue & Customs"),
    "AU": ("1", "Australian Taxation Office"),
}
CITIES = {
    "US": {"City": "San Pablo", "CountrySubDivisionCode": "CA", "PostalCode": "87999"},
    "GB": {"City": "London"},
    "AU": {"City": "Sydney"},
}
TIME_ZONES = {"US": "America/Los_Angeles", "GB": "Europe/London", "AU": "Australia/Sydney"}
