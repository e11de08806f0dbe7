"""Every error code Intuit lists or was seen to send: what it means, who can cure it, and what it says of the call."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Verdict(StrEnum):
    """What a code tells of the call that received it."""

    refused = "refused"  # not done, and the same again will not be
    stale = "stale"  # not done: the record changed since we read it
    again = "again"  # not done, and worth another try
    throttled = "throttled"  # not done: too many calls
    paused = "paused"  # not done: the whole company cannot be written to at present
    reauth = "reauth"  # not done: the consent is gone
    config = "config"  # not done: our credentials or addresses are wrong
    unknown = "unknown"  # perhaps done


@dataclass(frozen=True, slots=True)
class Meaning:
    """A vendor code in our words; `who` and `fix` as in `Fault`."""

    code: str
    message: str
    who: str
    fix: str
    verdict: Verdict = Verdict.refused


OTHER = Meaning(
    "refused_by_provider",
    "QuickBooks refused this record for a reason we do not know.",
    "bookkeeper",
    "Read what QuickBooks said, correct the record, and sync again.",
)

_CORRECT = "Correct the record and sync it again."
_RESYNC = "Sync the lists from QuickBooks again, correct the mapping, and sync the record again."
_OURS = "Report this to the operator: the request was built wrongly."


def _say(
    codes: str,
    code: str,
    message: str,
    *,
    fix: str = _CORRECT,
    who: str = "bookkeeper",
    verdict: Verdict = Verdict.refused,
) -> dict[str, Meaning]:
    """The same meaning for each of the vendor's codes."""
    return dict.fromkeys(codes.split(), Meaning(code, message, who, fix, verdict))


MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        **_say(
            "3200 100 110",
            "needs_reauth",
            "QuickBooks no longer accepts our access to this company.",
            fix="Reconnect the company.",
            who="admin",
            verdict=Verdict.reauth,
        ),
        **_say(
            "120",
            "connecting_user_lost_access",
            "The person who connected QuickBooks no longer has access to this company.",
            fix="Let a current administrator of the QuickBooks company reconnect it.",
            who="admin",
            verdict=Verdict.reauth,
        ),
        **_say(
            "3100",
            "application_not_authorised",
            "QuickBooks does not let this application into the company: wrong keys or environment, or a suspended app.",
            fix="Check the application's keys, environment and status in Intuit's developer portal.",
            who="operator",
            verdict=Verdict.config,
        ),
        **_say(
            "130",
            "wrong_environment",
            "A sandbox token was used on the production address, or the reverse.",
            fix="Make the QuickBooks keys and the API address belong to the same environment.",
            who="operator",
            verdict=Verdict.config,
        ),
        **_say(
            "3001 3003",
            "rate_limited",
            "QuickBooks asked us to slow down.",
            fix="Nothing to do: it goes on by itself.",
            who="nobody",
            verdict=Verdict.throttled,
        ),
        **_say(
            "140 150 10200",
            "company_locked",
            "The QuickBooks company is locked, under maintenance or being reset.",
            fix="Nothing to do: we try again by ourselves.",
            who="provider",
            verdict=Verdict.paused,
        ),
        **_say(
            "7001 6190",
            "subscription_ended",
            "The QuickBooks subscription of this company has ended, so it accepts no changes.",
            fix="Renew the subscription in QuickBooks.",
            who="admin",
            verdict=Verdict.paused,
        ),
        **_say(
            "600",
            "request_already_known",
            "QuickBooks knows this request already and did not repeat its answer.",
            fix="Nothing to do: we look the record up.",
            who="nobody",
            verdict=Verdict.unknown,
        ),
        **_say(
            "10000",
            "provider_application_error",
            "QuickBooks failed inside while processing this record; an inactive account or item may be behind it.",
            fix="If it keeps happening, check that everything the record uses is active in QuickBooks.",
            verdict=Verdict.unknown,
        ),
        **_say(
            "10100",
            "answer_too_big",
            "QuickBooks found more than it can answer in one piece.",
            fix=_OURS,
            who="operator",
        ),
        **_say(
            "500",
            "operation_unsupported",
            "QuickBooks does not support this operation here.",
            fix=_OURS,
            who="operator",
        ),
        **_say(
            "2130 2000 2010 2020 2030 1000 1010 1020 1040 2600 3000 3202 5000",
            "request_malformed",
            "QuickBooks did not accept the form of this record.",
            fix=_OURS,
            who="operator",
        ),
        **_say(
            "4000 4001 4002",
            "query_malformed",
            "QuickBooks did not understand a question we asked.",
            fix=_OURS,
            who="operator",
        ),
        **_say(
            "610",
            "record_missing_or_inactive",
            "The record, or something it uses, no longer exists in QuickBooks or was made inactive.",
            fix="Make it active in QuickBooks, or map to another one, and sync again.",
        ),
        **_say(
            "2500 6250",
            "reference_invalid",
            "The record uses a customer, item, account or tax code that QuickBooks does not have or has made inactive.",
            fix=_RESYNC,
        ),
        **_say("620 700 900", "link_refused", "QuickBooks cannot link these two records."),
        **_say("630", "duplicate_record", "QuickBooks already has such a record.", fix="Match it instead."),
        **_say(
            "800",
            "has_dependents",
            "Other transactions in QuickBooks depend on this record.",
            fix="Remove those links in QuickBooks first.",
        ),
        **_say("2040", "unsupported_characters", "A text has characters that QuickBooks does not accept."),
        **_say("2050", "text_too_long", "A text is longer or shorter than QuickBooks allows."),
        **_say("2060", "date_invalid", "QuickBooks does not accept a date of this record."),
        **_say("2210", "email_invalid", "QuickBooks does not accept the e-mail address."),
        **_say("2220", "currency_invalid", "QuickBooks does not accept the currency here."),
        **_say(
            "2070 2080 2090 2100 2110 2120 2140 2150 2160 2170 2180 2190",
            "value_invalid",
            "A number or choice of this record is outside what QuickBooks allows.",
        ),
        **_say(
            "2250 2260 2270 2280 2290 2300",
            "lines_invalid",
            "The lines are missing, incomplete, negative or do not balance.",
        ),
        **_say(
            "5010",
            "changed_in_provider",
            "Somebody changed the record in QuickBooks in the meantime.",
            fix="Nothing to do: we read it again and merge.",
            who="nobody",
            verdict=Verdict.stale,
        ),
        **_say(
            "5020",
            "permission_denied",
            "The person who connected QuickBooks may not do this there.",
            fix="Let an administrator of the QuickBooks company reconnect it.",
            who="admin",
        ),
        **_say(
            "5030",
            "feature_unavailable",
            "The QuickBooks plan or settings of this company do not include what the record needs.",
            fix="Switch the feature on in QuickBooks, or change the plan.",
            who="admin",
        ),
        **_say("6000", "business_rule", "QuickBooks refused the record by one of its own rules."),
        **_say("6010 6430", "account_type_invalid", "The account has the wrong type for this use.", fix=_RESYNC),
        **_say("6030 6040 6041 6050", "attachment_refused", "QuickBooks refused the attachment."),
        **_say("6070", "line_amount_mismatch", "A line's amount is not its quantity times its price."),
        **_say("6080", "name_missing", "The customer has no name."),
        **_say("6090", "discount_invalid", "A discount has neither amount nor percentage."),
        **_say(
            "6100 6160 6170 6230", "tax_invalid", "The tax codes do not fit this company's tax set-up.", fix=_RESYNC
        ),
        **_say(
            "6140",
            "number_taken",
            "Another transaction in QuickBooks already has this number.",
            fix="Match it with that transaction, or give the record another number.",
        ),
        **_say("6180", "too_many_levels", "QuickBooks allows five levels of sub-records."),
        **_say(
            "6200 6210",
            "period_closed",
            "The books of QuickBooks are closed for this date.",
            fix="Reopen the period in QuickBooks, or date the record after the closing date.",
        ),
        **_say(
            "6220 6280",
            "has_open_balance",
            "QuickBooks does not deactivate a record with an open balance or unbilled charges.",
            fix="Settle the balance in QuickBooks first.",
        ),
        **_say(
            "6240",
            "name_taken",
            "Another customer, vendor or employee in QuickBooks already has this name.",
            fix="Match it with that customer, or change one of the two names.",
        ),
        **_say(
            "6270",
            "before_inventory_start",
            "The date lies before the item's inventory start date.",
            fix="Change the date, or the item's start date in QuickBooks.",
        ),
        **_say(
            "6540",
            "already_deposited",
            "The transaction is part of a bank deposit, so QuickBooks does not change it.",
            fix="Remove it from the deposit in QuickBooks first.",
        ),
    }
)
