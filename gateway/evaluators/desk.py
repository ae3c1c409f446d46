"""The desk: samples come in, scores go out.

A sample is redacted before anybody else sees it, then offered to every evaluator whose
sample of the keys its key is in. What becomes of it there is told as evidence, and added
up for screens. Texts are held in memory only, for as long as somebody is asked about them.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Protocol

import msgspec

from gateway.analysis.judged import Judged, JudgedPair, Sampled
from gateway.answers.segments import code_of, named
from gateway.domain.evaluation import Evaluator, Score, is_in_sample
from gateway.domain.service import Service
from gateway.evaluators.asking import alone, can_be_judged, order_of, values_of
from gateway.evaluators.bench import Bench, Result
from gateway.evaluators.evaluator import Judge, Verdict, Why
from gateway.evaluators.purse import Ledger, Purse
from gateway.handoff.heard import Heard
from gateway.handoff.samples import Sample, Samples, Texts


class Ear(Protocol):
    """Who is told of scores, as evidence; control's decisions are one."""

    def sampled(self, service: str, sampled: Sampled) -> None:
        """Expect scores of an exchange."""

    def judged(self, service: str, judged: Judged) -> None:
        """Take a score of an exchange."""

    def judged_pair(self, service: str, pair: JudgedPair) -> None:
        """Take scores of the answers to a mirrored request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A score as it was given, for whoever shows, counts or exports it.

    Attributes:
        service: Its service.
        evaluator: Who gave it.
        score: What was scored.
        version: Whose answer it was.
        value: 0.0 to 1.0.
        said: The judge's reasons; may be empty.
        texts: What was judged, redacted.
        labels: Segments of the request, and their values.
        trace, span: See Sample.

    """

    service: Service
    evaluator: Evaluator
    score: Score
    version: str
    value: float
    said: str
    texts: Texts
    labels: tuple[tuple[str, str], ...] = ()
    trace: str | None = None
    span: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An answer that a judge failed to judge, for whoever exports it.

    Attributes:
        service: Its service.
        evaluator: Who failed.
        version: Whose answer it was.
        why: None: nobody knows.
        trace, span: See Sample.

    """

    service: Service
    evaluator: Evaluator
    version: str
    why: Why | None
    trace: str | None
    span: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a desk is joined to.

    Attributes:
        make: Makes the judge of an evaluator.
        redact: Takes secrets out of a sample's texts, as its service says.
        ear: Told of scores, as evidence.
        ledger: Keeps what is used of budgets.
        now: Unix time in seconds.
        given: Told of each score that was given.
        failed: Told of each answer alone that a judge failed to judge.
        dice: Says which answer of a pair is shown first.

    """

    make: Callable[[Evaluator], Judge]
    redact: Callable[[Sample, Service], Sample]
    ear: Ear
    ledger: Ledger
    now: Callable[[], float]
    given: Callable[[Given], None]
    failed: Callable[[Failed], None]
    dice: Random


class Desk:
    """Gives samples to the evaluators of their services.

    Args:
        ports: What it is joined to.
        clock: Monotonic, seconds.

    """

    def __init__(
        self, ports: Ports, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ports = ports
        self._clock = clock
        self._services: dict[str, Service] = {}
        self._codes: dict[str, int] = {}
        self._benches: dict[tuple[str, str], Bench] = {}
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._heard = Heard()

    async def run(self) -> None:
        """Judge for ever."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for key, bench in self._benches.items():
                self._start(key, bench)
            await asyncio.Event().wait()

    def use(self, services: Iterable[Service]) -> None:
        """Have the evaluators of these services, and no others.

        Those of several candidates' lanes are their service's: one queue, one budget.

        One whose configuration is the same goes on with what it has; another of its name
        begins anew, and what the old one was asked about has no verdict.
        """
        self._services = {service.name: service for service in services}
        self._codes = {
            name: code_of(service.segments) for name, service in self._services.items()
        }
        wanted = {
            (service.known_as, evaluator.name): evaluator
            for service in self._services.values()
            for evaluator in service.evaluators
        }
        for key, bench in list(self._benches.items()):
            if wanted.get(key) != bench.evaluator:
                self._stop(key)
        for key, evaluator in wanted.items():
            if key not in self._benches:
                self._benches[key] = bench = self._bench(key[0], evaluator)
                self._start(key, bench)

    def take(self, message: Samples) -> None:
        """Take what a worker has sampled; a message heard before changes nothing."""
        if not self._heard.is_new(message.worker, message.pid, message.sequence):
            return
        for sample in message.samples:
            service = self._services.get(sample.service)
            if service is not None and service.evaluators:
                self._offer(self._ports.redact(sample, service), service)

    def benches(self) -> list[tuple[str, Bench]]:
        """Give each evaluator at work, with the name of its service."""
        return [(service, bench) for (service, _), bench in self._benches.items()]

    def _bench(self, name: str, evaluator: Evaluator) -> Bench:
        purse = Purse(
            f"{name}:{evaluator.name}",
            evaluator.budget,
            evaluator.price,
            self._ports.ledger,
            self._ports.now,
        )
        return Bench(
            evaluator,
            self._ports.make(evaluator),
            purse,
            lambda sample, *told: self._told(evaluator, sample, *told),
            self._ports.dice,
            self._clock,
        )

    def _start(self, key: tuple[str, str], bench: Bench) -> None:
        if self._tasks is not None:
            self._running[key] = self._tasks.create_task(bench.run())

    def _stop(self, key: tuple[str, str]) -> None:
        del self._benches[key]
        task = self._running.pop(key, None)
        if task is not None:
            task.cancel()

    def _offer(self, sample: Sample, service: Service) -> None:
        for evaluator in service.evaluators:
            if not is_in_sample(sample.draw, evaluator.sample):
                continue
            bench = self._benches[service.known_as, evaluator.name]
            if sample.is_evidence and sample.other_outcome is None:
                self._announce(service, evaluator, sample)
            if can_be_judged(sample):
                bench.offer(sample)
            else:
                bench.figures.results[Result.NOT_SHOWN] += 1
                self._told(evaluator, sample, Result.NOT_SHOWN, [])

    def _announce(self, service: Service, evaluator: Evaluator, sample: Sample) -> None:
        announced = Sampled(
            evaluator=evaluator.name,
            fingerprint=sample.fingerprint,
            epoch=sample.revision,
            arrived=sample.arrived,
        )
        self._ports.ear.sampled(service.name, announced)

    def _told(
        self,
        evaluator: Evaluator,
        sample: Sample,
        result: Result,
        verdicts: list[Verdict],
        why: Why | None = None,
    ) -> None:
        """Say what became of a sample, as evidence and to whoever shows it."""
        service = self._services.get(sample.service)
        if service is None:  # it is gone since
            return
        if result is Result.FAILED and sample.other_outcome is None:
            self._ports.failed(
                Failed(
                    service=service,
                    evaluator=evaluator,
                    version=_version(sample, 0),
                    why=why,
                    trace=sample.trace,
                    span=sample.span,
                )
            )
        for score in evaluator.scores:
            self._tell(service, evaluator, score, sample, verdicts, result)
            for place, verdict in enumerate(alone(sample, verdicts)):
                self._show(service, evaluator, score, sample, place, verdict)

    def _show(
        self,
        service: Service,
        evaluator: Evaluator,
        score: Score,
        sample: Sample,
        place: int,
        verdict: Verdict,
    ) -> None:
        """Tell of a verdict on an answer alone: a comparison is no score of either."""
        value = verdict.scores.get(score.name)
        if value is None:
            return
        texts = sample.texts
        if place:
            texts = msgspec.structs.replace(texts, answer=sample.other)
        self._ports.given(
            Given(
                service=service,
                evaluator=evaluator,
                score=score,
                version=_version(sample, place),
                value=value,
                said=verdict.said,
                texts=texts,
                labels=self._labels(sample, service),
                trace=sample.trace,
                span=sample.span,
            )
        )

    def _labels(self, sample: Sample, service: Service) -> tuple[tuple[str, str], ...]:
        """Name segments and values; nothing when the definitions have changed since."""
        if sample.segments != self._codes.get(service.name):
            return ()
        return named(service.segments, sample.cell)

    def _tell(
        self,
        service: Service,
        evaluator: Evaluator,
        score: Score,
        sample: Sample,
        verdicts: list[Verdict],
        result: Result,
    ) -> None:
        values = values_of(score, sample, verdicts)
        signal = evaluator.signal(score.name)
        cell = sample.cell if sample.segments == self._codes.get(service.name) else b""
        if sample.other_outcome is not None:
            pair = JudgedPair(
                signal=signal,
                fingerprint=sample.fingerprint,
                epoch=sample.revision,
                arrived=sample.arrived,
                baseline=values[0],
                candidate=values[1],
                is_control=sample.is_control,
                is_swapped=order_of(evaluator, score, verdicts),
                has_failed=result is Result.FAILED,
                cell=cell,
            )
            self._ports.ear.judged_pair(service.name, pair)
        elif sample.is_evidence:
            judged = Judged(
                signal=signal,
                fingerprint=sample.fingerprint,
                epoch=sample.revision,
                exchange=sample.exchange,
                is_candidate=sample.is_candidate,
                arrived=sample.arrived,
                value=values[0],
                has_failed=result is Result.FAILED,
                is_unsaid=result is Result.JUDGED and values[0] is None,
                cell=cell,
            )
            self._ports.ear.judged(service.name, judged)


def _version(sample: Sample, place: int) -> str:
    """Name whose answer a sample has; or, of a pair, has in the first or second place."""
    is_pair = sample.other_outcome is not None
    if sample.is_control:
        return sample.versions[0]
    return sample.versions[place if is_pair else sample.is_candidate]
