"""E-mailing a sales form: nothing leaves, but the form says that it was sent and a webhook tells of it."""

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.faults import QboFault, missing
from simulators.intuit.stamps import stamp


def send(company: Company, entity: str, key: str, to: str | None = None) -> Json:
    """Mark a form as sent to `to` or its BillEmail; the row as answered. Raises 610, 2020, 2210."""
    row = company.tables[entity].get(key)
    if to is not None and "@" not in to:
        raise QboFault("2210", "Invalid Email Address format", "sendTo must contain '@' and '.'", "sendTo")
    email = {"Address": to} if to else row.get("BillEmail")
    if not email:
        raise missing("BillEmail")
    delivery = {"DeliveryType": "Email", "DeliveryTime": stamp(company.now)}
    sent = {**row, "BillEmail": email, "EmailStatus": "EmailSent", "DeliveryInfo": delivery}
    return company.store(entity, key, sent, "emailed")
