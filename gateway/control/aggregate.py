"""What all workers saw, added up.

Workers send running totals, so the newest frame of each process says everything. The
last frame of a dead one is folded into a single sum, so that memory does not grow
with restarts.
"""

from collections import Counter
from collections.abc import Collection

import msgspec

from gateway.handoff.observations import Counted, Observations, Series, Spread
from gateway.telemetry.traffic import SignalSums, Traffic, VersionTraffic


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
            if frame.slices is None:
                frame.slices = known.newest.slices
            known.newest = frame

    def forget_all_but(self, versions: Collection[tuple[str, str]]) -> None:
        """Drop what dead workers counted for versions that are not served any more."""
        for known in (self._gone.versions, self._gone.slices):
            for key in known.keys() - set(versions):
                del known[key]

    def drop(self, what: str, number: int) -> None:
        """Count what this process itself had no room for, or could not hand on."""
        self._gone.dropped[what] += number

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
            series=[
                *(_series(*key, seen) for key, seen in self._gone.versions.items()),
                *(
                    _series(*key, seen, place)
                    for key, slices in self._gone.slices.items()
                    for place, seen in slices.items()
                ),
            ],
            refused=dict(self._gone.refused),
            dropped=dict(self._gone.dropped),
            frames=[process.newest for process in self._processes.values()],
        )

    def go_on_from(self, counted: Counted) -> None:
        """Take what a predecessor left; none of its workers is linked yet."""
        for series in counted.series:
            _take(self._gone, series, _version(series))
        self._gone.refused.update(counted.refused)
        self._gone.dropped.update(counted.dropped)
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
    for series in (*frame.series, *(frame.slices or ())):
        version = _version(series)
        if linked:
            version.in_flight = series.in_flight
            version.active = series.connections_active
            version.idle = series.connections_idle
            version.pending = series.pending
        _take(traffic, series, version)
    traffic.refused.update(frame.refused)
    traffic.dropped.update(frame.dropped)
    if linked:
        traffic.downstream[frame.worker] = frame.downstream_connections
    return traffic


def _take(traffic: Traffic, series: Series, seen: VersionTraffic) -> None:
    """Add what a series says where it belongs."""
    key = (series.service, series.version)
    if series.slice is None:
        traffic.versions.setdefault(key, VersionTraffic()).add(seen)
    else:
        slices = traffic.slices.setdefault(key, {})
        slices.setdefault(series.slice, VersionTraffic()).add(seen)


def _version(series: Series) -> VersionTraffic:
    return VersionTraffic(
        outcomes=Counter(series.outcomes),
        codes=Counter(series.codes),
        failures=Counter(series.failures),
        duration=series.duration.read(),
        first_byte=series.first_byte.read(),
        first_content=series.first_content.read(),
        per_token=series.per_token.read(),
        tokens=Counter(series.tokens),
        cost=series.cost,
        priced=series.priced,
        signals={name: SignalSums(*sums) for name, sums in series.signals.items()},
        skipped=Counter(series.skipped),
        late=series.late,
    )


def _series(
    service: str,
    version: str,
    seen: VersionTraffic,
    place: tuple[str, str] | None = None,
) -> Series:
    return Series(
        service=service,
        version=version,
        slice=place,
        outcomes=dict(seen.outcomes),
        codes=dict(seen.codes),
        failures=dict(seen.failures),
        duration=Spread.of(seen.duration),
        first_byte=Spread.of(seen.first_byte),
        first_content=Spread.of(seen.first_content),
        per_token=Spread.of(seen.per_token),
        tokens=dict(seen.tokens),
        cost=seen.cost,
        priced=seen.priced,
        signals={
            name: (sums.count, sums.total, sums.squares)
            for name, sums in seen.signals.items()
        },
        skipped=dict(seen.skipped),
        late=seen.late,
    )


def _add(total: Traffic, part: Traffic) -> None:
    for key, version in part.versions.items():
        total.versions.setdefault(key, VersionTraffic()).add(version)
    for key, slices in part.slices.items():
        mine = total.slices.setdefault(key, {})
        for place, seen in slices.items():
            mine.setdefault(place, VersionTraffic()).add(seen)
    total.refused.update(part.refused)
    total.dropped.update(part.dropped)
    for worker, connections in part.downstream.items():
        total.downstream[worker] = total.downstream.get(worker, 0) + connections
