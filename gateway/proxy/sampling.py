"""Samples that wait to be sent to the evaluators: few bytes, few a second, whole or not.

What there is no room for is dropped and counted. Room is asked for before a sample's own
size is known: else short answers, and failures, which have none, would get through where
long ones do not, and who is judged would be chosen by what became of them.
"""

from collections import deque
from typing import Final

from gateway.domain.evaluation import Sampling
from gateway.domain.outcome import Outcome
from gateway.handoff.samples import Sample, Texts
from gateway.proxy.observe import Observation
from gateway.proxy.sampler import NO_TEXTS, Drawn

MESSAGE: Final = 64 * 1024
"""Bytes of samples in one message, about; a sample that is longer has one of its own.
Evidence that comes behind it waits for so much, and no more."""

_AROUND: Final = 256  # bytes of a sample besides its texts, about
_WIDE: Final = 3  # bytes of a character that is not ASCII, nearly always


class _Queue:
    """Samples of one service, in order of their ends.

    Attributes:
        sampling: What it may hold and send.
        waiting: With their sizes.
        size: Bytes, of all of them.
        credit: Bytes that may be sent now; below 0 where the last one was longer.

    """

    __slots__ = ("credit", "sampling", "size", "waiting")

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self.waiting: deque[tuple[int, Sample]] = deque()
        self.size = 0
        self.credit = float(sampling.per_second)

    def earn(self, seconds: float) -> None:
        """Let more be sent, for the time that has gone by; a second's at most."""
        most = float(self.sampling.per_second)
        self.credit = min(self.credit + seconds * most, most)


class Samples:
    """What one worker has sampled and not sent.

    Attributes:
        dropped: Samples lost since the start, by service.

    """

    def __init__(self) -> None:
        self.dropped: dict[str, int] = {}
        self._queues: dict[str, _Queue] = {}
        self._earned = 0.0

    def use(self, samplings: dict[str, Sampling]) -> None:
        """Hold samples of these services, and of no others: nobody would judge them."""
        for name in list(self._queues):
            if name not in samplings:
                del self._queues[name]
        for name, sampling in samplings.items():
            queue = self._queues.get(name)
            if queue is None:
                self._queues[name] = _Queue(sampling)
            else:
                queue.sampling = sampling

    def has_room(self, service: str) -> bool:
        """Whether a sample is held if it is added now; else it is counted as dropped."""
        queue = self._queues.get(service)
        if queue is None:
            return False  # under a table without evaluators
        if queue.size < queue.sampling.queued:
            return True
        self.drop(service)
        return False

    def drop(self, service: str) -> None:
        """Count one that is lost."""
        self.dropped[service] = self.dropped.get(service, 0) + 1

    def add(self, sample: Sample) -> None:
        """Hold a sample for which there is room, however long it is."""
        queue = self._queues.get(sample.service)
        if queue is not None:
            size = _size_of(sample)
            queue.waiting.append((size, sample))
            queue.size += size

    def earn(self, now: float) -> None:
        """Let more be sent: so much in a second of the monotonic clock."""
        seconds, self._earned = now - self._earned, now
        for queue in self._queues.values():
            queue.earn(seconds)

    def take(self, *, all_at_once: bool = False) -> list[Sample]:
        """Give what the next message may have; nothing, where nothing may be sent.

        Args:
            all_at_once: Do not mind how much was sent lately: it is the end.

        """
        taken: list[Sample] = []
        left = MESSAGE
        for queue in self._queues.values():
            while queue.waiting and left > 0 and (all_at_once or queue.credit > 0):
                size, sample = queue.waiting.popleft()
                queue.size -= size
                queue.credit -= size
                left -= size
                taken.append(sample)
        return taken


def sample_of(seen: Observation, drawn: Drawn, outcome: Outcome, unique: int) -> Sample:
    """Tell of an exchange at its end.

    Args:
        seen: The exchange.
        drawn: What it was sampled as.
        outcome: Of it.
        unique: 64 bits that tell it from any other.

    """
    reading, sampler = seen.reading, seen.inspection.sampler
    split = seen.route.split
    trace, texts = seen.head.trace, NO_TEXTS
    if sampler is not None and reading is not None:
        texts = sampler.texts(reading, outcome)
    return Sample(
        service=split.service,
        versions=split.versions,
        revision=split.revision,
        is_candidate=seen.target is seen.route.candidate,
        fingerprint=drawn.fingerprint,
        draw=drawn.draw,
        exchange=unique,
        arrived=seen.arrived,
        ended=seen.arrived + seen.duration,
        is_evidence=drawn.is_evidence,
        segments=split.segments,
        cell=bytes(seen.cell()),
        outcome=outcome.value,
        texts=texts,
        trace=None if trace is None else trace.trace.decode("latin-1"),
        span=None if trace is None else trace.span.decode("latin-1"),
    )


def _size_of(sample: Sample) -> int:
    size = _AROUND + _size_of_texts(sample.texts)
    return size if sample.other is None else size + _length(sample.other)


def _size_of_texts(texts: Texts) -> int:
    size = 0
    for text in (texts.prompt, texts.reference, texts.answer, *texts.context):
        if text is not None:
            size += _length(text)
    return size


def _length(text: str) -> int:
    return len(text) if text.isascii() else _WIDE * len(text)
