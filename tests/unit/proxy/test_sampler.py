"""Who is judged is drawn by key; and what is told of it is bounded and has no half words."""

import random

import pytest

from gateway.answers.asked import LONGEST_PASSAGE, MOST_PASSAGES, Asked, take_prompt
from gateway.answers.dialects import dialect_of
from gateway.answers.reading import Reading
from gateway.answers.redaction import redact, rules_for
from gateway.domain.evaluation import Evaluator, EvaluatorKind, Sampling, Score
from gateway.domain.outcome import Outcome
from gateway.domain.service import Service
from gateway.domain.units import Share
from gateway.handoff.samples import Texts
from gateway.proxy.sampler import CONTEXT, CUT, NO_TEXTS, Drawn, Sampler
from gateway.proxy.units import Unit
from gateway.routing.split import is_candidate

CHAT = b"/v1/chat/completions"
FIRST = Unit(7, 1, 0, 1)
COMPLETE = Outcome.COMPLETE


def sampler(*samples: float, longest: int = 1_000) -> Sampler:
    evaluators = tuple(
        Evaluator(
            name=f"judge{place}",
            kind=EvaluatorKind.LLM_JUDGE,
            scores=(Score(name="relevance"),),
            sample=sample,
        )
        for place, sample in enumerate(samples or (1.0,))
    )
    service = Service(
        name="chat",
        versions=(),
        baseline="v1",
        evaluators=evaluators,
        sampling=Sampling(longest=longest),
    )
    return Sampler(service, random.Random(1).random)


def reading(answer: str = "", path: bytes = CHAT, **asked: object) -> Reading:
    read = Reading(dialect_of("auto", path))
    read.asked = Asked(**asked)  # type: ignore[arg-type]
    read.is_begun = True
    read.answer.text.add(answer)
    return read


def drawn(by: Sampler, keys: range) -> dict[int, Drawn]:
    found = ((n, by.first(FIRST, reading(), b"%d" % n)) for n in keys)
    return {n: draw for n, draw in found if draw is not None}


def test_a_key_draws_the_same_everywhere_and_as_often_as_asked_for() -> None:
    few, more = (drawn(sampler(part), range(4_000)) for part in (0.05, 0.2))

    assert few.items() < more.items()
    assert len(few) == pytest.approx(200, rel=0.25)
    assert len(more) == pytest.approx(800, rel=0.15)
    assert drawn(sampler(0.2, 0.05), range(4_000)) == more


def test_keys_and_splits_do_not_agree() -> None:
    """A sample of the candidate's keys alone would be one of other people."""
    sampled = drawn(sampler(0.5), range(4_000))
    candidates = [
        n for n in range(4_000) if is_candidate(b"chat", b"%d" % n, Share(50_000))
    ]

    both = len(sampled.keys() & set(candidates))
    assert both == pytest.approx(1_000, rel=0.1)


def test_without_a_key_dice_decide() -> None:
    by = sampler(0.5)

    found = [by.first(FIRST, reading(), None) for _ in range(1_000)]

    assert sum(each is not None for each in found) == pytest.approx(500, rel=0.15)


@pytest.mark.parametrize(
    ("nth", "nth_in_window", "is_sampled"),
    [(1, 1, True), (5, 1, True), (2, 2, False), (1, 2, True)],
)
def test_a_keys_first_are_sampled(
    nth: int, nth_in_window: int, *, is_sampled: bool
) -> None:
    found = sampler().first(Unit(7, nth, 0, nth_in_window), reading(), b"k")

    assert (found is not None) == is_sampled


def test_what_has_no_text_is_not_sampled() -> None:
    vectors = reading(path=b"/v1/embeddings")

    assert sampler().first(FIRST, vectors, b"k") is None
    assert sampler().first(FIRST, None, b"k") is None
    assert sampler().copied(FIRST, vectors, b"k") is None


def test_short_texts_are_whole() -> None:
    read = reading("Because.", prompt="Why?", context=("a", "b"), reference="So.")

    assert sampler().texts(read, COMPLETE) == Texts(
        prompt="Why?",
        context=("a", "b"),
        reference="So.",
        answer="Because.",
        is_cut=False,
    )


@pytest.mark.parametrize(
    "outcome",
    ["truncated", "upstream_error", "stream_error", "invalid", "client_cancelled"],
)
def test_of_what_was_not_said_there_is_no_text(outcome: str) -> None:
    read = reading("half an ans", prompt="Why?")

    assert sampler().texts(read, Outcome(outcome)) is NO_TEXTS


def test_of_what_could_not_be_read_there_is_no_text() -> None:
    unread, none, silent = reading("x"), reading("x"), reading("")
    unread.is_unread, none.is_begun = True, False

    for read in (unread, none, silent):
        assert sampler().texts(read, COMPLETE) is NO_TEXTS


@pytest.mark.parametrize("outcome", ["length", "refused", "degenerate"])
def test_odd_answers_are_judged_too(outcome: str) -> None:
    assert sampler().texts(reading("I"), Outcome(outcome)).answer == "I"


@pytest.mark.parametrize("length", [1_001, 16_384, 20_000, 50_000, 1_000_000])
def test_a_long_answer_has_a_beginning_and_an_end(length: int) -> None:
    said = "begin " + "word " * (length // 5) + "end"

    texts = sampler().texts(reading(said), COMPLETE)

    assert texts.answer is not None
    assert len(texts.answer) <= 1_003
    assert texts.answer.startswith("begin word")
    assert texts.answer.endswith("word end")
    assert texts.is_cut


@pytest.mark.parametrize("longest", [300, LONGEST_PASSAGE])
def test_a_prompt_that_was_cut_by_its_reader_keeps_the_question_at_its_end(
    longest: int,
) -> None:
    read = reading("x")
    take_prompt(read.asked, "Read this. " + "word " * 10_000 + "Is it so?")

    texts = sampler(longest=longest).texts(read, COMPLETE)

    assert texts.prompt is not None
    assert longest - 30 < len(texts.prompt) <= longest + len(CUT)
    assert texts.prompt.startswith("Read this. word")
    assert "word  … " in texts.prompt
    assert texts.prompt.endswith("word Is it so?")
    assert texts.is_cut


def test_a_prompt_that_fills_all_there_is_room_for_is_whole() -> None:
    text = ("word " * 10_000)[:LONGEST_PASSAGE]

    texts = sampler(longest=LONGEST_PASSAGE).texts(reading("x", prompt=text), COMPLETE)

    assert texts.prompt == text
    assert not texts.is_cut


def test_passages_that_were_cut_by_their_reader_keep_their_heads() -> None:
    long, short = ("word " * 10_000)[:LONGEST_PASSAGE], "A short one."

    texts = sampler(longest=LONGEST_PASSAGE).texts(
        reading("x", context=(short, long, short)), COMPLETE
    )

    head, cut, tail = texts.context
    assert (head, tail) == (short, short)
    assert cut.startswith("word word")
    assert cut.endswith("word  … ")
    assert texts.is_cut


def test_more_passages_than_are_read_may_be_cut() -> None:
    context = ("p",) * MOST_PASSAGES

    assert sampler().texts(reading("x", context=context), COMPLETE).is_cut
    assert not sampler().texts(reading("x", context=context[1:]), COMPLETE).is_cut


def test_passages_together_are_bounded_and_the_first_are_kept() -> None:
    context = tuple(f"{number} " + "x" * 900 for number in range(20))

    texts = sampler().texts(reading("x", context=context), COMPLETE)

    assert texts.context == context[: len(texts.context)]
    assert 3 <= len(texts.context) <= CONTEXT
    assert texts.is_cut


SECRETS = ["sk-abcdefghijklmnopqrstuvwxyz", "4111 1111 1111 1111", "+49 170 1234567"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", range(770, 830))
def test_no_half_of_a_secret_is_left_at_a_cut(secret: str, place: int) -> None:
    """Cut, it would fit no pattern any more."""
    said = "a " * (place // 2) + secret + " b" * 2_000

    answer = sampler().texts(reading(said), COMPLETE).answer or ""

    assert secret in answer or secret.rpartition(" ")[2][:6] not in answer
    assert secret in answer or "4111" not in answer


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("left", range(170, 230))
def test_nor_behind_it(secret: str, left: int) -> None:
    said = "a " * 2_000 + secret + " b" * (left // 2)

    answer = sampler().texts(reading(said), COMPLETE).answer or ""

    assert secret in answer or secret[-6:] not in answer


PEM = "-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----".format(
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 2
)


@pytest.mark.parametrize(
    ("secret", "shows"),
    [
        ("Authorization: Bearer kQzTf8e7d6c5b4a39281706f", "f8e7d6"),
        ("it uses Bearer kQzTf8e7d6c5b4a39281706f", "f8e7d6"),
        ("the password = hunter2hunter", "hunter2"),
        (PEM, "BAQEFAASC"),
    ],
    ids=["header", "bearer", "password", "key"],
)
def test_no_secret_is_left_whose_name_was_cut_off(secret: str, shows: str) -> None:
    """Without it no rule would know what it is: however the text falls, none shows."""
    rules = rules_for(["private_key", "api_key", "secret"])
    tail = 1_000 // 5
    for left in range(max(tail - len(secret) - 10, 0), tail):
        said = "so it is " * 400 + secret + " b" * (left // 2) + "." * (left % 2)

        answer = sampler().texts(reading(said), COMPLETE).answer or ""

        assert shows not in redact(answer, rules), left
