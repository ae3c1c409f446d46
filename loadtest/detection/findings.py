"""Writes what the judges did: JSON for machines, a chart and a table for people."""

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loadtest.chart import Bar, draw
from loadtest.detection.judges import JUDGES
from loadtest.detection.watching import Record
from loadtest.report import machine, rewrite
from loadtest.run import Spread

OURS: Final = "sluicegate"
CHARTED: Final = "errors 1 \N{RIGHTWARDS ARROW} 5 %, at 5 %"
_LATE: Final = 0.95
_EARLY: Final = 0.05
_SMALL: Final = 0.1
_EN_DASH: Final = "\N{EN DASH}"

Records = Mapping[str, Mapping[str, Record]]


def write(folder: Path, readme: Path | None, equal: Records, worse: Records) -> None:
    """Write `detection.json` and `detection.svg`; print the tables, and put them in place.

    Args:
        folder: For the two files.
        readme: Whose part between the marks is written anew; None: of none.
        equal: By scenario and judge, of versions that are alike.
        worse: The same, of candidates that are worse.

    """
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "machine": machine(),
        "equal": {
            name: _as_numbers(found, equal=True) for name, found in equal.items()
        },
        "worse": {
            name: _as_numbers(found, equal=False) for name, found in worse.items()
        },
    }
    (folder / "detection.json").write_text(json.dumps(record, indent=1) + "\n")
    if CHARTED in worse:
        (folder / "detection.svg").write_text(_chart(equal, worse[CHARTED]))
    text = "\n".join([*_table(equal, worse), ""])
    print(text)
    if readme is not None:
        rewrite(readme, text, mark="detection")


def quantile(values: list[int], share: float) -> int:
    """Give a sample quantile of some values, of which there is one at least."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _as_numbers(found: Mapping[str, Record], *, equal: bool) -> dict[str, object]:
    return {
        judge: {
            "traces": record.traces,
            "false": (len(record.caught) if equal else record.early) / record.traces,
        }
        | ({} if equal else _how_late(record))
        for judge, record in found.items()
    }


def _how_late(record: Record) -> dict[str, object]:
    healthy = record.traces - record.early
    if not record.caught:
        return {"caught": 0.0 if healthy else None}
    return {
        "caught": len(record.caught) / healthy,
        "median": statistics.median(record.caught),
        "p95": quantile(record.caught, _LATE),
    }


def _table(equal: Records, worse: Records) -> list[str]:
    lines = [
        f"| traffic | {' | '.join(JUDGES)} |",
        "|---" * (len(JUDGES) + 1) + "|",
    ]
    for name, found in equal.items():
        cells = [
            _percent(len(record.caught), record.traces) for record in found.values()
        ]
        lines.append(f"| {name}: false rollbacks | {' | '.join(cells)} |")
    for name, found in worse.items():
        cells = [_delay(record) for record in found.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _delay(record: Record) -> str:
    """Give median / p95, what was missed, and what was taken back before the fault."""
    healthy = record.traces - record.early
    early = f"{_percent(record.early, record.traces)} before the fault"
    if not healthy:
        return early
    told = [early] if record.early else []
    if record.caught:
        late = quantile(record.caught, _LATE)
        told.insert(0, f"{statistics.median(record.caught):,.0f} / {late:,}")
    if missed := healthy - len(record.caught):
        told.append(f"{_percent(missed, healthy)} missed")
    return "; ".join(told)


def _percent(part: int, whole: int) -> str:
    share = part / whole
    return f"{share:.1%}" if 0 < share < _SMALL else f"{share:.0%}"


def _chart(equal: Records, worse: Mapping[str, Record]) -> str:
    bars = []
    for judge, record in worse.items():
        if not record.caught:
            continue
        spread = Spread(
            statistics.median(record.caught),
            quantile(record.caught, _EARLY),
            quantile(record.caught, _LATE),
        )
        shares = [
            100 * len(found[judge].caught) / found[judge].traces
            for found in equal.values()
        ]
        least, most = min(shares), max(shares)
        false = f"false: {least:.3g}{_EN_DASH}{most:.3g} %" if shares else ""
        bars.append(Bar(judge, spread, false, ours=judge == OURS))
    title = f"A candidate that is worse ({CHARTED})"
    measure = (
        "Candidate requests until rollback, median and 5 to 95 %; "
        "false: rollbacks of equal versions, by traffic"
    )
    return draw(title, measure, bars)
