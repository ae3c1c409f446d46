"""From wealth to verdicts: what regressed, what is proven, what is missing.

Worst wins. What cannot be computed holds: it neither rolls back nor promotes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import log
from typing import Final, NamedTuple, TypeAlias

from gateway.analysis.control_pairs import preferred
from gateway.analysis.counts import FRESH, Counts, Pair
from gateway.analysis.design import Design
from gateway.analysis.estimates import estimates, interval
from gateway.analysis.intervals import Interval
from gateway.analysis.judging import Judging
from gateway.analysis.limits import Limits
from gateway.analysis.lost_halves import LostHalves
from gateway.analysis.mirrored import Mirrored
from gateway.analysis.proofs import Proofs
from gateway.analysis.regressions import Regressions
from gateway.analysis.sample_ratio import SampleRatio
from gateway.analysis.shares import INTEGRITY_TESTS, log_threshold
from gateway.analysis.step import Step
from gateway.analysis.trial_process import Key
from gateway.domain.rollout import OnFailure
from gateway.domain.verdict import Assessment, Finding, Judgements, Verdict

_MANY: Final = 5
"""Times minimum_units: after so many units of the candidate in another metric that is read
from the same exchanges, one of which nothing was measured is none that this traffic has."""

_SEVEREST: Final = tuple(OnFailure)

_SENT_OTHERWISE: Final = ("were sent to", "sent otherwise")
_LOST: Final = ("went to", "lost, or sent otherwise")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that verdicts are made from.

    Attributes:
        ratio: Of units that have ended.
        came: The sample ratio of units when they come.
        block: Gives the open one, whose units are not in any tally yet.

    """

    design: Design
    regressions: Regressions
    proofs: Proofs
    mirrored: Mirrored
    limits: Limits
    ratio: SampleRatio
    lost: LostHalves
    judging: Judging
    came: SampleRatio
    step: Step
    block: Callable[[], Counts]


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
        is_mirrored=step.is_mirrored,
        short_segments=tuple(
            design.cells[cell - 1]
            for cell in design.required_cells
            if step.in_cells.get(cell, 0) < design.minimum_units
        ),
        integrity=integrity,
        lost_pairs=evidence.lost.lost,
        stopped_pairs=evidence.lost.stopped,
        units_needed=_units_needed(evidence, [*missing, *unproven]),
        is_dry=step.is_dry,
    )


_Open: TypeAlias = Mapping[Key, list[tuple[float, Pair]]]
"""Units of the open block, by process: coin and pair."""


def _opened(block: Counts) -> _Open:
    found: dict[Key, list[tuple[float, Pair]]] = {}
    for (process, coin, metric, cell), pair in block.bins.items():
        found.setdefault(Key(process, metric, cell), []).append((coin, pair))
    return found


def findings(evidence: Evidence, *, intervals: bool) -> Iterator[Finding]:
    """Say what is known of metrics over all, of segments with units, and of ceilings."""
    design, opened = evidence.design, _opened(evidence.block())
    for number in range(len(design.metrics)):
        for cell in range(1 + len(design.cells)):
            if not cell or _nearest(evidence, number, cell) is not None:
                yield _finding(evidence, number, cell, opened, intervals=intervals)
    for number in evidence.limits.by_metric:
        yield _ceiling(evidence, number)


def highest(evidence: Evidence) -> dict[str, float]:
    """Give, by metric, the highest wealth of those nearest to their thresholds."""
    found: dict[str, float] = {}
    for number, metric in enumerate(evidence.design.metrics):
        cells = range(1 + len(evidence.design.cells))
        near = [_nearest(evidence, number, cell) for cell in cells]
        log_es = [each.log_e for each in near if each] or [0.0]
        if number in evidence.limits.by_metric:
            log_es.append(evidence.limits.by_metric[number].log_e)
        found[metric.name] = max(log_es)
    return found


def _finding(
    evidence: Evidence, number: int, cell: int, opened: _Open, *, intervals: bool
) -> Finding:
    """Say what is known of a metric in a cell, by the process nearest its threshold."""
    design = evidence.design
    metric = design.metrics[number]
    asks = evidence.step.rung is not None and not cell
    found = _nearest(evidence, number, cell) or _Near(
        0.0, log_threshold(design, number, cell, FRESH)
    )
    seen = _seen(evidence, number, cell, found, opened, intervals=intervals)
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
        baseline_units=seen.units[0],
        candidate_units=seen.units[1],
        baseline=seen.estimates[0],
        candidate=seen.estimates[1],
        low=seen.interval.low if seen.interval else None,
        high=seen.interval.high if seen.interval else None,
        is_mirrored=found.is_mirrored,
        is_left_out=asks and _is_left_out(evidence, number),
        judgements=None if cell else _judgements(evidence, number),
    )


def _judgements(evidence: Evidence, number: int) -> Judgements | None:
    """Say what came of judging, and which version's answers were better in pairs."""
    told = evidence.judging.judgements(number)
    if told is None or not evidence.mirrored.is_there(number, 0):
        return told
    found = preferred(evidence.mirrored.of(number, 0).differences)
    return replace(
        told,
        pairs_won=found.second,
        pairs_tied=found.neither,
        pairs_lost=found.first,
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


class _Seen(NamedTuple):
    """What units look like."""

    units: tuple[int, int] = (0, 0)
    estimates: tuple[float | None, float | None] = (None, None)
    interval: Interval | None = None


def _seen(
    evidence: Evidence,
    number: int,
    cell: int,
    found: _Near,
    opened: _Open,
    *,
    intervals: bool,
) -> _Seen:
    """Say what the units of the process that was found look like."""
    if found.is_mirrored:
        pairs = evidence.mirrored.of(number, cell)
        return _Seen((pairs.units, pairs.units), pairs.estimates())
    if found.key is None:
        return _Seen()
    closed = evidence.regressions.process(found.key).tally
    tally = closed.with_open(opened.get(found.key, []))
    metric = evidence.design.metrics[number]
    return _Seen(
        (tally.units[0], tally.units[1]),
        estimates(metric, tally.by_coin),
        interval(metric, tally.by_coin) if intervals else None,
    )


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
    opened = _opened(evidence.block()) if spots else {}
    found = [_finding(evidence, *spot, opened, intervals=False) for spot in spots]
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
    """Say what is wrong with the units: with where they went, or with what is heard of them."""
    alpha = evidence.design.sample_ratio_alpha / INTEGRITY_TESTS
    for ratio, what in ((evidence.came, _SENT_OTHERWISE), (evidence.ratio, _LOST)):
        if ratio.log_e >= -log(alpha):
            baseline, candidate, expected = ratio.totals()
            return (
                f"{candidate} of {baseline + candidate} units {what[0]} the candidate, and"
                f" the coins say about {expected:.0f}: odds of more than {1 / alpha:.0f} : 1"
                f" that units were {what[1]}."
            )
    return evidence.lost.integrity() or evidence.judging.integrity()


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
    """Whether nothing was heard of a metric in this step, or nothing is judged any more.

    Each unit of a step is awaited until the deadline of feedback, or of its judge: that
    is no silence yet.
    """
    step, metric = evidence.step, evidence.design.metrics[number]
    if evidence.judging.is_down(number):
        return True
    is_awaited = (metric.is_late or metric.evaluator) and any(step.units)
    return not step.counted.get(number) and not is_awaited


def _is_left_out(evidence: Evidence, number: int) -> bool:
    """Tell whether a metric is not asked for; see Assessment.left_out.

    Blind to the versions: a first token that only the baseline has is asked for. Where no
    key comes twice, the washout hides all timing, and nothing says that there is none. A
    score is left out when its judge has read many answers and could say nothing of any.
    """
    step, metrics = evidence.step, evidence.design.metrics
    metric = metrics[number]
    if step.rung is None:
        return False
    if step.is_mirrored and not metric.has_pairs:
        return True
    if not metric.is_default or step.measured.get(number):
        return False
    many = _MANY * evidence.design.minimum_units
    if metric.evaluator is not None:
        return evidence.judging.says_nothing(number, many)
    return any(
        step.sent.get(place, 0) >= many
        for place, other in enumerate(metrics)
        if place != number and other.is_timing is metric.is_timing
    )


def _is_proven(evidence: Evidence, number: int) -> bool:
    if evidence.step.is_mirrored:
        is_hidden = evidence.judging.breaks(number)
        return evidence.mirrored.is_proven(number) and not is_hidden
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
