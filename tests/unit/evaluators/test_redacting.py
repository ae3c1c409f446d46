"""No text of a sample reaches a judge with what its service wants nobody to see."""

from dataclasses import replace

import msgspec

from gateway.domain.evaluation import Sampling
from gateway.domain.service import Service
from gateway.evaluators.redacting import redacted
from gateway.handoff.samples import Sample, Texts

KEY = "sk-abcdefghijklmnopqrstuvwxyz"
SERVICE = Service(name="chat", versions=(), baseline="v1")
SAMPLE = Sample(
    service="chat",
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
    cell=b"\1",
    outcome="complete",
    texts=Texts(
        prompt=f"prompt {KEY}",
        context=(f"one {KEY}", "two a@b.org"),
        reference=f"reference {KEY}",
        answer=f"answer {KEY}",
        is_cut=True,
    ),
    other=f"other {KEY}",
    other_outcome="complete",
)


def with_samples(**settings: object) -> Service:
    return replace(SERVICE, sampling=Sampling(**settings))  # type: ignore[arg-type]


def test_every_text_is_looked_through_and_nothing_else_is_changed() -> None:
    left = redacted(SAMPLE, SERVICE)

    assert left.texts == Texts(
        prompt="prompt [API_KEY]",
        context=("one [API_KEY]", "two [EMAIL]"),
        reference="reference [API_KEY]",
        answer="answer [API_KEY]",
        is_cut=True,
    )
    assert left.other == "other [API_KEY]"
    assert msgspec.structs.replace(left, texts=SAMPLE.texts, other=SAMPLE.other) == (
        SAMPLE
    )
    assert KEY.encode() not in msgspec.msgpack.encode(left)


def test_what_is_unknown_stays_unknown() -> None:
    nothing = Texts(prompt=None, context=(), reference=None, answer=None, is_cut=False)
    empty = msgspec.structs.replace(
        SAMPLE, texts=nothing, other=None, other_outcome=None
    )

    assert redacted(empty, SERVICE) == empty


def test_each_service_has_rules_of_its_own() -> None:
    assert redacted(SAMPLE, with_samples(redact=())) is SAMPLE
    own = with_samples(redact=(), patterns=(("word", "prompt|answer"),))
    assert redacted(SAMPLE, own).texts.answer == f"[WORD] {KEY}"
