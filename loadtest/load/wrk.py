"""Runs wrk with the script of workload J and reads its summary."""

import json
from dataclasses import dataclass
from pathlib import Path

from loadtest.processes import run_to_end

_SCRIPT = Path(__file__).with_name("json_posts.lua")
_MARK = "SUMMARY "
_GRACE_S = 30


@dataclass(frozen=True, slots=True)
class Pressed:
    """What wrk saw. Its latencies are closed-loop: they hide queueing."""

    requests: int
    duration_s: float
    bad_status: int  # answers outside 2xx and 3xx
    broken: int  # connections refused, cut or timed out
    p50_us: float
    p99_us: float


def press(program: str, port: int, seconds: int, connections: int) -> Pressed:
    """Post as fast as `connections` keep-alive connections allow."""
    url = f"http://127.0.0.1:{port}/"
    command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    printed = run_to_end([*command, "-s", str(_SCRIPT), url], seconds + _GRACE_S)
    line = next(line for line in printed.splitlines() if line.startswith(_MARK))
    return Pressed(**json.loads(line.removeprefix(_MARK)))
