"""Xero's refusals in our words. Its messages carry no codes, so this table reads the text: the one place that does."""

import re
from dataclasses import dataclass

from app.errors import Fault


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a message of Xero comes to; fields as in `Fault`."""

    code: str
    message: str
    fix: str
    who: str = "bookkeeper"

    def fault(self, said: str, vendor_code: str) -> Fault:
        """The fault for Xero's own words `said`."""
        return Fault(
            code=self.code,
            message=self.message,
            who=self.who,
            fix=self.fix,
            vendor_code=vendor_code,
            vendor_message=said,
        )


OTHER = Meaning(
    "refused_by_provider",
    "Xero refused this record for a reason we do not know.",
    "Read what Xero said, correct the record, and sync again.",
)
WHOLE_CALL = Meaning(
    "request_malformed",
    "Xero did not accept the form of this request.",
    "Report this to the operator: the request was built wrongly.",
    "operator",
)

_CORRECT = "Correct the record and sync it again."
_REMAP = "Sync the lists from Xero again, correct the mapping, and sync the record again."

# First match wins; case is ignored. The texts are those of the vendor's answers and examples (reference sections 3, 6).
_TABLE: tuple[tuple[str, Meaning], ...] = (
    (
        r"invoice (#|number) must be unique",
        Meaning(
            "number_taken",
            "Another invoice in Xero already has this number.",
            "Match it with that invoice, or give the record another number.",
        ),
    ),
    (
        r"contact name .* already assigned|contact name must be unique",
        Meaning(
            "name_taken",
            "Another contact in Xero already has this name.",
            "Match it with that contact, or change one of the two names.",
        ),
    ),
    (
        r"contact ?number .*(already|unique)",
        Meaning(
            "reference_taken",
            "Another contact in Xero already carries our number of this customer.",
            "Match the customer with that contact.",
        ),
    ),
    (
        r"archived contact|contact .* is archived",
        Meaning(
            "customer_archived",
            "The contact is archived in Xero and cannot be changed.",
            "Restore the contact in Xero, or match the customer with another one.",
        ),
    ),
    (
        r"lock date",
        Meaning(
            "period_closed",
            "The books of Xero are locked for this date.",
            "Move the lock date in Xero, or date the record after it.",
        ),
    ),
    (
        r"not subscribed to currency|currency .* (is not|not) (valid|enabled|supported)",
        Meaning(
            "currency_not_enabled",
            "This currency is not switched on in Xero.",
            "Add the currency in Xero's settings, then sync again.",
            "admin",
        ),
    ),
    (r"tax ?type", Meaning("tax_invalid", "The tax code does not fit this account or company in Xero.", _REMAP)),
    (
        r"account (code )?.*(not a valid code|removed|not be found|not valid|must be specified|archived)",
        Meaning("account_invalid", "An account of this record does not exist in Xero or cannot be used here.", _REMAP),
    ),
    (r"item code .* not valid", Meaning("item_invalid", "An item of this record does not exist in Xero.", _REMAP)),
    (
        r"payment or credit note allocated",
        Meaning(
            "has_dependents",
            "A payment or credit is set against this invoice in Xero, so it cannot be changed or voided.",
            "Remove the payment or credit in Xero first.",
        ),
    ),
    (
        r"not of valid status for modification",
        Meaning(
            "wrong_state",
            "The invoice is paid, voided or deleted in Xero, so it cannot be changed there.",
            "Look at the invoice in Xero and settle the difference by hand.",
        ),
    ),
    (
        r"line total .* does not match",
        Meaning("line_amount_mismatch", "A line's amount is not its quantity times its price.", _CORRECT),
    ),
    (r"total cannot be negative", Meaning("total_negative", "The invoice comes to less than nothing.", _CORRECT)),
    (r"email", Meaning("email_invalid", "Xero does not accept the e-mail address.", _CORRECT)),
    (r"maximum length|at most \d+ characters|too long", Meaning("text_too_long", "A text is too long.", _CORRECT)),
    (r"description", Meaning("description_missing", "A line has no description.", _CORRECT)),
    (r"due date|date .* not valid", Meaning("date_invalid", "Xero does not accept a date of this record.", _CORRECT)),
    (
        r"not be found|does not exist",
        Meaning(
            "reference_invalid",
            "The record, or something it uses, no longer exists in Xero.",
            _REMAP,
        ),
    ),
    (
        r"not filtering .* efficiently",
        Meaning(
            "company_too_large",
            "Xero holds too many records for this question.",
            "Report this to the operator.",
            "operator",
        ),
    ),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE | re.DOTALL), meaning) for pattern, meaning in _TABLE)


def meaning_of(message: str) -> Meaning:
    """What one of Xero's messages means; `OTHER` for one we have not met."""
    return next((meaning for pattern, meaning in _COMPILED if pattern.search(message)), OTHER)
