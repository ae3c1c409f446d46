"""Writes what was measured: JSON for machines, a chart and a table for people."""

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from loadtest.chart import Bar, draw
from loadtest.run import Run, Spread, ratios, spread
from loadtest.workloads.workload import Workload

_MICRO = "\N{MICRO SIGN}"
_TIMES = "\N{MULTIPLICATION SIGN}"


def write_results(
    folder: Path,
    readme: Path | None,
    workloads: Sequence[Workload],
    runs: Sequence[Run],
    skipped: Mapping[str, str],
) -> None:
    """Write `compare.json`, a chart for each workload, and print the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = []
    for workload in workloads:
        own = [run for run in runs if run.workload == workload.name]
        if own:
            (folder / f"{workload.name}.svg").write_text(_chart(workload, own))
            tables.append(_table(workload, own))
    record = {
        "machine": machine(),
        "runs": [asdict(run) for run in runs],
        "summary": [_summary(workload, runs) for workload in workloads],
        "skipped": dict(skipped),
    }
    (folder / "compare.json").write_text(json.dumps(record, indent=1) + "\n")
    text = "\n".join([*tables, _footnote(skipped)])
    print(text)
    if readme is not None:
        rewrite(readme, text)


def machine() -> dict[str, object]:
    """Describe where and when; figures of two machines do not compare."""
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
    }


def peers_of(runs: Sequence[Run]) -> list[str]:
    """Name the peers of some runs, cheapest first."""
    names = {run.peer: [r.cpu_us for r in runs if r.peer == run.peer] for run in runs}
    cost = {name: spread(values) for name, values in names.items()}
    return sorted(names, key=lambda name: found.median if (found := cost[name]) else 0)


def _summary(workload: Workload, runs: Sequence[Run]) -> dict[str, object]:
    own = [run for run in runs if run.workload == workload.name]
    peers = {}
    for name in peers_of(own):
        of_peer = [run for run in own if run.peer == name]
        peers[name] = {
            "cpu_us": _as_dict(spread([run.cpu_us for run in of_peer])),
            "worker_cpu_us": _as_dict(spread([run.worker_cpu_us for run in of_peer])),
            "times_nginx": _as_dict(ratios(own, name)),
            "per_s": _as_dict(spread([run.per_s for run in of_peer])),
            "p50_us": _as_dict(spread([run.p50_us for run in of_peer])),
            "p99_us": _as_dict(spread([run.p99_us for run in of_peer])),
            "alone": _as_dict(spread([run.alone for run in of_peer])),
            "failures": sum(run.failures for run in of_peer),
        }
    return {"workload": workload.name, "unit": workload.unit, "peers": peers}


def _as_dict(found: Spread | None) -> dict[str, float] | None:
    return None if found is None else asdict(found)


def _chart(workload: Workload, runs: Sequence[Run]) -> str:
    bars = []
    for name in peers_of(runs):
        cost = spread([run.cpu_us for run in runs if run.peer == name])
        ratio = ratios(runs, name)
        note = "" if ratio is None else f"{ratio.median:.2f} x nginx"
        if cost is not None:
            bars.append(Bar(name, cost, note, ours=name.startswith("sluicegate")))
    rounds = max(run.round for run in runs)
    measure = f"CPU us per {workload.unit}; median, min and max; rounds: {rounds}"
    return draw(workload.title, measure, bars)


def _table(workload: Workload, runs: Sequence[Run]) -> str:
    lines = [
        f"### {workload.title}",
        "",
        f"| proxy | CPU {_MICRO}s / {workload.unit} (min to max) | {_TIMES} nginx | worker alone |"
        f" {workload.unit}s/s | p50 / p99 {_MICRO}s | one event a read | failures |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(name, runs) for name in peers_of(runs)]
    return "\n".join([*lines, ""])


def _row(name: str, all_runs: Sequence[Run]) -> str:
    runs = [run for run in all_runs if run.peer == name]
    cost = spread([run.cpu_us for run in runs])
    cells = [
        name,
        ""
        if cost is None
        else f"{cost.median:.1f} ({cost.least:.1f} to {cost.most:.1f})",
        _median(ratios(all_runs, name), 2),
        _median(spread([run.worker_cpu_us for run in runs]), 1),
        _median(spread([run.per_s for run in runs]), 0),
        _median(spread([run.p50_us for run in runs]), 0)
        + " / "
        + _median(spread([run.p99_us for run in runs]), 0),
        _percent(spread([run.alone for run in runs])),
        str(sum(run.failures for run in runs)),
    ]
    return f"| {' | '.join(cells)} |"


def _median(found: Spread | None, digits: int) -> str:
    return "" if found is None else f"{found.median:,.{digits}f}"


def _percent(found: Spread | None) -> str:
    return "" if found is None else f"{found.median:.1%}"


def _footnote(skipped: Mapping[str, str]) -> str:
    where = ", ".join(f"{name} {value}" for name, value in machine().items())
    absent = ", ".join(skipped) or "none"
    return f"Measured on: {where}. Skipped: {absent}.\n"


def rewrite(readme: Path, text: str, mark: str = "results") -> None:
    """Put `text` between the two marks; raise ValueError when they are missing."""
    opening, closing = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, start, rest = readme.read_text().partition(opening)
    _, end, after = rest.partition(closing)
    if not (start and end):
        message = f"{readme.name} lacks {opening} ... {closing}. Put the marks back."
        raise ValueError(message)
    readme.write_text(f"{before}{opening}\n{text}\n{closing}{after}")
