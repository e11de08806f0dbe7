import pytest

from app.providers.xero.faults import fault_of


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Invoice # must be unique.", "number_taken"),
        (
            "The contact name X is already assigned to another contact. "
            "The contact name must be unique across all active contacts.",
            "name_taken",
        ),
        ("The Contact Number 42 is already assigned to another contact", "reference_taken"),
        (
            "The specified contact details matched an archived contact. "
            "Archived contacts cannot currently be edited via the API.",
            "customer_archived",
        ),
        ("The document date cannot be before the period lock date, currently set at 30/03/2026", "period_closed"),
        ("The document date cannot be before the end of year lock date, currently set at 31/03/2026", "period_closed"),
        ("Organisation is not subscribed to currency EUR", "currency_not_enabled"),
        ("The TaxType code 'INPUT2' cannot be used with account code '200'.", "tax_invalid"),
        ("The TaxType code GST does not exist or cannot be used for this type of transaction.", "tax_invalid"),
        ("Account code '999' is not a valid code for this document.", "account_invalid"),
        ("Account code '476' has been removed as it does not match a recognised account", "account_invalid"),
        ("This document cannot be edited as it has a payment or credit note allocated to it.", "has_dependents"),
        ("Invoice not of valid status for modification", "wrong_state"),
        ("The line total 9.99 does not match the expected line total 10.00", "line_amount_mismatch"),
        ("Something Xero thought of yesterday", "refused_by_provider"),
        ("", "refused_by_provider"),
    ],
)
def test_a_message_has_one_meaning_and_is_kept(message: str, code: str) -> None:
    fault = fault_of(message, "10 ValidationException")
    assert fault.code == code
    assert fault.vendor_message == message
    assert fault.vendor_code == "10 ValidationException"
    assert fault.fix
