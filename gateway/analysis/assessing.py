"""From wealth to verdicts: what regressed, what is proven, what is missing.

Worst wins. What cannot be computed holds: it neither rolls back nor promotes.
"""

from dataclasses import dataclass, field
from math import log
from typing import Final

from gateway.analysis.counts import FRESH
from gateway.analysis.design import Design, Kind, Metric
from gateway.analysis.estimates import estimates, interval
from gateway.analysis.geometric import FAILED_BIN
from gateway.analysis.limits import Limits
from gateway.analysis.mirrored import Mirrored
from gateway.analysis.proofs import Proofs
from gateway.analysis.regressions import Regressions
from gateway.analysis.sample_ratio import SampleRatio
from gateway.analysis.shares import log_threshold
from gateway.analysis.trial_process import Key
from gateway.domain.rollout import OnFailure
from gateway.domain.verdict import Assessment, Finding, Verdict

_MANY: Final = 5
"""Times minimum_units: after so many units of the candidate, a default metric of which
nothing was measured is none that this traffic has."""

_SEVEREST: Final = tuple(OnFailure)


@dataclass(slots=True, kw_only=True)
class Step:
    """What was counted in the current step.

    Attributes:
        rung: Of the ladder; None: nothing has to be proven.
        is_mirrored: Mirrored pairs decide, and not the coin.
        units: See Counts.in_step.
        in_cells: See Counts.in_cells.
        counted: By metric: units over all, of both versions.
        measured: The same, but for amounts of exchanges that failed: they say nothing of
            whether there is such an amount.

    """

    rung: int | None = None
    is_mirrored: bool = False
    units: list[int] = field(default_factory=lambda: [0, 0])
    in_cells: dict[int, int] = field(default_factory=dict)
    counted: dict[int, int] = field(default_factory=dict)
    measured: dict[int, int] = field(default_factory=dict)

    def count(self, number: int, metric: Metric, bins: dict[int, int]) -> None:
        """Count units of a metric."""
        units = sum(bins.values())
        self.counted[number] = self.counted.get(number, 0) + units
        if metric.kind is Kind.DISTRIBUTION:
            units -= bins.get(FAILED_BIN, 0)
        self.measured[number] = self.measured.get(number, 0) + units


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that verdicts are made from."""

    design: Design
    regressions: Regressions
    proofs: Proofs
    mirrored: Mirrored
    limits: Limits
    ratio: SampleRatio
    step: Step


def assess(evidence: Evidence) -> Assessment:
    """Sum up what is known."""
    design, step = evidence.design, evidence.step
    regressed = _regressed(evidence)
    integrity = _integrity(evidence)
    asked = _asked(evidence)
    names = [metric.name for metric in design.metrics]
    missing = [number for number in asked if _is_missing(evidence, number)]
    unproven = [
        number
        for number in asked
        if number not in missing and not _is_proven(evidence, number)
    ]
    failed = any(finding.on_failure is not OnFailure.WARN for finding in regressed)
    return Assessment(
        regressed=regressed,
        proven=bool(asked) and not (missing or unproven or failed or integrity),
        unproven=tuple(names[number] for number in unproven),
        no_data=tuple(names[number] for number in missing),
        left_out=tuple(
            name for number, name in enumerate(names) if _is_left_out(evidence, number)
        ),
        baseline_units=step.units[0],
        candidate_units=step.units[1],
        short_segments=tuple(
            design.cells[cell - 1]
            for cell in design.required_cells
            if step.in_cells.get(cell, 0) < design.minimum_units
        ),
        integrity=integrity,
        units_needed=_units_needed(evidence, [*missing, *unproven]),
    )


def findings(evidence: Evidence, *, intervals: bool) -> list[Finding]:
    """Say what is known of metrics over all, of segments with units, and of ceilings."""
    design = evidence.design
    return [
        finding_of(evidence, number, cell, intervals=intervals)
        for number in range(len(design.metrics))
        for cell in range(1 + len(design.cells))
        if not cell or _nearest(evidence, number, cell) is not None
    ] + [_ceiling(evidence, number) for number in evidence.limits.by_metric]


def finding_of(
    evidence: Evidence, number: int, cell: int, *, intervals: bool = False
) -> Finding:
    """Say what is known of a metric in a cell, by the process nearest its threshold."""
    design = evidence.design
    metric = design.metrics[number]
    asks = evidence.step.rung is not None and not cell
    found = _nearest(evidence, number, cell) or _Near(
        0.0, log_threshold(design, number, cell, FRESH)
    )
    tally = found.key and evidence.regressions.process(found.key).tally
    pairs = evidence.mirrored.of(number, cell) if found.is_mirrored else None
    seen = pairs.estimates() if pairs else (None, None)
    units = [pairs.units, pairs.units] if pairs else [0, 0]
    range_ = None
    if tally:
        seen, units = estimates(metric, tally.by_coin), tally.units
        range_ = interval(metric, tally.by_coin) if intervals else None
    return Finding(
        metric=metric.name,
        segment=design.cells[cell - 1] if cell else None,
        on_failure=metric.on_failure,
        verdict=_verdict(evidence, number, cell, found),
        log_e=found.log_e,
        log_threshold=found.log_threshold,
        window=found.key.process if found.key and found.key.process >= 0 else None,
        log_proof=_log_proof(evidence, number) if asks else None,
        log_proof_threshold=-log(design.beta) if asks else None,
        baseline_units=units[0],
        candidate_units=units[1],
        baseline=seen[0],
        candidate=seen[1],
        low=range_.low if range_ else None,
        high=range_.high if range_ else None,
        is_mirrored=found.is_mirrored,
        is_left_out=asks and _is_left_out(evidence, number),
    )


@dataclass(frozen=True, slots=True)
class _Near:
    """The wealth that is nearest to its threshold, or furthest above it."""

    log_e: float
    log_threshold: float
    key: Key | None = None
    is_mirrored: bool = False

    @property
    def excess(self) -> float:
        return self.log_e - self.log_threshold


def _nearest(evidence: Evidence, number: int, cell: int) -> _Near | None:
    found = []
    key = evidence.regressions.nearest(number, cell)
    if key is not None:
        process = evidence.regressions.process(key)
        found.append(_Near(process.mixture.total(), process.log_threshold, key))
    if evidence.mirrored.is_there(number, cell):
        log_e = evidence.mirrored.of(number, cell).log_e
        limit = evidence.mirrored.log_threshold(number, cell)
        found.append(_Near(log_e, limit, is_mirrored=True))
    return max(found, key=lambda near: near.excess, default=None)


def _verdict(evidence: Evidence, number: int, cell: int, found: _Near) -> Verdict:
    if found.excess >= 0:
        return Verdict.REGRESSED
    if cell or evidence.step.rung is None:
        has_units = found.key is not None or found.is_mirrored
        return Verdict.UNDECIDED if has_units else Verdict.NO_DATA
    if _is_missing(evidence, number) or _is_left_out(evidence, number):
        return Verdict.NO_DATA
    return Verdict.SAFE if _is_proven(evidence, number) else Verdict.UNDECIDED


def _regressed(evidence: Evidence) -> tuple[Finding, ...]:
    """Give one finding for each metric and cell that crossed, by whichever process.

    Those that roll back come first, a ceiling (which only pauses) after them; among equals
    the one that is furthest above its threshold.
    """
    spots = {(key.metric, key.cell) for key in evidence.regressions.crossed()}
    spots |= evidence.mirrored.crossed()
    found = [finding_of(evidence, *spot) for spot in spots]
    found += [_ceiling(evidence, number) for number in evidence.limits.crossed()]
    return tuple(sorted(found, key=_severity))


def _severity(finding: Finding) -> tuple[bool, int, float]:
    answer = _SEVEREST.index(finding.on_failure)
    return finding.is_ceiling, answer, finding.log_threshold - finding.log_e


def _ceiling(evidence: Evidence, number: int) -> Finding:
    metric = evidence.design.metrics[number]
    limit = evidence.limits.by_metric[number]
    threshold = evidence.limits.log_threshold
    candidate = limit.estimate
    if candidate is None and (key := evidence.regressions.nearest(number, 0)):
        tally = evidence.regressions.process(key).tally
        candidate = estimates(metric, tally.by_coin)[1]
    verdict = Verdict.UNDECIDED if limit.units else Verdict.NO_DATA
    return Finding(
        metric=metric.name,
        on_failure=metric.on_failure,
        verdict=Verdict.REGRESSED if limit.log_e >= threshold else verdict,
        log_e=limit.log_e,
        log_threshold=threshold,
        candidate_units=limit.units,
        candidate=candidate,
        is_ceiling=True,
    )


def _integrity(evidence: Evidence) -> str | None:
    alpha = evidence.design.sample_ratio_alpha
    if evidence.ratio.log_e < -log(alpha):
        return None
    baseline, candidate, expected = evidence.ratio.totals()
    return (
        f"{candidate} of {baseline + candidate} units went to the candidate, and the coins"
        f" say about {expected:.0f}: odds of more than {1 / alpha:.0f} : 1 that units were"
        " lost, or sent otherwise."
    )


def _asked(evidence: Evidence) -> list[int]:
    """Give the metrics that must be proven in this step."""
    if evidence.step.rung is None:
        return []
    return [
        number
        for number, metric in enumerate(evidence.design.metrics)
        if metric.on_failure is not OnFailure.WARN
        and not _is_left_out(evidence, number)
    ]


def _is_missing(evidence: Evidence, number: int) -> bool:
    """Whether nothing was heard of a metric in this step; of feedback: nothing is awaited.

    Each unit of a step is awaited until its deadline: that is no silence yet.
    """
    step, metric = evidence.step, evidence.design.metrics[number]
    is_awaited = metric.is_late and any(step.units)
    return not step.counted.get(number) and not is_awaited


def _is_left_out(evidence: Evidence, number: int) -> bool:
    """See Assessment.left_out. Blind to the versions: one that lost its streams is not."""
    step, metric = evidence.step, evidence.design.metrics[number]
    if step.rung is None:
        return False
    if step.is_mirrored and not metric.has_pairs:
        return True
    return (
        metric.is_default
        and not step.measured.get(number)
        and step.units[1] >= _MANY * evidence.design.minimum_units
    )


def _is_proven(evidence: Evidence, number: int) -> bool:
    if evidence.step.is_mirrored:
        return evidence.mirrored.is_proven(number)
    return evidence.proofs.is_proven(number)


def _log_proof(evidence: Evidence, number: int) -> float:
    if evidence.step.is_mirrored:
        return evidence.mirrored.log_proof(number)
    return evidence.proofs.log_e(number)


def _units_needed(evidence: Evidence, numbers: list[int]) -> int | None:
    """Estimate what the slowest proof needs; 0 when all are made."""
    if evidence.step.rung is None or evidence.step.is_mirrored:
        return None
    most = 0
    for number in numbers:
        for proof in evidence.proofs.of(number):
            if proof.is_proven(evidence.design.beta):
                continue
            needed = proof.units_needed(evidence.design.beta)
            if needed is None:
                return None
            most = max(most, needed)
    return most
