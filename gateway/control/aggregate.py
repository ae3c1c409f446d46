"""What all workers saw, added up.

Workers send running totals, so the newest frame of each process says everything. The
last frame of a dead one is folded into a single sum, so that memory does not grow
with restarts.
"""

from collections.abc import Collection

import msgspec

from gateway.analysis.histogram import Histogram
from gateway.handoff.observations import Counted, Observations, Series
from gateway.telemetry.traffic import Traffic, VersionTraffic


class _Process(msgspec.Struct):
    """One worker process: its newest frame, and whether it is linked."""

    newest: Observations
    linked: bool = True


class Aggregate:
    """The newest totals of every worker process, living and dead."""

    def __init__(self) -> None:
        self._processes: dict[tuple[int, int], _Process] = {}
        self._gone = Traffic()

    def welcome(self, worker: int, pid: int) -> None:
        """Note that a process is linked; its dead predecessors are folded."""
        if (process := self._processes.get((worker, pid))) is not None:
            process.linked = True
        for number, other in list(self._processes):
            if number == worker and other != pid:
                self._fold(number, other)

    def lost(self, worker: int, pid: int) -> None:
        """Note that a process is not linked: its totals stay, its gauges do not."""
        if (process := self._processes.get((worker, pid))) is not None:
            process.linked = False

    def take(self, frame: Observations) -> None:
        """Keep *frame*, unless a newer one of this process is here already."""
        key = (frame.worker, frame.pid)
        known = self._processes.get(key)
        if known is None:
            self._processes[key] = _Process(newest=frame)
        elif frame.sequence > known.newest.sequence:
            known.newest = frame

    def forget_all_but(self, versions: Collection[tuple[str, str]]) -> None:
        """Drop what dead workers counted for versions that are not served any more."""
        for key in [key for key in self._gone.versions if key not in versions]:
            del self._gone.versions[key]

    def traffic(self) -> Traffic:
        """Add everything up."""
        total = Traffic()
        _add(total, self._gone)
        for process in self._processes.values():
            _add(total, _read(process.newest, linked=process.linked))
        return total

    def counted(self) -> Counted:
        """Give everything a successor needs to go on counting from here."""
        return Counted(
            series=[_series(*key, seen) for key, seen in self._gone.versions.items()],
            refused=dict(self._gone.refused),
            frames=[process.newest for process in self._processes.values()],
        )

    def go_on_from(self, counted: Counted) -> None:
        """Take what a predecessor left; none of its workers is linked yet."""
        for series in counted.series:
            gone = {(series.service, series.version): _version(series)}
            _add(self._gone, Traffic(versions=gone))
        self._gone.refused.update(counted.refused)
        for frame in counted.frames:
            process = _Process(newest=frame, linked=False)
            self._processes[frame.worker, frame.pid] = process

    def _fold(self, worker: int, pid: int) -> None:
        process = self._processes[worker, pid]
        if not process.linked:
            _add(self._gone, _read(process.newest, linked=False))
            del self._processes[worker, pid]


def _read(frame: Observations, *, linked: bool) -> Traffic:
    traffic = Traffic()
    for series in frame.series:
        version = _version(series)
        if linked:
            version.in_flight = series.in_flight
            version.active = series.connections_active
            version.idle = series.connections_idle
            version.pending = series.pending
        traffic.versions[series.service, series.version] = version
    traffic.refused.update(frame.refused)
    if linked:
        traffic.downstream[frame.worker] = frame.downstream_connections
    return traffic


def _version(series: Series) -> VersionTraffic:
    version = VersionTraffic(
        duration=Histogram(series.duration, series.duration_sum),
        first_byte=Histogram(series.first_byte, series.first_byte_sum),
    )
    version.outcomes.update(series.outcomes)
    version.codes.update(series.codes)
    version.failures.update(series.failures)
    return version


def _series(service: str, version: str, seen: VersionTraffic) -> Series:
    return Series(
        service=service,
        version=version,
        outcomes=dict(seen.outcomes),
        codes=dict(seen.codes),
        failures=dict(seen.failures),
        duration=seen.duration.counts,
        duration_sum=seen.duration.total,
        first_byte=seen.first_byte.counts,
        first_byte_sum=seen.first_byte.total,
    )


def _add(total: Traffic, part: Traffic) -> None:
    for key, version in part.versions.items():
        _add_version(total.versions.setdefault(key, VersionTraffic()), version)
    total.refused.update(part.refused)
    for worker, connections in part.downstream.items():
        total.downstream[worker] = total.downstream.get(worker, 0) + connections


def _add_version(total: VersionTraffic, part: VersionTraffic) -> None:
    total.outcomes.update(part.outcomes)
    total.codes.update(part.codes)
    total.failures.update(part.failures)
    total.duration.merge(part.duration)
    total.first_byte.merge(part.first_byte)
    total.in_flight += part.in_flight
    total.active += part.active
    total.idle += part.idle
    total.pending += part.pending
