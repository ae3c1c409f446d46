"""What leaves a worker to be judged: of whom, when, and what of it."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gateway.domain.evaluation import Evaluator, EvaluatorKind, Sampling, Score
from gateway.domain.rollout import MirrorLimits, SetMirrorRoute
from gateway.domain.service import Deadlines, Override
from gateway.domain.units import Bytes, Seconds, Share
from gateway.handoff.samples import Sample
from tests.flows.chat import STREAM, ask, asked, hanging, streamed, whole
from tests.flows.scripted import Upstream, answering, get
from tests.flows.stage import ALL, Stage, service, table, until, version

ANN = b"X-User-Id: ann"
HALF = 50_000
ALL_BUT_NONE = 99_999
EVERY = SetMirrorRoute(name="shadow", share=ALL)
PAIRS: dict[str, Any] = {
    "mirror_routes": (EVERY,),
    "mirror": MirrorLimits(control=Share(0)),
}


def judge(sample: float = 1.0, name: str = "judge") -> Evaluator:
    """Make somebody who judges; nobody asks it here."""
    scores = (Score(name="relevance"),)
    return Evaluator(
        name=name, kind=EvaluatorKind.LLM_JUDGE, scores=scores, sample=sample
    )


@dataclass
class Judged:
    """Two versions whose answers are judged."""

    stage: Stage
    one: Upstream
    two: Upstream
    taken: list[Sample] = field(default_factory=list)

    def serve(
        self,
        share: int = ALL_BUT_NONE,
        *,
        evaluators: tuple[Evaluator, ...] = (judge(),),
        slow: Deadlines | None = None,
        routed: dict[str, Any] | None = None,
        **settings: object,
    ) -> None:
        chat = service(
            version("v1", self.one),
            version("v2", self.two, **({"deadlines": slow} if slow else {})),
            evaluators=evaluators,
            **settings,
        )
        made = table(chat, share=share, **(routed or {}))
        self.stage.serve(made, self.one, self.two)

    async def ask(self, *lines: bytes, body: bytes = b"") -> None:
        client = await self.stage.client()
        await client.ask(ask(body or asked(), *(lines or (ANN,))))

    async def samples(self, number: int = 1) -> list[Sample]:
        """Wait for so many samples; give all there are by then."""
        assert await until(lambda: self.count() >= number)
        return self.taken

    def count(self) -> int:
        self.taken += self.stage.gateway.samples()
        return len(self.taken)

    async def when_counted(self, name: str, number: int) -> int:
        """Give the number of samples when so many exchanges of a version are over."""

        def are_over() -> bool:
            return sum(self.stage.gateway.outcomes(name).values()) >= number

        assert await until(are_over)
        return self.count()


async def judged(stage: Stage, one: bytes = b"", two: bytes = b"") -> Judged:
    """Let two versions answer."""
    return Judged(
        stage,
        await answering(one or whole("the old one")),
        await answering(two or whole("the new one")),
    )


async def test_a_sample_says_what_was_asked_and_said_and_how_to_find_its_unit(
    stage: Stage,
) -> None:
    act = await judged(stage)
    act.serve(sampling=Sampling(reference="/metadata/expected"))
    body = asked(says="Which one?", metadata={"expected": "The new one."})

    await act.ask(body=body)

    (sample,) = await act.samples()
    (record,) = [r for block in stage.gateway.blocks() for r in block.records]
    assert sample.texts.prompt == "Which one?"
    assert sample.texts.answer == "the new one"
    assert sample.texts.reference == "The new one."
    assert not sample.texts.is_cut
    assert (sample.service, sample.versions) == ("chat", ("v1", "v2"))
    assert (sample.is_candidate, sample.is_evidence) == (True, True)
    assert (sample.fingerprint, sample.arrived) == (record.fingerprint, record.arrived)
    assert sample.outcome == "complete"
    assert sample.other is sample.other_outcome is None
    assert sample.ended >= sample.arrived


async def test_a_sample_knows_its_place_in_a_trace_that_is_recorded(
    stage: Stage,
) -> None:
    act = await judged(stage)
    act.serve()
    trace = b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    await act.ask(ANN, trace)
    await act.ask(b"X-User-Id: bob")

    known, bare = await act.samples(2)
    told = act.two.requests[0]["traceparent"].split("-")
    assert (known.trace, known.span) == (told[1], told[2])
    assert bare.trace is bare.span is None


async def test_a_stream_is_judged_as_a_whole(stage: Stage) -> None:
    act = await judged(stage, two=streamed(STREAM))
    act.serve()

    await act.ask(body=asked(stream=True))

    (sample,) = await act.samples()
    assert sample.texts.answer == "Hi there"


async def test_passages_are_sampled_where_the_configuration_says_they_are(
    stage: Stage,
) -> None:
    act = await judged(stage)
    act.serve(context="/documents")

    await act.ask(body=asked(documents=["one", {"text": "two"}]))

    (sample,) = await act.samples()
    assert sample.texts.context == ("one", "two")


async def test_only_the_first_exchange_of_a_key_is_sampled(stage: Stage) -> None:
    act = await judged(stage)
    act.serve()

    for _ in range(3):
        await act.ask()

    assert await act.when_counted("v2", 3) == 1


@pytest.mark.parametrize("share", [0, ALL])
async def test_what_no_coin_decided_is_not_sampled(stage: Stage, share: int) -> None:
    act = await judged(stage)
    act.serve(share)

    await act.ask()

    assert await act.when_counted("v2" if share else "v1", 1) == 0


async def test_who_was_told_where_to_go_is_not_sampled(stage: Stage) -> None:
    act = await judged(stage)
    override = Override(header="x-sluicegate-version", senders=("127.0.0.0/8",))
    act.serve(override=override)

    await act.ask(ANN, b"x-sluicegate-version: v1")

    assert await act.when_counted("v1", 1) == 0


async def test_what_asks_no_model_is_not_sampled(stage: Stage) -> None:
    act = await judged(stage)
    act.serve()
    client = await stage.client()

    await client.ask(get(b"/v1/models", ANN))

    assert await act.when_counted("v2", 1) == 0


async def test_a_service_without_evaluators_is_not_sampled(stage: Stage) -> None:
    act = await judged(stage)
    act.serve(evaluators=())

    await act.ask()

    assert await act.when_counted("v2", 1) == 0


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "upstream_error"),
        (b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", "client_error"),
        (streamed(b'data: {"error": {"message": "oom"}}\n\n'), "stream_error"),
    ],
    ids=["500", "400", "error event"],
)
async def test_a_failure_is_told_without_texts(
    stage: Stage, answer: bytes, outcome: str
) -> None:
    """Left out, those who are judged would be chosen by what became of them."""
    act = await judged(stage, two=answer)
    act.serve()

    await act.ask(body=asked(stream=True))

    (sample,) = await act.samples()
    assert sample.outcome == outcome
    assert sample.texts.prompt is sample.texts.answer is None
    assert sample.is_evidence


async def test_the_same_keys_are_sampled_on_both_versions_and_more_where_more_are(
    stage: Stage,
) -> None:
    act = await judged(stage)
    act.serve(HALF, evaluators=(judge(0.2), judge(0.5, "other")))
    keys = [f"X-User-Id: user-{number}".encode() for number in range(60)]
    for key in keys:
        await act.ask(key)
    assert await until(
        lambda: (
            sum(sum(stage.gateway.outcomes(name).values()) for name in ("v1", "v2"))
            == 60
        )
    )

    first = {sample.fingerprint: sample.draw for sample in await act.samples(10)}
    assert 15 <= len(first) <= 45
    assert all(draw < 2**31 for draw in first.values())
    assert {sample.is_candidate for sample in act.taken} == {True, False}

    less = service(
        version("v1", act.one), version("v2", act.two), evaluators=(judge(0.2),)
    )
    new = table(less, share=HALF + 1, epoch=2)
    routed = tuple(replace(each, revision=2) for each in new.services)
    stage.gateway.use(replace(new, services=routed))
    act.taken.clear()
    for key in keys:
        await act.ask(key)
    fewer = {sample.fingerprint: sample.draw for sample in await act.samples(1)}
    assert fewer.items() < first.items()
    assert len({sample.exchange for sample in act.taken}) == len(act.taken)


async def test_a_request_without_a_key_is_a_unit_of_its_own(stage: Stage) -> None:
    act = await judged(stage)
    act.serve()

    await act.ask(b"X-Nobody: at all")
    await act.ask(b"X-Nobody: at all")

    one, two = await act.samples(2)
    records = [r for block in stage.gateway.blocks() for r in block.records]
    assert {one.fingerprint, two.fingerprint} == {r.fingerprint for r in records}
    assert one.draw != two.draw


async def test_a_late_answer_is_judged_when_it_is_there(stage: Stage) -> None:
    """That it was late is told by its record."""
    act = Judged(stage, await answering(whole()), await hanging())
    act.serve(slow=Deadlines(first_token=Seconds(0.05)))
    client = await stage.client()
    await client.send(ask(asked(stream=True), ANN))
    await client.read_head()
    assert await until(stage.gateway.blocks)
    assert not act.count()

    client.close()

    (sample,) = await act.samples()
    assert sample.outcome == "client_cancelled"
    assert sample.texts.answer is None


async def test_both_answers_to_a_mirrored_request_are_sampled(stage: Stage) -> None:
    act = await judged(stage)
    act.serve(0, routed=PAIRS)

    await act.ask()
    await act.ask()

    pairs = await act.samples(2)  # any exchange of a key may be one
    for pair in pairs:
        assert (pair.texts.answer, pair.other) == ("the old one", "the new one")
        assert pair.texts.prompt == "Why?"
        assert (pair.outcome, pair.other_outcome) == ("complete", "complete")
        assert not pair.is_evidence


async def test_a_copy_back_to_the_baseline_is_told_the_same_way_round(
    stage: Stage,
) -> None:
    act = await judged(stage)
    act.serve(ALL, routed={"reverse_mirror": ALL})

    await act.ask()

    (pair,) = await act.samples()
    assert (pair.texts.answer, pair.other) == ("the old one", "the new one")


async def test_of_a_pair_with_a_failure_there_are_outcomes_alone(stage: Stage) -> None:
    broken = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
    act = await judged(stage, two=broken)
    act.serve(0, routed=PAIRS)

    await act.ask()

    (pair,) = await act.samples()
    assert (pair.outcome, pair.other_outcome) == ("complete", "upstream_error")
    assert pair.texts.prompt is pair.other is None


async def test_a_mirrored_request_that_a_coin_decided_is_told_twice(
    stage: Stage,
) -> None:
    """As evidence of its own, and as a half of a pair."""
    act = await judged(stage)
    act.serve(1, routed=PAIRS)

    await act.ask()

    samples = await act.samples(2)
    assert {sample.is_evidence for sample in samples} == {True, False}
    assert {sample.other for sample in samples} == {None, "the new one"}


async def test_what_there_is_no_room_for_is_dropped_and_counted(stage: Stage) -> None:
    act = await judged(stage)
    act.serve(sampling=Sampling(queued=Bytes(1)))

    for number in range(3):
        await act.ask(f"X-User-Id: {number}".encode())

    assert await act.when_counted("v2", 3) == 1
    assert stage.gateway.dropped_samples() == {"chat": 2}


async def test_a_long_text_is_cut_in_the_middle_and_says_so(stage: Stage) -> None:
    text = " ".join(str(number) for number in range(1_000))
    act = await judged(stage, two=whole(text))
    act.serve(sampling=Sampling(longest=500))

    await act.ask(body=asked(says=text))

    (sample,) = await act.samples()
    for cut in (sample.texts.prompt, sample.texts.answer):
        assert cut is not None
        assert len(cut) <= 503
        assert cut.startswith("0 1 2")
        assert cut.endswith("998 999")
        assert " … " in cut
    assert sample.texts.is_cut
