"""What is noticed of one exchange on its way; counting.py makes something of it.

Bytes are read as they pass; judging, measuring and counting are done afterwards, in a later
turn of the event loop, when the last byte is on its way to the client.
"""

from typing import Final

from gateway.answers.reading import Reading
from gateway.answers.segments import Cell
from gateway.answers.usage_injection import UsageStrip
from gateway.domain.evaluation import NOT_DRAWN
from gateway.domain.outcome import Failure, Outcome
from gateway.handoff.evidence import OVERDUE, Record
from gateway.proxy.begin_reading import begin_reading, is_good
from gateway.proxy.inspection import fingerprint_of
from gateway.proxy.pins import Learning
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route, Target
from gateway.proxy.sampler import Drawn
from gateway.proxy.standby import Covered, Standby
from gateway.proxy.tally import Seen
from gateway.proxy.units import BEFORE_WASHOUT, Unit, Units
from gateway.proxy.who import Sender, Told
from gateway.proxy.whole import WholeAnswer
from gateway.wire.answer_head import AnswerHead
from gateway.wire.answer_head import Body as AnswerBody
from gateway.wire.request_head import RequestHead

_ASKING: Final = b"POST"
_CHUNKED: Final = AnswerBody.CHUNKED
_NO_BODY: Final = AnswerBody.NONE
_COMPLETE: Final = Outcome.COMPLETE
_RECORDED: Final = Unit(0, 0, 0, 0)
"""Takes the place of a unit that has been handed over."""


class Observation:
    """One exchange, as it is noticed, from the choice of its version on.

    Attributes:
        target: The version it is assigned to.
        inspection: Of the service.
        head: Of the request.
        body: Of the request.
        arrived: When its version was chosen, where a coin decided; monotonic clock.
        key: The sticky key; None when it has none.
        reading: Reads it; None where nothing is read.
        wants_body: Whether the request's body must be whole before it is sent.
        cookie: Header line that gives a browser its key; None: it has one.
        learning: Takes the id of what the server keeps of it; None: nothing is kept.
        strip: Takes usage out of the stream that the client did not ask for.
        standby: Lets the baseline answer for it; None: it must be this version, or none.
        pieces: Of the body as it arrived, while another may yet have to answer.
        covered: Whose part its version took; None: its own.
        is_overdue: It was counted as late while it was running.
        first_byte: Seconds to the first body byte of the answer; None before.
        whole: The answer, when it came whole and is still to be read.
        issued: The id the client was given for feedback; None before.
        failure: Why an endpoint's answer was none or not whole; None when it was not.
        drawn: What it was sampled as, to be judged; None: it was not.
        told, peer: What the access log wants to know besides; set at the end.
        outcome: As the transport and the status say; set at the end, as what follows.
        status: What the client was sent; None when it left before.
        duration: Seconds from the request's head to the last byte handed over.

    """

    __slots__ = (
        "_cell",
        "_fingerprint",
        "_firsts",
        "_route",
        "_unit",
        "arrived",
        "body",
        "cookie",
        "covered",
        "drawn",
        "duration",
        "failure",
        "first_byte",
        "head",
        "inspection",
        "is_overdue",
        "issued",
        "key",
        "learning",
        "outcome",
        "peer",
        "pieces",
        "reading",
        "standby",
        "status",
        "strip",
        "target",
        "told",
        "wants_body",
        "whole",
    )

    reading: Reading | None
    cookie: bytes | None
    strip: UsageStrip | None
    learning: Learning | None
    first_byte: float | None
    whole: WholeAnswer | None
    issued: bytes | None
    failure: Failure | None
    told: Told | None
    peer: Sender | None
    status: int | None
    drawn: Drawn | None
    standby: Standby | None
    pieces: list[bytes] | None
    covered: Covered | None
    _unit: Unit | None
    _cell: Cell | None

    def __init__(
        self,
        target: Target,
        route: Route,
        head: RequestHead,
        body: RequestBody,
        key: bytes | None,
    ) -> None:
        self.target = target
        self._route = route
        self.inspection = inspection = route.inspection
        self.head = head
        self.body = body
        self.key = key
        self._fingerprint = 0 if key is None else fingerprint_of(key)
        self.cookie = self._unit = self.strip = self.first_byte = self.whole = None
        self.issued = self.failure = self.told = self.peer = self.status = None
        self._cell = self.reading = self.drawn = self.learning = None
        self.standby = self.pieces = self.covered = None
        self.arrived = self.duration = 0.0
        self.outcome = _COMPLETE
        self.is_overdue = False
        self._firsts = 0
        self.wants_body = head.has_body and (
            bool(target.set_json) or (inspection.needs_body and head.is_json)
        )
        # Models are asked with POST; the rest on these paths is lists, and CORS.
        dialect = inspection.dialects[head.path] if head.method == _ASKING else None
        if dialect is None:
            if inspection.has_pointers and head.is_json:
                body.copy_up_to(inspection.json_limit)
        else:
            self.reading = inspection.reading(dialect, key)
            body.copy_up_to(inspection.json_limit)
            if inspection.injects:
                self.wants_body |= self.asks_for_usage()

    def asks_for_usage(self) -> bool:
        """Whether a stream may be asked for usage on behalf of the client."""
        reading, head = self.reading, self.head
        return (
            reading is not None
            and self.inspection.asks_for_usage(reading.dialect)
            and head.has_body
            and head.is_json
        )

    @property
    def route(self) -> Route:
        """Of its service."""
        return self._route

    @property
    def has_first_content(self) -> bool:
        """Whether the first content has come; of what is no stream, the first byte."""
        reading = self.reading
        if reading is not None and reading.is_begun and reading.is_stream:
            return reading.first_content is not None
        return self.first_byte is not None

    def note_overdue(self, now: float, units: Units) -> None:
        """Count it as late, while it is still running; hand over what may be evidence.

        Where the client has not sent all of its request, nobody is late but the client:
        then what it is evidence of is known at its end, as usual.

        Args:
            now: Monotonic clock.
            units: Take what may be evidence.

        """
        self.is_overdue = True
        self.target.tally.overdue += 1
        unit = self._unit
        if unit is None or not self.body.is_whole:
            return
        record = self._record_overdue(unit, now)
        self._unit = _RECORDED
        units.ended(self._route.split, record)

    def was_tossed(self, units: Units, now: float) -> None:
        """Note that a coin decided: this may be evidence.

        Args:
            units: Of the worker.
            now: When its version was chosen; monotonic clock.

        """
        self.arrived = now
        is_keyless = self.key is None
        if is_keyless:  # feedback finds its unit by it
            self._fingerprint = self._route.random_bits()
        self._unit = units.arrived(
            self._route.split,
            self._fingerprint,
            now,
            is_candidate=self.target is self._route.candidate,
            is_keyless=is_keyless,
        )
        sampler = self.inspection.sampler
        if sampler is not None and self._unit is not None:
            slices = bool(self.inspection.places)
            self.drawn = sampler.first(
                self._unit, self.reading, self.key, has_slices=slices
            )
        if self.inspection.places and not self.awaits_slices:
            self.claim_slices(units)

    @property
    def awaits_slices(self) -> bool:
        """Whether its body, which is waited for, tells its slices."""
        head = self.head
        return self.inspection.needs_body and head.has_body and head.is_json

    def claim_slices(self, units: Units) -> None:
        """Decide of which slices it is its key's first: once, and before it is sent.

        Decided later, the first would be the one whose answer begins soonest, and
        failures are quick. Where the slices are not known yet, for the body is too large
        to be kept, it is evidence in none. Neither depends on the version.
        """
        unit = self._unit
        if unit is not None and self.key is not None and self.inspection.places:
            cell = self._cell_so_far()
            if cell is not None:
                self._firsts = units.claim(self._route.split, unit, cell)
            later = unit.nth > 1 and unit.nth_in_window > 1
            if later and not self._firsts & BEFORE_WASHOUT:
                self.drawn = None  # no unit has its score

    def _cell_so_far(self) -> Cell | None:
        """Tell the slices, if nothing that comes later could tell otherwise."""
        inspection = self.inspection
        if inspection.needs_body:
            return self.cell() if self.body.is_whole else None
        return inspection.cell_of_head(self.head, self.body)

    def record(self, totals: Seen, units: Units) -> None:
        """Hand over what may be evidence, if this is and was not handed over before."""
        unit = self._unit
        if unit is None or unit is _RECORDED:
            return
        record = self._record(unit, totals.outcome.value, totals)
        self._unit = _RECORDED
        units.ended(self._route.split, record)

    def let_go(self, units: Units) -> None:
        """Let nobody wait for it, where no record could be made of it."""
        if self._unit is not None and self._unit is not _RECORDED:
            units.over(self.arrived)

    def _record_overdue(self, unit: Unit, now: float) -> Record:
        so_far = Seen(self.outcome, None, now - self.arrived, None, is_late=True)
        return self._record(unit, OVERDUE, so_far)

    def _record(self, unit: Unit, outcome: str, totals: Seen) -> Record:
        usage, cell = totals.usage, bytes(self.cell())  # which reads the request
        known = usage is not None and not usage.is_estimated
        return Record(
            fingerprint=unit.fingerprint,
            bucket=None if self.key is None else self._route.bucket(self.key),
            is_candidate=self.target is self._route.candidate,
            arrived=self.arrived,
            nth=unit.nth,
            window=unit.window,
            nth_in_window=unit.nth_in_window,
            outcome=outcome,
            duration=totals.duration,
            is_stream=self._is_stream(),
            first_content=totals.first_content,
            per_token=totals.per_token,
            input_tokens=None if usage is None else usage.input,
            output_tokens=usage.output if usage is not None and known else None,
            cost=totals.cost,
            is_late=totals.is_late,
            values=totals.values,
            cell=cell,
            firsts=self._firsts,
            draw=NOT_DRAWN if self.drawn is None else self.drawn.draw,
        )

    def _is_stream(self) -> bool:
        """Whether a stream was asked for, or, where only the path says it, is answered."""
        reading = self.reading
        return reading is not None and (reading.asked.is_stream or reading.is_stream)

    def cell(self) -> Cell:
        """Read the request, which has been sent by now, and tell its slices."""
        if self._cell is None:
            self._cell = self.inspection.cell(
                self.head, self.body, self.reading, self.drawn is not None
            )
        return self._cell

    def forget_cell(self) -> None:
        """Put it into no slice, where none could be told."""
        if self._cell is None:
            self._cell = (0,) * len(self.inspection.places)

    def ticket(self, unix_s: int, unique: int, or_else: bytes) -> bytes:
        """Make the id with which feedback on this answer may come back.

        Args:
            unix_s: Wall clock.
            unique: 64 bits that no other request has.
            or_else: Where nobody could read an id.

        """
        maker = self.target.ticket
        if maker is None:
            return or_else
        self.issued = issued = maker.make(
            unix_s,
            unique,
            self._fingerprint,
            bytes(self.cell()) if self.inspection.places else b"",
            self._unit is not None,
        )
        return issued

    def fail(self, failure: Failure) -> None:
        """Note why an endpoint's answer was none or not whole."""
        self.failure = failure
        self.target.tally.fail(failure)

    def answer_began(self, head: AnswerHead) -> None:
        """Read the request, and prepare for the answer's body where that is read."""
        reading = self.reading
        if reading is not None:
            self.cell()
            begin_reading(reading, head)
        if self.learning is not None and not is_good(head):
            self.learning = None
        if self.strip is not None:
            has_body = head.body is not _NO_BODY
            if reading is not None and reading.is_events and has_body:
                head.body, head.content_length = _CHUNKED, None  # it will be shorter
            else:
                self.strip = None

    def passed(self, parts: list[bytes], since: float, ended: bool) -> list[bytes]:
        """Read body bytes; give what the client is to have of them.

        Args:
            parts: As they came.
            since: Seconds from the request's head until now.
            ended: Whether no more will come.

        """
        if parts:
            if self.first_byte is None:
                self.first_byte = since
            reading = self.reading
            if reading is not None and reading.is_begun:
                reading.take(parts, since)
        if self.learning is not None:
            self.learning.passed(parts, self.reading, ended=ended)
        strip = self.strip
        if strip is None:
            return parts
        passing = list(map(strip.feed, parts))
        if ended:
            passing.append(strip.rest())
        return [part for part in passing if part]
