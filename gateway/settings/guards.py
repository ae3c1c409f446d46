"""What may guard a rollout: which signals a service has, and what is known of each."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.answers.signal import Kind
from gateway.answers.signal import Worse as SignalWorse
from gateway.answers.signals import SIGNALS
from gateway.domain.evaluation import Evaluator, Score
from gateway.domain.outcome import Outcome
from gateway.domain.rollout import FEEDBACK, Worse
from gateway.domain.service import DialectChoice, Service

_FEEDBACK_NAME: Final = re.compile(r"[a-z0-9_]{1,64}")


class Measure(NamedTuple):
    """What is known of a signal.

    Attributes:
        kind: None: only whoever reports it knows.
        worse: Which way is bad news; None: nobody has said.
        is_time: Its unit is the second.
        is_read: It is read from the answer, and not from how the exchange went.

    """

    kind: Kind | None
    worse: Worse | None
    is_time: bool = False
    is_read: bool = False


_FLAG: Final = Measure(Kind.FLAG, Worse.HIGHER)
_TIME: Final = Measure(Kind.AMOUNT, Worse.HIGHER, is_time=True)
_READ: Final = Measure(Kind.AMOUNT, Worse.HIGHER, is_read=True)
_WORSE: Final = {
    SignalWorse.HIGHER: Worse.HIGHER,
    SignalWorse.LOWER: Worse.LOWER,
    SignalWorse.NEITHER: None,
}

ALWAYS: Final[Mapping[str, Measure]] = MappingProxyType({
    "error_rate": _FLAG,
    "client_error_rate": _FLAG,
    "cancel_rate": _FLAG,
    "duration": _TIME,
    "time_to_first_token": _TIME._replace(is_read=True),
    "time_per_output_token": _TIME._replace(is_read=True),
    "cost": _READ,
    "input_tokens": _READ,
    "output_tokens": _READ,
    **{outcome.value: _FLAG for outcome in Outcome},
    Outcome.COMPLETE.value: _FLAG._replace(worse=Worse.LOWER),
})
"""What every service has."""

OWN: Final[Mapping[str, Measure]] = MappingProxyType({
    name: Measure(signal.kind, _WORSE[signal.worse], is_read=True)
    for name, signal in SIGNALS.items()
})
"""What services have that list it in signals.names."""

_REPORTED: Final = Measure(None, None)
_FED_BACK: Final = Measure(Kind.FLAG, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one service measures.

    Attributes:
        own: Names of our own signals.
        reported: Names of those that model servers report.
        feedback: Names that are taken; none: any.
        scores: What evaluators give, by signal: EVALUATOR:SCORE.
        is_read: Answers are read, for more than how they ended.
        is_priced: What both versions cost is known.

    """

    own: Collection[str] = ()
    reported: Collection[str] = ()
    feedback: Collection[str] = ()
    scores: Mapping[str, Score] = field(default_factory=dict)
    is_read: bool = True
    is_priced: bool = True

    def names(self) -> list[str]:
        """Give all that may be named, in the order in which it is told."""
        fed_back = [f"{FEEDBACK}{name}" for name in self.feedback or ("NAME",)]
        named = dict.fromkeys((*ALWAYS, *self.own, *self.reported))
        return [*named, *self.scores, *fed_back]

    def measure(self, signal: str) -> Measure | None:
        """Say what is known of *signal*; None: it is not measured here."""
        if signal in ALWAYS:
            return ALWAYS[signal]
        if signal in self.own:
            return OWN[signal]
        if signal in self.reported:
            return _REPORTED
        if signal in self.scores:
            return _given(self.scores[signal])
        return self._fed_back(signal)

    def _fed_back(self, signal: str) -> Measure | None:
        name = signal.removeprefix(FEEDBACK)
        is_taken = name in self.feedback or not self.feedback
        if name != signal and is_taken and _FEEDBACK_NAME.fullmatch(name):
            return _FED_BACK
        return None


def _given(score: Score) -> Measure:
    kind = Kind.FLAG if score.is_flag else Kind.SCORE
    return Measure(kind, score.worse, is_read=True)


def scores_of(evaluators: Iterable[Evaluator]) -> dict[str, Score]:
    """Give what *evaluators* give, by signal."""
    return {
        evaluator.signal(score.name): score
        for evaluator in evaluators
        for score in evaluator.scores
    }


def measured_by(service: Service) -> Measured:
    """Say what *service* measures."""
    compared = {service.baseline, service.candidate}
    return Measured(
        own=service.signals.names,
        reported=tuple(signal.name for signal in service.signals.reported),
        feedback=service.feedback.signals,
        scores=scores_of(service.evaluators),
        is_read=service.dialect is not DialectChoice.PLAIN,
        is_priced=all(
            version.price is not None
            for version in service.versions
            if version.name in compared
        ),
    )
