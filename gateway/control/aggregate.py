"""What all workers saw, added up.

Workers send running totals, so the newest frame of each process says everything, and
the newest that tells of a slice says everything of that slice. The last frame of a dead one is folded into a single sum, so that memory does not grow
with restarts. Slices may be many: nothing but a look at them reads or adds them up.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

import msgspec

from gateway.answers.segments import Place
from gateway.control.endpoints import together
from gateway.handoff.observations import Counted, Observations, Series, Spread
from gateway.telemetry.endpoints import EndpointSeen
from gateway.telemetry.traffic import SignalSums, Slices, Traffic, VersionTraffic

_Key = TypeVar("_Key")
_Versions = dict[tuple[str, str], Series]
_Sliced = dict[tuple[str, str], dict[Place, Series]]

Places = Mapping[tuple[str, str], Collection[Place]]
"""The slices there are, by (service, version)."""


class _Process(msgspec.Struct):
    """One worker process: its newest frame, its slices, and whether it is linked."""

    newest: Observations
    slices: _Sliced
    linked: bool = True


class Aggregate:
    """The newest totals of every worker process, living and dead."""

    def __init__(self) -> None:
        self._processes: dict[tuple[int, int], _Process] = {}
        self._gone: _Versions = {}
        self._gone_mirrored: _Versions = {}
        self._gone_covered: _Versions = {}
        self._gone_slices: _Sliced = {}
        self._refused: Counter[int] = Counter()
        self._dropped: Counter[str] = Counter()
        self._handshakes: Counter[str] = Counter()
        self._places: Places | None = None

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
        process = self._processes.get(key)
        if process is None:
            self._processes[key] = process = _Process(newest=frame, slices={})
        elif frame.sequence <= process.newest.sequence:
            return
        process.newest = frame
        self._take_slices(process, frame.slices)
        frame.slices = []  # kept by place, and each for longer than this frame

    def forget_all_but(self, places: Places) -> None:
        """Drop what nobody can ask for any more, and take none of it from now on.

        That is what dead workers counted for versions that are not served, and what
        any counted for slices that are not defined, or defined otherwise.

        Args:
            places: The slices of each version that is served.

        """
        for gone in (self._gone, self._gone_mirrored, self._gone_covered):
            for version in gone.keys() - places.keys():
                del gone[version]
        if places == self._places:
            return
        self._places = places
        _prune(self._gone_slices, places)
        for process in self._processes.values():
            _prune(process.slices, places)

    def drop(self, what: str, number: int) -> None:
        """Count what this process itself had no room for, or could not hand on."""
        self._dropped[what] += number

    def traffic(self) -> Traffic:
        """Add everything up but the slices."""
        sums: _Versions = {}
        mirrored: _Versions = {}
        covered: _Versions = {}
        _add_all(sums, self._gone.values())
        _add_all(mirrored, self._gone_mirrored.values())
        _add_all(covered, self._gone_covered.values())
        total = Traffic(
            refused=Counter(self._refused),
            dropped=Counter(self._dropped),
            handshakes=Counter(self._handshakes),
        )
        for process in self._processes.values():
            frame = process.newest
            _add_all(sums, frame.series)
            _add_all(mirrored, frame.mirrored)
            _add_all(covered, frame.covered)
            total.refused.update(frame.refused)
            total.dropped.update(frame.dropped)
            total.handshakes.update(frame.handshakes)
            if process.linked:
                _add_gauges(sums, frame.series)
                _add_gauges(mirrored, frame.mirrored)
                _look_at_guards(total, frame.series)
                linked = total.downstream.get(frame.worker, 0)
                total.downstream[frame.worker] = linked + frame.downstream_connections
        total.versions = {key: _version(series) for key, series in sums.items()}
        total.mirrored = {key: _version(series) for key, series in mirrored.items()}
        total.endpoints = self.endpoints()
        total.covered = {key: _version(series) for key, series in covered.items()}
        return total

    def endpoints(self) -> dict[tuple[str, str], list[EndpointSeen]]:
        """Tell how the endpoints stand, as the workers see them that are linked."""
        linked = (process for process in self._processes.values() if process.linked)
        return together(one for process in linked for one in process.newest.endpoints)

    def slices(self, service: str) -> dict[str, Slices]:
        """Add up the slices of one service, by version."""
        sums: _Sliced = {}
        for sliced in (
            self._gone_slices,
            *(process.slices for process in self._processes.values()),
        ):
            _add_slices(sums, sliced, service)
        return {
            version: {
                (segment, value): _version(series)
                for (segment, value, _code), series in slices.items()
            }
            for (_service, version), slices in sums.items()
        }

    def counted(self) -> Counted:
        """Give everything a successor needs to go on counting from here.

        The slices of linked workers are left out, which tell them again: there may be
        many, and publishing a table waits for this.
        """
        gone = self._gone_slices.values()
        return Counted(
            series=[
                *self._gone.values(),
                *(series for slices in gone for series in slices.values()),
            ],
            mirrored=list(self._gone_mirrored.values()),
            covered=list(self._gone_covered.values()),
            refused=dict(self._refused),
            dropped=dict(self._dropped),
            handshakes=dict(self._handshakes),
            frames=[_written(process) for process in self._processes.values()],
        )

    def go_on_from(self, counted: Counted) -> None:
        """Take what a predecessor left; none of its workers is linked yet."""
        for series in counted.series:
            key = (series.service, series.version)
            if series.slice is None:
                self._gone[key] = series
            else:
                self._gone_slices.setdefault(key, {})[series.slice] = series
        _add_all(self._gone_mirrored, counted.mirrored)
        _add_all(self._gone_covered, counted.covered)
        self._refused.update(counted.refused)
        self._dropped.update(counted.dropped)
        self._handshakes.update(counted.handshakes)
        for frame in counted.frames:
            self.take(frame)
            self.lost(frame.worker, frame.pid)

    def _take_slices(self, process: _Process, told: Iterable[Series]) -> None:
        """Keep what is told of slices that there are, in the place of what was."""
        for series in told:
            key = (series.service, series.version)
            place = series.slice
            known = self._places is None or place in self._places.get(key, ())
            if place is not None and known:
                process.slices.setdefault(key, {})[place] = series

    def _fold(self, worker: int, pid: int) -> None:
        process = self._processes[worker, pid]
        if process.linked:
            return
        frame = process.newest
        _add_all(self._gone, frame.series)
        _add_all(self._gone_mirrored, frame.mirrored)
        _add_all(self._gone_covered, frame.covered)
        for service in {service for service, _version in process.slices}:
            _add_slices(self._gone_slices, process.slices, service)
        self._refused.update(frame.refused)
        self._dropped.update(frame.dropped)
        self._handshakes.update(frame.handshakes)
        del self._processes[worker, pid]


def _written(process: _Process) -> Observations:
    """Give what of a process must be kept for a successor."""
    if process.linked or not process.slices:
        return process.newest
    sliced = process.slices.values()
    slices = [series for slices in sliced for series in slices.values()]
    return msgspec.structs.replace(process.newest, slices=slices)


def _prune(sliced: _Sliced, places: Places) -> None:
    for version in list(sliced):
        slices = sliced[version]
        for place in slices.keys() - frozenset(places.get(version, ())):
            del slices[place]
        if not slices:
            del sliced[version]


def _add_slices(sums: _Sliced, sliced: _Sliced, service: str) -> None:
    for key, slices in sliced.items():
        if key[0] != service:
            continue
        mine = sums.setdefault(key, {})
        for place, series in slices.items():
            if (known := mine.get(place)) is None:
                mine[place] = known = _nothing(series)
            _add(known, series)


def _add_all(sums: _Versions, told: Iterable[Series]) -> None:
    for series in told:
        key = (series.service, series.version)
        if (known := sums.get(key)) is None:
            sums[key] = known = _nothing(series)
        _add(known, series)


def _nothing(like: Series) -> Series:
    return Series(service=like.service, version=like.version, slice=like.slice)


def _add_gauges(sums: _Versions, told: Iterable[Series]) -> None:
    for series in told:
        total = sums[series.service, series.version]
        total.in_flight += series.in_flight
        total.tunnels_open += series.tunnels_open
        total.connections_active += series.connections_active
        total.connections_idle += series.connections_idle
        total.pending += series.pending


def _look_at_guards(total: Traffic, told: Iterable[Series]) -> None:
    """Note which versions a worker diverts, and when it last had an answer of one."""
    for series in told:
        key = (series.service, series.version)
        if series.diverting:
            total.diverting[key] += 1
        age, known = series.answered_age, total.answered_age.get(key)
        if age is not None and (known is None or age < known):
            total.answered_age[key] = age


def _add(total: Series, part: Series) -> None:
    """Add what is counted, as sparse as it came; gauges are not."""
    _add_counts(total.outcomes, part.outcomes)
    _add_counts(total.codes, part.codes)
    _add_counts(total.failures, part.failures)
    _add_counts(total.tokens, part.tokens)
    _add_counts(total.skipped, part.skipped)
    _add_counts(total.pinned, part.pinned)
    _add_counts(total.ejections, part.ejections)
    _add_counts(total.failovers, part.failovers)
    _add_counts(total.uncovered, part.uncovered)
    total.retried += part.retried
    total.diverted += part.diverted
    _add_counts(total.tunnels_ended, part.tunnels_ended)
    _add_counts(total.tunnel_bytes, part.tunnel_bytes)
    _add_spread(total.duration, part.duration)
    _add_spread(total.first_byte, part.first_byte)
    _add_spread(total.first_content, part.first_content)
    _add_spread(total.per_token, part.per_token)
    total.cost += part.cost
    total.priced += part.priced
    total.late += part.late
    for name, (count, values, squares) in part.signals.items():
        mine = total.signals.get(name, (0, 0.0, 0.0))
        total.signals[name] = (mine[0] + count, mine[1] + values, mine[2] + squares)


def _add_spread(total: Spread, part: Spread) -> None:
    _add_counts(total.counts, part.counts)
    total.total += part.total


def _add_counts(mine: dict[_Key, int], its: Mapping[_Key, int]) -> None:
    if not mine:
        mine.update(its)
        return
    for key, number in its.items():
        mine[key] = mine.get(key, 0) + number


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
        pinned=Counter(series.pinned),
        ejections=Counter(series.ejections),
        failovers=Counter(series.failovers),
        uncovered=Counter(series.uncovered),
        retried=series.retried,
        diverted=series.diverted,
        tunnels_open=series.tunnels_open,
        tunnels_ended=Counter(series.tunnels_ended),
        tunnel_bytes=Counter(series.tunnel_bytes),
        late=series.late,
        in_flight=series.in_flight,
        active=series.connections_active,
        idle=series.connections_idle,
        pending=series.pending,
    )
