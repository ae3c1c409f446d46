"""A sample, as tests need it."""

from gateway.handoff.samples import Sample, Texts


def sampled(
    *,
    exchange: int = 1,
    is_candidate: bool = False,
    outcome: str = "complete",
    answer: str | None = "What is said.",
    other: str | None = None,
    other_outcome: str | None = None,
    draw: int = 0,
    ended: float = 1000.0,
    is_evidence: bool = True,
) -> Sample:
    """Make a sample of the service chat, whose versions are v1 and v2."""
    return Sample(
        service="chat",
        versions=("v1", "v2"),
        revision=3,
        is_candidate=is_candidate,
        fingerprint=exchange << 8,
        draw=draw,
        exchange=exchange,
        arrived=ended - 1.0,
        ended=ended,
        is_evidence=is_evidence,
        segments=0,
        cell=b"",
        outcome=outcome,
        texts=Texts(
            prompt="What is asked?",
            context=(),
            reference=None,
            answer=answer,
            is_cut=False,
        ),
        other=other,
        other_outcome=other_outcome,
    )
