"""CPU per request and per event, ours beside other proxies: workloads J, J2 and S.

    python -m loadtest.compare --workload all --rounds 3 --write-readme

Runs are interleaved (A B C, A B C, ...): what the machine does elsewhere hits all
peers alike. README.md says what the figures mean.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from loadtest.peers import PEERS
from loadtest.processes import StartError, find_program
from loadtest.report import write_results
from loadtest.run import DIRECT, Run, run_once
from loadtest.stage import Cores, add_stage_options, choose_peers, cores_asked
from loadtest.workloads import workloads
from loadtest.workloads.workload import Amount, Workload

_RESULTS = Path(__file__).with_name("results")
_README = Path(__file__).with_name("README.md")
_MOST_ROUNDS = 20
_MOST_SECONDS = 60
_MOST_STREAMS = 20_000


class Comparison:
    """Runs all peers in turn and remembers who could not take part."""

    def __init__(self, programs: Mapping[str, str], cores: Cores) -> None:
        self.runs: list[Run] = []
        self.skipped: dict[str, str] = {}
        self._programs = programs
        self._cores = cores

    def play_round(self, workload: Workload, number: int) -> None:
        """Run each peer once, and the upstream without a proxy first."""
        for name in (DIRECT, *self._programs):
            if name not in self.skipped:
                self._play(workload, name, number)

    def _play(self, workload: Workload, name: str, number: int) -> None:
        peer, program = PEERS.get(name), self._programs.get(name, "")
        try:
            run = run_once(workload, peer, program, self._cores, number)
        except (StartError, OSError) as why:
            self.skipped[name] = f"{workload.name} round {number}: {why}"
            print(f"{workload.name} round {number} {name:<22} skipped: {why}")
            return
        self.runs.append(run)
        print(_line(run), flush=True)


def _line(run: Run) -> str:
    cpu = "      -" if run.cpu_us is None else f"{run.cpu_us:7.1f}"
    worker = "      -" if run.worker_cpu_us is None else f"{run.worker_cpu_us:7.1f}"
    return (
        f"{run.workload} round {run.round} {run.peer:<22} cpu {cpu} us"
        f" (worker {worker})  {run.per_s:8.0f}/s  p50 {run.p50_us or 0:7.0f} us"
        f"  p99 {run.p99_us or 0:7.0f} us  failures {run.failures}"
        + ("" if run.sticky is not False else "  NOT STICKY")
    )


def _read_command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default="all", help=",".join(PEERS))
    parser.add_argument("--workload", default="all", choices=["J", "J2", "S", "all"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of a run of J or J2")
    parser.add_argument("--requests", type=int, default=400, help="streams, run of S")
    parser.add_argument("--results", type=Path, default=_RESULTS, metavar="FOLDER")
    parser.add_argument("--write-readme", action="store_true")
    add_stage_options(parser)
    asked = parser.parse_args()
    asked.rounds = min(asked.rounds, _MOST_ROUNDS)
    asked.seconds = min(asked.seconds, _MOST_SECONDS)
    asked.requests = min(asked.requests, _MOST_STREAMS)
    return asked


def main() -> None:
    """Read the command line, run, write the results."""
    asked = _read_command_line()
    wrk = find_program("wrk", None, "LOADTEST_WRK")
    if wrk is None and asked.workload != "S":
        sys.exit("wrk is not installed. Install the Debian package wrk, or use S.")
    programs, missing = choose_peers(asked)
    comparison = Comparison(programs, cores_asked(asked))
    amount = Amount(asked.seconds, asked.requests, wrk or "")
    chosen = {
        name: workload
        for name, workload in workloads(amount).items()
        if asked.workload in {name, "all"}
    }
    for number in range(1, asked.rounds + 1):
        for workload in chosen.values():
            comparison.play_round(workload, number)
    readme = _README if asked.write_readme else None
    skipped = missing | comparison.skipped
    write_results(
        asked.results, readme, list(chosen.values()), comparison.runs, skipped
    )


if __name__ == "__main__":
    main()
