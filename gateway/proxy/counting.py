"""What is made of an exchange when it is over: judged, measured, counted."""

from collections.abc import Callable
from time import thread_time
from typing import Final

from gateway.answers.cost import cost_of
from gateway.answers.outcome import Ending, judge
from gateway.answers.reading import Reading
from gateway.answers.segments import Place
from gateway.domain.outcome import Outcome
from gateway.proxy.begin_reading import begin_reading
from gateway.proxy.inspection import Inspection
from gateway.proxy.observe import Observation
from gateway.proxy.routes import Target
from gateway.proxy.tally import Seen
from gateway.proxy.units import Units

_COMPLETE: Final = Outcome.COMPLETE
_ENDINGS: Final = {
    Outcome.COMPLETE: Ending.WHOLE,
    Outcome.TRUNCATED: Ending.CUT,
    Outcome.CLIENT_CANCELLED: Ending.LEFT,
}

Complain = Callable[[str, Exception], None]
"""Tells people of a failure, in words and with what was raised."""


def count(seen: Observation, units: Units, complain: Complain) -> Seen:
    """Judge, measure and count an exchange. What fails here harms no client.

    Args:
        seen: The exchange, over.
        units: Take what may be evidence.
        complain: Told when something fails.

    """
    totals = Seen(seen.outcome, seen.status, seen.duration, seen.first_byte)
    places: list[Place] | tuple[()] = ()
    try:
        cell = seen.cell()
        if cell:
            places = seen.inspection.named(cell)
        reading = seen.reading
        if reading is not None:
            totals.is_request_unread = reading.is_request_unread
            _read(seen, reading, totals)
    except Exception as error:  # ruff: ignore[blind-except]: it is told
        complain("An answer could not be read; it is counted by its transport.", error)
        seen.forget_cell()
    due = seen.target.first_content_due
    if due is not None:
        totals.is_late = seen.is_overdue or _until_first_content(seen, totals) > due
        seen.target.tally.overdue -= seen.is_overdue
    seen.target.tally.end(totals, places)
    seen.record(totals, units)
    return totals


def _until_first_content(seen: Observation, totals: Seen) -> float:
    """Give the seconds until there was content, or for which there was none.

    What is no stream, or is not read, has its content from its first byte on.
    """
    first, reading = totals.first_content, seen.reading
    is_read = reading is not None and reading.is_stream and not totals.is_unread
    if first is None and not is_read:
        first = totals.first_byte
    return seen.duration if first is None else first


def _read(seen: Observation, reading: Reading, totals: Seen) -> None:
    if seen.whole is not None:
        head, body = seen.whole
        begin_reading(reading, head)
        if reading.is_begun:
            reading.read_whole(body, seen.duration)
    elif reading.is_begun:
        reading.end(is_whole=seen.outcome is _COMPLETE)
    ending = _ENDINGS.get(seen.outcome)
    if ending is None or not reading.is_begun:
        return
    totals.first_content = reading.first_content
    if reading.is_unread:
        totals.is_unread = True
        return
    found = _measure(seen.inspection, reading, totals)
    is_stream = reading.is_stream
    if is_stream:
        totals.skipped_events = reading.events_skipped
        # The end mark may be what was skipped: then the transport alone can tell.
        is_stream = not totals.skipped_events
    totals.outcome = judge(
        reading.answer, ending, found, is_stream, reading.asked.choices
    )
    _count_tokens(seen.target, reading, totals)


def _measure(inspection: Inspection, reading: Reading, totals: Seen) -> list[Outcome]:
    totals.names = inspection.names
    totals.values, totals.skipped_signals, found = inspection.signals.measure(
        reading.asked, reading.answer, reading.is_sampled, thread_time
    )
    if inspection.reported:
        totals.values += inspection.reported_values(reading)
    return found


def _count_tokens(target: Target, reading: Reading, totals: Seen) -> None:
    totals.usage = usage = reading.usage
    if usage is None:
        return
    if target.price is not None:
        totals.cost = cost_of(usage, target.price)
    totals.per_token = reading.per_token(usage, totals.duration)
