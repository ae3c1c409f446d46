"""Tries judges on their canaries, again and again: have they changed, are they any good."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Final

from gateway.domain.errors import BadConfiguration
from gateway.domain.evaluation import Score
from gateway.evaluators.bench import Bench
from gateway.evaluators.canaries import MOST_CANARIES, REFERENCE_ROUNDS, Drift, Watch
from gateway.evaluators.evaluator import Verdict
from gateway.evaluators.labelled import Example, Tried, read_examples
from gateway.evaluators.quality import Quality, quality_of

_log: Final = logging.getLogger(__name__)

EVERY_S: Final = 900.0
"""Between two rounds over a set."""

FIRST_EVERY_S: Final = 20.0
"""Between the first ones, which all others are compared with."""

AGAIN_S: Final = 120.0
"""Until the next round of one that was useless: somebody may be mending it, and waits."""

USELESS_EVERY_S: Final = 20.0
"""How often it is said that a judge is useless: a rollout may have begun since, and no
step of it should pass by then."""

_BAD_FROM: Final = 0.5
_LOOK_AGAIN_S: Final = 1.0


class _Post:
    """One judge that is watched.

    Attributes:
        due: When its next round is; monotonic clock.
        useless: What the last round says of scores that tell nothing apart.
        said_at: When that was last told; the same clock.

    """

    def __init__(self, examples: Sequence[Example], scores: Sequence[Score]) -> None:
        self._examples = examples
        self._scores = scores
        self._watch = Watch([score.name for score in scores], len(examples))
        self._rounds = 0
        self.due = 0.0
        self.useless: list[Quality] = []
        self.said_at = -inf

    async def walk(self, bench: Bench, clock: Callable[[], float]) -> Drift | None:
        """Try it on its set, one after another; give what has drifted."""
        found = [await bench.try_on(example.texts) for example in self._examples]
        self.useless = self._useless(found)
        self._rounds += any(found)  # with a judge that is away it has not begun
        is_first = self._rounds < REFERENCE_ROUNDS
        usual = AGAIN_S if self.useless else EVERY_S
        self.due = clock() + (FIRST_EVERY_S if is_first else usual)
        return self._watch.take(found)

    def _useless(self, found: Sequence[Mapping[str, float | None]]) -> list[Quality]:
        """Compare a round with what people said, where they did."""
        tried = [
            Tried(example, Verdict(scores=dict(scores)) if scores else None, None, 0.0)
            for example, scores in zip(self._examples, found, strict=True)
        ]
        qualities = [quality_of(score, tried, _BAD_FROM) for score in self._scores]
        return [quality for quality in qualities if quality.is_useless]


class Patrol:
    """Watches the judges that have canaries.

    Args:
        benches: Gives those at work, with the names of their services.
        drifted: Told of a service, one of its signals, and what happened to it.

    """

    def __init__(
        self,
        benches: Callable[[], Sequence[tuple[str, Bench]]],
        drifted: Callable[[str, str, str], None],
    ) -> None:
        self._benches = benches
        self._drifted = drifted
        self._posts: dict[Bench, _Post | None] = {}
        self._looks: dict[Bench, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Walk for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._go_round(tasks)
                await asyncio.sleep(_LOOK_AGAIN_S)

    def _go_round(self, tasks: asyncio.TaskGroup) -> None:
        """Look after each judge in a task of its own: one that hangs holds up no other."""
        benches = self._benches()
        at_work = {bench for _, bench in benches}
        for bench in self._looks.keys() - at_work:
            self._looks.pop(bench).cancel()
            self._posts.pop(bench, None)
        for service, bench in benches:
            look = self._looks.get(bench)
            if look is None or look.done():
                self._looks[bench] = tasks.create_task(self._look(service, bench))

    async def _look(self, service: str, bench: Bench) -> None:
        if bench.evaluator.canaries is None:
            return
        if bench not in self._posts:
            self._posts[bench] = _posted(bench)
        post, clock = self._posts[bench], asyncio.get_running_loop().time
        if post is None:
            return
        if post.due <= clock():
            await self._round(service, bench, post, clock)
        if post.useless and clock() >= post.said_at + USELESS_EVERY_S:
            post.said_at = clock()
            for quality in post.useless:
                signal = bench.evaluator.signal(quality.score)
                self._drifted(service, signal, _useless_told(signal, quality))

    async def _round(
        self, service: str, bench: Bench, post: _Post, clock: Callable[[], float]
    ) -> None:
        try:
            drift = await post.walk(bench, clock)
        except Exception:  # ruff: ignore[blind-except]: a bug; the next round may fare well
            _log.exception("Trying %s on its canaries failed.", bench.evaluator.name)
            post.due = clock() + EVERY_S
            return
        if drift is not None:
            signal = bench.evaluator.signal(drift.score)
            self._drifted(service, signal, _told(signal, drift))
            self._posts[bench] = _posted(bench)  # from now on against what it is now


def _posted(bench: Bench) -> _Post | None:
    """Read a judge's set; None, and told in the log, where it cannot be used."""
    evaluator = bench.evaluator
    try:
        examples = read_examples(Path(evaluator.canaries or ""))
    except BadConfiguration as error:
        _log.error("%s is not watched. %s", evaluator.name, error)
        return None
    if len(examples) > MOST_CANARIES:
        _log.warning(
            "%s is watched on the first %d of %d canaries.",
            evaluator.name,
            MOST_CANARIES,
            len(examples),
        )
    return _Post(examples[:MOST_CANARIES], evaluator.scores)


def _useless_told(signal: str, quality: Quality) -> str:
    found, left_alone = quality.sensitivity, quality.specificity
    return (
        f"{signal} tells bad answers from good ones hardly better than a coin: of its"
        f" canaries it found {found.hits} of {found.of} bad ones, and left {left_alone.hits}"
        f" of {left_alone.of} good ones alone. Equal or not, versions look equal to it."
    )


def _told(signal: str, drift: Drift) -> str:
    return (
        f"{signal} is not judged as it was: on the same examples its mean was"
        f" {drift.before:.2f} and is {drift.now:.2f}. What it said before and what it says"
        " now do not compare."
    )
