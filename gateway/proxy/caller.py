"""Whoever's request is on a connection to an endpoint, and how it is told of a failure."""

import logging
from typing import Final, Protocol

from gateway.domain.outcome import Failure
from gateway.proxy.watched import Abortable
from gateway.wire.answer_head import AnswerHead
from gateway.wire.request_head import RequestHead

_logger: Final = logging.getLogger("sluicegate.upstream")


class Caller(Protocol):
    """Whoever's request is on the connection."""

    head: RequestHead
    """Of the request."""

    def interim_arrived(self, head: AnswerHead) -> None:
        """Take a 1xx answer, which comes before the real one."""

    def answer_arrived(
        self, head: AnswerHead | None, parts: list[bytes], ended: bool
    ) -> None:
        """Take a piece of the answer: its head the first time, body bytes, its end."""

    def answered(self, head: AnswerHead, body: bytes) -> None:
        """Take a whole answer that came at once."""

    def upgraded(self, head: AnswerHead, rest: bytes) -> None:
        """Take a 101: what comes from now on, *rest* first, is HTTP no more."""

    def upstream_failed(self, failure: Failure) -> None:
        """Do without: no more will come, and the connection is already gone."""

    def upstream_is_slow(self, *, slow: bool) -> None:
        """Slow down, or go on: how fast the endpoint takes the request's body."""


def tell(caller: Caller, failure: Failure) -> None:
    """Tell *caller* of a failure. Should its code fail, it alone is given up.

    The connection is gone, and with it whoever else could have told the client.
    """
    try:
        caller.upstream_failed(failure)
    except Exception:
        _logger.exception("A request whose endpoint failed could not be answered.")
        if isinstance(caller, Abortable):
            caller.abort()
