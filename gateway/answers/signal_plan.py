"""Which signals a service measures, in which order, and within which CPU time.

Cheap ones come first and are always measured; the dearest, a check against a hostile
schema, takes some 2 ms at worst (json_schema.MOST_WORK). Costly ones are measured on a sample of
the keys, one after another until the time is used up; what is left is counted as
skipped, never silently dropped. A long answer uses up more time than a short one: where
many are skipped, the signals at the end of the list speak for short answers only.

Signals that tell an outcome are always measured: what an answer turned out to be does not
depend on which signals a service shows. Those it does not name only judge.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import ALWAYS, JSON_WANTED, TOOLS_CALLED, Signal
from gateway.answers.signals import SIGNALS
from gateway.domain.outcome import Outcome

Values: TypeAlias = list[tuple[int, float]]
"""Place in the plan's `names`, and the value."""

Measured: TypeAlias = tuple[Values, int, list[Outcome]]
"""The values there are; how many signals were skipped, for want of time or because the
request is beyond a signal's bounds (what the sample leaves out is not skipped); and what
the values say that the answer turned out to be."""

_Step: TypeAlias = tuple[
    int,
    int,
    Callable[[Asked, Answer], float | None],
    Callable[[Asked, Answer], bool] | None,
    float | None,
    Outcome | None,
]


_NOWHERE: Final = -1
"""Place of a signal that only judges."""


def _steps(signals: Sequence[Signal], *, costly: bool) -> tuple[_Step, ...]:
    return tuple(
        _step(place, signal)
        for place, signal in enumerate(signals)
        if signal.is_costly is costly
    )


def _step(place: int, signal: Signal) -> _Step:
    bad, verdict = signal.verdict or (None, None)
    return place, signal.only, signal.measure, signal.can_measure, bad, verdict


def _only_judging(names: Sequence[str]) -> tuple[_Step, ...]:
    return tuple(
        _step(_NOWHERE, signal)
        for signal in SIGNALS.values()
        if signal.verdict is not None and signal.name not in names
    )


def _has(asked: Asked, answer: Answer) -> int:
    """Tell what signals may ask for: see signal.Signal.only."""
    has = TOOLS_CALLED if answer.calls else ALWAYS
    if asked.wants_json or asked.schema is not None:
        has |= JSON_WANTED
    return has


class SignalPlan:
    """The signals of one service.

    Attributes:
        names: Of the signals, in the order of the configuration.
        sample: Share of keys, 0 to 1, whose exchanges have costly signals measured. The
            caller chooses them, by key, the same on both versions.
        cpu_seconds: CPU time after which no further costly signal is begun.
        needs_prompt: Whether a signal reads the prompt or the context.

    Raises:
        KeyError: A name is not in SIGNALS.

    """

    __slots__ = (
        "_cheap",
        "_costly",
        "_only_judging",
        "cpu_seconds",
        "names",
        "needs_prompt",
        "sample",
    )

    def __init__(self, names: Sequence[str], sample: float, cpu_seconds: float) -> None:
        signals = [SIGNALS[name] for name in names]
        self.names = tuple(names)
        self.sample = sample
        self.cpu_seconds = cpu_seconds
        self.needs_prompt = any(signal.needs_prompt for signal in signals)
        self._cheap = _steps(signals, costly=False)
        self._only_judging = _only_judging(names)
        self._costly = _steps(signals, costly=True)

    def measure(
        self,
        asked: Asked,
        answer: Answer,
        is_sampled: bool,
        clock: Callable[[], float],
    ) -> Measured:
        """Measure an exchange that has ended.

        Args:
            asked: What the request asked for.
            answer: What came.
            is_sampled: Whether the exchange's key is in the sample.
            clock: CPU seconds of the thread; asked before costly signals only.

        """
        values: Values = []
        found: list[Outcome] = []
        if answer.has_gaps:  # a part is not what the whole was
            return values, len(self.names), found
        missing = ~_has(asked, answer)
        skipped = self._judge(asked, answer, missing, found)
        for place, only, measure, can_measure, bad, verdict in self._cheap:
            if only & missing:
                continue
            value = measure(asked, answer)
            if value is not None:
                values.append((place, value))
                if value == bad and verdict is not None:
                    found.append(verdict)
            elif can_measure is not None and not can_measure(asked, answer):
                skipped += 1
        if is_sampled and self._costly:
            skipped += self._measure_costly(asked, answer, clock, values)
        return values, skipped, found

    def _judge(
        self, asked: Asked, answer: Answer, missing: int, found: list[Outcome]
    ) -> int:
        """Add what signals find that are not shown; give how many were skipped."""
        skipped = 0
        for _, only, measure, can_measure, bad, verdict in self._only_judging:
            if only & missing:
                continue
            value = measure(asked, answer)
            if value is None:
                skipped += can_measure is not None and not can_measure(asked, answer)
            elif value == bad and verdict is not None:
                found.append(verdict)
        return skipped

    def _measure_costly(
        self,
        asked: Asked,
        answer: Answer,
        clock: Callable[[], float],
        values: Values,
    ) -> int:
        """Add to *values*; give how many were skipped. Costly ones judge nothing."""
        end = clock() + self.cpu_seconds
        skipped = 0
        for begun, (place, _only, measure, can_measure, *_) in enumerate(self._costly):
            if begun and clock() >= end:
                return skipped + len(self._costly) - begun
            value = measure(asked, answer)
            if value is not None:
                values.append((place, value))
            elif can_measure is not None and not can_measure(asked, answer):
                skipped += 1
        return skipped
