"""What evaluators have said so far, for people: sums of scores, and the worst examples.

Nothing is concluded here: evidence goes its own way. Texts are kept only where the
configuration says so, as many as it says, in memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappush, heappushpop
from itertools import count

from gateway.analysis.sums import Feedback, SlicedSum
from gateway.domain.rollout import Worse
from gateway.domain.service import Service
from gateway.evaluators.desk import Given
from gateway.handoff.samples import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An answer that scored badly.

    Attributes:
        at: When it was judged; Unix time, seconds.
        value: Its score.
        said: The judge's reasons; may be empty.
        texts: What was asked and said, redacted.

    """

    at: float
    value: float
    said: str
    texts: Texts


_Heap = list[
    tuple[float, int, Example]
]  # the least bad in front; a number tells equals


class ScoreBook:
    """Adds scores up, by service, version and `EVALUATOR:SCORE`; all lanes together.

    Attributes:
        sums: As of feedback.

    """

    def __init__(self) -> None:
        self.sums: Feedback = {}
        self._worst: dict[tuple[str, str, str], _Heap] = {}
        self._number = count()

    def take(self, given: Given, at: float) -> None:
        """Take a score that was given.

        Args:
            given: See Given.
            at: Unix time, seconds.

        """
        signal = given.evaluator.signal(given.score.name)
        versions = self.sums.setdefault(given.service.known_as, {})
        signals = versions.setdefault(given.version, {})
        sums = signals.setdefault(signal, SlicedSum())
        sums.add(1, given.value, given.labels)
        most = given.service.sampling.keep_worst
        if most:
            self._keep(given, signal, at, most)

    def of(self, service: str, version: str) -> Mapping[str, SlicedSum]:
        """Give the sums of a version, by signal."""
        return self.sums.get(service, {}).get(version, {})

    def worst(self, service: str) -> dict[str, dict[str, list[Example]]]:
        """Give the worst examples of a service, the worst first, by version and signal."""
        found: dict[str, dict[str, list[Example]]] = {}
        for (named, version, signal), heap in self._worst.items():
            if named == service:
                examples = [example for _, _, example in sorted(heap, reverse=True)]
                found.setdefault(version, {})[signal] = examples
        return found

    def forget_all_but(self, services: Mapping[str, Service]) -> None:
        """Drop what no service gives any more; and texts that may not be kept."""
        for name in self.sums.keys() - services.keys():
            del self.sums[name]
        for name, service in services.items():
            given = {
                evaluator.signal(score.name)
                for evaluator in service.evaluators
                for score in evaluator.scores
            }
            for signals in self.sums.get(name, {}).values():
                for signal in signals.keys() - given:
                    del signals[signal]
        for key in list(self._worst):
            kept = services.get(key[0])
            most = 0 if kept is None else kept.sampling.keep_worst
            self._worst[key] = sorted(self._worst[key], reverse=True)[:most][::-1]
            if not self._worst[key]:
                del self._worst[key]

    def _keep(self, given: Given, signal: str, at: float, most: int) -> None:
        heap = self._worst.setdefault(
            (given.service.known_as, given.version, signal), _Heap()
        )
        is_higher_worse = given.score.worse is Worse.HIGHER
        badness = given.value if is_higher_worse else -given.value
        example = Example(at=at, value=given.value, said=given.said, texts=given.texts)
        entry = badness, next(self._number), example
        if len(heap) < most:
            heappush(heap, entry)
        else:
            heappushpop(heap, entry)
