"""Whatever ends when, and whichever message comes first: who arrived first counts."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from gateway.analysis.counts import FRESH, Counts
from gateway.answers.segments import code_of
from gateway.control.arrivals import Settled
from gateway.control.examination import Examination, Stage
from gateway.handoff.evidence import Record
from gateway.proxy.units import Split, Units
from tests.calibration.bursts import DESIGN, SEGMENTS
from tests.unit.proxy.test_units import KEY, record
from tests.unit.proxy.test_units import SPLIT as ANY_SPLIT

WORKERS: Final = 3
LOOKS: Final = 51
A_LOOK: Final = 0.25
SPLIT: Final[Split] = ANY_SPLIT._replace(names=(), segments=code_of(SEGMENTS))
EVERYTHING, LONG = 0, 1


class Sent(NamedTuple):
    """An exchange of the one key there is.

    Attributes:
        after: Quarters of a second since the last one.
        worker: Which one it came to.
        value: Of the segment.
        lasts: Quarters of a second.
        fails: Whether it failed.

    """

    after: float
    worker: int
    value: int
    lasts: float
    fails: bool


SENT = st.builds(
    Sent,
    after=st.floats(0.01, 3.0),
    worker=st.integers(0, WORKERS - 1),
    value=st.sampled_from([0, LONG]),
    lasts=st.floats(0.01, 16.0),
    fails=st.booleans(),
)
SILENCES = st.sets(st.tuples(st.integers(0, LOOKS // 3), st.integers(0, WORKERS - 1)))
"""Messages that do not come: of each three looks one, so that no worker is thought dead."""


class Gateway:
    """Three workers and a controller, played look by look."""

    def __init__(self) -> None:
        self.now = 1.0
        self._workers = [Units(workers=WORKERS) for _ in range(WORKERS)]
        self._settled = Settled(lambda: self.now)
        self._examination = Examination(DESIGN, SEGMENTS)
        self._examination.epoch_begins(
            1, SPLIT.share, 0.0, step=Stage(number=1, rung=1)
        )

    def plays(
        self, exchanges: Sequence[Sent], silences: set[tuple[int, int]]
    ) -> Counts:
        """Give all that was counted when everything is over."""
        events = self._events(exchanges)
        for look in range(LOOKS):
            self.now += A_LOOK
            while events and events[-1][0] < self.now:
                _at, worker, made = events.pop()
                if isinstance(made, Record):
                    self._workers[worker].ended(SPLIT, made)
                else:
                    self._arrive(worker, *made)
            self._look({w for third, w in silences if look % 3 and third == look // 3})
        return self._examination.close_block()

    def _events(
        self, exchanges: Sequence[Sent]
    ) -> list[tuple[float, int, Record | tuple[Record, int]]]:
        events: list[tuple[float, int, Record | tuple[Record, int]]] = []
        at = self.now
        for sent in exchanges:
            at += sent.after * A_LOOK
            made = record(KEY)
            made.arrived = at
            made.outcome = "upstream_error" if sent.fails else "complete"
            events.append((at, sent.worker, (made, sent.value)))
            events.append((at + sent.lasts * A_LOOK, sent.worker, made))
        return sorted(events, key=lambda event: -event[0])

    def _arrive(self, worker: int, made: Record, value: int) -> None:
        units = self._workers[worker]
        unit = units.arrived(SPLIT, KEY, made.arrived, is_candidate=True)
        assert unit is not None
        made.nth, made.nth_in_window = unit.nth, unit.nth_in_window
        made.window, made.cell = unit.window, bytes([value])
        made.firsts = units.claim(SPLIT, unit, (value,))

    def _look(self, silent: set[int]) -> None:
        for number, units in enumerate(self._workers):
            if number not in silent:
                for block in units.take(can_send=True):
                    self._examination.take(block, worker=number + 1)
                self._settled.tell(number, units.since(self.now), self.now)
        settled = self._settled
        self._examination.look(settled.before(), settled.until(), lambda: None)


@given(exchanges=st.lists(SENT, min_size=1, max_size=8), silences=SILENCES)
def test_the_first_to_arrive_is_the_unit_of_all_and_of_each_slice(
    exchanges: list[Sent], silences: set[tuple[int, int]]
) -> None:
    counts = Gateway().plays(exchanges, silences)

    for cell in (EVERYTHING, LONG):
        of_it = [each for each in exchanges if not cell or each.value == cell]
        found = [
            bins
            for place, (_, bins) in counts.bins.items()
            if place.process == FRESH and place.cell == cell
        ]
        assert found == [{int(each.fails): 1} for each in of_it[:1]]
    assert [sum(units) for units in counts.came.values()] == [1]
