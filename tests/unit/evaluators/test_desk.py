"""The desk tells of every sample that is evidence once in each score, whatever comes of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

import msgspec
import pytest

from gateway.analysis.judged import Judged, JudgedPair, Sampled
from gateway.domain.evaluation import Evaluator, EvaluatorKind, Score
from gateway.domain.rollout import Worse
from gateway.domain.service import Service
from gateway.evaluators.desk import Desk, Failed, Given, Ports
from gateway.evaluators.evaluator import (
    UNLIMITED,
    Allowance,
    JudgeFailed,
    Used,
    Verdict,
    Why,
)
from gateway.handoff.samples import Sample, Samples, Texts
from gateway.state.store import Spent
from tests.unit.evaluators.sampled import sampled

RELEVANCE = Score(name="relevance")
HALLUCINATION = Score(name="hallucination", is_flag=True, worse=Worse.HIGHER)
JUDGE = Evaluator(
    name="judge",
    kind=EvaluatorKind.LLM_JUDGE,
    scores=(RELEVANCE, HALLUCINATION),
    sample=0.5,
)
CHAT = Service(
    name="chat", versions=(), baseline="v1", candidate="v2", evaluators=(JUDGE,)
)
HALF = 1 << 31


class Knowing:
    """A judge that scores texts as a table says; others it fails on."""

    identity = "knowing"

    def __init__(self, knows: dict[str, dict[str, float | None]]) -> None:
        self._knows = knows
        self.seen: list[str | None] = []
        self.compares: dict[str, float | None] = {}

    def most(self, texts: Texts, other: str | None = None) -> Used:
        return Used(10, 0)

    async def judge(self, texts: Texts, allowance: Allowance = UNLIMITED) -> Verdict:
        await asyncio.sleep(0)
        self.seen.append(texts.answer)
        if texts.answer not in self._knows:
            raise JudgeFailed(Why.GARBAGE, "What is this?")
        return Verdict(scores=self._knows[texts.answer], used=Used(1, 1), said="So.")

    async def compare(
        self,
        texts: Texts,
        other: str,
        *,
        is_swapped: bool,
        allowance: Allowance = UNLIMITED,
    ) -> Verdict:
        await asyncio.sleep(0)
        return Verdict(scores=self.compares, used=Used(1, 1))

    async def close(self) -> None:
        pass


class Stage:
    """A desk that judges the service chat; and what it has told."""

    def __init__(self, judge: Knowing, service: Service = CHAT) -> None:
        self.judged_: list[Judged] = []
        self.sampled_: list[Sampled] = []
        self.pairs: list[JudgedPair] = []
        self.given: list[Given] = []
        self.failed: list[Failed] = []
        self.spent: Mapping[str, Spent] | None = {}
        self._news = asyncio.Event()
        self.desk = Desk(
            Ports(
                make=lambda _evaluator: judge,
                redact=self.redact,
                ear=self,
                ledger=self,
                now=lambda: 0.0,
                given=self.given.append,
                failed=self.failed.append,
                dice=Random(1),
            ),
            clock=lambda: 1000.0,
        )
        self.desk.use([service])

    def redact(self, sample: Sample, service: Service) -> Sample:
        assert service.name == sample.service
        answer = (sample.texts.answer or "").replace("secret", "[KEY]") or None
        texts = msgspec.structs.replace(sample.texts, answer=answer)
        return msgspec.structs.replace(sample, texts=texts)

    async def save_spent(self, spent: Spent) -> None:
        self.spent = {spent.purse: spent}

    def sampled(self, service: str, sampled: Sampled) -> None:
        assert service == "chat"
        self.sampled_.append(sampled)

    def judged(self, service: str, judged: Judged) -> None:
        assert service == "chat"
        self.judged_.append(judged)
        self._news.set()

    def judged_pair(self, service: str, pair: JudgedPair) -> None:
        assert service == "chat"
        self.pairs.append(pair)
        self._news.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.desk.run())
            while len(self.judged_) + len(self.pairs) < count:
                self._news.clear()
                await self._news.wait()
            running.cancel()


def message(samples: Sequence[Sample], *, sequence: int = 1, pid: int = 7) -> Samples:
    return Samples(
        worker=0, pid=pid, sequence=sequence, dropped={"chat": 3}, samples=list(samples)
    )


async def test_an_answer_has_each_of_the_evaluators_scores() -> None:
    judge = Knowing({"Good.": {"relevance": 0.75, "hallucination": 1.0}})
    stage = Stage(judge)
    stage.desk.take(message([sampled(answer="Good.", is_candidate=True)]))

    await stage.until(2)

    assert {each.signal: each.value for each in stage.judged_} == {
        "judge:relevance": 0.75,
        "judge:hallucination": 1.0,
    }
    (announced,) = stage.sampled_
    place = announced.fingerprint, announced.epoch, announced.arrived
    assert announced.evaluator == "judge"
    assert {(each.fingerprint, each.epoch, each.arrived) for each in stage.judged_} == {
        place
    }
    assert [(each.version, each.value, each.said) for each in stage.given] == [
        ("v2", 0.75, "So."),
        ("v2", 1.0, "So."),
    ]


async def test_nobody_is_shown_what_was_not_redacted() -> None:
    judge = Knowing({})
    stage = Stage(judge)
    stage.desk.take(message([sampled(answer="The secret is out.")]))

    await stage.until(2)

    assert judge.seen == ["The [KEY] is out."]


async def test_only_the_evaluators_part_of_the_keys_is_judged() -> None:
    stage = Stage(Knowing({"Good.": {"relevance": 1.0}}))
    draws = (0, HALF - 1, HALF, 2 * HALF - 1)
    samples = [
        sampled(exchange=number, answer="Good.", draw=draw)
        for number, draw in enumerate(draws)
    ]
    stage.desk.take(message(samples))

    await stage.until(4)

    assert {each.exchange for each in stage.judged_} == {0, 1}


@pytest.mark.parametrize("outcome", ["upstream_error", "truncated", "empty"])
def test_an_answer_that_failed_is_the_worst_and_nobody_is_asked(outcome: str) -> None:
    worse = Score(name="distance", worse=Worse.HIGHER)
    judge = replace(JUDGE, scores=(RELEVANCE, HALLUCINATION, worse))
    stage = Stage(Knowing({}), replace(CHAT, evaluators=(judge,)))

    stage.desk.take(message([sampled(answer=None, outcome=outcome)]))

    assert {each.signal: each.value for each in stage.judged_} == {
        "judge:relevance": 0.0,
        "judge:hallucination": 0.0,
        "judge:distance": 1.0,
    }
    assert not any(each.has_failed for each in stage.judged_)
    assert stage.given == []


@pytest.mark.parametrize("outcome", ["client_cancelled", "client_error"])
def test_what_is_the_clients_doing_says_nothing(outcome: str) -> None:
    stage = Stage(Knowing({}))

    stage.desk.take(message([sampled(answer="Half an ans", outcome=outcome)]))

    assert [(each.value, each.has_failed) for each in stage.judged_] == [
        (None, False),
        (None, False),
    ]


async def test_a_judge_that_has_nothing_to_say_is_no_failure() -> None:
    stage = Stage(Knowing({"Good.": {"relevance": 0.5, "hallucination": None}}))
    stage.desk.take(message([sampled(answer="Good.")]))

    await stage.until(2)

    assert [
        (each.value, each.has_failed, each.is_unsaid) for each in stage.judged_
    ] == [
        (0.5, False, False),
        (None, False, True),
    ]


async def test_a_judges_failure_is_told_as_one() -> None:
    stage = Stage(Knowing({}))
    odd = sampled(answer="Odd.")
    odd.trace, odd.span = "a" * 32, "b" * 16
    stage.desk.take(message([odd]))

    await stage.until(2)

    assert [(each.value, each.has_failed) for each in stage.judged_] == [
        (None, True),
        (None, True),
    ]
    (failed,) = stage.failed
    assert (failed.version, failed.why) == ("v1", Why.GARBAGE)
    assert (failed.trace, failed.span) == ("a" * 32, "b" * 16)


async def test_a_pair_is_compared_and_what_is_not_compared_is_judged() -> None:
    judge = Knowing({
        "Good.": {"relevance": 1.0, "hallucination": 0.0},
        "Bad.": {"relevance": 0.0, "hallucination": 1.0},
    })
    judge.compares = {"relevance": 0.25, "hallucination": None}
    stage = Stage(judge)
    pair = sampled(answer="Good.", other="Bad.", other_outcome="complete")
    stage.desk.take(message([pair]))

    await stage.until(2)

    assert {each.signal: (each.baseline, each.candidate) for each in stage.pairs} == {
        "judge:relevance": (0.75, 0.25),
        "judge:hallucination": (0.0, 1.0),
    }
    assert stage.judged_ == []
    told = {(each.version, each.score.name, each.texts.answer) for each in stage.given}
    assert told == {
        (version, name, answer)
        for version, answer in (("v1", "Good."), ("v2", "Bad."))
        for name in ("relevance", "hallucination")
    }


@pytest.mark.parametrize(
    ("better", "relevance", "hallucination"),
    [(0.0, (1.0, 0.0), (0.0, 1.0)), (0.5, (0.5, 0.5), (0.5, 0.5))],
    ids=["worse", "neither"],
)
async def test_what_is_worse_has_more_of_what_is_bad(
    better: float, relevance: tuple[float, float], hallucination: tuple[float, float]
) -> None:
    """Of hallucination the worse answer of a pair has 1, of relevance the better one."""
    judge = Knowing({})
    judge.compares = {"relevance": better, "hallucination": better}
    stage = Stage(judge)
    stage.desk.take(message([sampled(other="Bad.", other_outcome="complete")]))

    await stage.until(2)

    assert {each.signal: (each.baseline, each.candidate) for each in stage.pairs} == {
        "judge:relevance": relevance,
        "judge:hallucination": hallucination,
    }


async def test_a_control_pair_tells_its_order_and_counts_for_no_candidate() -> None:
    """Only what the judge saw side by side has an order."""
    judge = Knowing({"Good.": {"hallucination": 0.0}, "So.": {"hallucination": 0.0}})
    judge.compares = {"relevance": 1.0, "hallucination": None}
    stage = Stage(judge)
    pair = sampled(answer="Good.", other="So.", other_outcome="complete")
    control = msgspec.structs.replace(pair, is_control=True)
    stage.desk.take(message([control] * 9))

    await stage.until(18)

    assert all(each.is_control for each in stage.pairs)
    assert {(each.signal, each.is_swapped) for each in stage.pairs} == {
        ("judge:relevance", True),
        ("judge:relevance", False),
        ("judge:hallucination", None),
    }
    assert {each.version for each in stage.given} == {"v1"}


@pytest.mark.parametrize(
    ("outcome", "other_outcome", "values"),
    [
        ("complete", "upstream_error", (1.0, 0.0)),
        ("complete", "empty", (1.0, 0.0)),
        ("stream_error", "complete", (0.0, 1.0)),
        ("truncated", "upstream_error", (0.0, 0.0)),
        ("complete", "client_cancelled", (None, None)),
        ("client_error", "upstream_error", (None, None)),
    ],
)
def test_a_half_of_a_pair_that_failed_is_the_worse_one_in_a_score(
    outcome: str, other_outcome: str, values: tuple[float | None, float | None]
) -> None:
    """Or a candidate would be proven by those of its answers that did not fail."""
    stage = Stage(Knowing({}))
    pair = sampled(  # as workers tell of it, whichever half has no text
        answer=None, outcome=outcome, other=None, other_outcome=other_outcome
    )

    stage.desk.take(message([pair]))

    found = {each.signal: (each.baseline, each.candidate) for each in stage.pairs}
    assert found == {"judge:relevance": values, "judge:hallucination": (None, None)}


def test_a_flag_of_which_less_is_worse_is_not_raised_by_a_half_that_failed() -> None:
    found = Score(name="answer_in_context", is_flag=True)
    service = replace(CHAT, evaluators=(replace(JUDGE, scores=(found,)),))
    stage = Stage(Knowing({}), service)
    pair = sampled(answer=None, outcome="complete", other=None, other_outcome="empty")

    stage.desk.take(message([pair]))

    [told] = stage.pairs
    assert (told.baseline, told.candidate) == (1.0, 0.0)


def test_a_message_heard_before_changes_nothing() -> None:
    stage = Stage(Knowing({}))
    failed = sampled(answer=None, outcome="empty")

    stage.desk.take(message([failed]))
    stage.desk.take(message([failed]))
    assert len(stage.judged_) == 2

    stage.desk.take(message([failed], sequence=2))
    stage.desk.take(message([failed], sequence=1, pid=8))
    assert len(stage.judged_) == 6


def test_another_configuration_begins_anew_and_the_same_goes_on() -> None:
    stage = Stage(Knowing({}))
    (before,) = stage.desk.benches()
    stage.desk.use([replace(CHAT, baseline="v2")])
    assert stage.desk.benches() == [before]

    stage.desk.use([replace(CHAT, evaluators=(replace(JUDGE, sample=1.0),))])
    assert stage.desk.benches() != [before]

    stage.desk.use([])
    assert stage.desk.benches() == []
    stage.desk.take(message([sampled()]))
    assert stage.judged_ == []
