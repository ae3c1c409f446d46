"""Every error the gateway raises on purpose.

An error says whose side failed, what the client is told, whether another try may
help, and what a person should do now. Nothing else in the code decides these four.
"""

from enum import Enum
from typing import ClassVar


class Side(Enum):
    """Who has to change something for this to go away."""

    CLIENT = "client"
    UPSTREAM = "upstream"
    GATEWAY = "gateway"
    OPERATOR = "operator"


class GatewayError(Exception):
    """Base of all. Never raised itself.

    Args:
        what: What happened, with the values that made it happen.
        remedy: What to do now, in the imperative.

    """

    side: ClassVar[Side]
    may_retry: ClassVar[bool] = False
    status: int = 500
    type: str = "internal_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class Refused(GatewayError):
    """The gateway itself answers this request, with `status`; no upstream sees it."""

    side = Side.CLIENT
    type = "invalid_request_error"

    def __init__(self, status: int, what: str, *, remedy: str) -> None:
        super().__init__(what, remedy=remedy)
        self.status = status


class Overloaded(Refused):
    """There is more to do than can be done now; nothing of this request was done."""

    side = Side.GATEWAY
    type = "overloaded"
    may_retry = True


class UpstreamFailed(GatewayError):
    """The endpoint gave no usable answer."""

    side = Side.UPSTREAM
    status = 502
    type = "upstream_error"


class UpstreamUnreachable(UpstreamFailed):
    """No connection was made, so no byte of the request was sent."""

    may_retry = True


class UpstreamTimedOut(UpstreamFailed):
    """The endpoint stayed silent longer than its timeout allows."""

    status = 504
    type = "upstream_timeout"


class UpstreamFull(UpstreamFailed):
    """Every connection is busy and the queue for them is full."""

    side = Side.GATEWAY
    status = 503
    type = "overloaded"
    may_retry = True


class OutOfResources(UpstreamFailed):
    """The gateway itself lacks what a connection takes; no byte was sent."""

    side = Side.GATEWAY
    status = 503
    type = "overloaded"
    may_retry = True


class Erred(UpstreamFailed):
    """The gateway's own code failed on this one request."""

    side = Side.GATEWAY
    status = 500
    type = "internal_error"


class TooManyClients(GatewayError):
    """A worker has as many client connections as it can have."""

    side = Side.GATEWAY
    status = 503
    type = "overloaded"
    may_retry = True


class TooManyOfOne(TooManyClients):
    """One address has as many client connections as it may have."""

    side = Side.CLIENT
    status = 429
    type = "rate_limit_error"


class BadConfiguration(GatewayError):
    """A configuration file does not say something the gateway can do."""

    side = Side.OPERATOR
    status = 422
    type = "bad_configuration"


class BadWeights(GatewayError):
    """Weights that do not describe a split."""

    side = Side.OPERATOR
    status = 422
    type = "bad_weights"


class RevisionConflict(GatewayError):
    """Somebody else changed it since the caller looked."""

    side = Side.OPERATOR
    status = 409
    type = "revision_conflict"


class NotAllowedNow(GatewayError):
    """Where a rollout stands, this cannot be done; the remedy says what can."""

    side = Side.OPERATOR
    status = 409
    type = "not_allowed_now"


class NotFound(GatewayError):
    """A name that is not there."""

    side = Side.OPERATOR
    status = 404
    type = "not_found"


class StoreUnavailable(GatewayError):
    """The state store cannot keep what must be kept."""

    side = Side.GATEWAY
    status = 503
    type = "store_unavailable"
    may_retry = True


class CannotListen(GatewayError):
    """An address to listen on cannot be had."""

    side = Side.OPERATOR
    type = "cannot_listen"
