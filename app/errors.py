"""Everything that can go wrong on purpose, as one tree.

AppError
├── Invalid                  the caller's input is wrong; `errors` says where
├── Unauthenticated          nobody we know, or a credential that no longer counts
├── Forbidden                known, but not allowed to do this
├── NotFound                 no such thing in this firm
├── Conflict                 the state of things forbids it; `code` says which state
├── PreconditionFailed       it was changed since the caller read it
├── TooManyRequests          this caller asks too often; wait `retry_after`
├── NotConnected             the firm has no usable connection to this provider
├── Unsupported              a file that is none of those we read
└── ProviderError            the provider said no, or said nothing
    ├── NeedsReauth          the grant is gone; only a person can renew it
    ├── Misconfigured        our own credentials or addresses are wrong; the operator must act
    ├── RateLimited          wait `retry_after`, then go on; nothing was done
    ├── ProviderUnavailable  nothing was done; trying again may help
    ├── OutcomeUnknown       a write left us and no trustworthy answer came back
    └── ProviderRejected     understood and refused for good; `fault` says why
StaleLease                   this runner was replaced while it slept; its effects roll back
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from app.logs import redact_text


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a record did not go through, in words a bookkeeper can act on.

    `code` is ours and stable; `vendor_code` and `vendor_message` are what the provider said, if it said anything.
    `who` is who can cure it: bookkeeper, admin, operator, provider or nobody.
    """

    code: str
    message: str
    who: str = "bookkeeper"
    fix: str = ""
    retries_itself: bool = False
    vendor_code: str = ""
    vendor_message: str = ""
    field: str = ""

    def __post_init__(self) -> None:
        """A provider that quotes the request it refuses may quote its credential: no fault keeps one."""
        object.__setattr__(self, "vendor_message", redact_text(self.vendor_message))

    def sentence(self) -> str:
        """What stands in a mapping's `sync_error`: the cause, the cure, and the provider's own words."""
        said = f" (the provider said: {self.vendor_message})" if self.vendor_message else ""
        fix = f" {self.fix}" if self.fix else ""
        return f"{self.message}{fix}{said}"


class AppError(Exception):
    """Base of all errors with a stable public `code`; `detail` is safe to show to the caller."""

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: Sequence[Mapping[str, object]] = (),
        record: Mapping[str, object] | None = None,
        who: str = "",
        fix: str = "",
        retries_itself: bool = False,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.public_code = code or self.code
        self.errors = tuple(errors)
        self.record = record
        self.who = who
        self.fix = fix
        self.retries_itself = retries_itself
        self.extra: Mapping[str, object] = extra or {}


class Invalid(AppError):
    """The input breaks a rule; nothing was stored or sent."""

    code = "invalid"
    title = "The request is not valid"


class Unauthenticated(AppError):
    """No credential, or one that is unknown, expired or revoked."""

    code = "unauthenticated"
    title = "A valid API key or token is required"


class Forbidden(AppError):
    """The principal is known but its role does not permit this."""

    code = "forbidden"
    title = "Your role does not permit this"


class NotFound(AppError):
    """No such record within the caller's firm."""

    code = "not_found"
    title = "Not found"


class Conflict(AppError):
    """The present state forbids the act."""

    code = "conflict"
    title = "The present state does not permit this"


class PreconditionFailed(AppError):
    """`If-Match` names a state that is no more."""

    code = "precondition_failed"
    title = "It was changed in the meantime"


class TooManyRequests(AppError):
    """The principal has used up its requests of this minute."""

    code = "too_many_requests"
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after: timedelta) -> None:
        super().__init__(detail, fix="Send the request again after the seconds in Retry-After.")
        self.retry_after = retry_after


class NotConnected(AppError):
    """The firm has no active connection to the provider."""

    code = "not_connected"
    title = "Not connected"


class Unsupported(AppError):
    """The file is of no format we read, or cannot be read at all."""

    code = "unsupported_file"
    title = "The file is not supported"


class StaleLease(AppError):
    """Another runner took the connection over; whatever this one was about to store is void."""

    code = "stale_lease"
    title = "The connection's lease was lost"


class ProviderError(AppError):
    """The accounting provider refused, failed or was silent."""

    code = "provider_error"
    title = "The accounting provider could not do this"
    retryable: ClassVar[bool] = False
    retry_after: timedelta | None = None


class NeedsReauth(ProviderError):
    """The grant was revoked or has expired: somebody must connect again."""

    code = "needs_reauth"
    title = "The connection must be renewed by reconnecting"


class Misconfigured(ProviderError):
    """Our client id, secret or base address is wrong; reconnecting would not help."""

    code = "provider_misconfigured"
    title = "The service's credentials for this provider are wrong"


class RateLimited(ProviderError):
    """The provider asked us to wait; the call was not carried out."""

    code = "rate_limited"
    title = "The provider's call limit is reached"
    retryable = True

    def __init__(self, detail: str = "", *, retry_after: timedelta | None = None, limit: str = "minute") -> None:
        super().__init__(detail, retries_itself=True)
        self.retry_after = retry_after
        self.limit = limit


class ProviderUnavailable(ProviderError):
    """The call was certainly not carried out, or it was a read; try again later."""

    code = "provider_unavailable"
    title = "The provider is not reachable at the moment"
    retryable = True


class OutcomeUnknown(ProviderError):
    """A write was sent and its outcome is not known: never resend it under a new key before looking."""

    code = "outcome_unknown"
    title = "The provider did not confirm the write"


class ProviderRejected(ProviderError):
    """The provider understood and refused; sending the same again cannot help."""

    code = "provider_rejected"
    title = "The provider refused this"

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        super().__init__(first.sentence(), code=first.code, who=first.who, fix=first.fix)
        self.faults = tuple(faults)

    @property
    def fault(self) -> Fault:
        """The first fault, which names the cause in all observed answers."""
        return self.faults[0]
