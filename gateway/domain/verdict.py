"""What the analyzer concludes: one verdict a metric and segment, and their sum.

Made by analysis/, read by delivery/ (which decides) and by people (why).
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from gateway.domain.rollout import OnFailure


class Verdict(StrEnum):
    """What is known of a metric; from bad to good, the worst wins."""

    REGRESSED = "regressed"
    NO_DATA = "no_data"
    UNDECIDED = "undecided"
    SAFE = "safe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """What came of judging one score, since the rollout began; units and pairs.

    Attributes:
        sample: Part of the keys that is to be judged.
        sampled: How many were to be judged and are settled.
        judged: Those with a value.
        failed: Those that the judge failed on.
        unsaid: Those it had nothing to say of.
        is_down: Nothing but failures has come for a while.
        log_e: Of the test that judging fails on both versions alike.
        log_threshold: Of that; crossed, nothing can be proven.
        pairs_won: Judged pairs in which the candidate's answer was better.
        pairs_tied: Those in which neither was.
        pairs_lost: Those in which the baseline's was.
        controls: Judged pairs of two answers of the baseline.
        noise: Mean distance of their scores, which no version is the cause of; None:
            there are none.
        controls_won: Those in which one of the two was found better.
        served_first: Of these, the ones in which it was the one the client got.
        served_second: Those in which it was the copy's.
        shown_first: Of the controls that the judge saw side by side, those in which it
            preferred what it was shown first.
        shown_second: The same of what it was shown second.
        shown_tied: Those in which it preferred neither.
        log_e_controls: Of the test that the judge is blind to the order in which answers
            were given, or that of the order they are shown in, whichever is further.
        log_threshold_controls: Of these; crossed, nothing can be proven.

    """

    sample: float
    sampled: int
    judged: int
    failed: int
    unsaid: int
    is_down: bool
    log_e: float
    log_threshold: float
    pairs_won: int = 0
    pairs_tied: int = 0
    pairs_lost: int = 0
    controls: int = 0
    noise: float | None = None
    controls_won: int = 0
    served_first: int = 0
    served_second: int = 0
    shown_first: int = 0
    shown_second: int = 0
    shown_tied: int = 0
    log_e_controls: float = 0.0
    log_threshold_controls: float = inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of one metric in one segment.

    Attributes:
        metric: Its name.
        segment: (segment, value); None: over all.
        on_failure: What the metric's failure leads to.
        verdict: See Verdict.
        log_e: Natural log of its largest current wealth against "not worse", over its
            fresh process and its windows, each measured against its own threshold:
            the one that is nearest.
        log_threshold: Of that one; crossed when log_e >= log_threshold.
        window: The number of that window; None: the fresh process.
        log_proof: Of its proof of "not worse than the margin" in this step; None where
            nothing has to be proven (segments), or there is none yet.
        log_proof_threshold: Of that.
        baseline_units: That counted in the process of log_e: since the rollout began, or
            in its window.
        candidate_units: The same.
        baseline: Estimate of the statistic, in its own unit; None: no data.
        candidate: The same.
        low: Of an interval for candidate/baseline (rates, distributions) or for
            candidate - baseline (means), for display; None: not computed.
        high: The same.
        is_ceiling: This is about the absolute ceiling, which no alpha protects.
        is_mirrored: log_e and units are of mirrored pairs.
        is_left_out: It is not asked to be proven in this step; see Assessment.left_out.
        judgements: Of a score, over all; None of anything else.

    """

    metric: str
    segment: tuple[str, str] | None = None
    on_failure: OnFailure = OnFailure.ROLLBACK
    verdict: Verdict
    log_e: float = 0.0
    log_threshold: float
    window: int | None = None
    log_proof: float | None = None
    log_proof_threshold: float | None = None
    baseline_units: int = 0
    candidate_units: int = 0
    baseline: float | None = None
    candidate: float | None = None
    low: float | None = None
    high: float | None = None
    is_ceiling: bool = False
    is_mirrored: bool = False
    is_left_out: bool = False
    judgements: Judgements | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is known of a rollout at one look.

    Attributes:
        regressed: Findings that crossed, those that roll back first, then by how far.
        proven: Every metric of the plan is proven within its margin in this step, but
            for those that only warn and those left out; none has regressed, and nothing
            is wrong with the units. Never where nothing had to be proven.
        unproven: Names of metrics that have units and are not, in the plan's order; of
            feedback also while its units are awaited.
        no_data: Names of metrics without any unit in this step, and of scores whose
            judge only fails; they hold it.
        left_out: Names of metrics that are not asked for in this step: default ones of
            which nothing was measured on either version, though others were measured in
            many of the same exchanges (what is never streamed has no first token), and
            what pairs do not tell (amounts, cancellations) where mirrored pairs decide.
        baseline_units: In this step.
        candidate_units: In this step.
        is_mirrored: Those units are mirrored pairs.
        short_segments: Required segments that still lack units in this step.
        integrity: Why nothing can be proven, in a sentence; None: nothing is wrong.
        lost_pairs: Mirrored pairs, since the rollout began, with a half that the gateway
            lost: they are counted as what is worst for each verdict.
        stopped_pairs: The same with one that the end of a worker cut off: no evidence.
        units_needed: About how many candidate units more until it is proven; None:
            unknown.
        is_dry: Hardly any key that comes was not seen in this step before.

    """

    regressed: tuple[Finding, ...] = ()
    proven: bool = False
    unproven: tuple[str, ...] = ()
    no_data: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    baseline_units: int = 0
    candidate_units: int = 0
    is_mirrored: bool = False
    short_segments: tuple[tuple[str, str], ...] = ()
    integrity: str | None = None
    lost_pairs: int = 0
    stopped_pairs: int = 0
    units_needed: int | None = None
    is_dry: bool = False

    @property
    def shortage(self) -> str | None:
        """Why no more evidence is to be waited for, and what to do; None: it may come."""
        if not self.is_dry or self.proven or not (self.unproven or self.no_data):
            return None
        units, ours = self.baseline_units + self.candidate_units, self.candidate_units
        seen = f"All {units:,} keys that come were seen in this step, "
        seen += f"{ours:,}" if ours else "none"
        takes = "they do not prove what they have to"
        if self.units_needed is not None:
            takes = f"its margins take about {ours + self.units_needed:,}"
        return (
            f"{seen} of them on the candidate, and {takes}. Promote by hand, or begin "
            "again with a wider margin or a higher weight."
        )
