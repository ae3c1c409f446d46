"""What the demo's candidate does wrong: seldom, always alike, and as it is called."""

from collections import Counter

import pytest

from gateway.answers.answer import Answer
from gateway.answers.asked import NOTHING
from gateway.answers.signals import SIGNALS
from gateway.answers.text import Text
from gateway.cli.demo.flaws import STREAM_CYCLE, WHOLE_CYCLE, flaw, words_of
from gateway.cli.demo.models import MODELS
from gateway.domain.outcome import Outcome

ANSWERS = [answer for model in MODELS for answer in model.answers]


def _flaws(number: int, *, is_stream: bool, at_a_time: int) -> Counter[Outcome]:
    return Counter(
        flaw(each, is_stream=is_stream, at_a_time=at_a_time) for each in range(number)
    )


def test_most_answers_are_good_and_every_flaw_is_seen_under_load() -> None:
    """An error inside and a cut only then: a small release shows nothing of them."""
    calm = _flaws(STREAM_CYCLE, is_stream=True, at_a_time=1)
    loaded = _flaws(STREAM_CYCLE, is_stream=True, at_a_time=20)

    always = {Outcome.REFUSED: 1, Outcome.DEGENERATE: 1, Outcome.LENGTH: 1}
    then = {Outcome.STREAM_ERROR: 1, Outcome.TRUNCATED: 1}
    assert calm == {**always, Outcome.COMPLETE: STREAM_CYCLE - 3}
    assert loaded == {**always, **then, Outcome.COMPLETE: STREAM_CYCLE - 5}


def test_an_answer_that_is_no_stream_can_only_be_refused() -> None:
    """It has no middle to break off in."""
    flaws = _flaws(WHOLE_CYCLE, is_stream=False, at_a_time=20)
    assert flaws == {Outcome.COMPLETE: WHOLE_CYCLE - 1, Outcome.REFUSED: 1}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(
    ("signal", "outcome"),
    [("refusal", Outcome.REFUSED), ("repetition", Outcome.DEGENERATE)],
)
def test_the_words_are_what_the_gateway_calls_them(
    answer: str, signal: str, outcome: Outcome
) -> None:
    """And those of a good answer are not."""
    assert _is_raised(signal, words_of(outcome, answer))
    assert not _is_raised(signal, words_of(Outcome.COMPLETE, answer))


def _is_raised(signal: str, words: list[str]) -> bool:
    answer = Answer()
    answer.text = Text(" ".join(words))
    return bool(SIGNALS[signal].measure(NOTHING, answer))


@pytest.mark.parametrize(
    "outcome", [Outcome.LENGTH, Outcome.STREAM_ERROR, Outcome.TRUNCATED]
)
def test_what_breaks_off_is_half_an_answer(outcome: Outcome) -> None:
    """With something in it, so that it is not empty."""
    words = words_of(outcome, ANSWERS[0])
    assert words == ANSWERS[0].split()[: len(words)]
    assert 0 < len(words) < len(ANSWERS[0].split())
