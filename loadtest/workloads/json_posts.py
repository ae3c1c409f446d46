"""Workloads J and J2: short JSON posts over 16 keep-alive connections, by wrk."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from loadtest.load.wrk import press
from loadtest.stage import fixed_answers
from loadtest.workloads.workload import Amount, Pressure

_CONNECTIONS = 16
_WARM_UP_S = 1


@dataclass(frozen=True, slots=True)
class JsonPosts:
    """500 bytes of JSON up, `answer_bytes` of JSON down."""

    name: str
    answer_bytes: int
    amount: Amount
    unit: str = "request"

    @property
    def title(self) -> str:
        """One line for the chart."""
        return f"{self.name}: 500-byte JSON POST, {self.answer_bytes}-byte answer"

    def upstreams(
        self, folder: Path, core: int
    ) -> AbstractContextManager[tuple[int, int]]:
        """Run nginx with the fixed answer."""
        return fixed_answers(folder, self.answer_bytes, core)

    def warm_up(self, port: int) -> None:
        """Press for a second."""
        press(self.amount.wrk, port, _WARM_UP_S, _CONNECTIONS)

    def press(self, port: int) -> Pressure:
        """Press as long as was asked for."""
        seen = press(self.amount.wrk, port, self.amount.seconds, _CONNECTIONS)
        failures = seen.bad_status + seen.broken
        return Pressure(
            seen.requests, seen.duration_s, failures, seen.p50_us, seen.p99_us
        )
