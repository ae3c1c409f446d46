"""Sums and examples of what was judged: added up exactly, and never more than may be kept."""

from dataclasses import replace

from gateway.analysis.sums import Sum
from gateway.domain.evaluation import Evaluator, EvaluatorKind, Sampling, Score
from gateway.domain.rollout import Worse
from gateway.domain.service import Service
from gateway.evaluators.desk import Given
from gateway.evaluators.score_book import ScoreBook
from gateway.handoff.samples import Texts

RELEVANCE = Score(name="relevance")
DISTANCE = Score(name="distance", worse=Worse.HIGHER)
JUDGE = Evaluator(
    name="judge", kind=EvaluatorKind.LLM_JUDGE, scores=(RELEVANCE, DISTANCE)
)
CHAT = Service(name="chat", versions=(), baseline="v1", evaluators=(JUDGE,))
KEEPING = replace(CHAT, sampling=Sampling(keep_worst=2))


def given(
    value: float,
    *,
    service: Service = CHAT,
    score: Score = RELEVANCE,
    version: str = "v2",
    answer: str = "",
) -> Given:
    texts = Texts(prompt="?", context=(), reference=None, answer=answer, is_cut=False)
    return Given(
        service=service,
        evaluator=JUDGE,
        score=score,
        version=version,
        value=value,
        said="So.",
        texts=texts,
        labels=(("prompt_size", ">=2KiB"),),
    )


def test_scores_are_added_up_by_version_signal_and_segment() -> None:
    book = ScoreBook()
    book.take(given(0.25), 1.0)
    book.take(given(0.75), 2.0)
    book.take(given(1.0, version="v1"), 3.0)

    sums = book.of("chat", "v2")["judge:relevance"]
    assert (sums.whole.count, sums.whole.mean) == (2, 0.5)
    assert sums.segments["prompt_size"][">=2KiB"].count == 2
    assert book.of("chat", "v1")["judge:relevance"].whole == Sum(1, 1.0)
    assert book.of("chat", "v3") == {}


def test_the_lanes_of_a_service_are_added_up_together() -> None:
    """Under the name people know; what one lane no more has is not the other's."""
    book = ScoreBook()
    lanes = [replace(KEEPING, name=f"chat:{name}") for name in ("a", "b")]
    for lane in lanes:
        book.take(given(0.5, service=lane, version="v1"), 1.0)

    book.forget_all_but({lane.known_as: lane for lane in lanes})

    assert book.of("chat", "v1")["judge:relevance"].whole == Sum(2, 1.0)
    assert len(book.worst("chat")["v1"]["judge:relevance"]) == 2


def test_no_text_is_kept_where_nobody_said_so() -> None:
    book = ScoreBook()
    book.take(given(0.0, answer="private"), 1.0)

    assert book.worst("chat") == {}
    assert "private" not in repr(vars(book))


def test_the_worst_are_kept_the_worst_first() -> None:
    book = ScoreBook()
    for value in (0.9, 0.1, 0.5, 0.3):
        book.take(given(value, service=KEEPING), 1.0)
        book.take(given(value, service=KEEPING, score=DISTANCE), 1.0)

    worst = book.worst("chat")["v2"]
    assert [each.value for each in worst["judge:relevance"]] == [0.1, 0.3]
    assert [each.value for each in worst["judge:distance"]] == [0.9, 0.5]
    assert worst["judge:relevance"][0].said == "So."


def test_what_may_not_be_kept_any_more_is_dropped() -> None:
    book = ScoreBook()
    for value in (0.9, 0.1):
        book.take(given(value, service=KEEPING), 1.0)

    book.forget_all_but({"chat": replace(CHAT, sampling=Sampling(keep_worst=1))})
    assert [e.value for e in book.worst("chat")["v2"]["judge:relevance"]] == [0.1]

    book.forget_all_but({"chat": CHAT})
    assert book.worst("chat") == {}
    assert "judge:relevance" in book.of("chat", "v2")

    book.forget_all_but({"chat": replace(CHAT, evaluators=())})
    assert book.of("chat", "v2") == {}
    book.forget_all_but({})
    assert book.sums == {}
