"""What is made of an exchange when it is over: judged, measured, counted.

Done once per turn of the event loop, when the last byte is on its way to the client.
"""

import logging
from time import thread_time
from typing import Final

import msgspec

from gateway.answers.cost import cost_of
from gateway.answers.outcome import Ending, judge
from gateway.answers.reading import Reading
from gateway.answers.segments import Cell
from gateway.domain.outcome import Outcome
from gateway.proxy.inspection import Inspection
from gateway.proxy.routes import Target
from gateway.proxy.tally import Seen

_logger: Final = logging.getLogger("sluicegate.observe")


class Finished(msgspec.Struct, gc=False):
    """An exchange that is over, as far as its transport can tell.

    Attributes:
        target: The version it was assigned to.
        inspection: Of the service.
        outcome: As the transport and the status say.
        status: What the client was sent; None when it left before.
        duration: Seconds from the request's head to the last byte handed over.
        first_byte: Seconds to the first body byte; None when there was none.
        cell: See answers.segments.
        reading: What was read; None where nothing is.
        body: The answer's, when it came whole and is still to be read.

    """

    target: Target
    inspection: Inspection
    outcome: Outcome
    status: int | None
    duration: float
    first_byte: float | None
    cell: Cell
    reading: Reading | None
    body: bytes | None


_ENDINGS: Final = {
    Outcome.COMPLETE: Ending.WHOLE,
    Outcome.TRUNCATED: Ending.CUT,
    Outcome.CLIENT_CANCELLED: Ending.LEFT,
}


def count(finished: Finished) -> None:
    """Judge, measure and count an exchange. What fails here harms no client."""
    seen = Seen(
        finished.outcome, finished.status, finished.duration, finished.first_byte
    )
    reading = finished.reading
    try:
        if reading is not None and reading.is_begun:
            _read(finished, reading, seen)
    except Exception:
        _logger.exception(
            "An answer could not be read; it is counted by its transport."
        )
    target = finished.target
    target.tally.end(seen, finished.inspection.named(finished.cell))


def _read(finished: Finished, reading: Reading, seen: Seen) -> None:
    ending = _ENDINGS.get(finished.outcome)
    if ending is None:
        return
    if finished.body is not None:
        reading.read_whole(finished.body, finished.duration)
    else:
        reading.end(is_whole=ending is Ending.WHOLE)
    seen.first_content = reading.first_content
    seen.skipped_events = reading.events_skipped
    if reading.is_unread:
        seen.is_unread = True
        return
    signals = finished.inspection.signals
    seen.names = signals.names
    seen.values, seen.skipped_signals = signals.measure(
        reading.asked, reading.answer, reading.is_sampled, thread_time
    )
    found = signals.verdicts(seen.values)
    seen.outcome = judge(reading.answer, ending, found, reading.is_stream)
    _read_usage(finished.target, reading, seen)


def _read_usage(target: Target, reading: Reading, seen: Seen) -> None:
    seen.usage = usage = reading.usage
    if usage is None:
        return
    if target.price is not None:
        seen.cost = cost_of(usage, target.price)
    tokens, first = usage.output, seen.first_content
    if reading.is_stream and first is not None and tokens is not None and tokens > 1:
        seen.per_token = (seen.duration - first) / (tokens - 1)
