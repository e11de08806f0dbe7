"""Sending one stored call, once, and storing what came of each record in it."""

from collections.abc import Sequence

from app.errors import Fault, NeedsReauth, OutcomeUnknown, ProviderError, ProviderUnavailable, RateLimited
from app.providers.base import NotWritten, Outcome, Unknown, WriteCall
from app.sync import outcomes, stale
from app.sync.turn import Turn


async def send(turn: Turn, call_id: int, call: WriteCall) -> None:
    """Send a stored call once and store what came of each record in it."""
    try:
        with turn.sending():
            answers = await turn.provider.write(call)
    except RateLimited as error:
        answers = _nothing_written(call, error)
    except OutcomeUnknown as error:
        answers = [Unknown(item_id=item_id, reason=error.detail) for item_id in call.item_ids]
    except ProviderError as error:
        await outcomes.store(turn, call_id, call.kind, _nothing_written(call, error))
        raise
    settled, silent = await outcomes.adopted(turn, call_id, answers)
    await outcomes.store(turn, call_id, call.kind, settled)
    await stale.look_after(turn, call_id, settled)
    if silent := silent or _refusal_of_all(answers):
        raise silent


def _refusal_of_all(answers: Sequence[Outcome]) -> ProviderError | None:
    """What a whole call met with that the next one would meet with too, so that the provider is left alone."""
    for answer in answers:
        if isinstance(answer, NotWritten) and answer.fault.code == "rate_limited":
            return RateLimited(answer.fault.message, retry_after=answer.retry_after)
        if isinstance(answer, NotWritten) and answer.fault.code == "provider_unavailable":
            error = ProviderUnavailable(answer.fault.message)
            error.retry_after = answer.retry_after
            return error
    return None


def _nothing_written(call: WriteCall, error: ProviderError) -> list[Outcome]:
    """The call certainly was not carried out: every record stays owed."""
    fault = Fault(
        code=error.public_code,
        message=error.detail,
        who="admin" if isinstance(error, NeedsReauth) else "provider",
        retries_itself=True,
    )
    return [NotWritten(item_id=item_id, fault=fault, retry_after=error.retry_after) for item_id in call.item_ids]
