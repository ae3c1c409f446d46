"""Who takes a healthy version back, and how late a bad one is taken back, by judge.

    python -m loadtest.detection [--traces 1000] [--write-readme]

Nothing is served and nothing is timed: traces are drawn by seeded dice, second by second,
and each judge sees the same ones.
"""

import argparse
from pathlib import Path
from typing import Final

from loadtest.detection.findings import write
from loadtest.detection.traffic import EQUAL, WORSE
from loadtest.detection.watching import watch_all

_FOLDER: Final = Path(__file__).parents[1]


def main() -> None:
    """Read the options, watch, write."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--traces", type=int, default=1_000, help="of each scenario")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--results", type=Path, default=_FOLDER / "results")
    options.add_argument("--write-readme", action="store_true")
    chosen = options.parse_args()
    seeds = range(chosen.seed, chosen.seed + chosen.traces)
    write(
        chosen.results,
        _FOLDER / "README.md" if chosen.write_readme else None,
        {scenario.name: watch_all(scenario, seeds) for scenario in EQUAL},
        {scenario.name: watch_all(scenario, seeds) for scenario in WORSE},
    )


if __name__ == "__main__":
    main()
