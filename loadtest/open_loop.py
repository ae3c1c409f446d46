"""Latency at a fixed rate of arrivals, per proxy and against none (`direct`).

    python -m loadtest.open_loop --rate 1000 --seconds 10 --rounds 3

Arrivals are Poisson and seeded: within a round all peers get the same schedule.
"""

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from loadtest.dice import arrivals
from loadtest.load.arrivals import Latencies, OpenLoop
from loadtest.peers import PEERS
from loadtest.processes import StartError
from loadtest.report import machine
from loadtest.run import DIRECT, spread
from loadtest.stage import (
    Cores,
    Performer,
    add_stage_options,
    choose_peers,
    cores_asked,
    direct,
    fixed_answers,
    on_stage,
)

_RESULTS = Path(__file__).with_name("results")
_ANSWER_BYTES = 350
_WARM_UP_S = 1.0
_MOST_SECONDS = 120.0
_MOST_PER_S = 20_000.0
_MOST_ROUNDS = 20


async def _press(port: int, schedule: Sequence[float], limit_s: float) -> Latencies:
    async with asyncio.timeout(limit_s):
        return await OpenLoop(port, schedule).run()


def _measure(performer: Performer, asked: argparse.Namespace, seed: int) -> Latencies:
    warm_up = list(arrivals(seed, asked.rate, _WARM_UP_S)) or [0.0]
    schedule = list(arrivals(seed, asked.rate, asked.seconds)) or [0.0]
    limit_s = asked.seconds + 60
    uvloop.run(_press(performer.port, warm_up, limit_s))
    return uvloop.run(_press(performer.port, schedule, limit_s))


def _run_once(
    name: str, program: str, cores: Cores, asked: argparse.Namespace, seed: int
) -> Latencies:
    with (
        TemporaryDirectory(prefix="loadtest-") as folder,
        fixed_answers(Path(folder), _ANSWER_BYTES, cores.load) as upstreams,
    ):
        if name == DIRECT:
            return _measure(direct(upstreams), asked, seed)
        peer = PEERS[name]
        with on_stage(peer, program, upstreams, Path(folder), cores.proxy) as performer:
            return _measure(performer, asked, seed)


def _all_rounds(
    programs: Mapping[str, str], cores: Cores, asked: argparse.Namespace
) -> dict[str, list[Latencies]]:
    seen: dict[str, list[Latencies]] = {name: [] for name in (DIRECT, *programs)}
    for number in range(asked.rounds):
        for name in list(seen):
            program = programs.get(name, "")
            try:
                found = _run_once(name, program, cores, asked, asked.seed + number)
            except (StartError, OSError) as why:
                print(f"round {number + 1} {name:<22} skipped: {why}")
                del seen[name]
                continue
            seen[name].append(found)
            print(_line(f"round {number + 1} {name}", found), flush=True)
    return seen


def _line(name: str, found: Latencies) -> str:
    return (
        f"{name:<30} p50 {found.p50_us:8.0f} us  p99 {found.p99_us:8.0f} us  worst "
        f"{found.worst_us:8.0f} us  failed {found.failed}  unanswered "
        f"{found.unanswered}  generator late p99 {found.p99_lateness_us:.0f} us"
    )


def _summary(seen: Mapping[str, list[Latencies]]) -> dict[str, dict[str, object]]:
    """Give the medians of the rounds, and what each peer adds to `direct`."""
    middles = {}
    for name, found in seen.items():
        p50 = spread([each.p50_us for each in found])
        p99 = spread([each.p99_us for each in found])
        if p50 is not None and p99 is not None:
            middles[name] = p50, p99
    bare = middles.get(DIRECT)
    return {
        name: {
            "p50_us": asdict(p50),
            "p99_us": asdict(p99),
            "added_p50_us": p50.median - bare[0].median if bare else None,
            "added_p99_us": p99.median - bare[1].median if bare else None,
        }
        for name, (p50, p99) in middles.items()
    }


def _read_command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default="all", help=",".join(PEERS))
    parser.add_argument("--rate", type=float, default=1000.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=_RESULTS, metavar="FOLDER")
    add_stage_options(parser)
    asked = parser.parse_args()
    asked.rate = min(asked.rate, _MOST_PER_S)
    asked.seconds = min(asked.seconds, _MOST_SECONDS)
    asked.rounds = min(asked.rounds, _MOST_ROUNDS)
    return asked


def main() -> None:
    """Read the command line, run, write the results."""
    asked = _read_command_line()
    programs, missing = choose_peers(asked)
    seen = _all_rounds(programs, cores_asked(asked), asked)
    summary = _summary(seen)
    record = {
        "machine": machine(),
        "rate_per_s": asked.rate,
        "seconds": asked.seconds,
        "runs": {name: [asdict(each) for each in runs] for name, runs in seen.items()},
        "summary": summary,
        "skipped": missing,
    }
    asked.results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1)
    (asked.results / "open_loop.json").write_text(text + "\n")
    for name, found in summary.items():
        added = f"{found['added_p50_us']:.0f} / {found['added_p99_us']:.0f}"
        print(f"{name:<22} added p50 / p99: {added} us")


if __name__ == "__main__":
    main()
