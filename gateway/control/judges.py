"""Who judges, by identity: written down with the evidence, and compared while that grows.

An identity says what a score means: the kind of judge, its model, its rubrics and what they
ask. With another one, scores of before and after do not compare, however it came to be
there: by a reload, or while no controller ran. It is looked up at each look, so that no
verdict counts before it is known whose it is.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from gateway.analysis.design import Design
from gateway.control.live import Live
from gateway.control.telling import judges_told
from gateway.delivery.events import JudgeChanged
from gateway.domain.lane import service_of

_log: Final = logging.getLogger(__name__)


class Judges:
    """Identities of the evaluators at work.

    Args:
        now: Unix time in seconds, for display.

    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known: dict[str, dict[str, str]] = {}

    def are(self, service: str, identities: Mapping[str, str]) -> None:
        """Know who judges a service, with all its lanes, from now on; by name."""
        self._known[service] = dict(identities)

    def look(self, live: Live) -> JudgeChanged | None:
        """Write down who judges a rollout, where that is not known or not so any more.

        One that is gone is remembered: it may come back as another.

        Returns:
            What happened, where one of those that guard it judges otherwise.

        """
        known = self._known.get(service_of(live.service), {})
        design, before = live.examination.design, live.judges
        names = {evaluator.name for evaluator in design.evaluators}
        judges = before | {name: known[name] for name in names & known.keys()}
        if judges == before:
            return None
        live.judges = judges
        changed = sorted(
            name for name in before if name in names and before[name] != judges[name]
        )
        guarding = [name for name in changed if _guards(design, name)]
        if not live.is_provisional:
            said = _said(before, judges, changed, guarding)
            told = judges_told(live, before, said, voids=bool(guarding), at=self._now())
            live.drafts.append(told)
        if not guarding:
            return None
        event = JudgeChanged(said=" ".join(_anew(name) for name in guarding))
        _log.warning("%s: %s", live.service, event.said)
        return event


def _guards(design: Design, name: str) -> bool:
    """Whether a regression of any of its scores would change the course of the rollout."""
    scores = (each.signal for each in design.metrics if each.evaluator == name)
    return any(map(design.is_guarded_by, scores))


def _anew(name: str) -> str:
    return (
        f"{name} was defined anew while the rollout was on: what it said before and what"
        " it says now do not compare."
    )


def _said(
    before: Mapping[str, str],
    judges: Mapping[str, str],
    changed: list[str],
    guarding: list[str],
) -> str:
    """Say who judges, who judges otherwise, and what follows from that."""
    if not changed:
        new = sorted(judges.keys() - before.keys())
        return " ".join(f"{name} judges: {judges[name]}." for name in new)
    told = [f"{name} was {before[name]}, and is {judges[name]}." for name in changed]
    told.append(
        "Nothing can be proven any more in this attempt."
        if guarding
        else "It only warns, so that the attempt goes on."
    )
    return " ".join(told)
