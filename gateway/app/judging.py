"""What judges sampled answers, joined: the desk, what was said, and the judges' canaries."""

import asyncio
from collections.abc import Callable, Iterable
from random import Random, SystemRandom

from gateway.domain.evaluation import Evaluator
from gateway.domain.service import Service
from gateway.evaluators.bench import Bench, Result
from gateway.evaluators.desk import Desk, Ear, Given, Ports
from gateway.evaluators.patrol import Patrol
from gateway.evaluators.plugs import judge_of
from gateway.evaluators.purse import Ledger
from gateway.evaluators.redacting import redacted
from gateway.evaluators.score_book import ScoreBook
from gateway.handoff.samples import Samples
from gateway.telemetry.judging import EvaluatorFigures


class Judging:
    """Everything that judges in one controller.

    Args:
        ear: Told of scores, as evidence.
        drifted: Told of a service, one of its scores that is not what it was, and how.
        ledger: Keeps what is used of budgets.
        now: Unix time in seconds.

    Attributes:
        book: What was said.

    """

    def __init__(
        self,
        ear: Ear,
        drifted: Callable[[str, str, str], None],
        ledger: Ledger,
        now: Callable[[], float],
    ) -> None:
        self._now = now
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
                dice=Random(seed),  # ruff: ignore[suspicious-non-cryptographic-random-usage]
            )
        )
        self._patrol = Patrol(self._desk.benches, drifted)

    def use(self, services: Iterable[Service]) -> None:
        """Have the evaluators of these services, and no others."""
        served = list(services)
        changed = self._desk.use(served)
        self.book.forget_all_but({service.known_as: service for service in served})
        for service, evaluator in changed:
            for score in evaluator.scores:
                signal = evaluator.signal(score.name)
                self._drifted(service, signal, _defined_anew(evaluator))

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

    def _given(self, given: Given) -> None:
        self.book.take(given, self._now())


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
        tokens_left=left.tokens_per_hour,
        usd_left=left.usd_per_hour,
    )
