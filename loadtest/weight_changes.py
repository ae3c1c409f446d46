"""What the gateway drops while its weights change, or when a part of it dies.

    python -m loadtest.weight_changes                  # 200 changes under full load
    python -m loadtest.weight_changes --kill worker    # kill -9, then count

README.md says how each figure is made.
"""

import argparse
import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from loadtest.dice import shares
from loadtest.load.admin_client import AdminClient, AdminError
from loadtest.load.traffic import End, Exchange, Traffic, ends
from loadtest.peers import PEERS
from loadtest.peers.sluicegate import CONTROLLER_MARK, WORKER_MARK
from loadtest.processes import those_marked
from loadtest.report import machine
from loadtest.stage import (
    Performer,
    add_stage_options,
    cores_asked,
    model_servers,
    on_stage,
    program_of,
)

_RESULTS = Path(__file__).with_name("results")
_MARKS = {"worker": WORKER_MARK, "controller": CONTROLLER_MARK}
_IN_FORCE_S = 0.05  # promised: on every worker so long after the answer
_ALL = 100.0
_POLL_S = 0.01
_WARM_UP_S = 2.0
_MOST_CHANGES = 2000
_MOST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Change:
    """One weight change; times of the monotonic clock, in seconds."""

    asked: float
    answered: float
    percent: float  # of v2


def _next_percent(dice: Callable[[], float]) -> float:
    """Draw none, all, or something between; the first two can be checked exactly."""
    drawn = dice()
    if drawn < 1 / 3:
        return 0.0
    return _ALL if drawn < 2 / 3 else round(dice() * _ALL, 1)


async def _change_weights(
    performer: Performer, asked: argparse.Namespace
) -> dict[str, object]:
    admin, dice = AdminClient(performer.admin), shares(asked.seed)
    traffic = Traffic(performer.port, posts=asked.posts, streams=asked.streams)
    changes: list[Change] = []
    refused = 0
    async with asyncio.TaskGroup() as tasks:
        traffic.start(tasks)
        await asyncio.sleep(_WARM_UP_S)
        for _ in range(asked.changes):
            begun, percent = time.monotonic(), _next_percent(dice)
            try:
                await admin.set_weight("v2", percent)
            except AdminError as why:
                refused += 1
                print(why)
                continue
            changes.append(Change(begun, time.monotonic(), percent))
            await asyncio.sleep(asked.every)
        traffic.stop()
    return {"refused_changes": refused} | _judge(changes, traffic.exchanges)


def _judge(
    changes: Sequence[Change], exchanges: Sequence[Exchange]
) -> dict[str, object]:
    late = [_lateness_s(*pair, exchanges) for pair in _decided(changes)]
    answers = sorted(change.answered - change.asked for change in changes) or [0.0]
    return {
        "changes": len(changes),
        "change_answered_p50_ms": answers[len(answers) // 2] * 1e3,
        "change_answered_worst_ms": answers[-1] * 1e3,
        "decided_changes": len(late),
        "in_force_worst_ms": max(late, default=0.0) * 1e3,
        "in_force_late": sum(each > _IN_FORCE_S for each in late),
        "posts": ends(exchanges, streamed=False),
        "streams": ends(exchanges, streamed=True),
    }


def _decided(changes: Sequence[Change]) -> list[tuple[Change, float]]:
    """Pair each change to none or all with the time at which the next was asked for."""
    nexts = [change.asked for change in changes[1:]]
    pairs = zip(changes, nexts, strict=False)
    return [(change, end) for change, end in pairs if change.percent in {0.0, _ALL}]


def _lateness_s(change: Change, end: float, exchanges: Sequence[Exchange]) -> float:
    """How long after the answer a request still began that met the old weights."""
    wrong = "v1" if change.percent else "v2"
    late = [
        each.begun - change.answered
        for each in exchanges
        if change.answered <= each.begun < end and each.version == wrong
    ]
    return max(late, default=0.0)


async def _kill_and_watch(
    performer: Performer, asked: argparse.Namespace
) -> dict[str, object]:
    admin, mark = AdminClient(performer.admin), _MARKS[asked.kill]
    traffic = Traffic(performer.port, posts=asked.posts, streams=asked.streams)
    async with asyncio.TaskGroup() as tasks:
        traffic.start(tasks)
        await asyncio.sleep(_WARM_UP_S)
        victims = those_marked(performer.pids(), mark)
        killed = time.monotonic()
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        admin_back_s = await _until_alive(admin, killed, asked.seconds)
        await asyncio.sleep(max(0.0, killed + asked.seconds - time.monotonic()))
        traffic.stop()
    heirs = [pid for pid in those_marked(performer.pids(), mark) if pid not in victims]
    seen = [each for each in traffic.exchanges if each.ended >= killed]
    under_way = [each for each in seen if each.begun < killed]
    later = [each for each in seen if each.begun >= killed]
    return {
        "killed": asked.kill,
        "victims": len(victims),
        "restarted": len(heirs),
        "service_after_s": _first_success_s(seen, killed),
        "longest_silence_s": _longest_silence_s(seen, killed),
        "admin_after_s": admin_back_s,
        # What was under way dies with a worker; what begins later should not.
        "posts_under_way": ends(under_way, streamed=False),
        "streams_under_way": ends(under_way, streamed=True),
        "posts_begun_later": ends(later, streamed=False),
        "streams_begun_later": ends(later, streamed=True),
    }


async def _until_alive(
    admin: AdminClient, since: float, patience_s: float
) -> float | None:
    while time.monotonic() < since + patience_s:
        if await admin.is_alive():
            return time.monotonic() - since
        await asyncio.sleep(_POLL_S)
    return None


def _first_success_s(seen: Sequence[Exchange], killed: float) -> float | None:
    """When the first short request ended well that began after the kill."""
    good = [each.ended for each in _good_posts(seen) if each.begun >= killed]
    return min(good) - killed if good else None


def _longest_silence_s(seen: Sequence[Exchange], killed: float) -> float:
    """Give the longest time without a good answer to a short request."""
    times = [killed, *sorted(each.ended for each in _good_posts(seen))]
    gaps = (after - before for before, after in pairwise(times))
    return max(gaps, default=0.0)


def _good_posts(seen: Sequence[Exchange]) -> list[Exchange]:
    return [each for each in seen if each.end is End.OK and not each.streamed]


def _read_command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kill", choices=list(_MARKS))
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--every", type=float, default=0.1, help="seconds between")
    parser.add_argument("--seconds", type=float, default=10.0, help="after a kill")
    parser.add_argument("--posts", type=int, default=32, help="clients")
    parser.add_argument("--streams", type=int, default=50, help="clients")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=_RESULTS, metavar="FOLDER")
    add_stage_options(parser)
    asked = parser.parse_args()
    asked.changes = min(asked.changes, _MOST_CHANGES)
    asked.seconds = min(asked.seconds, _MOST_SECONDS)
    asked.every = min(asked.every, 1.0)
    return asked


def main() -> None:
    """Set the stage, run, print and write the figures."""
    asked = _read_command_line()
    cores, peer = cores_asked(asked), PEERS["sluicegate"]
    program = program_of(peer, asked)
    if program is None:
        message = "sluicegate is not installed. Give --sluicegate PATH."
        raise SystemExit(message)
    test = _kill_and_watch if asked.kill else _change_weights
    with (
        TemporaryDirectory(prefix="loadtest-") as name,
        model_servers(Path(name), "", cores.load) as upstreams,
        on_stage(peer, program, upstreams, Path(name), cores.proxy) as performer,
    ):
        figures = uvloop.run(test(performer, asked))
    for title, figure in figures.items():
        print(f"{title:<26} {figure}")
    asked.results.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine(), "seen": figures}, indent=1)
    file = f"kill_{asked.kill}.json" if asked.kill else "weight_changes.json"
    (asked.results / file).write_text(text + "\n")


if __name__ == "__main__":
    main()
