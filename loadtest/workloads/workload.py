"""Socket: a workload has upstreams of its own and presses on one port."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Amount:
    """How much one run does; both bounds hold for every peer alike."""

    seconds: int  # of a run of short requests
    streams: int  # of a run of event streams, in all
    wrk: str  # path of the program


@dataclass(frozen=True, slots=True)
class Pressure:
    """What one run did, as the clients saw it."""

    units: int  # requests or events: what CPU time is divided by
    seconds: float
    failures: int
    p50_us: float | None  # None where nothing was received
    p99_us: float | None
    alone: float | None = None  # share of events that a read brought one by one


class Workload(Protocol):
    """One way to press on a proxy."""

    @property
    def name(self) -> str:
        """One letter or two."""

    @property
    def unit(self) -> str:
        """What CPU time is divided by, in the singular."""

    @property
    def title(self) -> str:
        """One line for the chart."""

    def upstreams(
        self, folder: Path, core: int
    ) -> AbstractContextManager[tuple[int, int]]:
        """Run v1 and v2 on a core; give their ports."""

    def warm_up(self, port: int) -> None:
        """Press a little, so that pools are filled and code is loaded."""

    def press(self, port: int) -> Pressure:
        """Do one run."""
