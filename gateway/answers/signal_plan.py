"""Which signals a service measures, in which order, and within which CPU time.

Cheap ones come first and are always measured. Costly ones are measured on a sample of
the keys, one after another until the time is used up; what is left is counted as
skipped, never silently dropped. A long answer uses up more time than a short one: where
many are skipped, the signals at the end of the list speak for short answers only.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Signal
from gateway.answers.signals import SIGNALS
from gateway.domain.outcome import Outcome

Values: TypeAlias = list[tuple[int, float]]
"""Place in the plan's `names`, and the value."""

_Step: TypeAlias = tuple[
    int,
    Callable[[Asked, Answer], float | None],
    Callable[[Asked, Answer], bool] | None,
]


def _steps(signals: Sequence[Signal], *, costly: bool) -> tuple[_Step, ...]:
    return tuple(
        (place, signal.measure, signal.can_measure)
        for place, signal in enumerate(signals)
        if signal.is_costly is costly
    )


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
        "_verdicts",
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
        self._verdicts = {
            (place, signal.verdict[0]): signal.verdict[1]
            for place, signal in enumerate(signals)
            if signal.verdict is not None
        }
        self._cheap = _steps(signals, costly=False)
        self._costly = _steps(signals, costly=True)

    def measure(
        self,
        asked: Asked,
        answer: Answer,
        is_sampled: bool,
        clock: Callable[[], float],
    ) -> tuple[Values, int]:
        """Measure an exchange that has ended.

        Args:
            asked: What the request asked for.
            answer: What came.
            is_sampled: Whether the exchange's key is in the sample.
            clock: CPU seconds of the thread; asked before costly signals only.

        Returns:
            The values there are, and how many signals were skipped: for want of time, or
            because the request is beyond a signal's bounds. What the sample leaves out
            is not skipped.

        """
        values: Values = []
        skipped = 0
        for place, measure, can_measure in self._cheap:
            value = measure(asked, answer)
            if value is not None:
                values.append((place, value))
            elif can_measure is not None and not can_measure(asked, answer):
                skipped += 1
        if is_sampled and self._costly:
            skipped += self._measure_costly(asked, answer, clock, values)
        return values, skipped

    def verdicts(self, values: Values) -> list[Outcome]:
        """Give what an answer with these values turned out to be, if anything."""
        verdicts = self._verdicts
        return [verdicts[pair] for pair in values if pair in verdicts]

    def _measure_costly(
        self,
        asked: Asked,
        answer: Answer,
        clock: Callable[[], float],
        values: Values,
    ) -> int:
        """Add to *values*; give how many were skipped."""
        end = clock() + self.cpu_seconds
        skipped = 0
        for begun, (place, measure, can_measure) in enumerate(self._costly):
            if begun and clock() >= end:
                return skipped + len(self._costly) - begun
            value = measure(asked, answer)
            if value is not None:
                values.append((place, value))
            elif can_measure is not None and not can_measure(asked, answer):
                skipped += 1
        return skipped
