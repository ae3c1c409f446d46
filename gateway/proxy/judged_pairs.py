"""What both versions said to a mirrored request, until both are over: then it is judged."""

import msgspec

from gateway.domain.outcome import Outcome
from gateway.handoff.evidence import Record
from gateway.handoff.samples import Sample, Texts
from gateway.proxy.observe import Observation
from gateway.proxy.sampler import NO_TEXTS, Drawn
from gateway.proxy.sampling import Samples, sample_of


class JudgedPair:
    """The texts of a pair that was drawn.

    A half that nobody knows, or that was late and is not waited for, leaves nothing to
    compare: that is told by the records of the pair.

    Args:
        samples: Take what is to be judged.
        drawn: What the pair was sampled as.
        unique: 64 bits that tell it from any other exchange.

    """

    __slots__ = ("_copied", "_drawn", "_sample", "_samples", "_unique")

    def __init__(self, samples: Samples, drawn: Drawn, unique: int) -> None:
        self._samples = samples
        self._drawn = drawn
        self._unique = unique
        self._sample: Sample | None = None
        self._copied: Texts | None = None

    def answered(self, seen: Observation, outcome: Outcome) -> None:
        """Take down what was asked, and what the client was told."""
        self._sample = sample_of(seen, self._drawn, outcome, self._unique)

    def copied(self, seen: Observation, outcome: Outcome) -> None:
        """Take down what was answered to the copy."""
        reading, sampler = seen.reading, seen.inspection.sampler
        if reading is not None and sampler is not None:
            self._copied = sampler.texts(reading, outcome)

    def end(
        self, client: Record, copy: Record, *, is_reverse: bool, is_control: bool
    ) -> None:
        """Hand on both, with what became of them.

        Args:
            client: Of the client's half.
            copy: Of the copy's.
            is_reverse: The copy went to the baseline, and the client to the candidate.
            is_control: Both went to the baseline.

        """
        sample, copied = self._sample, self._copied
        if (
            sample is None
            or copied is None
            or not self._samples.has_room(sample.service)
        ):
            return
        told, other = sample.texts.answer, copied.answer
        if told is None or other is None:
            sample.texts, other = NO_TEXTS, None
        else:
            first, other = (other, told) if is_reverse else (told, other)
            is_cut = sample.texts.is_cut or copied.is_cut
            sample.texts = msgspec.structs.replace(
                sample.texts, answer=first, is_cut=is_cut
            )
        baseline, candidate = (copy, client) if is_reverse else (client, copy)
        sample.is_candidate = False
        sample.outcome, sample.other_outcome = baseline.outcome, candidate.outcome
        sample.other, sample.is_control = other, is_control
        self._samples.add(sample)
