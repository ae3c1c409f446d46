"""How `sluicegate judge check` shows what an evaluator is worth."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from gateway.cli.figures import NOTHING, amount, dollars, duration, rate
from gateway.cli.screen import plain_table
from gateway.domain.evaluation import Evaluator
from gateway.evaluators.evaluator import Used
from gateway.evaluators.labelled import Tried
from gateway.evaluators.quality import Part, Quality, quality_of

_PER_MILLION: Final = 1e6
_LATE: Final = 0.95
_MANY: Final = 100.0
_REMEDIES: Final = {
    "unreachable": "Is it up and quick enough, and is this its address? Up to and without "
    "/chat/completions or /embeddings; of kind http, all of it.",
    "refused": "Look at its name (--model), its token (--key-env), and its log.",
    "garbage": "Try a larger model or more --max-tokens; of kind http or python, give "
    "just the scores that were asked for.",
    "deadline": "Give it longer (--deadline), or fewer at once (`concurrency`).",
    "died": "Its error stands above, on stderr.",
}
"""By why there is no verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came out.

    Attributes:
        identity: Of the judge.
        examples: How many it was given.
        failures: By why, with what the first one said.
        qualities: Of each score, by labels.
        used: Of all examples.
        cost_usd: By the evaluator's price; None: unknown.
        median_s: Of a verdict; None: there was none.
        p95_s: The same.
        bad: Part of all answers that is taken to be bad.
        threshold: Where bad begins, of scores.

    """

    identity: str
    examples: int
    failures: dict[str, tuple[int, str]]
    qualities: tuple[Quality, ...]
    used: Used
    cost_usd: float | None
    median_s: float | None
    p95_s: float | None
    bad: float
    threshold: float


def report_of(
    evaluator: Evaluator,
    identity: str,
    tried: Sequence[Tried],
    threshold: float,
    bad: float,
) -> Report:
    """Put together what came out."""
    used = sum((_used(one) for one in tried), Used())
    seconds = sorted(one.seconds for one in tried if one.verdict is not None)
    return Report(
        identity=identity,
        examples=len(tried),
        failures=_failures(tried),
        qualities=tuple(
            quality_of(score, tried, threshold) for score in evaluator.scores
        ),
        used=used,
        cost_usd=_cost(evaluator, used),
        median_s=_quantile(seconds, 0.5),
        p95_s=_quantile(seconds, _LATE),
        bad=bad,
        threshold=threshold,
    )


def _used(one: Tried) -> Used:
    if one.verdict is not None:
        return one.verdict.used
    return Used() if one.failure is None else one.failure.used


def _failures(tried: Sequence[Tried]) -> dict[str, tuple[int, str]]:
    failed = [one.failure for one in tried if one.failure is not None]
    counts = Counter(failure.why.value for failure in failed)
    said = {failure.why.value: failure.what for failure in reversed(failed)}
    return {why: (count, said[why]) for why, count in counts.items()}


def _cost(evaluator: Evaluator, used: Used) -> float | None:
    if evaluator.price is None:
        return None
    price = evaluator.price
    return (used.input * price.input + used.output * price.output) / _PER_MILLION


def _quantile(seconds: Sequence[float], quantile: float) -> float | None:
    return seconds[int(quantile * (len(seconds) - 1))] if seconds else None


def as_document(report: Report) -> dict[str, object]:
    """Give it as JSON."""
    return {
        "judge": report.identity,
        "examples": report.examples,
        "failures": {
            why: {"count": count, "first": said}
            for why, (count, said) in report.failures.items()
        },
        "threshold": report.threshold,
        "scores": {
            quality.score: _quality(quality, report.bad) for quality in report.qualities
        },
        "tokens": {"input": report.used.input, "output": report.used.output},
        "cost_usd": report.cost_usd,
        "seconds": {"median": report.median_s, "p95": report.p95_s},
    }


def _quality(quality: Quality, bad: float) -> dict[str, object]:
    counts = asdict(quality)
    return {
        **{name: counts[name] for name in ("labelled", "failed", "silent", "kappa")},
        "sensitivity": _part(quality.sensitivity),
        "specificity": _part(quality.specificity),
        "agreement": _part(quality.agreement),
        "j": quality.j,
        "units_factor": quality.units_factor(),
        "units_factor_at": {"bad": bad, "factor": quality.units_factor_at(bad)},
    }


def _part(part: Part) -> dict[str, object]:
    return {"rate": part.rate, "of": part.of, "interval": part.interval}


def as_tables(report: Report) -> Group:
    """Show it to people."""
    return Group(
        Text(f"{report.identity}: {report.examples} examples\n"),
        _table(report),
        *_remarks(report),
    )


def _table(report: Report) -> RenderableType:
    table = plain_table(
        *("score", "labelled", "no verdict", "finds bad", "leaves good alone"),
        *("agrees", "kappa", "difference shows", "units"),
        numbers=("labelled", "no verdict", "kappa", "difference shows", "units"),
    )
    for quality in report.qualities:
        table.add_row(
            quality.score,
            str(quality.labelled),
            str(quality.failed + quality.silent),
            _with_interval(quality.sensitivity),
            _with_interval(quality.specificity),
            _with_interval(quality.agreement),
            amount(quality.kappa),
            rate(quality.j),
            _times(quality.units_factor()),
        )
    return table


def _with_interval(part: Part) -> str:
    interval = part.interval
    if interval is None:
        return NOTHING
    low, high = (f"{100 * end:.0f}" for end in interval)
    return f"{part.hits}/{part.of} ({low}-{high} %)"


def _times(factor: float | None) -> str:
    if factor is None:
        return NOTHING
    return f"x{factor:.1f}" if factor < _MANY else f"x{factor:.0f}"


def _remarks(report: Report) -> list[Text]:
    """Say what the numbers mean, and what it took."""
    told = [""]
    for quality in report.qualities:
        told += _meaning(quality, report.bad)
    told += [
        f"No verdict, {why}: {count}. The first: {said} {_REMEDIES.get(why, '')}".rstrip()
        for why, (count, said) in report.failures.items()
    ]
    used = report.used
    cost = NOTHING if report.cost_usd is None else dollars(report.cost_usd)
    told.append(
        f"Tokens: {used.input} read, {used.output} written; cost {cost}; a verdict took "
        f"{duration(report.median_s)} (median), {duration(report.p95_s)} (p95)."
    )
    return [Text(line) for line in told]


def _meaning(quality: Quality, bad: float) -> list[str]:
    name = quality.score
    if not quality.labelled:
        return [f"{name}: no example has a label for it."]
    silent = _silence(quality)
    if not quality.has_verdicts:
        told = f"{name}: no verdict on any of its {quality.labelled} examples."
        return [told, *silent]
    if quality.j is None:
        return [*silent, _one_sided(quality)]
    rare = quality.units_factor_at(bad)
    if rare is None:
        told = f"{name}: it does not tell bad from good. Nothing can rest on it."
        return [*silent, told]
    return [
        *silent,
        f"{name}: a difference between versions shows as {rate(quality.j)} of it, which "
        f"takes about {quality.units_factor() or 1:.1f} times the units; where "
        f"{rate(bad)} of the answers are bad, about {rare:.1f} times, with false alarms.",
    ]


def _silence(quality: Quality) -> list[str]:
    """Say what a judge was asked in vain."""
    if not quality.silent:
        return []
    told = (
        f"{quality.score}: it has nothing to say of {quality.silent} of them. Where a score "
        "needs `prompt`, `context` or `reference`, a line must have it."
    )
    return [told]


def _one_sided(quality: Quality) -> str:
    """Say of which kind there is none."""
    lacking = "good" if quality.sensitivity.of else "bad"
    return (
        f"{quality.score}: no {lacking} answer is among those with a verdict, and it takes "
        'both kinds to know what a judge is worth. Add lines with the other "labels": 0 '
        "or 1."
    )
