"""Workload S: 50 concurrent streams of 101 events, 5 ms apart, timed event by event."""

import json
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from loadtest.processes import run_to_end
from loadtest.stage import model_servers
from loadtest.workloads.workload import Amount, Pressure

_STREAMS = 50
_WISH = "events=100,interval=0.005,stamp"  # and [DONE], which is an event too
_DEADLINE_S = 120


@dataclass(frozen=True, slots=True)
class EventStreams:
    """Server-sent events; the load generator is a process of its own."""

    amount: Amount
    name: str = "S"
    unit: str = "event"
    title: str = "S: 50 streams of 101 server-sent events, 5 ms apart"

    def upstreams(
        self, folder: Path, core: int
    ) -> AbstractContextManager[tuple[int, int]]:
        """Run two model servers."""
        return model_servers(folder, _WISH, core)

    def warm_up(self, port: int) -> None:
        """Run each stream once."""
        _run(port, 1)

    def press(self, port: int) -> Pressure:
        """Run as many streams as were asked for, 50 at a time."""
        seen = _run(port, max(1, self.amount.streams // _STREAMS))
        events = int(seen["events"] or 0)
        return Pressure(
            units=events,
            seconds=float(seen["duration_s"] or 0),
            failures=int(seen["broken"] or 0),
            p50_us=seen["p50_us"],
            p99_us=seen["p99_us"],
            alone=(seen["alone"] or 0) / events if events else None,
        )


def _run(port: int, rounds: int) -> dict[str, float | None]:
    command = [sys.executable, "-m", "loadtest.load.event_streams"]
    command += ["--port", str(port), "--wish", _WISH, "--streams", str(_STREAMS)]
    command += ["--rounds", str(rounds), "--deadline", str(_DEADLINE_S)]
    figures: dict[str, float | None] = json.loads(run_to_end(command, _DEADLINE_S + 10))
    return figures
