"""Samples wait within bounds, leave a few at a time, and are dropped blind."""

from dataclasses import replace

from gateway.domain.evaluation import Sampling
from gateway.domain.units import Bytes
from gateway.handoff.samples import Sample, Texts
from gateway.proxy.sampling import MESSAGE, Samples

SLOW = Sampling(queued=Bytes(10_000), per_second=Bytes(1_000))
QUICK = Sampling(queued=Bytes(10_000_000), per_second=Bytes(10_000_000))


def sample(answer: str | None = "yes", service: str = "chat") -> Sample:
    return Sample(
        service=service,
        versions=("v1", "v2"),
        revision=1,
        is_candidate=True,
        fingerprint=1,
        draw=1,
        exchange=1,
        arrived=1.0,
        ended=2.0,
        is_evidence=True,
        segments=0,
        cell=b"",
        outcome="complete",
        texts=Texts(
            prompt="why", context=(), reference=None, answer=answer, is_cut=False
        ),
    )


def holding(sampling: Sampling, *answers: str | None) -> Samples:
    """Give each answer to a queue, if there is room."""
    samples = Samples()
    samples.use({"chat": sampling})
    for answer in answers:
        if samples.has_room("chat"):
            samples.add(sample(answer))
    return samples


def test_whether_there_is_room_does_not_depend_on_what_was_said() -> None:
    """Else short answers, and failures, would get through where long ones do not."""
    long, short = "x" * 9_700, None

    for second in (long, short):
        samples = holding(SLOW, long, second, short)
        assert len(samples.take(all_at_once=True)) == 2
        assert samples.dropped == {"chat": 1}


def test_a_second_sends_no_more_than_it_may_and_a_long_one_is_made_up_for() -> None:
    samples = holding(SLOW, *["x" * 700] * 9)
    samples.earn(100.0)

    assert len(samples.take()) == 2  # the second goes beyond, and is owed
    assert samples.take() == []
    samples.earn(100.9)
    assert samples.take() == []
    samples.earn(101.0)
    assert len(samples.take()) == 1


def test_a_pause_does_not_save_up_more_than_a_second() -> None:
    samples = holding(SLOW, *["x" * 700] * 9)

    samples.earn(100.0)
    samples.earn(5_000.0)

    assert len(samples.take()) == 2


def test_a_message_is_small_so_that_evidence_does_not_wait_behind_it() -> None:
    samples = holding(QUICK, *["x" * 1_000] * 200)

    messages = []
    while some := samples.take():
        messages.append(some)

    assert sum(map(len, messages)) == 200
    assert all(len(some) <= MESSAGE // 1_000 for some in messages)


def test_wide_characters_count_as_the_bytes_they_take() -> None:
    narrow, wide = (
        holding(QUICK, *[letter * 1_000] * 200).take() for letter in ("x", "漢")
    )

    assert len(wide) < len(narrow) / 2


def test_at_the_end_everything_is_sent() -> None:
    samples = holding(SLOW, *["x" * 700] * 9)

    left = []
    while some := samples.take(all_at_once=True):
        left += some

    assert len(left) == 9


def test_what_nobody_would_judge_any_more_is_forgotten_and_not_counted() -> None:
    samples = holding(SLOW, "yes")

    samples.use({"other": SLOW})

    assert not samples.has_room("chat")
    samples.add(sample())
    assert samples.take(all_at_once=True) == []
    assert samples.dropped == {}


def test_another_configuration_keeps_what_waits() -> None:
    samples = holding(SLOW, "yes")

    samples.use({"chat": replace(SLOW, queued=Bytes(1))})

    assert not samples.has_room("chat")
    assert samples.dropped == {"chat": 1}
    assert len(samples.take(all_at_once=True)) == 1
