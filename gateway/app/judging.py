"""What judges sampled answers, joined: the desk, what was said, and the judges' canaries."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from random import Random, SystemRandom

from gateway.analysis.sums import SlicedSum
from gateway.app.evaluated import told_failed, told_given
from gateway.domain.evaluated import Evaluated
from gateway.domain.evaluation import Evaluator
from gateway.domain.service import Service
from gateway.evaluators.bench import Bench, Result
from gateway.evaluators.desk import Desk, Ear, Failed, Given, Ports
from gateway.evaluators.patrol import Patrol
from gateway.evaluators.plugs import judge_of
from gateway.evaluators.purse import Ledger
from gateway.evaluators.redacting import redacted
from gateway.evaluators.score_book import Example, ScoreBook
from gateway.handoff.samples import Samples
from gateway.telemetry.judging import EvaluatorFigures
from gateway.telemetry.traffic import Traffic


class Judging:
    """Everything that judges in one controller.

    Args:
        ear: Told of scores, as evidence.
        drifted: Told of a service, one of its scores that is not what it was, and how.
        ledger: Keeps what is used of budgets.
        tell: Told of each score of an answer that was given, or that a judge failed to.
        now: Unix time in seconds.

    Attributes:
        book: What was said.

    """

    def __init__(
        self,
        ear: Ear,
        drifted: Callable[[str, str, str], None],
        ledger: Ledger,
        tell: Callable[[Evaluated], None],
        now: Callable[[], float],
    ) -> None:
        self._now = now
        self._tell = tell
        self._served: dict[str, float] = {}
        self._in_use: list[Service] = []
        self._drifted = drifted
        self.book = ScoreBook()
        seed = SystemRandom().getrandbits(256)
        self._desk = Desk(
            Ports(
                make=judge_of,
                redact=redacted,
                ear=ear,
                ledger=ledger,
                now=now,
                given=self._given,
                failed=self._failed,
                dice=Random(seed),  # ruff: ignore[suspicious-non-cryptographic-random-usage]
            )
        )
        self._patrol = Patrol(self._desk.benches, drifted)

    def use(self, services: Iterable[Service]) -> None:
        """Have the evaluators of these services, and no others.

        It is called whenever something is written down, which is often the same table.
        """
        served = list(services)
        if served == self._in_use:
            return
        self._in_use = served
        changed = self._desk.use(served)
        self.book.forget_all_but({service.known_as: service for service in served})
        for service, evaluator in changed:
            for score in evaluator.scores:
                signal = evaluator.signal(score.name)
                self._drifted(service, signal, _defined_anew(evaluator))

    def begin(self, traffic: Traffic) -> None:
        """Note what serving had cost before anything was judged here."""
        for (service, _), seen in traffic.versions.items():
            self._served[service] = self._served.get(service, 0.0) + seen.cost

    def take(self, message: Samples) -> None:
        """Take what a worker has sampled."""
        self._desk.take(message)

    async def run(self) -> None:
        """Judge for ever, and try the judges on their canaries."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._desk.run())
            tasks.create_task(self._patrol.run())

    def figures(self) -> dict[tuple[str, str], EvaluatorFigures]:
        """Give what each evaluator has done, by service and evaluator, for telemetry."""
        return {
            (service, bench.evaluator.name): _figures(bench)
            for service, bench in self._desk.benches()
        }

    def evaluators(self, service: str) -> Mapping[str, EvaluatorFigures]:
        """Give what those of a service have done, by name."""
        return {
            bench.evaluator.name: _figures(bench)
            for name, bench in self._desk.benches()
            if name == service
        }

    def scores(self, service: str, version: str) -> Mapping[str, SlicedSum]:
        """Give the sums of a version's scores, by signal."""
        return self.book.of(service, version)

    def worst(self, service: str) -> Mapping[str, Mapping[str, list[Example]]]:
        """Give the worst examples that are kept, by version and signal."""
        return self.book.worst(service)

    def served_before(self, service: str) -> float:
        """Give the USD that serving had cost before anything was judged here."""
        return self._served.get(service, 0.0)

    def _given(self, given: Given) -> None:
        now = self._now()
        self.book.take(given, now)
        self._tell(told_given(given, now))

    def _failed(self, failed: Failed) -> None:
        now = self._now()
        for score in failed.evaluator.scores:
            self._tell(told_failed(failed, score, now))


def _defined_anew(evaluator: Evaluator) -> str:
    return (
        f"{evaluator.name} was defined anew while the rollout was on: what it said before"
        " and what it says now do not compare."
    )


def _figures(bench: Bench) -> EvaluatorFigures:
    told, purse = bench.figures, bench.purse
    left = purse.left
    return EvaluatorFigures(
        results={result.value: told.results[result] for result in Result},
        failures={why.value: count for why, count in told.failures.items()},
        input=purse.used.input,
        output=purse.used.output,
        cost=purse.usd,
        seconds=told.seconds,
        queued=told.queued,
        cut=told.cut,
        tokens_left=left.tokens_per_hour,
        usd_left=left.usd_per_hour,
        identity=bench.judge.identity,
    )
