"""What judges sampled answers, joined: the desk, what was said, and the judges' canaries."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from random import Random, SystemRandom
from typing import Final, TypeAlias

from gateway.analysis.sums import SlicedSum
from gateway.app.evaluated import told_failed, told_given
from gateway.domain.evaluated import Evaluated
from gateway.domain.service import Service
from gateway.evaluators.bench import Bench, Result
from gateway.evaluators.desk import Desk, Ear, Failed, Given, Ports
from gateway.evaluators.patrol import Patrol
from gateway.evaluators.plugs import judge_of
from gateway.evaluators.purse import Ledger
from gateway.evaluators.redacting import redacted
from gateway.evaluators.score_book import Example, ScoreBook
from gateway.handoff.judged_so_far import EvaluatorTotals, JudgedSoFar
from gateway.handoff.samples import Samples
from gateway.telemetry.judging import EvaluatorFigures
from gateway.telemetry.traffic import Traffic

_Place: TypeAlias = tuple[str, str]
"""Service and evaluator, by name."""

_NOTHING: Final = EvaluatorTotals()


class Judging:
    """Everything that judges in one controller.

    Args:
        ear: Told of scores, as evidence.
        drifted: Told of a service, one of its scores that is not what it was, and how.
        judged_by: Told of a service, and the identities of its evaluators by name.
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
        judged_by: Callable[[str, Mapping[str, str]], None],
        ledger: Ledger,
        tell: Callable[[Evaluated], None],
        now: Callable[[], float],
    ) -> None:
        self._now = now
        self._tell = tell
        self._before: dict[_Place, EvaluatorTotals] = {}
        self._served: dict[str, float] = {}
        self._in_use: list[Service] = []
        self._judged_by = judged_by
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
        self._use(served)
        self.book.forget_all_but({service.known_as: service for service in served})
        for name in {service.known_as for service in served}:
            self._judged_by(name, self._identities(name))

    def _use(self, served: list[Service]) -> None:
        """Exchange the judges; one goes on from the figures of those of its name."""
        benches = dict(self._by_place())
        totals = {place: self._totals(benches[place], place) for place in benches}
        self._desk.use(served)
        for place, bench in self._by_place():
            if benches.get(place, bench) is not bench:
                self._before[place] = totals[place]
        at_work = {place for place, _ in self._by_place()}
        for place in self._before.keys() - at_work:
            del self._before[place]

    def begin(self, traffic: Traffic, before: JudgedSoFar | None) -> None:
        """Go on from what was judged before; before `use`.

        Args:
            traffic: So far: what it had cost before anything was judged.
            before: By another controller; None: by nobody.

        """
        if before is not None:
            self._served, self.book.sums = before.served, before.scores
            for service, evaluators in before.evaluators.items():
                for name, totals in evaluators.items():
                    self._before[service, name] = totals
            return
        for (service, _), seen in traffic.versions.items():
            self._served[service] = self._served.get(service, 0.0) + seen.cost

    def take(self, message: Samples) -> None:
        """Take what a worker has sampled."""
        self._desk.take(message)

    def so_far(self) -> JudgedSoFar | None:
        """Give what a successor goes on from; None: nobody judges."""
        evaluators: dict[str, dict[str, EvaluatorTotals]] = {}
        for place, bench in self._by_place():
            by_name = evaluators.setdefault(place[0], {})
            by_name[place[1]] = self._totals(bench, place)
        if not evaluators:
            return None
        return JudgedSoFar(
            evaluators=evaluators, scores=self.book.sums, served=self._served
        )

    async def run(self) -> None:
        """Judge for ever, and try the judges on their canaries."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._desk.run())
            tasks.create_task(self._patrol.run())

    def figures(self) -> dict[_Place, EvaluatorFigures]:
        """Give what each evaluator has done, by service and evaluator, for telemetry."""
        return {
            place: _figures(bench, self._totals(bench, place))
            for place, bench in self._by_place()
        }

    def evaluators(self, service: str) -> Mapping[str, EvaluatorFigures]:
        """Give what those of a service have done, by name."""
        return {
            place[1]: figures
            for place, figures in self.figures().items()
            if place[0] == service
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

    def _by_place(self) -> list[tuple[_Place, Bench]]:
        benches = self._desk.benches()
        return [((service, b.evaluator.name), b) for service, b in benches]

    def _totals(self, bench: Bench, place: _Place) -> EvaluatorTotals:
        """Give what an evaluator has done, with those of its name before it."""
        before = self._before.get(place, _NOTHING)
        told, purse = bench.figures, bench.purse
        results = Counter(before.results)
        results.update({result.value: told.results[result] for result in Result})
        failures = Counter(before.failures)
        failures.update({why.value: count for why, count in told.failures.items()})
        return EvaluatorTotals(
            results=dict(results),
            failures=dict(failures),
            input=before.input + purse.used.input,
            output=before.output + purse.used.output,
            cost=before.cost + purse.usd,
            seconds=before.seconds + told.seconds,
            cut=before.cut + told.cut,
        )

    def _identities(self, service: str) -> dict[str, str]:
        return {
            place[1]: bench.judge.identity
            for place, bench in self._by_place()
            if place[0] == service
        }

    def _given(self, given: Given) -> None:
        now = self._now()
        self.book.take(given, now)
        self._tell(told_given(given, now))

    def _failed(self, failed: Failed) -> None:
        now = self._now()
        for score in failed.evaluator.scores:
            self._tell(told_failed(failed, score, now))


def _figures(bench: Bench, totals: EvaluatorTotals) -> EvaluatorFigures:
    left = bench.purse.left
    return EvaluatorFigures(
        results=totals.results,
        failures=totals.failures,
        input=totals.input,
        output=totals.output,
        cost=totals.cost,
        seconds=totals.seconds,
        queued=bench.figures.queued,
        cut=totals.cut,
        tokens_left=left.tokens_per_hour,
        usd_left=left.usd_per_hour,
        identity=bench.judge.identity,
    )
