"""What is read of the exchanges of a service, and for whom."""

from collections.abc import Callable
from typing import Final

import mmh3
import msgspec

from gateway.answers.asked import MOST_PASSAGES, NOTHING, passages, texts_in
from gateway.answers.dialect import Dialect
from gateway.answers.dialects import dialect_of
from gateway.answers.reading import Reading
from gateway.answers.reported import Reported
from gateway.answers.script import script_of
from gateway.answers.segments import Cell, Facts, Place, SegmentPlan, places_of
from gateway.answers.signal_plan import SignalPlan, Values
from gateway.domain.segment import SegmentBy
from gateway.domain.service import (
    ReportedSignal,
    ReportPlace,
    Service,
    UsageRule,
)
from gateway.proxy.request_body import RequestBody
from gateway.proxy.sampler import Sampler
from gateway.routing.json_pointer import JsonText, split_pointer
from gateway.wire.fields import Memo
from gateway.wire.request_head import RequestHead

_WHOLE_SAMPLE: Final = 1 << 32
_SAMPLE_SEED: Final = 0x5A3B
"""Of the sample's hash: it must not agree with the split's, whose seed is 0."""

_FINGERPRINT_SEED: Final = 0x71F1
_PLAIN: Final = "plain"
_CAN_BE_ASKED: Final = frozenset({"openai_chat", "openai_completions"})
_TOLD_BY_THE_BODY: Final = frozenset({
    SegmentBy.MODEL,
    SegmentBy.SCRIPT,
    SegmentBy.PROMPT,
    SegmentBy.JSON,
})
_NO_CELL: Final[Cell] = ()
_read_value: Final = msgspec.json.Decoder(str | int | bool).decode


def fingerprint_of(key: bytes) -> int:
    """Give 64 bits that stand for a sticky key wherever the key itself may not go."""
    return mmh3.hash64(key, _FINGERPRINT_SEED, signed=False)[0]


class Inspection:
    """How the exchanges of one service are read and measured.

    Args:
        service: Says what is read and measured.
        dice: Gives a number from 0 to 1, for exchanges without a key.

    Attributes:
        dialects: How a path is read; None: not at all.
        has_pointers: Whether a slice is told from a place in a request's JSON.
        injects: Whether streams are asked for usage on behalf of clients.
        json_limit: Bytes of a request that may be kept to be read.
        names: Of all signals, those that model servers report behind our own.
        needs_body: Whether a slice is told by what is in the body: then nothing is
            sent before it is whole, for a version that fails early would take its
            failures out of their slice.
        needs_size: Whether a slice is told by how large the body is.
        places: Of each number of a cell, by segment.
        reported: Those that model servers report.
        sampler: Chooses what is judged; None: nothing is.
        signals: What is measured.

    """

    __slots__ = (
        "_context",
        "_dice",
        "_limit",
        "_pointers",
        "_segments",
        "dialects",
        "has_pointers",
        "injects",
        "json_limit",
        "names",
        "needs_body",
        "needs_size",
        "places",
        "reported",
        "sampler",
        "signals",
    )

    def __init__(self, service: Service, dice: Callable[[], float]) -> None:
        signals = service.signals
        self.signals = SignalPlan(signals.names, signals.sample, signals.cpu)
        self.reported = tuple(map(_prepared, signals.reported))
        self.names = (*signals.names, *(signal.name for signal in signals.reported))
        self.json_limit = service.json_limit
        self.injects = service.usage is UsageRule.INJECT
        context = service.context
        self._context = None if context is None else split_pointer(context)
        self._limit = int(signals.sample * _WHOLE_SAMPLE)
        self._dice = dice
        setting = service.dialect.value
        self.dialects = Memo(lambda path: _read_as(setting, path))
        self._segments = SegmentPlan(service.segments, script_of)
        self._pointers = tuple(
            (pointer, split_pointer(pointer)) for pointer in self._segments.pointers
        )
        self.has_pointers = bool(self._pointers)
        ways = {segment.by for segment in service.segments}
        self.needs_body = bool(ways & _TOLD_BY_THE_BODY)
        self.needs_size = SegmentBy.REQUEST_BYTES in ways
        self.places = tuple(map(places_of, service.segments))
        self.sampler = Sampler(service, dice) if service.evaluators else None

    def reading(self, dialect: Dialect, key: bytes | None) -> Reading:
        """Give what reads an exchange."""
        reading = Reading(dialect)
        if self._limit < _WHOLE_SAMPLE:
            reading.is_sampled = self._samples(key)
        return reading

    def _samples(self, key: bytes | None) -> bool:
        """Choose by key, and so alike for all versions, workers and restarts."""
        if key is None:
            return self._dice() * _WHOLE_SAMPLE < self._limit
        return mmh3.hash(key, _SAMPLE_SEED, False) < self._limit

    def cell(
        self,
        head: RequestHead,
        body: RequestBody,
        reading: Reading | None,
        is_judged: bool = False,
    ) -> Cell:
        """Read a request, and tell which slices of the traffic it belongs to.

        Args:
            head: Of the request.
            body: Whose copy is taken.
            reading: Takes what was asked; None where nothing is read.
            is_judged: Whether evaluators are to know what was asked.

        Returns:
            The number of each segment's value.

        """
        text = body.copied()
        if reading is not None:
            if text is not None:
                self._read_request(text, reading, is_judged)
            else:
                reading.is_request_unread = head.has_body
        if not self.places:
            return _NO_CELL
        asked = NOTHING if reading is None else reading.asked
        values: dict[str, object] = {}
        if self._pointers and text:
            document = JsonText(text)
            values = {
                name: _value_of(document.raw(steps)) for name, steps in self._pointers
            }
        return self._segments.cell(
            Facts(
                fields=head.fields,
                path=head.path,
                size=body.received if body.is_whole else head.content_length,
                model=asked.model,
                prompt=asked.prompt,
                json=values,
            )
        )

    def cell_of_head(self, head: RequestHead, body: RequestBody) -> Cell | None:
        """Tell slices that no body tells, without reading it.

        Returns:
            As `cell` will; None while the size of a chunked request is not known.

        """
        is_sized = body.is_whole or not head.is_chunked
        if self.needs_size and not is_sized:
            return None
        size = body.received if body.is_whole else head.content_length
        return self._segments.cell(Facts(fields=head.fields, path=head.path, size=size))

    def _read_request(self, text: bytes, reading: Reading, is_judged: bool) -> None:
        needs_prompt = (
            is_judged
            or self._segments.needs_prompt
            or (reading.is_sampled and self.signals.needs_prompt)
        )
        reading.asked = asked = reading.dialect.read_request(text, needs_prompt)
        if asked is NOTHING:
            reading.is_request_unread = bool(text)
        elif needs_prompt and self._context is not None:
            found = JsonText(text).raw(self._context)
            asked.context = passages(texts_in(found)[:MOST_PASSAGES])  # the nearest
        if is_judged and asked is not NOTHING and self.sampler is not None:
            asked.reference = self.sampler.reference_in(text)

    def asks_for_usage(self, dialect: Dialect) -> bool:
        """Whether a stream in this dialect may be asked for usage."""
        return self.injects and dialect.name in _CAN_BE_ASKED

    def reported_values(self, reading: Reading) -> Values:
        """Give what the model server reported with an answer, behind our own signals."""
        values: Values = []
        for place, signal in enumerate(self.reported, len(self.signals.names)):
            if signal.header is None:
                value = signal.from_body(reading.body) if reading.body else None
            else:
                said = reading.fields.get(signal.header)
                value = None if said is None else signal.from_header(said)
            if value is not None:
                values.append((place, value))
        return values

    def named(self, cell: Cell) -> list[Place]:
        """Tell the same by name."""
        return [
            places[number] for places, number in zip(self.places, cell, strict=True)
        ]


def _value_of(found: msgspec.Raw | None) -> str | int | bool | None:
    """Give a text, a whole number or a flag; None for whatever else is there."""
    if found is None:
        return None
    try:
        value: str | int | bool = _read_value(found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value


def _prepared(signal: ReportedSignal) -> Reported:
    if signal.place is ReportPlace.HEADER:
        return Reported(signal.name, header=signal.key.encode())
    return Reported(signal.name, steps=split_pointer(signal.key))


def _read_as(setting: str, path: bytes) -> Dialect | None:
    dialect = dialect_of(setting, path)
    return None if dialect.family == _PLAIN else dialect
