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
_SMALL: Final = 0.1
_UNTOLD: Final = 20.0  # log of odds beyond which nobody asks how far


def told(scene: Scene, act: Act, end: Move) -> Iterable[str]:
    """Say by what a candidate was caught, by what it was not, and what that took."""
    if end.by_the_judge is not None and not end.by_others:
        yield _figures_alone(scene, act)
        yield _words(end.by_the_judge, act)
    if scene.judge.judged and scene.judging.judged == scene.judge.judged:
        yield _work(scene)
    yield _truth(scene, act)


def beside(scene: Scene) -> str:
    """Say in a line how much was judged, at what cost, and how long contexts fared."""
    judging = scene.judging
    line = (
        f"judge: {judging.judged:,} read for {dollars(judging.cost)}, "
        f"serving {dollars(cost_of_all(scene.seen))}"
    )
    found = scene.by_the_judge
    if found is None or not found.candidate_units:
        return line
    return (
        f"{line}; long: {scene.act.candidate} {_part(found.candidate)} wrong, "
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
    late = f" {judging.left_out:,} came too late to be read."
    return (
        f"It read {judge.judged:,} of {scene.ledger.requests:,} answers, beside the "
        f"traffic, for {dollars(judging.cost)}; serving took "
        f"{dollars(cost_of_all(scene.seen))}. It erred in {judge.mistaken:,} of them "
        f"({_part(judge.mistaken / judge.judged)}), without knowing whose they were."
        f"{late if judging.left_out else ''}"
    )


def _truth(scene: Scene, act: Act) -> str:
    """Say what there was to be found, by the model server's own account."""
    sent = scene.sent[act.candidate]
    its = (one for one in scene.judge.caught if one.answer in sent.texts)
    caught = next(its, None)
    truth = (
        f"In truth {act.candidate} contradicted its documents in {sent.made_up} of "
        f"{sent.answers} answers."
    )
    if caught is None:
        return truth
    passage = caught.passage.partition(".")[0]
    return f"{truth} One the judge read: \u201c{caught.answer}\u201d; its document: \u201c{passage}.\u201d"


def _part(share: float | None) -> str:
    return (
        NOTHING
        if share is None
        else f"{_HUNDRED * share:.{1 if 0 < share < _SMALL else 0}f} %"
    )
