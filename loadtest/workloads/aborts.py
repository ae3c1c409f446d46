"""Workload A: streams whose clients leave in the middle, 50 at the same time."""

import json
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from loadtest.processes import run_to_end
from loadtest.stage import model_servers
from loadtest.workloads.workload import Amount, Pressure

_WISH = "events=100000,interval=0.005"
_A_RUN = 10  # aborted streams for each stream of workload S: they are short
_DEADLINE_S = 120


@dataclass(frozen=True, slots=True)
class Aborts:
    """Connections that end early; not in the registry, for peers differ in when."""

    amount: Amount
    name: str = "A"
    unit: str = "stream"
    title: str = "A: streams that 50 clients at a time leave in the middle"

    def upstreams(
        self, folder: Path, core: int
    ) -> AbstractContextManager[tuple[int, int]]:
        """Run two model servers."""
        return model_servers(folder, _WISH, core)

    def warm_up(self, port: int) -> None:
        """Leave a few."""
        _run(port, 200)

    def press(self, port: int) -> Pressure:
        """Leave ten times as many streams as were asked for."""
        seen = _run(port, self.amount.streams * _A_RUN)
        left, broken = int(seen["left"]), int(seen.get("broken", 0))
        return Pressure(left, seen["duration_s"], broken, None, None)


def _run(port: int, streams: int) -> dict[str, float]:
    command = [sys.executable, "-m", "loadtest.load.aborts", "--port", str(port)]
    command += ["--streams", str(streams), "--deadline", str(_DEADLINE_S)]
    figures: dict[str, float] = json.loads(run_to_end(command, _DEADLINE_S + 10))
    return figures
