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
from gateway.proxy.inspection import Inspection, begin_answer
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Target
from gateway.proxy.tally import Seen
from gateway.proxy.whole import WholeAnswer
from gateway.wire.request_head import RequestHead

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
        head: Of the request.
        body: Of the request.
        reading: What was read; None where nothing is.
        cell: See answers.segments; None when the request is still to be read.
        whole: The answer, when it came whole and is still to be read.

    """

    target: Target
    inspection: Inspection
    outcome: Outcome
    status: int | None
    duration: float
    first_byte: float | None
    head: RequestHead
    body: RequestBody
    reading: Reading | None
    cell: Cell | None
    whole: WholeAnswer | None


_COMPLETE: Final = Outcome.COMPLETE

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
    cell = finished.cell
    try:
        if cell is None:
            cell = finished.inspection.cell(
                finished.head, finished.body, finished.reading
            )
        if finished.reading is not None:
            _read(finished, finished.reading, seen)
    except Exception:
        _logger.exception(
            "An answer could not be read; it is counted by its transport."
        )
    finished.target.tally.end(seen, finished.inspection.named(cell) if cell else ())


def _read(finished: Finished, reading: Reading, seen: Seen) -> None:
    if finished.whole is not None:
        head, body = finished.whole
        begin_answer(reading, head)
        if reading.is_begun:
            reading.read_whole(body, finished.duration)
    elif reading.is_begun:
        reading.end(is_whole=finished.outcome is _COMPLETE)
    ending = _ENDINGS.get(finished.outcome)
    if ending is None or not reading.is_begun:
        return
    seen.first_content = reading.first_content
    if reading.is_unread:
        seen.is_unread = True
        return
    signals, answer = finished.inspection.signals, reading.answer
    seen.names = signals.names
    seen.values, seen.skipped_signals, found = signals.measure(
        reading.asked, answer, reading.is_sampled, thread_time
    )
    is_stream = reading.is_stream
    if is_stream:
        seen.skipped_events = reading.events_skipped
        # The end mark may be what was skipped: then the transport alone can tell.
        is_stream = not seen.skipped_events
    seen.outcome = judge(answer, ending, found, is_stream)
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
