"""Two answers of the baseline to one request: what is sent, to whom, and what is told."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from gateway.domain.evaluation import Evaluator, EvaluatorKind
from gateway.domain.price import Price
from gateway.domain.rollout import MirrorLimits
from gateway.domain.service import PoolLimits
from gateway.domain.units import Share
from gateway.handoff.samples import Sample
from tests.flows.chat import whole
from tests.flows.scripted import Upstream, answering
from tests.flows.stage import ALL, Stage, service, table, until, version
from tests.flows.test_mirrors import QUESTION
from tests.flows.test_samples import EVERY, judge

ALWAYS = MirrorLimits(control=Share(ALL))
PRICE = Price(input=1e6, output=1e6)


@dataclass
class Controlled:
    """A baseline whose requests are copied, to be compared."""

    stage: Stage
    one: Upstream
    two: Upstream

    def serve(
        self,
        *evaluators: Evaluator,
        share: int = 0,
        mirror: MirrorLimits = ALWAYS,
        first: dict[str, Any] | None = None,
        **routed: Any,
    ) -> None:
        chat = service(
            version("v1", self.one, price=PRICE, **(first or {})),
            version("v2", self.two, price=PRICE),
            evaluators=evaluators,
        )
        routed = {"mirror_routes": (EVERY,), **routed}
        made = table(chat, share=share, mirror=mirror, **routed)
        self.stage.serve(made, self.one, self.two)

    async def ask(self, times: int = 1) -> None:
        client = await self.stage.client()
        for _ in range(times):
            answer = await client.ask(QUESTION)
            assert answer.status == 200

    async def samples(self, number: int) -> list[Sample]:
        taken: list[Sample] = []

        def are_there() -> bool:
            taken.extend(self.stage.gateway.samples())
            return len(taken) >= number

        assert await until(are_there)
        assert await until(lambda: not self.stage.gateway.unrest())
        return taken


async def controlled(stage: Stage) -> Controlled:
    return Controlled(
        stage, await answering(whole("the old one")), await answering(whole("new"))
    )


async def test_a_control_goes_to_the_baseline_again_and_to_the_judge(
    stage: Stage,
) -> None:
    act = await controlled(stage)
    act.serve(judge())

    await act.ask()

    (sample,) = await act.samples(1)
    assert sample.is_control
    assert (sample.texts.answer, sample.other) == ("the old one", "the old one")
    assert (sample.outcome, sample.other_outcome) == ("complete", "complete")
    assert not sample.is_evidence
    assert (len(act.one.requests), len(act.two.requests)) == (2, 0)
    original, copy = act.one.requests
    assert (original.first, original.body) == (copy.first, copy.body)


async def test_it_counts_for_nobody_and_its_cost_is_told_apart(stage: Stage) -> None:
    act = await controlled(stage)
    act.serve(judge())

    await act.ask()
    await act.samples(1)

    gateway = stage.gateway
    assert gateway.pairs() == []
    of_copies, of_candidate = gateway.copies_to("v1"), gateway.copies_to("v2")
    assert of_copies.outcomes == {"complete": 1}
    assert of_copies.cost > 0
    assert (of_candidate.outcomes, of_candidate.cost, of_candidate.tokens) == (
        {},
        0,
        {},
    )
    assert gateway.outcomes("v1") == {"complete": 1}
    assert gateway.outcomes("v2") == {}


async def test_a_part_of_the_copies_are_controls_and_the_others_pairs(
    stage: Stage,
) -> None:
    act = await controlled(stage)
    act.serve(judge(), mirror=MirrorLimits(control=Share(ALL // 2)))

    await act.ask(60)

    samples = await act.samples(60)
    controls = sum(sample.is_control for sample in samples)
    assert 10 < controls < 50
    assert len(act.two.requests) == 60 - controls == len(stage.gateway.pairs())


@pytest.mark.parametrize(
    ("evaluators", "limits", "first"),
    [
        ((), ALWAYS, {}),
        ((replace(judge(), kind=EvaluatorKind.HTTP),), ALWAYS, {}),
        ((judge(1e-9), replace(judge(name="b"), kind=EvaluatorKind.HTTP)), ALWAYS, {}),
        ((judge(),), MirrorLimits(control=Share(0)), {}),
        ((judge(),), ALWAYS, {"limits": PoolLimits(connections=3)}),
    ],
    ids=["nobody", "one by one", "not sampled", "not wanted", "no room for two"],
)
async def test_without_a_judge_of_both_and_room_there_is_no_control(
    stage: Stage,
    evaluators: tuple[Evaluator, ...],
    limits: MirrorLimits,
    first: dict[str, Any],
) -> None:
    act = await controlled(stage)
    act.serve(*evaluators, mirror=limits, first=first)

    await act.ask(3)

    assert await until(lambda: len(act.two.requests) == 3)
    assert len(act.one.requests) == 3


async def test_what_goes_back_to_the_baseline_has_no_control(stage: Stage) -> None:
    act = await controlled(stage)
    act.serve(judge(), share=ALL, mirror_routes=(), reverse_mirror=ALL)

    await act.ask()

    (sample,) = await act.samples(1)
    assert not sample.is_control
    assert (sample.texts.answer, sample.other) == ("the old one", "new")


async def test_a_control_takes_the_place_and_the_tokens_of_a_copy(
    stage: Stage,
) -> None:
    act = await controlled(stage)
    act.serve(judge(), mirror=replace(ALWAYS, tokens_per_minute=1))

    await act.ask()
    await act.samples(1)
    await act.ask(4)

    assert len(act.one.requests) == 6
    assert stage.gateway.copies_to("v2").skipped == {"tokens": 4}
