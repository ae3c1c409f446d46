"""One run: a peer, a workload, the CPU time before and after. And what runs add up to."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtest.peers.peer import Peer
from loadtest.processes import cpu_s
from loadtest.split_check import check_split
from loadtest.stage import Cores, Performer, direct, on_stage
from loadtest.workloads.workload import Workload

YARDSTICK = "nginx"
DIRECT = "direct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The figures of one run; CPU in microseconds per unit of the workload."""

    workload: str
    round: int
    peer: str
    units: int
    per_s: float
    failures: int
    cpu_us: float | None  # None for `direct`
    worker_cpu_us: float | None
    p50_us: float | None
    p99_us: float | None
    alone: float | None
    second_share: float | None
    sticky: bool | None


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some runs, and how far they lie apart."""

    median: float
    least: float
    most: float


def run_once(
    workload: Workload, peer: Peer | None, program: str, cores: Cores, number: int
) -> Run:
    """Set the stage, warm up, measure; `peer` None measures the upstream itself."""
    with (
        TemporaryDirectory(prefix="loadtest-") as folder,
        workload.upstreams(Path(folder), cores.load) as upstreams,
    ):
        if peer is None:
            return _measure(workload, direct(upstreams), number)
        with on_stage(peer, program, upstreams, Path(folder), cores.proxy) as performer:
            return _measure(workload, performer, number)


def _measure(workload: Workload, performer: Performer, number: int) -> Run:
    split = None if performer.started is None else check_split(performer.port)
    workload.warm_up(performer.port)
    before = _spent_s(performer)
    pressure = workload.press(performer.port)
    after = _spent_s(performer)
    units = max(1, pressure.units)
    proxied = performer.started is not None
    return Run(
        workload=workload.name,
        round=number,
        peer=performer.name,
        units=pressure.units,
        per_s=pressure.units / pressure.seconds,
        failures=pressure.failures,
        cpu_us=(after[0] - before[0]) / units * 1e6 if proxied else None,
        worker_cpu_us=(after[1] - before[1]) / units * 1e6 if proxied else None,
        p50_us=pressure.p50_us,
        p99_us=pressure.p99_us,
        alone=pressure.alone,
        second_share=None if split is None else split.second_share,
        sticky=None if split is None else split.sticky,
    )


def _spent_s(performer: Performer) -> tuple[float, float]:
    """Give the CPU time of all processes so far, and that of the data path."""
    workers = set(performer.worker_pids())
    spent = {pid: cpu_s([pid]) for pid in performer.pids()}
    return sum(spent.values()), sum(spent[pid] for pid in workers & spent.keys())


def spread(values: Sequence[float | None]) -> Spread | None:
    """Give median, least and most of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(statistics.median(known), min(known), max(known))


def ratios(runs: Sequence[Run], peer: str, yardstick: str = YARDSTICK) -> Spread | None:
    """Compare a peer's CPU with the yardstick's of the same round, then spread.

    Within a round the noise of a shared machine is alike for both; between rounds
    it is not.
    """
    measure = {run.round: run.cpu_us for run in runs if run.peer == yardstick}
    own = {run.round: run.cpu_us for run in runs if run.peer == peer}
    pairs = [(own[number], measure.get(number)) for number in own]
    return spread([mine / theirs for mine, theirs in pairs if mine and theirs])
