"""Exchanges as workers record them, and designs to count them by."""

from dataclasses import dataclass, field
from typing import Any

from gateway.analysis.design import Design, Kind, Metric
from gateway.analysis.observe import Thresholds
from gateway.analysis.unit_book import UnitBook
from gateway.domain.rollout import Margin
from gateway.domain.units import Seconds, Share

_MARGINS = (Margin(), Margin(), Margin(), Margin())
NOTHING: Thresholds = {}


@dataclass(kw_only=True)
class Seen:
    """An exchange; what is not said of it is as of a good one."""

    fingerprint: int = 1
    bucket: int | None = 60_000
    is_candidate: bool = False
    arrived: float = 1000.0
    nth: int = 1
    window: int = 7
    nth_in_window: int = 1
    outcome: str = "complete"
    duration: float = 1.0
    is_stream: bool = False
    first_content: float | None = None
    per_token: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    is_late: bool = False
    values: list[tuple[int, float]] = field(default_factory=list)
    cell: bytes = b""
    firsts: int = (1 << 64) - 1
    draw: int | None = None


def metric(signal: str, kind: Kind = Kind.RATE, **more: Any) -> Metric:
    """Make a metric, timing where it is a duration."""
    more.setdefault("is_timing", signal == "duration")
    return Metric(
        name=signal, signal=signal, kind=kind, share=0.5, margins=_MARGINS, **more
    )


def design(*metrics: Metric, **more: Any) -> Design:
    """Make a design; by default of error_rate and duration."""
    chosen = metrics or (
        metric("error_rate"),
        metric("duration", Kind.DISTRIBUTION, quantiles=(0.95,)),
    )
    return Design(metrics=chosen, cell_shares=(), **{"grace": Seconds(30.0), **more})


class Stage:
    """A book at one weight after the other, and exchanges that come to it."""

    def __init__(self, designed: Design | None = None, **more: Any) -> None:
        self.book = UnitBook(designed or design(), **more)
        self.revision = 0
        self.share = Share(0)
        self.cells: dict[tuple[int, int], int] = {}

    def weight(self, percent: float, *, at: float = 1000.0, step: bool = True) -> int:
        """Begin a weight; give its revision."""
        self.revision += 1
        self.share = Share(round(percent * 1000))
        self.book.epoch_begins(self.revision, self.share, Seconds(at), is_new_step=step)
        return self.revision

    def take(
        self,
        *,
        revision: int | None = None,
        share: int | None = None,
        worker: int = 0,
        **said: Any,
    ) -> None:
        """Take an exchange; where it went follows from its bucket."""
        weight = self.share if share is None else Share(share)
        bucket = said.get("bucket", Seen.bucket)
        if bucket is not None:
            said.setdefault("is_candidate", bucket < weight)
        self.book.listen_to(worker)
        self.book.take(
            Seen(**said),
            revision=self.revision if revision is None else revision,
            share=weight,
            names=("refusal", "relevance"),
            cells=self.cells,
        )


@dataclass
class Halves:
    """A mirrored pair."""

    baseline: Seen | None
    candidate: Seen | None
    is_stopped: bool = False
