"""What the judge's verdicts came to, in sentences with their figures. No I/O."""

import math
from collections.abc import Iterable
from typing import Final

from gateway.cli.demo.scene import Scene
from gateway.cli.demo.script import Act
from gateway.cli.demo.seen import cost_of_all
from gateway.cli.demo.story import Move
from gateway.cli.figures import NOTHING, dollars, duration
from gateway.cli.views import FindingView

_HUNDRED: Final = 100.0
_UNTOLD: Final = 20.0  # log of odds beyond which nobody asks how far


def told(scene: Scene, act: Act, end: Move) -> Iterable[str]:
    """Say by what a candidate was caught, by what it was not, and what that took."""
    if end.by_the_judge is not None and not end.by_others:
        yield _figures_alone(scene, act)
        yield _words(end.by_the_judge, act)
    if scene.judge.judged and scene.judging.judged == scene.judge.judged:
        yield _work(scene)
    if scene.judge.caught is not None:
        yield _example(scene)


def beside(scene: Scene) -> str:
    """Say in a line how much was judged, at what cost, and what long contexts came to."""
    judging = scene.judging
    line = (
        f"judge: {judging.judged:,} answers read for {dollars(judging.cost)}; "
        f"serving took {dollars(cost_of_all(scene.seen))}"
    )
    found = scene.by_the_judge
    if found is None or not found.candidate_units:
        return line
    return (
        f"{line}. Long: {scene.act.candidate} {_part(found.candidate)} wrong, "
        f"{scene.act.baseline} {_part(found.baseline)}"
    )


def odds(log: float) -> str:
    """Write the odds to 1 of a natural log; beyond some hundred millions, that."""
    return (
        f"more than {math.exp(_UNTOLD):,.0f}"
        if log > _UNTOLD
        else f"{math.exp(log):,.0f}"
    )


def _figures_alone(scene: Scene, act: Act) -> str:
    """Show what could be seen without reading: nothing."""
    bad, good = scene.of(act.candidate), scene.of(act.baseline)
    first = [duration(one.time_to_first_token_seconds.p50) for one in (bad, good)]
    whole = [duration(one.duration_seconds.p95) for one in (bad, good)]
    return (
        f"No figure but the judge's gave it away: {act.candidate} had errors in "
        f"{_part(bad.error_rate)} of its answers, its first token after {first[0]} "
        f"({act.baseline} {first[1]}), p95 {whole[0]} ({whole[1]})."
    )


def _words(found: FindingView, act: Act) -> str:
    sure = NOTHING if found.log_e is None else odds(found.log_e)
    return (
        f"The judge saw it in {_part(found.candidate)} of {found.candidate_units} judged "
        f"users of {act.candidate} with long contexts, and in {_part(found.baseline)} of "
        f"{found.baseline_units} of {act.baseline}: odds of {sure} to 1."
    )


def _work(scene: Scene) -> str:
    judge, judging = scene.judge, scene.judging
    return (
        f"It read {judge.judged:,} of {scene.ledger.requests:,} answers, beside the "
        f"traffic, for {dollars(judging.cost)}; serving took "
        f"{dollars(cost_of_all(scene.seen))}. It erred in {judge.mistaken:,} of them "
        f"({_part(judge.mistaken / judge.judged)}): the gateway's sums allow for that."
    )


def _example(scene: Scene) -> str:
    caught = scene.judge.caught
    assert caught is not None  # ruff: ignore[assert]: see told
    passage = caught.passage.partition(". ")[0]
    return f"For example, it was told \u201c{caught.answer}\u201d and had read \u201c{passage}.\u201d"


def _part(share: float | None) -> str:
    return NOTHING if share is None else f"{_HUNDRED * share:.2g} %"
